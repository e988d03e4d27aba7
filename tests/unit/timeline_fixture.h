/* timeline_fixture.h - for the tests of the timeline: traces of two machines, one of which is also
 * single-stepped, so that every answer is known. */
#ifndef BOOTREEL_TESTS_TIMELINE_FIXTURE_H
#define BOOTREEL_TESTS_TIMELINE_FIXTURE_H

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

#include "core/run/image_file.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "core/run/state.h"
#include "core/timeline/timeline.h"
#include "fake_engine.c" /* not in the library: only tests have it */
#include "base/memory.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};
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

/* Real mode at 0:8000h. Sets up the PIC (base 8) and the PIT (a tick each 3352 ns), then ROUNDS times: counts
 * in memory, reads it again, calls `work`, fills 40 bytes; each 256th time prints "x\n" on port E9h and halts
 * until the next tick; finally ends through port F4h. */
static const uint8_t guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xc7, 0x06, 0x20, 0x00, 0x79,
    0x80, 0xc7, 0x06, 0x22, 0x00, 0x00, 0x00, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, 0xb0, 0x04,
    0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x04, 0xe6,
    0x40, 0x30, 0xc0, 0xe6, 0x40, 0xc7, 0x06, 0x00, 0x06, 0x00, 0x00, 0xfc, 0xfb, 0xff, 0x06, 0x00, 0x06,
    0x8b, 0x1e, 0x00, 0x06, 0xe8, 0x27, 0x00, 0xbf, 0x00, 0x20, 0xb9, 0x28, 0x00, 0x88, 0xd8, 0xf3, 0xaa,
    0xf6, 0xc3, 0xff, 0x75, 0x09, 0xb0, 0x78, 0xe6, 0xe9, 0xb0, 0x0a, 0xe6, 0xe9, 0xf4, 0x81, 0x3e, 0x00,
    0x06, 0xb8, 0x0b, 0x72, 0xd5, 0xb0, 0x03, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 0x53, 0x01, 0x1e, 0x00, 0x07,
    0x5b, 0xc3, 0x50, 0xff, 0x06, 0x02, 0x06, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};

/* A position of the single-stepped run. */
struct seen {
    uint16_t pc;   /* the instruction that the step from here executes; 0 for an interrupt, or none */
    uint64_t hash; /* hash of the state, at some positions */
};

enum { HASH_EVERY = 97 };

struct fixture {
    char dir[64];
    char reel[96], bare[96]; /* with all events recorded; with none */
    char typed[96];          /* of the small machine, with inputs */
    struct seen *seen;
    uint64_t last;
    struct timeline *tl;
};

/* ---------------------------------------------------------------- recording */

static const struct image flat = {
    .role = "flat", .name = "guest.bin", .size = sizeof guest, .ctx = (void *)guest, .read = read_bytes};
static const struct setting flat_settings[] = {{"memory", "4194304"}, {"flat-address", "0x8000"}};
static const struct engine_config flat_config = {
    .settings = flat_settings, .nsettings = 2, .images = &flat, .nimages = 1};

static inline void record_flat(const char *path, uint32_t classes)
{
    const struct record_options o = {.path = path,
                                     .kind = &pc_kind,
                                     .config = &flat_config,
                                     .classes = classes,
                                     .checkpoint_every = 40000};
    record(&o);
}

/* The small machine, whose serial port is typed into. */
static inline void record_typed(const char *path)
{
    static const char text[] = "hello there\nsecond\nthird line\noff\n";
    static const struct setting settings[] = {{"steps", "0"}, {"shell", "1"}};
    const struct engine_config cfg = {.settings = settings, .nsettings = 2};
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

static inline uint64_t reg(struct engine *e, const char *name)
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

/* The instruction at each position is executed unless the step leads to the tick's handler: nothing jumps
 * there. A halted processor's next instruction is executed later, too. */
static inline void single_step(struct fixture *f)
{
    struct error err = {""};
    struct engine *e = pc_as_asked(&flat_config, &err);
    struct state_hash *h = state_hash_new();
    struct stop stop;
    uint16_t pc = (uint16_t)reg(e, "rip");
    assert_non_null(e);
    f->seen = mem_zero(f->last + 2, sizeof *f->seen);
    for (uint64_t i = 0; i <= f->last; i++) {
        assert_int_equal(e->ops->icount(e), i);
        if (i % HASH_EVERY == 0)
            f->seen[i].hash = state_hash_engine(h, e, NULL);
        const struct run_limit limit = {.icount = i + 1, .time = UINT64_MAX};
        e->ops->run(e, &limit, &stop);
        uint16_t next = (uint16_t)reg(e, "rip");
        f->seen[i].pc = next == AT_TICK ? 0 : pc;
        pc = next;
    }
    e->ops->destroy(e);
    state_hash_free(h);
}

static inline int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
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

static inline int teardown(void **state)
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

static inline struct timeline *open_reel(const char *path)
{
    struct error err = {""};
    struct timeline *tl = timeline_open(path, kinds, 2, &err);
    if (!tl)
        fail_msg("%s", err.text);
    assert_string_equal(timeline_warning(tl), "");
    return tl;
}

static inline struct timeline_stopped cont(struct timeline *tl, enum timeline_direction dir)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_continue(tl, dir, &s, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.icount, timeline_icount(tl));
    return s;
}

static inline void seek(struct timeline *tl, uint64_t icount)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_seek(tl, icount, &s, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.reason, TIMELINE_DONE);
    assert_int_equal(timeline_icount(tl), icount);
}

static inline struct timeline_stopped steps(struct timeline *tl, enum timeline_direction dir, uint64_t n)
{
    struct error err = {""};
    struct timeline_stopped s;
    if (timeline_step(tl, dir, n, &s, &err))
        fail_msg("%s", err.text);
    return s;
}

static inline unsigned add(struct timeline *tl, enum timeline_stop_kind kind, uint64_t address,
                           uint64_t length)
{
    struct error err = {""};
    const struct timeline_stop stop = {.kind = kind, .address = address, .length = length};
    unsigned id = 0;
    if (timeline_stop_add(tl, &stop, &id, &err))
        fail_msg("%s", err.text);
    assert_int_not_equal(id, 0);
    return id;
}

static inline unsigned add_event(struct timeline *tl, const char *text)
{
    struct error err = {""};
    struct timeline_stop stop = {.kind = TS_EVENT};
    unsigned id = 0;
    if (event_filter_parse(text, &stop.filter, &err) || timeline_stop_add(tl, &stop, &id, &err))
        fail_msg("%s", err.text);
    return id;
}

static inline uint64_t random_below(uint64_t *x, uint64_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (*x >> 20) % n;
}

static inline bool is_pc(const struct fixture *f, uint64_t i, uint16_t a, uint16_t b)
{
    return f->seen[i].pc && (f->seen[i].pc == a || f->seen[i].pc == b);
}

/* The next position after (before) `from` at which the instruction at a or b is executed, or UINT64_MAX if
 * there is none. */
static inline uint64_t expected(const struct fixture *f, enum timeline_direction dir, uint64_t from,
                                uint16_t a, uint16_t b)
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

static inline void state_is(struct fixture *f, struct timeline *tl)
{
    uint64_t at = timeline_icount(tl), hash = timeline_hash(tl);
    if (f->seen[at].hash)
        assert_int_equal(hash, f->seen[at].hash);
    else
        f->seen[at].hash = hash; /* every later visit must give the same */
}

#endif
