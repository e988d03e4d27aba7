/* test_dwarf_types.c - the types of a kernel without BTF, from the DWARF of its vmlinux: a small one is made by the compiler, in each version of DWARF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dwarf.h>
#include <elfutils/libdw.h>

#include "base/memory.h"
#include "core/symbols/kernel_types.h"

/* The second unit only declares what the first one has whole, and has another structure of the same name as one there. */
static const char first_unit[] =
    "typedef unsigned long ulong_t; typedef _Bool bool_t;\n"
    "enum mode { OFF, ON = -1 }; enum wide { SMALL, HUGE = 0x123456789abL };\n"
    "struct list { struct list *next; };\n"
    "struct task_struct { volatile int state; unsigned low : 3, high : 5; char comm[16]; struct list list;\n"
    "  union { long a; char b; }; int grid[2][3]; const char *name; enum mode mode; enum wide wide; bool_t on; int end[]; };\n"
    "struct task_struct init_task = {.comm = \"swapper\"};\n"
    "const char linux_banner[] = \"Linux\";\n"
    "static struct list runq; ulong_t jiffies_64; struct task_struct *current_task;\n"
    "struct private_data { int one; }; struct private_data first_data;\n"
    "__attribute__((noinline)) int wake(struct task_struct *p, const char *why, ulong_t flags, int (*fn)(void *, ...))\n"
    "{ runq.next = &p->list; return fn(p) + *why + (int)flags; }\n"
    "static int refuse(void *p, ...) { return !p; }\n"
    "void _text(void) { wake(&init_task, \"x\", 1, refuse); }\n";
static const char second_unit[] =
    "struct task_struct; extern struct task_struct init_task; struct private_data { int one; long two; };\n"
    "struct private_data second_data;\n"
    "int sleep_on(struct task_struct *p, struct nobody *n) { return p == &init_task || (void *)n == 0; }\n";

struct fixture {
    char folder[40], file[60];
    struct symbols *s;
    struct kernel_types *k;
};

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void build(struct fixture *f, const char *options)
{
    char command[400];
    snprintf(
        command, sizeof command,
        "cd %s && cc %s -w -O0 -ffreestanding -fno-pie -no-pie -nostdlib -static -Wl,-e,_text -o vmlinux first.c second.c",
        f->folder, options);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    strcpy(f->folder, "/tmp/test_dwarf_types.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/vmlinux", f->folder);
    write_text(f->folder, "first.c", first_unit);
    write_text(f->folder, "second.c", second_unit);
    *state = f;
    return 0;
}

static void forget(struct fixture *f)
{
    kernel_types_free(f->k);
    symbols_free(f->s);
    f->k = NULL;
    f->s = NULL;
}

static int teardown(void **state)
{
    static const char *const files[] = {"first.c", "second.c", "vmlinux"};
    struct fixture *f = *state;
    char path[80];
    forget(f);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        unlink(path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

static uint64_t text_of(const struct symbols *s)
{
    struct symbol sym;
    assert_true(symbols_find(s, SPACE_KERNEL, "_text", SYMBOLS_NOW, &sym));
    return sym.address;
}

/* As a trace has them. */
static void take_note(void *ctx, const struct trace_note *note)
{
    struct error err;
    assert_int_equal(symbols_take_note(ctx, note, &err), 0);
}

/* Moved as a kernel is by KASLR. */
static void load_at(struct fixture *f, uint64_t bias)
{
    struct error err;
    struct symbols *made = symbols_new();
    const void *btf;
    size_t n;
    f->s = symbols_new();
    symbols_sink(made, take_note, f->s);
    const struct symbol_table *t = symbols_add_elf_file(made, f->file, &err);
    assert_non_null(t);
    symbols_map(made, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL, .bias = bias});
    symbols_free(made);
    assert_null(symbols_types(f->s, text_of(f->s) - 1, &btf, &n));
    assert_non_null(symbols_types(f->s, text_of(f->s), &btf, &n));
    f->k = kernel_types_of(btf, n);
    assert_non_null(f->k);
}

static void load(struct fixture *f)
{
    load_at(f, 0x1000000);
}

/* "TYPE at OFFSET, SIZE" of an expression. */
static const char *place(const struct fixture *f, const char *expression, const char *variable, char buf[200])
{
    struct types_place p = {0};
    struct error err;
    struct symbol sym = {0};
    char name[100];
    if (kernel_types_place(f->k, f->s, expression, &p, &err) != 1)
        return "none";
    if (variable)
        assert_true(symbols_find(f->s, SPACE_KERNEL, variable, SYMBOLS_NOW, &sym));
    kernel_types_name(f->k, &p, name, sizeof name);
    snprintf(buf, 200, "%s at %d, %d", name, (int)(p.address - sym.address), (int)p.size);
    return buf;
}

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    static const char bytes[] = "hello";
    if (address != 0x2000)
        return 0;
    n = n < sizeof bytes ? n : sizeof bytes;
    memcpy(buf, bytes, n);
    return n;
}

static void count_bits(void *ctx, const struct types_part *part)
{
    if (!strcmp(part->name, "high")) {
        assert_int_equal(part->shift + 8 * (part->place.address - *(uint64_t *)ctx), 35);
        assert_int_equal(part->bits, 5);
        *(uint64_t *)ctx = 0;
    }
}

static void check(struct fixture *f)
{
    char buf[200];
    struct types_function fn;
    struct types_place p;
    struct error err;
    const struct types_memory m = {NULL, read_memory};
    assert_string_equal(place(f, "init_task.comm", "init_task", buf), "char [16] at 5, 16");
    assert_string_equal(place(f, "init_task.list.next", "init_task", buf), "struct list * at 24, 8");
    assert_string_equal(place(f, "init_task.b", "init_task", buf), "char at 32, 1");
    assert_string_equal(place(f, "init_task.grid[1][2]", "init_task", buf), "int at 60, 4");
    assert_string_equal(place(f, "init_task.mode", "init_task", buf), "enum mode at 72, 4");
    assert_string_equal(place(f, "init_task.wide", "init_task", buf), "enum wide at 80, 8");
    assert_string_equal(place(f, "init_task.on", "init_task", buf), "bool_t at 88, 1");
    assert_string_equal(place(f, "jiffies_64", "jiffies_64", buf), "ulong_t at 0, 8");
    assert_string_equal(place(f, "runq.next", "runq", buf), "struct list * at 0, 8");
    assert_string_equal(place(f, "linux_banner[5]", "linux_banner", buf), "const char at 5, 1");
    assert_string_equal(place(f, "second_data.two", "second_data", buf), "long int at 8, 8");
    assert_string_equal(place(f, "first_data", "first_data", buf), "struct private_data at 0, 4");
    assert_string_equal(place(f, "((struct task_struct *)0x100)->state", NULL, buf),
                        "volatile int at 256, 4");
    assert_string_equal(place(f, "init_task.nobody", NULL, buf), "none");
    assert_int_equal(kernel_types_place(f->k, f->s, "init_task", &p, &err), 1);
    uint64_t from = p.address;
    kernel_types_parts(f->k, &p, count_bits, &from);
    assert_int_equal(from, 0);
    assert_true(kernel_types_function(f->k, "wake", &fn));
    kernel_types_arguments(f->k, &fn, (uint64_t[6]){0x5000, 0x2000, 3, 0x77}, &m, buf, sizeof buf);
    assert_string_equal(buf, "(p=0x5000, why=\"hello\", flags=0x3, fn=0x77)");
    assert_true(kernel_types_function(f->k, "sleep_on", &fn));
    assert_true(kernel_types_function(f->k, "refuse", &fn));
    assert_false(kernel_types_function(f->k, "nobody", &fn));
}

static void versions(void **state)
{
    static const char *const options[] = {
        "-g -gdwarf-2", "-g -gdwarf-3", "-g -gdwarf-4", "-g -gdwarf-5", "-g -gdwarf-4 -fdebug-types-section",
        "-g -O2"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        build(*state, options[i]);
        load(*state);
        check(*state);
        forget(*state);
    }
}

/* ---------------------------------------------------------------- for a debugger */

/* Nothing is known of a function's code: its arguments are where they are at its first instruction. */
static size_t read_no_code(void *ctx, uint64_t address, void *buf, size_t n)
{
    return 0;
}

/* The unit that has the code at an address; the only one. */
static Dwarf_Die unit_of(Dwarf *dwarf, uint64_t address)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, found;
    unsigned n = 0;
    while (!dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL))
        if (dwarf_haspc(&die, address) > 0) {
            found = die;
            n++;
        }
    assert_int_equal(n, 1);
    return found;
}

static Dwarf_Die child_of(Dwarf_Die *die, int tag, const char *name)
{
    Dwarf_Die child;
    assert_int_equal(dwarf_child(die, &child), 0);
    while (dwarf_tag(&child) != tag || !dwarf_diename(&child) || strcmp(dwarf_diename(&child), name))
        assert_int_equal(dwarf_siblingof(&child, &child), 0);
    return child;
}

/* The first operation that says where an argument is. */
static Dwarf_Op location(Dwarf_Die *function, const char *name, uint64_t address)
{
    Dwarf_Die argument = child_of(function, DW_TAG_formal_parameter, name);
    Dwarf_Attribute attr;
    Dwarf_Op *ops;
    size_t n;
    assert_non_null(dwarf_attr(&argument, DW_AT_location, &attr));
    assert_int_equal(dwarf_getlocation_addr(&attr, address, &ops, &n, 1), 1);
    return ops[0];
}

/* At a low address this is a 32-bit kernel whose words are of 8 bytes: one fits into its three registers.
 * A function has its prototype, the places of its arguments and its lines in one unit, or a debugger would find one and miss the others. */
static void lines_and_arguments(void **state)
{
    static const struct {
        uint64_t bias;
        uint8_t first, last; /* where wake's first and last arguments are */
        int64_t offset;
    } cases[] = {{0xffffffff80000000, DW_OP_reg5, DW_OP_reg2, 0}, {0x1000000, DW_OP_reg0, DW_OP_breg4, 20}};
    struct fixture *f = *state;
    build(f, "-g -O1");
    for (size_t i = 0; i < 2; i++) {
        load_at(f, cases[i].bias);
        struct symbol_types types = {.table = "vmlinux"};
        const struct symbol_types_set set = {
            .list = &types, .n = 1, .space = SPACE_KERNEL, .read = read_no_code};
        struct symbol sym;
        size_t n;
        assert_non_null(symbols_types(f->s, text_of(f->s), &types.btf, &types.size));
        void *file = symbols_elf(f->s, SPACE_KERNEL, &set, &n);
        Elf *elf = elf_memory(file, n);
        Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
        assert_non_null(dwarf);
        assert_true(symbols_find(f->s, SPACE_KERNEL, "wake", SYMBOLS_NOW, &sym));
        Dwarf_Die unit = unit_of(dwarf, sym.address);
        Dwarf_Die wake = child_of(&unit, DW_TAG_subprogram, "wake");
        Dwarf_Line *line = dwarf_getsrc_die(&unit, sym.address);
        int number;
        assert_non_null(line);
        assert_int_equal(dwarf_lineno(line, &number), 0);
        assert_int_equal(number, 11);
        assert_string_equal(dwarf_linesrc(line, NULL, NULL), "first.c");
        assert_int_equal(location(&wake, "p", sym.address).atom, cases[i].first);
        const Dwarf_Op last = location(&wake, "fn", sym.address);
        assert_int_equal(last.atom, cases[i].last);
        assert_int_equal(last.number, cases[i].offset);
        dwarf_end(dwarf);
        elf_end(elf);
        free(file);
        forget(f);
    }
}

/* Programs that are no kernels, and files without DWARF, have no types. */
static void none(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const void *btf;
    size_t n;
    static const char *const options[] = {"", "-g -Dlinux_banner=other"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        build(f, options[i]);
        f->s = symbols_new();
        const struct symbol_table *t = symbols_add_elf_file(f->s, f->file, &err);
        assert_non_null(t);
        symbols_map(f->s, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL});
        assert_null(symbols_types(f->s, text_of(f->s), &btf, &n));
        forget(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions, setup, teardown),
        cmocka_unit_test_setup_teardown(none, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_and_arguments, setup, teardown),
    };
    return cmocka_run_group_tests_name("dwarf types", tests, NULL, NULL);
}
