/* test_unwind.c - callers in a 64-bit Linux kernel: in its own code, in a module, in code that it generated, in retpolines; and where
 * there is no answer.
 *
 * The kernel is made here: a few functions, the tables of a kernel of Linux 6.1 and of one of its modules, and a stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/views/views.h"
#include "tests/unit/fake_machine.h"

/* ---------------------------------------------------------------- the machine */

#define BASE 0xffffffff80000000u
enum { MEMORY = 2 << 20, PDPT = 0x1000, PD = 0x2000, ENTRY_PRESENT = 1, ENTRY_LARGE = 0x80 };
enum {
    IPS = 0x10000, /* the kernel's tables */
    ROWS = 0x11000,
    TEXT = 0x20000, /* inner, outer, the retpoline, unknown */
    MODULE_IPS = 0x30000,
    MODULE_ROWS = 0x31000,
    SELF = 0x32000, /* struct module */
    MODULE_TEXT = 0x33000,
    GENERATED = 0x40000,
    STACK = 0x50000,
};
enum {
    OUTER = TEXT,
    INNER = TEXT + 0x40,
    THUNK = TEXT + 0x80,
    UNKNOWN = TEXT + 0xc0,
    HOOK = TEXT + 0x100,
    TEXT_END = TEXT + 0x140
};
enum reg { RAX, RBX, RBP, RSP, RIP, REGS };
static const struct reg_desc descriptions[REGS] = {{"rax", 64, REG_GENERAL},
                                                   {"rbx", 64, REG_GENERAL},
                                                   {"rbp", 64, REG_GENERAL},
                                                   {"rsp", 64, REG_GENERAL},
                                                   {"rip", 64, REG_GENERAL}};

struct machine {
    struct fake_machine fake;
    uint8_t *memory;
    struct symbols *symbols;
    struct view_orc *orc;
};

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    size_t left = address < MEMORY ? MEMORY - address : 0;
    n = n < left ? n : left;
    memcpy(buf, ((const struct machine *)e)->memory + address, n);
    return n;
}

static size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return peek_physical(e, address - BASE, buf, n);
}

static unsigned cpus(const struct engine *e)
{
    return 1;
}

static const struct engine_ops machine_ops = {FAKE_OPS, .cpus = cpus, .peek = peek,
                                              .peek_physical = peek_physical};

static void put(struct machine *m, uint64_t at, uint64_t v, size_t n)
{
    memcpy(m->memory + at, &v, n);
}

/* ---------------------------------------------------------------- the kernel */

/* Rows as Linux 6.1 has them: the registers' numbers, and type and end together. */
enum { SP = 5, BP = 4, PREV_SP = 1, CALL = 0, END = 4, NONE = 0 };
struct row {
    unsigned at;
    int16_t sp_offset, bp_offset;
    uint8_t sp_reg, bp_reg, type;
};

static void put_table(struct machine *m, uint64_t ips, uint64_t rows, const struct row *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(m, ips + 4 * i, r[i].at - (ips + 4 * i), 4);
        put(m, rows + 6 * i, (uint16_t)r[i].sp_offset, 2);
        put(m, rows + 6 * i + 2, (uint16_t)r[i].bp_offset, 2);
        put(m, rows + 6 * i + 4, r[i].sp_reg | r[i].bp_reg << 4 | r[i].type << 8, 2);
    }
}

static const struct row kernel_rows[] = {
    {OUTER, 8, 0, SP, NONE, CALL},     {OUTER + 4, 24, 0, SP, NONE, CALL},
    {INNER, 8, 0, SP, NONE, CALL},     {INNER + 1, 16, -16, SP, PREV_SP, 0},
    {THUNK, 0, 0, NONE, NONE, END},    {THUNK + 12, 8, 0, SP, NONE, CALL},
    {UNKNOWN, 0, 0, NONE, NONE, CALL}, {HOOK, 8, 0, SP, NONE, CALL},
    {TEXT_END, 0, 0, NONE, NONE, CALL}};
static const struct row module_rows[] = {{MODULE_TEXT, 8, 0, SP, NONE, CALL},
                                         {MODULE_TEXT + 4, 40, 0, SP, NONE, CALL},
                                         {MODULE_TEXT + 0x40, 0, 0, NONE, NONE, CALL}};
enum {
    NKERNEL = sizeof kernel_rows / sizeof kernel_rows[0],
    NMODULE = sizeof module_rows / sizeof module_rows[0]
};

static void map(struct machine *m, struct symbol_table *t)
{
    symbols_map(m->symbols, &(struct symbol_mapping){.table = symbol_table_end(t), .space = SPACE_KERNEL});
}

static void make_symbols(struct machine *m)
{
    static const struct {
        const char *name;
        unsigned at;
    } functions[] = {{"outer", OUTER},
                     {"inner", INNER},
                     {"__x86_indirect_thunk_rax", THUNK},
                     {"unknown", UNKNOWN},
                     {"arch_rethook_trampoline", HOOK}};
    struct symbol_table *t = symbol_table_begin(m->symbols, "kernel", "kallsyms");
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        symbol_table_add(t, functions[i].name, BASE + functions[i].at, 0x40, 'T', SYMBOL_SIZED);
    symbol_table_add(t, "__start_orc_unwind_ip", BASE + IPS, 0, 'D', 0);
    symbol_table_add(t, "__stop_orc_unwind_ip", BASE + IPS + 4 * NKERNEL, 0, 'D', 0);
    symbol_table_add(t, "__start_orc_unwind", BASE + ROWS, 0, 'D', 0);
    map(m, t);
    t = symbol_table_begin(m->symbols, "ext9", "module");
    symbol_table_add(t, "ext9_read", BASE + MODULE_TEXT, 0x40, 't', SYMBOL_SIZED);
    symbol_table_add(t, "__this_module", BASE + SELF, 0x200, 'D', SYMBOL_SIZED);
    map(m, t);
}

static void make_code(struct machine *m)
{
    static const uint8_t generated[] = {0x55,                   /* push %rbp */
                                        0x48, 0x89, 0xe5,       /* mov %rsp, %rbp */
                                        0x53,                   /* push %rbx */
                                        0xe8, 9,    0,    0, 0, /* call */
                                        0x74, 1,                /* je, past what leads nowhere */
                                        0xcc,                   /* int3 */
                                        0x5b, 0xc9, 0xc3};      /* pop %rbx; leave; ret */
    static const uint8_t thunk[] = {0xe8, 7,    0,    0,    0,    0xf3, 0x90, 0x0f,
                                    0xae, 0xe8, 0xeb, 0xf9, 0x48, 0x89, 0x04, 0x24, /* mov %rax, (%rsp) */
                                    0xc3};
    static const uint8_t slot[] = {0x48, 0x83, 0xec, 0x10, 0xe9}; /* sub $16, %rsp; jmp to OUTER + 4 */
    memcpy(m->memory + GENERATED, generated, sizeof generated);
    memcpy(m->memory + GENERATED + 0x100, slot, sizeof slot);
    put(m, GENERATED + 0x105, (uint32_t)(OUTER + 4 - (GENERATED + 0x109)), 4);
    memcpy(m->memory + THUNK, thunk, sizeof thunk);
    /* Calls end where the tests return to. */
    m->memory[OUTER + 0x10 - 5] = m->memory[MODULE_TEXT + 0x20 - 5] = 0xe8;
}

static int set_up(void **state)
{
    struct machine *m = calloc(1, sizeof *m);
    m->memory = calloc(1, MEMORY);
    m->fake.e.ops = &machine_ops;
    m->fake.names = descriptions;
    m->fake.nnames = REGS;
    m->symbols = symbols_new();
    m->orc = view_orc_new();
    put(m, 8 * 511, PDPT | ENTRY_PRESENT, 8); /* cr3 is 0 */
    put(m, PDPT + 8 * 510, PD | ENTRY_PRESENT, 8);
    put(m, PD, ENTRY_PRESENT | ENTRY_LARGE, 8);
    put_table(m, IPS, ROWS, kernel_rows, NKERNEL);
    put_table(m, MODULE_IPS, MODULE_ROWS, module_rows, NMODULE);
    put(m, SELF + 0x88, NMODULE, 8);
    put(m, SELF + 0x90, BASE + MODULE_IPS, 8);
    put(m, SELF + 0x98, BASE + MODULE_ROWS, 8);
    make_symbols(m);
    make_code(m);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *m = *state;
    view_orc_free(m->orc);
    symbols_free(m->symbols);
    free(m->memory);
    free(m);
    return 0;
}

/* ---------------------------------------------------------------- */

enum { MOST = 8 };

/* The calls with these words on the stack. Returns how many there are. */
static size_t frames(struct machine *m, uint64_t pc, uint64_t bp, const uint64_t *words, size_t n,
                     struct view_frame *f)
{
    m->fake.reg[RIP] = BASE + pc;
    m->fake.reg[RSP] = BASE + STACK;
    m->fake.reg[RBP] = bp;
    memset(m->memory + STACK, 0, 0x1000);
    memcpy(m->memory + STACK, words, 8 * n);
    return view_frames(look_of(&m->fake.e, false), 0, m->symbols, SPACE_KERNEL, m->orc, f, MOST);
}

static void calls_are(struct machine *m, const struct view_frame *f, size_t n, const char *expected)
{
    char all[600] = "", one[100];
    for (size_t i = 0; i < n; i++) {
        symbols_text(m->symbols, SPACE_KERNEL, f[i].pc, 0, one, sizeof one);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " < " : "", one);
    }
    assert_string_equal(all, expected);
}

#define FRAMES(pc, bp, ...)                                                                                  \
    frames(m, pc, bp, (const uint64_t[]){__VA_ARGS__},                                                       \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), f)

static void test_kernel(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    size_t n = FRAMES(INNER, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "inner < outer+0x10 < unknown+0x8");
    assert_string_equal(f[n - 1].lost, "the kernel's table has no caller here");
}

static void test_module(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    size_t n = FRAMES(INNER + 4, 0, 0x1234, BASE + MODULE_TEXT + 0x20, 0, 0, 0, 0, BASE + OUTER + 0x10, 0, 0,
                      BASE + THUNK + 12);
    calls_are(m, f, n, "inner+0x4 < ext9_read+0x20 [ext9] < outer+0x10 < __x86_indirect_thunk_rax+0xc");
    n = FRAMES(MODULE_TEXT, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "ext9_read [ext9] < outer+0x10 < unknown+0x8");
}

/* A module that has no table (of a kernel that it was not built for, or of assembly only). */
static void test_no_table(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    put(m, SELF + 0x88, 0, 8);
    size_t n = FRAMES(MODULE_TEXT + 8, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "ext9_read+0x8 [ext9]");
    assert_non_null(f[0].lost);
}

/* At each instruction of it, on the way in and out. */
static void test_generated(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    const uint64_t bp = BASE + STACK + 8;
    size_t n = FRAMES(GENERATED, 0, BASE + OUTER + 0x10);
    assert_true(f[1].pc == BASE + OUTER + 0x10 && f[0].sp == BASE + STACK + 8);
    n = FRAMES(GENERATED + 1, 0, 0, BASE + OUTER + 0x10);
    assert_true(n > 1 && f[1].pc == BASE + OUTER + 0x10 && f[0].sp == BASE + STACK + 16);
    n = FRAMES(GENERATED + 5, bp, 0xbb, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "0xffffffff80040005 < outer+0x10 < unknown+0x8");
    n = FRAMES(GENERATED + 15, 0, BASE + OUTER + 0x10);
    assert_true(n > 1 && f[1].pc == BASE + OUTER + 0x10);
    /* as a caller */
    n = FRAMES(INNER, bp + 8, BASE + GENERATED + 10, 0xbb, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "inner < 0xffffffff8004000a < outer+0x10 < unknown+0x8");
}

/* A probe's copy of an instruction, which goes back to where the probe is. */
static void test_slot(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    size_t n = FRAMES(GENERATED + 0x100, 0, BASE + MODULE_TEXT + 0x20, 0, 0, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "0xffffffff80040100 < outer+0x4 < ext9_read+0x20 [ext9] < unknown+0x8");
}

static void test_retpoline(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    size_t n = FRAMES(THUNK, 0, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "__x86_indirect_thunk_rax < outer+0x10 < unknown+0x8");
    n = FRAMES(THUNK + 12, 0, BASE + THUNK + 5, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "__x86_indirect_thunk_rax+0xc < outer+0x10 < unknown+0x8");
    n = FRAMES(THUNK + 16, 0, BASE + INNER, BASE + OUTER + 0x10, 0, 0, BASE + UNKNOWN + 8);
    calls_are(m, f, n, "__x86_indirect_thunk_rax+0x10 < outer+0x10 < unknown+0x8");
}

/* What only looks like a caller is none, and the words above it are not searched for another. */
static void test_lost(void **state)
{
    struct machine *m = *state;
    struct view_frame f[MOST];
    const char *lost;
    size_t n = FRAMES(INNER, 0, 0x401000, BASE + OUTER + 0x10);
    calls_are(m, f, n, "inner");
    assert_non_null(f[0].lost);
    n = FRAMES(INNER, 0, BASE + STACK + 0x100, BASE + OUTER + 0x10);
    assert_int_equal(n, 2);
    assert_non_null(f[1].lost);
    n = FRAMES(INNER, 0, BASE + HOOK, BASE + OUTER + 0x10);
    calls_are(m, f, n, "inner < arch_rethook_trampoline");
    assert_string_equal(f[1].lost, "its return address was replaced (kretprobe, function graph)");
    assert_int_equal(view_frames_certain(f, n, &lost), 2);
    assert_non_null(lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kernel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_module, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_generated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retpoline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
