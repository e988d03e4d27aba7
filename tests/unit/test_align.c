/* test_align.c - the events of two traces side by side: which belongs to which, positions, what several begin with. */
#include "trace_sample.h"

#include "core/compare/align.h"
#include "traces/trace.h"

/* A trace whose events are port writes, each at 100 times its place; a port of 0 is an interrupt (which is not
 * aligned). */
static struct trace *make_trace(const char *name, const unsigned *port, size_t n, char **path)
{
    struct error err;
    struct trace_config cfg = {.engine = "fake", .behaviour = 1, .step_ns = 1, .classes = EVENT_CLASSES_ALL};
    *path = temp_path(name);
    struct trace_writer *w = trace_writer_create(*path, &cfg, &err);
    assert_non_null(w);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {
            .kind = port[i] ? EV_PIO_WRITE : EV_IRQ, .icount = 100 * (i + 1), .time = 100 * (i + 1)};
        ev.f[0] = port[i];
        assert_int_equal(trace_write_event(w, &ev, &err), 0);
    }
    struct trace_end end = {.reason = "reached", .text = "", .icount = 100 * (n + 1), .time = 100 * (n + 1)};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(*path, &err);
    assert_non_null(t);
    return t;
}

static void drop(struct trace *t, char *path)
{
    trace_close(t);
    unlink(path);
    free(path);
}

struct two {
    struct trace *t[2];
    char *path[2];
    struct alignment *al;
};

static struct two align_two(const unsigned *a, size_t na, const unsigned *b, size_t nb)
{
    struct two x;
    struct error err;
    x.t[0] = make_trace("a", a, na, &x.path[0]);
    x.t[1] = make_trace("b", b, nb, &x.path[1]);
    x.al = align_traces(x.t[0], x.t[1], NULL, &err);
    assert_non_null(x.al);
    return x;
}

static void drop_two(struct two *x)
{
    alignment_free(x->al);
    drop(x->t[0], x->path[0]);
    drop(x->t[1], x->path[1]);
}

static void events_belong_together(void **state)
{
    const unsigned a[] = {1, 2, 3, 4, 5}, b[] = {1, 2, 9, 3, 5};
    struct two x = align_two(a, 5, b, 5);
    uint64_t other;
    assert_int_equal(alignment_runs(x.al), 3); /* 1 2, 3, 5 */
    assert_true(alignment_event(x.al, 0, 2, &other));
    assert_int_equal(other, 3);
    assert_true(alignment_event(x.al, 1, 4, &other));
    assert_int_equal(other, 4);
    assert_false(alignment_event(x.al, 0, 3, &other)); /* 4 is only in A: before 5 of B */
    assert_int_equal(other, 4);
    assert_false(alignment_event(x.al, 1, 2, &other)); /* 9 is only in B: before 3 of A */
    assert_int_equal(other, 2);
    drop_two(&x);
}

static void positions_correspond(void **state)
{
    const unsigned a[] = {1, 2, 3, 4, 5}, b[] = {1, 2, 9, 3, 5};
    struct two x = align_two(a, 5, b, 5);
    assert_int_equal(alignment_map(x.al, 0, 0), 0);
    assert_int_equal(alignment_map(x.al, 0, 50), 50);
    assert_int_equal(alignment_map(x.al, 0, 100), 100);
    assert_int_equal(alignment_map(x.al, 0, 300), 400); /* event 3 */
    assert_int_equal(alignment_map(x.al, 0, 330), 430);
    assert_int_equal(alignment_map(x.al, 0, 450),
                     500); /* in what only A has: at most up to the next common event */
    assert_int_equal(alignment_map(x.al, 1, 300), 300); /* 9: 100 steps after 2 */
    assert_int_equal(alignment_map(x.al, 1, 399), 300);
    assert_int_equal(alignment_map(x.al, 1, 600), 600);
    drop_two(&x);
}

static void differences_are_found_in_both_directions(void **state)
{
    const unsigned a[] = {1, 2, 3, 4, 5}, b[] = {1, 2, 9, 3, 5};
    struct two x = align_two(a, 5, b, 5);
    uint64_t at;
    assert_true(alignment_next(x.al, 0, 0, false, &at));
    assert_int_equal(at, 300); /* what only B has comes before A's 3 */
    assert_true(alignment_next(x.al, 0, at, false, &at));
    assert_int_equal(at, 400);
    assert_false(alignment_next(x.al, 0, at, false, &at));
    assert_true(alignment_next(x.al, 0, 600, true, &at));
    assert_int_equal(at, 400);
    assert_true(alignment_next(x.al, 0, at, true, &at));
    assert_int_equal(at, 300);
    assert_false(alignment_next(x.al, 0, at, true, &at));
    assert_true(alignment_next(x.al, 1, 0, false, &at));
    assert_int_equal(at, 300);
    drop_two(&x);
}

static void interrupts_come_by_chance(void **state)
{
    const unsigned a[] = {1, 0, 2, 3}, b[] = {1, 2, 3, 0};
    struct two x = align_two(a, 4, b, 4);
    uint64_t other;
    assert_true(alignment_event(x.al, 0, 3, &other));
    assert_int_equal(other, 2);
    assert_false(alignment_next(x.al, 0, 0, false, &other));
    assert_false(alignment_next(x.al, 1, 10000, true, &other));
    drop_two(&x);
}

static void nothing_in_common(void **state)
{
    const unsigned a[] = {1, 2}, b[] = {3};
    struct two x = align_two(a, 2, b, 1);
    uint64_t at;
    assert_int_equal(alignment_runs(x.al), 0);
    assert_int_equal(alignment_map(x.al, 0, 50), 50);
    assert_int_equal(alignment_map(x.al, 0, 900), 200); /* the end of B */
    assert_true(alignment_next(x.al, 0, 0, false, &at));
    assert_int_equal(at, 100);
    drop_two(&x);
}

static void a_common_beginning(void **state)
{
    const unsigned a[] = {1, 2, 0, 3, 4}, b[] = {1, 2, 0, 3, 5}, c[] = {1, 2, 0};
    char *path[4];
    struct error err;
    struct trace *t[3] = {make_trace("a", a, 5, &path[0]), make_trace("b", b, 5, &path[1]),
                          make_trace("c", c, 3, &path[2])};
    struct trace *same[2] = {t[0], make_trace("d", a, 5, &path[3])};
    struct common_prefix x;
    assert_int_equal(traces_common_prefix(t, 2, &x, &err), 0);
    assert_int_equal(x.events, 4);
    assert_int_equal(x.exact, 4);
    assert_int_equal(x.icount, 400);
    assert_false(x.whole);
    assert_int_equal(traces_common_prefix(t, 3, &x, &err), 0);
    assert_int_equal(x.events, 3);
    assert_false(x.whole);
    assert_int_equal(traces_common_prefix(same, 2, &x, &err), 0);
    assert_int_equal(x.events, 5);
    assert_true(x.whole);
    drop(t[0], path[0]);
    drop(same[1], path[3]);
    drop(t[1], path[1]);
    drop(t[2], path[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_belong_together),
        cmocka_unit_test(positions_correspond),
        cmocka_unit_test(differences_are_found_in_both_directions),
        cmocka_unit_test(interrupts_come_by_chance),
        cmocka_unit_test(nothing_in_common),
        cmocka_unit_test(a_common_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
