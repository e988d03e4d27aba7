/* learn.c - what processors read and wrote in the parts of the recorded run that were run through.
 *
 * The index of a trace (traces/touched.h) has no reads, and of what was written to busy pages only that. From the first search on, each
 * part that is run through from its beginning to its end tells all of it, and later searches pass over more parts; also those of later
 * processes, if there is a folder for it.
 */
#include <assert.h>

#include "core/timeline/private/impl.h"
#include "traces/touched_store.h"

void tl_learn_lost(struct timeline *tl)
{
    if (!tl->learning)
        return;
    tl->learning = false;
    tl->e->ops->accesses(tl->e, false, NULL);
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
    tl->e->ops->accesses(tl->e, false, &set);
    tl->learning = false;
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
    const long part = may_learn(tl) ? touched_part_at(tl->index, here) : -1;
    if (part < 0 || touched_learnt(tl->index, (size_t)part))
        return;
    touched_part(tl->index, (size_t)part, &begin, &end, &set);
    if (begin != here)
        return;
    tl->e->ops->accesses(tl->e, true, NULL);
    tl->learning = true;
    tl->learnt_part = (size_t)part;
    tl->learnt_end = end;
}
