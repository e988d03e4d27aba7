/* replay.c - see replay.h. Creating the engine, running, seeking; verify.c has the verified run. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/images.h"
#include "core/run/private/replay_impl.h"
#include "core/run/restore.h"

enum { SLICE = 25000000 }; /* steps between two reports of progress */

/* ---------------------------------------------------------------- opening */

static const char *who_runs(const struct engine_kind *kind, uint32_t behaviour)
{
    if (behaviour > kind->behaviour)
        return "a newer bootreel";
    for (const struct engine_past *p = kind->past; p && p->last; p++)
        if (behaviour >= p->first && behaviour <= p->last)
            return p->by;
    return "the bootreel that recorded it";
}

int replay_behaves(const struct trace *t, const struct engine_kind *kind, struct error *err)
{
    const uint32_t recorded = trace_config(t)->behaviour, oldest = engine_oldest(kind);
    char runs[32];
    if (strcmp(trace_config(t)->engine, kind->name))
        return error_set(err, "the trace is of engine \"%s\", not \"%s\": this version cannot run it",
                         trace_config(t)->engine, kind->name);
    if (recorded >= oldest && recorded <= kind->behaviour)
        return 0;
    const char *const to = kind->behaviour > oldest + 1 ? " to " : " and ";
    if (oldest < kind->behaviour)
        snprintf(runs, sizeof runs, "%u%s%u", oldest, to, kind->behaviour);
    else
        snprintf(runs, sizeof runs, "%u", oldest);
    return error_set(
        err,
        "recorded with behaviour %u of the engine \"%s\", and this bootreel runs only %s: replay it with %s",
        recorded, kind->name, runs, who_runs(kind, recorded));
}

bool replay_possible(const struct trace *t, struct error *text)
{
    if (!trace_truncated(t) || trace_checkpoint_count(t))
        return true;
    error_set(text,
              "the recording %s before the machine's first state was written: nothing can be replayed: %s",
              trace_being_written(t) ? "is" : "was killed, or its file cut off,",
              trace_being_written(t) ? "wait a moment" : "record it again");
    return false;
}

static void no_event(void *ctx, const struct event *ev) {}

static struct replay *open_replay(struct trace *t, const struct engine_kind *kind, bool unplaced,
                                  struct error *err)
{
    if (replay_behaves(t, kind, err) || !replay_possible(t, err))
        return NULL;
    struct replay *r = mem_zero(1, sizeof *r);
    r->t = t;
    r->kind = kind;
    r->silent = (struct observer){.event = no_event};
    r->observer = &r->silent;
    r->fed_at = UINT64_MAX;
    r->images = image_replay_new(t);
    r->cfg.settings = trace_config(t)->settings;
    r->cfg.nsettings = trace_config(t)->nsettings;
    r->cfg.images = image_replay_images(r->images, &r->cfg.nimages);
    r->cfg.behaviour = trace_config(t)->behaviour;
    r->cfg.host = kind->host;
    r->cfg.unplaced = r->unplaced = unplaced;
    r->e = kind->create(&r->cfg, err);
    if (!r->e) {
        trace_note_failure(t, err);
        replay_close(r);
        return NULL;
    }
    r->feed = (struct feed){.e = r->e, .source = {.ctx = t, .input = feed_trace_input}};
    return r;
}

struct replay *replay_open(struct trace *t, const struct engine_kind *kind, struct error *err)
{
    return open_replay(t, kind, false, err);
}

struct replay *replay_open_unplaced(struct trace *t, const struct engine_kind *kind, struct error *err)
{
    trace_keep_unpacked(t, REPLAY_UNPACKED);
    return open_replay(t, kind, replay_first_state(t), err);
}

bool replay_first_state(const struct trace *t)
{
    return trace_checkpoint_count(t) && !trace_checkpoint(t, 0)->icount;
}

void replay_close(struct replay *r)
{
    if (!r)
        return;
    if (r->e)
        r->e->ops->destroy(r->e);
    restored_free(r->restored);
    image_replay_free(r->images);
    free(r);
}

struct engine *replay_engine(struct replay *r)
{
    return r->e;
}

const struct engine_config *replay_config(const struct replay *r)
{
    return &r->cfg;
}

void replay_observe(struct replay *r, uint32_t classes, const struct observer *observer)
{
    assert((observer || !classes) && "who wants events says where they go");
    r->classes = classes;
    r->observer = observer ? observer : &r->silent;
    r->e->ops->observe(r->e, classes, r->observer);
}

void replay_interrupt(struct replay *r)
{
    atomic_store(&r->interrupted, true);
    r->e->ops->interrupt(r->e);
}

/* ---------------------------------------------------------------- running */

static uint64_t here(const struct replay *r)
{
    return r->e->ops->icount(r->e);
}

/* The guest does not do what was recorded. This is reported as a stop, since the run ends here. */
static int astray(struct replay *r, const struct error *what, struct stop *stop)
{
    *stop = (struct stop){.reason = STOP_GUEST_FAULT, .icount = here(r), .time = r->e->ops->time(r->e)};
    snprintf(stop->text, sizeof stop->text, "%s", what->text);
    return 1;
}

int replay_pass_time(struct replay *r, uint64_t time, struct stop *stop)
{
    struct error err;
    return feed_pass_time(r->e, time, &err) == FEED_DONE ? 0 : astray(r, &err, stop);
}

static int give_input(struct replay *r, struct stop *stop, struct error *err)
{
    r->fed_at = here(r);
    switch (feed_one(&r->feed, err)) {
    case FEED_DONE:
        return 0;
    case FEED_ASTRAY:
        return astray(r, err, stop);
    default:
        return -1;
    }
}

static bool has_come(const struct replay *r, uint64_t until)
{
    return until && r->e->ops->time(r->e) >= until;
}

/* Runs to a position with no input before it, or to the first one at which guest time is at least `until`, if that is not 0. */
static int run_plain(struct replay *r, uint64_t icount, uint64_t until, struct stop *stop)
{
    while (here(r) < icount && !has_come(r, until)) {
        uint64_t left = icount - here(r);
        const struct run_limit limit = {
            .icount = here(r) + (left < SLICE ? left : SLICE), .time = UINT64_MAX, .until = until};
        r->e->ops->run(r->e, &limit, stop);
        assert(here(r) <= limit.icount && "a run ends where it was told to");
        r->last = *stop;
        if (r->progress)
            r->progress(r->progress_ctx, r->e);
        bool asked = atomic_load(&r->interrupted);
        if (here(r) < icount && !has_come(r, until) && (asked || here(r) != limit.icount)) {
            if (asked)
                stop->reason = STOP_INTERRUPTED;
            return 1;
        }
    }
    return 0;
}

/* Inputs at `icount` are applied too if `with_inputs`. */
static int run_inputs(struct replay *r, uint64_t icount, uint64_t until, bool with_inputs, struct stop *stop,
                      struct error *err)
{
    for (;;) {
        uint64_t at;
        if (feed_next(&r->feed, &at, err))
            return -1;
        bool input = at < icount || (with_inputs && at == icount);
        if (run_plain(r, input ? at : icount, until, stop))
            return 1;
        if (!input || has_come(r, until))
            return 0;
        int rc = give_input(r, stop, err);
        if (rc)
            return rc;
    }
}

int replay_run_inputs(struct replay *r, uint64_t icount, bool with_inputs, struct stop *stop,
                      struct error *err)
{
    return run_inputs(r, icount, 0, with_inputs, stop, err);
}

int replay_run_to(struct replay *r, uint64_t icount, struct stop *stop, struct error *err)
{
    *stop = (struct stop){.reason = STOP_REACHED, .icount = here(r), .time = r->e->ops->time(r->e)};
    int rc = replay_run_inputs(r, icount, false, stop, err);
    return rc < 0 || replay_lost(r, err) ? -1 : rc;
}

/* Why a run ended before its position. */
static int not_reached(const struct stop *how, uint64_t icount, struct error *err)
{
    const struct stop stop = *how;
    if (stop.reason == STOP_INTERRUPTED)
        return error_set(err, "interrupted at icount %llu", (unsigned long long)stop.icount);
    return error_set(err,
                     "the replay stopped at icount %llu (%s) on the way to %llu: verify the trace with "
                     "`bootreel replay --verify`",
                     (unsigned long long)stop.icount, stop.text[0] ? stop.text : stop_word(stop.reason),
                     (unsigned long long)icount);
}

int replay_reach(struct replay *r, uint64_t icount, struct error *err)
{
    struct stop stop;
    int rc = replay_run_to(r, icount, &stop, err);
    return rc == 1 ? not_reached(&stop, icount, err) : rc;
}

int replay_reach_time(struct replay *r, uint64_t icount, uint64_t time, struct error *err)
{
    struct stop stop = {.reason = STOP_REACHED};
    int rc = run_inputs(r, icount, time, false, &stop, err);
    if (rc < 0 || replay_lost(r, err))
        return -1;
    return rc == 1 ? not_reached(&stop, icount, err) : 0;
}

void replay_progress(struct replay *r, void (*fn)(void *ctx, const struct engine *e), void *ctx)
{
    r->progress = fn;
    r->progress_ctx = ctx;
}

/* ---------------------------------------------------------------- seeking */

struct inspector *replay_inspector(struct replay *r, uint32_t classes,
                                   void (*emit)(void *ctx, const struct event *ev), void *ctx,
                                   struct error *err)
{
    const struct inspector_options o = {
        .engine = r->e, .config = &r->cfg, .classes = classes, .recorded = r->t, .ctx = ctx, .emit = emit};
    return inspector_create(&o, err);
}

static int load(struct replay *r, size_t k, bool at_once, struct error *err)
{
    struct restored *now = NULL;
    if (k) /* the first state is before anything was unpacked */
        trace_prepare(r->t, r->kind->unpacked);
    int rc = restore_checkpoint(r->e, r->t, k, at_once ? NULL : &now, err);
    if (!rc || now) { /* otherwise the engine may still use the last one */
        restored_free(r->restored);
        r->restored = now;
    }
    if (rc)
        return -1;
    r->unplaced = false;
    r->fed_at = UINT64_MAX;
    r->last = (struct stop){0};
    return feed_seek(&r->feed, trace_checkpoint(r->t, k)->icount, err);
}

int replay_load(struct replay *r, size_t k, struct error *err)
{
    return load(r, k, true, err);
}

int replay_load_hashed(struct replay *r, size_t k, struct state_hash *hash, struct snapshot_base *base,
                       struct error *err)
{
    return load(r, k, false, err) ? -1 : restored_hash(r->restored, r->e, hash, base, err);
}

int replay_lost(const struct replay *r, struct error *err)
{
    return restored_lost(r->restored, err);
}

/* Whether to go on from the current state to `icount`: it is not beyond it, and no checkpoint is nearer. */
static bool on_the_way(const struct replay *r, uint64_t icount, long k)
{
    uint64_t now = here(r);
    bool before = now < icount || (now == icount && r->fed_at != now);
    return before && !r->unplaced && (k < 0 || trace_checkpoint(r->t, (size_t)k)->icount <= now);
}

int replay_seek(struct replay *r, uint64_t icount, struct error *err)
{
    long k = trace_checkpoint_find(r->t, icount);
    int rc = 0;
    if (icount > trace_last_icount(r->t))
        return error_set(err, "icount %llu is after the end of the run, which is at %llu",
                         (unsigned long long)icount, (unsigned long long)trace_last_icount(r->t));
    atomic_store(&r->interrupted, false);
    r->e->ops->observe(r->e, 0, &r->silent);
    if (!on_the_way(r, icount, k)) {
        if (k < 0)
            rc = error_set(err, "the trace has no checkpoint before icount %llu", (unsigned long long)icount);
        else
            rc = load(r, (size_t)k, false, err);
    }
    if (!rc)
        rc = replay_reach(r, icount, err);
    r->e->ops->observe(r->e, r->classes, r->observer);
    return rc;
}
