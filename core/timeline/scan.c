/* scan.c - all hits of a stop point in a stretch of the recorded run. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/timeline/private/impl.h"

struct scan {
    struct stop_point point;
    uint64_t from, to;
    timeline_hit_fn *fn;
    void *ctx;
};

static const struct {
    enum stop_kind kind;
    bool watch;
} kinds[] = {
    [TS_BREAK_LINEAR] = {STOPS_EXEC_LINEAR, false}, [TS_BREAK_PHYSICAL] = {STOPS_EXEC_PHYSICAL, false},
    [TS_WATCH_WRITE] = {STOPS_WRITE, true},         [TS_WATCH_READ] = {STOPS_READ, true},
    [TS_WATCH_ACCESS] = {STOPS_ACCESS, true},       [TS_WATCH_WRITE_PHYSICAL] = {STOPS_WRITE_PHYSICAL, true}};

void timeline_hit_trim(struct timeline_hit *hit)
{
    unsigned first = 0, end = hit->nbefore < hit->nafter ? hit->nbefore : hit->nafter;
    assert(end <= sizeof hit->before && end <= sizeof hit->after);
    if (!end)
        return;
    while (first < end && hit->before[first] == hit->after[first])
        first++;
    first = first < end ? first : 0;
    while (end > first + 1 && hit->before[end - 1] == hit->after[end - 1])
        end--;
    hit->from += first;
    hit->nbefore = hit->nafter = end - first;
    memmove(hit->before, hit->before + first, end - first);
    memmove(hit->after, hit->after + first, end - first);
}

static bool give_hit(struct timeline *tl, const struct scan *q, const struct stop *stop)
{
    bool watch = stop->reason == STOP_WATCHPOINT;
    assert((!watch || tl_here(tl)) && "an access is seen after its step");
    uint64_t here = tl_here(tl);
    struct timeline_hit hit = {.icount = watch ? here - 1 : here,
                               .time = tl->e->ops->time(tl->e),
                               .cpu = stop->cpu,
                               .pc = watch ? stop->pc : stop->address,
                               .address = stop->address,
                               .physical = stop->physical,
                               .size = stop->size,
                               .device = stop->device};
    if (hit.icount < q->from || hit.icount >= q->to)
        return true;
    if (watch) {
        hit.from = stop->nbefore ? stop->from : q->point.address;
        uint64_t left = q->point.length - (hit.from - q->point.address);
        uint64_t length = left < STOP_BYTES ? left : STOP_BYTES;
        hit.nbefore = stop->nbefore;
        memcpy(hit.before, stop->before, sizeof hit.before);
        hit.nafter = (unsigned)(q->point.kind == STOPS_WRITE_PHYSICAL
                                    ? tl->e->ops->peek_physical(tl->e, hit.from, hit.after, length)
                                    : tl->e->ops->peek(tl->e, stop->cpu, hit.from, hit.after, length));
    }
    return q->fn(q->ctx, &hit);
}

/* Scans from here to `to`. RAN_SEEN: fn ended the scan. */
static enum ran scan_stretch(struct timeline *tl, const struct scan *q, uint64_t to, struct stop *stop,
                             struct error *err)
{
    uint64_t first = tl_here(tl);
    assert(first <= to && !tl->diverted && "a scan goes forwards through the recorded run");
    enum ran r;
    tl_arm(tl, &q->point, 1);
    while ((r = tl_run(tl, to, first, LAY_NOTHING, stop, err)) == RAN_HIT)
        if (!give_hit(tl, q, stop))
            return RAN_SEEN;
    return r;
}

static enum ran scan(struct timeline *tl, const struct scan *q, struct stop *stop, struct error *err)
{
    uint64_t at = q->from;
    tl_learn_for(tl, &q->point, 1);
    while ((at = tl_skip_forward(tl, &q->point, 1, at, q->to)) < q->to) {
        if (atomic_load(&tl->interrupted))
            return RAN_INTERRUPTED;
        uint64_t end = tl_part_end(tl, at);
        enum ran r = tl_pass(tl, at, stop, err);
        if (r == RAN_THERE)
            r = scan_stretch(tl, q, end < q->to ? end : q->to, stop, err);
        if (r != RAN_THERE)
            return r;
        at = tl_here(tl);
    }
    return RAN_THERE;
}

int timeline_scan(struct timeline *tl, const struct timeline_stop *stop, uint64_t from, uint64_t to,
                  timeline_hit_fn *fn, void *ctx, struct timeline_stopped *s, struct error *err)
{
    struct stop how;
    *s = (struct timeline_stopped){0};
    if (tl->diverted)
        return error_set(err,
                         "a private run cannot be searched as a whole: go back to the recorded run first");
    if (stop->kind >= TS_EVENT)
        return error_set(err, "a scan is for instructions and accesses: events are in the record");
    if (kinds[stop->kind].watch && (!stop->length || stop->address + stop->length - 1 < stop->address))
        return error_set(err,
                         "a search of %llu bytes at %#llx: give at least 1 byte, and an end within memory",
                         (unsigned long long)stop->length, (unsigned long long)stop->address);
    const struct scan q = {.point = {.id = UINT32_MAX,
                                     .kind = kinds[stop->kind].kind,
                                     .address = stop->address,
                                     .length = stop->length},
                           .from = from,
                           .to = to < tl->last ? to : tl->last,
                           .fn = fn,
                           .ctx = ctx};
    tl_begin_op(tl, q.to, false);
    enum ran r = scan(tl, &q, &how, err);
    if (r == RAN_ERROR)
        return -1;
    if (r == RAN_ENDED)
        return error_set(err, "the replay stopped at icount %llu (%s): it is not the recorded run",
                         (unsigned long long)how.icount, how.text[0] ? how.text : stop_word(how.reason));
    if (r == RAN_INTERRUPTED)
        atomic_store(&tl->interrupted, false);
    s->reason = r == RAN_INTERRUPTED ? TIMELINE_INTERRUPTED : TIMELINE_DONE;
    s->icount = tl_here(tl);
    s->time = tl->e->ops->time(tl->e);
    return 0;
}
