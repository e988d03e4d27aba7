/* test_deduce_narrow.c - call frames of 32-bit code: what is deduced, and what a debugger is told of code that was interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "core/symbols/private/impl.h"
#include "core/symbols/private/insn.h"
#include "tests/unit/noise.h"

enum { EBX = 3, ESP = 4, EBP = 5, EIP = 8 };

/* ---------------------------------------------------------------- lengths */

static void test_lengths(void **state)
{
    static const struct {
        uint8_t bytes[8];
        unsigned length;
    } want[] = {
        {{0x40}, 1},                               /* inc %eax: no REX */
        {{0x4c, 0x8b}, 1},                         /* dec %esp */
        {{0x66, 0xb8, 1, 2}, 4},                   /* mov $n,%ax */
        {{0x8b, 0x05, 1, 2, 3, 4}, 6},             /* mov n,%eax: not relative */
        {{0xa1, 1, 2, 3, 4}, 5},                   /* the same */
        {{0x67, 0xa1, 1, 2}, 4},                   /* with 16-bit addresses */
        {{0x67, 0x8b, 0x47, 0x10}, 4},             /* mov 16(%bx),%eax */
        {{0x67, 0x8b, 0x1e, 0x34, 0x12}, 5},       /* mov 1234h,%ebx */
        {{0xc4, 0x45, 0x08}, 3},                   /* les 8(%ebp),%eax */
        {{0xc5, 0xf8, 0x77}, 3},                   /* vzeroupper */
        {{0x62, 0x45, 0xf8}, 3},                   /* bound %eax,-8(%ebp) */
        {{0x62, 0xf1, 0x7d, 0x48, 0x6f, 0x00}, 6}, /* vmovdqa32 (%eax),%zmm0 */
        {{0xea, 1, 2, 3, 4, 5, 6}, 7},             /* ljmp */
        {{0x9a, 1, 2, 3, 4, 5, 6}, 7},             /* lcall */
        {{0x66, 0xe9, 1, 2}, 4},                   /* jmpw */
        {{0x82, 0xc0, 1}, 3},                      /* add $1,%al */
        {{0xd4, 0x0a}, 2},                         /* aam */
        {{0x1e}, 1},                               /* push %ds */
    };
    struct insn i;
    for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
        assert_true(insn_decode_narrow(want[k].bytes, sizeof want[k].bytes, &i));
        assert_int_equal(i.length, want[k].length);
    }
    assert_true(insn_decode_narrow((const uint8_t[]){0xe8, 0, 0, 0, 0}, 5, &i));
    assert_int_equal(i.flow, INSN_NEXT); /* a call of the next instruction, for its push */
    assert_int_equal(i.stack, INSN_PUSH);
}

/* ---------------------------------------------------------------- code by hand */

static bool is_entry(const char *name)
{
    return !strcmp(name, "entry");
}

/* The code is that of a function at 1000h and of `second`, if that has a name, `at` bytes on. */
struct example {
    const uint8_t *bytes;
    size_t size, at;
    const char *second;
};

static bool deduced(const struct example *x, uint64_t address, struct symbol_frame *f)
{
    static const struct symbol_registers saves = {44, {-28, -36, -40, -44}, 0};
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "own", "elf");
    symbol_table_add(t, "function", 0x1000, 0, 't', 0);
    if (x->second)
        symbol_table_add(t, x->second, 0x1000 + x->at, 0, 't', 0);
    symbol_table_deduce_frames(t, &(struct symbol_code){.bytes = x->bytes,
                                                        .size = x->size,
                                                        .address = 0x1000,
                                                        .narrow = true,
                                                        .is_entry = is_entry,
                                                        .registers = &saves});
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t), .space = SPACE_KERNEL});
    const bool found = symbols_frame(s, SPACE_KERNEL, address, SYMBOLS_NOW, f);
    symbols_free(s);
    return found;
}

struct row {
    uint64_t address;
    int base, offset, saved; /* base -1: nothing is known */
};

static void rows_are(const struct example *x, unsigned flags, const struct row *want, size_t n)
{
    struct symbol_frame f;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(deduced(x, want[i].address, &f), want[i].base >= 0);
        if (want[i].base < 0)
            continue;
        assert_int_equal(f.base, want[i].base);
        assert_int_equal(f.offset, want[i].offset);
        assert_int_equal(f.nsaved, want[i].saved);
        assert_int_equal(f.flags, flags);
    }
}
#define ROWS(x, flags, ...)                                                                                  \
    rows_are(x, flags, (const struct row[]){__VA_ARGS__},                                                    \
             sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

/* By the frame pointer, from where there is one until it is popped: even if what was called removed an argument. */
static void test_frame_pointer(void **state)
{
    static const uint8_t code[] = {0x55, 0x89, 0xe5,       /* push %ebp; mov %esp,%ebp */
                                   0x53, 0x83, 0xec, 0x10, /* 1003: push %ebx; sub $16,%esp */
                                   0x6a, 0x01, 0xff, 0xd0, /* 1007: push $1; call *%eax */
                                   0x83, 0xc4, 0x10,       /* 100b: add $16,%esp */
                                   0x5b, 0x5d, 0xc3};      /* 100e: pop %ebx; pop %ebp; ret */
    ROWS((&(struct example){code, sizeof code, 0, NULL}), 0, {0x1000, ESP, 4, 0}, {0x1001, ESP, 8, 1},
         {0x1003, EBP, 8, 1}, {0x1004, EBP, 8, 2}, {0x100b, EBP, 8, 2}, {0x1010, ESP, 4, 0});
}

/* Without one. A function that returns a structure removes the address of it. */
static void test_removed(void **state)
{
    static const uint8_t code[] = {0x83, 0xec, 0x0c, 0x50,       /* sub $12,%esp; push %eax */
                                   0xe8, 0x07, 0x00, 0x00, 0x00, /* 1004: call 1010 */
                                   0x83, 0xc4, 0x0c, 0xc3,       /* 1009: add $12,%esp; ret */
                                   0x90, 0x90, 0x90,             /* 100d */
                                   0xc2, 0x04, 0x00};            /* 1010: ret $4 */
    ROWS((&(struct example){code, sizeof code, 16, "second"}), 0, {0x1003, ESP, 16, 0}, {0x1004, ESP, 20, 0},
         {0x1009, ESP, 16, 0}, {0x100c, ESP, 4, 0}, {0x1010, ESP, 4, 0});
}

/* The same, called by its address: what it removes is not known, but that it is something. */
static void test_removed_at(void **state)
{
    static const uint8_t code[] = {0x83, 0xec, 0x0c, 0x50,  /* sub $12,%esp; push %eax */
                                   0xff, 0xd2,              /* 1004: call *%edx */
                                   0x83, 0xc4, 0x0c, 0xc3}; /* 1006: add $12,%esp; ret */
    static const uint8_t plain[] = {0x83, 0xec, 0x0c, 0x50, 0xff, 0xd2, 0x83, 0xc4, 0x10, 0xc3};
    ROWS((&(struct example){code, sizeof code, 0, NULL}), 0, {0x1004, ESP, 20, 0}, {0x1006, -1, 0, 0},
         {0x1009, -1, 0, 0});
    ROWS((&(struct example){plain, sizeof plain, 0, NULL}), 0, {0x1006, ESP, 20, 0}, {0x1009, ESP, 4, 0});
}

/* A label at which a fault goes on, on another stack, is no function. */
static void test_label(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90, 0x89, 0xc4,
                                   0xfb, 0x5b, 0xc3}; /* mov %eax,%esp; sti; pop %ebx; ret */
    ROWS((&(struct example){code, sizeof code, 2, "fault"}), 0, {0x1000, ESP, 4, 0}, {0x1002, -1, 0, 0},
         {0x1005, -1, 0, 0});
}

/* Known from IRET on backwards: registers are where they are to be as soon as PUSHAL has put them there. */
static void test_entry(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90,                      /* function: ret */
                                   0x6a, 0x00, 0x6a, 0x0c, 0x60,    /* entry: push $0; push $12; pushal */
                                   0x54, 0xb8, 0,    0x10, 0,    0, /* 1007: push %esp; mov $1000,%eax */
                                   0xff, 0xd0, 0x83, 0xc4, 0x04,    /* 100d: call *%eax; add $4,%esp */
                                   0x61, 0x83, 0xc4, 0x08, 0xcf};   /* 1012: popal; add $8,%esp; iret */
    ROWS((&(struct example){code, sizeof code, 2, "entry"}), FRAME_INTERRUPT, {0x1002, ESP, 4, 0},
         {0x1006, ESP, 12, 0}, {0x1007, ESP, 44, 4}, {0x100d, ESP, 48, 4}, {0x1012, ESP, 44, 4},
         {0x1013, ESP, 12, 0}, {0x1016, ESP, 4, 0});
}

/* It changes stacks on the way, so that its beginning is known by PUSHAL. */
static void test_entry_moves(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90,                    /* function: ret */
                                   0x6a, 0x02, 0x6a, 0x00, 0x60,  /* entry: push $2; push $0; pushal */
                                   0x89, 0xd4,                    /* 1007: mov %edx,%esp */
                                   0x61, 0x83, 0xc4, 0x08, 0xcf}; /* 1009: popal; add $8,%esp; iret */
    ROWS((&(struct example){code, sizeof code, 2, "entry"}), FRAME_INTERRUPT, {0x1002, ESP, 4, 0},
         {0x1007, ESP, 44, 4}, {0x1009, ESP, 44, 4}, {0x100d, ESP, 4, 0});
}

static void deduce_noise(const uint8_t bytes[NOISE_SIZE], unsigned page)
{
    struct symbol_frame f;
    deduced(&(struct example){bytes, NOISE_SIZE, NOISE_SIZE / 2, page % 2 ? "entry" : "second"}, 0x1800, &f);
}

static void test_noise(void **state)
{
    make_noise(deduce_noise);
}

/* ---------------------------------------------------------------- what a debugger is told */

/* The stack when code was interrupted: its address, CS, EFLAGS, and perhaps ESP; at 2000h, which is CFA - 4. */
struct pushed {
    uint32_t eip, cs, eflags, esp;
};
enum { PUSHED = 0x2000, CFA = PUSHED + 4, VM = 1 << 17 };

struct machine {
    uint64_t stack[16];
    unsigned n;
    const uint8_t *memory;
};

static uint64_t pop(struct machine *m)
{
    assert_in_range(m->n, 1, 16);
    return m->stack[--m->n];
}

static void push(struct machine *m, uint64_t v)
{
    assert_in_range(m->n, 0, 15);
    m->stack[m->n++] = v;
}

static uint64_t load(const struct machine *m, uint64_t address, size_t n)
{
    uint64_t v = 0;
    assert_in_range(address, PUSHED, PUSHED + sizeof(struct pushed) - n);
    memcpy(&v, m->memory + (address - PUSHED), n);
    return v;
}

static uint64_t combine(unsigned atom, uint64_t a, uint64_t b)
{
    switch (atom) {
    case DW_OP_plus:
        return a + b;
    case DW_OP_minus:
        return a - b;
    case DW_OP_mul:
        return a * b;
    case DW_OP_and:
        return a & b;
    case DW_OP_or:
        return a | b;
    case DW_OP_shl:
        return a << b;
    default:
        assert_int_equal(atom, DW_OP_eq);
        return a == b;
    }
}

/* One operation (DWARF 4, 2.5.1). Whether it is a branch that is taken. */
static bool operate(struct machine *m, const Dwarf_Op *op)
{
    const unsigned atom = op->atom;
    if (atom == DW_OP_call_frame_cfa) {
        push(m, CFA);
    } else if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
        push(m, atom - DW_OP_lit0);
    } else if (atom == DW_OP_dup || atom == DW_OP_over) {
        const unsigned below = atom == DW_OP_dup ? 1 : 2;
        assert_true(m->n >= below);
        push(m, m->stack[m->n - below]);
    } else if (atom == DW_OP_swap) {
        const uint64_t a = pop(m), b = pop(m);
        push(m, a);
        push(m, b);
    } else if (atom == DW_OP_plus_uconst) {
        push(m, pop(m) + op->number);
    } else if (atom == DW_OP_deref_size) {
        push(m, load(m, pop(m), op->number));
    } else if (atom == DW_OP_bra) {
        return pop(m);
    } else if (atom != DW_OP_stack_value) {
        const uint64_t b = pop(m), a = pop(m);
        push(m, combine(atom, a, b));
    }
    return false;
}

static uint64_t value_of(Dwarf_Frame *frame, int reg, const struct pushed *p)
{
    struct machine m = {.memory = (const uint8_t *)p};
    Dwarf_Op mem[3], *ops;
    size_t n;
    assert_int_equal(dwarf_frame_register(frame, reg, mem, &ops, &n), 0);
    for (size_t i = 0; i < n; i++)
        if (operate(&m, &ops[i])) {
            const uint64_t to = ops[i].offset + 3 + (uint64_t)(int64_t)(int16_t)ops[i].number;
            while (i + 1 < n && ops[i + 1].offset < to && ops[i + 1].atom != DW_OP_stack_value)
                i++;
        }
    return pop(&m);
}

/* In another ring, and in virtual 8086 mode, the stack pointer was pushed; else it is where the frame ends. */
static void test_interrupted(void **state)
{
    static const struct pushed kernel = {0xc0801234, 0x20, 0x202, 0xdead},
                               user = {0x401000, 0x33, 0x202, 0xbfbff000},
                               virtual = {0x100, 0xf000, 0x202 | VM, 0xffe};
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "kernel", "elf");
    size_t size;
    symbol_table_add(t, "entry", 0x1000, 16, 'T', SYMBOL_SIZED);
    symbol_table_add_frame(
        t, &(struct symbol_frame){.address = 0x1000, .base = ESP, .offset = 4, .flags = FRAME_INTERRUPT});
    symbol_table_add_frame(t, &(struct symbol_frame){.address = 0x1010, .base = FRAME_UNKNOWN});
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t), .space = SPACE_KERNEL});
    char *file = symbols_elf(s, SPACE_KERNEL, NULL, &size);
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory(file, size);
    Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    Dwarf_Frame *frame;
    assert_non_null(dwarf);
    assert_int_equal(dwarf_cfi_addrframe(dwarf_getcfi(dwarf), 0x1004, &frame), 0);
    assert_int_equal(value_of(frame, EIP, &kernel), 0xc0801234);
    assert_int_equal(value_of(frame, ESP, &kernel), CFA + 8);
    assert_int_equal(value_of(frame, EIP, &user), 0x401000);
    assert_int_equal(value_of(frame, ESP, &user), 0xbfbff000);
    assert_int_equal(value_of(frame, EIP, &virtual), 0xf0100);
    assert_int_equal(value_of(frame, ESP, &virtual), 0xffe);
    free(frame);
    dwarf_end(dwarf);
    elf_end(elf);
    free(file);
    symbols_free(s);
}

/* ---------------------------------------------------------------- copies */

/* A function that begins with the same row as the one before it ends with has it in a copy too. */
static void test_copy(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90, 0x90, 0x90, 0x90, 0xc3};
    static const char *const names[] = {"second", NULL};
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "own", "elf");
    struct symbol_frame f;
    symbol_table_add(t, "function", 0x1000, 0, 't', 0);
    symbol_table_add(t, "second", 0x1004, 2, 't', SYMBOL_SIZED);
    symbol_table_deduce_frames(
        t, &(struct symbol_code){.bytes = code, .size = sizeof code, .address = 0x1000, .narrow = true});
    const struct symbol_table *copy = symbols_add_copy(s, "copy", symbol_table_end(t), names, 0x10000);
    symbols_map(s, &(struct symbol_mapping){.table = copy, .space = SPACE_KERNEL});
    assert_true(symbols_frame(s, SPACE_KERNEL, 0x11004, SYMBOLS_NOW, &f));
    assert_int_equal(f.offset, 4);
    assert_false(symbols_frame(s, SPACE_KERNEL, 0x11006, SYMBOLS_NOW, &f));
    symbols_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),     cmocka_unit_test(test_frame_pointer),
        cmocka_unit_test(test_removed),     cmocka_unit_test(test_removed_at),
        cmocka_unit_test(test_label),       cmocka_unit_test(test_entry),
        cmocka_unit_test(test_entry_moves), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
