/* test_freebsd.c - the FreeBSD inspector on a kernel in memory that is made here: how it is found, and what happens if its
 * header, symbols, metadata or SYSINITs are damaged. tests/boot/freebsd.sh has a kernel that runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/freebsd/freebsd.h"
#include "tests/unit/fake_machine.h"

/* ---------------------------------------------------------------- the machine */

#define KERNBASE 0xffffffff80000000u
enum {
    MEMORY = 4 << 20,
    IMAGE = 0x200000, /* physical: header, symbols, code, data */
    HASH = IMAGE + 0x800,
    SYMTAB = IMAGE + 0x1000,
    STRTAB = IMAGE + 0x1800,
    DYNAMIC = IMAGE + 0x1f00,
    TEXT = IMAGE + 0x2000,
    DATA = IMAGE + 0x3000,
    IMAGE_SIZE = 0x8000,
    METADATA = 0x300000,
    WHOLE = 0x310000,       /* the loader's copy of the whole symbol table */
    ENVIRONMENT = 0x320000, /* "name=value" */
    STACK = 0x330000,
};
enum reg { RAX, RCX, RDX, RSI, RDI, RSP, R8, R9, GS_BASE, CPL, CR0, REGS };
static const struct reg_desc descriptions[REGS] = {
    {"rax", 64, REG_GENERAL}, {"rcx", 64, REG_GENERAL}, {"rdx", 64, REG_GENERAL},
    {"rsi", 64, REG_GENERAL}, {"rdi", 64, REG_GENERAL}, {"rsp", 64, REG_GENERAL},
    {"r8", 64, REG_GENERAL},  {"r9", 64, REG_GENERAL},  {"gs_base", 64, REG_SEGMENT},
    {"cpl", 8, REG_SYSTEM},   {"cr0", 64, REG_CONTROL}};

struct machine {
    struct fake_machine fake;
    uint8_t *memory;
};

static struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
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
    return peek_physical(e, address >= KERNBASE ? address - KERNBASE : address, buf, n);
}

static const struct engine_ops machine_ops = {FAKE_OPS, .peek = peek, .peek_physical = peek_physical};

/* ---------------------------------------------------------------- the kernel */

static void put(struct machine *m, uint64_t at, uint64_t v, size_t n)
{
    memcpy(m->memory + at, &v, n);
}

static uint64_t record(struct machine *m, uint64_t at, uint32_t type, const void *data, uint32_t n)
{
    put(m, at, type, 4);
    put(m, at + 4, n, 4);
    memcpy(m->memory + at + 8, data, n);
    return at + 8 + (n + 7) / 8 * 8;
}

static uint64_t number_record(struct machine *m, uint64_t at, uint32_t type, uint64_t v)
{
    return record(m, at, type, &v, 8);
}

enum {
    MI_STARTUP = TEXT + 0x100,
    CALL = MI_STARTUP + 4,
    VM_FORKPROC = TEXT + 0x200,
    FUNCTION = TEXT + 0x300
};
enum { OSRELDATE = DATA, VERSION = DATA + 0x10, SYSINIT = DATA + 0x100 };
enum { SYMBOLS = 9 }; /* with the empty one */
enum { ALLPROC = DATA + 0x200, PROC0 = DATA + 0x400, THREAD0 = DATA + 0x1800 };

/* One symbol more; returns how many there are. */
static unsigned symbol(struct machine *m, unsigned i, uint64_t *strings, const char *name, uint64_t physical,
                       unsigned type)
{
    uint64_t at = SYMTAB + 24 * i;
    put(m, at, *strings - STRTAB, 4);
    put(m, at + 4, type | 0x10, 1);
    put(m, at + 6, 1, 2);
    put(m, at + 8, physical + KERNBASE, 8);
    put(m, at + 16, 16, 8);
    strcpy((char *)m->memory + *strings, name);
    *strings += strlen(name) + 1;
    return i + 1;
}

static void make_symbols(struct machine *m)
{
    uint64_t strings = STRTAB + 1;
    unsigned n = 1;
    n = symbol(m, n, &strings, "mi_startup", MI_STARTUP, 2);
    n = symbol(m, n, &strings, "vm_forkproc", VM_FORKPROC, 2);
    n = symbol(m, n, &strings, "sys_function", FUNCTION, 2);
    n = symbol(m, n, &strings, "osreldate", OSRELDATE, 1);
    n = symbol(m, n, &strings, "version", VERSION, 1);
    n = symbol(m, n, &strings, "allproc", ALLPROC, 1);
    n = symbol(m, n, &strings, "proc0", PROC0, 1);
    n = symbol(m, n, &strings, "thread0_st", THREAD0, 1);
    assert_int_equal(n, SYMBOLS);
    put(m, HASH + 4, n, 4);
    const uint64_t dynamic[] = {
        4, HASH + KERNBASE, 5, STRTAB + KERNBASE, 6, SYMTAB + KERNBASE, 10, strings - STRTAB, 0, 0};
    memcpy(m->memory + DYNAMIC, dynamic, sizeof dynamic);
    /* The whole table is the same here. */
    put(m, WHOLE, 24 * n, 8);
    memcpy(m->memory + WHOLE + 8, m->memory + SYMTAB, 24 * n);
    put(m, WHOLE + 8 + 24 * n, strings - STRTAB, 8);
    memcpy(m->memory + WHOLE + 16 + 24 * n, m->memory + STRTAB, strings - STRTAB);
}

static void make_header(struct machine *m)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 9};
    memcpy(m->memory + IMAGE, ident, sizeof ident);
    put(m, IMAGE + 16, 2, 2);
    put(m, IMAGE + 18, 62, 2);
    put(m, IMAGE + 24, TEXT + KERNBASE, 8);
    put(m, IMAGE + 32, 64, 8);
    put(m, IMAGE + 54, 56, 2);
    put(m, IMAGE + 56, 2, 2);
    put(m, IMAGE + 64, 1, 4); /* PT_LOAD */
    put(m, IMAGE + 64 + 16, IMAGE + KERNBASE, 8);
    put(m, IMAGE + 64 + 40, IMAGE_SIZE, 8);
    put(m, IMAGE + 120, 2, 4); /* PT_DYNAMIC */
    put(m, IMAGE + 120 + 16, DYNAMIC + KERNBASE, 8);
    put(m, IMAGE + 120 + 40, 160, 8);
}

static void make_metadata(struct machine *m)
{
    uint64_t at = METADATA;
    uint8_t map[20] = {0};
    map[10] = 0x10;
    map[16] = 1;
    at = record(m, at, 1, "kernel", 7);
    at = record(m, at, 2, "elf64 kernel", 13);
    at = number_record(m, at, 3, IMAGE);
    at = number_record(m, at, 4, IMAGE_SIZE);
    at = number_record(m, at, 0x8003, WHOLE);
    at = number_record(m, at, 0x8004, WHOLE + 0x1000);
    at = number_record(m, at, 0x8006, ENVIRONMENT);
    at = record(m, at, 0x9001, map, sizeof map);
    put(m, at, 0, 8);
    strcpy((char *)m->memory + ENVIRONMENT, "console=comconsole");
}

/* mi_startup: "call *8(%rax)" after four bytes, then "ret". */
static void make_code(struct machine *m)
{
    static const uint8_t code[] = {0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x08, 0xc3};
    memcpy(m->memory + MI_STARTUP, code, sizeof code);
    m->memory[VM_FORKPROC] = m->memory[FUNCTION] = 0xc3;
    put(m, OSRELDATE, 1201000, 4);
    strcpy((char *)m->memory + VERSION, "FreeBSD 12.1-MADE\n  here\n");
    put(m, SYSINIT, 0x1800000, 4);
    put(m, SYSINIT + 4, 2, 4);
    put(m, SYSINIT + 8, FUNCTION + KERNBASE, 8);
    put(m, SYSINIT + 16, VERSION + KERNBASE, 8);
    m->fake.reg[CR0] = 0x80000011;
    m->fake.reg[RSP] = STACK;
    m->fake.reg[RAX] = SYSINIT + KERNBASE;
    m->fake.reg[RDI] = VERSION + KERNBASE;
    put(m, STACK + 4, METADATA, 4);
}

/* ---------------------------------------------------------------- the inspector with it */

static const struct guest_system *const systems[] = {&freebsd_system, NULL};

struct fixture {
    struct machine m;
    struct inspector *in;
    char events[16384]; /* a line each; more are left out */
};

static void take_event(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->events);
    snprintf(f->events + n, sizeof f->events - n, "%s %.*s\n", event_kind(ev->kind)->name, (int)ev->len,
             ev->data ? (const char *)ev->data : "");
}

static void take_note(void *ctx, const struct trace_note *note) {}

static void begin(struct fixture *f)
{
    f->m.fake.e.ops = &machine_ops;
    f->m.fake.names = descriptions;
    f->m.fake.nnames = REGS;
    f->in = fake_inspect(
        &f->m.fake, "freebsd",
        (struct inspector_options){.systems = systems, .ctx = f, .emit = take_event, .note = take_note});
}

static struct fixture *start(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->m.memory = calloc(1, MEMORY);
    make_header(&f->m);
    make_symbols(&f->m);
    make_metadata(&f->m);
    make_code(&f->m);
    begin(f);
    return f;
}

static void finish(struct fixture *f)
{
    inspector_finish(f->in);
    inspector_destroy(f->in);
    free(f->m.memory);
    free(f);
}

static void msr(struct fixture *f, uint64_t ip)
{
    struct event ev = {.kind = EV_CPU_MSR, .f = {0xc0000080, 0x100, ip}};
    f->m.fake.icount += 10;
    ev.icount = ev.time = f->m.fake.icount;
    inspector_event(f->in, &ev);
}

static bool executes(struct fixture *f, uint64_t address)
{
    for (size_t i = 0; i < f->m.fake.nstops; i++)
        if (f->m.fake.stops[i].address == address) {
            inspector_probe(f->in, f->m.fake.stops[i].id, 0, ++f->m.fake.icount);
            return true;
        }
    return false;
}

/* A loader writes an MSR, then the kernel is entered; its events are passed on by the next one. */
static void boot(struct fixture *f)
{
    msr(f, 0x1000);
    executes(f, TEXT);
    msr(f, 0x2000);
}

static void says(const struct fixture *f, const char *want)
{
    if (!strstr(f->events, want))
        fail_msg("no \"%s\" in:\n%s", want, f->events);
}

static void says_not(const struct fixture *f, const char *what)
{
    if (strstr(f->events, what))
        fail_msg("\"%s\" in:\n%s", what, f->events);
}

/* ---------------------------------------------------------------- tests */

static void found_at_its_entry(void **state)
{
    struct fixture *f = start();
    boot(f);
    says(f, "kernel.found FreeBSD 12.1-MADE\n");
    says(f, "kernel.entry freebsd\n");
    says(f, "kernel.file kernel (elf64 kernel)\n");
    says(f, "kernel.variable console=comconsole\n");
    says(f, "kernel.e820 usable\n");
    says_not(f, "no whole symbol table");
    says_not(f, "metadata");
    finish(f);
}

/* Without its entry: at the first event of its own addresses. */
static void found_while_it_runs(void **state)
{
    struct fixture *f = start();
    msr(f, FUNCTION + KERNBASE);
    msr(f, FUNCTION + KERNBASE + 8);
    says(f, "kernel.found FreeBSD 12.1-MADE\n");
    says_not(f, "kernel.entry");
    says(f, "the loader's metadata is not found");
    finish(f);
}

static void a_sysinit(void **state)
{
    struct fixture *f = start();
    boot(f);
    assert_true(executes(f, CALL + KERNBASE));
    f->m.fake.icount += 5;
    assert_true(executes(f, CALL + 3 + KERNBASE));
    msr(f, 0x3000);
    says(
        f,
        "kernel.subsystem SI_SUB_KMEM\nkernel.sysinit sys_function(&version)\nkernel.sysinit-done sys_function(&version)\n");
    finish(f);
}

/* An object that holds itself, one that is done, and one that is not in memory are no SYSINITs. */
static void no_sysinits(void **state)
{
    struct fixture *f = start();
    boot(f);
    put(&f->m, SYSINIT + 16, 1, 8);
    assert_true(executes(f, CALL + KERNBASE));
    put(&f->m, SYSINIT + 16, VERSION + KERNBASE, 8);
    put(&f->m, SYSINIT, 1, 4);
    assert_true(executes(f, CALL + KERNBASE));
    f->m.fake.reg[RAX] = 0x7fffffffffff0000;
    f->m.fake.reg[RDI] = 0;
    assert_true(executes(f, CALL + KERNBASE));
    msr(f, 0x3000);
    says_not(f, "kernel.sysinit");
    finish(f);
}

/* A SYSINIT has made process 0. */
static void process_0(struct fixture *f)
{
    put(&f->m, ALLPROC, PROC0 + KERNBASE, 8);
    strcpy((char *)f->m.memory + PROC0 + 0x100, "kernel");
    assert_true(executes(f, CALL + KERNBASE));
    assert_true(executes(f, CALL + 3 + KERNBASE));
    msr(f, 0x3000);
}

/* Thread 0 gets its number and its name from a SYSINIT: before it they are not to be missed, nor to be looked for in vain. */
static void a_number_that_comes_late(void **state)
{
    struct fixture *f = start();
    boot(f);
    assert_true(executes(f, MI_STARTUP + KERNBASE));
    put(&f->m, THREAD0 + 0x40, 100000, 4);
    strcpy((char *)f->m.memory + THREAD0 + 0x80, "swapper");
    process_0(f);
    says(f, "p_pid"); /* is missing here */
    says_not(f, "td_tid");
    says_not(f, "td_name");
    finish(f);
}

static void no_number(void **state)
{
    struct fixture *f = start();
    boot(f);
    assert_true(executes(f, MI_STARTUP + KERNBASE));
    says_not(f, "td_tid");
    process_0(f);
    says(f, "td_tid, td_name");
    says(f, "no process events");
    finish(f);
}

static void not_found_with_header(uint64_t at, uint64_t v, size_t n)
{
    struct fixture *f = start();
    put(&f->m, at, v, n);
    boot(f);
    msr(f, FUNCTION + KERNBASE);
    msr(f, 0x2000);
    says_not(f, "kernel.");
    finish(f);
}

static void damaged_headers(void **state)
{
    not_found_with_header(IMAGE + 7, 3, 1);                /* another system's */
    not_found_with_header(IMAGE + 56, 0xffff, 2);          /* too many program headers */
    not_found_with_header(IMAGE + 54, 1, 2);               /* small ones */
    not_found_with_header(IMAGE + 32, UINT64_MAX - 10, 8); /* far away */
    not_found_with_header(IMAGE + 64 + 40, UINT64_MAX, 8);
    not_found_with_header(IMAGE + 24, 0x1000, 8);           /* the entry is elsewhere */
    not_found_with_header(IMAGE + 120 + 40, UINT64_MAX, 8); /* the dynamic section */
}

static void found_with_note(uint64_t at, uint64_t v, size_t n, const char *note)
{
    struct fixture *f = start();
    put(&f->m, at, v, n);
    boot(f);
    says(f, "kernel.found FreeBSD 12.1-MADE\n");
    says(f, note);
    finish(f);
}

static void damaged_metadata(void **state)
{
    enum { SSYM = METADATA + 16 + 24 + 16 + 16, ESYM = SSYM + 16 };
    found_with_note(METADATA + 4, UINT32_MAX, 4, "metadata is not found");
    found_with_note(METADATA + 16 + 4, UINT32_MAX, 4, "metadata is damaged after 1 records");
    found_with_note(SSYM + 8, UINT64_MAX - 20, 8, "no whole symbol table");
    found_with_note(ESYM + 8, 0, 8, "no whole symbol table");
    found_with_note(WHOLE, UINT64_MAX, 8, "its size is damaged");
    found_with_note(WHOLE, 25, 8, "its size is damaged");
    found_with_note(WHOLE + 8 + 24 * SYMBOLS, UINT64_MAX - 7, 8, "its strings' size is damaged");
    found_with_note(WHOLE + 8 + 24 + 8, 0, 8, "it is not this kernel's");
}

/* The dynamic section leads nowhere: the whole table is enough; without that too the kernel has no symbols. */
static void no_symbols(void **state)
{
    struct fixture *f = start();
    put(&f->m, DYNAMIC + 3 * 16 + 8, UINT64_MAX, 8);
    boot(f);
    says(f, "kernel.found");
    finish(f);
    f = start();
    put(&f->m, DYNAMIC + 3 * 16 + 8, UINT64_MAX, 8);
    put(&f->m, WHOLE, 7, 8);
    boot(f);
    says(f, "kernel.note no whole symbol table (its size is damaged)");
    says(f, "no symbols in its dynamic section");
    says_not(f, "kernel.found");
    finish(f);
}

/* Random damage everywhere: it ends, and reads nothing that is not there (sanitizers watch). */
static void random_damage(void **state)
{
    enum { ROUNDS = 400, BYTES = 40 };
    static const uint64_t places[] = {IMAGE,      HASH, SYMTAB,   STRTAB, DYNAMIC,
                                      MI_STARTUP, DATA, METADATA, WHOLE,  STACK};
    uint64_t seed = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct fixture *f = start();
        for (unsigned i = 0; i < BYTES; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t at = places[(seed >> 33) % (sizeof places / sizeof *places)] + (seed >> 40) % 0x180;
            f->m.memory[at] = (uint8_t)(seed >> 56);
        }
        boot(f);
        for (size_t i = 0; i < f->m.fake.nstops; i++)
            inspector_probe(f->in, f->m.fake.stops[i].id, 0, ++f->m.fake.icount);
        msr(f, FUNCTION + KERNBASE);
        finish(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_at_its_entry), cmocka_unit_test(found_while_it_runs),
        cmocka_unit_test(a_sysinit),          cmocka_unit_test(a_number_that_comes_late),
        cmocka_unit_test(no_number),          cmocka_unit_test(no_sysinits),
        cmocka_unit_test(damaged_headers),    cmocka_unit_test(damaged_metadata),
        cmocka_unit_test(no_symbols),         cmocka_unit_test(random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
