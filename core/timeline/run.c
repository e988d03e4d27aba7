/* run.c - running the engine from position to position, and moving to one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/impl.h"

enum {
    SLICE = 250000,  /* steps between two checks for progress and interrupts */
    EVERY = 5000000, /* between two checkpoints on a long way forwards */
    EVERY_SEARCH = 25000000,
    FINEST = 10000,      /* checkpoints closer to the target than this are of no use */
    RUN_RATHER = 100000, /* up to this many steps, running is faster than restoring a state from memory */
    DISARM = 2000000,    /* from this many steps on, it is worth removing the engine's stops */
};

/* ---------------------------------------------------------------- observing */

static bool in_reach(const struct sight *s, const struct event *ev)
{
    if (s->only_folds) {
        enum event_class c = event_kind(ev->kind)->cls;
        if (c != EC_PIO && c != EC_MMIO && c != EC_UNHANDLED)
            return false;
    }
    return ev->icount >= s->begin && ev->icount < s->end && (s->last || !s->found);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct timeline *tl = ctx;
    struct sight *s = &tl->sight;
    if (!s->classes || !in_reach(s, ev))
        return;
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].stop.kind == TS_EVENT &&
            (tl->folded >> event_kind(ev->kind)->cls & 1 || !tl_indexed(tl, &tl->stop[i])) &&
            event_filter_matches(&tl->stop[i].stop.filter, ev)) {
            tl_sight_set(s, tl->stop[i].id, ev);
            return;
        }
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct timeline *tl = ctx;
    if (tl->live && tl->console)
        tl->console(tl->console_ctx, device, data, n);
}

void tl_look_out(struct timeline *tl)
{
    tl->observer = (struct observer){.ctx = tl, .event = on_event, .console = on_console};
    tl->e->ops->observe(tl->e, tl->sight.classes, &tl->observer);
}

void tl_flush_folds(struct timeline *tl)
{
    if (!tl->sight.classes)
        return;
    assert(!tl->sight.only_folds);
    tl->sight.only_folds = true;
    tl->e->ops->flush(tl->e);
    tl->sight.only_folds = false;
}

/* ---------------------------------------------------------------- stops of the engine */

static bool same_stops(const struct timeline *tl, const struct stop_point *s, size_t n)
{
    if (n != tl->narmed)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i].id != tl->armed[i].id || s[i].kind != tl->armed[i].kind ||
            s[i].address != tl->armed[i].address || s[i].length != tl->armed[i].length)
            return false;
    return true;
}

/* Sets stops only if they differ, since that makes the engine discard its decoded code. */
void tl_arm(struct timeline *tl, const struct stop_point *s, size_t n)
{
    if (same_stops(tl, s, n) || !tl->e->ops->stops)
        return;
    free(tl->armed);
    tl->armed = mem_alloc((n + 1) * sizeof *s);
    if (n)
        memcpy(tl->armed, s, n * sizeof *s);
    tl->narmed = n;
    assert((!n || s) && n <= tl->nstops + 1 &&
           "the engine watches for what was set, or for what is scanned for");
    tl->e->ops->stops(tl->e, tl->armed, n);
}

/* ---------------------------------------------------------------- inputs */

/* The inputs of the current line. */
int tl_input(void *ctx, uint64_t i, struct input *in, struct error *err)
{
    const struct timeline *tl = ctx;
    if (!tl->diverted)
        return feed_trace_input(tl->t, i, in, err);
    *in = (struct input){.icount = NOWHERE};
    if (i < tl->ngiven)
        *in = tl->given[i];
    return 0;
}

static enum ran give_inputs(struct timeline *tl, struct stop *stop, struct error *err)
{
    tl->settled = false;
    switch (feed_here(&tl->feed, err)) {
    case FEED_DONE:
        return RAN_THERE;
    case FEED_ASTRAY:
        *stop =
            (struct stop){.reason = STOP_GUEST_FAULT, .icount = tl_here(tl), .time = tl->e->ops->time(tl->e)};
        snprintf(stop->text, sizeof stop->text, "%s", err->text);
        return RAN_ENDED;
    default:
        return RAN_ERROR;
    }
}

/* ---------------------------------------------------------------- running */

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Sets where the next checkpoint is to be made. */
static void next_lay(struct timeline *tl, uint64_t here)
{
    uint64_t left = tl->target > here ? tl->target - here : 0, nearest;
    tl->lay_at = NOWHERE;
    switch (tl->laying) {
    case LAY_NOTHING:
        break;
    case LAY_TO_TARGET:
        if (left / 4 >= FINEST)
            tl->lay_at = tl->target - left / 4;
        break;
    case LAY_EVERY: /* also when the way consists of many short runs */
        nearest = tl_nearest(tl, here);
        tl->lay_at = most(here + 1, nearest == NOWHERE ? 0 : nearest + EVERY);
        break;
    case LAY_SEARCH:
        tl->lay_at = here + EVERY_SEARCH;
        break;
    }
}

static uint64_t next_recorded(const struct timeline *tl, uint64_t here)
{
    long k = tl->diverted ? -1 : tl_recorded_from(tl, here + 1);
    return k < 0 ? NOWHERE : trace_checkpoint(tl->t, (size_t)k)->icount;
}

/* A position was reached: does what is due there. */
static void arrive(struct timeline *tl)
{
    uint64_t here = tl_here(tl);
    assert(here <= tl->target && here <= tl->lay_at);
    tl->settled = true;
    tl_devices_here(tl);
    long k = tl->diverted || tl->laying == LAY_SEARCH ? -1 : tl_recorded_from(tl, here);
    if (k >= 0 && trace_checkpoint(tl->t, (size_t)k)->icount == here) {
        if (here)
            tl_pass_recorded(tl, (size_t)k);
        next_lay(tl, here);
    } else if (here >= tl->lay_at) {
        tl_lay(tl);
        next_lay(tl, here);
    }
    tl_learn_here(tl);
}

static bool report_progress(struct timeline *tl)
{
    if (!tl->progress)
        return true;
    uint64_t here = tl_here(tl);
    tl->op.icount = here;
    if (!tl->op.back)
        tl->op.examined = here > tl->op.from ? here - tl->op.from : 0;
    return tl->progress(tl->progress_ctx, &tl->op);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Runs towards `to`, with no input on the way. *stop is how the engine stopped. */
static void run_engine(struct timeline *tl, uint64_t to, struct stop *stop)
{
    uint64_t here = tl_here(tl);
    assert(to >= here && "only a restored state goes back");
    const struct run_limit limit = {.icount = to, .time = tl->live ? tl->live_time : UINT64_MAX};
    atomic_store(&tl->in_engine_diverted, tl->diverted);
    tl->e->ops->run(tl->e, &limit, stop);
    atomic_store(&tl->in_engine_diverted, false);
    assert(tl_here(tl) >= here && tl_here(tl) <= to && "a run ends where it was told to");
    tl->steps += tl_here(tl) - here;
    tl->cpu = stop->cpu;
    if (tl_here(tl) > here)
        tl->settled = true;
}

static bool is_stop(const struct stop *stop)
{
    return stop->reason == STOP_BREAKPOINT || stop->reason == STOP_WATCHPOINT;
}

/* Runs the part of the way up to the next input, checkpoint or report. RAN_THERE: go on. */
static enum ran leg(struct timeline *tl, uint64_t target, uint64_t first, struct stop *stop,
                    struct error *err)
{
    uint64_t here = tl_here(tl), input;
    assert(here < target && "there is a way to go");
    tl_start(tl);
    if (feed_next(&tl->feed, &input, err))
        return RAN_ERROR;
    if (input <= here)
        return give_inputs(tl, stop, err);
    uint64_t to =
        least(least(target, input), least(here + SLICE, least(tl->lay_at, next_recorded(tl, here))));
    run_engine(tl, to, stop);
    here = tl_here(tl);
    if (timeline_lost(tl, err)) {
        tl->settled = tl->store.known = false;
        return RAN_ERROR;
    }
    if (is_stop(stop)) {
        tl->settled &= !stop->late;
        return first != NOWHERE && here >= first && tl_is_hit(tl, stop) ? RAN_HIT : RAN_THERE;
    }
    if (here < to) {
        tl->settled = false; /* guest time may have passed */
        return stop->reason == STOP_INTERRUPTED ? RAN_INTERRUPTED : RAN_ENDED;
    }
    arrive(tl);
    if (tl->sight.classes && tl->sight.found && !tl->sight.last)
        return RAN_SEEN;
    return RAN_THERE;
}

/* After an input or an interrupt, the state is not that of its position any more; it is settled again
 * a step later. */
enum ran tl_run(struct timeline *tl, uint64_t target, uint64_t first, enum laying laying, struct stop *stop,
                struct error *err)
{
    uint64_t slices = tl_here(tl);
    *stop = (struct stop){.reason = STOP_REACHED, .icount = slices};
    tl->laying = laying;
    tl->target = target;
    next_lay(tl, slices);
    while (tl_here(tl) < target) {
        enum ran r = leg(tl, target, first, stop, err);
        if (r != RAN_THERE)
            return r;
        if (tl_here(tl) - slices >= SLICE) {
            slices = tl_here(tl);
            if (!report_progress(tl))
                atomic_store(&tl->interrupted, true);
        }
        if (atomic_load(&tl->interrupted) && tl_here(tl) < target)
            return RAN_INTERRUPTED;
    }
    return RAN_THERE;
}

uint64_t tl_quiet_until(const struct timeline *tl)
{
    const uint64_t here = tl_here(tl);
    struct error ignored;
    uint64_t input;
    return feed_next(&tl->feed, &input, &ignored) ? here : least(input, next_recorded(tl, here));
}

bool tl_step_quietly(struct timeline *tl, struct stop *stop)
{
    const uint64_t here = tl_here(tl);
    tl_start(tl);
    run_engine(tl, here + 1, stop);
    return tl_here(tl) > here;
}

/* ---------------------------------------------------------------- going somewhere */

/* Whether the engine should go on from where it is. */
static bool on_the_way(const struct timeline *tl, uint64_t icount, uint64_t nearest)
{
    uint64_t here = tl_here(tl);
    if (!tl->store.known && !tl->settled)
        return false;
    if (here > icount || (here == icount && !tl->settled))
        return false;
    return nearest == NOWHERE || nearest <= here || nearest - here < RUN_RATHER;
}

/* At or shortly after a kept state with no other near before it, a few steps back would be a long way, and
 * users often step back where they have just arrived. So the run is made now from the state before (which is
 * returned; NOWHERE if this is not needed), and leaves states on the way. */
static uint64_t long_way(struct timeline *tl, uint64_t icount, uint64_t nearest)
{
    if (tl->short_seeks || nearest == NOWHERE || nearest <= tl_line(tl)->begin || icount - nearest >= FINEST)
        return NOWHERE;
    uint64_t before = tl_nearest(tl, nearest - 1);
    return before != NOWHERE && nearest - before > EVERY ? before : NOWHERE;
}

bool tl_go_on(void *ctx)
{
    struct timeline *tl = ctx;
    if (!report_progress(tl))
        atomic_store(&tl->interrupted, true);
    return !atomic_load(&tl->interrupted);
}

enum ran tl_restore_with_progress(struct timeline *tl, uint64_t icount, struct error *err)
{
    int rc = tl->progress ? tl_fetch(tl, icount, tl_go_on, err) : 1;
    if (rc != 1)
        return rc < 0 ? RAN_ERROR : RAN_INTERRUPTED;
    return tl_restore(tl, icount, err) ? RAN_ERROR : RAN_THERE;
}

enum ran tl_go(struct timeline *tl, uint64_t icount, struct stop *stop, struct error *err)
{
    uint64_t nearest = tl_nearest(tl, icount), before = long_way(tl, icount, nearest);
    if (before != NOWHERE || !on_the_way(tl, icount, nearest)) {
        if (nearest == NOWHERE) {
            error_set(err, "there is no checkpoint before icount %llu", (unsigned long long)icount);
            return RAN_ERROR;
        }
        enum ran r = tl_restore_with_progress(tl, before != NOWHERE ? before : nearest, err);
        if (r != RAN_THERE)
            return r;
    }
    assert(tl_here(tl) <= icount && "it is run to from before it");
    if (icount - tl_here(tl) > DISARM)
        tl_arm(tl, NULL, 0);
    uint32_t classes = tl->sight.classes;
    tl->sight.classes = 0;
    tl_look_out(tl);
    enum ran r = tl_run(tl, icount, NOWHERE, LAY_TO_TARGET, stop, err);
    tl->sight.classes = classes;
    assert(r != RAN_HIT && r != RAN_SEEN && "nothing is searched for on the way");
    assert((r != RAN_THERE || tl_here(tl) == icount) && "there is where it was told to go");
    return r;
}

int tl_go_surely(struct timeline *tl, uint64_t icount, struct error *err)
{
    bool asked = atomic_exchange(&tl->interrupted, false);
    timeline_progress_fn *progress = tl->progress;
    struct stop stop;
    enum ran r;
    tl->progress = NULL;
    while ((r = tl_go(tl, icount, &stop, err)) == RAN_INTERRUPTED)
        asked |= atomic_exchange(&tl->interrupted, false);
    tl->progress = progress;
    if (asked)
        atomic_store(&tl->interrupted, true);
    if (r == RAN_ENDED)
        return error_set(
            err, "the replay stopped at icount %llu (%s) on the way to %llu: it is not the recorded run",
            (unsigned long long)stop.icount, stop.text[0] ? stop.text : stop_word(stop.reason),
            (unsigned long long)icount);
    return r == RAN_THERE ? 0 : -1;
}
