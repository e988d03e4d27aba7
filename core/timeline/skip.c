/* skip.c - which parts of the recorded run can hold a hit (traces/touched.h). */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/impl.h"

/* A damaged index counts as none: the answers are the same. */
const struct touched_index *tl_index(struct timeline *tl)
{
    struct error ignored;
    if (tl->diverted || tl->no_index)
        return NULL;
    if (!tl->index) {
        tl->index = touched_index_read(tl->t, &ignored);
        tl->no_index = !tl->index || !touched_parts(tl->index);
        if (!tl->no_index)
            tl_learn_begin(tl);
    }
    return tl->no_index ? NULL : tl->index;
}

static bool may_hit(struct timeline *tl, const struct touched_index *x, size_t part,
                    const struct stop_point *p)
{
    switch (p->kind) {
    case STOPS_EXEC_LINEAR:
        return touched_linear(x, part, TOUCH_EXECUTED, p->address, 1);
    case STOPS_EXEC_PHYSICAL:
        return touched_physical(x, part, TOUCH_EXECUTED, p->address, 1);
    case STOPS_WRITE:
        return touched_linear(x, part, TOUCH_WRITTEN, p->address, p->length);
    case STOPS_READ:
    case STOPS_ACCESS:
        return touched_linear(x, part, TOUCH_ACCESSED, p->address, p->length);
    case STOPS_WRITE_PHYSICAL:
        return touched_physical(x, part, TOUCH_WRITTEN, p->address, p->length) ||
               tl_devices_wrote(tl, part, p->address, p->length);
    default:
        return true;
    }
}

/* Images are loaded in the first step, without an event. */
static bool may_load(uint64_t begin, const struct stop_point *p, size_t n)
{
    for (size_t i = 0; i < n && !begin; i++)
        if (p[i].kind == STOPS_WRITE_PHYSICAL)
            return true;
    return false;
}

/* Whether the step from `at` on is in a part that cannot hold a hit, or behind the only step of it that can; then the bounds of what
 * cannot. */
static bool barren(struct timeline *tl, const struct touched_index *x, const struct stop_point *p, size_t n,
                   uint64_t at, uint64_t *begin, uint64_t *end)
{
    struct touched_set set;
    long part = touched_part_at(x, at);
    if (part < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (may_hit(tl, x, (size_t)part, &p[i]))
            return false;
    touched_part(x, (size_t)part, begin, end, &set);
    *begin += may_load(*begin, p, n);
    return at >= *begin;
}

uint64_t tl_skip_forward(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at,
                         uint64_t limit)
{
    const struct touched_index *x = tl_index(tl);
    uint64_t begin, end;
    while (x && at < limit && barren(tl, x, p, n, at, &begin, &end))
        at = end;
    return at < limit ? at : limit;
}

uint64_t tl_skip_back(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at, uint64_t limit)
{
    const struct touched_index *x = tl_index(tl);
    uint64_t begin, end;
    while (x && at > limit && barren(tl, x, p, n, at - 1, &begin, &end))
        at = begin;
    return at > limit ? at : limit;
}

uint64_t tl_part_end(struct timeline *tl, uint64_t at)
{
    const struct touched_index *x = tl_index(tl);
    long part = x ? touched_part_at(x, at) : -1;
    struct touched_set set;
    uint64_t begin, end = NOWHERE;
    if (part >= 0)
        touched_part(x, (size_t)part, &begin, &end, &set);
    return end;
}
