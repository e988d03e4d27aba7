/* running.c - see running.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/running.h"

enum {
    LOOK_BACK = 4096, /* events */
    GUESTS_EVENTS = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) |
                    EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HYPERCALL) | EVENT_CLASS_BIT(EC_DEVICE)
};

/* ---------------------------------------------------------------- guests */

/* Whether the guest's own kernel has a symbol at the address that is executed. */
static bool has_code(const struct running_place *p, unsigned guest)
{
    struct symbol sym;
    return symbols_at_in(p->symbols, symbol_space_of(guest, 0), p->pc, p->icount, &sym);
}

/* As symbols_guest_from(), for guests that have code there. */
static long candidate_from(const struct running_place *p, unsigned from)
{
    long g = symbols_guest_from(p->symbols, from, p->icount);
    while (g >= 0 && !has_code(p, (unsigned)g))
        g = symbols_guest_from(p->symbols, (unsigned)g + 1, p->icount);
    return g;
}

/* The domain that an event of a hypervisor is about, if it runs there then. */
static bool domain_of(const struct event *ev, uint64_t *domain)
{
    static const struct {
        uint16_t kind;
        uint8_t field;
    } kinds[] = {{EV_HYPERCALL, EVF_HYPERCALL_domain},
                 {EV_DOMAIN_EMULATE, EVF_DOMAIN_EMULATE_domain},
                 {EV_DOMAIN_EXCEPTION, EVF_DOMAIN_EXCEPTION_domain},
                 {EV_DOMAIN_START, EVF_DOMAIN_START_domain},
                 {EV_VCPU_SWITCH, EVF_VCPU_SWITCH_domain}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == ev->kind) {
            *domain = event_number(ev, kinds[i].field);
            return true;
        }
    return false;
}

/* Where a guest was found. */
static uint64_t found_at(const struct symbols *s, unsigned guest)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; s && i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (m->space >= 0 && symbol_space_guest(m->space) == guest && m->since < first)
            first = m->since;
    }
    return first;
}

/* Whether the guest was found in that domain: a kernel is found at its domain's first instruction. */
static bool is_in_domain(const struct running_place *p, unsigned guest, uint64_t domain)
{
    struct trace_cursor *c = trace_cursor_open(p->t, EVENT_CLASS_BIT(EC_HYPERCALL));
    uint64_t at = found_at(p->symbols, guest);
    struct event ev;
    bool found = false;
    if (at != UINT64_MAX && !trace_cursor_seek_icount(c, at, NULL))
        while (!found && trace_cursor_next(c, &ev, NULL, NULL) == 1 && ev.icount <= at)
            found = ev.kind == EV_DOMAIN_START && EVF(&ev, DOMAIN_START, domain) == domain;
    trace_cursor_close(c);
    return found;
}

enum { NOT_ASKED = -2, EVENT_CPUS = UINT8_MAX + 1 };

struct running_memory {
    struct trace *t;
    const struct symbols *symbols;
    struct trace_cursor *events; /* NULL: not asked yet */
    struct event next;
    bool any;                /* there is a next event */
    uint64_t at;             /* events before it were seen */
    long active[EVENT_CPUS]; /* by processor: as last_active(), or NOT_ASKED */
    struct home {
        unsigned guest;
        uint64_t domain;
        bool in;
    } * home;
    size_t nhomes;
};

/* is_in_domain(), which is the same at all positions. */
static bool is_home(struct running_memory *m, const struct running_place *p, unsigned guest, uint64_t domain)
{
    if (!m)
        return is_in_domain(p, guest, domain);
    for (size_t i = 0; i < m->nhomes; i++)
        if (m->home[i].guest == guest && m->home[i].domain == domain)
            return m->home[i].in;
    const bool in = is_in_domain(p, guest, domain);
    MEM_MORE(m->home, m->nhomes);
    m->home[m->nhomes++] = (struct home){guest, domain, in};
    return in;
}

/* The guest in a domain; -1 if none is known there. `m` may be NULL. */
static long guest_in(struct running_memory *m, const struct running_place *p, uint64_t domain)
{
    long g = symbols_guest_from(p->symbols, 0, p->icount);
    while (g >= 0 && !is_home(m, p, (unsigned)g, domain))
        g = symbols_guest_from(p->symbols, (unsigned)g + 1, p->icount);
    return g;
}

/* The guest that an event says to be active on its processor; -1 if it says nothing. */
static long says(struct running_memory *m, const struct running_place *p, const struct event *ev)
{
    uint64_t domain;
    if (domain_of(ev, &domain))
        return guest_in(m, p, domain);
    return event_kind(ev->kind)->cls != EC_HYPERCALL ? ev->guest : -1;
}

/* The guest that made the last event on this processor, or in whose domain it was; -1 if there is none. `m` may be NULL. */
static long last_active(struct running_memory *m, const struct running_place *p)
{
    struct trace_cursor *c = trace_cursor_open(p->t, GUESTS_EVENTS);
    struct event ev;
    long found = -1;
    bool there = !trace_cursor_seek_icount(c, p->recorded, NULL);
    for (unsigned n = 0; there && n < LOOK_BACK && found < 0 && trace_cursor_prev(c, &ev, NULL, NULL) == 1;
         n++)
        found = ev.cpu == p->cpu ? says(m, p, &ev) : -1;
    trace_cursor_close(c);
    return found;
}

/* ---------------------------------------------------------------- from one position to the next */

struct running_memory *running_memory_new(struct trace *t, const struct symbols *s)
{
    struct running_memory *m = mem_zero(1, sizeof *m);
    m->t = t;
    m->symbols = s;
    return m;
}

void running_memory_free(struct running_memory *m)
{
    if (!m)
        return;
    trace_cursor_close(m->events);
    free(m->home);
    free(m);
}

static void begin_at(struct running_memory *m, uint64_t icount)
{
    if (!m->events)
        m->events = trace_cursor_open(m->t, GUESTS_EVENTS);
    m->any = !trace_cursor_seek_icount(m->events, icount, NULL) &&
             trace_cursor_next(m->events, &m->next, NULL, NULL) == 1;
    for (unsigned i = 0; i < EVENT_CPUS; i++)
        m->active[i] = NOT_ASKED;
}

static long remembered(struct running_memory *m, const struct running_place *p)
{
    if (!m->events || p->recorded < m->at)
        begin_at(m, p->recorded);
    for (; m->any && m->next.icount < p->recorded;
         m->any = trace_cursor_next(m->events, &m->next, NULL, NULL) == 1) {
        const long g = says(m, p, &m->next);
        if (g >= 0)
            m->active[m->next.cpu] = g;
    }
    m->at = p->recorded;
    long *active = &m->active[p->cpu];
    if (*active == NOT_ASKED)
        *active = last_active(m, p);
    return *active;
}

/* ---------------------------------------------------------------- who runs */

static void decide(const struct running_place *p, const struct process *process, long last, struct running *r)
{
    unsigned guest = last >= 0 ? (unsigned)last : process ? process->guest : 0;
    long other = candidate_from(p, 0);
    if (other >= 0 && !has_code(p, guest))
        guest = (unsigned)other;
    if (other == (long)guest)
        other = candidate_from(p, guest + 1);
    r->ambiguous = other >= 0;
    r->other = r->ambiguous ? (unsigned)other : 0;
    r->space = process && process->guest == guest ? process_space(process) : symbol_space_of(guest, 0);
}

symbol_space running_space(const struct symbols *s, const struct process *process, uint64_t at)
{
    const symbol_space own = process ? process_space(process) : SPACE_KERNEL;
    const long first = symbols_guest_from(s, 0, at);
    const bool has =
        first < 0 || symbols_guest_from(s, symbol_space_guest(own), at) == (long)symbol_space_guest(own);
    return has ? own : symbol_space_of((unsigned)first, 0);
}

static const struct process *begin(const struct running_place *p, struct running *r)
{
    const struct process *process = processes_current(p->processes, p->cpu);
    const long first = symbols_guest_from(p->symbols, 0, p->icount);
    *r = (struct running){.space = running_space(p->symbols, process, p->icount)};
    r->several = first >= 0 && symbols_guest_from(p->symbols, (unsigned)first + 1, p->icount) >= 0;
    return process;
}

void running_at(const struct running_place *p, struct running *r)
{
    const struct process *process = begin(p, r);
    if (r->several)
        decide(p, process, last_active(NULL, p), r);
}

void running_remembered(struct running_memory *m, const struct running_place *p, struct running *r)
{
    assert(p->t == m->t && p->symbols == m->symbols && p->cpu < EVENT_CPUS);
    const struct process *process = begin(p, r);
    if (r->several)
        decide(p, process, remembered(m, p), r);
}

void running_after(const struct running_place *p, long last, struct running *r)
{
    const struct process *process = begin(p, r);
    if (r->several)
        decide(p, process, last, r);
}

int running_text(const struct running *r, char *buf, size_t size)
{
    const unsigned guest = symbol_space_guest(r->space);
    if (r->ambiguous)
        return snprintf(buf, size, "guest %u or %u", guest, r->other);
    if (r->several)
        return snprintf(buf, size, "guest %u", guest);
    if (size)
        *buf = 0;
    return 0;
}

/* ---------------------------------------------------------------- names */

/* "guest1:NAME": true, with the guest's number and the rest. */
static bool take_guest(const char **name, unsigned *guest)
{
    char *end;
    if (strncmp(*name, "guest", 5) || (*name)[5] < '0' || (*name)[5] > '9')
        return false;
    const unsigned long n = strtoul(*name + 5, &end, 10);
    if (*end != ':' || n > INT32_MAX)
        return false;
    *guest = (unsigned)n;
    *name = end + 1;
    return true;
}

int running_find(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                 struct symbol *sym, struct error *err)
{
    unsigned guest;
    long found = -1;
    if (take_guest(&name, &guest))
        return symbols_find_in(s, symbol_space_of(guest, 0), name, at, sym);
    if (symbols_find(s, space, name, at, sym))
        return 1;
    for (long g = symbols_guest_from(s, 0, at); g >= 0; g = symbols_guest_from(s, (unsigned)g + 1, at)) {
        struct symbol other;
        if (!symbols_find_in(s, symbol_space_of((unsigned)g, 0), name, at, &other))
            continue;
        if (found >= 0)
            return error_set(err, "%.100s: guests %ld and %ld have this symbol: write guest%ld:%.100s", name,
                             found, g, found, name);
        found = g;
        *sym = other;
    }
    if (found >= 0)
        return 1;
    struct symbol_search copies = symbols_search(s, space, name, at);
    return !symbol_is_pattern(name) && symbols_search_next(&copies, sym);
}
