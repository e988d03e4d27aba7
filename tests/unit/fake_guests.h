/* fake_guests.h - an inspector with guest systems made up for tests: a kernel, a hypervisor that kernels run
 * inside, and a firmware that runs beside them. For tests, after cmocka.h.
 *
 * The test drives them by events: the value of an MSR stands for what a real one would find in memory.
 */
#ifndef BOOTREEL_TESTS_UNIT_FAKE_GUESTS_H
#define BOOTREEL_TESTS_UNIT_FAKE_GUESTS_H

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/hooks.h"
#include "tests/unit/fake_machine.h"

/* ---------------------------------------------------------------- the machine */

enum { MEMORY = 0x10000, PROCESSORS = 2, FUNCTION = 0x1000 };

struct machine {
    struct fake_machine fake;
    uint8_t memory[MEMORY];
};

static inline struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
}

static inline size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    size_t left = address < MEMORY ? MEMORY - address : 0;
    n = n < left ? n : left;
    memcpy(buf, machine_of(e)->memory + address, n);
    return n;
}

static inline size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return peek_physical(e, address, buf, n);
}

static const struct engine_ops machine_ops = {FAKE_OPS, .peek = peek, .peek_physical = peek_physical};

/* ---------------------------------------------------------------- the systems */

/* What an MSR's value tells the guests that see it. */
enum { KERNEL_RUNS = 1, HYPERVISOR_RUNS, DOMAIN_BEGINS, DOMAIN_ENDS, DOMAIN_RUNS, KERNEL_REPLACED };

/* One for all: each system uses what it needs. */
struct fake_guest {
    struct guest guest;
    struct guest_options o;
    unsigned seen; /* events */
    unsigned entered;
    bool found;
    unsigned number;
    uint64_t running[PROCESSORS]; /* the domain; 0: the hypervisor itself */
    struct hooks *hooks;
};

static inline struct fake_guest *fake(struct guest *g)
{
    return (struct fake_guest *)g;
}

static inline struct guest *make(const struct guest_system *system, const struct guest_options *o)
{
    struct fake_guest *f = mem_zero(1, sizeof *f);
    f->guest = (struct guest){.system = system, .parent = o->parent, .domain = o->domain};
    f->o = *o;
    return &f->guest;
}

static inline void destroy(struct guest *g)
{
    hooks_free(fake(g)->hooks);
    free(g);
}

static inline void map_name(struct fake_guest *f, const char *name, uint64_t address, const struct event *ev)
{
    struct symbol_table *t = symbol_table_begin(f->o.symbols, name, "test");
    symbol_table_add(t, name, address, 0x100, 'T', SYMBOL_SIZED);
    symbols_map(f->o.symbols, &(struct symbol_mapping){.table = symbol_table_end(t),
                                                       .space = symbol_space_of(f->number, 0),
                                                       .since = ev->icount});
    f->o.symbols_changed(f->o.ctx);
}

static inline void find(struct fake_guest *f, const struct event *ev, uint64_t function)
{
    struct event found = {.kind = EV_KERNEL_FOUND, .cpu = ev->cpu, .icount = ev->icount, .time = ev->time};
    char text[40];
    f->found = true;
    f->number = f->o.found(f->o.ctx);
    map_name(f, f->guest.system->name, function, ev);
    snprintf(text, sizeof text, "%s %u", f->guest.system->name, f->number);
    found.data = text;
    found.len = (uint32_t)strlen(text);
    f->o.emit(f->o.ctx, &found);
}

static inline bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    *t = (struct guest_task){.pid = 100 * (fake(g)->number + 1) + cpu,
                             .space = symbol_space_of(fake(g)->number, 0)};
    return fake(g)->found;
}

static inline bool nobody(struct guest *g, unsigned cpu, struct guest_task *t)
{
    return false;
}

/* So that it shows who was asked. */
static inline bool read_number(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    memset(buf, 'A' + (int)fake(g)->number, n);
    return true;
}

static inline void describe(const struct guest *g, struct text *out)
{
    const struct fake_guest *f = (const struct fake_guest *)g;
    text_add(out, f->found ? "found" : "not found");
    if (f->entered)
        text_add(out, ", calls: %u", f->entered);
}

/* ---- a kernel ---- */

static inline void entered(struct hook *h, const struct probe_hit *hit, struct hook_frame *f)
{
    (*(struct fake_guest **)h->ctx)->entered++;
}

static inline bool here(void *ctx, const struct probe_hit *hit)
{
    return guest_runs(ctx, hit->cpu);
}

static inline bool read_engine(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return false;
}

static inline void hook_it(struct fake_guest *f)
{
    const struct hooks_options o = {.engine = f->o.engine,
                                    .probes = f->o.probes,
                                    .bits = 64,
                                    .ctx = &f->guest,
                                    .read = read_engine,
                                    .here = here};
    f->hooks = hooks_new(&o);
    struct fake_guest **ctx = mem_alloc(sizeof *ctx);
    *ctx = f;
    hook_address(f->hooks, FUNCTION, entered, NULL, ctx);
    probes_apply(f->o.probes);
}

static inline void kernel_event(struct guest *g, const struct event *ev)
{
    struct fake_guest *f = fake(g);
    f->seen++;
    if (!f->found && ev->f[EVF_CPU_MSR_value] == KERNEL_RUNS) {
        find(f, ev, FUNCTION);
        hook_it(f);
    } else if (f->found && ev->f[EVF_CPU_MSR_value] == KERNEL_REPLACED) {
        f->o.replaced(f->o.ctx);
    }
}

static inline struct guest *kernel_create(const struct guest_options *o);
static const struct guest_system kernel = {.name = "kernel",
                                           .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER),
                                           .create = kernel_create,
                                           .destroy = destroy,
                                           .event = kernel_event,
                                           .task = task,
                                           .read = read_number,
                                           .describe = describe};
static inline struct guest *kernel_create(const struct guest_options *o)
{
    return make(&kernel, o);
}

/* ---- a hypervisor: domain N has its page 0 at page N ---- */

static inline void hypervisor_event(struct guest *g, const struct event *ev)
{
    struct fake_guest *f = fake(g);
    uint64_t which = ev->f[EVF_CPU_MSR_msr];
    f->seen++;
    if (event_kind(ev->kind)->cls != EC_CPU)
        return;
    switch (ev->f[EVF_CPU_MSR_value]) {
    case HYPERVISOR_RUNS:
        find(f, ev, 0x3000);
        break;
    case DOMAIN_BEGINS:
        f->o.domain_begins(f->o.ctx, which);
        break;
    case DOMAIN_ENDS:
        f->o.domain_ends(f->o.ctx, which);
        break;
    case DOMAIN_RUNS:
        f->running[ev->cpu] = which;
        break;
    }
}

static inline bool domain_of(struct guest *g, unsigned cpu, uint64_t *domain)
{
    *domain = fake(g)->running[cpu];
    return *domain;
}

static inline bool translate(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer)
{
    *outer = address + domain * 0x1000;
    return address < 0x2000;
}

static inline struct guest *hypervisor_create(const struct guest_options *o);
static const struct guest_system hypervisor = {.name = "hypervisor",
                                               .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER),
                                               .create = hypervisor_create,
                                               .destroy = destroy,
                                               .event = hypervisor_event,
                                               .task = task,
                                               .read = read_number,
                                               .describe = describe,
                                               .domain = domain_of,
                                               .translate = translate};
static inline struct guest *hypervisor_create(const struct guest_options *o)
{
    return make(&hypervisor, o);
}

/* ---- a firmware ---- */

static inline void firmware_event(struct guest *g, const struct event *ev)
{
    fake(g)->seen++;
    if (!fake(g)->found)
        find(fake(g), ev, 0x5000);
}

static inline struct guest *firmware_create(const struct guest_options *o);
static const struct guest_system firmware = {.name = "firmware",
                                             .needs = EVENT_CLASS_BIT(EC_FIRMWARE),
                                             .create = firmware_create,
                                             .destroy = destroy,
                                             .event = firmware_event,
                                             .task = nobody,
                                             .read = read_number,
                                             .describe = describe};
static inline struct guest *firmware_create(const struct guest_options *o)
{
    return make(&firmware, o);
}

static const struct guest_system *const systems[] = {&kernel, &hypervisor, &firmware, NULL};

/* ---------------------------------------------------------------- the inspector with them */

struct fixture {
    struct machine m;
    struct inspector *in;
    struct setting settings[2];
    struct engine_config config;
    char events[2000]; /* a line each */
    unsigned unmaps;
    struct trace_writer *w; /* NULL, or where events and notes go as well */
};

static inline void take_event(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->events);
    if (f->w)
        assert_int_equal(trace_write_event(f->w, ev, NULL), 0);
    char of[20] = "";
    if (ev->guest)
        snprintf(of, sizeof of, "of %u: ", ev->guest);
    snprintf(f->events + n, sizeof f->events - n, "%llu %s%s %.*s\n", (unsigned long long)ev->icount, of,
             event_kind(ev->kind)->name, (int)ev->len, ev->data ? (const char *)ev->data : "");
}

static inline void take_note(void *ctx, const struct trace_note *note)
{
    struct fixture *f = ctx;
    f->unmaps += !strcmp(note->type, "symbols.unmap");
    if (f->w)
        assert_int_equal(trace_write_note(f->w, note, NULL), 0);
}

static inline struct fixture *start(const char *inspect, const char *probe)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    struct error err;
    f->m.fake.e.ops = &machine_ops;
    f->settings[0] = (struct setting){"inspect", inspect};
    f->settings[1] = (struct setting){"probe", probe};
    f->config = (struct engine_config){.settings = f->settings, .nsettings = probe ? 2 : 1};
    const struct inspector_options o = {.engine = &f->m.fake.e,
                                        .config = &f->config,
                                        .classes = EVENT_CLASSES_ALL,
                                        .ctx = f,
                                        .emit = take_event,
                                        .note = take_note,
                                        .systems = systems};
    f->in = inspector_create(&o, &err);
    assert_non_null(f->in);
    inspector_start(f->in);
    return f;
}

static inline void finish(struct fixture *f)
{
    inspector_finish(f->in);
    inspector_destroy(f->in);
    free(f);
}

static inline void happens(struct fixture *f, unsigned kind, unsigned cpu, uint64_t f0, uint64_t f1)
{
    struct event ev = {.kind = (uint16_t)kind, .cpu = (uint8_t)cpu, .f = {f0, f1}};
    f->m.fake.icount += 10;
    ev.icount = ev.time = f->m.fake.icount;
    inspector_event(f->in, &ev);
}

static inline void msr(struct fixture *f, unsigned cpu, unsigned value, uint64_t which)
{
    happens(f, EV_CPU_MSR, cpu, which, value);
}

/* The processor executes an address: the callbacks of probes there are called. */
static inline void executes(struct fixture *f, unsigned cpu, uint64_t address)
{
    for (size_t i = 0; i < f->m.fake.nstops; i++)
        if (f->m.fake.stops[i].address == address) {
            inspector_probe(f->in, f->m.fake.stops[i].id, cpu, ++f->m.fake.icount);
            return;
        }
}

static inline void says(struct fixture *f, const char *want)
{
    assert_string_equal(f->events, want);
    f->events[0] = 0;
}

#endif
