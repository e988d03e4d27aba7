/* test_executed.c - the lines of a page from which instructions were executed (hv/x86/memory/touched.c): those of this period alone, and the same
 * ones however the run is cut and whatever stops it has. And the lines that were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/engine/engine.h"
#include "hv/x86/decode/code.h"
#include "tests/unit/real_mode.h"

enum { CODE = 0x1000, FUNCTION = CODE + 0x200, STRAIGHT = CODE + 0x400, STRAIGHT_BYTES = 600 };
enum { EDGE = 0x5fff };

static struct machine machine_new(void)
{
    static const uint8_t caller[] = {0xe8, 0xfd, 0x01, 0xf4}; /* call FUNCTION; hlt */
    static const uint8_t function[] = {0x40, 0xc3};           /* inc ax; ret */
    struct machine m = real_mode_machine();
    memcpy(m.ram + CODE, caller, sizeof caller);
    memcpy(m.ram + FUNCTION, function, sizeof function);
    memset(m.ram + STRAIGHT, 0x40, STRAIGHT_BYTES);
    m.ram[STRAIGHT + STRAIGHT_BYTES] = 0xc3;
    struct touched_set set;
    physmem_touched(m.mem, &set);
    return m;
}

/* The next period's set has these pages executed, with these lines. */
static void expect(struct machine *m, size_t n, const struct touched *want)
{
    struct touched_set set;
    physmem_touched(m->mem, &set);
    assert_int_equal(set.n[TOUCH_EXECUTED], n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(set.page[TOUCH_EXECUTED][i].linear, want[i].linear);
        assert_int_equal(set.page[TOUCH_EXECUTED][i].physical, want[i].physical);
        assert_int_equal(set.page[TOUCH_EXECUTED][i].lines, want[i].lines);
        assert_null(set.page[TOUCH_EXECUTED][i].cells);
    }
}

static void test_periods(void **state)
{
    struct machine m = machine_new();
    const struct touched both = {1, 1, 1 | 1 << 8, NULL}, function = {1, 1, 1 << 8, NULL};
    x86_set(m.cpu, "rip", CODE);
    run(&m, 3);
    expect(&m, 1, &both);
    expect(&m, 0, NULL);
    x86_set(m.cpu, "rip", FUNCTION);
    run(&m, 1);
    expect(&m, 1, &function);
    run(&m, 1); /* the same block, from its middle on */
    expect(&m, 1, &function);
    machine_free(&m);
}

/* A block that was cut in an earlier period goes on, after its page was executed elsewhere: its first lines are not of this period. */
static void test_rest(void **state)
{
    struct machine m = machine_new();
    const struct touched first = {1, 1, 3 << 16, NULL}, rest = {1, 1, 1 << 8 | 1 << 17, NULL};
    m.ram[STRAIGHT + 80] = 0xc3;
    x86_set(m.cpu, "rip", STRAIGHT + 40);
    run(&m, 30);
    expect(&m, 1, &first);
    physmem_write(m.mem, x86_get(m.cpu, "rsp"), &(uint16_t){STRAIGHT + 70}, 2);
    x86_set(m.cpu, "rip", FUNCTION);
    run(&m, 2);
    assert_int_equal(x86_get(m.cpu, "rip"), STRAIGHT + 70);
    run(&m, 1);
    expect(&m, 1, &rest);
    machine_free(&m);
}

/* Blocks that were chained in an earlier period count where they are executed again. */
static void test_chained(void **state)
{
    static const uint8_t skip[] = {0x48, 0x75, 0x7d}; /* dec ax; jnz +125 */
    static const uint8_t back[] = {0xe9, 0x7d, 0xff}; /* jmp -131 */
    struct machine m = machine_new();
    const struct touched both = {1, 1, 1 << 8 | 1 << 10, NULL}, skipped = {1, 1, 1 << 8, NULL};
    memcpy(m.ram + FUNCTION, skip, sizeof skip);
    m.ram[FUNCTION + sizeof skip] = 0xf4;
    memcpy(m.ram + FUNCTION + 128, back, sizeof back);
    x86_set(m.cpu, "rip", FUNCTION);
    x86_set(m.cpu, "rax", 1000);
    run(&m, 900);
    expect(&m, 1, &both);
    run(&m, 300);
    expect(&m, 1, &both);
    x86_set(m.cpu, "rax", 1);
    x86_set(m.cpu, "rip", FUNCTION);
    run(&m, 2);
    expect(&m, 1, &skipped);
    machine_free(&m);
}

/* The same physical page at two linear ones: its lines count for both. */
static void test_alias(void **state)
{
    struct machine m = machine_new();
    const struct touched both[] = {{1, 1, 1 << 8, NULL}, {0x101, 1, 1 << 8, NULL}};
    physmem_set_a20(m.mem, false);
    x86_set_segment(m.cpu, "cs", 0, 0, UINT32_MAX, 0xc09b);
    x86_set(m.cpu, "rip", FUNCTION);
    run(&m, 1);
    x86_set(m.cpu, "rip", 0x100000 + FUNCTION);
    run(&m, 1);
    expect(&m, 2, both);
    machine_free(&m);
}

static const struct touched straight = {1, 1, 0x3ffull << 16, NULL};

/* More instructions than a block has, cut in pieces of any length, with a stop in the middle or not. */
static void test_cuts(void **state)
{
    const struct stop_point stop = {
        .id = 1, .kind = STOPS_EXEC_LINEAR, .address = STRAIGHT + 70, .report_only = true};
    for (unsigned steps = 1; steps <= STRAIGHT_BYTES; steps += 1 + steps / 2)
        for (unsigned stops = 0; stops < 2; stops++) {
            struct machine m = machine_new();
            x86_stops(m.cpu, &stop, stops);
            x86_set(m.cpu, "rip", STRAIGHT);
            for (uint64_t left = STRAIGHT_BYTES, n; left; left -= n)
                run(&m, n = left < steps ? left : steps);
            expect(&m, 1, &straight);
            machine_free(&m);
        }
}

/* What follows up to the branch counts though it is not executed in the period. */
static void test_left(void **state)
{
    for (unsigned stops = 0; stops < 2; stops++) {
        const struct stop_point stop = {.id = 1, .kind = STOPS_EXEC_LINEAR, .address = STRAIGHT + 70};
        struct machine m = machine_new();
        x86_stops(m.cpu, &stop, stops);
        x86_set(m.cpu, "rip", STRAIGHT);
        run(&m, 1);
        expect(&m, 1, &straight);
        machine_free(&m);
    }
}

static void test_two_pages(void **state)
{
    struct machine m = machine_new();
    const struct touched both[] = {{5, 5, 1ull << 63, NULL}, {6, 6, 1, NULL}};
    m.ram[EDGE] = 0xb8; /* mov ax, imm16 */
    x86_set(m.cpu, "rip", EDGE);
    run(&m, 1);
    expect(&m, 2, both);
    machine_free(&m);
}

/* The second page is not present: what begins in the first one is not executed, but a stop there has been reached. */
static void test_second_page_faults(void **state)
{
    struct machine m = machine_new();
    const struct touched first = {5, 5, 1ull << 63, NULL};
    uint64_t done;
    m.ram[EDGE] = 0xb8;
    real_mode_leave(&m);
    memset(m.ram + PAGE_TABLE + 4 * 6, 0, 4);
    x86_set(m.cpu, "rip", EDGE);
    assert_int_equal(x86_run(m.cpu, 1, &done), X86_SHUTDOWN);
    expect(&m, 1, &first);
    machine_free(&m);
}

/* ---------------------------------------------------------------- written */

enum { DATA = 0x4000 };

static const uint8_t again[] = {0x89, 0x05, 0xe2, 0xfc}; /* again: mov [di], ax; loop again */

static void run_at(struct machine *m, const void *code, size_t n, uint64_t di, uint64_t steps)
{
    physmem_write(m->mem, CODE, code, n);
    x86_set(m->cpu, "rip", CODE);
    x86_set(m->cpu, "rdi", di);
    x86_set(m->cpu, "rcx", 60000);
    run(m, steps);
}

/* What was touched by `code` in `steps` steps, with that `di`. */
static struct touched_set touched_by(struct machine *m, const void *code, size_t n, uint64_t di,
                                     uint64_t steps)
{
    struct touched_set set;
    run_at(m, code, n, di, steps);
    physmem_touched(m->mem, &set);
    return set;
}

/* What of DATA's page was written, by `code` in `steps` steps from `di` on. */
static struct touched written_page(struct machine *m, const void *code, size_t n, uint64_t di, uint64_t steps)
{
    const struct touched_set set = touched_by(m, code, n, di, steps);
    assert_int_equal(set.n[TOUCH_WRITTEN], 1);
    assert_int_equal(set.page[TOUCH_WRITTEN][0].linear, DATA >> 12);
    return set.page[TOUCH_WRITTEN][0];
}

static uint64_t written(struct machine *m, const void *code, size_t n, uint64_t di, uint64_t steps)
{
    return written_page(m, code, n, di, steps).lines;
}

/* A word that is written again and again has its line; if it is too often, the page counts, and does so
 * earlier in the next period. */
static void test_hot_line(void **state)
{
    struct machine m = machine_new();
    assert_int_equal(written(&m, again, sizeof again, DATA + 0x80, 10), 1 << 2);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 2000), 1 << 3);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 40000), UINT64_MAX);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 1000), UINT64_MAX);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 1000), 1 << 3);
    machine_free(&m);
}

/* A word that lies in two pages, written so many times, is in both. */
static void expect_across(struct machine *m, uint64_t times, uint64_t first, uint64_t second)
{
    const struct touched_set set = touched_by(m, again, sizeof again, DATA + 0xfff, 2 * times);
    assert_int_equal(set.n[TOUCH_WRITTEN], 2);
    assert_int_equal(set.page[TOUCH_WRITTEN][0].lines, first);
    assert_int_equal(set.page[TOUCH_WRITTEN][1].lines, second);
}

static void test_hot_across(void **state)
{
    struct machine m = machine_new();
    expect_across(&m, 5, 1ull << 63, 1);
    expect_across(&m, 1000, 1ull << 63, 1);
    expect_across(&m, 20000, UINT64_MAX, UINT64_MAX);
    machine_free(&m);
}

/* Of a line that is written the other variables are not. */
static void test_cells(void **state)
{
    static const uint8_t store[] = {0x89, 0x05};      /* mov [di], ax */
    static const uint8_t wide[] = {0x0f, 0x11, 0x05}; /* movups [di], xmm0 */
    struct machine m = machine_new();
    struct touched page = written_page(&m, store, sizeof store, DATA + 0x88, 1);
    assert_int_equal(page.lines, 1 << 2);
    assert_int_equal(page.cells[0], 1 << 1);
    page = written_page(&m, store, sizeof store, DATA + 0x1ff, 1);
    assert_int_equal(page.lines, 3 << 7);
    assert_int_equal(page.cells[0], 1 << 7);
    assert_int_equal(page.cells[1], 1);
    x86_set(m.cpu, "cr4", 0x200);
    page = written_page(&m, wide, sizeof wide, DATA + 0x384, 1);
    assert_int_equal(page.lines, 1 << 14);
    assert_int_equal(page.cells[0], 7);
    machine_free(&m);
}

/* A part that was run before is asked about: of a page whose lines were known then they are known now, however often it is written, with
 * what a device wrote before the processor did apart; of another page they are not. */
static void test_asked(void **state)
{
    enum { OTHER = DATA + 0x1000, TIMES = 100000 };
    struct machine m = machine_new();
    const struct touched before[] = {{DATA >> 12, DATA >> 12, 1, (const uint8_t *)"\1"},
                                     {OTHER >> 12, OTHER >> 12, UINT64_MAX, NULL}};
    const struct touched_set recorded = {.page = {NULL, before}, .n = {0, 2}};
    physmem_touched_ask(m.mem, &recorded);
    physmem_write(m.mem, DATA + 0x48, "device", 6);
    run_at(&m, again, sizeof again, DATA + 0x80, TIMES);
    physmem_write(m.mem, DATA + 0x208, "device", 6);
    struct touched_set set = touched_by(&m, again, sizeof again, OTHER, 1);
    assert_int_equal(set.n[TOUCH_WRITTEN], 2);
    const struct touched *all = set.page[TOUCH_WRITTEN], *late = set.late;
    assert_int_equal(all[0].lines, 1 << 1 | 1 << 2 | 1 << 8);
    assert_memory_equal(all[0].cells, "\2\1\2", 3);
    assert_int_equal(late[0].lines, 1 << 2 | 1 << 8);
    assert_memory_equal(late[0].cells, "\1\2", 2);
    assert_false(touched_is_known(&all[1]) || touched_is_known(&late[1]));
    set = touched_by(&m, again, sizeof again, OTHER, 1);
    assert_null(set.late);
    assert_int_equal(set.page[TOUCH_WRITTEN][0].lines, 1);
    machine_free(&m);
}

/* A page that is being filled counts as written all over; of one with few stores the lines are known. */
static void test_filled(void **state)
{
    static const uint8_t fill[] = {0xf3, 0xab}; /* rep stosw */
    struct machine m = machine_new();
    const struct touched all = written_page(&m, fill, sizeof fill, DATA, 1000);
    assert_int_equal(all.lines, UINT64_MAX);
    assert_null(all.cells);
    assert_int_equal(written(&m, fill, sizeof fill, DATA + 0x40, 40), 3 << 1);
    machine_free(&m);
}

/* One of which the last period had few stores does not, however much is written, until nothing is left to know. */
static void test_kept(void **state)
{
    static const uint8_t fill[] = {0xf3, 0xab}; /* rep stosw */
    struct machine m = machine_new();
    assert_int_equal(written(&m, fill, sizeof fill, DATA, 5), 1);
    assert_int_equal(written(&m, fill, sizeof fill, DATA, 1900), UINT64_MAX >> 4);
    assert_int_equal(written(&m, fill, sizeof fill, DATA + 0x40, 2016), UINT64_MAX << 1);
    assert_int_equal(written(&m, fill, sizeof fill, DATA, 2048), UINT64_MAX);
    machine_free(&m);
}

/* Many stores to half of the cells in two periods: then the page is given up, in the next period early. */
static void test_busy(void **state)
{
    static const uint8_t every_second[] = {
        0x89, 0x05,             /* next: mov [di], ax */
        0x83, 0xc7, 0x10,       /* add di, 16 */
        0x81, 0xe7, 0xff, 0x4f, /* and di, 0x4fff */
        0xe2, 0xf5,             /* loop next */
    };
    enum { MANY = 4 * 4000, STEPS_FEW = 4 * 5 };
    struct machine m = machine_new();
    assert_int_equal(written(&m, every_second, sizeof every_second, DATA, STEPS_FEW), 3);
    assert_non_null(written_page(&m, every_second, sizeof every_second, DATA, MANY).cells);
    assert_null(written_page(&m, every_second, sizeof every_second, DATA, MANY).cells);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 200), UINT64_MAX);
    assert_int_equal(written(&m, again, sizeof again, DATA + 0xc0, 200), 1 << 3);
    machine_free(&m);
}

/* A page that was mapped in this period: what was written before went elsewhere, so its lines are not known. */
static void test_mapped(void **state)
{
    static const uint8_t store[] = {0x89, 0x05}; /* mov [di], ax */
    struct machine m = machine_new();
    struct ramblock *other = physmem_block(m.mem, "other", 0x1000);
    physmem_map(m.mem, DATA, 0x1000, other, 0, other, 0, false);
    assert_int_equal(written(&m, store, sizeof store, DATA + 0x80, 1), UINT64_MAX);
    machine_free(&m);
}

/* So many pages are followed by lines in one period. */
static void test_many_pages(void **state)
{
    enum { MOST = 8192, MORE = 8, AT = 1 << 20 };
    struct machine m = machine_new();
    const uint64_t size = (uint64_t)(MOST + MORE) << 12;
    struct ramblock *block = physmem_block(m.mem, "more", size);
    struct touched_set set;
    physmem_map(m.mem, AT, size, block, 0, block, 0, false);
    physmem_touched(m.mem, &set);
    for (uint64_t at = AT; at < AT + size; at += 0x1000)
        touch_write(m.mem, at, at);
    physmem_touched(m.mem, &set);
    assert_int_equal(set.n[TOUCH_WRITTEN], MOST + MORE);
    for (unsigned i = 0; i < MOST + MORE; i++)
        assert_int_equal(set.page[TOUCH_WRITTEN][i].lines, i < MOST ? 0 : UINT64_MAX);
    machine_free(&m);
}

static void amount_is(const struct machine *m, uint64_t lines, uint64_t pages)
{
    const struct touched_amount a = physmem_touched_amount(m->mem);
    assert_int_equal(a.lines, lines);
    assert_int_equal(a.pages, pages);
}

static void test_amount(void **state)
{
    enum { MANY = 4096, ANY_PAGE = 0x8000 };
    struct machine m = machine_new();
    amount_is(&m, 0, 0);
    x86_set(m.cpu, "rip", CODE);
    run(&m, 3);
    amount_is(&m, 2, 1); /* the page of the stack */
    for (uint64_t i = 1; i <= MANY; i++)
        touch_write(m.mem, i << 12, ANY_PAGE);
    amount_is(&m, 2, 1 + MANY);
    machine_free(&m);
}

/* Begins a block at each byte of some pages of straight code. */
static void begin_everywhere(struct machine *m, unsigned page, unsigned pages)
{
    for (unsigned at = page << 12; at < (page + pages) << 12; at++) {
        x86_set(m->cpu, "rip", at);
        run(m, 1);
    }
}

/* First so much decoded code that it is kept only since all of it was executed: in the next period it is noted again. Then more than a period
 * has room for. */
static void test_much_code(void **state)
{
    enum { PAGE = 8, PAGES = 4 };
    static const struct touched all[PAGES] = {{8, 8, UINT64_MAX, NULL},
                                              {9, 9, UINT64_MAX, NULL},
                                              {10, 10, UINT64_MAX, NULL},
                                              {11, 11, UINT64_MAX, NULL}};
    static const struct touched end = {PAGE, PAGE, UINT64_MAX << 60, NULL};
    struct machine m = machine_new();
    memset(m.ram + (PAGE << 12), 0x40, PAGES << 12);
    for (unsigned pages = 1; pages <= PAGES; pages += PAGES - 1) {
        begin_everywhere(&m, PAGE, pages);
        expect(&m, pages, all);
        x86_set(m.cpu, "rip", (PAGE << 12) + 60 * TOUCHED_LINE);
        run(&m, 2);
        expect(&m, 1, &end);
        expect(&m, 0, NULL);
    }
    machine_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),    cmocka_unit_test(test_amount),
        cmocka_unit_test(test_many_pages), cmocka_unit_test(test_rest),
        cmocka_unit_test(test_chained),    cmocka_unit_test(test_alias),
        cmocka_unit_test(test_cuts),       cmocka_unit_test(test_left),
        cmocka_unit_test(test_two_pages),  cmocka_unit_test(test_second_page_faults),
        cmocka_unit_test(test_hot_line),   cmocka_unit_test(test_hot_across),
        cmocka_unit_test(test_filled),     cmocka_unit_test(test_kept),
        cmocka_unit_test(test_busy),       cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_cells),      cmocka_unit_test(test_much_code),
        cmocka_unit_test(test_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
