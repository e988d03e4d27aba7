/* history_mtrr.c - who set the memory type range registers, and when: see history.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/history.h"
#include "core/origin/private/impl.h"

/* The registers at a position. */
struct mtrr_moment {
    uint64_t icount, value[PLATFORM_MTRRS];
};

struct halving {
    struct origin *o;
    struct history_mtrr *list;
};

static int look_at(struct origin *o, uint64_t icount, struct mtrr_moment *m, struct error *err)
{
    struct timeline_stopped s;
    m->icount = icount;
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    return platform_mtrr_values(timeline_look(o->tl), m->value) ? 0
                                                                : error_set(err, "this machine has no MTRRs");
}

/* Whether a register that is still looked for changes between the two. */
static bool changes(const struct halving *h, const struct mtrr_moment *low, const struct mtrr_moment *high)
{
    for (size_t i = 0; i < PLATFORM_MTRRS; i++)
        if (!h->list[i].found && low->value[i] != high->value[i])
            return true;
    return false;
}

/* The step from `low` on makes the change. */
static int take_step(struct halving *h, const struct mtrr_moment *low, const struct mtrr_moment *high,
                     struct error *err)
{
    struct timeline_where w;
    struct mtrr_moment again;
    if (look_at(h->o, low->icount, &again, err))
        return -1;
    timeline_where(h->o->tl, &w);
    const struct timeline_hit hit = {
        .icount = w.icount, .time = w.time, .cpu = w.cpu, .pc = timeline_pc(h->o->tl, w.cpu)};
    for (size_t i = 0; i < PLATFORM_MTRRS; i++) {
        struct history_mtrr *r = &h->list[i];
        if (r->found || low->value[i] == high->value[i])
            continue;
        *r = (struct history_mtrr){.value = r->value,
                                   .before = low->value[i],
                                   .found = true,
                                   .icount = w.icount,
                                   .time = w.time,
                                   .by = history_callers(h->o, &hit)};
    }
    return 0;
}

/* The later half first: the last change counts. */
static int halve(struct halving *h, const struct mtrr_moment *low, const struct mtrr_moment *high,
                 struct error *err)
{
    struct mtrr_moment middle;
    if (!changes(h, low, high))
        return 0;
    if (high->icount - low->icount == 1)
        return take_step(h, low, high, err);
    if (look_at(h->o, low->icount + (high->icount - low->icount) / 2, &middle, err) ||
        halve(h, &middle, high, err))
        return -1;
    return halve(h, low, &middle, err);
}

int history_mtrrs(struct origin *o, uint64_t icount, struct history_mtrr list[PLATFORM_MTRRS],
                  struct error *err)
{
    struct halving h = {o, list};
    struct mtrr_moment low, high;
    memset(list, 0, PLATFORM_MTRRS * sizeof *list);
    if (look_at(o, icount, &high, err) || look_at(o, 0, &low, err))
        return -1;
    for (size_t i = 0; i < PLATFORM_MTRRS; i++)
        list[i].value = high.value[i];
    if (!icount || !halve(&h, &low, &high, err))
        return 0;
    history_mtrrs_free(list);
    return -1;
}

void history_mtrrs_free(struct history_mtrr list[PLATFORM_MTRRS])
{
    for (size_t i = 0; i < PLATFORM_MTRRS; i++)
        free(list[i].by);
}
