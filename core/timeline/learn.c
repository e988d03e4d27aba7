/* learn.c - what processors read and wrote in the parts of the recorded run that were run through.
 *
 * The index of a trace (traces/touched.h) has no reads, and of what was written to busy pages only that. A part that a search runs
 * through from its beginning to its end tells what it was searched for, writes or both, and later searches for such pass over more
 * parts; also those of later processes, if there is a folder for it. (To note reads takes time that only a search for them gets back.)
 */
#include <assert.h>

#include "core/timeline/private/impl.h"

void tl_learn_lost(struct timeline *tl)
{
    if (!tl->learning)
        return;
    tl->learning = ACCESSES_NONE;
    tl->e->ops->accesses(tl->e, ACCESSES_NONE, NULL);
}

/* Whether the run is the record's, as far as it is known. */
static bool may_learn(const struct timeline *tl)
{
    return tl->index && !tl->no_index && touched_may_learn(tl->index) && !tl->diverted &&
           tl->e->ops->accesses && !tl->warning.text[0];
}

static void keep(struct timeline *tl)
{
    struct accessed_set set;
    tl->e->ops->accesses(tl->e, ACCESSES_NONE, &set);
    tl->learning = ACCESSES_NONE;
    if (!may_learn(tl))
        return;
    touched_learn(tl->index, tl->learnt_part, &set);
    tl->learnt++;
}

void tl_learn_begin(struct timeline *tl)
{
    if (tl->kind->unpacked && tl->e->ops->accesses)
        touched_store_get(tl->kind->unpacked, tl->t, tl->index);
}

void tl_learn_for(struct timeline *tl, const struct stop_point *p, size_t n)
{
    tl->to_learn = ACCESSES_NONE;
    for (size_t i = 0; i < n; i++)
        if (p[i].kind == STOPS_READ || p[i].kind == STOPS_ACCESS)
            tl->to_learn = ACCESSES_ALL;
        else if ((p[i].kind == STOPS_WRITE || p[i].kind == STOPS_WRITE_PHYSICAL) && !tl->to_learn)
            tl->to_learn = ACCESSES_WRITES;
}

void tl_learn_end(struct timeline *tl)
{
    if (tl->learnt && tl->kind->unpacked)
        touched_store_keep(tl->kind->unpacked, tl->t, tl->index);
}

void tl_learn_here(struct timeline *tl)
{
    const uint64_t here = tl_here(tl);
    struct touched_set set;
    uint64_t begin, end;
    if (tl->learning && here < tl->learnt_end)
        return;
    if (tl->learning && here == tl->learnt_end)
        keep(tl);
    tl_learn_lost(tl);
    const long part = tl->to_learn && may_learn(tl) ? touched_part_at(tl->index, here) : -1;
    if (part < 0 || touched_learnt(tl->index, (size_t)part) >= tl->to_learn)
        return;
    touched_part(tl->index, (size_t)part, &begin, &end, &set);
    if (begin != here)
        return;
    tl->learning = tl->to_learn;
    tl->e->ops->accesses(tl->e, tl->learning, NULL);
    tl->learnt_part = (size_t)part;
    tl->learnt_end = end;
}

/* ---------------------------------------------------------------- while nothing else is to be done */

/* The nearest before the position, or otherwise the first behind it; -1: all are known. */
static long unknown_part(const struct timeline *tl)
{
    const size_t n = touched_parts(tl->index);
    const uint64_t here = tl_here(tl);
    const long at = touched_part_at(tl->index, here ? here - 1 : 0);
    const size_t before = at < 0 ? n : (size_t)at + 1;
    for (size_t i = before; i-- > 0;)
        if (touched_learnt(tl->index, i) != ACCESSES_ALL)
            return (long)i;
    for (size_t i = before; i < n; i++)
        if (touched_learnt(tl->index, i) != ACCESSES_ALL)
            return (long)i;
    return -1;
}

/* Runs through a part. */
static enum ran run_part(struct timeline *tl, size_t part, struct error *err)
{
    struct touched_set set;
    struct stop stop;
    uint64_t begin, end;
    touched_part(tl->index, part, &begin, &end, &set);
    if (tl_nearest(tl, begin) != begin)
        return RAN_ENDED; /* the checkpoint cannot be used */
    tl->op = (struct timeline_progress){.icount = begin, .from = begin, .to = end};
    enum ran r = tl_restore_with_progress(tl, begin, err);
    if (r != RAN_THERE)
        return r;
    tl_arm(tl, NULL, 0);
    return tl_run(tl, end, NOWHERE, LAY_NOTHING, &stop, err);
}

int timeline_learn(struct timeline *tl, struct error *err)
{
    const uint64_t home = tl_here(tl), budget = tl->store.budget;
    const unsigned cpu = tl->cpu;
    if (tl->diverted || !tl->settled || !tl_index(tl) || !may_learn(tl))
        return 1;
    const long part = unknown_part(tl);
    if (part < 0)
        return 1;
    tl_lay(tl); /* to come back to */
    if (tl->store.used < budget)
        tl->store.budget = tl->store.used; /* pages are read for this once: they need not be kept */
    tl->to_learn = ACCESSES_ALL;
    const enum ran r = run_part(tl, (size_t)part, err);
    tl->to_learn = ACCESSES_NONE;
    tl->store.budget = budget;
    atomic_store(&tl->interrupted, false);
    if (tl_go_home(tl, home, err))
        return -1;
    tl->cpu = cpu;
    if (r == RAN_ERROR)
        return -1;
    return r != RAN_INTERRUPTED && touched_learnt(tl->index, (size_t)part) != ACCESSES_ALL;
}
