/* test_core.c - recorder, replay, verification and positions. */
#include "core_fixture.h"

/* ---------------------------------------------------------------- record and replay */

static void test_record_verify(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct record_result res = record(&o);
    assert_int_equal(res.stop.reason, STOP_POWER_OFF);
    assert_int_equal(res.stop.status, 3);
    assert_int_equal(res.stop.icount, STEPS);
    assert_int_equal(res.checkpoints, STEPS / 50000 + 1);
    struct text console = {0};
    struct replay_report rep = replay(f->reel, &fake_kind, true, &console);
    if (!rep.verified)
        fail_msg("%s", rep.divergence);
    assert_int_equal(rep.steps, STEPS);
    assert_int_equal(rep.checkpoints, res.checkpoints);
    assert_int_equal(rep.events, res.events);
    assert_string_equal(console.s, f->console.s);
    assert_contains(console.s, "tick 10\n");
    free(console.s);
}

static void test_plain_replay(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    record(&o);
    struct replay_report rep = replay(f->reel, &fake_kind, false, NULL);
    assert_false(rep.verified);
    assert_false(rep.diverged);
    rep = replay(f->reel, &fake_flip_register, false, NULL);
    assert_true(rep.diverged); /* the end is always compared */
    assert_contains(rep.divergence, "cpu0.reg[2]");
    free(rep.divergence);
}

/* The image is not needed, and its name is all that is kept of its path. */
static void test_self_contained(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    size_t n;
    record(&o);
    unlink(f->disk);
    assert_verified(f->reel);
    struct trace *t = open_reel(f->reel);
    assert_string_equal(trace_config(t)->images[0].name, "disk.img");
    assert_true(trace_image_recorded(t, 0) > 0);
    trace_close(t);
    char *bytes = slurp(f->reel, &n);
    assert_null(memmem(bytes, n, f->dir, strlen(f->dir)));
    free(bytes);
}

static void test_recordings_are_equal(void **state)
{
    struct fixture *f = *state;
    struct record_options a = options(f, f->reel), b = options(f, f->other);
    record(&a);
    record(&b);
    assert_same_files(f->reel, f->other);
}

static void test_no_checkpoints_no_events(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    o.checkpoint_every = 0;
    o.classes = 0;
    struct record_result res = record(&o);
    assert_int_equal(res.events, 0);
    assert_int_equal(res.checkpoints, 2); /* the beginning and the end */
    assert_verified(f->reel);
}

/* ---------------------------------------------------------------- typing */

/* Records the shell with these bytes on a pipe. */
static struct record_result record_typing(struct fixture *f, const char *path, const char *typed)
{
    int fds[2];
    struct error err;
    f->settings[0].value = "0";
    f->settings[1] = (struct setting){"shell", "1"};
    f->cfg.nsettings = 2;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], typed, strlen(typed)), strlen(typed));
    close(fds[1]);
    const struct live_options lo = {.fd = fds[0], .port = INPUT_SERIAL0, .console = 0};
    struct live *live = live_open(&lo, &err);
    assert_non_null(live);
    struct record_options o = options(f, path);
    o.live = live;
    o.checkpoint_every = 5000;
    struct record_result res = record(&o);
    live_close(live);
    close(fds[0]);
    return res;
}

static void test_typing(void **state)
{
    struct fixture *f = *state;
    struct record_result res = record_typing(f, f->reel, "hello there\nsecond\noff\n");
    assert_int_equal(res.stop.reason, STOP_POWER_OFF);
    assert_true(res.inputs >= 6); /* the port takes four bytes at a time */
    assert_contains(f->console.s,
                    "> hello there\nyou said hello there\n> second\nyou said second\n> off\nyou said off\n");
    struct text console = {0};
    struct replay_report rep = replay(f->reel, &fake_kind, true, &console);
    if (!rep.verified)
        fail_msg("%s", rep.divergence);
    assert_string_equal(console.s, f->console.s);
    free(console.s);
}

static void test_typing_is_reproducible(void **state)
{
    struct fixture *f = *state;
    record_typing(f, f->reel, "one\ntwo\noff\n");
    record_typing(f, f->other, "one\ntwo\noff\n");
    assert_same_files(f->reel, f->other);
}

/* At the end of the typing the guest waits forever: that is the end. */
static void test_typing_ends(void **state)
{
    struct fixture *f = *state;
    struct record_result res = record_typing(f, f->reel, "only this\n");
    assert_int_equal(res.stop.reason, STOP_HALTED);
    assert_contains(f->console.s, "you said only this\n> ");
    assert_verified(f->reel);
}

/* ---------------------------------------------------------------- ends */

static struct position parsed(const char *text)
{
    struct position pos;
    struct error err;
    if (position_parse(text, &pos, &err))
        fail_msg("%s", err.text);
    return pos;
}

static struct record_result record_until(struct fixture *f, const char *until)
{
    struct record_options o = options(f, f->reel);
    struct position pos = parsed(until);
    o.until = &pos;
    o.nuntil = 1;
    return record(&o);
}

static void test_until(void **state)
{
    struct fixture *f = *state;
    struct record_result res = record_until(f, "70001");
    assert_int_equal(res.stop.reason, STOP_REACHED);
    assert_int_equal(res.stop.icount, 70001);
    assert_verified(f->reel);
    res = record_until(f, "100k"); /* where a checkpoint is */
    assert_int_equal(res.stop.icount, 100000);
    assert_verified(f->reel);
    res = record_until(f, "0");
    assert_int_equal(res.stop.icount, 0);
    assert_verified(f->reel);
    res = record_until(f, "60us"); /* halted from 40 us to 4040 us, which the machine skips */
    assert_int_equal(res.stop.time, 60000);
    assert_int_equal(res.stop.icount, 40000);
    assert_verified(f->reel);
    res = record_until(f, "20us");
    assert_int_equal(res.stop.icount, 20000);
    assert_verified(f->reel);
    res = record_until(f, "console:tick 3");
    assert_int_equal(res.stop.reason, STOP_REACHED);
    assert_int_equal(res.stop.icount, 120000);
    assert_verified(f->reel);
}

static void test_until_needs_trace(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct error err = {""};
    struct position pos = parsed("50%");
    o.until = &pos;
    o.nuntil = 1;
    assert_null(recorder_create(&o, &err));
    assert_contains(err.text, "needs a recorded run");
    assert_int_not_equal(access(f->reel, F_OK), 0);
}

static void interrupt_now(void *ctx, const struct engine *e)
{
    struct recorder **r = ctx;
    if (e->ops->icount(e) >= 100000)
        recorder_interrupt(*r);
}

static void test_interrupt(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct recorder *r;
    struct record_result res;
    struct error err;
    o.hooks = (struct record_hooks){.ctx = &r, .progress = interrupt_now};
    r = recorder_create(&o, &err);
    assert_int_equal(recorder_run(r, &res, &err), 0);
    recorder_destroy(r);
    assert_int_equal(res.stop.reason, STOP_INTERRUPTED);
    assert_int_equal(res.stop.icount, 100000);
    assert_verified(f->reel);
}

/* The recording was killed: what is in whole frames replays. */
static void test_truncated(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    size_t n, cut_somewhere = 0;
    record(&o);
    char *bytes = slurp(f->reel, &n);
    for (size_t k = 1; k < 30; k++) {
        struct error err = {""};
        struct trace *t = trace_open_memory(bytes, n * k / 30, &err);
        if (!t)
            continue; /* cut before the configuration was whole */
        struct replay *r = replay_open(t, &fake_kind, &err);
        if (r) {
            struct replay_report rep;
            const struct replay_options ro = {.verify = true};
            assert_int_equal(replay_all(r, &ro, &rep, &err), 0);
            if (!rep.verified)
                fail_msg("cut at %zu of %zu: %s", n * k / 30, n, rep.divergence);
            assert_int_equal(rep.steps, trace_last_icount(t));
            cut_somewhere += rep.steps > 0 && rep.steps < STEPS;
            replay_close(r);
        }
        trace_close(t);
    }
    assert_true(cut_somewhere > 3);
    free(bytes);
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct rlimit old, small;
    struct record_result res;
    struct error err = {""};
    record(&o);
    struct stat st;
    assert_int_equal(stat(f->reel, &st), 0);
    o.path = f->other;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = (rlim_t)st.st_size * 2 / 3;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct recorder *r = recorder_create(&o, &err);
    int rc = r ? recorder_run(r, &res, &err) : -1;
    recorder_destroy(r);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, -1);
    assert_contains(err.text, "b.reel");
    struct trace *t = open_reel(f->other); /* what was written is kept, and replays */
    assert_true(trace_truncated(t));
    assert_true(trace_last_icount(t) > 0);
    trace_close(t);
    assert_verified(f->other);
}

static void test_image_is_cut_while_recording(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct error err;
    assert_int_equal(image_files_unchanged(f->files, &err), 0);
    struct recorder *r = recorder_create(&o, &err);
    struct record_result res;
    assert_int_equal(truncate(f->disk, 1000), 0);
    assert_int_equal(recorder_run(r, &res, &err), 0);
    recorder_destroy(r);
    assert_true(res.image_lost);
    assert_contains(res.stop.text, f->disk);
    struct trace *t = open_reel(f->reel); /* complete up to there, and nothing of the host in it */
    assert_string_equal(trace_end(t)->reason, "image-lost");
    assert_string_equal(trace_end(t)->text, "disk0 cannot be read from byte 131072 on");
    assert_int_equal(trace_last_icount(t), res.stop.icount);
    trace_close(t);
    assert_verified(f->reel);
    assert_int_equal(image_files_unchanged(f->files, &err), -1);
}

static void cut_disk(void *ctx, const struct engine *e)
{
    const char *disk = ctx;
    assert_int_equal(truncate(disk, 1000), 0);
}

/* All of its chunks are in the trace by then, so a replay could read what the recorded machine could not. */
static void test_image_is_cut_later(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    struct error err;
    o.hooks = (struct record_hooks){.ctx = f->disk, .progress = cut_disk};
    struct recorder *r = recorder_create(&o, &err);
    struct record_result res;
    assert_int_equal(recorder_run(r, &res, &err), 0);
    recorder_destroy(r);
    assert_true(res.image_lost);
    assert_in_range(res.stop.icount, 50000, 60000);
    assert_verified(f->reel);
}

static void test_bad_images(void **state)
{
    struct fixture *f = *state;
    struct image_files *files = image_files_new();
    struct error err;
    assert_int_equal(image_files_add(files, "disk0", "/nonexistent/x", &err), -1);
    assert_contains(err.text, "/nonexistent/x");
    assert_int_equal(image_files_add(files, "disk0", f->dir, &err), -1);
    assert_contains(err.text, "a folder");
    fclose(fopen(f->other, "wb"));
    assert_int_equal(image_files_add(files, "disk0", f->other, &err), -1);
    assert_contains(err.text, "is empty");
    assert_int_equal(image_files_add(files, "disk0", f->disk, &err), 0);
    assert_int_equal(image_files_add(files, "disk0", f->disk, &err), -1);
    assert_int_equal(image_files_same(files, f->disk), 0);
    assert_int_equal(image_files_same(files, f->other), -1);
    image_files_free(files);
}

/* ---------------------------------------------------------------- seeking and states */

static uint64_t present_hash(struct replay *r)
{
    struct state_hash *s = state_hash_new();
    uint64_t h = state_hash_engine(s, replay_engine(r), NULL);
    state_hash_free(s);
    return h;
}

static void test_seek(void **state)
{
    struct fixture *f = *state;
    static const uint64_t places[] = {0, 1, 4999, 5000, 5001, 12345, 20000};
    enum { N = sizeof places / sizeof places[0] };
    uint64_t want[N];
    struct error err = {""};
    struct stop stop;
    record_typing(f, f->reel, "a line\nanother\noff\n");
    struct trace *t = open_reel(f->reel);
    struct replay *r = replay_open(t, &fake_kind, &err);
    uint64_t last = trace_last_icount(t);
    size_t n = 0;
    for (; n < N && places[n] <= last; n++) {
        assert_int_equal(replay_run_to(r, places[n], &stop, &err), 0);
        want[n] = present_hash(r);
    }
    assert_true(n > 4);
    for (size_t k = 0; k < 3 * n; k++) {
        size_t i = (k * 5 + k / n) % n;
        if (replay_seek(r, places[i], &err))
            fail_msg("%s", err.text);
        assert_int_equal(present_hash(r), want[i]);
    }
    assert_int_equal(replay_seek(r, last + 1, &err), -1);
    assert_contains(err.text, "after the end");
    replay_close(r);
    trace_close(t);
}

static void test_hash_by_changes(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct engine *e = fake_kind.create(&f->cfg, &err);
    struct state_hash *changes = state_hash_new(), *whole = state_hash_new();
    struct snapshot_base base = {0};
    for (unsigned i = 0; i < 20; i++) {
        const struct run_limit limit = {.icount = i * 1717, .time = UINT64_MAX};
        struct stop stop;
        e->ops->run(e, &limit, &stop);
        uint64_t a = state_hash_engine(changes, e, &base);
        assert_int_equal(a, state_hash_engine(whole, e, NULL));
    }
    state_hash_free(changes);
    state_hash_free(whole);
    e->ops->destroy(e);
}

/* ---------------------------------------------------------------- positions */

static void test_position_resolve(void **state)
{
    struct fixture *f = *state;
    struct record_options o = options(f, f->reel);
    static const struct {
        const char *text;
        uint64_t icount;
    } good[] = {
        {"1000", 1000},
        {"50%", 200000},
        {"100%", 400000},
        {"#0", 300},
        {"+5", 1005},
        {"-5", 995},
        {"-2000", 0},
        {"+1G", 400000},
        {"20us", 20000},
        {"console:tick 2", 80000},
        {"mark:power.off", 400000},
        {"1ms", 40200}, /* while halted: the next event */
        {"4050us", 50000},
    };
    static const char *const bad[] = {"400001",       "#99999999",  "console:never",
                                      "mark:nothing", "stage:bios", "10s"};
    struct position pos;
    struct error err = {""};
    uint64_t icount;
    record(&o);
    struct trace *t = open_reel(f->reel);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        pos = parsed(good[i].text);
        if (position_resolve(t, &pos, 1000, &icount, &err))
            fail_msg("%s: %s", good[i].text, err.text);
        if (icount != good[i].icount)
            fail_msg("%s: %llu", good[i].text, (unsigned long long)icount);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pos = parsed(bad[i]);
        assert_int_equal(position_resolve(t, &pos, 0, &icount, &err), -1);
    }
    trace_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_record_verify),
        TEST(test_plain_replay),
        TEST(test_self_contained),
        TEST(test_recordings_are_equal),
        TEST(test_no_checkpoints_no_events),
        TEST(test_typing),
        TEST(test_typing_is_reproducible),
        TEST(test_typing_ends),
        TEST(test_until),
        TEST(test_until_needs_trace),
        TEST(test_interrupt),
        TEST(test_truncated),
        TEST(test_full_disk),
        TEST(test_image_is_cut_while_recording),
        TEST(test_image_is_cut_later),
        TEST(test_bad_images),
        TEST(test_seek),
        TEST(test_hash_by_changes),
        TEST(test_position_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
