/* test_xen.c - the Xen inspector (core/systems/xen) with a hypervisor made up for it: a table of symbols in its own form, and functions
 * whose entries and exits the test says were reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/story/inspector.h"
#include "core/systems/xen/private/symbol_table.h"
#include "core/systems/xen/xen.h"

/* ---------------------------------------------------------------- the hypervisor's image */

#define ORIGIN 0xffff82d040000000u
#define IMAGE  (ORIGIN + 0x200000)
#define M2P    0xffff800000000000u

/* The forms of the tables: since 4.21 there are ends of symbols, and tokens are not aligned. */
enum form { OFFSETS, WHOLE_ADDRESSES, WITH_ENDS, FORMS };

enum { IMAGE_SIZE = 0x40000, FUNCTION = 0x100, TABLES = 0x20000, FILLERS = 300, DATA_SIZE = 0x4000 };

/* Functions that are looked for, each at IMAGE + (its place here + 1) * FUNCTION: one byte of code, then a return. */
static const char *const functions[] = {"__start_xen",          "context_switch",
                                        "domain_create",        "vcpu_create",
                                        "pv_hypercall",         "domain_shutdown",
                                        "domain_destroy",       "send_guest_vcpu_virq",
                                        "pv_inject_event",      "pv_emulate_privileged_op",
                                        "restore_all_guest",    "arch/x86/acpi/power.c#acpi_enter_sleep",
                                        "vcpu_runstate_change", "evtchn_2l_set_pending"};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

struct xen_image {
    uint8_t bytes[IMAGE_SIZE];
    size_t n;
};

static void align(struct xen_image *m, size_t to)
{
    while (m->n % to)
        m->bytes[m->n++] = 0;
}

static void add(struct xen_image *m, const void *p, size_t n)
{
    assert_true(m->n + n <= IMAGE_SIZE);
    memcpy(m->bytes + m->n, p, n);
    m->n += n;
}

static void add_number(struct xen_image *m, uint64_t v, unsigned width)
{
    align(m, width);
    add(m, &v, width);
}

/* The i-th symbol by address: the functions, then fillers. Its name has its type before it. */
static void symbol(unsigned i, char name[80], uint32_t *offset)
{
    if (i < FUNCTIONS)
        snprintf(name, 80, "T%s", functions[i]);
    else
        snprintf(name, 80, "dfiller_%u", i);
    *offset = 0x200000 + (i + 1) * FUNCTION;
}

/* As Xen's tools/symbols.c does, with one character a token. Every symbol has an end if any has. */
static void add_tables(struct xen_image *m, enum form form)
{
    enum { COUNT = FUNCTIONS + FILLERS };
    const unsigned width = form == WHOLE_ADDRESSES ? 8 : 4, entries = form == WITH_ENDS ? 2 : 1;
    char name[80];
    uint32_t offset, markers[2 * COUNT / 256 + 1];
    uint16_t begin[256];
    m->n = TABLES;
    for (unsigned i = 0; i < COUNT * entries; i++) {
        symbol(i / entries, name, &offset);
        offset += i % entries * 0x20;
        add_number(m, width == 4 ? offset : ORIGIN + offset, width);
    }
    add_number(m, COUNT * entries, width);
    size_t names = m->n;
    for (unsigned i = 0; i < COUNT * entries; i++) {
        symbol(i / entries, name, &offset);
        if (i % 256 == 0)
            markers[i / 256] = (uint32_t)(m->n - names);
        if (i % entries)
            name[0] = 0;
        add(m, &(uint8_t){(uint8_t)strlen(name)}, 1);
        add(m, name, strlen(name));
    }
    for (unsigned i = 0; i <= (COUNT * entries - 1) / 256; i++)
        add_number(m, markers[i], width);
    if (form != WITH_ENDS)
        align(m, 4);
    else
        m->bytes[m->n++] = 'x';
    size_t tokens = m->n;
    for (unsigned i = 0; i < 256; i++) {
        char token[2] = {i > ' ' && i < 127 ? (char)i : 0};
        begin[i] = (uint16_t)(m->n - tokens);
        add(m, token, strlen(token) + 1);
    }
    align(m, form == WITH_ENDS ? 2 : 4);
    add(m, begin, sizeof begin);
}

static void make_image(struct xen_image *m, enum form form)
{
    memset(m, 0, sizeof *m);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        memcpy(m->bytes + (i + 1) * FUNCTION, "\x90\xc3", 2);
    memcpy(m->bytes + FUNCTIONS * FUNCTION, "\x8b\x46\x10\xc3", 4); /* mov 16(%rsi),%eax: the port */
    add_tables(m, form);
}

/* ---------------------------------------------------------------- its symbols */

struct wanted {
    unsigned n;
};

static void compare(void *ctx, const char *name, char type, uint64_t address)
{
    struct wanted *w = ctx;
    char want[80];
    uint32_t offset;
    symbol(w->n++, want, &offset);
    assert_int_equal(type, want[0]);
    assert_string_equal(name, want + 1);
    assert_true(address == ORIGIN + offset);
}

static void finds_symbols(void **state)
{
    struct xen_image *m = malloc(sizeof *m);
    for (enum form form = 0; form < FORMS; form++) {
        struct xen_symbols s;
        struct error err;
        struct wanted w = {0};
        make_image(m, form);
        assert_int_equal(xen_symbols_find(m->bytes, m->n, IMAGE + 0x1234, &s, &err), 0);
        assert_int_equal(s.count, (FUNCTIONS + FILLERS) * (form == WITH_ENDS ? 2 : 1));
        xen_symbols_each(&s, compare, &w);
        assert_int_equal(w.n, FUNCTIONS + FILLERS);
    }
    free(m);
}

static void measure(void *ctx, const char *name, char type, uint64_t address)
{
    *(size_t *)ctx += strlen(name);
}

/* Each byte of the tables matters, and no length is trusted. */
static void damaged_symbols(void **state)
{
    struct xen_image *m = malloc(sizeof *m);
    struct xen_symbols s;
    struct error err;
    make_image(m, OFFSETS);
    for (size_t n = TABLES; n < m->n; n += 61) {
        uint8_t *part = malloc(n); /* so that a sanitizer sees what is read behind it */
        memcpy(part, m->bytes, n);
        assert_int_equal(xen_symbols_find(part, n, IMAGE, &s, &err), -1);
        free(part);
    }
    for (size_t at = TABLES; at < m->n; at += 7) {
        size_t length = 0;
        m->bytes[at] ^= 0x80;
        if (!xen_symbols_find(m->bytes, m->n, IMAGE, &s, &err))
            xen_symbols_each(&s, measure, &length);
        m->bytes[at] ^= 0x80;
    }
    free(m);
}

/* ---------------------------------------------------------------- the machine */

enum { STOPS = 256, RAX = 0, RBX, RDI, RSI, RDX, RSP, RIP, CR0, CPL, REGISTERS };

static const struct reg_desc registers[REGISTERS] = {
    {"rax", 64, REG_GENERAL}, {"rbx", 64, REG_GENERAL}, {"rdi", 64, REG_GENERAL},
    {"rsi", 64, REG_GENERAL}, {"rdx", 64, REG_GENERAL}, {"rsp", 64, REG_GENERAL},
    {"rip", 64, REG_GENERAL}, {"cr0", 64, REG_GENERAL}, {"cpl", 8, REG_SYSTEM}};

struct machine {
    struct engine e;
    struct xen_image xen;
    uint8_t stack[0x8000], data[DATA_SIZE]; /* at STACK and DATA */
    uint64_t m2p[512];
    uint64_t reg[REGISTERS];
    struct stop_point stops[STOPS];
    size_t nstops;
    uint64_t icount;
    struct guest *inner; /* in domain 0 */
};

#define STACK 0xffff830000008000u
#define DATA  0x500000u /* of the domain */

static struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
}

static uint64_t now(const struct engine *e)
{
    return machine_of(e)->icount;
}

static const struct reg_desc *all_registers(const struct engine *e, size_t *n)
{
    *n = REGISTERS;
    return registers;
}

static int get_register(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    memcpy(value, &machine_of(e)->reg[reg], registers[reg].bits / 8);
    return 0;
}

static unsigned wide_code(const struct engine *e, unsigned cpu)
{
    return 64;
}

static size_t part_of(uint64_t address, void *buf, size_t n, uint64_t begin, const void *bytes, size_t size)
{
    if (address < begin || address - begin >= size)
        return 0;
    size_t left = size - (address - begin);
    n = n < left ? n : left;
    memcpy(buf, (const uint8_t *)bytes + (address - begin), n);
    return n;
}

static size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    const struct machine *m = machine_of(e);
    size_t done = part_of(address, buf, n, IMAGE, m->xen.bytes, IMAGE_SIZE);
    done = done ? done : part_of(address, buf, n, STACK, m->stack, sizeof m->stack);
    done = done ? done : part_of(address, buf, n, DATA, m->data, sizeof m->data);
    return done ? done : part_of(address, buf, n, M2P, m->m2p, sizeof m->m2p);
}

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    memset(buf, (int)(address >> 12), n);
    return n;
}

static void take_stops(struct engine *e, const struct stop_point *stops, size_t n)
{
    assert_true(n <= STOPS);
    memcpy(machine_of(e)->stops, stops, n * sizeof *stops);
    machine_of(e)->nstops = n;
}

static const struct engine_ops machine_ops = {.name = "fake",
                                              .time = now,
                                              .icount = now,
                                              .regs = all_registers,
                                              .reg_get = get_register,
                                              .code_bits = wide_code,
                                              .peek = peek,
                                              .peek_physical = peek_physical,
                                              .stops = take_stops};

/* ---------------------------------------------------------------- the inspector */

struct fixture {
    struct machine m;
    struct inspector *in;
    struct setting setting[2];
    struct engine_config config;
    char events[8000]; /* a line each */
};

static void take_event(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    char text[500];
    size_t n = strlen(f->events);
    event_text(ev, text, sizeof text);
    snprintf(f->events + n, sizeof f->events - n, "%s: %s\n", event_kind(ev->kind)->name, text);
}

/* A system that is looked for in domains. */
static struct guest *inner_create(const struct guest_options *o);
static void inner_destroy(struct guest *g)
{
    free(g);
}
static void inner_event(struct guest *g, const struct event *ev) {}
static void inner_enters(struct guest *g, unsigned cpu, uint64_t ip)
{
    assert_true(guest_runs(g, cpu));
}
static const struct guest_system inner_system = {.name = "inner",
                                                 .create = inner_create,
                                                 .destroy = inner_destroy,
                                                 .event = inner_event,
                                                 .enters = inner_enters};
static struct guest *inner_create(const struct guest_options *o)
{
    struct guest *g = malloc(sizeof *g);
    *g = (struct guest){.system = &inner_system, .parent = o->parent, .domain = o->domain};
    if (o->parent)
        machine_of(o->engine)->inner = g;
    return g;
}

static const struct guest_system *const systems[] = {&xen_system, &inner_system, NULL};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    f->m.e.ops = &machine_ops;
    make_image(&f->m.xen, OFFSETS);
    memset(f->m.m2p, 0xff, sizeof f->m.m2p);
    f->setting[0] = (struct setting){"inspect", "all"};
    f->setting[1] = (struct setting){"story", "4"};
    f->config = (struct engine_config){.settings = f->setting, .nsettings = 2};
    const struct inspector_options o = {.engine = &f->m.e,
                                        .config = &f->config,
                                        .systems = systems,
                                        .classes = EVENT_CLASSES_ALL,
                                        .ctx = f,
                                        .emit = take_event};
    f->in = inspector_create(&o, &err);
    assert_non_null(f->in);
    inspector_start(f->in);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    inspector_destroy(f->in);
    free(f);
    return 0;
}

/* The instruction at an address is reached. */
static void reach(struct fixture *f, uint64_t address)
{
    f->m.icount++;
    f->m.reg[RIP] = address;
    for (size_t i = 0; i < f->m.nstops; i++)
        if (f->m.stops[i].address == address) {
            inspector_probe(f->in, f->m.stops[i].id, 0, f->m.icount);
            return;
        }
}

static uint64_t address_of(const char *function)
{
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (strstr(functions[i], function))
            return IMAGE + (i + 1) * FUNCTION;
    fail_msg("%s", function);
    return 0;
}

/* A function of the hypervisor is called and returns. */
static void call(struct fixture *f, const char *function, uint64_t a, uint64_t b, uint64_t result)
{
    uint64_t rax = f->m.reg[RAX];
    f->m.reg[CPL] = 0;
    f->m.reg[RSP] = STACK + 0x7000;
    f->m.reg[RDI] = a;
    f->m.reg[RSI] = b;
    reach(f, address_of(function));
    f->m.reg[RAX] = result;
    reach(f, address_of(function) + 1);
    f->m.reg[RAX] = rax;
}

/* Everything up to now is passed on. */
static const char *told(struct fixture *f)
{
    inspector_event(f->in, &(struct event){.kind = EV_CPU_A20, .icount = ++f->m.icount});
    char *last = strstr(f->events, "cpu.a20");
    if (last)
        *last = 0;
    return f->events;
}

static void forget(struct fixture *f)
{
    told(f);
    f->events[0] = 0;
}

enum { DOMAIN_STRUCT = 0x111000, VCPU_STRUCT = 0x222000, IDLE_STRUCT = 0x333000 };

static void boot_xen(struct fixture *f)
{
    const struct event ev = {
        .kind = EV_CPU_DTABLE, .icount = ++f->m.icount, .f = {[EVF_CPU_DTABLE_ip] = IMAGE + 0x123}};
    inspector_event(f->in, &ev);
}

/* Domain 0 with one virtual processor runs. */
static void make_domain(struct fixture *f)
{
    call(f, "domain_create", 0x7fff, 0, 0x999000); /* Xen's own: idle */
    call(f, "domain_create", 0, 0, DOMAIN_STRUCT);
    call(f, "vcpu_create", DOMAIN_STRUCT, 0, VCPU_STRUCT);
    call(f, "context_switch", IDLE_STRUCT, VCPU_STRUCT, 0);
}

static void start_domain(struct fixture *f)
{
    boot_xen(f);
    make_domain(f);
}

/* ---------------------------------------------------------------- tests */

static void finds_hypervisor(void **state)
{
    struct fixture *f = *state;
    boot_xen(f);
    told(f);
    assert_non_null(
        strstr(f->events, "xen.found: Xen of unknown version; at 0xffff82d040000000, 314 symbols\n"));
    assert_non_null(strstr(f->events, "kernel.note: this hypervisor has no init_e820, "));
}

static void put64(struct fixture *f, size_t at, uint64_t v)
{
    memcpy(f->m.data + at, &v, sizeof v);
}

/* A domain is made, starts where Xen returns to, and ends. */
static void life_of_a_domain(void **state)
{
    struct fixture *f = *state;
    enum { INFO = 0x1000, ENTRY = 0x500800 };
    boot_xen(f);
    forget(f);
    make_domain(f);
    memcpy(f->m.data + INFO, "xen-3.0-x86_64", 14);
    put64(f, INFO + 32, 1234);
    put64(f, INFO + 112, 8);
    put64(f, INFO + 120, 4000);
    put64(f, INFO + 48, 8);
    memcpy(f->m.data + INFO + 128, "console=hvc0", 13);
    const uint64_t entry = ENTRY;
    f->m.reg[RSP] = STACK + 0x100;
    memcpy(f->m.stack + 0x100 + 0x80, &entry, 8);
    reach(f, address_of("restore_all_guest"));
    f->m.reg[CPL] = 3;
    f->m.reg[RSI] = DATA + INFO;
    reach(f, ENTRY);
    reach(f, ENTRY); /* only once */
    call(f, "domain_shutdown", DOMAIN_STRUCT, 1, 0);
    call(f, "context_switch", VCPU_STRUCT, IDLE_STRUCT, 0);
    call(f, "domain_destroy", DOMAIN_STRUCT, 0, 0);
    call(f, "acpi_enter_sleep", 0, 0, 0);
    assert_string_equal(
        told(f),
        "domain.create: domain 0 created\n"
        "domain.vcpu: domain 0 gets virtual processor 0\n"
        "sched.vcpu: idle -> d0v0\n"
        "domain.start: domain 0 starts at 0x500800: 1234 pages, start info at 0x501000; xen-3.0-x86_64\n"
        "kernel.command-line: command line: console=hvc0\n"
        "kernel.initrd: initrd at 0x8000, 4000 bytes\n"
        "domain.end: domain 0 shuts down: reboot\n"
        "sched.vcpu: d0v0 -> idle\n"
        "domain.end: domain 0 destroyed\n"
        "kernel.shutdown: Xen acpi_enter_sleep\n");
}

enum { USER = 0x7f00, CALLER = 0x800, SP = 0x900 };

static void put_register(struct fixture *f, unsigned offset, uint64_t v)
{
    memcpy(f->m.stack + USER + offset, &v, sizeof v);
}

/* The domain makes a hypercall from the hypercall page. */
static void hypercall(struct fixture *f, uint64_t number, uint64_t a, uint64_t b, uint64_t c, int64_t result)
{
    put_register(f, 0x50, number);
    put_register(f, 0x70, a);
    put_register(f, 0x68, b);
    put_register(f, 0x60, c);
    put_register(f, 0x80, DATA + CALLER);
    put_register(f, 0x98, DATA + SP);
    f->m.reg[CPL] = 0;
    f->m.reg[RSP] = STACK + 0x7000;
    f->m.reg[RDI] = STACK + USER;
    reach(f, address_of("pv_hypercall"));
    put_register(f, 0x50, (uint64_t)result);
    reach(f, address_of("pv_hypercall") + 1);
}

static void hypercalls(void **state)
{
    struct fixture *f = *state;
    start_domain(f);
    forget(f);
    memcpy(f->m.data + CALLER, "\x41\x5b\x59\xc3", 4);
    put64(f, SP + 16, 0xabcdef);
    hypercall(f, 17, 0, 0, 0, 0x40011);
    put64(f, 0x100, 0); /* virq timer, vcpu 0 */
    put64(f, 0x108, 7); /* port 7 */
    hypercall(f, 32, 1, DATA + 0x100, 0, 0);
    put64(f, 0x200, 3);      /* pin_l4_table */
    put64(f, 0x200 + 24, 6); /* tlb_flush_local, twice */
    put64(f, 0x200 + 48, 6);
    hypercall(f, 26, DATA + 0x200, 3, 0, 0);
    for (unsigned i = 0; i < 5; i++)
        hypercall(f, 23, 0, 0, 0, 0);
    memcpy(f->m.data + 0x300, "Hello\nwor", 9);
    hypercall(f, 18, 0, 9, DATA + 0x300, 0);
    memcpy(f->m.data + 0x300, "ld\n", 3);
    hypercall(f, 18, 0, 3, DATA + 0x300, 0);
    /* A batch of two. */
    put64(f, 0x400, 3);
    put64(f, 0x440, 29);
    put64(f, 0x448, 0);
    put64(f, 0x450, 1);
    hypercall(f, 13, DATA + 0x400, 2, 0, 0);
    hypercall(f, 999, 1, 2, 3, -38);
    assert_string_equal(
        told(f), "hypercall: d0v0 xen_version(version) = 262161\n"
                 "hypercall: d0v0 event_channel_op(bind_virq, virtual interrupt timer, vcpu 0, port 7) = 0\n"
                 "hypercall: d0v0 mmuext_op(pin_l4_table, tlb_flush_local x2) = 0\n"
                 "hypercall: d0v0 iret() = 0\n"
                 "hypercall.again: d0v0 iret() again x4\n"
                 "domain.console: domain 0 writes Hello\n"
                 "hypercall: d0v0 console_io(write, 9 bytes) = 0\n"
                 "domain.console: domain 0 writes world\n"
                 "hypercall: d0v0 console_io(write, 3 bytes) = 0\n"
                 "hypercall: d0v0 multicall(2 entries) = 0\n"
                 "hypercall: d0v0 stack_switch() = 0\n"
                 "hypercall: d0v0 sched_op(block) = 0\n"
                 "hypercall: d0v0 hypercall 999() = -38\n");
}

/* A call of mmu_update, which Xen has made again where it is not finished. */
static void update(struct fixture *f, uint64_t entries, bool finished)
{
    put_register(f, 0x50, 1);
    put_register(f, 0x70, DATA);
    put_register(f, 0x68, entries);
    put_register(f, 0x80, DATA + CALLER);
    f->m.reg[CPL] = 0;
    f->m.reg[RSP] = STACK + 0x7000;
    f->m.reg[RDI] = STACK + USER;
    reach(f, address_of("pv_hypercall"));
    put_register(f, 0x50, !finished);
    put_register(f, 0x80, DATA + CALLER - (finished ? 0 : 2));
    reach(f, address_of("pv_hypercall") + 1);
}

/* Xen has it made again, to go on with it: one call, as it was made at first. */
static void continued(void **state)
{
    struct fixture *f = *state;
    start_domain(f);
    forget(f);
    update(f, 5, false);
    update(f, 0x80000001, false);
    update(f, 0x80000001, true);
    assert_string_equal(told(f), "hypercall: d0v0 mmu_update(5 entries) = 0\n");
}

/* Meanwhile another virtual processor makes calls on the same processor, even at the same place. */
static void continued_after_another(void **state)
{
    enum { OTHER_STRUCT = 0x444000 };
    struct fixture *f = *state;
    start_domain(f);
    call(f, "vcpu_create", DOMAIN_STRUCT, 1, OTHER_STRUCT);
    forget(f);
    update(f, 5, false);
    call(f, "context_switch", VCPU_STRUCT, OTHER_STRUCT, 0);
    hypercall(f, 29, 1, 0, 0, 0);
    update(f, 7, false);
    call(f, "context_switch", OTHER_STRUCT, VCPU_STRUCT, 0);
    update(f, 0x80000001, true);
    assert_string_equal(told(f), "sched.vcpu: d0v0 -> d0v1\n"
                                 "hypercall: d0v1 sched_op(block) = 0\n"
                                 "sched.vcpu: d0v1 -> d0v0\n"
                                 "hypercall: d0v0 mmu_update(5 entries) = 0\n");
}

static void traps(void **state)
{
    struct fixture *f = *state;
    start_domain(f);
    hypercall(f, 23, 0, 0, 0, 0); /* shows where registers are */
    forget(f);
    put_register(f, 0x80, DATA + 0x20);
    const struct {
        int16_t vector;
        uint8_t type, length;
        int32_t error;
        uint64_t cr2;
    } fault = {14, 3, 0, 6, 0x1234};
    memcpy(f->m.data + 0x600, &fault, sizeof fault);
    call(f, "pv_inject_event", DATA + 0x600, 0, 0);
    memcpy(f->m.data + 0x20, "\x48\x0f\x30", 3);
    call(f, "pv_emulate_privileged_op", STACK + USER, 0, 1);
    put_register(f, 0x60, 0x12345678);
    memcpy(f->m.data + 0x20, "\xec", 1);
    call(f, "pv_emulate_privileged_op", STACK + USER, 0, 0);
    call(f, "send_guest_vcpu_virq", VCPU_STRUCT, 0, 0);
    call(f, "send_guest_vcpu_virq", 0xbad, 0, 0);
    assert_string_equal(told(f), "domain.exception: d0v0 page fault in a program error 0x6 cr2 0x1234\n"
                                 "domain.emulate: d0v0 wrmsr in a program emulated=on\n"
                                 "domain.emulate: d0v0 in port 5678h in a program emulated=off\n"
                                 "domain.event: d0v0 gets virtual interrupt timer\n");
}

/* Virtual processors wait and are woken; an event channel's port becomes pending, but is not told of an interrupt that was. */
static void events(void **state)
{
    struct fixture *f = *state;
    start_domain(f);
    forget(f);
    put64(f, 0x610, 7);
    call(f, "evtchn_2l_set_pending", VCPU_STRUCT, DATA + 0x600, 0);
    call(f, "evtchn_2l_set_pending", 0xbad, DATA + 0x600, 0);
    f->m.reg[RDI] = VCPU_STRUCT;
    f->m.reg[RSI] = 0;
    reach(f, address_of("send_guest_vcpu_virq"));
    f->m.reg[RSP] -= 64;
    f->m.reg[RSI] = DATA + 0x600;
    reach(f, address_of("evtchn_2l_set_pending"));
    f->m.reg[RSP] += 64;
    reach(f, address_of("send_guest_vcpu_virq") + 1);
    put64(f, 0x610, 8);
    call(f, "evtchn_2l_set_pending", VCPU_STRUCT, DATA + 0x600, 0);
    call(f, "vcpu_runstate_change", VCPU_STRUCT, 2, 0);
    call(f, "vcpu_runstate_change", IDLE_STRUCT, 1, 0);
    call(f, "vcpu_runstate_change", VCPU_STRUCT, 1, 0);
    call(f, "vcpu_runstate_change", VCPU_STRUCT, 0, 0);
    call(f, "vcpu_runstate_change", VCPU_STRUCT, 77, 0);
    assert_string_equal(told(f), "domain.event: d0v0 gets port 7\n"
                                 "domain.event: d0v0 gets virtual interrupt timer\n"
                                 "domain.event: d0v0 gets port 8\n"
                                 "sched.state: d0v0 is blocked\n"
                                 "sched.state: d0v0 is runnable\n");
}

/* Whatever a domain passes. */
static void hostile(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1;
    start_domain(f);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t v[4];
        for (unsigned k = 0; k < 4; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            v[k] = seed >> (seed >> 59) >> 8;
            if (seed >> 40 & 1)
                v[k] = DATA + v[k] % (DATA_SIZE + 16);
        }
        put64(f, v[0] % (DATA_SIZE - 8), v[1]);
        hypercall(f, (v[3] >> 3) % 60, v[0], v[1], v[2], (int64_t)v[2]);
        if (i % 100 == 0)
            forget(f);
    }
    forget(f);
}

/* A domain's frames by the table of machine frames; a stale answer is noticed. */
static void memory(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[16];
    start_domain(f);
    const struct guest *g = f->m.inner;
    assert_non_null(g);
    f->m.m2p[30] = 5;
    f->m.m2p[31] = 6;
    assert_int_equal(guest_peek_physical(g, &f->m.e, 6 * 4096 - 8, bytes, 16), 16);
    assert_int_equal(bytes[7], 30); /* the fake memory's bytes tell the machine frame */
    assert_int_equal(bytes[8], 31);
    f->m.m2p[30] = UINT64_MAX;
    f->m.m2p[32] = 5;
    f->m.icount++;
    assert_int_equal(guest_peek_physical(g, &f->m.e, 5 * 4096, bytes, 16), 16);
    assert_int_equal(bytes[0], 32);
    assert_int_equal(guest_peek_physical(g, &f->m.e, 7 * 4096, bytes, 16), 0);
    assert_int_equal(guest_peek_physical(g, &f->m.e, UINT64_MAX - 15, bytes, 16), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_symbols),
        cmocka_unit_test(damaged_symbols),
        cmocka_unit_test_setup_teardown(finds_hypervisor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(life_of_a_domain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hypercalls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(continued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(continued_after_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(traps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
