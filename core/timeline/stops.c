/* stops.c - stop points: the list, the part of it that the engine watches for, and conditions. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/impl.h"

enum { MAX_STOPS = 100000 };

static int check_stop(const struct timeline_stop *s, struct error *err)
{
    bool watch = s->kind >= TS_WATCH_WRITE && s->kind <= TS_WATCH_WRITE_PHYSICAL;
    if (s->kind > TS_EVENT)
        return error_set(err, "there is no stop point of kind %d", (int)s->kind);
    if (watch && (!s->length || s->address + s->length - 1 < s->address))
        return error_set(
            err, "a watchpoint of %llu bytes at %#llx: give at least 1 byte, and an end within memory",
            (unsigned long long)s->length, (unsigned long long)s->address);
    if (s->kind == TS_EVENT && s->filter.n > EVENT_FILTER_CONDITIONS)
        return error_set(err, "an event filter of %u conditions: at most %d", s->filter.n,
                         EVENT_FILTER_CONDITIONS);
    return 0;
}

/* Classes of the engine's events that were left out of the record because they repeated (core/story/fold.h). */
static uint32_t folded_classes(struct trace *t)
{
    const uint32_t inspector = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) |
                               EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_SCHED) |
                               EVENT_CLASS_BIT(EC_DEVICE);
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FOLD));
    struct event ev;
    uint32_t classes = 0;
    while (trace_cursor_next(c, &ev, NULL, NULL) == 1)
        if (ev.kind == EV_AGAIN)
            classes |= (uint32_t)EVF(&ev, AGAIN, classes);
    trace_cursor_close(c);
    return classes & ~inspector & ~EVENT_CLASS_BIT(EC_FOLD);
}

int timeline_stop_add(struct timeline *tl, const struct timeline_stop *stop, unsigned *id, struct error *err)
{
    if (check_stop(stop, err))
        return -1;
    if (tl->nstops == MAX_STOPS)
        return error_set(err, "there are %d stop points already, and no more are possible: remove one",
                         MAX_STOPS);
    if (tl->nstops == tl->stops_cap) {
        tl->stops_cap = tl->stops_cap ? tl->stops_cap * 2 : 16;
        tl->stop = mem_resize(tl->stop, tl->stops_cap * sizeof *tl->stop);
    }
    if (stop->kind == TS_EVENT && !tl->folded_known) {
        tl->folded = folded_classes(tl->t);
        tl->folded_known = true;
    }
    *id = ++tl->next_id;
    assert(tl->nstops < tl->stops_cap && *id && "0 is no stop point's number");
    tl->stop[tl->nstops++] = (struct stop_entry){*id, *stop};
    return 0;
}

int timeline_stop_remove(struct timeline *tl, unsigned id)
{
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].id == id) {
            memmove(&tl->stop[i], &tl->stop[i + 1], (tl->nstops - i - 1) * sizeof tl->stop[0]);
            tl->nstops--;
            return 0;
        }
    return -1;
}

void timeline_stop_clear(struct timeline *tl)
{
    tl->nstops = 0;
}

bool timeline_stop_get(const struct timeline *tl, size_t i, struct timeline_stop *stop, unsigned *id)
{
    if (i >= tl->nstops)
        return false;
    *stop = tl->stop[i].stop;
    if (id)
        *id = tl->stop[i].id;
    return true;
}

const struct stop_entry *tl_stop_by_id(const struct timeline *tl, unsigned id)
{
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].id == id)
            return &tl->stop[i];
    return NULL;
}

struct stop_point *tl_engine_stops(const struct timeline *tl, size_t *n)
{
    static const enum stop_kind kinds[] = {
        [TS_BREAK_LINEAR] = STOPS_EXEC_LINEAR, [TS_BREAK_PHYSICAL] = STOPS_EXEC_PHYSICAL,
        [TS_WATCH_WRITE] = STOPS_WRITE,        [TS_WATCH_READ] = STOPS_READ,
        [TS_WATCH_ACCESS] = STOPS_ACCESS,      [TS_WATCH_WRITE_PHYSICAL] = STOPS_WRITE_PHYSICAL};
    struct stop_point *points = mem_zero(tl->nstops + 1, sizeof *points);
    *n = 0;
    for (size_t i = 0; i < tl->nstops; i++) {
        const struct stop_entry *s = &tl->stop[i];
        if (s->stop.kind != TS_EVENT)
            points[(*n)++] = (struct stop_point){.id = s->id,
                                                 .kind = kinds[s->stop.kind],
                                                 .address = s->stop.address,
                                                 .length = s->stop.length};
    }
    return points;
}

bool tl_indexed(const struct timeline *tl, const struct stop_entry *s)
{
    return !tl->diverted && !(event_filter_classes(&s->stop.filter) & ~trace_config(tl->t)->classes);
}

uint32_t tl_unindexed_classes(const struct timeline *tl)
{
    uint32_t classes = 0;
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].stop.kind == TS_EVENT)
            classes |= event_filter_classes(&tl->stop[i].stop.filter) &
                       (tl_indexed(tl, &tl->stop[i]) ? tl->folded : EVENT_CLASSES_ALL);
    return classes;
}

/* ---------------------------------------------------------------- conditions */

void timeline_set_condition(struct timeline *tl, timeline_condition_fn *fn, void *ctx)
{
    tl->condition = fn;
    tl->condition_ctx = ctx;
}

/* Whether an armed stop is a breakpoint at the instruction that the engine stopped before. */
static bool is_there(const struct timeline *tl, const struct stop_point *p, const struct stop *stop)
{
    const struct engine_ops *ops = tl->e->ops;
    if (p->kind == STOPS_EXEC_LINEAR)
        return p->address == stop->address;
    if (p->kind != STOPS_EXEC_PHYSICAL || !ops->view || !ops->view_physical)
        return false;
    const void *code = ops->view(tl->e, stop->cpu, stop->address, 1);
    return code && code == ops->view_physical(tl->e, p->address, 1);
}

bool tl_is_hit(const struct timeline *tl, struct stop *stop)
{
    const unsigned cpu = stop->task ? ENGINE_TASK + stop->task : stop->cpu;
    if (stop->reason != STOP_BREAKPOINT || !tl->condition || !tl_stop_by_id(tl, stop->id) ||
        tl->condition(tl->condition_ctx, stop->id, cpu))
        return true;
    for (size_t i = 0; i < tl->narmed; i++)
        if (tl->armed[i].id != stop->id && is_there(tl, &tl->armed[i], stop) &&
            tl->condition(tl->condition_ctx, tl->armed[i].id, cpu)) {
            stop->id = tl->armed[i].id;
            return true;
        }
    return false;
}
