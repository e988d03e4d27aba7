/* test_linux.c - offsets of members that are inferred from objects in memory (core/systems/linux/private/layout.h), for kernels of
 * 64 and 32 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/systems/linux/private/layout.h"
#include "core/systems/linux/private/names.h"
#include "core/systems/linux/private/place.h"

/* ---------------------------------------------------------------- memory */

enum { MEMORY = 1 << 18 };

/* Kernel memory at `base`, a program's stack at `stack`. */
struct guest {
    unsigned word;
    bool la57;
    uint64_t base, stack;
    uint8_t kernel[MEMORY], user[MEMORY];
};

static uint8_t *place(struct guest *g, uint64_t address, size_t n)
{
    if (address - g->base < MEMORY && MEMORY - (address - g->base) >= n)
        return g->kernel + (address - g->base);
    if (address - g->stack < MEMORY && MEMORY - (address - g->stack) >= n)
        return g->user + (address - g->stack);
    return NULL;
}

static bool read_guest(void *ctx, uint64_t address, void *buf, size_t n)
{
    const uint8_t *p = place(ctx, address, n);
    memset(buf, 0, n);
    if (p)
        memcpy(buf, p, n);
    return p;
}

static void put(struct guest *g, uint64_t address, uint64_t v)
{
    memcpy(place(g, address, g->word), &v, g->word);
}

static void put_int(struct guest *g, uint64_t address, uint32_t v)
{
    memcpy(place(g, address, 4), &v, 4);
}

static void put_text(struct guest *g, uint64_t address, const char *s)
{
    strcpy((char *)place(g, address, strlen(s) + 1), s);
}

static struct guest *new_guest(unsigned word)
{
    struct guest *g = mem_zero(1, sizeof *g);
    g->word = word;
    g->base = word == 8 ? 0xffffffff81000000 : 0xc1000000;
    g->stack = word == 8 ? 0x7ffff7f00000 : 0xbf900000;
    return g;
}

static struct layout_memory memory(struct guest *g)
{
    return (struct layout_memory){.word = g->word, .la57 = g->la57, .ctx = g, .read = read_guest};
}

/* ---------------------------------------------------------------- tasks */

enum { INIT_TASK = 0x1000, TASK = 0x8000, FLAGS = 0x2c, PARENT = 0x460, MM = 0x3c0, COMM = 0x7a1 };

static uint64_t make_task(struct guest *g, uint64_t offset, uint32_t pid, bool canary)
{
    uint64_t task = g->base + offset, w = g->word;
    put_int(g, task + PARENT - 8 - (canary ? w : 0), pid);
    put_int(g, task + PARENT - 4 - (canary ? w : 0), pid);
    if (canary)
        put(g, task + PARENT - w, 0x5bd1e995);
    return task;
}

static uint64_t make_init_task(struct guest *g, bool canary)
{
    uint64_t task = make_task(g, INIT_TASK, 0, canary), w = g->word, p = task + PARENT;
    put_int(g, task + FLAGS - 4, 2);
    put_int(g, task + FLAGS, 0x200000);
    put(g, p, task);
    put(g, p + w, task);
    for (unsigned i = 2; i < 6; i++)
        put(g, p + i * w, p + (i & ~1u) * w);
    put(g, p + 6 * w, task);
    put_text(g, task + COMM, "swapper/0");
    return task;
}

/* Puts a task at the end of the children of another. */
static void add_child(struct guest *g, uint64_t parent, uint64_t child)
{
    uint64_t w = g->word, children = parent + PARENT + 2 * w, sibling = child + PARENT + 4 * w, last = 0;
    memcpy(&last, place(g, children + w, w), w);
    put(g, last, sibling);
    put(g, children + w, sibling);
    put(g, sibling, children);
    put(g, sibling + w, last);
}

static void test_task(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct guest *g = new_guest(i & 1 ? 4 : 8);
        const struct layout_memory m = memory(g);
        struct layout_task t;
        int pid = -1;
        uint64_t init = make_init_task(g, i & 2);
        assert_true(layout_task(&m, init, true, &t));
        assert_int_equal(t.comm, COMM);
        assert_int_equal(t.flags, FLAGS);
        assert_int_equal(t.real_parent, PARENT);
        uint64_t first = make_task(g, TASK, 1, i & 2);
        assert_true(layout_pid(&m, first, PARENT, 1, &pid));
        assert_int_equal(pid, PARENT - 8 - (i & 2 ? (int)g->word : 0));
        assert_false(layout_pid(&m, first, PARENT, 7, &pid));
        assert_false(layout_task(&m, first, true, &t));
        assert_int_equal(layout_first_child(&m, init, PARENT), 0);
        add_child(g, init, first);
        add_child(g, init, make_task(g, TASK + 0x2000, 2, i & 2));
        assert_int_equal(layout_first_child(&m, init, PARENT), first);
        assert_false(layout_task(&m, init, true, &t));
        t = (struct layout_task){0};
        assert_true(layout_task(&m, init, false, &t));
        assert_int_equal(t.real_parent, PARENT);
        assert_false(layout_task(&m, first, false, &t));
        free(g);
    }
}

/* ---------------------------------------------------------------- programs */

enum { MEM = 0x10000, ARGS = 0x118, BINPRM = 0x14000, NAMES = 0x60 };

/* argc, arguments, NULL, environment, NULL; the texts, and the program's path behind them. */
static void make_stack(struct guest *g, uint64_t sp, uint64_t args)
{
    uint64_t w = g->word;
    put(g, sp, 2);
    put(g, sp + w, args);
    put(g, sp + 2 * w, args + 3);
    put(g, sp + 4 * w, args + 6);
    put_text(g, args, "sh");
    put_text(g, args + 3, "-c");
    put_text(g, args + 6, "A=1");
    put_text(g, args + 10, "/bin/sh");
}

static uint64_t make_program(struct guest *g)
{
    uint64_t task = make_task(g, TASK, 1, false), mm = g->base + MEM, w = g->word;
    uint64_t sp = g->stack + 0x100, args = g->stack + 0x300, begin = mm + ARGS - 7 * w;
    const uint64_t words[] = {0x8048000, 0x8050000, 0x8051000, 0x8052000, 0x9000000, 0x9001000,
                              sp,        args,      args + 6,  args + 6,  args + 10};
    put(g, task + 0x40, 0xfeed); /* two of the same that are no mm */
    put(g, task + 0x40 + w, 0xfeed);
    put(g, task + MM, mm);
    put(g, task + MM + w, mm);
    for (unsigned i = 0; i < 11; i++)
        put(g, begin + i * w, words[i]);
    make_stack(g, sp, args);
    uint64_t b = g->base + BINPRM;
    put_int(g, b + NAMES - 8, 2);
    put_int(g, b + NAMES - 4, 1);
    put_text(g, b + 0x400, "/bin/sh");
    put(g, b + NAMES, b + 0x400);
    put(g, b + NAMES + w, b + 0x400);
    put(g, b + NAMES + 5 * w, args + 10);
    return task;
}

/* 32 bits, 64 bits, and 64 bits with 5-level paging, where objects are below what 48 bits reach. */
static void test_exec(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        const unsigned word = i ? 8 : 4;
        struct guest *g = new_guest(word);
        if (i == 2) {
            g->la57 = true;
            g->base = 0xff11000003800000;
        }
        const struct layout_memory m = memory(g);
        uint64_t init = make_init_task(g, false), task = make_program(g);
        struct layout_exec x;
        struct layout_binprm b;
        assert_true(layout_exec(&m, task, init, &x));
        assert_int_equal(x.task_mm, MM);
        assert_int_equal(x.arg_start, ARGS);
        assert_int_equal(x.arg_end, ARGS + word);
        assert_int_equal(x.start_code, ARGS - 7 * word);
        assert_int_equal(x.argc, 2);
        assert_int_equal(x.envc, 1);
        assert_true(layout_binprm(&m, g->base + BINPRM, &x, &b));
        assert_int_equal(b.filename, NAMES);
        assert_int_equal(b.interp, NAMES + word);
        assert_int_equal(b.exec, NAMES + 5 * word);
        put(g, g->stack + 0x100 + word, 5); /* the first argument is elsewhere */
        assert_false(layout_exec(&m, task, init, &x));
        free(g);
    }
}

/* ---------------------------------------------------------------- modules, consoles */

enum { MODULE = 0x3040, CORE = 0xa0, KALLSYMS = 0x1e0, SECTIONS = 0x1f8 };

/* Areas of text, data (the module's own) and so on, with a node of a tree of 7 words each. */
static void make_areas(struct guest *g, uint64_t mod)
{
    const uint64_t w = g->word, area[] = {0x8000, 0x3000, 0x9000, 0xa000};
    for (unsigned i = 0; i < 4; i++) {
        put(g, mod + CORE + i * 9 * w, g->base + area[i]);
        put_int(g, mod + CORE + i * 9 * w + w, 0x1000);
        put(g, mod + CORE + i * 9 * w + 2 * w, mod);
    }
}

static void make_core(struct guest *g, uint64_t mod)
{
    const uint64_t w = g->word;
    put(g, mod + CORE, g->base + 0x2000);
    put_int(g, mod + CORE + w, 0x2000);
    put_int(g, mod + CORE + w + 4, 0x1000);
    put_int(g, mod + CORE + w + 8, 0x2000);
}

static uint64_t make_module(struct guest *g, bool areas)
{
    uint64_t mod = g->base + MODULE, w = g->word, k = g->base + 0x20000, s = g->base + 0x21000;
    put_text(g, mod + 3 * w, "dummy");
    (areas ? make_areas : make_core)(g, mod);
    put(g, mod + KALLSYMS, k);
    put(g, k, k + 0x100);
    put_int(g, k + w, 2);
    put(g, k + 2 * w, k + 0x200);
    put_int(g, k + 0x100 + (w == 8 ? 24 : 16), 1);
    put_text(g, k + 0x201, "dummy_init");
    put(g, mod + SECTIONS, s);
    put_text(g, s + 0x800, "sections");
    put_text(g, s + 0x820, ".text");
    put_text(g, s + 0x840, ".gnu.linkonce.this_module");
    put(g, s, s + 0x800);
    put_int(g, s + 5 * w, 2);
    put(g, s + 6 * w, s + 0x820);
    put(g, s + 6 * w + 7 * w, g->base + 0x2000);
    put(g, s + 14 * w, s + 0x840);
    put(g, s + 14 * w + 7 * w, mod);
    return mod;
}

static void test_module(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct guest *g = new_guest(i & 1 ? 8 : 4);
        const struct layout_memory m = memory(g);
        uint64_t mod = make_module(g, i & 2);
        struct layout_module l;
        int w = (int)g->word;
        assert_true(layout_module(&m, mod, &l));
        assert_int_equal(l.name, 3 * w);
        assert_int_equal(l.base, CORE);
        assert_int_equal(l.size, CORE + w);
        assert_int_equal(l.kallsyms, KALLSYMS);
        assert_int_equal(l.num_symtab, w);
        assert_int_equal(l.strtab, 2 * w);
        assert_int_equal(l.sect_attrs, SECTIONS);
        assert_int_equal(l.count, 5 * w);
        assert_int_equal(l.attrs, 6 * w);
        assert_int_equal(l.stride, 8 * w);
        assert_int_equal(l.address, 7 * w);
        assert_false(layout_module(&m, g->base + 0x30000, &l));
        free(g);
    }
}

static void test_console(void **state)
{
    for (unsigned word = 4; word <= 8; word += 4) {
        struct guest *g = new_guest(word);
        const struct layout_memory m = memory(g);
        uint64_t c = g->base + 0x100;
        int flags = -1;
        assert_false(layout_console(&m, c, &flags));
        put_text(g, c, "ttyS");
        put(g, c + 16, g->base + 0x500);
        put(g, c + 16 + 2 * word, g->base + 0x600);
        put(g, c + 16 + 7 * word, 0x17);
        assert_true(layout_console(&m, c, &flags));
        assert_int_equal(flags, 16 + 7 * word);
        free(g);
    }
}

/* ---------------------------------------------------------------- initcalls */

static bool is_function(void *ctx, uint64_t address)
{
    const uint64_t *base = ctx;
    return address - *base < 0x1000 && !(address & 15);
}

enum { FUNCTIONS = 40, TABLE = 0x2000, LEVELS = 0x3000 };

/* Entries in two levels: pointers, or (relative) offsets from themselves. */
static void make_initcalls(struct guest *g, bool relative)
{
    unsigned step = relative ? 4 : g->word;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        uint64_t at = g->base + TABLE + i * step, fn = g->base + 16 * i;
        if (relative)
            put_int(g, at, (uint32_t)(fn - at));
        else
            put(g, at, fn);
    }
    for (unsigned i = 0; i <= LAYOUT_LEVELS; i++)
        put(g, g->base + LEVELS + i * g->word,
            g->base + TABLE +
                step * (i == 0  ? 0
                        : i < 5 ? 10
                                : FUNCTIONS));
}

static void test_initcalls(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct guest *g = new_guest(i & 1 ? 4 : 8);
        bool relative = i & 2;
        unsigned bytes = 0;
        const struct layout_image im = {g->kernel, MEMORY, g->base, g->word, &g->base, is_function};
        uint64_t begin[LAYOUT_LEVELS + 1];
        assert_false(layout_initcalls(&im, begin));
        make_initcalls(g, relative);
        assert_true(layout_initcalls(&im, begin));
        assert_int_equal(begin[0], g->base + TABLE);
        assert_int_equal(layout_initcall(&im, begin[1], &bytes), g->base + 160);
        assert_int_equal(bytes, relative ? 4 : g->word);
        assert_int_equal(begin[LAYOUT_LEVELS], g->base + TABLE + FUNCTIONS * bytes);
        assert_int_equal(layout_initcall(&im, g->base + MEMORY - 1, &bytes), 0);
        assert_int_equal(layout_initcall(&im, g->base - 1, &bytes), 0);
        free(g);
    }
}

/* Kernels with link-time optimization call them by stubs. */
static void test_initcall_stubs(void **state)
{
    static const char *const cases[][2] = {
        {"__initstub__kmod_vt__322_3687_con_initcon", "con_init"},
        {"__initstub__kmod_main__241_1234_trace_init_early", "trace_init_"},
        {"__initstub__kmod_cpu__100_27_init_hw_perf_eventsearly", "init_hw_perf_events"},
        {"__initstub__kmod_initramfs__301_750_populate_rootfsrootfs", "populate_rootfs"},
        {"__initstub__kmod_clock__1_2_late_resume_init6s", "late_resume_init"},
        {"__initstub__kmod_i8042__200_1637_i8042_init6", "i8042_init"},
        {"__initstub__kmod_a__b__12_34_probe77", "probe7"},
        {"__initstub__kmod_a__5_6_b__7_8_c0.cfi_jt", "b__7_8_c"},
        {"__initstub__kmod_vt__322_con_initcon", NULL},
        {"__initstub__kmod_vt__322_3687_", NULL},
        {"con_init", NULL},
        {"", NULL},
    };
    char buf[80];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(linux_initcall_of_stub(cases[i][0], buf, sizeof buf), cases[i][1] != NULL);
        if (cases[i][1])
            assert_string_equal(buf, cases[i][1]);
    }
}

/* ---------------------------------------------------------------- where an image will run */

enum { PLACES = 300 };

/* Functions at distances from _text; the image has pointers to each third of them, and some to where none begins. */
static void test_place(void **state)
{
    for (unsigned word = 4; word <= 8; word += 4) {
        struct guest *g = new_guest(word);
        uint64_t functions[PLACES], text, true_text = word == 8 ? 0xffffffffade00000 : 0xc1802000;
        for (unsigned i = 0; i < PLACES; i++)
            functions[i] = 0x40 + 0x1230 * (uint64_t)i + i % 7 * 16;
        assert_false(place_find(g->kernel, MEMORY, word, functions, PLACES, &text));
        for (unsigned i = 0; i < PLACES / 3; i++) {
            put(g, g->base + 0x100 + 24 * i, true_text + functions[3 * i]);
            put(g, g->base + 0x8000 + 40 * i, true_text + functions[i] + 4);
        }
        assert_true(place_find(g->kernel, MEMORY, word, functions, PLACES, &text));
        assert_int_equal(text, true_text);
        assert_false(place_find(g->kernel, MEMORY, word, functions, 3, &text)); /* too few to be sure */
        assert_false(place_find(g->kernel, 0, word, functions, PLACES, &text));
        free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task),           cmocka_unit_test(test_exec),
        cmocka_unit_test(test_module),         cmocka_unit_test(test_console),
        cmocka_unit_test(test_initcalls),      cmocka_unit_test(test_place),
        cmocka_unit_test(test_initcall_stubs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
