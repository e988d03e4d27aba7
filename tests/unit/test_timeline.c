/* test_timeline.c - the timeline: positions, stops and events, both ways; the budget; looking. */
#include "timeline_fixture.h"

/* ---------------------------------------------------------------- positions */

static void test_states(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    uint64_t x = 1;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t at = random_below(&x, f->last / HASH_EVERY) * HASH_EVERY;
        seek(tl, at);
        state_is(f, tl);
        if (at) {
            assert_int_equal(steps(tl, TIMELINE_BACK, 1).reason, TIMELINE_DONE);
            assert_int_equal(timeline_icount(tl), at - 1);
            state_is(f, tl);
        }
        assert_int_equal(steps(tl, TIMELINE_FORWARD, at ? 1 : 0).reason, TIMELINE_DONE);
        state_is(f, tl);
    }
    timeline_close(tl);
}

static void test_ends(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    struct timeline_stopped s;
    struct error err = {""};
    assert_int_equal(cont(tl, TIMELINE_BACK).reason, TIMELINE_AT_BEGIN);
    assert_int_equal(steps(tl, TIMELINE_BACK, 1).reason, TIMELINE_AT_BEGIN);
    s = cont(tl, TIMELINE_FORWARD);
    assert_int_equal(s.reason, TIMELINE_AT_END);
    assert_int_equal(s.icount, f->last);
    assert_int_equal(steps(tl, TIMELINE_FORWARD, 1).reason, TIMELINE_AT_END);
    assert_int_equal(cont(tl, TIMELINE_FORWARD).reason, TIMELINE_AT_END);
    s = steps(tl, TIMELINE_BACK, f->last + 5);
    assert_int_equal(s.reason, TIMELINE_AT_BEGIN);
    assert_int_equal(s.icount, 0);
    s = steps(tl, TIMELINE_FORWARD, f->last + 5);
    assert_int_equal(s.reason, TIMELINE_AT_END);
    assert_int_equal(timeline_seek(tl, f->last + 1, &s, &err), -1);
    assert_non_null(strstr(err.text, "after the end"));
    assert_int_equal(timeline_icount(tl), f->last);
    assert_int_equal(timeline_to_begin(tl, &s, &err), 0);
    assert_int_equal(s.icount, 0);
    assert_int_equal(timeline_to_end(tl, &s, &err), 0);
    assert_int_equal(s.reason, TIMELINE_AT_END);
    /* A breakpoint that is never met. */
    add(tl, TS_BREAK_LINEAR, 0x12345, 0);
    assert_int_equal(cont(tl, TIMELINE_BACK).reason, TIMELINE_AT_BEGIN);
    assert_int_equal(cont(tl, TIMELINE_FORWARD).reason, TIMELINE_AT_END);
    timeline_close(tl);
}

/* ---------------------------------------------------------------- breakpoints and watchpoints, both ways */

struct stop_case {
    enum timeline_stop_kind kind;
    uint64_t address, length;
    uint16_t a, b; /* the instructions that it is about */
};

static const struct stop_case cases[] = {
    {TS_BREAK_LINEAR, AT_WORK, 0, AT_WORK, AT_WORK},
    {TS_BREAK_PHYSICAL, AT_INC, 0, AT_INC, AT_INC},
    {TS_BREAK_LINEAR, AT_FILL, 0, AT_FILL, AT_FILL}, /* each iteration */
    {TS_BREAK_LINEAR, AT_CMP, 0, AT_CMP, AT_CMP},    /* also after a HLT */
    {TS_WATCH_WRITE, COUNTER, 2, AT_INC, AT_INC},
    {TS_WATCH_WRITE, COUNTER + 1, 1, AT_INC, AT_INC},
    {TS_WATCH_WRITE, 0x700, 2, AT_WORK + 1, AT_WORK + 1},
    {TS_WATCH_WRITE, 0x6ffc, 2, AT_WORK, AT_WORK}, /* push; a tick pushes here too, but not within `work` … */
    {TS_WATCH_WRITE, 0x2000, 40, AT_FILL, AT_FILL},
};

static bool breaks(const struct stop_case *c)
{
    return c->kind == TS_BREAK_LINEAR || c->kind == TS_BREAK_PHYSICAL;
}

/* Where one stands after hitting the instruction at position i. */
static uint64_t stands(const struct stop_case *c, enum timeline_direction dir, uint64_t i)
{
    return i == UINT64_MAX || breaks(c) || dir == TIMELINE_BACK ? i : i + 1;
}

static void check_hit(struct fixture *f, struct timeline *tl, const struct stop_case *c,
                      enum timeline_direction dir, unsigned id)
{
    uint64_t here = timeline_icount(tl);
    uint64_t from = dir == TIMELINE_FORWARD && breaks(c) ? here + 1 : here;
    uint64_t want = stands(c, dir, expected(f, dir, from, c->a, c->b));
    struct timeline_stopped s = cont(tl, dir);
    if (want == UINT64_MAX) {
        assert_int_equal(s.reason, dir == TIMELINE_FORWARD ? TIMELINE_AT_END : TIMELINE_AT_BEGIN);
        return;
    }
    assert_int_equal(s.icount, want);
    assert_int_equal(s.reason, breaks(c) ? TIMELINE_BREAKPOINT : TIMELINE_WATCHPOINT);
    assert_int_equal(s.id, id);
    if (breaks(c))
        assert_int_equal(s.address, c->address);
    else
        assert_int_equal(s.watched, c->address);
}

static void test_stops_random(void **state)
{
    struct fixture *f = *state;
    uint64_t x = 3;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].address == 0x6ffc)
            continue;
        struct timeline *tl = open_reel(f->reel);
        unsigned id = add(tl, cases[i].kind, cases[i].address, cases[i].length);
        for (unsigned k = 0; k < 60; k++) {
            enum timeline_direction dir = k & 1 ? TIMELINE_BACK : TIMELINE_FORWARD;
            seek(tl, random_below(&x, f->last));
            check_hit(f, tl, &cases[i], dir, id);
            check_hit(f, tl, &cases[i], dir, id);
            check_hit(f, tl, &cases[i], !dir, id);
            uint64_t at = timeline_icount(tl), hash = timeline_hash(tl);
            steps(tl, TIMELINE_BACK, 1);
            seek(tl, at);
            assert_int_equal(timeline_hash(tl), hash); /* a stop leaves the state of its position */
        }
        timeline_close(tl);
    }
}

/* The whole way, every hit. */
static void test_stops_all(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    unsigned id = add(tl, TS_BREAK_LINEAR, AT_WORK, 0);
    unsigned n = 0, m = 0;
    while (timeline_icount(tl) < f->last) {
        check_hit(f, tl, &cases[0], TIMELINE_FORWARD, id);
        n++;
    }
    while (timeline_icount(tl)) {
        check_hit(f, tl, &cases[0], TIMELINE_BACK, id);
        m++;
    }
    assert_int_equal(n, ROUNDS + 1);
    assert_int_equal(m, ROUNDS + 1);
    timeline_close(tl);
}

static void test_two_stops(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    struct error err = {""};
    unsigned w = add(tl, TS_WATCH_WRITE, COUNTER, 2), b = add(tl, TS_BREAK_LINEAR, AT_WORK, 0);
    uint64_t hits;
    struct timeline_stopped s;
    seek(tl, f->last / 2);
    for (unsigned i = 0; i < 20; i++) {
        s = cont(tl, i < 10 ? TIMELINE_FORWARD : TIMELINE_BACK);
        assert_true(s.id == w || s.id == b);
        assert_int_equal(s.reason, s.id == w ? TIMELINE_WATCHPOINT : TIMELINE_BREAKPOINT);
    }
    assert_int_equal(timeline_stop_remove(tl, w), 0);
    assert_int_equal(timeline_stop_remove(tl, w), -1);
    seek(tl, f->last);
    assert_int_equal(timeline_continue_n(tl, TIMELINE_BACK, 100, &hits, &s, &err), 0);
    assert_int_equal(hits, 100);
    uint16_t counter;
    assert_int_equal(timeline_peek(tl, 0, COUNTER, &counter, 2), 2);
    assert_int_equal(counter, ROUNDS - 99);
    /* A limit on the way. */
    assert_int_equal(timeline_continue_to(tl, TIMELINE_BACK, s.icount - 10, &s, &err), 0);
    assert_int_equal(s.reason, TIMELINE_DONE);
    timeline_close(tl);
}

/* The write is undone when going back, done when going forward; reads are seen too. */
static void test_watch_values(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    struct error err = {""};
    struct timeline_stopped s;
    uint16_t v, w;
    add(tl, TS_WATCH_WRITE, COUNTER, 2);
    seek(tl, f->last / 3);
    timeline_peek(tl, 0, COUNTER, &v, 2);
    cont(tl, TIMELINE_FORWARD);
    timeline_peek(tl, 0, COUNTER, &w, 2);
    assert_int_equal(w, v + 1);
    cont(tl, TIMELINE_BACK);
    timeline_peek(tl, 0, COUNTER, &w, 2);
    assert_int_equal(w, v);
    assert_int_equal(timeline_pc(tl, 0), AT_INC);
    timeline_stop_clear(tl);
    /* Reads: the inc's own, the load's, the compare's. */
    add(tl, TS_WATCH_READ, COUNTER, 2);
    static const uint16_t readers[] = {AT_INC, AT_CMP, AT_LOAD};
    for (unsigned i = 0; i < 30; i++) {
        s = cont(tl, TIMELINE_BACK);
        assert_int_equal(s.reason, TIMELINE_WATCHPOINT);
        assert_int_equal(s.kind, STOPS_READ);
        bool known = false;
        for (unsigned k = 0; k < 3; k++)
            known |= timeline_pc(tl, 0) == readers[k];
        assert_true(known);
    }
    timeline_stop_clear(tl);
    seek(tl, f->last);
    assert_int_equal(timeline_last_write(tl, TICKS, 2, &s, &err), 0);
    assert_int_equal(s.reason, TIMELINE_WATCHPOINT);
    assert_int_equal(timeline_pc(tl, 0), AT_TICK + 1);
    assert_int_equal(timeline_last_write(tl, 0x3000, 8, &s, &err), 0);
    assert_int_equal(s.reason, TIMELINE_AT_BEGIN);
    assert_int_equal(timeline_last_write(tl, UINT64_MAX, 2, &s, &err), -1);
    timeline_close(tl);
}

/* ---------------------------------------------------------------- events */

/* With the record as index and without: the same places. */
static void test_events(void **state)
{
    static const char *const filters[] = {"irq vector=8",        "console:x",        "pio.write port=0xe9",
                                          "pio port=0x20..0x21", "cpu.reset-vector", "power"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        struct timeline *a = open_reel(f->reel), *b = open_reel(f->bare);
        unsigned ia = add_event(a, filters[i]), ib = add_event(b, filters[i]), n = 0;
        struct timeline_stopped sa, sb;
        for (enum timeline_direction dir = TIMELINE_FORWARD; dir <= TIMELINE_BACK; dir++)
            do {
                sa = cont(a, dir);
                sb = cont(b, dir);
                assert_int_equal(sa.reason, sb.reason);
                assert_int_equal(sa.icount, sb.icount);
                if (sa.reason != TIMELINE_EVENT)
                    continue;
                assert_int_equal(sa.id, ia);
                assert_int_equal(sb.id, ib);
                assert_string_equal(sa.text, sb.text);
                assert_true(sa.icount == sa.event.icount + (dir == TIMELINE_FORWARD) || sa.icount == f->last);
                n++;
            } while (sa.reason == TIMELINE_EVENT && n < 400);
        timeline_close(a);
        timeline_close(b);
    }
}

static void test_event_before_breakpoint(void **state)
{
    struct fixture *f = *state;
    for (unsigned bare = 0; bare < 2; bare++) {
        struct timeline *tl = open_reel(bare ? f->bare : f->reel);
        unsigned e = add_event(tl, "irq vector=8"), b = add(tl, TS_BREAK_LINEAR, AT_WORK, 0), events = 0;
        for (unsigned i = 0; i < 300; i++) {
            struct timeline_stopped s = cont(tl, TIMELINE_FORWARD);
            assert_true(s.id == e || s.id == b);
            if (s.reason == TIMELINE_EVENT) {
                assert_int_equal(timeline_pc(tl, 0), AT_TICK);
                events++;
            }
        }
        assert_in_range(events, 2, 30);
        unsigned back = 0;
        for (unsigned i = 0; i < 300; i++) {
            struct timeline_stopped s = cont(tl, TIMELINE_BACK);
            back += s.reason == TIMELINE_EVENT;
        }
        assert_int_equal(back, events);
        timeline_close(tl);
    }
}

static void test_filters(void **state)
{
    static const char *const bad[] = {"",
                                      "nonsense",
                                      "irq vector",
                                      "irq vector=x",
                                      "irq nofield=1",
                                      "pio port=1..",
                                      "pio port=1 port=2 port=3 port=4 port=5",
                                      "console:"};
    struct fixture *f = *state;
    struct event_filter filter;
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(event_filter_parse(bad[i], &filter, &err), -1);
    assert_int_equal(event_filter_parse("all", &filter, &err), 0);
    assert_int_equal(event_filter_classes(&filter), EVENT_CLASSES_ALL);
    assert_int_equal(event_filter_parse("  pio.write  port=0x20..0x21 size=1", &filter, &err), 0);
    assert_int_equal(filter.n, 2);
    struct timeline *tl = open_reel(f->reel);
    struct event ev;
    uint64_t number;
    seek(tl, f->last / 2);
    assert_int_equal(timeline_event_near(tl, TIMELINE_BACK, &filter, &ev, &number, &err), 1);
    assert_true(ev.icount < f->last / 2);
    uint64_t before = number;
    assert_int_equal(timeline_event_near(tl, TIMELINE_FORWARD, &filter, &ev, &number, &err), 1);
    assert_true(ev.icount >= f->last / 2 && number > before);
    timeline_close(tl);
}

/* ---------------------------------------------------------------- interrupts, progress, budget */

struct watcher {
    struct timeline *tl;
    unsigned calls, stop_at;
};

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    struct watcher *w = ctx;
    return ++w->calls != w->stop_at;
}

static void test_interrupt(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->typed); /* only its length matters: it runs in slices */
    struct timeline_where w;
    timeline_where(tl, &w);
    timeline_close(tl);
    tl = open_reel(f->reel);
    add(tl, TS_BREAK_LINEAR, 0x12345, 0);
    timeline_interrupt(tl);
    struct timeline_stopped s = cont(tl, TIMELINE_FORWARD);
    assert_int_equal(s.reason, TIMELINE_INTERRUPTED);
    state_is(f, tl);
    seek(tl, f->last - 3);
    timeline_interrupt(tl);
    s = cont(tl, TIMELINE_BACK);
    assert_int_equal(s.reason, TIMELINE_INTERRUPTED);
    assert_true(s.icount <= f->last - 3);
    state_is(f, tl);
    timeline_interrupt(tl);
    timeline_interrupt_clear(tl);
    assert_int_equal(cont(tl, TIMELINE_BACK).reason, TIMELINE_AT_BEGIN);
    struct watcher watcher = {.tl = tl, .stop_at = 1};
    timeline_set_progress(tl, on_progress, &watcher);
    cont(tl, TIMELINE_FORWARD);
    timeline_close(tl);
}

static void test_budget(void **state)
{
    static const uint64_t budgets[] = {0, 300000, 2000000};
    struct fixture *f = *state;
    uint64_t x = 11;
    for (size_t i = 0; i < 3; i++) {
        struct timeline *tl = open_reel(f->reel);
        struct timeline_stats stats;
        timeline_set_budget(tl, budgets[i]);
        for (unsigned k = 0; k < 60; k++) {
            seek(tl, random_below(&x, f->last / HASH_EVERY) * HASH_EVERY);
            state_is(f, tl);
            timeline_stats(tl, &stats);
            /* What is in use at the moment may be more, but not much: a state of this machine. */
            assert_true(stats.used <= budgets[i] + 2000000);
        }
        unsigned id = add(tl, TS_BREAK_LINEAR, AT_WORK, 0);
        for (unsigned k = 0; k < 10; k++)
            check_hit(f, tl, &cases[0], TIMELINE_BACK, id);
        timeline_close(tl);
    }
}

/* ---------------------------------------------------------------- looking */

static void count_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    ++*(unsigned *)ctx;
}

static void test_look(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    struct error err = {""};
    const char *name;
    unsigned n = 0, fields = 0;
    seek(tl, 1000);
    uint64_t hash = timeline_hash(tl), icount;
    while (timeline_section_name(tl, n, &name)) {
        char *text = timeline_section_text(tl, name);
        assert_non_null(text);
        free(text);
        n++;
    }
    assert_true(n > 10);
    assert_int_equal(timeline_section(tl, "pic", count_field, &fields), 0);
    assert_true(fields > 3);
    assert_int_equal(timeline_section(tl, "nothing", count_field, &fields), -1);
    assert_in_range(timeline_reg(tl, 0, "rsp"), 0x6f00, 0x7000);
    assert_int_equal(timeline_code_bits(tl, 0), 16);
    assert_int_equal(timeline_code_bits(tl, 7), 0);
    assert_int_equal(timeline_hash(tl), hash);
    assert_int_equal(timeline_mark_set(tl, "here", 1000, &err), 0);
    assert_int_equal(timeline_mark_set(tl, "there", 500, &err), 0);
    assert_int_equal(timeline_mark_set(tl, "a b", 500, &err), -1);
    assert_int_equal(timeline_mark_set(tl, "far", f->last + 1, &err), -1);
    assert_true(timeline_mark(tl, 0, &name, &icount));
    assert_string_equal(name, "there");
    assert_int_equal(timeline_resolve(tl, "mark:here", &icount, &err), 0);
    assert_int_equal(icount, 1000);
    assert_int_equal(timeline_resolve(tl, "-10", &icount, &err), 0);
    assert_int_equal(icount, 990);
    assert_int_equal(timeline_resolve(tl, "100%", &icount, &err), 0);
    assert_int_equal(icount, f->last);
    assert_int_equal(timeline_mark_remove(tl, "here"), 0);
    assert_int_equal(timeline_mark_remove(tl, "here"), -1);
    assert_int_equal(timeline_resolve(tl, "mark:here", &icount, &err), -1);
    timeline_close(tl);
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    unsigned id;
    assert_null(timeline_open("/nonexistent/x.reel", kinds, 2, &err));
    assert_null(timeline_open(f->reel, kinds, 1, &err)); /* only the small machine is known */
    assert_non_null(strstr(err.text, "\"pc\""));
    struct timeline *tl = open_reel(f->reel);
    const struct timeline_stop none = {.kind = TS_WATCH_READ, .address = 5, .length = 0};
    const struct timeline_stop wraps = {.kind = TS_WATCH_READ, .address = UINT64_MAX - 3, .length = 5};
    const struct timeline_stop top = {.kind = TS_WATCH_READ, .address = UINT64_MAX - 3, .length = 4};
    assert_int_equal(timeline_stop_add(tl, &none, &id, &err), -1);
    assert_int_equal(timeline_stop_add(tl, &wraps, &id, &err), -1);
    assert_int_equal(timeline_stop_add(tl, &top, &id, &err), 0);
    assert_int_equal(cont(tl, TIMELINE_FORWARD).reason, TIMELINE_AT_END);
    timeline_close(tl);
    timeline_close(NULL);
    /* Another machine than the recorded one, which goes another way: it is noticed at the next checkpoint. */
    struct trace *t = trace_open(f->typed, &err);
    assert_null(timeline_open_trace(t, &pc_kind, &err));
    trace_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),       cmocka_unit_test(test_ends),
        cmocka_unit_test(test_stops_random), cmocka_unit_test(test_stops_all),
        cmocka_unit_test(test_two_stops),    cmocka_unit_test(test_watch_values),
        cmocka_unit_test(test_events),       cmocka_unit_test(test_event_before_breakpoint),
        cmocka_unit_test(test_filters),      cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_look),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
