/* reprobe.c - see reprobe.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/story/guest.h"
#include "core/story/private/inspector_probe.h"
#include "core/story/reprobe.h"

/* An event that waits for its turn. */
struct waiting {
    struct event ev; /* data is its own */
    size_t number;   /* of the setting */
    uint64_t since;  /* its place is probed since then */
    bool first;      /* it comes before those of guests at the same icount */
    struct waiting *next;
};

/* What the record says of its guests, in order: one is found; or it, or all of them, are gone. The run stops there. */
struct told {
    struct event ev; /* data is its own */
    uint64_t number; /* of the event */
};

struct taken_up {
    struct guest *guest;
    unsigned number;
    uint64_t since;            /* the icount at which it was found */
    const struct event *found; /* from which it is still to be resumed; NULL: it was */
};

/* Events that are shown to a guest (guest_system.retell): to the one that was found last of those that want them. They are many, and
 * matter only where somebody asks who runs, so the run does not stop there. */
struct retold {
    struct guest *guest; /* NULL: there is none */
    struct trace_cursor *cursor;
    struct event next;
    uint64_t number; /* of the event `next`; UINT64_MAX: there are no more */
    struct error err;
    bool failed; /* with err: the trace could not be read */
};

struct reprobe {
    struct reprobe_options o;
    struct probes *probes;
    struct symbols *symbols;
    struct asked *asked;
    struct told *told;
    size_t ntold, next_told;
    uint64_t next_note;
    struct trace_note note;  /* of that number, if it is about symbols; its data is not valid */
    struct taken_up *guests; /* each comes after the one that it is inside */
    size_t nguests;
    struct retold retold;
    bool apart; /* as guest_options.apart */
    struct waiting *waiting,
        *last; /* by icount, then in the order in which their places were probed; `last` is valid if there are any */
};

/* ---------------------------------------------------------------- whether it is possible */

static const struct guest_system *found_system(const struct event *ev)
{
    const unsigned i = guest_system_found(ev);
    return i ? guest_systems[i - 1] : NULL;
}

/* Names the first class that the trace lacks. */
static int check_classes(const struct trace *t, uint32_t needed, struct error *err)
{
    const uint32_t missing = needed & ~trace_config(t)->classes;
    unsigned c = 0;
    if (!missing)
        return 0;
    while (!(missing & EVENT_CLASS_BIT(c)))
        c++;
    return error_set(
        err,
        "new probes need the run from its beginning, as the trace does not have the events of the class %s",
        event_class_name(c));
}

/* `host`: the system that the engine itself is, and that the kernel runs in, or NULL. `xen`: a hypervisor was found before. */
static int check_found(const struct trace *t, const struct event *ev, const struct guest_system *host,
                       bool xen, struct error *err)
{
    const struct guest_system *system = found_system(ev);
    if (system && system->retell && check_classes(t, system->retold, err))
        return -1;
    if (host && check_classes(t, host->retold, err))
        return -1;
    if (ev->kind == EV_XEN_FOUND)
        return 0;
    if (system && system->retell && xen)
        return error_set(err,
                         "new probes after Xen was found need the run of such a kernel from its beginning");
    if (!system || !system->resume)
        return error_set(err, "new probes need the run of such a kernel (%.*s) from its beginning",
                         (int)(ev->len < 60 ? ev->len : 60), (const char *)ev->data);
    if (!EVF(ev, KERNEL_FOUND, physical))
        return error_set(
            err,
            "new probes need the run from its beginning, as the trace does not say where the kernel is in physical memory");
    return 0;
}

static bool is_found(const struct event *ev)
{
    return ev->kind == EV_KERNEL_FOUND || ev->kind == EV_XEN_FOUND;
}

/* The system that the engine of a trace itself is, if it was looked at: *system is NULL if there is none. */
static int host_system(struct trace *t, const struct guest_system **system, struct error *err)
{
    const uint32_t here = guest_systems_of(guest_systems, trace_config(t)->engine, trace_setting(t, "cpu"));
    const char *inspect = trace_setting(t, "inspect");
    uint32_t chosen;
    *system = NULL;
    if (guest_systems_parse(guest_systems, inspect ? inspect : "none", &chosen, err))
        return -1;
    for (size_t i = 0; guest_systems[i]; i++)
        if (chosen & here & 1u << i && guest_systems[i]->host)
            *system = guest_systems[i];
    return 0;
}

/* Whether what runs in virtual machines is told apart. */
static bool is_apart(struct trace *t)
{
    const char *inspect = trace_setting(t, "inspect");
    struct error err;
    uint32_t chosen;
    return inspect && !guest_systems_parse(guest_systems, inspect, &chosen, &err) &&
           guest_systems_virtualize(guest_systems, chosen);
}

int reprobe_check(struct trace *t, struct error *err)
{
    enum { NEEDED = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_POWER) };
    const char *inspect = trace_setting(t, "inspect");
    const struct guest_system *host;
    struct event ev;
    int rc;
    if (!inspect || !strcmp(inspect, "none"))
        return 0;
    if (host_system(t, &host, err))
        return -1;
    if (host && !host->resume)
        return error_set(err, "new probes in programs need the run from its beginning");
    if (check_classes(t, NEEDED, err))
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    const bool apart = is_apart(t);
    bool xen = false;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (is_found(&ev) && check_found(t, &ev, host, xen, err)) {
            rc = -1;
            break;
        }
        if (is_found(&ev) && apart && ev.guest) {
            rc = error_set(
                err,
                "new probes where a kernel may run in a virtual machine need the run from its beginning");
            break;
        }
        xen |= ev.kind == EV_XEN_FOUND;
    }
    trace_cursor_close(c);
    return rc;
}

/* ---------------------------------------------------------------- the order of events */

static bool comes_before(const struct waiting *a, const struct waiting *b)
{
    if (a->ev.icount != b->ev.icount)
        return a->ev.icount < b->ev.icount;
    return a->since != b->since ? a->since < b->since : a->number < b->number;
}

/* Where an event comes among those that wait. Most come in order, so the end is tried first. */
static struct waiting **place_for(struct reprobe *p, const struct waiting *w)
{
    struct waiting **at = &p->waiting;
    if (p->waiting && !comes_before(w, p->last))
        return &p->last->next;
    while (*at && !comes_before(w, *at))
        at = &(*at)->next;
    return at;
}

/* Puts a copy of `like`, with data of its own, where it comes among those that wait. */
static void hold(struct reprobe *p, const struct waiting *like)
{
    const uint32_t n = like->ev.len;
    struct waiting *w = mem_alloc(sizeof *w + n + 1);
    *w = *like;
    w->ev.data = w + 1;
    if (n)
        memcpy(w + 1, like->ev.data, n);
    struct waiting **at = place_for(p, w);
    w->next = *at;
    *at = w;
    if (!w->next)
        p->last = w;
}

/* Probes at the same place are reached in the order in which they were set: a guest sets its own when it is found. */
static void asked_emits(void *ctx, const struct event *ev, struct asked_place *place)
{
    struct reprobe *p = ctx;
    struct waiting w = {.ev = *ev, .number = place->number, .since = asked_since(p->asked, place)};
    w.first = !w.since;
    for (size_t i = 0; i < p->nguests && !w.first; i++)
        w.first = p->guests[i].number == ev->guest && w.since < p->guests[i].since;
    hold(p, &w);
}

static void release_one(struct reprobe *p)
{
    struct waiting *w = p->waiting;
    p->waiting = w->next;
    p->o.emit(p->o.ctx, &w->ev);
    free(w);
}

/* What comes before an event of the record's guests. */
static void release_before(struct reprobe *p, uint64_t icount)
{
    while (p->waiting &&
           (p->waiting->ev.icount < icount || (p->waiting->ev.icount == icount && p->waiting->first)))
        release_one(p);
}

static void release(struct reprobe *p, uint64_t icount)
{
    while (p->waiting && p->waiting->ev.icount <= icount)
        release_one(p);
}

void reprobe_story(struct reprobe *p, const struct event *ev)
{
    release_before(p, ev->icount);
}

void reprobe_event(struct reprobe *p, const struct event *ev)
{
    release(p, ev->icount);
}

/* ---------------------------------------------------------------- guests */

static void no_event(void *ctx, const struct event *ev) {}

/* Goes on to the next event that is to be shown. */
static void retold_next(struct retold *r)
{
    const int rc = trace_cursor_next(r->cursor, &r->next, &r->number, &r->err);
    if (rc != 1)
        r->number = UINT64_MAX;
    r->failed |= rc < 0;
}

static void retold_end(struct retold *r)
{
    trace_cursor_close(r->cursor);
    *r = (struct retold){.number = UINT64_MAX, .failed = r->failed, .err = r->err};
}

/* `first`: the number of the first event of the record that it may be shown. */
static int retold_begin(struct retold *r, struct guest *g, struct trace *t, uint64_t first, struct error *err)
{
    retold_end(r);
    r->guest = g;
    r->cursor = trace_cursor_open(t, g->system->retold);
    if (trace_cursor_seek_number(r->cursor, first, err))
        return -1;
    retold_next(r);
    return 0;
}

/* Shows what comes before that event and not after that icount. */
static void retell(struct retold *r, uint64_t number, uint64_t icount)
{
    for (; r->number < number && r->next.icount <= icount; retold_next(r))
        r->guest->system->retell(r->guest, &r->next);
}

static void drop_if(struct reprobe *p, bool (*gone)(const struct taken_up *t, uint64_t which), uint64_t which)
{
    size_t n = 0;
    for (size_t i = 0; i < p->nguests; i++)
        if (!gone(&p->guests[i], which)) {
            p->guests[n++] = p->guests[i];
        } else {
            if (p->guests[i].guest == p->retold.guest)
                retold_end(&p->retold);
            p->guests[i].guest->system->destroy(p->guests[i].guest);
        }
    p->nguests = n;
}

static void drop_all(struct reprobe *p)
{
    while (p->nguests) {
        struct guest *g = p->guests[--p->nguests].guest;
        g->system->destroy(g);
    }
    retold_end(&p->retold);
}

static bool has_number(const struct taken_up *t, uint64_t number)
{
    return t->number == number;
}

static bool is_in_domain(const struct taken_up *t, uint64_t domain)
{
    return t->guest->parent && t->guest->domain == domain;
}

static void domain_ends(void *ctx, uint64_t domain)
{
    drop_if(ctx, is_in_domain, domain);
}

/* A guest that was found at this event; NULL: of no event. It is in the domain that the processor was given to, if there are domains. */
static struct guest *add_guest(struct reprobe *p, const struct guest_system *system,
                               const struct event *found)
{
    struct guest_options o = {.engine = p->o.engine,
                              .probes = p->probes,
                              .symbols = p->symbols,
                              .calls = true,
                              .apart = p->apart,
                              .ctx = p,
                              .emit = no_event,
                              .domain_ends = domain_ends};
    struct guest *host = p->retold.guest;
    if (found && host && host->system->given && host->system->given(host, found->cpu, &o.domain))
        o.parent = host;
    struct guest *g = system->create(&o);
    MEM_MORE(p->guests, p->nguests);
    p->guests[p->nguests++] =
        (struct taken_up){g, found ? found->guest : 0, found ? found->icount : 0, found};
    return g;
}

/* -1 if the guest is not there. */
static int resume(struct taken_up *t, struct error *err)
{
    const struct event *found = t->found;
    t->found = NULL;
    return !found || t->guest->system->resume(t->guest, found)
               ? 0
               : error_set(err, "the kernel that was found at icount %llu is not as the record says",
                           (unsigned long long)found->icount);
}

/* Those that are in a domain can only be resumed if it has not ended since they were found. */
static int resume_all(struct reprobe *p, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < p->nguests && !rc; i++)
        rc = resume(&p->guests[i], err);
    return rc;
}

/* A guest that is shown events is resumed at once: if others run in it, they tell in which domain those are that are found later. */
static int take_up(struct reprobe *p, const struct told *told, struct error *err)
{
    const struct guest_system *system = found_system(&told->ev);
    struct guest *g = add_guest(p, system, &told->ev);
    if (!system->retell)
        return 0;
    if (resume(&p->guests[p->nguests - 1], err))
        return -1;
    return retold_begin(&p->retold, g, p->o.recorded, told->number + 1, err);
}

/* The record tells that a guest was found, or that it, or all of them, are gone. */
static int follow(struct reprobe *p, const struct told *told, struct error *err)
{
    const struct event *ev = &told->ev;
    retell(&p->retold, told->number, UINT64_MAX);
    if (is_found(ev))
        return take_up(p, told, err);
    if (ev->kind == EV_RESET)
        drop_all(p);
    else
        drop_if(p, has_number, ev->guest);
    return 0;
}

static bool any_found(const struct reprobe *p)
{
    for (size_t i = 0; i < p->ntold; i++)
        if (is_found(&p->told[i].ev))
            return true;
    return false;
}

/* The system that the engine itself is. It is only shown events if kernels run in it. */
static int take_up_host(struct reprobe *p, struct error *err)
{
    const struct guest_system *host;
    if (host_system(p->o.recorded, &host, err))
        return -1;
    if (!host)
        return 0;
    struct guest *g = add_guest(p, host, NULL);
    if (!host->resume(g, NULL))
        return error_set(err, "the host of the programs cannot be taken up");
    return host->retell && any_found(p) ? retold_begin(&p->retold, g, p->o.recorded, 0, err) : 0;
}

/* The innermost guest that runs there. */
static struct guest *who_runs(const struct reprobe *p, unsigned cpu, struct guest_task *task)
{
    struct guest *best = NULL;
    *task = (struct guest_task){.space = SPACE_KERNEL};
    for (size_t i = 0; i < p->nguests; i++) {
        struct guest *g = p->guests[i].guest;
        struct guest_task t;
        if (g->parent == best && guest_runs(g, cpu) && g->system->task(g, cpu, &t)) {
            best = g;
            *task = t;
        }
    }
    return best;
}

static bool asked_task(void *ctx, unsigned cpu, struct guest_task *task)
{
    return who_runs(ctx, cpu, task);
}

static bool asked_read(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    const struct reprobe *p = ctx;
    struct guest_task task;
    struct guest *g = who_runs(p, cpu, &task);
    return g ? g->system->read(g, cpu, address, buf, n)
             : p->o.engine->ops->peek(p->o.engine, cpu, address, buf, n) == n;
}

static bool asked_call(void *ctx, unsigned cpu, const char *name, uint64_t address, struct text *out)
{
    struct guest_task task;
    struct guest *g = who_runs(ctx, cpu, &task);
    return g && g->system->call && g->system->call(g, cpu, name, address, out);
}

/* ---------------------------------------------------------------- what becomes known */

static void tell(struct reprobe *p, const struct event *ev, uint64_t number)
{
    void *data = mem_copy(ev->data, ev->len);
    MEM_MORE(p->told, p->ntold);
    p->told[p->ntold] = (struct told){*ev, number};
    p->told[p->ntold++].ev.data = data;
}

static int read_told(struct reprobe *p, struct error *err)
{
    struct trace_cursor *c =
        trace_cursor_open(p->o.recorded, EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1)
        if (is_found(&ev) || ev.kind == EV_KERNEL_KEXEC || ev.kind == EV_RESET)
            tell(p, &ev, number);
    trace_cursor_close(c);
    return rc;
}

/* Goes on to the next note about symbols. */
static int find_note(struct reprobe *p, struct error *err)
{
    for (; p->next_note < trace_note_count(p->o.recorded); p->next_note++) {
        if (trace_note(p->o.recorded, p->next_note, &p->note, err))
            return -1;
        if (!strncmp(p->note.type, "symbols.", 8))
            return 0;
    }
    p->note = (struct trace_note){.icount = UINT64_MAX};
    return 0;
}

/* All symbols up to a position. */
static int take_notes(struct reprobe *p, uint64_t icount, struct error *err)
{
    while (p->note.icount <= icount) {
        if (trace_note(p->o.recorded, p->next_note, &p->note, err) ||
            symbols_take_note(p->symbols, &p->note, err))
            return -1;
        p->next_note++;
        if (find_note(p, err))
            return -1;
    }
    return 0;
}

uint64_t reprobe_next(const struct reprobe *p)
{
    const uint64_t told = p->next_told < p->ntold ? p->told[p->next_told].ev.icount : UINT64_MAX;
    return told < p->note.icount ? told : p->note.icount;
}

int reprobe_reach(struct reprobe *p, struct error *err)
{
    const uint64_t here = p->o.engine->ops->icount(p->o.engine);
    assert(here >= reprobe_next(p) && "it is called where something becomes known");
    if (take_notes(p, here, err))
        return -1;
    for (; p->next_told < p->ntold && p->told[p->next_told].ev.icount <= here; p->next_told++) {
        if (follow(p, &p->told[p->next_told], err))
            return -1;
        if (p->told[p->next_told].ev.kind == EV_RESET)
            asked_reset(p->asked);
    }
    if (resume_all(p, err))
        return -1;
    asked_look(p->asked);
    probes_apply(p->probes);
    return 0;
}

int reprobe_failed(const struct reprobe *p, struct error *err)
{
    if (p->retold.failed)
        *err = p->retold.err;
    return p->retold.failed ? -1 : 0;
}

void reprobe_probe(struct reprobe *p, unsigned id, unsigned cpu, uint64_t icount)
{
    retell(&p->retold, UINT64_MAX, icount);
    probes_reached(p->probes, id, cpu, icount);
}

/* ---------------------------------------------------------------- where parts begin and end */

/* An event that waits, without its data: these numbers, and its fields. */
enum {
    W_KIND,
    W_CPU,
    W_GUEST,
    W_ICOUNT,
    W_TIME,
    W_SETTING,
    W_FIRST,
    W_SINCE,
    W_LEN,
    W_FIELDS,
    WAITING = 8 * (W_FIELDS + EVENT_MAX_FIELDS)
};

static uint8_t *put_waiting(uint8_t *p, const struct waiting *w)
{
    const struct event *ev = &w->ev;
    const uint64_t v[W_FIELDS] = {ev->kind,  ev->cpu,  ev->guest, ev->icount, ev->time,
                                  w->number, w->first, w->since,  ev->len};
    for (unsigned i = 0; i < W_FIELDS; i++)
        p = put_le(p, v[i], 8);
    for (unsigned i = 0; i < EVENT_MAX_FIELDS; i++)
        p = put_le(p, ev->f[i], 8);
    if (ev->len)
        memcpy(p, ev->data, ev->len);
    return p + ev->len;
}

/* Takes an event that waits from n bytes. Returns how many it has; 0: they make no sense. */
static size_t take_waiting(struct reprobe *p, const uint8_t *at, size_t n)
{
    uint64_t v[W_FIELDS];
    if (n < WAITING)
        return 0;
    for (unsigned i = 0; i < W_FIELDS; i++)
        v[i] = le64(at + 8 * i);
    if (v[W_LEN] > EVENT_MAX_DATA || v[W_LEN] > n - WAITING || v[W_KIND] >= EV_COUNT ||
        v[W_SETTING] >= p->o.nsettings)
        return 0;
    struct event ev = {.kind = (uint16_t)v[W_KIND],
                       .cpu = (uint8_t)v[W_CPU],
                       .guest = (uint16_t)v[W_GUEST],
                       .icount = v[W_ICOUNT],
                       .time = v[W_TIME],
                       .data = at + WAITING,
                       .len = (uint32_t)v[W_LEN]};
    for (unsigned i = 0; i < EVENT_MAX_FIELDS; i++)
        ev.f[i] = le64(at + 8 * (W_FIELDS + i));
    hold(p, &(struct waiting){.ev = ev, .number = v[W_SETTING], .since = v[W_SINCE], .first = v[W_FIRST]});
    return WAITING + ev.len;
}

/* Takes the events that wait. Returns how many bytes are left, those of the calls in progress; SIZE_MAX: they make no sense. */
static size_t load_waiting(struct reprobe *p, const uint8_t *state, size_t n)
{
    size_t at = 8, one;
    if (!n)
        return 0;
    if (n < 8)
        return SIZE_MAX;
    for (uint64_t left = le64(state); left; left--, at += one)
        if (!(one = take_waiting(p, state + at, n - at)))
            return SIZE_MAX;
    return n - at;
}

/* Only what is still there at that position is taken up. A host always is. */
static int begin_guests(struct reprobe *p, uint64_t icount, uint64_t event, struct error *err)
{
    int rc = take_up_host(p, err);
    for (const struct told *t; !rc && p->next_told < p->ntold; p->next_told++) {
        t = &p->told[p->next_told];
        if (t->number >= event && t->ev.icount >= icount)
            break;
        rc = follow(p, t, err);
    }
    retell(&p->retold, event, UINT64_MAX);
    return rc ? rc : resume_all(p, err);
}

int reprobe_begin(struct reprobe *p, size_t k, const void *state, size_t n, struct error *err)
{
    const struct trace_checkpoint *c = trace_checkpoint(p->o.recorded, k);
    if (take_notes(p, c->icount, err) || begin_guests(p, c->icount, k ? c->event : 0, err))
        return -1;
    asked_look(p->asked);
    const size_t calls = load_waiting(p, state, n);
    if (calls > n || asked_load(p->asked, (const uint8_t *)state + (n - calls), calls))
        return error_set(err, "the state of the probes at icount %llu makes no sense",
                         (unsigned long long)c->icount);
    probes_apply(p->probes);
    return 0;
}

/* The number of events that wait, each with its numbers and its data; then the calls in progress. */
void *reprobe_cut(struct reprobe *p, size_t *n)
{
    size_t ncalls, count = 0;
    void *calls = asked_cut(p->asked, &ncalls);
    *n = 8 + ncalls;
    for (const struct waiting *w = p->waiting; w; w = w->next, count++)
        *n += WAITING + w->ev.len;
    if (!count && !ncalls) {
        *n = 0;
        return NULL;
    }
    uint8_t *state = mem_alloc(*n), *at = put_le(state, count, 8);
    for (const struct waiting *w = p->waiting; w; w = w->next)
        at = put_waiting(at, w);
    if (ncalls)
        memcpy(at, calls, ncalls);
    free(calls);
    return state;
}

void reprobe_finish(struct reprobe *p)
{
    release(p, UINT64_MAX);
}

/* ---------------------------------------------------------------- life */

struct reprobe *reprobe_create(const struct reprobe_options *o, struct error *err)
{
    struct reprobe *p = mem_zero(1, sizeof *p);
    p->o = *o;
    p->retold.number = UINT64_MAX;
    p->apart = is_apart(o->recorded);
    p->probes = probes_new(o->engine);
    p->symbols = symbols_new();
    const struct asked_options ao = {.engine = o->engine,
                                     .probes = p->probes,
                                     .symbols = p->symbols,
                                     .ctx = p,
                                     .emit = asked_emits,
                                     .task = asked_task,
                                     .read = asked_read,
                                     .call = asked_call};
    const struct engine_config config = {.settings = o->setting, .nsettings = o->nsettings};
    if (!asked_create(&ao, &config, &p->asked, err) && !read_told(p, err) && !find_note(p, err)) {
        assert(p->asked && "there is a probe");
        return p;
    }
    reprobe_free(p);
    return NULL;
}

void reprobe_free(struct reprobe *p)
{
    if (!p)
        return;
    asked_free(p->asked);
    drop_all(p);
    free(p->guests);
    while (p->waiting) {
        struct waiting *w = p->waiting;
        p->waiting = w->next;
        free(w);
    }
    for (size_t i = 0; i < p->ntold; i++)
        free((void *)p->told[i].ev.data);
    free(p->told);
    symbols_free(p->symbols);
    probes_free(p->probes);
    free(p);
}

int reprobe_check_names(struct trace *t, const struct setting *setting, size_t n, struct error *err)
{
    struct symbols *s = n ? symbols_load(t, err) : NULL;
    int rc = n && !s ? -1 : 0;
    for (size_t i = 0; i < n && !rc; i++)
        if (strncmp(setting[i].value, "0x", 2) && !asked_has_symbol(s, setting[i].value))
            rc = error_set(
                err,
                "--probe %.200s: no symbol of the trace has that name, or is matched by it: bootreel symbols lists them",
                setting[i].value);
    symbols_free(s);
    return rc;
}

void reprobe_say_unreached(struct trace *t, const struct setting *setting, const bool *reached, size_t n,
                           void (*fn)(void *ctx, const char *text), void *ctx)
{
    struct error ignored;
    struct symbols *s = symbols_load(t, &ignored);
    const char **texts = mem_zero(n + 1, sizeof *texts);
    char text[600];
    for (size_t i = 0; i < n; i++)
        texts[i] = setting[i].value;
    for (size_t i = 0; s && i < asked_unreached_of(s, texts, reached, n, i, text, sizeof text); i++)
        fn(ctx, text);
    free(texts);
    symbols_free(s);
}
