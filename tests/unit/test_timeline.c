/* test_timeline.c - the timeline: against a machine that is single-stepped, so that every answer is known; with the small machine of
 * fake_engine.c for inputs, and with the PC for everything else.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/image_file.h"
#include "core/recorder.h"
#include "core/replay.h"
#include "core/state.h"
#include "core/timeline.h"
#include "fake_engine.c" /* not in the library: only tests have it */
#include "hv/hv.h"

static const struct engine_kind pc_kind = {.name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = hv_create};
static const struct engine_kind *const kinds[] = {&fake_kind, &pc_kind};

/* Linear addresses in the guest below. */
enum {
    AT_INC = 0x8040,  /* incw 0x600 */
    AT_LOAD = 0x8044, /* mov 0x600,%bx */
    AT_FILL = 0x8053, /* rep stosb: 40 bytes at 0x2000 */
    AT_CMP = 0x8063,  /* cmpw $3000,0x600 */
    AT_WORK = 0x8072, /* push %bx; add %bx,0x700; pop %bx; ret */
    AT_TICK = 0x8079, /* IRQ 0: push %ax; incw 0x602; EOI; pop %ax; iret */
    COUNTER = 0x600,
    TICKS = 0x602,
    ROUNDS = 3000,
};

/* Real mode at 0:8000h. Sets up the PIC (base 8) and the PIT (a tick each 3352 ns), then ROUNDS times: counts in memory, reads it
 * again, calls `work`, fills 40 bytes; each 256th time prints "x\n" on port E9h and halts until the next tick; at last
 * leaves by port F4h. */
static const uint8_t guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xc7, 0x06, 0x20, 0x00, 0x79, 0x80, 0xc7,
    0x06, 0x22, 0x00, 0x00, 0x00, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01,
    0xe6, 0x21, 0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x04, 0xe6, 0x40, 0x30, 0xc0, 0xe6, 0x40, 0xc7,
    0x06, 0x00, 0x06, 0x00, 0x00, 0xfc, 0xfb, 0xff, 0x06, 0x00, 0x06, 0x8b, 0x1e, 0x00, 0x06, 0xe8, 0x27, 0x00, 0xbf,
    0x00, 0x20, 0xb9, 0x28, 0x00, 0x88, 0xd8, 0xf3, 0xaa, 0xf6, 0xc3, 0xff, 0x75, 0x09, 0xb0, 0x78, 0xe6, 0xe9, 0xb0,
    0x0a, 0xe6, 0xe9, 0xf4, 0x81, 0x3e, 0x00, 0x06, 0xb8, 0x0b, 0x72, 0xd5, 0xb0, 0x03, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd,
    0x53, 0x01, 0x1e, 0x00, 0x07, 0x5b, 0xc3, 0x50, 0xff, 0x06, 0x02, 0x06, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};

/* A position of the single-stepped run. */
struct seen {
    uint16_t pc;   /* the instruction that the step from here executes; 0: an interrupt, or none */
    uint64_t hash; /* of the state; of some positions */
};

enum { HASH_EVERY = 97 };

struct fixture {
    char dir[64];
    char reel[96], bare[96], typed[96]; /* all events recorded; none; the small machine with inputs */
    struct seen *seen;
    uint64_t last;
    struct timeline *tl;
};

/* ---------------------------------------------------------------- recording */

static int read_guest(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    memcpy(buf, (const char *)ctx + offset, n);
    return 0;
}

static const struct image flat = {"flat", "guest.bin", sizeof guest, (void *)guest, read_guest};
static const struct setting flat_settings[] = {{"memory", "4194304"}, {"flat-address", "0x8000"}};
static const struct engine_config flat_config = {flat_settings, 2, &flat, 1};

static void record(const struct record_options *o)
{
    struct error err = {""};
    struct record_result res;
    struct recorder *r = recorder_create(o, &err);
    if (!r || recorder_run(r, &res, &err))
        fail_msg("%s", err.text);
    recorder_destroy(r);
}

static void record_flat(const char *path, uint32_t classes)
{
    const struct record_options o = {
        .path = path, .kind = &pc_kind, .config = &flat_config, .classes = classes, .checkpoint_every = 40000};
    record(&o);
}

/* The small machine, whose serial port is typed into. */
static void record_typed(const char *path)
{
    static const char text[] = "hello there\nsecond\nthird line\noff\n";
    static const struct setting settings[] = {{"steps", "0"}, {"shell", "1"}};
    const struct engine_config cfg = {settings, 2, NULL, 0};
    struct error err = {""};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
    close(fds[1]);
    const struct live_options lo = {.fd = fds[0], .port = INPUT_SERIAL0, .console = 0};
    struct live *live = live_open(&lo, &err);
    assert_non_null(live);
    const struct record_options o = {.path = path,
                                     .kind = &fake_kind,
                                     .config = &cfg,
                                     .classes = EVENT_CLASSES_DEFAULT,
                                     .checkpoint_every = 9000,
                                     .live = live};
    record(&o);
    live_close(live);
    close(fds[0]);
}

/* ---------------------------------------------------------------- the reference */

static uint64_t reg(struct engine *e, const char *name)
{
    size_t n;
    const struct reg_desc *d = e->ops->regs(e, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(d[i].name, name)) {
            uint8_t v[16] = {0};
            uint64_t x;
            e->ops->reg_get(e, 0, i, v);
            memcpy(&x, v, 8);
            return x;
        }
    fail_msg("no register %s", name);
    return 0;
}

/* The instruction at each position is executed unless the step leads to the tick's handler: nothing jumps there. A halted
 * processor's next instruction is executed later, too. */
static void single_step(struct fixture *f)
{
    struct error err = {""};
    struct engine *e = hv_create(&flat_config, &err);
    struct state_hash *h = state_hash_new();
    struct stop stop;
    uint16_t pc = (uint16_t)reg(e, "rip");
    assert_non_null(e);
    f->seen = calloc(f->last + 2, sizeof *f->seen);
    for (uint64_t i = 0; i <= f->last; i++) {
        assert_int_equal(e->ops->icount(e), i);
        if (i % HASH_EVERY == 0)
            f->seen[i].hash = state_hash_engine(h, e, true);
        const struct run_limit limit = {.icount = i + 1, .time = UINT64_MAX};
        e->ops->run(e, &limit, &stop);
        uint16_t next = (uint16_t)reg(e, "rip");
        f->seen[i].pc = next == AT_TICK ? 0 : pc;
        pc = next;
    }
    e->ops->destroy(e);
    state_hash_free(h);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err = {""};
    snprintf(f->dir, sizeof f->dir, "/tmp/bootreel-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->reel, sizeof f->reel, "%s/a.reel", f->dir);
    snprintf(f->bare, sizeof f->bare, "%s/b.reel", f->dir);
    snprintf(f->typed, sizeof f->typed, "%s/c.reel", f->dir);
    record_flat(f->reel, EVENT_CLASSES_DEFAULT);
    record_flat(f->bare, 0);
    record_typed(f->typed);
    struct trace *t = trace_open(f->reel, &err);
    if (!t)
        return -1;
    f->last = trace_last_icount(t);
    trace_close(t);
    single_step(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->reel);
    unlink(f->bare);
    unlink(f->typed);
    rmdir(f->dir);
    free(f->seen);
    free(f);
    return 0;
}

/* ---------------------------------------------------------------- helpers */

static struct timeline *open_reel(const char *path)
{
    struct error err = {""};
    struct timeline *tl = timeline_open(path, kinds, 2, &err);
    if (!tl)
        fail_msg("%s", err.text);
    assert_string_equal(timeline_warning(tl), "");
    return tl;
}

static struct timeline_stopped cont(struct timeline *tl, enum timeline_direction dir)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_continue(tl, dir, &s, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.icount, timeline_icount(tl));
    return s;
}

static void seek(struct timeline *tl, uint64_t icount)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_seek(tl, icount, &s, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.reason, TIMELINE_DONE);
    assert_int_equal(timeline_icount(tl), icount);
}

static struct timeline_stopped steps(struct timeline *tl, enum timeline_direction dir, uint64_t n)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_step(tl, dir, n, &s, &err))
        fail_msg("%s", err.text);
    return s;
}

static unsigned add(struct timeline *tl, enum timeline_stop_kind kind, uint64_t address, uint64_t length)
{
    struct error err = {""};
    const struct timeline_stop stop = {.kind = kind, .address = address, .length = length};
    unsigned id = 0;
    if (timeline_stop_add(tl, &stop, &id, &err))
        fail_msg("%s", err.text);
    assert_int_not_equal(id, 0);
    return id;
}

static unsigned add_event(struct timeline *tl, const char *text)
{
    struct error err = {""};
    struct timeline_stop stop = {.kind = TS_EVENT};
    unsigned id;
    if (event_filter_parse(text, &stop.filter, &err) || timeline_stop_add(tl, &stop, &id, &err))
        fail_msg("%s", err.text);
    return id;
}

static uint64_t random_below(uint64_t *x, uint64_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (*x >> 20) % n;
}

static bool is_pc(const struct fixture *f, uint64_t i, uint16_t a, uint16_t b)
{
    return f->seen[i].pc && (f->seen[i].pc == a || f->seen[i].pc == b);
}

/* The next position after (before) `from` at which the instruction at a or b is executed; UINT64_MAX: none. */
static uint64_t expected(const struct fixture *f, enum timeline_direction dir, uint64_t from, uint16_t a, uint16_t b)
{
    if (dir == TIMELINE_FORWARD) {
        for (uint64_t i = from; i < f->last; i++)
            if (is_pc(f, i, a, b))
                return i;
        return UINT64_MAX;
    }
    for (uint64_t i = from; i-- > 0;)
        if (is_pc(f, i, a, b))
            return i;
    return UINT64_MAX;
}

static void state_is(struct fixture *f, struct timeline *tl)
{
    uint64_t at = timeline_icount(tl), hash = timeline_hash(tl);
    if (f->seen[at].hash)
        assert_int_equal(hash, f->seen[at].hash);
    else
        f->seen[at].hash = hash; /* any later visit must give the same */
}

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

static void check_hit(struct fixture *f, struct timeline *tl, const struct stop_case *c, enum timeline_direction dir,
                      unsigned id)
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

/* 32-bit, at 1 MiB: maps physical 0-4 MiB at 0 and again at 4 MiB, and 200 times calls `f` by both addresses. */
enum { AT_F = 0x100048, ALIAS = 0x400000 };
static const uint8_t aliased[] = {
    0xbc, 0x00, 0x00, 0x19, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0xc7, 0x07, 0x83, 0x00, 0x00, 0x00, 0xc7, 0x47,
    0x04, 0x83, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xdf, 0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10, 0x0f, 0x22, 0xe0, 0x0f,
    0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, 0xb9, 0xc8, 0x00, 0x00, 0x00, 0xe8, 0x10, 0x00,
    0x00, 0x00, 0xb8, 0x48, 0x00, 0x50, 0x00, 0xff, 0xd0, 0x49, 0x75, 0xf1, 0xb0, 0x03, 0xe6, 0xf4, 0xeb, 0xfe,
    0xff, 0x05, 0x00, 0x00, 0x18, 0x00, 0xc3};

/* A page's code is decoded once, but breakpoints at linear addresses are at one of its addresses only. */
static void test_aliases(void **state)
{
    static const struct {
        enum timeline_stop_kind kind;
        uint64_t address;
        unsigned hits;
    } at[] = {{TS_BREAK_LINEAR, AT_F, 200}, {TS_BREAK_LINEAR, AT_F + ALIAS, 200}, {TS_BREAK_PHYSICAL, AT_F, 400}};
    static const struct setting settings[] = {{"memory", "8388608"}, {"flat-address", "0x100000"}};
    const struct image image = {"flat", "aliased.bin", sizeof aliased, (void *)aliased, read_guest};
    const struct engine_config cfg = {settings, 2, &image, 1};
    struct fixture *f = *state;
    char path[120];
    snprintf(path, sizeof path, "%s/e.reel", f->dir);
    record(&(struct record_options){.path = path, .kind = &pc_kind, .config = &cfg, .classes = EVENT_CLASSES_DEFAULT});
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

/* ---------------------------------------------------------------- events */

/* With the record as index and without: the same places. */
static void test_events(void **state)
{
    static const char *const filters[] = {"irq vector=8", "console:x", "pio.write port=0xe9", "pio port=0x20..0x21",
                                          "cpu.reset-vector", "power"};
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
    static const char *const bad[] = {"", "nonsense", "irq vector", "irq vector=x", "irq nofield=1", "pio port=1..",
                                      "pio port=1 port=2 port=3 port=4 port=5", "console:"};
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
    assert_int_equal(timeline_undivert(tl, &err), 0);
    assert_int_equal(timeline_hash(tl), hash);
    timeline_close(tl);
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
        struct trace_input in;
        uint64_t at = random_below(&x, last);
        assert_int_equal(trace_input(t, random_below(&x, trace_input_count(t)), &in, &err), 0);
        if (i & 1) /* about inputs in particular */
            at = in.icount + (i >> 1) % 3 ? in.icount + (i >> 1) % 3 - 1 : 0;
        at = at > last ? last : at;
        assert_int_equal(replay_seek(r, at, &err), 0);
        seek(tl, at);
        assert_int_equal(timeline_hash(tl), state_hash_engine(h, replay_engine(r), true));
    }
    assert_string_equal(timeline_warning(tl), "");
    state_hash_free(h);
    timeline_close(tl);
    replay_close(r);
    trace_close(t);
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
        cmocka_unit_test(test_states),        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_stops_random),  cmocka_unit_test(test_stops_all),
        cmocka_unit_test(test_two_stops),     cmocka_unit_test(test_watch_values),
        cmocka_unit_test(test_events),        cmocka_unit_test(test_event_before_breakpoint),
        cmocka_unit_test(test_filters),       cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_budget),        cmocka_unit_test(test_look),
        cmocka_unit_test(test_divert),        cmocka_unit_test(test_live),
        cmocka_unit_test(test_signal),        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_inputs),        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
