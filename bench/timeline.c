/* timeline.c - how fast the timeline is, on a trace of a real boot.
 *
 *     timeline [--check] TRACE [POSITIONS [BUDGET]]        BUDGET: MB for checkpoints in memory
 *
 * Prints, in ms of processor time: seek to random positions; the first reverse step there and the second; ten
 * more; the first after stops of all sorts (a continue that met something, or was interrupted, in both
 * directions; a seek to a recorded checkpoint), with a breakpoint set; one replay; continue and
 * reverse-continue over the whole run with a breakpoint that is never reached, and with a watchpoint
 * likewise; and the most memory that the process used. Positions come from a fixed pseudo-random sequence. A
 * second mode, --check, compares state hashes: reverse-step then step must give the same state; and
 * reverse-continue to a breakpoint or watchpoint must land where going forward from far behind met it last,
 * in the state that seeking there gives.
 */
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "core/run/replay.h"

static struct timeline *tl;
static struct error err;

static double timed_step(enum timeline_direction dir)
{
    struct timeline_stopped s;
    double t = now_ms();
    must(timeline_step(tl, dir, 1, &s, &err), &err);
    return now_ms() - t;
}

static void random_positions(unsigned n, uint64_t last)
{
    double *seek = mem_zero(n, sizeof *seek), *first = mem_zero(n, sizeof *first),
           *second = mem_zero(n, sizeof *second);
    double *more = mem_zero(n, sizeof *more), *step = mem_zero(n, sizeof *step);
    struct timeline_stopped s;
    uint64_t x = 1;
    for (unsigned i = 0; i < n; i++) {
        double t = now_ms();
        must(timeline_seek(tl, 20 + random_below(&x, last - 20), &s, &err), &err);
        seek[i] = now_ms() - t;
        first[i] = timed_step(TIMELINE_BACK);
        second[i] = timed_step(TIMELINE_BACK);
        t = now_ms();
        for (unsigned k = 0; k < 10; k++)
            timed_step(TIMELINE_BACK);
        more[i] = (now_ms() - t) / 10;
        t = now_ms();
        for (unsigned k = 0; k < 10; k++)
            timed_step(TIMELINE_FORWARD);
        step[i] = (now_ms() - t) / 10;
    }
    report("seek to a random position", seek, n);
    report("reverse step, the first", first, n);
    report("reverse step, the second", second, n);
    report("reverse step, ten more, each", more, n);
    report("step, each of ten", step, n);
    free(seek), free(first), free(second), free(more), free(step);
}

/* ---------------------------------------------------------------- after stops */

static const struct timeline_stop never = {.kind = TS_BREAK_LINEAR, .address = 0x123456789abcull};

static bool interrupt_soon(void *ctx, const struct timeline_progress *p)
{
    unsigned *left = ctx;
    return (*left)-- > 0;
}

/* Goes on from here until a breakpoint that is met, an interrupt, or a checkpoint of the trace. */
static void some_stop(unsigned i, uint64_t *x, uint64_t last)
{
    enum { WAY = 60000000, LOOKS = 16 }; /* looks at progress, each some million steps apart */
    enum timeline_direction dir = i & 1 ? TIMELINE_BACK : TIMELINE_FORWARD;
    uint64_t here = timeline_icount(tl), far = random_below(x, WAY);
    unsigned left = (unsigned)random_below(x, LOOKS);
    struct timeline_stopped s;
    switch (i / 2 % 3) {
    case 0:
        timeline_set_progress(tl, interrupt_soon, &left);
        must(timeline_continue(tl, dir, &s, &err), &err);
        timeline_set_progress(tl, NULL, NULL);
        break;
    case 1:
        far = dir == TIMELINE_BACK ? (here > far ? here - far : 0) : here + far < last ? here + far : last;
        must(timeline_continue_to(tl, dir, far, &s, &err), &err);
        break;
    default:
        must(timeline_seek(tl, here - here % 100000000, &s, &err),
             &err); /* where `record` puts checkpoints */
        break;
    }
}

static void after_stops(unsigned n, uint64_t last)
{
    double *ms = mem_zero(n, sizeof *ms);
    struct timeline_stopped s;
    uint64_t x = 3;
    unsigned id;
    must(timeline_stop_add(tl, &never, &id, &err), &err);
    for (unsigned i = 0; i < n; i++) {
        must(timeline_seek(tl, 20 + random_below(&x, last - 20), &s, &err), &err);
        some_stop(i, &x, last);
        uint64_t here = timeline_icount(tl);
        double t = now_ms();
        must(timeline_continue_to(tl, TIMELINE_BACK, here ? here - 1 : 0, &s, &err), &err);
        ms[i] = now_ms() - t;
    }
    timeline_stop_clear(tl);
    report("reverse step after any stop", ms, n);
    free(ms);
}

/* ---------------------------------------------------------------- over the whole run */

static const char *reason(const struct timeline_stopped *s)
{
    static const char *const names[] = {"done",  "breakpoint", "watchpoint",  "event",
                                        "begin", "end",        "interrupted", "ended"};
    return names[s->reason];
}

static double timed_continue(const char *what, enum timeline_direction dir)
{
    struct timeline_stopped s;
    double t = now_ms();
    must(timeline_continue(tl, dir, &s, &err), &err);
    t = now_ms() - t;
    printf("%-34s %9.0f ms (%s)\n", what, t, reason(&s));
    return t;
}

/* Without a timeline. */
static double one_replay(const struct engine_kind *kind)
{
    struct replay *r = replay_open(timeline_trace(tl), kind, &err);
    const struct replay_options o = {.verify = false};
    struct replay_report rep;
    must(r ? 0 : -1, &err);
    double t = now_ms();
    must(replay_all(r, &o, &rep, &err), &err);
    t = now_ms() - t;
    printf("%-34s %9.0f ms\n", "one replay", t);
    free(rep.divergence);
    replay_close(r);
    return t;
}

static void whole_run(const struct engine_kind *kind)
{
    struct timeline_stopped s;
    unsigned id;
    double plain = one_replay(kind);
    must(timeline_to_end(tl, &s, &err), &err);
    const struct timeline_stop watch = {.kind = TS_WATCH_WRITE, .address = never.address, .length = 8};
    must(timeline_stop_add(tl, &never, &id, &err), &err);
    double back = timed_continue("reverse-continue, breakpoint", TIMELINE_BACK);
    timed_continue("continue, breakpoint", TIMELINE_FORWARD);
    timeline_stop_clear(tl);
    must(timeline_stop_add(tl, &watch, &id, &err), &err);
    timed_continue("reverse-continue, watchpoint", TIMELINE_BACK);
    timed_continue("continue, watchpoint", TIMELINE_FORWARD);
    timeline_stop_clear(tl);
    printf("%-34s %9.2f x\n", "reverse-continue / replay", back / plain);
}

/* ---------------------------------------------------------------- checking */

enum { FAR = 20000000 };

/* The last place before `at` that going forward from far behind meets; UINT64_MAX: none. */
static uint64_t last_forward(uint64_t at, const struct timeline_stop *stop, unsigned *hits)
{
    struct timeline_stopped s;
    uint64_t found = UINT64_MAX;
    must(timeline_seek(tl, at > FAR ? at - FAR : 0, &s, &err), &err);
    for (*hits = 0;; ++*hits) {
        must(timeline_continue_to(tl, TIMELINE_FORWARD, at, &s, &err), &err);
        bool broke = s.reason == TIMELINE_BREAKPOINT, watched = s.reason == TIMELINE_WATCHPOINT;
        if (!broke && !watched)
            return found;
        if (s.icount - watched < at)
            found = s.icount - watched;
    }
}

static bool lands_wrong(uint64_t at, const struct timeline_stop *stop, unsigned *hits)
{
    struct timeline_stopped s;
    unsigned id;
    must(timeline_stop_add(tl, stop, &id, &err), &err);
    uint64_t want = last_forward(at, stop, hits);
    must(timeline_seek(tl, at, &s, &err), &err);
    must(timeline_continue_to(tl, TIMELINE_BACK, at > FAR ? at - FAR + 1 : 0, &s, &err), &err);
    bool met = s.reason == TIMELINE_BREAKPOINT || s.reason == TIMELINE_WATCHPOINT;
    bool wrong = want == UINT64_MAX ? met && s.icount > at - FAR : !met || s.icount != want;
    if (wrong)
        printf("from icount %llu back to %d %#llx: %s at %llu, forwards it was %llu\n",
               (unsigned long long)at, (int)stop->kind, (unsigned long long)stop->address,
               met ? "hit" : "nothing", (unsigned long long)s.icount, (unsigned long long)want);
    uint64_t hash = timeline_hash(tl), here = timeline_icount(tl);
    timeline_stop_clear(tl);
    must(timeline_step(tl, TIMELINE_BACK, here > 5 ? 5 : 0, &s, &err), &err);
    must(timeline_seek(tl, here, &s, &err), &err);
    if (timeline_hash(tl) != hash) {
        printf("the state at icount %llu after a stop is another than after a seek\n",
               (unsigned long long)here);
        wrong = true;
    }
    return wrong;
}

static void check_stops(unsigned n, uint64_t last)
{
    struct timeline_stopped s;
    uint64_t x = 99, total = 0;
    unsigned bad = 0, hits;
    for (unsigned i = 0; i < n; i++) {
        uint64_t at = 1 + random_below(&x, last - 1), off = random_below(&x, FAR / 2);
        must(timeline_seek(tl, at > off ? at - off : at, &s, &err), &err);
        const struct timeline_stop brk = {.kind = TS_BREAK_LINEAR, .address = timeline_pc(tl, 0)};
        const struct timeline_stop watch = {.kind = i % 4 == 1 ? TS_WATCH_WRITE : TS_WATCH_ACCESS,
                                            .address = timeline_reg(tl, 0, "rsp") - 8,
                                            .length = 8};
        bad += lands_wrong(at, i & 1 ? &watch : &brk, &hits);
        total += hits;
    }
    printf("%u stops, %llu hits forwards, %u wrong\n", n, (unsigned long long)total, bad);
    if (bad)
        exit(1);
}

static void check(unsigned n, uint64_t last)
{
    struct timeline_stopped s;
    uint64_t x = 7;
    unsigned bad = 0;
    for (unsigned i = 0; i < n; i++) {
        must(timeline_seek(tl, 1 + random_below(&x, last - 1), &s, &err), &err);
        uint64_t hash = timeline_hash(tl), at = timeline_icount(tl);
        must(timeline_step(tl, TIMELINE_BACK, 1, &s, &err), &err);
        must(timeline_step(tl, TIMELINE_FORWARD, 1, &s, &err), &err);
        if (timeline_hash(tl) != hash || timeline_icount(tl) != at) {
            printf("icount %llu: reverse-step and step give another state\n", (unsigned long long)at);
            bad++;
        }
    }
    printf("%u positions, %u differ\n", n, bad);
    if (bad)
        exit(1);
}

int main(int argc, char **argv)
{
    bool checking = argc > 1 && !strcmp(argv[1], "--check");
    if (argc < 2 + checking) {
        fprintf(stderr, "usage: timeline [--check] TRACE [POSITIONS [BUDGET]]\n");
        return 2;
    }
    const char *path = argv[1 + checking];
    unsigned n = argc > 2 + checking ? (unsigned)atoi(argv[2 + checking]) : 200;
    struct timeline_where w;
    struct timeline_stats stats;
    double t = now_ms();
    tl = open_timeline(path);
    printf("%-34s %9.1f ms\n", "open", now_ms() - t);
    timeline_where(tl, &w);
    if (argc > 3 + checking)
        timeline_set_budget(tl, strtoull(argv[3 + checking], NULL, 10) << 20);
    if (checking) {
        check(n, w.last);
        check_stops(n / 5, w.last);
    } else {
        random_positions(n, w.last);
        after_stops(n / 2, w.last);
        whole_run(&bench_pc);
    }
    timeline_stats(tl, &stats);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("checkpoints %llu, %llu MB of %llu; restores %llu; steps %llu M; process at most %ld MB\n",
           (unsigned long long)stats.checkpoints, (unsigned long long)stats.used >> 20,
           (unsigned long long)stats.budget >> 20, (unsigned long long)stats.restores,
           (unsigned long long)stats.steps / 1000000, u.ru_maxrss >> 10);
    if (timeline_warning(tl)[0])
        printf("%s\n", timeline_warning(tl));
    timeline_close(tl);
    return 0;
}
