/* probes.c - see probes.h.
 *
 * There is one engine stop per address, however many functions are called there; its id is
 * PROBE_FIRST_ID + the number of its point. Points are found by address through a hash table that is
 * rebuilt when it gets full.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/story/probes.h"

struct listener {
    unsigned id;
    probe_fn *fn; /* NULL: removed */
    void *ctx;
    struct listener *next;
};

struct point {
    enum probe_space space;
    uint64_t address;
    struct listener *first;
    bool halts;
};

struct probes {
    struct engine *e;
    struct point *points;
    size_t npoints;
    struct hash_index by_address;
    struct listener **by_id; /* [id - 1] */
    unsigned nids;
    bool changed;
};

struct probes *probes_new(struct engine *e)
{
    struct probes *p = mem_zero(1, sizeof *p);
    p->e = e;
    return p;
}

static void free_listeners(struct probes *p)
{
    for (unsigned i = 0; i < p->nids; i++)
        free(p->by_id[i]);
    free(p->by_id);
    free(p->points);
    hash_index_clear(&p->by_address);
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    free_listeners(p);
    free(p);
}

/* ---------------------------------------------------------------- points */

static size_t point_at(struct probes *p, enum probe_space space, uint64_t address)
{
    const uint64_t key[2] = {space, address}, hash = XXH3_64bits(key, sizeof key);
    for (struct hash_search s = hash_search(&p->by_address, hash); hash_found(&p->by_address, &s);)
        if (p->points[s.number].space == space && p->points[s.number].address == address)
            return s.number;
    MEM_MORE(p->points, p->npoints);
    p->points[p->npoints] = (struct point){.space = space, .address = address};
    hash_index_add(&p->by_address, hash, p->npoints);
    return p->npoints++;
}

static bool wanted(const struct point *q)
{
    for (const struct listener *l = q->first; l; l = l->next)
        if (l->fn)
            return true;
    return false;
}

unsigned probe_add(struct probes *p, enum probe_space space, uint64_t address, probe_fn *fn, void *ctx)
{
    struct listener *l = mem_zero(1, sizeof *l), **end;
    size_t at = point_at(p, space, address); /* moves the points */
    struct point *q = &p->points[at];
    for (end = &q->first; *end; end = &(*end)->next)
        ;
    if (!wanted(q)) /* what was removed is still in the list */
        p->changed = true;
    *end = l;
    MEM_MORE(p->by_id, p->nids);
    p->by_id[p->nids++] = l;
    *l = (struct listener){.id = p->nids, .fn = fn, .ctx = ctx};
    return l->id;
}

/* A removed listener stays in its list without a function, since it may be in use. */
void probe_remove(struct probes *p, unsigned id)
{
    if (!id || id > p->nids || !p->by_id[id - 1] || !p->by_id[id - 1]->fn)
        return;
    p->by_id[id - 1]->fn = NULL;
    p->changed = true;
}

void probes_halt(struct probes *p, enum probe_space space, uint64_t address, bool on)
{
    const size_t at = point_at(p, space, address); /* moves the points */
    struct point *q = &p->points[at];
    p->changed |= q->halts != on;
    q->halts = on;
}

bool probes_halted(const struct probes *p, const struct stop *stop, uint64_t *address)
{
    const size_t i = stop->id - PROBE_FIRST_HALT;
    if (stop->reason != STOP_BREAKPOINT || stop->id < PROBE_FIRST_HALT || i >= p->npoints)
        return false;
    *address = p->points[i].address;
    return true;
}

/* ---------------------------------------------------------------- the engine */

static struct stop_point stop_of(const struct point *q, unsigned id, bool report_only)
{
    return (struct stop_point){.id = id,
                               .kind = q->space == PROBE_PHYSICAL ? STOPS_EXEC_PHYSICAL : STOPS_EXEC_LINEAR,
                               .address = q->address,
                               .length = 1,
                               .report_only = report_only};
}

void probes_apply(struct probes *p)
{
    if (!p->changed)
        return;
    struct stop_point *stops = mem_zero(2 * p->npoints + 1, sizeof *stops);
    size_t n = 0;
    for (size_t i = 0; i < p->npoints; i++) {
        if (wanted(&p->points[i]))
            stops[n++] = stop_of(&p->points[i], PROBE_FIRST_ID + (unsigned)i, true);
        if (p->points[i].halts)
            stops[n++] = stop_of(&p->points[i], PROBE_FIRST_HALT + (unsigned)i, false);
    }
    p->e->ops->stops(p->e, stops, n);
    p->changed = false;
    free(stops);
}

bool probes_reached(struct probes *p, unsigned id, unsigned cpu, uint64_t icount)
{
    size_t i = id - PROBE_FIRST_ID;
    if (id < PROBE_FIRST_ID || i >= p->npoints)
        return false;
    const struct probe_hit hit = {
        .address = p->points[i].address, .cpu = cpu, .icount = icount, .time = p->e->ops->time(p->e)};
    /* Listeners that are added meanwhile are called the next time; `points` may move, listeners do not. */
    unsigned last = p->nids;
    for (struct listener *l = p->points[i].first; l; l = l->next)
        if (l->fn && l->id <= last)
            l->fn(l->ctx, &hit);
    return true;
}
