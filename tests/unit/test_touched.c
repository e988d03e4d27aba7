/* test_touched.c - the index for searches in a trace: what was written is read, and damaged notes are refused or
 * passed over, but never crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "traces/bytes.h"
#include "traces/touched.h"
#include "traces/trace.h"

enum { PARTS = 20, PAGES = 400 };

static char path[64];

static uint64_t random_below(uint64_t *x, uint64_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint64_t)((unsigned __int128)(*x ^ *x >> 29) * n >> 64);
}

static uint8_t some_cells[TOUCHED_LINE + 16];

/* The same set for the same part; some pages are in several parts, and some are aliases of others. */
static size_t make_pages(unsigned part, enum touch k, struct touched *page)
{
    for (unsigned i = 0; i < sizeof some_cells; i++)
        some_cells[i] = (uint8_t)(1 + 37 * i);
    uint64_t x = k, linear = 0;
    size_t n = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        linear += 1 + random_below(&x, i % 7 ? 3 : 1000);
        uint64_t physical = i % 5 ? linear & 0xffff : 7, lines = random_below(&x, UINT64_MAX);
        if (i % 3 && (i + part) % 4)
            continue;
        page[n++] = (struct touched){linear, physical,
                                     k == TOUCH_EXECUTED || i % 2 ? UINT64_MAX
                                     : physical == 7              ? 5
                                                                  : lines + part / 3,
                                     k == TOUCH_EXECUTED || i % 4 ? NULL : some_cells + i % 13 + part / 10};
    }
    return n;
}

/* Parts are from one checkpoint to the next. */
static void put_checkpoint(struct trace_writer *w, uint64_t icount)
{
    struct error err;
    assert_int_equal(trace_checkpoint_begin(w, icount, icount, !icount, &err), 0);
    assert_int_equal(trace_checkpoint_end(w, 1, &err), 0);
}

static struct trace_writer *begin_trace(void)
{
    struct error err;
    const struct trace_config tc = {.engine = "pc", .behaviour = 1, .step_ns = 1};
    snprintf(path, sizeof path, "/tmp/test_touched.%d.reel", (int)getpid());
    struct trace_writer *w = trace_writer_create(path, &tc, &err);
    assert_non_null(w);
    put_checkpoint(w, 0);
    return w;
}

static struct trace *end_trace(struct trace_writer *w, uint64_t icount)
{
    struct error err;
    const struct trace_end end = {.reason = "reached", .text = "", .icount = icount};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    unlink(path);
    return t;
}

static struct trace *make_trace(void)
{
    struct error err;
    struct trace_writer *w = begin_trace();
    struct touched_writer *tw = touched_writer_new();
    struct touched page[TOUCHES][PAGES];
    for (unsigned i = 0; i < PARTS; i++) {
        struct touched_set set;
        for (unsigned k = 0; k < TOUCHES; k++) {
            set.page[k] = page[k];
            set.n[k] = make_pages(i, k, page[k]);
        }
        assert_int_equal(touched_write(tw, w, i * 1000, (i + 1) * 1000, 0, &set, &err), 0);
        put_checkpoint(w, (i + 1) * 1000);
    }
    touched_writer_free(tw);
    return end_trace(w, PARTS * 1000);
}

/* What was read of a page, and what was written. Where lines are known and cells are not, all are written. */
static void assert_same(const struct touched *read, const struct touched *page, enum touch k)
{
    assert_int_equal(read->linear, page->linear);
    assert_int_equal(read->physical, page->physical);
    assert_int_equal(read->lines, page->lines);
    const bool known = k == TOUCH_WRITTEN && (page->cells || page->lines != UINT64_MAX);
    assert_int_equal(read->cells != NULL, known);
    for (size_t i = 0; i < touched_cells(read); i++)
        assert_int_equal(read->cells[i], page->cells ? page->cells[i] : UINT8_MAX);
}

static void test_round_trip(void **state)
{
    struct error err;
    struct trace *t = make_trace();
    struct touched_index *x = touched_index_read(t, &err);
    struct touched page[PAGES];
    assert_non_null(x);
    assert_int_equal(touched_parts(x), PARTS);
    for (unsigned i = 0; i < PARTS; i++) {
        uint64_t begin, end;
        struct touched_set set;
        touched_part(x, i, &begin, &end, &set);
        assert_int_equal(begin, i * 1000);
        assert_int_equal(end, (i + 1) * 1000);
        for (unsigned k = 0; k < TOUCHES; k++) {
            assert_int_equal(set.n[k], make_pages(i, k, page));
            for (size_t p = 0; p < set.n[k]; p++)
                assert_same(&set.page[k][p], &page[p], k);
        }
        assert_int_equal(touched_part_at(x, begin), i);
        assert_int_equal(touched_part_at(x, end - 1), i);
    }
    assert_int_equal(touched_part_at(x, PARTS * 1000), -1);
    touched_index_free(x);
    trace_close(t);
}

static void write_one(struct trace_writer *w, const struct touched *page)
{
    struct error err;
    struct touched_writer *tw = touched_writer_new();
    const struct touched_set set = {.page = {page, page}, .n = {1, 1}};
    assert_int_equal(touched_write(tw, w, 0, 1000, 0, &set, &err), 0);
    put_checkpoint(w, 1000);
    touched_writer_free(tw);
}

static void test_ranges(void **state)
{
    struct error err;
    struct trace_writer *w = begin_trace();
    const struct touched page = {0x10, 0x20, 1ull << 2 | 1ull << 63, NULL};
    write_one(w, &page);
    struct trace *t = end_trace(w, 1000);
    struct touched_index *x = touched_index_read(t, &err);
    assert_non_null(x);
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x1007f, 1));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x1007f, 2));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x100bf, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x100c0, 0x100));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0xf000, 0x1080));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0xf000, 0x1081));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x10fff, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x11000, 0x10000));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0, UINT64_MAX));
    assert_false(touched_physical(x, 0, TOUCH_WRITTEN, 0x10080, 1));
    assert_true(touched_physical(x, 0, TOUCH_WRITTEN, 0x20080, 1));
    touched_index_free(x);
    trace_close(t);
}

static struct touched_index *read_one(struct trace_writer *w, struct trace **t)
{
    struct error err;
    *t = end_trace(w, 1000);
    struct touched_index *x = touched_index_read(*t, &err);
    assert_non_null(x);
    return x;
}

/* Lines 9 and 17: of the first the second and third cell, of the other the first. */
static void ask_cells(const struct touched_index *x)
{
    const uint64_t line = 0x10000 + 9 * 64, other = 0x10000 + 17 * 64;
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, line - 8, 16));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, line - 8, 17));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, line + 23, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, line + 24, 40));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, line + 24, 17 * 64 - 9 * 64));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, other + 7, 1));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0xf000, 0x10000));
    assert_true(touched_linear(x, 0, TOUCH_EXECUTED, line + 24, 40));
    assert_false(touched_physical(x, 0, TOUCH_WRITTEN, line + 0x10000, 8));
    assert_true(touched_physical(x, 0, TOUCH_WRITTEN, line + 0x10000 + 8, 1));
}

static void test_cells(void **state)
{
    static const uint8_t cells[] = {6, 1};
    const struct touched page = {0x10, 0x20, 1ull << 9 | 1ull << 17, cells};
    struct trace_writer *w = begin_trace();
    struct trace *t;
    write_one(w, &page);
    struct touched_index *x = read_one(w, &t);
    ask_cells(x);
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x10000 + 17 * 64 + 8, 0x1000 - 18 * 64));
    const struct accessed seen = {0x10, 0x20, 1ull << 17, 1ull << 17};
    touched_learn(x, 0, &(struct accessed_set){&seen, 1, ACCESSES_WRITES});
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x10000 + 9 * 64, 64));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x10000 + 17 * 64, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x10000 + 17 * 64 + 8, 56));
    touched_index_free(x);
    trace_close(t);
}

/* In traces of earlier programs the cells of all lines are together: lines 9 and 17 have the same ones. */
static void test_version_2(void **state)
{
    struct error err;
    struct buf data = {0};
    struct trace *t;
    buf_add(&data, (uint8_t[]){2, 1, 0}, 3); /* version, last piece, begin */
    for (unsigned k = 0; k < TOUCHES; k++) {
        buf_add(&data, (uint8_t[]){0, 1, 0x10, zigzag(0x10), 3}, 5); /* kept, new, linear, physical, given */
        buf_u64(&data, 1ull << 9 | 1ull << 17);
        if (k == TOUCH_WRITTEN)
            buf_u64(&data, 7ull << 8);
    }
    struct trace_writer *w = begin_trace();
    const struct trace_note note = {
        .icount = 1000, .type = TOUCHED_NOTE, .name = "", .data = data.p, .len = (uint32_t)data.n};
    assert_int_equal(trace_write_note(w, &note, &err), 0);
    put_checkpoint(w, 1000);
    struct touched_index *x = read_one(w, &t);
    const uint64_t line = 0x10000 + 9 * 64, other = 0x10000 + 17 * 64;
    for (uint64_t at = line; at <= other; at += other - line) {
        assert_true(touched_linear(x, 0, TOUCH_WRITTEN, at, 1));
        assert_true(touched_linear(x, 0, TOUCH_WRITTEN, at + 16, 1));
        assert_false(touched_linear(x, 0, TOUCH_WRITTEN, at + 24, 40));
    }
    assert_true(touched_physical(x, 0, TOUCH_WRITTEN, other + 0x10000, 8));
    touched_index_free(x);
    trace_close(t);
    buf_free(&data);
}

/* A part that was run tells what was read, and which of the lines were written. */
static void test_learning(void **state)
{
    struct error err;
    struct trace_writer *w = begin_trace();
    const struct touched page = {0x10, 0x20, UINT64_MAX, NULL};
    const struct accessed seen[] = {{0x10, 0x20, 1ull << 2 | 1ull << 7, 1ull << 7}, {0x11, 0x10, 1, 0}};
    write_one(w, &page);
    struct trace *t = end_trace(w, 1000);
    struct touched_index *x = touched_index_read(t, &err);
    assert_non_null(x);
    assert_true(touched_linear(x, 0, TOUCH_ACCESSED, 0x55555, 1));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x10080, 1));
    assert_int_equal(touched_learnt(x, 0), ACCESSES_NONE);
    touched_learn(x, 0, &(struct accessed_set){seen, 1, ACCESSES_WRITES});
    assert_int_equal(touched_learnt(x, 0), ACCESSES_WRITES);
    assert_true(touched_linear(x, 0, TOUCH_ACCESSED, 0x55555, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x10080, 1));
    touched_learn(x, 0, &(struct accessed_set){seen, 2, ACCESSES_ALL});
    assert_int_equal(touched_learnt(x, 0), ACCESSES_ALL);
    assert_false(touched_linear(x, 0, TOUCH_ACCESSED, 0x55555, 1));
    assert_true(touched_linear(x, 0, TOUCH_ACCESSED, 0x10080, 1));
    assert_false(touched_linear(x, 0, TOUCH_WRITTEN, 0x10080, 1));
    assert_true(touched_linear(x, 0, TOUCH_WRITTEN, 0x101c0, 1));
    assert_true(touched_physical(x, 0, TOUCH_WRITTEN, 0x201ff, 1));
    assert_false(touched_physical(x, 0, TOUCH_WRITTEN, 0x20200, 0x1000));
    assert_true(touched_linear(x, 0, TOUCH_ACCESSED, 0x11000, 1));
    assert_true(touched_linear(x, 0, TOUCH_EXECUTED, 0x10080, 1));
    touched_index_free(x);
    trace_close(t);
}

/* Bytes changed, cut off or added: an error, or an index that can be asked. */
static void test_damage(void **state)
{
    struct error err;
    struct trace *good = make_trace();
    uint64_t x = 3, refused = 0;
    for (unsigned i = 0; i < 500; i++) {
        struct trace_writer *w = begin_trace();
        for (unsigned k = 0; k < PARTS; k++) {
            struct trace_note note;
            uint8_t data[16384];
            assert_int_equal(trace_note(good, k, &note, &err), 0);
            assert_true(note.len < sizeof data - 16);
            memcpy(data, note.data, note.len);
            if (k == i % PARTS && i % 3 == 0)
                note.len = (uint32_t)random_below(&x, note.len);
            else if (k == i % PARTS)
                data[random_below(&x, i % 2 ? 40 : note.len)] ^= (uint8_t)(1u << random_below(&x, 8));
            note.data = data;
            assert_int_equal(trace_write_note(w, &note, &err), 0);
            put_checkpoint(w, (k + 1) * 1000);
        }
        struct trace *t = end_trace(w, PARTS * 1000);
        struct touched_index *idx = touched_index_read(t, &err);
        refused += !idx;
        for (size_t k = 0; idx && k < touched_parts(idx); k++)
            touched_linear(idx, k, TOUCH_WRITTEN, 0x12345, 1000);
        touched_index_free(idx);
        trace_close(t);
    }
    assert_true(refused > 100);
    trace_close(good);
}

/* A part that ends or begins where no checkpoint is would let a search pass over what it does not tell of. */
static void test_between_checkpoints(void **state)
{
    static const struct {
        uint64_t begin, end;
    } wrong[] = {{0, 1500}, {500, 1000}, {0, 2000}, {1000, 1000}};
    struct error err;
    const struct touched page = {0x10, 0x20, 1, NULL};
    const struct touched_set set = {.page = {&page, &page}, .n = {1, 1}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct trace_writer *w = begin_trace();
        struct touched_writer *tw = touched_writer_new();
        put_checkpoint(w, 1000);
        assert_int_equal(touched_write(tw, w, wrong[i].begin, wrong[i].end, 0, &set, &err), 0);
        put_checkpoint(w, 2000);
        touched_writer_free(tw);
        struct trace *t = end_trace(w, 2000);
        assert_null(touched_index_read(t, &err));
        assert_non_null(strstr(err.text, "from checkpoint to checkpoint"));
        trace_close(t);
    }
}

/* A page that was followed from the beginning of a part, and one from the processors' first write on: the first has more. */
static void test_within(void **state)
{
    static const uint8_t all[] = {0x03, 0x80, 0xff}, later[] = {0x80, 0x0f}, other[] = {0x80, 0x10},
                         fewer[] = {0x02, 0x80, 0x10};
    const struct touched a = {1, 2, 1 | 1 << 5 | 1ull << 63, all}, b = {1, 2, 1 << 5 | 1ull << 63, later};
    const struct touched c = {1, 2, 1 << 5 | 1ull << 63, other}, d = {1, 2, 1 | 1 << 5 | 1ull << 63, fewer};
    const struct touched none = {1, 2, 0, all}, line = {1, 2, 1 << 4, later};
    assert_true(touched_within(&a, &a) && touched_within(&b, &a) && touched_within(&c, &a) &&
                touched_within(&d, &a));
    assert_true(touched_within(&c, &d) && touched_within(&none, &b));
    assert_false(touched_within(&a, &b) || touched_within(&a, &d) ||
                 touched_within(&b, &d));                           /* fewer lines, or cells */
    assert_false(touched_within(&b, &c) || touched_within(&c, &b)); /* neither has the other */
    assert_false(touched_within(&line, &a) || touched_within(&b, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_cells),      cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_learning),   cmocka_unit_test(test_damage),
        cmocka_unit_test(test_within),     cmocka_unit_test(test_between_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
