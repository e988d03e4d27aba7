/* test_share.c - shares of an annotated run: what is written is read, and files with right checksums that make no sense are refused. */
#include "tests/unit/core_fixture.h"

#include "core/run/share.h"

enum { BEHAVIOUR = 5 };
static const char program[] = "1.2";

static const struct trace_config config = {
    .engine = "fake", .behaviour = BEHAVIOUR, .classes = EVENT_CLASSES_DEFAULT};

/* A recorded run; there are several checkpoints. */
static struct trace *recorded(struct fixture *f)
{
    struct record_options o = options(f, f->reel);
    record(&o);
    struct trace *t = open_reel(f->reel);
    assert_true(replay_parts(t) > 4);
    assert_int_equal(replay_final_checkpoint(t), replay_parts(t));
    return t;
}

static struct event event_at(uint64_t icount)
{
    return (struct event){
        .kind = EV_CONSOLE_LINE, .icount = icount, .time = icount, .data = "text", .len = 4};
}

/* Where one is given, the state there. */
static struct taped_item item_of(size_t k, char *state)
{
    return (struct taped_item){.k = k, .state = {(uint8_t *)state, state ? strlen(state) : 0}};
}

static void put(struct share_writer *w, enum taped what, struct taped_item item)
{
    struct error err = {""};
    if (share_put(w, what, &item, &err))
        fail_msg("%s", err.text);
}

static void next(struct share *s, struct taped_item *item, enum taped want)
{
    struct error err = {""};
    enum taped what;
    if (share_next(s, &what, item, &err))
        fail_msg("%s", err.text);
    assert_int_equal(what, want);
}

/* A share with an event in each stretch. */
static void write_share(struct trace *t, const char *path, unsigned part, unsigned parts)
{
    struct error err = {""};
    const struct share_about about = {.part = part, .parts = parts, .program = program};
    struct share_writer *w = share_create(t, path, path, &config, &about, &err);
    size_t first, end;
    replay_stretches(t, part, parts, &first, &end);
    put(w, TAPED_BEGIN, item_of(first, "first"));
    for (size_t k = first; k < end; k++) {
        struct taped_item ev = {.ev = event_at(trace_checkpoint(t, k)->icount + 1)};
        put(w, TAPED_EVENT, ev);
        put(w, TAPED_CHECKPOINT, item_of(k + 1, k % 2 ? "odd" : NULL));
    }
    assert_int_equal(share_written(w), end - first);
    if (share_finish(w, &err))
        fail_msg("%s", err.text);
}

static void test_items(void **state)
{
    struct fixture *f = *state;
    struct trace *t = recorded(f);
    struct error err = {""};
    struct share_about about;
    struct taped_item *item = mem_zero(1, sizeof *item);
    size_t first, end;
    replay_stretches(t, 2, 3, &first, &end);
    write_share(t, f->other, 2, 3);
    struct share *s = share_open(f->other, t, program, BEHAVIOUR, &err);
    if (!s || share_check(s, &err))
        fail_msg("%s", err.text);
    share_about(s, &about);
    assert_int_equal(about.part, 2);
    assert_int_equal(about.parts, 3);
    assert_int_equal(share_classes(s), EVENT_CLASSES_DEFAULT);
    next(s, item, TAPED_BEGIN);
    assert_int_equal(item->state.n, 5);
    assert_memory_equal(item->state.data, "first", 5);
    for (size_t k = first; k < end; k++) {
        next(s, item, TAPED_EVENT);
        const struct event want = event_at(trace_checkpoint(t, k)->icount + 1);
        assert_true(event_same(&item->ev, &want));
        assert_int_equal(item->ev.icount, want.icount);
        next(s, item, TAPED_CHECKPOINT);
        assert_int_equal(item->k, k + 1);
        assert_int_equal(item->state.n, k % 2 ? 3 : 0);
    }
    next(s, item, TAPED_END);
    taped_free(item);
    free(item);
    share_close(s);
    trace_close(t);
}

/* What waits where a part begins may be more than one note holds; and what is observed is in the share. */
static void test_large_state(void **state)
{
    enum { SIZE = TRACE_MAX_NOTE + 1000 };
    struct fixture *f = *state;
    struct trace *t = recorded(f);
    struct error err = {""};
    const struct setting observed[] = {{"probe", "main"}, {"profile", "stage a\n"}};
    struct share_about about = {
        .part = 1, .parts = 1, .program = program, .observed = observed, .nobserved = 2};
    struct share_writer *w = share_create(t, f->other, f->other, &config, &about, &err);
    struct taped_item *item = mem_zero(1, sizeof *item);
    char *large = mem_alloc(SIZE + 1);
    memset(large, 'x', SIZE);
    large[SIZE] = 0;
    const size_t n = replay_parts(t);
    put(w, TAPED_BEGIN, item_of(0, NULL));
    for (size_t k = 1; k <= n; k++)
        put(w, TAPED_CHECKPOINT, item_of(k, k == 2 ? large : NULL));
    if (share_finish(w, &err))
        fail_msg("%s", err.text);
    struct share *s = share_open(f->other, t, program, BEHAVIOUR, &err);
    if (!s)
        fail_msg("%s", err.text);
    share_about(s, &about);
    assert_int_equal(about.nobserved, 2);
    assert_string_equal(about.observed[0].value, "main");
    assert_string_equal(about.observed[1].key, "profile");
    next(s, item, TAPED_BEGIN);
    for (size_t k = 1; k <= n; k++) {
        next(s, item, TAPED_CHECKPOINT);
        assert_int_equal(item->state.n, k == 2 ? SIZE : 0);
        assert_true(k != 2 || !memcmp(item->state.data, large, SIZE));
    }
    taped_free(item);
    free(item);
    free(large);
    share_close(s);
    trace_close(t);
}

/* ---------------------------------------------------------------- files that make no sense */

static void refused(struct fixture *f, struct trace *t, const char *by, uint32_t behaviour, const char *why)
{
    struct error err = {""};
    struct share *s = share_open(f->other, t, by, behaviour, &err);
    if (s)
        fail_msg("not refused: %s", why);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, err.text);
}

static void test_makers(void **state)
{
    struct fixture *f = *state;
    struct trace *t = recorded(f);
    write_share(t, f->other, 1, 2);
    refused(f, t, "1.3", BEHAVIOUR, "was made by bootreel 1.2, and this is 1.3");
    refused(f, t, program, BEHAVIOUR + 1, "was made by version 5 of the engine, and this is version 6");
    trace_close(t);
}

static void test_parts(void **state)
{
    static const char *const bad[] = {NULL,  "", "1", "0/2", "3/2", "1/2x", "1/", "99999999999/99999999999",
                                      "-1/2"};
    struct fixture *f = *state;
    struct trace *t = recorded(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct setting settings[] = {{"trace", "x"}, {"bootreel", program}, {"part", bad[i]}};
        struct trace_config c = config;
        c.settings = settings;
        c.nsettings = bad[i] ? 3 : 2;
        const struct trace_end end = {.reason = "share", .text = ""};
        trace_writer_finish(trace_share_create(f->other, f->other, &c, NULL), &end, NULL);
        refused(f, t, program, BEHAVIOUR, "does not say which share it is");
    }
    trace_close(t);
}

/* What is wrong with a share of the first half. */
enum wrong { NOTHING, NO_NOTE, LESS, MORE, HASH, EARLY, LATE, WRONGS };

static void put_checkpoint(struct trace_writer *w, const struct trace_checkpoint *c, uint64_t more, bool note)
{
    const struct trace_note n = {
        .icount = c->icount, .time = c->time, .type = "part", .name = "state", .data = "", .len = 0};
    if (note)
        trace_write_note(w, &n, NULL);
    trace_checkpoint_begin(w, c->icount, c->time, false, NULL);
    trace_checkpoint_end(w, c->hash + more, NULL);
}

static void write_wrong(struct trace *t, const char *path, enum wrong wrong)
{
    char identity[TRACE_IDENTITY];
    size_t first, last;
    trace_identity(t, identity);
    replay_stretches(t, 1, 2, &first, &last);
    const struct setting settings[] = {{"trace", identity}, {"bootreel", program}, {"part", "1/2"}};
    struct trace_config c = config;
    c.settings = settings;
    c.nsettings = 3;
    struct trace_writer *w = trace_share_create(path, path, &c, NULL);
    struct event ev = event_at(0);
    if (wrong == EARLY)
        trace_write_event(w, &ev, NULL);
    last = wrong == LESS ? last - 1 : wrong == MORE ? last + 1 : last;
    for (size_t k = first; k <= last; k++)
        put_checkpoint(w, trace_checkpoint(t, k), wrong == HASH && k == last, wrong != NO_NOTE || k != last);
    ev = event_at(trace_checkpoint(t, last)->icount);
    if (wrong == LATE)
        trace_write_event(w, &ev, NULL);
    const struct trace_end end = {.reason = "share", .text = "", .icount = ev.icount};
    trace_writer_finish(w, &end, NULL);
}

static void test_checkpoints(void **state)
{
    struct fixture *f = *state;
    struct trace *t = recorded(f);
    struct error err = {""};
    write_wrong(t, f->other, NOTHING);
    struct share *s = share_open(f->other, t, program, BEHAVIOUR, &err);
    if (!s)
        fail_msg("%s", err.text);
    share_close(s);
    for (enum wrong wrong = NO_NOTE; wrong < WRONGS; wrong++) {
        write_wrong(t, f->other, wrong);
        refused(f, t, program, BEHAVIOUR, "has other checkpoints than the trace");
    }
    trace_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_makers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checkpoints, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
