/* prepare.c - making states near positions where somebody is likely to go next, while nothing else is to be done.
 */
#include <assert.h>

#include "core/timeline/private/impl.h"

enum { CLOSE = 1000000 }; /* so many steps take a few milliseconds */

/* Whether going to a position, and a step back from there, take only a short run from a state in memory. */
static bool is_close(struct timeline *tl, uint64_t icount)
{
    if (icount <= tl->record.begin)
        return true;
    uint64_t nearest = tl_nearest(tl, icount - 1);
    return nearest != NOWHERE && icount - nearest <= CLOSE;
}

/* Goes there from the last state before, so that states are made on the way. Where it is interrupted, a state is kept
 * too: the next call goes on from there. */
static enum ran approach(struct timeline *tl, uint64_t icount, struct error *err)
{
    uint64_t nearest = tl_nearest(tl, icount - 1), here = tl_here(tl);
    struct stop stop;
    if (nearest == NOWHERE)
        return RAN_THERE;
    assert(nearest < icount && !tl->diverted);
    enum ran r = RAN_THERE;
    if (here >= icount || here < nearest || !tl->settled)
        r = tl_restore_with_progress(tl, nearest, err);
    if (r != RAN_THERE)
        return r;
    tl_arm(tl, NULL, 0);
    r = tl_run(tl, icount, NOWHERE, LAY_TO_TARGET, &stop, err);
    if (r == RAN_INTERRUPTED)
        tl_lay(tl);
    return r;
}

static void set_anchors(struct timeline *tl, const uint64_t *icount, size_t n)
{
    assert(tl->settled && "one comes back to the present state");
    tl->anchor[0] = tl_here(tl);
    tl->nanchors = 1;
    for (size_t i = 0; i < n && tl->nanchors < ANCHORS; i++)
        tl->anchor[tl->nanchors++] = icount[i];
}

/* Goes back to the first position, where a state was kept unless the engine's content was not known. */
int tl_go_home(struct timeline *tl, uint64_t home, struct error *err)
{
    bool short_seeks = tl->short_seeks;
    tl->short_seeks = true;
    int rc = tl_go_surely(tl, home, err);
    tl->short_seeks = short_seeks;
    return rc;
}

void timeline_short_seeks(struct timeline *tl, bool on)
{
    tl->short_seeks = on;
}

int timeline_prepare(struct timeline *tl, const uint64_t *icount, size_t n, struct error *err)
{
    uint64_t home = tl_here(tl);
    unsigned cpu = tl->cpu;
    enum ran r = RAN_THERE;
    bool away = false;
    if (tl->diverted || !tl->settled)
        return 1;
    set_anchors(tl, icount, n);
    tl_lay(tl); /* to come back to, even if the trace is damaged */
    for (size_t i = 0; i < n && r == RAN_THERE; i++) {
        if (icount[i] > tl->last || is_close(tl, icount[i]))
            continue;
        away = true;
        tl->op = (struct timeline_progress){
            .icount = home, .from = home, .to = icount[i], .back = icount[i] < home};
        r = approach(tl, icount[i], err);
    }
    atomic_store(&tl->interrupted, false);
    if (away && tl_go_home(tl, home, err))
        return -1;
    tl->cpu = cpu;
    return r == RAN_ERROR ? -1 : r == RAN_INTERRUPTED ? 0 : 1;
}
