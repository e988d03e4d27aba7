/* test_guest.c - the seam for guest systems (core/guest.h) and the inspector behind it, with systems made up for it: a
 * kernel, a hypervisor that kernels run inside, and a firmware that runs beside them.
 *
 * The test drives them by events: what a real one finds in memory is told by the value of an MSR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/hooks.h"
#include "core/inspector.h"

/* ---------------------------------------------------------------- the machine */

enum { MEMORY = 0x10000, STOPS = 64, PROCESSORS = 2, FUNCTION = 0x1000 };

struct machine {
    struct engine e;
    uint8_t memory[MEMORY];
    struct stop_point stops[STOPS];
    size_t nstops;
    uint64_t icount;
};

static struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
}

static uint64_t now(const struct engine *e)
{
    return machine_of(e)->icount;
}

static const struct reg_desc *no_registers(const struct engine *e, size_t *n)
{
    *n = 0;
    return NULL;
}

static unsigned wide_code(const struct engine *e, unsigned cpu)
{
    return 64;
}

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    size_t left = address < MEMORY ? MEMORY - address : 0;
    n = n < left ? n : left;
    memcpy(buf, machine_of(e)->memory + address, n);
    return n;
}

static size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return peek_physical(e, address, buf, n);
}

static void take_stops(struct engine *e, const struct stop_point *stops, size_t n)
{
    assert_true(n <= STOPS);
    for (size_t i = 0; i < n; i++)
        machine_of(e)->stops[i] = stops[i];
    machine_of(e)->nstops = n;
}

static const struct engine_ops machine_ops = {.name = "fake",
                                              .time = now,
                                              .icount = now,
                                              .regs = no_registers,
                                              .code_bits = wide_code,
                                              .peek = peek,
                                              .peek_physical = peek_physical,
                                              .stops = take_stops};

/* ---------------------------------------------------------------- the systems */

/* What an MSR's value tells the guests that see it. */
enum { KERNEL_RUNS = 1, HYPERVISOR_RUNS, DOMAIN_BEGINS, DOMAIN_ENDS, DOMAIN_RUNS };

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

static struct fake_guest *fake(struct guest *g)
{
    return (struct fake_guest *)g;
}

static struct guest *make(const struct guest_system *system, const struct guest_options *o)
{
    struct fake_guest *f = calloc(1, sizeof *f);
    f->guest = (struct guest){system, o->parent, o->domain};
    f->o = *o;
    return &f->guest;
}

static void destroy(struct guest *g)
{
    hooks_free(fake(g)->hooks);
    free(g);
}

static void map_name(struct fake_guest *f, const char *name, uint64_t address, const struct event *ev)
{
    struct symbol_table *t = symbol_table_begin(f->o.symbols, name, "test");
    symbol_table_add(t, name, address, 0x100, 'T', SYMBOL_SIZED);
    symbols_map(f->o.symbols, &(struct symbol_mapping){.table = symbol_table_end(t),
                                                       .space = symbol_space_of(f->number, 0),
                                                       .since = ev->icount});
    f->o.symbols_changed(f->o.ctx);
}

static void find(struct fake_guest *f, const struct event *ev, uint64_t function)
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

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    *t = (struct guest_task){.pid = 100 * (fake(g)->number + 1) + cpu,
                             .space = symbol_space_of(fake(g)->number, 0)};
    return fake(g)->found;
}

static bool nobody(struct guest *g, unsigned cpu, struct guest_task *t)
{
    return false;
}

/* So that it shows who was asked. */
static bool read_number(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    memset(buf, 'A' + (int)fake(g)->number, n);
    return true;
}

static void describe(const struct guest *g, struct text *out)
{
    const struct fake_guest *f = (const struct fake_guest *)g;
    text_add(out, f->found ? "found" : "not found");
    if (f->entered)
        text_add(out, ", calls: %u", f->entered);
}

/* ---- a kernel ---- */

static void entered(struct hook *h, const struct probe_hit *hit, struct frame *f)
{
    (*(struct fake_guest **)h->ctx)->entered++;
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    return guest_runs(ctx, hit->cpu);
}

static bool read_engine(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return false;
}

static void hook_it(struct fake_guest *f)
{
    const struct hooks_options o = {.engine = f->o.engine,
                                    .probes = f->o.probes,
                                    .bits = 64,
                                    .ctx = &f->guest,
                                    .read = read_engine,
                                    .here = here};
    f->hooks = hooks_new(&o);
    struct fake_guest **ctx = malloc(sizeof *ctx);
    *ctx = f;
    hook_address(f->hooks, FUNCTION, entered, NULL, ctx);
    probes_apply(f->o.probes);
}

static void kernel_event(struct guest *g, const struct event *ev)
{
    struct fake_guest *f = fake(g);
    f->seen++;
    if (ev->kind == EV_RESET) {
        hooks_free(f->hooks);
        f->hooks = NULL;
        f->found = false;
    } else if (!f->found && ev->f[EVF_CPU_MSR_value] == KERNEL_RUNS) {
        find(f, ev, FUNCTION);
        hook_it(f);
    }
}

static struct guest *kernel_create(const struct guest_options *o);
static const struct guest_system kernel = {.name = "kernel",
                                           .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER),
                                           .create = kernel_create,
                                           .destroy = destroy,
                                           .event = kernel_event,
                                           .task = task,
                                           .read = read_number,
                                           .describe = describe};
static struct guest *kernel_create(const struct guest_options *o)
{
    return make(&kernel, o);
}

/* ---- a hypervisor: domain N has its page 0 at page N ---- */

static void hypervisor_event(struct guest *g, const struct event *ev)
{
    struct fake_guest *f = fake(g);
    uint64_t which = ev->f[EVF_CPU_MSR_msr];
    f->seen++;
    if (ev->kind == EV_RESET) {
        f->found = false;
        return;
    }
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

static bool domain_of(struct guest *g, unsigned cpu, uint64_t *domain)
{
    *domain = fake(g)->running[cpu];
    return *domain;
}

static bool translate(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer)
{
    *outer = address + domain * 0x1000;
    return address < 0x2000;
}

static struct guest *hypervisor_create(const struct guest_options *o);
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
static struct guest *hypervisor_create(const struct guest_options *o)
{
    return make(&hypervisor, o);
}

/* ---- a firmware ---- */

static void firmware_event(struct guest *g, const struct event *ev)
{
    fake(g)->seen++;
    if (!fake(g)->found)
        find(fake(g), ev, 0x5000);
}

static struct guest *firmware_create(const struct guest_options *o);
static const struct guest_system firmware = {.name = "firmware",
                                             .needs = EVENT_CLASS_BIT(EC_FIRMWARE),
                                             .create = firmware_create,
                                             .destroy = destroy,
                                             .event = firmware_event,
                                             .task = nobody,
                                             .read = read_number,
                                             .describe = describe};
static struct guest *firmware_create(const struct guest_options *o)
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
};

static void take_event(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->events);
    snprintf(f->events + n, sizeof f->events - n, "%llu %s %.*s\n", (unsigned long long)ev->icount,
             event_kind(ev->kind)->name, (int)ev->len, ev->data ? (const char *)ev->data : "");
}

static void take_note(void *ctx, const struct trace_note *note)
{
    ((struct fixture *)ctx)->unmaps += !strcmp(note->type, "symbols.unmap");
}

static struct fixture *start(const char *inspect, const char *probe)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    f->m.e.ops = &machine_ops;
    f->settings[0] = (struct setting){"inspect", inspect};
    f->settings[1] = (struct setting){"probe", probe};
    f->config = (struct engine_config){.settings = f->settings, .nsettings = probe ? 2 : 1};
    const struct inspector_options o = {.engine = &f->m.e,
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

static void finish(struct fixture *f)
{
    inspector_finish(f->in);
    inspector_destroy(f->in);
    free(f);
}

static void happens(struct fixture *f, unsigned kind, unsigned cpu, uint64_t f0, uint64_t f1)
{
    struct event ev = {.kind = (uint16_t)kind, .cpu = (uint8_t)cpu, .f = {f0, f1}};
    f->m.icount += 10;
    ev.icount = ev.time = f->m.icount;
    inspector_event(f->in, &ev);
}

static void msr(struct fixture *f, unsigned cpu, unsigned value, uint64_t which)
{
    happens(f, EV_CPU_MSR, cpu, which, value);
}

/* The processor executes an address: whoever has a probe there is called. */
static void executes(struct fixture *f, unsigned cpu, uint64_t address)
{
    for (size_t i = 0; i < f->m.nstops; i++)
        if (f->m.stops[i].address == address) {
            inspector_probe(f->in, f->m.stops[i].id, cpu, ++f->m.icount);
            return;
        }
}

static void says(struct fixture *f, const char *want)
{
    assert_string_equal(f->events, want);
    f->events[0] = 0;
}

static void runs(struct fixture *f, unsigned cpu, uint32_t pid, symbol_space space, char byte)
{
    struct guest_task t;
    char read = 0;
    assert_int_equal(inspector_task(f->in, cpu, &t), pid != 0);
    assert_int_equal(t.pid, pid);
    assert_int_equal(t.space, space);
    assert_true(inspector_read(f->in, cpu, 0, &read, 1));
    assert_int_equal(read, byte);
}

static void described(struct fixture *f, const char *want)
{
    struct text out = {0};
    inspector_describe(f->in, &out);
    assert_string_equal(out.n ? out.s : "", want);
    free(out.s);
}

/* ---------------------------------------------------------------- tests */

/* Two at one machine: each sees its classes, numbers are in the order of finding, and the one that knows says who runs. */
static void beside_each_other(void **state)
{
    struct fixture *f = start("kernel,firmware", NULL);
    assert_int_equal(inspector_classes(f->in),
                     EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_FIRMWARE));
    runs(f, 0, 0, SPACE_KERNEL, 0);
    happens(f, EV_POST_CODE, 0, 1, 0);
    runs(f, 0, 0, SPACE_KERNEL, 0); /* the firmware is there, but does not know */
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 1, 201, symbol_space_of(1, 0), 'B');
    described(f, "kernel: found\nfirmware: found\n");
    says(f, "10 firmware.post \n10 kernel.found firmware 0\n20 cpu.msr \n20 kernel.found kernel 1\n");
    finish(f);
}

/* A hypervisor with two domains: each event goes to those whom it concerns, the innermost is asked, and the kernel that looked at
 * the machine itself finds nothing in a domain. */
static void inside_another(void **state)
{
    struct fixture *f = start("all", NULL);
    msr(f, 0, HYPERVISOR_RUNS, 0);
    msr(f, 0, DOMAIN_BEGINS, 1);
    msr(f, 0, DOMAIN_BEGINS, 2);
    described(f, "kernel: not found\nhypervisor: found\nfirmware: not found\n"
                 "  kernel: not found\n  firmware: not found\n  kernel: not found\n  firmware: not found\n");
    runs(f, 0, 100, 0, 'A');
    msr(f, 0, KERNEL_RUNS, 0); /* no domain runs: it is nobody's */
    msr(f, 0, DOMAIN_RUNS, 2);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 200, symbol_space_of(1, 0), 'B'); /* the second domain's kernel was found first */
    runs(f, 1, 101, 0, 'A');                     /* the other processor runs the hypervisor */
    msr(f, 1, DOMAIN_RUNS, 1);
    runs(f, 1, 101, 0, 'A'); /* nothing is found in there yet */
    msr(f, 1, KERNEL_RUNS, 0);
    runs(f, 1, 301, symbol_space_of(2, 0), 'C');
    described(f, "kernel: not found\nhypervisor: found\nfirmware: not found\n"
                 "  kernel: found\n  firmware: not found\n  kernel: found\n  firmware: not found\n");
    msr(f, 1, DOMAIN_RUNS, 0);
    f->events[0] = 0;
    msr(f, 0, DOMAIN_ENDS, 2);
    assert_int_equal(f->unmaps, 1);
    described(
        f,
        "kernel: not found\nhypervisor: found\nfirmware: not found\n  kernel: found\n  firmware: not found\n");
    says(f, "100 cpu.msr \n");
    finish(f);
}

/* What was found is gone after a reset, and so are all places inside; numbers begin again. */
static void after_a_reset(void **state)
{
    struct fixture *f = start("hypervisor,kernel", NULL);
    msr(f, 0, HYPERVISOR_RUNS, 0);
    msr(f, 0, DOMAIN_BEGINS, 1);
    msr(f, 0, DOMAIN_RUNS, 1);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 200, symbol_space_of(1, 0), 'B');
    happens(f, EV_RESET, 0, 0, 0);
    assert_int_equal(f->unmaps, 2);
    runs(f, 0, 0, SPACE_KERNEL, 0);
    described(f, "kernel: not found\nhypervisor: not found\n");
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 100, SPACE_KERNEL, 'A');
    finish(f);
}

/* A probe at an address that several kernels execute is that of the one that runs. A symbol that is asked for is looked up in the space of who
 * runs. */
static void probes_of_each(void **state)
{
    struct fixture *f = start("kernel,hypervisor", "kernel");
    msr(f, 0, HYPERVISOR_RUNS, 0);
    for (uint64_t d = 1; d <= 2; d++) {
        msr(f, 0, DOMAIN_BEGINS, d);
        msr(f, 0, DOMAIN_RUNS, d);
        msr(f, 0, KERNEL_RUNS, 0);
    }
    f->events[0] = 0;
    executes(f, 0, FUNCTION); /* in domain 2 */
    msr(f, 0, DOMAIN_RUNS, 0);
    executes(f, 0, FUNCTION); /* in the hypervisor, which has no such symbol */
    inspector_finish(f->in);
    says(f, "71 probe.enter kernel\n81 cpu.msr \n");
    described(f, "kernel: not found\nhypervisor: found\n  kernel: found\n  kernel: found, calls: 1\n");
    finish(f);
}

/* Physical memory of a guest inside another: page by page where the outer one has it, through both if there are two. */
static void memory_of_domains(void **state)
{
    struct machine m = {.e = {&machine_ops}};
    struct fake_guest outer = {.guest = {&hypervisor, NULL, 0}},
                      middle = {.guest = {&hypervisor, &outer.guest, 2}},
                      inner = {.guest = {&kernel, &middle.guest, 1}};
    char buf[0x3000];
    for (unsigned page = 0; page < MEMORY / 0x1000; page++)
        memset(m.memory + page * 0x1000, 'a' + (int)page, 0x1000);
    assert_int_equal(guest_peek_physical(&outer.guest, &m.e, 0x1fff, buf, 2), 2);
    assert_memory_equal(buf, "bc", 2);
    assert_int_equal(guest_peek_physical(&middle.guest, &m.e, 0xfff, buf, 2), 2);
    assert_memory_equal(buf, "cd", 2);
    assert_int_equal(guest_peek_physical(&middle.guest, &m.e, 0x1ffe, buf, 5), 2); /* the domain ends there */
    assert_int_equal(guest_peek_physical(&middle.guest, &m.e, 0x2000, buf, 1), 0);
    assert_int_equal(guest_peek_physical(&inner.guest, &m.e, 0xffe, buf, 2), 2);
    assert_memory_equal(buf, "dd", 2);
    assert_int_equal(guest_peek_physical(&inner.guest, &m.e, 0x1000, buf, 1),
                     0); /* the middle one has no such page */
}

static void names_of_systems(void **state)
{
    struct error err;
    uint32_t chosen;
    struct text names = {0};
    assert_int_equal(guest_systems_parse(systems, "firmware,kernel", &chosen, &err), 0);
    assert_int_equal(chosen, 5);
    guest_systems_names(systems, chosen, &names);
    assert_string_equal(names.s, "kernel,firmware");
    free(names.s);
    assert_int_equal(guest_systems_parse(systems, "all", &chosen, &err), 0);
    assert_int_equal(chosen, 7);
    assert_int_equal(guest_systems_parse(systems, "none", &chosen, &err), 0);
    assert_int_equal(chosen, 0);
    assert_int_equal(guest_systems_parse(systems, "kernel,beos", &chosen, &err), -1);
    assert_string_equal(err.text,
                        "inspect: there is no guest system \"beos\": give one or more of kernel, hypervisor, "
                        "firmware, or all, or none");
    assert_int_equal(guest_systems_parse(systems, "kernel,", &chosen, &err), -1);
    assert_int_equal(guest_systems_parse(systems, "", &chosen, &err), -1);
    assert_int_equal(guest_systems_parse(guest_systems, "linux", &chosen, &err), 0);
}

static void words_of_linux(void **state)
{
    assert_string_equal(guest_word(EV_INITCALL, EVF_INITCALL_level, 8), "early");
    assert_string_equal(guest_word(EV_INITCALL_DONE, EVF_INITCALL_DONE_level, 12), "other");
    assert_string_equal(guest_word(EV_KERNEL_CALL, EVF_KERNEL_CALL_parent, 1), "start_kernel");
    assert_null(guest_word(EV_INITCALL, EVF_INITCALL_level, 13));
    assert_null(guest_word(EV_INITCALL, EVF_INITCALL_pid, 1));
    assert_null(guest_word(EV_POST_CODE, EVF_POST_CODE_code, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_each_other), cmocka_unit_test(inside_another),
        cmocka_unit_test(after_a_reset),     cmocka_unit_test(probes_of_each),
        cmocka_unit_test(memory_of_domains), cmocka_unit_test(names_of_systems),
        cmocka_unit_test(words_of_linux),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
