/* test_timeline_runs.c - the timeline: private runs, live and saved ones, interrupts; inputs of the record;
 * code at two addresses. */
#include <sys/time.h>

#include "timeline_fixture.h"

/* ---------------------------------------------------------------- private runs */

static void test_divert(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->reel);
    struct error err = {""};
    struct timeline_where w;
    struct timeline_stopped s;
    uint64_t fork = f->last / 2 / HASH_EVERY * HASH_EVERY;
    uint16_t big = ROUNDS - 5, v;
    seek(tl, fork);
    uint64_t hash = timeline_hash(tl);
    assert_int_equal(timeline_poke(tl, 0, COUNTER, &big, 2), 2);
    assert_true(timeline_diverted(tl));
    add(tl, TS_BREAK_LINEAR, AT_WORK, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cont(tl, TIMELINE_FORWARD).reason, TIMELINE_BREAKPOINT);
    timeline_peek(tl, 0, COUNTER, &v, 2);
    assert_in_range(v, big + 2, big + 4);
    s = cont(tl, TIMELINE_BACK);
    assert_int_equal(s.reason, TIMELINE_BREAKPOINT);
    cont(tl, TIMELINE_BACK);
    s = cont(tl, TIMELINE_BACK);
    assert_int_equal(s.reason, TIMELINE_AT_BEGIN);
    assert_int_equal(s.icount, fork);
    timeline_peek(tl, 0, COUNTER, &v, 2);
    assert_int_equal(v, big);
    assert_int_equal(timeline_seek(tl, fork - 1, &s, &err), -1);
    timeline_stop_clear(tl);
    s = cont(tl, TIMELINE_FORWARD); /* it ends earlier than the record */
    assert_int_equal(s.reason, TIMELINE_ENDED);
    assert_int_equal(s.engine, STOP_POWER_OFF);
    assert_true(s.icount < f->last);
    assert_int_equal(cont(tl, TIMELINE_FORWARD).reason, TIMELINE_AT_END);
    assert_int_equal(steps(tl, TIMELINE_BACK, 1).reason, TIMELINE_DONE);
    assert_int_equal(timeline_undivert(tl, &err), 0);
    timeline_where(tl, &w);
    assert_false(w.diverted);
    assert_int_equal(w.icount, fork);
    assert_int_equal(timeline_hash(tl), hash);
    s = cont(tl, TIMELINE_FORWARD);
    assert_int_equal(s.icount, f->last);
    /* A register. */
    seek(tl, fork);
    uint64_t bx = 0x1234;
    assert_int_equal(timeline_reg_set(tl, 0, (size_t)timeline_reg_index(tl, "rbx"), &bx), 0);
    assert_int_equal(timeline_reg(tl, 0, "rbx"), bx);
    steps(tl, TIMELINE_FORWARD, 30000);
    steps(tl, TIMELINE_BACK, 30000);
    assert_int_equal(timeline_reg(tl, 0, "rbx"), bx);
    assert_int_equal(timeline_reg_set(tl, 0, 100000, &bx), -1);
    /* Another one, farther on: the private run begins there now. */
    steps(tl, TIMELINE_FORWARD, 100);
    bx = 0x4321;
    assert_int_equal(timeline_reg_set(tl, 0, (size_t)timeline_reg_index(tl, "rbx"), &bx), 0);
    steps(tl, TIMELINE_FORWARD, 30);
    assert_int_equal(steps(tl, TIMELINE_BACK, 31).reason, TIMELINE_AT_BEGIN);
    timeline_where(tl, &w);
    assert_int_equal(w.icount, fork + 100);
    assert_int_equal(timeline_reg(tl, 0, "rbx"), bx);
    assert_int_equal(timeline_undivert(tl, &err), 0);
    assert_int_equal(timeline_hash(tl), hash);
    timeline_close(tl);
}

/* ---------------------------------------------------------------- preparing */

enum { SPIN_STEPS = 12000000, SPIN_HOME = 2500000, SPIN_FAR = 11500000, SPIN_NEAR = 1100000 };

/* inc %eax; jmp: for as many steps as it is allowed. */
static void record_spin(const char *path)
{
    static const uint8_t spin[] = {0x66, 0x40, 0xeb, 0xfc};
    const struct image image = {
        .role = "flat", .name = "spin.bin", .size = sizeof spin, .ctx = (void *)spin, .read = read_bytes};
    const struct engine_config cfg = {
        .settings = flat_settings, .nsettings = 2, .images = &image, .nimages = 1};
    const struct position until = {.kind = POS_ICOUNT, .n = SPIN_STEPS};
    const struct record_options o = {.path = path,
                                     .kind = &pc_kind,
                                     .config = &cfg,
                                     .until = &until,
                                     .nuntil = 1,
                                     .checkpoint_every = 4000000};
    record(&o);
}

static bool refuse_twice(void *ctx, const struct timeline_progress *p)
{
    unsigned *left = ctx;
    return !*left || (*left)-- == 0;
}

/* Goes there, and a step back. Returns how many steps had to be run. */
static uint64_t way_to(struct timeline *tl, uint64_t icount)
{
    struct timeline_stats before, after;
    timeline_stats(tl, &before);
    seek(tl, icount);
    steps(tl, TIMELINE_BACK, 1);
    timeline_stats(tl, &after);
    assert_int_equal(timeline_icount(tl), icount - 1);
    return after.steps - before.steps;
}

/* What was prepared is near, the position stays, and the states are those of the run. */
static void test_prepare(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct error err = {""};
    snprintf(path, sizeof path, "%s/spin.reel", f->dir);
    record_spin(path);
    struct timeline *tl = open_reel(path), *plain = open_reel(path);
    const uint64_t wanted[] = {SPIN_HOME, SPIN_FAR, 7000000, SPIN_STEPS};
    unsigned refusals = 2, calls = 0;
    timeline_short_seeks(tl, true);
    seek(tl, SPIN_HOME);
    uint64_t hash = timeline_hash(tl);
    timeline_set_progress(tl, refuse_twice, &refusals);
    int rc;
    while (!(rc = timeline_prepare(tl, wanted, 4, &err)) && calls++ < 10) {
        assert_int_equal(timeline_icount(tl), SPIN_HOME);
        assert_int_equal(timeline_hash(tl), hash);
    }
    assert_int_equal(rc, 1);
    assert_int_equal(calls, 2);
    assert_int_equal(timeline_icount(tl), SPIN_HOME);
    assert_int_equal(timeline_hash(tl), hash);
    assert_true(way_to(tl, SPIN_FAR) < SPIN_NEAR);
    seek(plain, SPIN_FAR - 1);
    assert_int_equal(timeline_hash(tl), timeline_hash(plain));
    assert_true(way_to(tl, 7000000) < SPIN_NEAR);
    assert_true(way_to(tl, SPIN_HOME) < SPIN_NEAR);
    assert_true(way_to(tl, SPIN_STEPS) < SPIN_NEAR);
    timeline_divert(tl);
    assert_int_equal(timeline_prepare(tl, wanted, 4, &err), 1);
    assert_int_equal(timeline_icount(tl), SPIN_STEPS - 1);
    timeline_close(tl);
    timeline_close(plain);
    unlink(path);
}

static struct timeline *alarmed;

static void on_alarm(int signal)
{
    timeline_interrupt(alarmed);
}

/* Guests that never end by themselves: one that is busy, one that is idle and not even makes steps. */
static void test_signal(void **state)
{
    static const uint8_t busy[] = {0xeb, 0xfe};
    static const uint8_t idle[] = {0xb0, 0xff, 0xe6, 0x21, 0xf4, 0xeb, 0xfd}; /* all interrupts masked, HLT */
    const struct itimerval soon = {.it_value = {.tv_usec = 60000}};
    struct fixture *f = *state;
    struct timeline *tl = alarmed = open_reel(f->reel);
    struct error err = {""};
    struct timeline_stopped s;
    seek(tl, HASH_EVERY * 1000);
    uint64_t hash = timeline_hash(tl);
    signal(SIGALRM, on_alarm);
    for (unsigned i = 0; i < 2; i++) {
        timeline_poke(tl, 0, AT_CMP, i ? idle : busy, i ? sizeof idle : sizeof busy);
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        s = cont(tl, TIMELINE_FORWARD);
        assert_int_equal(s.reason, TIMELINE_INTERRUPTED);
        steps(tl, TIMELINE_BACK, 1);
        uint64_t before = timeline_hash(tl);
        steps(tl, TIMELINE_FORWARD, 1);
        steps(tl, TIMELINE_BACK, 1);
        assert_int_equal(timeline_hash(tl), before);
        assert_int_equal(timeline_undivert(tl, &err), 0);
        assert_int_equal(timeline_hash(tl), hash);
    }
    timeline_close(tl);
}

/* Live, on the small machine: lines are typed into a shell in a private run, and the run can be gone over. */
static void grab(void *ctx, unsigned device, const void *data, size_t n)
{
    char *out = ctx;
    size_t len = strlen(out);
    if (len + n < 400) {
        memcpy(out + len, data, n);
        out[len + n] = 0;
    }
}

static void test_live(void **state)
{
    struct fixture *f = *state;
    struct timeline *tl = open_reel(f->typed);
    struct error err = {""};
    struct timeline_stopped s;
    char console[400] = "";
    uint64_t wake, end, hash, fork = 20500;
    static const char typed[] = "live\n";
    seek(tl, fork);
    uint64_t before = timeline_hash(tl);
    timeline_set_console(tl, grab, console);
    for (size_t at = 0; at < strlen(typed);) {
        uint32_t n = timeline_input(tl, INPUT_SERIAL0, typed + at, (uint32_t)(strlen(typed) - at));
        at += n;
        if (timeline_live(tl, 3000, UINT64_MAX / 2, &wake, &s, &err))
            fail_msg("%s", err.text);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(timeline_live(tl, 3000, UINT64_MAX / 2, &wake, &s, &err), 0);
    if (!strstr(console, "live\n"))
        fail_msg("the console has: %s", console);
    seek(tl, s.icount);
    end = timeline_icount(tl);
    hash = timeline_hash(tl);
    assert_int_equal(cont(tl, TIMELINE_BACK).reason, TIMELINE_AT_BEGIN);
    assert_int_equal(timeline_icount(tl), fork);
    seek(tl, end - 1);
    seek(tl, end);
    assert_int_equal(timeline_hash(tl), hash);
    /* As a trace of its own. */
    char path[120];
    snprintf(path, sizeof path, "%s/d.reel", f->dir);
    if (timeline_save_private(tl, path, &err))
        fail_msg("%s", err.text);
    struct timeline *saved = open_reel(path);
    assert_int_equal(timeline_to_end(saved, &s, &err), 0);
    assert_int_equal(s.icount, end);
    assert_int_equal(timeline_hash(saved), hash);
    timeline_close(saved);
    unlink(path);
    assert_int_equal(timeline_undivert(tl, &err), 0);
    assert_int_equal(timeline_hash(tl), before);
    assert_int_equal(timeline_save_private(tl, path, &err), -1);
    timeline_close(tl);
}

/* ---------------------------------------------------------------- inputs of the record */

static void test_inputs(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    struct trace *t = trace_open(f->typed, &err);
    struct replay *r = replay_open(t, &fake_kind, &err);
    struct state_hash *h = state_hash_new();
    struct timeline *tl = open_reel(f->typed);
    uint64_t last = trace_last_icount(t), x = 5;
    assert_true(trace_input_count(t) > 6);
    for (unsigned i = 0; i < 400; i++) {
        struct input in;
        uint64_t at = random_below(&x, last);
        assert_int_equal(trace_input(t, random_below(&x, trace_input_count(t)), &in, &err), 0);
        if (i & 1) /* about inputs in particular */
            at = in.icount + (i >> 1) % 3 ? in.icount + (i >> 1) % 3 - 1 : 0;
        at = at > last ? last : at;
        assert_int_equal(replay_seek(r, at, &err), 0);
        seek(tl, at);
        assert_int_equal(timeline_hash(tl), state_hash_engine(h, replay_engine(r), NULL));
    }
    assert_string_equal(timeline_warning(tl), "");
    state_hash_free(h);
    timeline_close(tl);
    replay_close(r);
    trace_close(t);
}

/* ---------------------------------------------------------------- one page at two addresses */

/* 32-bit, at 1 MiB: maps physical 0-4 MiB at 0 and again at 4 MiB, and 200 times calls `f` by both addresses.
 */
enum { AT_F = 0x100048, ALIAS = 0x400000 };
static const uint8_t aliased[] = {
    0xbc, 0x00, 0x00, 0x19, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0xc7, 0x07, 0x83, 0x00, 0x00, 0x00,
    0xc7, 0x47, 0x04, 0x83, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xdf, 0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10,
    0x0f, 0x22, 0xe0, 0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, 0xb9, 0xc8,
    0x00, 0x00, 0x00, 0xe8, 0x10, 0x00, 0x00, 0x00, 0xb8, 0x48, 0x00, 0x50, 0x00, 0xff, 0xd0, 0x49,
    0x75, 0xf1, 0xb0, 0x03, 0xe6, 0xf4, 0xeb, 0xfe, 0xff, 0x05, 0x00, 0x00, 0x18, 0x00, 0xc3};

/* A page's code is decoded once, but breakpoints at linear addresses are at one of its addresses only. */
static void test_aliases(void **state)
{
    static const struct {
        enum timeline_stop_kind kind;
        uint64_t address;
        unsigned hits;
    } at[] = {
        {TS_BREAK_LINEAR, AT_F, 200}, {TS_BREAK_LINEAR, AT_F + ALIAS, 200}, {TS_BREAK_PHYSICAL, AT_F, 400}};
    static const struct setting settings[] = {{"memory", "8388608"}, {"flat-address", "0x100000"}};
    const struct image image = {.role = "flat",
                                .name = "aliased.bin",
                                .size = sizeof aliased,
                                .ctx = (void *)aliased,
                                .read = read_bytes};
    const struct engine_config cfg = {.settings = settings, .nsettings = 2, .images = &image, .nimages = 1};
    struct fixture *f = *state;
    char path[120];
    snprintf(path, sizeof path, "%s/e.reel", f->dir);
    record(&(struct record_options){
        .path = path, .kind = &pc_kind, .config = &cfg, .classes = EVENT_CLASSES_DEFAULT});
    for (size_t i = 0; i < 3; i++) {
        struct timeline *tl = open_reel(path);
        unsigned n = 0, m = 0;
        add(tl, at[i].kind, at[i].address, 0);
        while (cont(tl, TIMELINE_FORWARD).reason == TIMELINE_BREAKPOINT)
            n++;
        while (cont(tl, TIMELINE_BACK).reason == TIMELINE_BREAKPOINT)
            m++;
        assert_int_equal(n, at[i].hits);
        assert_int_equal(m, at[i].hits);
        timeline_close(tl);
    }
    unlink(path);
}

/* ---------------------------------------------------------------- pages that cannot be read */

/* Damages all pages but those of the first state. Returns the position of the last checkpoint but one. */
static uint64_t damage_pages(const char *path)
{
    struct error err = {""};
    struct trace *t = trace_open(path, &err);
    FILE *file = fopen(path, "r+b");
    unsigned damaged = 0;
    assert_true(t && file);
    const uint64_t at = trace_checkpoint(t, trace_checkpoint_count(t) - 2)->icount;
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        if (f->kind != TF_PAGES || !f->first)
            continue;
        assert_int_equal(fseek(file, (long)(f->offset + f->stored - 1), SEEK_SET), 0);
        const int byte = fgetc(file);
        assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
        fputc(byte ^ 0xff, file);
        damaged++;
    }
    assert_true(damaged > 2);
    assert_int_equal(fclose(file), 0);
    trace_close(t);
    return at;
}

/* They are read when they are first used: an error is reported then, whatever used them. What does not need them can be done
 * before and afterwards. */
static void test_damaged_pages(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    struct timeline_stopped s;
    char path[sizeof f->dir + 16], copy[300];
    uint16_t v;
    snprintf(path, sizeof path, "%s/damaged.reel", f->dir);
    snprintf(copy, sizeof copy, "cp %s %s", f->reel, path);
    assert_int_equal(system(copy), 0);
    const uint64_t at = damage_pages(path);
    struct timeline *tl = open_reel(path);
    seek(tl, at); /* a run is not needed for it */
    assert_int_equal(timeline_lost(tl, &err), 0);
    timeline_peek(tl, 0, COUNTER, &v, 2);
    assert_int_equal(timeline_lost(tl, &err), -1);
    assert_non_null(strstr(err.text, "does not match (ram at 0x"));
    assert_int_equal(timeline_step(tl, TIMELINE_FORWARD, 1, &s, &err), -1);
    assert_int_equal(timeline_seek(tl, f->last, &s, &err), -1);
    assert_non_null(strstr(err.text, "(ram at 0x"));
    for (unsigned i = 0; i < 2; i++) {
        seek(tl, 10 * HASH_EVERY);
        assert_int_equal(timeline_lost(tl, &err), 0);
        assert_int_equal(timeline_hash(tl), f->seen[10 * HASH_EVERY].hash);
        assert_int_equal(timeline_seek(tl, at + 1, &s, &err), -1);
    }
    timeline_close(tl);
    unlink(path);
}

/* ---------------------------------------------------------------- an engine that does not run as the recorder's did */

enum { WRONG_FROM = 50000, WRONG_BYTE = 0x3000 };

static const struct engine_ops *right;

/* From a position on it writes a byte of its own. */
static void run_wrong(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    const uint8_t byte = 0x5a;
    right->run(e, limit, stop);
    if (right->icount(e) >= WRONG_FROM)
        right->poke_physical(e, WRONG_BYTE, &byte, 1);
}

static struct engine *create_wrong(const struct engine_config *cfg, struct error *err)
{
    static struct engine_ops wrong;
    struct engine *e = pc_kind.create(cfg, err);
    right = e->ops;
    wrong = *right;
    wrong.run = run_wrong;
    e->ops = &wrong;
    return e;
}

/* It is told at the first checkpoint that differs; and the timeline goes on, to and fro. */
static void test_differs(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    struct engine_kind kind = pc_kind;
    const struct engine_kind *const list[] = {&kind};
    kind.create = create_wrong;
    struct timeline *tl = timeline_open(f->reel, list, 1, &err), *same = open_reel(f->reel);
    assert_non_null(tl);
    const uint64_t at[] = {30000, 85000, 84000, f->last - 1, 60000, 125000, 20000, 100000};
    for (unsigned i = 0; i < 3 * sizeof at / sizeof *at; i++) {
        const uint64_t icount = at[i % (sizeof at / sizeof *at)];
        uint16_t got, want;
        uint8_t byte;
        if (i == 8) {
            cont(tl, TIMELINE_BACK);
            cont(tl, TIMELINE_FORWARD); /* past all checkpoints */
            assert_non_null(
                strstr(timeline_warning(tl), "the state at the checkpoint at icount 80000 differs"));
        }
        seek(tl, icount + 1);
        seek(same, icount);
        steps(tl, TIMELINE_BACK, 1);
        assert_int_equal(timeline_icount(tl), icount);
        assert_int_equal(timeline_peek(tl, 0, COUNTER, &got, 2), 2);
        assert_int_equal(timeline_peek(same, 0, COUNTER, &want, 2), 2);
        assert_int_equal(got, want);
        assert_int_equal(timeline_peek(tl, 0, WRONG_BYTE, &byte, 1), 1);
        assert_int_equal(byte, icount >= WRONG_FROM ? 0x5a : 0);
    }
    timeline_close(same);
    timeline_close(tl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divert),        cmocka_unit_test(test_live),    cmocka_unit_test(test_signal),
        cmocka_unit_test(test_inputs),        cmocka_unit_test(test_aliases), cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_damaged_pages), cmocka_unit_test(test_differs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
