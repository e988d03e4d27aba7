/* test_feed.c - inputs reach the guest where they came, whatever interrupts the run: the recorder that repeats a
 * run, the replay and the timeline, over an engine that is interrupted at random moments (before it runs, in the
 * middle, when it is idle, and while guest time passes before an input).
 */
#include "timeline_fixture.h"

#include "core/run/feed.h"
#include "core/run/images.h"
#include "traces/trace.h"
#include "tests/host_asked.h"

static uint64_t dice;
static const struct engine_ops *real_ops;
static struct engine_ops restless_ops;

/* Half of all runs are interrupted: at once, or after a few of their steps. */
static void restless_run(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    struct run_limit part = *limit;
    uint64_t left = limit->icount - e->ops->icount(e);
    bool interrupted = random_below(&dice, 2);
    if (interrupted && random_below(&dice, 3))
        part.icount -= left > 1 ? random_below(&dice, left) : 0;
    else if (interrupted)
        e->ops->interrupt(e);
    real_ops->run(e, &part, stop);
    if (stop->reason == STOP_REACHED && part.icount < limit->icount)
        stop->reason = STOP_INTERRUPTED;
}

static struct engine *restless(struct engine *e)
{
    if (!e)
        return NULL;
    real_ops = e->ops;
    restless_ops = *e->ops;
    restless_ops.run = restless_run;
    e->ops = &restless_ops;
    return e;
}
static struct engine *create_fake(const struct engine_config *cfg, struct error *err)
{
    return restless(fake_kind.create(cfg, err));
}
static struct engine *create_pc(const struct engine_config *cfg, struct error *err)
{
    return restless(pc_as_asked(cfg, err));
}

static const struct engine_kind restless_fake = {
    .name = "fake", .behaviour = 1, .step_ns = 1, .create = create_fake};
static const struct engine_kind restless_pc = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = create_pc};

static struct trace *open_trace(const char *path)
{
    struct error err = {""};
    struct trace *t = trace_open(path, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static uint64_t final_hash(const struct trace *t)
{
    assert_non_null(trace_end(t));
    return trace_end(t)->hash;
}

/* ---------------------------------------------------------------- the three */

/* Records the run of a trace again, or another one that leaves it (NULL: none). */
static void record_again(struct trace *t, const struct engine_kind *kind, const struct record_branch *branch,
                         const char *path)
{
    const struct trace_config *tc = trace_config(t);
    struct setting settings[8];
    struct engine_config cfg = {.settings = settings, .nsettings = tc->nsettings};
    struct image_replay *images = image_replay_new(t);
    for (size_t i = 0; i < tc->nsettings; i++)
        settings[i] = (struct setting){tc->settings[i].key, tc->settings[i].value};
    cfg.images = image_replay_images(images, &cfg.nimages);
    const struct record_options o = {.path = path,
                                     .kind = kind,
                                     .config = &cfg,
                                     .classes = tc->classes,
                                     .checkpoint_every = 9000,
                                     .again = t,
                                     .branch = branch};
    record(&o);
    image_replay_free(images);
}

/* The small machine waits for typing, which comes a millisecond and more after each prompt. */
static void record_slow_typing(struct fixture *f, const char *path)
{
    static const struct input typed[] = {{1000, 1500000, INPUT_SERIAL0, "ls\n", 3},
                                         {5000, 4000000, INPUT_SERIAL0, "off\n", 4}};
    const struct record_branch branch = {1000, typed, 2, 8500, 0};
    struct trace *t = open_trace(f->typed);
    record_again(t, &fake_kind, &branch, path);
    trace_close(t);
}

/* The recording of a run that is repeated has its inputs and its end. */
static void repeat_recording(struct fixture *f, const char *path, const struct engine_kind *kind)
{
    char other[120];
    struct trace *t = open_trace(path);
    snprintf(other, sizeof other, "%s/again.reel", f->dir);
    record_again(t, kind, NULL, other);
    struct trace *again = open_trace(other);
    assert_true(final_hash(again) == final_hash(t));
    assert_int_equal(trace_input_count(again), trace_input_count(t));
    for (uint64_t i = 0; i < trace_input_count(t); i++) {
        struct input a, b;
        struct error err;
        assert_int_equal(trace_input(t, i, &a, &err), 0);
        assert_int_equal(trace_input(again, i, &b, &err), 0);
        assert_true(a.icount == b.icount && a.time == b.time && a.len == b.len);
    }
    trace_close(again);
    unlink(other);
    trace_close(t);
}

/* An interrupted replay goes on from where it is, and comes to the same states. */
static void replay_run(const char *path, const struct engine_kind *kind)
{
    struct trace *t = open_trace(path);
    struct error err = {""};
    struct stop stop;
    struct replay *r = replay_open(t, kind, &err);
    struct state_hash *h = state_hash_new();
    struct snapshot_base base = {0};
    assert_non_null(r);
    for (size_t k = 0; k < trace_checkpoint_count(t); k++) {
        const struct trace_checkpoint *c = trace_checkpoint(t, k);
        int rc = 1;
        while (rc == 1) {
            rc = replay_run_to(r, c->icount, &stop, &err);
            assert_true(rc == 0 || (rc == 1 && stop.reason == STOP_INTERRUPTED));
        }
        /* The last is taken at the end, after the time that passes there. */
        if (k + 1 < trace_checkpoint_count(t))
            assert_true(state_hash_engine(h, replay_engine(r), &base) == c->hash);
    }
    state_hash_free(h);
    replay_close(r);
    trace_close(t);
}

static void timeline_run(const char *path, const struct engine_kind *kind)
{
    struct error err = {""};
    const struct engine_kind *const list[] = {kind};
    struct timeline *tl = timeline_open(path, list, 1, &err), *calm = open_reel(path);
    struct timeline_stopped s;
    assert_non_null(tl);
    do
        s = cont(tl, TIMELINE_FORWARD);
    while (s.reason == TIMELINE_INTERRUPTED);
    assert_int_equal(s.reason, cont(calm, TIMELINE_FORWARD).reason);
    assert_int_equal(timeline_icount(tl), timeline_icount(calm));
    for (unsigned i = 0; i < 20; i++) {
        uint64_t at = random_below(&dice, timeline_icount(calm) + 1);
        do
            assert_int_equal(timeline_seek(tl, at, &s, &err), 0);
        while (s.reason == TIMELINE_INTERRUPTED);
        seek(calm, at);
        assert_true(timeline_hash(tl) == timeline_hash(calm));
    }
    timeline_close(calm);
    timeline_close(tl);
}

static void run_all(struct fixture *f, const char *path, const struct engine_kind *kind, unsigned times)
{
    for (unsigned i = 1; i <= times; i++) {
        dice = i;
        repeat_recording(f, path, kind);
        replay_run(path, kind);
        timeline_run(path, kind);
    }
}

static void test_interrupted(void **state)
{
    struct fixture *f = *state;
    char slow[120];
    snprintf(slow, sizeof slow, "%s/slow.reel", f->dir);
    record_slow_typing(f, slow);
    run_all(f, f->typed, &restless_fake, 40); /* waiting for timers and for typing, busy */
    run_all(f, slow, &restless_fake, 40);     /* time passes before each input */
    run_all(f, f->reel, &restless_pc, 3);     /* busy, halted between ticks */
    unlink(slow);
}

/* A guest that does not do what was recorded is an error that says so, not a wrong run. */
static int late_input(void *ctx, uint64_t i, struct input *in, struct error *err)
{
    *in = (struct input){.icount = i ? UINT64_MAX : 10, .time = 1000000, .data = "x", .len = 1};
    return 0;
}
static void test_astray(void **state)
{
    struct error err = {""};
    struct stop stop;
    struct engine *e = pc_as_asked(&flat_config, &err);
    struct feed feed = {.e = e, .source = {.input = late_input}};
    const struct run_limit limit = {.icount = 10, .time = UINT64_MAX};
    uint64_t next;
    assert_int_equal(feed_next(&feed, &next, &err), 0);
    assert_int_equal(next, 10);
    assert_int_equal(feed_here(&feed, &err), FEED_DONE); /* not due yet */
    e->ops->run(e, &limit, &stop);
    assert_int_equal(feed_here(&feed, &err), FEED_ASTRAY); /* the guest is busy: no time can pass */
    assert_non_null(strstr(err.text, "runs on where the recorded one was idle"));
    assert_int_equal(feed_here(&feed, &err), FEED_ASTRAY);
    e->ops->destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interrupted), cmocka_unit_test(test_astray)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
