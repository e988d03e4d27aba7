/* test_deduce.c - call frames that are deduced from code, against those that the compiler wrote into this very program.
 *
 * Environment: DEDUCE_FILE another program, DEDUCE_SHOW prints what differs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include "core/symbols/private/impl.h"
#include "tests/unit/noise.h"

/* ---------------------------------------------------------------- this program */

/* The section with the code. */
static void find_text(Elf *elf, struct symbol_code *code)
{
    GElf_Shdr sh;
    size_t names;
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        gelf_getshdr(s, &sh);
        if (!strcmp(elf_strptr(elf, names, sh.sh_name), ".text"))
            *code = (struct symbol_code){.bytes = elf_getdata(s, NULL)->d_buf,
                                         .size = sh.sh_size,
                                         .address = sh.sh_addr,
                                         .narrow = gelf_getclass(elf) == ELFCLASS32};
    }
    assert_non_null(code->bytes);
}

static bool same(const struct symbol_frame *a, const struct symbol_frame *b)
{
    return a->base == b->base && a->offset == b->offset && !((a->flags ^ b->flags) & ~FRAME_OUTERMOST);
}

/* `pointer`: by the frame pointer there, by the stack pointer here. Both may be right; asan builds keep one. */
struct counts {
    size_t same, other, none, pointer;
};

/* How many of the rules must be right for one that is not. asan adds calls of its library that do not return, which cannot
 * be seen in the program. */
#ifdef __SANITIZE_ADDRESS__
enum { RIGHT = 50 };
#else
enum { RIGHT = 200 };
#endif

static bool by_pointer(const struct symbol_frame *ours, const struct symbol_frame *written)
{
    enum { DWARF_RBP = 6, DWARF_RSP = 7 };
    return ours->base == DWARF_RSP && written->base == DWARF_RBP;
}

/* The rules that the compiler wrote, one by one: what was deduced for the same address. */
static struct counts compare(struct symbols *s, const struct symbol_table *written)
{
    struct counts n = {0};
    struct symbol_frame f;
    for (size_t i = 0; i < written->nframes; i++) {
        const struct symbol_frame *w = &written->frames[i];
        if (w->base == FRAME_UNKNOWN)
            continue;
        const bool found = symbols_frame(s, SPACE_KERNEL, w->address, SYMBOLS_NOW, &f);
        n.none += !found;
        if (found && by_pointer(&f, w)) {
            n.pointer++;
            continue;
        }
        n.same += found && same(&f, w);
        n.other += found && !same(&f, w);
        if (found && !same(&f, w) && getenv("DEDUCE_SHOW"))
            printf("%lx: %u%+d, not %u%+d\n", (unsigned long)w->address, f.base, f.offset, w->base,
                   w->offset);
        if (!found && getenv("DEDUCE_SHOW"))
            printf("%lx: none, not %u%+d\n", (unsigned long)w->address, w->base, w->offset);
    }
    return n;
}

static void test_own_code(void **state)
{
    struct error err;
    struct symbol_code code = {0};
    struct symbols *theirs = symbols_new(), *ours = symbols_new();
    const char *file = getenv("DEDUCE_FILE") ? getenv("DEDUCE_FILE") : "/proc/self/exe";
    const struct symbol_table *written = symbols_add_elf_file(theirs, file, &err);
    assert_non_null(written);
    elf_version(EV_CURRENT);
    const int fd = open(file, O_RDONLY);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    find_text(elf, &code);
    struct symbol_table *t = symbol_table_begin(ours, "own", "elf");
    for (size_t i = 0; i < written->n; i++)
        symbol_table_add(t, written->names + written->entries[i].name, written->entries[i].address, 0,
                         written->entries[i].type, 0);
    symbol_table_deduce_frames(t, &code);
    symbols_map(ours, &(struct symbol_mapping){.table = symbol_table_end(t), .space = SPACE_KERNEL});
    const struct counts n = compare(ours, written);
    printf("the compiler's rules: %zu the same, %zu other, %zu not found, %zu by its frame pointer\n", n.same,
           n.other, n.none, n.pointer);
    assert_true(n.same > 500);
    assert_true((n.other + n.none) * RIGHT <= n.same);
    elf_end(elf);
    close(fd);
    symbols_free(theirs);
    symbols_free(ours);
}

/* ---------------------------------------------------------------- code by hand */

static const struct symbol_registers saves = {0x88, {-0x60, -0x68, -0x70, -0x78, -0x80, -0x88}, 0x10};

/* What is deduced for the code of one function, or from a second one, "entry", on. */
static bool deduced(const uint8_t *bytes, size_t n, size_t entry, uint64_t address, struct symbol_frame *f)
{
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "own", "elf");
    const struct symbol_code code = {.bytes = bytes,
                                     .size = n,
                                     .address = 0x1000,
                                     .entries = "entry",
                                     .entries_end = "end",
                                     .registers = &saves};
    symbol_table_add(t, "function", 0x1000, 0, 't', 0);
    if (entry) {
        symbol_table_add(t, "entry", 0x1000 + entry, 0, 't', 0);
        symbol_table_add(t, "end", 0x1000 + n, 0, 't', 0);
    }
    symbol_table_deduce_frames(t, &code);
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t), .space = SPACE_KERNEL});
    const bool found = symbols_frame(s, SPACE_KERNEL, address, SYMBOLS_NOW, f);
    symbols_free(s);
    return found;
}

/* A register is saved and restored, on one of two paths. */
static void test_paths(void **state)
{
    static const uint8_t code[] = {0x85, 0xff,             /* test %edi,%edi */
                                   0x74, 0x08,             /* je 100c */
                                   0x53,                   /* 1004: push %rbx */
                                   0x48, 0x83, 0xec, 0x10, /* sub $16,%rsp */
                                   0xeb, 0x02,             /* jmp 100d */
                                   0x90,                   /* 100b */
                                   0xc3,                   /* 100c: ret */
                                   0x48, 0x83, 0xc4, 0x10, /* 100d: add $16,%rsp */
                                   0x5b, 0xc3};            /* pop %rbx; ret */
    static const struct {
        uint64_t address;
        int offset, saved;
    } want[] = {{0x1000, 8, 0}, {0x1004, 8, 0},  {0x1005, 16, 1}, {0x1009, 32, 1},
                {0x100c, 8, 0}, {0x100d, 32, 1}, {0x1011, 16, 1}, {0x1012, 8, 0}};
    struct symbol_frame f;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(deduced(code, sizeof code, 0, want[i].address, &f));
        assert_int_equal(f.base, 7);
        assert_int_equal(f.offset, want[i].offset);
        assert_int_equal(f.nsaved, want[i].saved);
    }
}

/* Room of variable size: only by the frame pointer; without one, not at all. */
static void test_variable_size(void **state)
{
    static const uint8_t framed[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x29, 0xf4, 0x90, 0xc9, 0xc3};
    static const uint8_t bare[] = {0x48, 0x29, 0xf4, 0x90, 0xc3};
    struct symbol_frame f;
    assert_true(deduced(framed, sizeof framed, 0, 0x1007, &f));
    assert_int_equal(f.base, 6);
    assert_int_equal(f.offset, 16);
    assert_true(deduced(framed, sizeof framed, 0, 0x1009, &f));
    assert_int_equal(f.base, 7);
    assert_int_equal(f.offset, 8);
    assert_false(deduced(bare, sizeof bare, 0, 0x1003, &f));
}

/* Behind the jump by a table are others: they are found while the first one is followed. */
static void test_tables(void **state)
{
    enum { TABLES = 100 };
    uint8_t code[1 + 2 * TABLES] = {0x53}; /* push %rbx */
    struct symbol_frame f;
    for (unsigned i = 0; i < TABLES; i++)
        memcpy(code + 1 + 2 * i, (const uint8_t[]){0xff, 0x20}, 2); /* jmp *(%rax) */
    for (unsigned i = 0; i < TABLES; i += TABLES - 1) {
        assert_true(deduced(code, sizeof code, 0, 0x1001 + 2 * i, &f));
        assert_int_equal(f.offset, 16);
        assert_int_equal(f.nsaved, 1);
    }
}

/* An entry makes room and stores a register: until then it is where it was. */
static void test_stores(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90,                          /* function: ret */
                                   0x48, 0x83, 0xc4, 0x88,              /* entry: add $-120,%rsp */
                                   0x48, 0x89, 0x6c, 0x24, 0x20,        /* 1006: mov %rbp,32(%rsp) */
                                   0xe8, 0xf0, 0xff, 0xff, 0xff,        /* 100b: call function */
                                   0x48, 0x83, 0xec, 0x80, 0x48, 0xcf}; /* 1010: sub $-128,%rsp; iretq */
    struct symbol_frame f;
    assert_true(deduced(code, sizeof code, 2, 0x1006, &f));
    assert_int_equal(f.offset, 0x88);
    assert_int_equal(f.nsaved, 6);
    assert_true(deduced(code, sizeof code, 2, 0x100b, &f));
    assert_int_equal(f.offset, 0x88);
    assert_int_equal(f.nsaved, 7);
    assert_int_equal(f.saved[1].reg, 6);
}

/* An entry pushes registers, calls the function, and ends by IRET: what is where follows from the call and the end. */
static void test_entry(void **state)
{
    static const uint8_t code[] = {0xc3, 0x90,                          /* function: ret */
                                   0x48, 0x83, 0xc4, 0x88,              /* entry: add $-120,%rsp */
                                   0xe8, 0xf5, 0xff, 0xff, 0xff,        /* 1006: call function */
                                   0x48, 0x83, 0xec, 0x80, 0x48, 0xcf}; /* 100b: sub $-128,%rsp; iretq */
    struct symbol_frame f;
    assert_true(deduced(code, sizeof code, 2, 0x1002, &f));
    assert_int_equal(f.offset, 16);
    assert_int_equal(f.flags, FRAME_WIDE | FRAME_INTERRUPT);
    assert_int_equal(f.nsaved, 1);
    assert_true(deduced(code, sizeof code, 2, 0x1006, &f));
    assert_int_equal(f.offset, 0x88);
    assert_int_equal(f.nsaved, 7);
    assert_true(deduced(code, sizeof code, 2, 0x100f, &f));
    assert_int_equal(f.offset, 8);
    assert_true(deduced(code, sizeof code, 2, 0x1000, &f));
    assert_int_equal(f.flags, FRAME_WIDE);
}

static void deduce_noise(const uint8_t bytes[NOISE_SIZE], unsigned page)
{
    struct symbol_frame f;
    deduced(bytes, NOISE_SIZE, NOISE_SIZE / 2, 0x1800, &f);
}

static void test_noise(void **state)
{
    make_noise(deduce_noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_code), cmocka_unit_test(test_paths),  cmocka_unit_test(test_variable_size),
        cmocka_unit_test(test_entry),    cmocka_unit_test(test_stores), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
