/* timeline.c - see timeline.h: opening, and the movements. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/impl.h"

enum {
    MANY_HITS = 20000,  /* hits in a stretch that is searched for the last one, after which the
                         * rest is divided */
    WORTH_IT = 1000000, /* … if it is at least this long */
    /* Bytes of unpacked frames that are kept. A search that goes to the end of a boot of a whole system unpacks 61 MB, and with 32 MB
     * kept 74 MB of it twice, which takes a tenth of its time. A seek among states that differ by tens of MB may need pages from some
     * 100 MB, and with 48 MB kept, nine in ten took up to 0.6 s; now 0.35 s. */
    UNPACKED = 96 << 20,
};

/* ---------------------------------------------------------------- opening */

/* A checkpoint at the last position may be from a later moment there (after inputs, or after time has
 * passed in a halt). */
static size_t usable_checkpoints(const struct timeline *tl)
{
    size_t n = trace_checkpoint_count(tl->t);
    if (n > 1 && trace_checkpoint(tl->t, n - 1)->icount == tl->last)
        n--;
    return n;
}

static void open_store(struct timeline *tl, bool unplaced)
{
    tl->budget = TIMELINE_MEMORY;
    store_init(&tl->store, tl->e, tl->t, tl_kept_most(tl));
    tl->nrecorded = usable_checkpoints(tl);
    tl->recorded = mem_zero(tl->nrecorded + 1, sizeof *tl->recorded);
    tl->record = (struct line){.end = tl->last};
    tl->divert = (struct line){.end = NOWHERE};
    tl->settled = !unplaced;
    store_learn(&tl->store);
    /* The first state: from the trace if possible (tl_start()), so that its pages need not stay in memory. */
    if (!replay_first_state(tl->t))
        tl_lay(tl);
    tl->record.pinned = tl->record.n > 0;
}

static struct timeline *open_timeline(struct trace *t, const struct engine_kind *kind, bool unplaced,
                                      struct error *err)
{
    struct timeline *tl = mem_zero(1, sizeof *tl);
    tl->t = t;
    tl->kind = kind;
    tl->keeping = *kind;
    /* States come and go, and the same pages become zero again and again. */
    tl->keeping.host.keeps_zeros = true;
    tl->last = trace_last_icount(t);
    trace_prepare(t, kind->unpacked); /* beside making the engine */
    tl->replay = unplaced ? replay_open_unplaced(t, &tl->keeping, err) : replay_open(t, &tl->keeping, err);
    if (!tl->replay) {
        free(tl);
        return NULL;
    }
    trace_keep_unpacked(t, UNPACKED);
    tl->e = replay_engine(tl->replay);
    tl->feed = (struct feed){.e = tl->e, .source = {.ctx = tl, .input = tl_input}};
    open_store(tl, unplaced);
    return tl;
}

struct timeline *timeline_open_trace(struct trace *t, const struct engine_kind *kind, struct error *err)
{
    return open_timeline(t, kind, false, err);
}

struct timeline *timeline_open_unplaced(struct trace *t, const struct engine_kind *kind, struct error *err)
{
    return open_timeline(t, kind, replay_first_state(t), err);
}

void timeline_read_index(struct timeline *tl)
{
    tl_index(tl);
}

struct timeline *timeline_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                               struct error *err)
{
    struct trace *t = trace_open(path, err);
    struct timeline *tl = NULL;
    struct error why;
    if (!t)
        return NULL;
    const char *name = trace_config(t)->engine;
    const struct engine_kind *kind = NULL;
    for (size_t i = 0; i < nkinds && !kind; i++)
        if (!strcmp(kinds[i]->name, name))
            kind = kinds[i];
    if (kind)
        tl = timeline_open_trace(t, kind, &why);
    else
        error_set(&why, "the trace is of engine \"%s\": this version has none of that name", name);
    if (!tl) {
        error_set(err, "%.150s: %s", path, why.text);
        trace_close(t);
        return NULL;
    }
    tl->own_trace = true;
    return tl;
}

void timeline_close(struct timeline *tl)
{
    if (!tl)
        return;
    tl_line_clear(tl, &tl->record);
    tl_line_clear(tl, &tl->divert);
    for (size_t i = 0; i < tl->nrecorded; i++)
        machine_state_free(&tl->store, &tl->recorded[i]);
    free(tl->recorded);
    store_free(&tl->store);
    tl_given_clear(tl, 0);
    free(tl->given);
    free(tl->stop);
    free(tl->armed);
    for (size_t i = 0; i < tl->nmarks; i++)
        free(tl->mark[i].name);
    free(tl->mark);
    trace_cursor_close(tl->near);
    if (tl->release)
        tl->release(tl->kept);
    tl_learn_end(tl);
    touched_index_free(tl->index);
    tl_devices_free(tl);
    replay_close(tl->replay);
    if (tl->own_trace)
        trace_close(tl->t);
    free(tl);
}

const struct engine_kind *timeline_kind(const struct timeline *tl)
{
    return tl->kind;
}

struct trace *timeline_trace(struct timeline *tl)
{
    return tl->t;
}

int timeline_lost(const struct timeline *tl, struct error *err)
{
    return tl->store.lost.text[0] ? error_set(err, "%s", tl->store.lost.text) : 0;
}

const char *timeline_warning(const struct timeline *tl)
{
    return tl->warning.text;
}

void timeline_set_budget(struct timeline *tl, uint64_t bytes)
{
    tl->budget = bytes;
    tl->store.budget = tl_kept_most(tl);
    tl_fit_budget(tl);
}

void timeline_stats(const struct timeline *tl, struct timeline_stats *s)
{
    *s = (struct timeline_stats){.budget = tl->budget,
                                 .used = tl->store.used,
                                 .checkpoints = tl_points(tl),
                                 .restores = tl->store.restores,
                                 .steps = tl->steps};
}

/* ---------------------------------------------------------------- where */

void timeline_set_index(struct timeline *tl, bool on)
{
    tl->no_index = !on;
}

uint64_t timeline_icount(const struct timeline *tl)
{
    return tl_here(tl);
}

void timeline_where(const struct timeline *tl, struct timeline_where *w)
{
    *w = (struct timeline_where){.icount = tl_here(tl),
                                 .time = tl->e->ops->time(tl->e),
                                 .last = tl->last,
                                 .diverted = tl->diverted,
                                 .fork = tl->fork,
                                 .cpu = tl->cpu,
                                 .task = tl_task(tl)};
}

/* ---------------------------------------------------------------- long operations */

void timeline_set_progress(struct timeline *tl, timeline_progress_fn *fn, void *ctx)
{
    tl->progress = fn;
    tl->progress_ctx = ctx;
}

/* The flag alone is checked often enough, except while a guest in a diversion idles forever. */
void timeline_interrupt(struct timeline *tl)
{
    atomic_store(&tl->interrupted, true);
    if (atomic_load(&tl->in_engine_diverted))
        tl->e->ops->interrupt(tl->e);
}

void timeline_interrupt_clear(struct timeline *tl)
{
    atomic_store(&tl->interrupted, false);
}

/* ---------------------------------------------------------------- results */

void tl_begin_op(struct timeline *tl, uint64_t to, bool back)
{
    uint64_t here = tl_here(tl);
    tl->op = (struct timeline_progress){.icount = here, .from = here, .to = to, .back = back};
    tl->to_learn = ACCESSES_NONE;
    tl_save_base(tl);
}

static int result(struct timeline *tl, struct timeline_stopped *s, enum timeline_reason reason)
{
    if (reason == TIMELINE_INTERRUPTED)
        atomic_store(&tl->interrupted, false);
    s->reason = reason;
    s->icount = tl_here(tl);
    if (!s->task)
        s->task = tl_task(tl);
    s->time = tl->e->ops->time(tl->e);
    return 0;
}

static void fill_hit(struct timeline *tl, struct timeline_stopped *s, const struct stop *stop)
{
    static const enum stop_kind kinds[] = {[TS_WATCH_WRITE] = STOPS_WRITE,
                                           [TS_WATCH_READ] = STOPS_READ,
                                           [TS_WATCH_ACCESS] = STOPS_ACCESS,
                                           [TS_WATCH_WRITE_PHYSICAL] = STOPS_WRITE_PHYSICAL};
    const struct stop_entry *e = tl_stop_by_id(tl, stop->id);
    s->id = stop->id;
    s->cpu = stop->cpu;
    s->task = stop->task;
    s->address = stop->address;
    s->device = stop->device;
    if (stop->reason != STOP_WATCHPOINT || tl->op.back)
        tl->cpu = stop->cpu; /* its instruction is the next */
    if (stop->reason != STOP_WATCHPOINT)
        return;
    s->kind = e ? kinds[e->stop.kind] : STOPS_WRITE;
    s->watched = e ? e->stop.address : stop->address;
}

static enum timeline_reason hit_reason(const struct stop *stop)
{
    return stop->reason == STOP_WATCHPOINT ? TIMELINE_WATCHPOINT : TIMELINE_BREAKPOINT;
}

static int event_result(struct timeline *tl, struct timeline_stopped *s, const struct sight *seen)
{
    s->id = seen->id;
    s->event = seen->event;
    s->cpu = seen->event.cpu;
    memcpy(s->text, seen->text, sizeof s->text);
    return result(tl, s, TIMELINE_EVENT);
}

/* The guest stopped by itself. */
static int ended(struct timeline *tl, struct timeline_stopped *s, const struct stop *stop)
{
    s->engine = stop->reason;
    s->cpu = stop->cpu;
    s->address = stop->address;
    memcpy(s->text, stop->text, sizeof s->text);
    if (tl->diverted) {
        tl->divert.end = tl_here(tl);
        tl->divert.how = stop->reason;
    }
    return result(tl, s, TIMELINE_ENDED);
}

/* ---------------------------------------------------------------- seek and step */

/* The result of a run to a position; `there` is the reason if it was reached. */
static int arrived(struct timeline *tl, enum ran how, const struct stop *stop, enum timeline_reason there,
                   struct timeline_stopped *s)
{
    switch (how) {
    case RAN_THERE:
        return result(tl, s, there);
    case RAN_INTERRUPTED:
        return result(tl, s, TIMELINE_INTERRUPTED);
    case RAN_ENDED:
        return ended(tl, s, stop);
    default:
        return -1;
    }
}

static int go(struct timeline *tl, uint64_t icount, enum timeline_reason there, struct timeline_stopped *s,
              struct error *err)
{
    struct stop stop;
    enum ran how = tl_go(tl, icount, &stop, err);
    return arrived(tl, how, &stop, there, s);
}

int timeline_seek(struct timeline *tl, uint64_t icount, struct timeline_stopped *s, struct error *err)
{
    const struct line *l = tl_line(tl);
    *s = (struct timeline_stopped){0};
    if (icount > l->end)
        return error_set(err, "icount %llu is after the end of the run, which is at %llu",
                         (unsigned long long)icount, (unsigned long long)l->end);
    if (icount < l->begin)
        return error_set(
            err,
            "icount %llu is before the private run, which begins at %llu: go back to the recorded run first",
            (unsigned long long)icount, (unsigned long long)l->begin);
    tl_begin_op(tl, icount, icount < tl_here(tl));
    return go(tl, icount, TIMELINE_DONE, s, err);
}

/* Going forwards is always a plain run; after a long one it is worth having checkpoints near its end. */
static int step_forward(struct timeline *tl, uint64_t n, struct timeline_stopped *s, struct error *err)
{
    const struct line *l = tl_line(tl);
    uint64_t here = tl_here(tl), left = l->end - here;
    struct stop stop;
    uint64_t to = n < left ? here + n : l->end;
    enum timeline_reason there = n <= left ? TIMELINE_DONE : TIMELINE_AT_END;
    if (here >= l->end && n)
        return result(tl, s, TIMELINE_AT_END);
    tl_begin_op(tl, to, false);
    if (to - here > 100000)
        return go(tl, to, there, s, err);
    enum ran how = tl_run(tl, to, NOWHERE, LAY_EVERY, &stop, err);
    return arrived(tl, how, &stop, there, s);
}

int timeline_step(struct timeline *tl, enum timeline_direction dir, uint64_t n, struct timeline_stopped *s,
                  struct error *err)
{
    uint64_t here = tl_here(tl), begin = tl_line(tl)->begin;
    *s = (struct timeline_stopped){0};
    if (dir == TIMELINE_FORWARD)
        return step_forward(tl, n, s, err);
    uint64_t to = here - begin >= n ? here - n : begin;
    if (here <= begin && n)
        return result(tl, s, TIMELINE_AT_BEGIN);
    tl_begin_op(tl, to, true);
    return go(tl, to, here - begin >= n ? TIMELINE_DONE : TIMELINE_AT_BEGIN, s, err);
}

int timeline_to_begin(struct timeline *tl, struct timeline_stopped *s, struct error *err)
{
    *s = (struct timeline_stopped){0};
    tl_begin_op(tl, tl_line(tl)->begin, true);
    return go(tl, tl_line(tl)->begin, TIMELINE_AT_BEGIN, s, err);
}

int timeline_to_end(struct timeline *tl, struct timeline_stopped *s, struct error *err)
{
    *s = (struct timeline_stopped){0};
    tl_begin_op(tl, tl_line(tl)->end, false);
    return go(tl, tl_line(tl)->end, TIMELINE_AT_END, s, err);
}

/* ---------------------------------------------------------------- forwards */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void look_for(struct timeline *tl, uint32_t classes, bool last, uint64_t begin, uint64_t end)
{
    tl->sight = (struct sight){.classes = classes, .last = last, .begin = begin, .end = end};
    tl_look_out(tl);
}

/* The position after an event at `icount`. */
static uint64_t after_event(const struct timeline *tl, const struct sight *s, uint64_t end)
{
    return least(s->event.icount + 1, end);
}

/* The run ended with `r`; an event from the run, or from the record (`ahead`), may come before that. */
static int forward_result(struct timeline *tl, enum ran r, const struct stop *stop, const struct sight *ahead,
                          uint64_t limit, struct timeline_stopped *s, struct error *err)
{
    struct sight seen = tl->sight;
    uint64_t end = tl_line(tl)->end, here = tl_here(tl);
    if (r == RAN_ERROR)
        return -1;
    if (seen.found && (after_event(tl, &seen, end) < here || r != RAN_HIT)) {
        if (tl_go_surely(tl, least(after_event(tl, &seen, end), here), err))
            return -1;
        return event_result(tl, s, &seen);
    }
    switch (r) {
    case RAN_HIT:
        if (!tl->settled && tl_go_surely(tl, here, err))
            return -1;
        fill_hit(tl, s, stop);
        return result(tl, s, hit_reason(stop));
    case RAN_INTERRUPTED:
        return result(tl, s, TIMELINE_INTERRUPTED);
    case RAN_ENDED:
        return ended(tl, s, stop);
    default:
        if (ahead->found && after_event(tl, ahead, end) == here)
            return event_result(tl, s, ahead);
        return result(tl, s, here == limit && here < end ? TIMELINE_DONE : TIMELINE_AT_END);
    }
}

enum ran tl_pass(struct timeline *tl, uint64_t to, struct stop *stop, struct error *err)
{
    bool short_seeks = tl->short_seeks;
    tl->short_seeks = true;
    enum ran r = tl_go(tl, to, stop, err);
    tl->short_seeks = short_seeks;
    return r;
}

/* Runs the parts on the way to `target` that can hold a hit. */
static enum ran run_parts(struct timeline *tl, uint64_t target, const struct stop_point *points, size_t n,
                          struct stop *stop, struct error *err)
{
    uint64_t first = tl_here(tl) + 1;
    uint32_t classes = tl->sight.classes;
    enum ran r = RAN_THERE;
    tl_learn_for(tl, points, n);
    while (r == RAN_THERE && tl_here(tl) < target) {
        if (atomic_load(&tl->interrupted))
            return RAN_INTERRUPTED;
        uint64_t here = tl_here(tl), to = classes ? here : tl_skip_forward(tl, points, n, here, target);
        if (to == target)
            return tl_go(tl, target, stop, err);
        if (to > here)
            r = tl_pass(tl, to, stop, err);
        if (r != RAN_THERE)
            break;
        tl_arm(tl, points, n);
        uint64_t end = classes ? NOWHERE : tl_part_end(tl, to);
        r = tl_run(tl, least(target, end), first, end == NOWHERE ? LAY_EVERY : LAY_SEARCH, stop, err);
    }
    return r;
}

static int forward(struct timeline *tl, uint64_t limit, struct timeline_stopped *s, struct error *err)
{
    uint64_t here = tl_here(tl), end = tl_line(tl)->end, target = least(limit, end);
    struct stop stop;
    size_t n;
    if (here >= target)
        return result(tl, s, here >= end ? TIMELINE_AT_END : TIMELINE_DONE);
    tl_begin_op(tl, target, false);
    if (tl_nearest_event(tl, TIMELINE_FORWARD, here, err) < 0)
        return -1;
    struct sight ahead = tl->sight;
    if (ahead.found)
        target = least(target, after_event(tl, &ahead, end));
    struct stop_point *points = tl_engine_stops(tl, &n);
    look_for(tl, tl_unindexed_classes(tl), false, here, NOWHERE);
    enum ran r;
    if (!n && !tl->sight.classes) {
        r = tl_go(tl, target, &stop, err); /* there are no hits on the way */
    } else {
        r = run_parts(tl, target, points, n, &stop, err);
        if (r != RAN_SEEN)
            tl_flush_folds(tl);
    }
    free(points);
    tl->sight.classes = 0;
    return forward_result(tl, r, &stop, &ahead, limit, s, err);
}

int timeline_live(struct timeline *tl, uint64_t steps, uint64_t time, uint64_t *wake,
                  struct timeline_stopped *s, struct error *err)
{
    const struct sight nothing = {.found = false};
    uint64_t here = tl_here(tl), limit = here + steps < here ? NOWHERE : here + steps;
    struct stop stop;
    size_t n;
    *s = (struct timeline_stopped){0};
    timeline_divert(tl);
    *wake = NOWHERE;
    if (timeline_off(tl)) {
        s->engine = STOP_POWER_OFF;
        return result(tl, s, TIMELINE_ENDED);
    }
    tl_begin_op(tl, limit, false);
    struct stop_point *points = tl_engine_stops(tl, &n);
    tl_arm(tl, points, n);
    free(points);
    tl->live = true;
    tl->live_time = time;
    look_for(tl, tl_unindexed_classes(tl), false, here, NOWHERE);
    enum ran r = tl_run(tl, limit, here + 1, LAY_EVERY, &stop, err);
    tl->live = false;
    tl->sight.classes = 0;
    *wake = stop.wake;
    if (r == RAN_ENDED && stop.reason == STOP_IDLE && !tl->sight.found)
        return result(tl, s, TIMELINE_DONE);
    return forward_result(tl, r, &stop, &nothing, limit, s, err);
}

/* ---------------------------------------------------------------- backwards */

struct search {
    const struct stop_point *points;
    size_t n;
    uint32_t classes;
    uint64_t low, high; /* positions from low on and before high are still to be searched */
    bool found;
    uint64_t at; /* position of the last hit known */
    struct stop stop;
    bool by_event;
    struct sight seen;
};

static void search_hit(struct search *q, uint64_t at, const struct stop *stop)
{
    if (at < q->low || at >= q->high || (q->found && at < q->at))
        return;
    q->found = true;
    q->by_event = false;
    q->at = at;
    q->stop = *stop;
}

/* There are too many hits to visit all: the last one so far is the answer if the rest has none, and the rest
 * is divided so that its end is searched first. */
static enum ran cut_rest(struct timeline *tl, struct search *q, struct stop *stop, struct error *err)
{
    uint64_t here = tl_here(tl);
    tl_lay(tl);
    tl_arm(tl, NULL, 0);
    enum ran r = tl_run(tl, here + (q->high - here) / 16 * 15, NOWHERE, LAY_NOTHING, stop, err);
    if (r == RAN_THERE)
        tl_lay(tl);
    return r == RAN_THERE ? RAN_SEEN : r;
}

/* Runs over the stretch from here to q->high. RAN_THERE: all of it was searched. RAN_SEEN: it was divided. */
static enum ran search_stretch(struct timeline *tl, struct search *q, struct error *err)
{
    struct stop stop;
    uint64_t first = tl_here(tl);
    unsigned hits = 0;
    enum ran r;
    tl_arm(tl, q->points, q->n);
    look_for(tl, q->classes, true, q->low, q->high);
    while ((r = tl_run(tl, q->high, first, LAY_SEARCH, &stop, err)) == RAN_HIT) {
        uint64_t here = tl_here(tl);
        search_hit(q, stop.reason == STOP_WATCHPOINT ? here - 1 : here, &stop);
        if (here >= q->high)
            return RAN_THERE;
        if (++hits > MANY_HITS && q->high - here > WORTH_IT && !q->classes)
            return cut_rest(tl, q, &stop, err);
    }
    if (r == RAN_THERE)
        tl_flush_folds(tl);
    if (r == RAN_ENDED)
        q->stop = stop;
    return r;
}

static void take_seen(struct timeline *tl, struct search *q)
{
    if (!tl->sight.found || (q->found && tl->sight.event.icount < q->at))
        return;
    q->found = q->by_event = true;
    q->at = tl->sight.event.icount;
    q->seen = tl->sight;
}

/* Searches stretch by stretch, the last one first. */
static enum ran search_back(struct timeline *tl, struct search *q, struct error *err)
{
    tl_learn_for(tl, q->points, q->n);
    while (q->high > q->low) {
        if (atomic_load(&tl->interrupted))
            return RAN_INTERRUPTED;
        if (!q->classes)
            q->high = tl_skip_back(tl, q->points, q->n, q->high, q->low);
        if (q->high <= q->low)
            break;
        uint64_t from = tl_nearest(tl, q->high - 1);
        tl->op.examined = tl->op.from - q->high;
        if (from == NOWHERE) {
            error_set(err, "there is no checkpoint before icount %llu", (unsigned long long)q->high);
            return RAN_ERROR;
        }
        if (tl_restore(tl, from, err))
            return RAN_ERROR;
        enum ran r = search_stretch(tl, q, err);
        if (r == RAN_THERE) {
            take_seen(tl, q);
            if (q->found && q->at >= from)
                return RAN_HIT; /* hits found before a division are farther back */
            q->high = from;
        } else if (r == RAN_SEEN) {
            if (q->found)
                q->low = q->at;
        } else {
            return r;
        }
    }
    return q->found ? RAN_HIT : RAN_THERE;
}

static int backward_hit(struct timeline *tl, const struct search *q, struct timeline_stopped *s,
                        struct error *err)
{
    tl->to_learn = ACCESSES_NONE;
    if (tl_go_surely(tl, q->at, err))
        return -1;
    if (q->by_event)
        return event_result(tl, s, &q->seen);
    fill_hit(tl, s, &q->stop);
    return result(tl, s, hit_reason(&q->stop));
}

/* `ahead`: a recorded event at q->low, or nothing. */
static int backward_result(struct timeline *tl, enum ran r, const struct search *q, const struct sight *ahead,
                           struct timeline_stopped *s, struct error *err)
{
    uint64_t begin = tl_line(tl)->begin;
    tl->sight.classes = 0;
    switch (r) {
    case RAN_HIT:
        return backward_hit(tl, q, s, err);
    case RAN_INTERRUPTED:
        return tl_go_surely(tl, q->high, err) ? -1 : result(tl, s, TIMELINE_INTERRUPTED);
    case RAN_ENDED:
        return ended(tl, s, &q->stop);
    case RAN_ERROR:
        return -1;
    default:
        break;
    }
    if (ahead->found)
        return tl_go_surely(tl, ahead->event.icount, err) ? -1 : event_result(tl, s, ahead);
    return go(tl, q->low, q->low == begin ? TIMELINE_AT_BEGIN : TIMELINE_DONE, s, err);
}

static int backward(struct timeline *tl, struct search *q, uint64_t limit, struct sight *ahead,
                    struct timeline_stopped *s, struct error *err)
{
    uint64_t here = tl_here(tl), begin = tl_line(tl)->begin;
    if (here <= begin || here <= limit)
        return result(tl, s, here <= begin ? TIMELINE_AT_BEGIN : TIMELINE_DONE);
    q->high = here;
    q->low = limit > begin ? limit : begin;
    tl_begin_op(tl, q->low, true);
    if (ahead->found && ahead->event.icount >= q->low)
        q->low = ahead->event.icount;
    else
        ahead->found = false;
    enum ran r = q->n || q->classes ? search_back(tl, q, err) : RAN_THERE;
    return backward_result(tl, r, q, ahead, s, err);
}

static int backward_stops(struct timeline *tl, uint64_t limit, struct timeline_stopped *s, struct error *err)
{
    if (tl_nearest_event(tl, TIMELINE_BACK, tl_here(tl), err) < 0)
        return -1;
    struct sight ahead = tl->sight;
    struct search q = {.classes = tl_unindexed_classes(tl)};
    struct stop_point *points = tl_engine_stops(tl, &q.n);
    q.points = points;
    int rc = backward(tl, &q, limit, &ahead, s, err);
    free(points);
    return rc;
}

static int last_write(struct timeline *tl, enum stop_kind kind, uint64_t address, uint64_t length,
                      struct timeline_stopped *s, struct error *err)
{
    const struct stop_point point = {.id = UINT32_MAX, .kind = kind, .address = address, .length = length};
    struct search q = {.points = &point, .n = 1};
    struct sight nothing = {.found = false};
    *s = (struct timeline_stopped){0};
    if (!length || address + length - 1 < address)
        return error_set(err,
                         "last write to %llu bytes at %#llx: give at least 1 byte, and an end within memory",
                         (unsigned long long)length, (unsigned long long)address);
    int rc = backward(tl, &q, 0, &nothing, s, err);
    s->id = 0;
    if (!rc && s->reason == TIMELINE_WATCHPOINT)
        s->watched = address;
    return rc;
}

int timeline_last_write(struct timeline *tl, uint64_t address, uint64_t length, struct timeline_stopped *s,
                        struct error *err)
{
    return last_write(tl, STOPS_WRITE, address, length, s, err);
}

int timeline_last_write_physical(struct timeline *tl, uint64_t address, uint64_t length,
                                 struct timeline_stopped *s, struct error *err)
{
    return last_write(tl, STOPS_WRITE_PHYSICAL, address, length, s, err);
}

/* ---------------------------------------------------------------- continue */

int timeline_continue_to(struct timeline *tl, enum timeline_direction dir, uint64_t limit,
                         struct timeline_stopped *s, struct error *err)
{
    *s = (struct timeline_stopped){0};
    return dir == TIMELINE_FORWARD ? forward(tl, limit, s, err) : backward_stops(tl, limit, s, err);
}

int timeline_continue(struct timeline *tl, enum timeline_direction dir, struct timeline_stopped *s,
                      struct error *err)
{
    return timeline_continue_to(tl, dir, dir == TIMELINE_FORWARD ? NOWHERE : 0, s, err);
}

int timeline_continue_n(struct timeline *tl, enum timeline_direction dir, uint64_t n, uint64_t *hits,
                        struct timeline_stopped *s, struct error *err)
{
    uint64_t got = 0;
    int rc;
    do {
        rc = timeline_continue(tl, dir, s, err);
        bool hit = s->reason == TIMELINE_BREAKPOINT || s->reason == TIMELINE_WATCHPOINT ||
                   s->reason == TIMELINE_EVENT;
        if (rc || !hit)
            break;
        got++;
    } while (got < n);
    if (hits)
        *hits = got;
    return rc;
}

void **timeline_keeps(struct timeline *tl, void (*release)(void *))
{
    tl->release = release;
    return &tl->kept;
}
