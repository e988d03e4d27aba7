/* checkpoints.c - which states are kept in memory.
 *
 * They are dense near the current position, and exponentially farther apart with the distance from it. The
 * trace's own checkpoints are loaded as states when they are used, and kept. When the budget is exceeded,
 * first the bytes of pages that can be read again are dropped, then the farthest states.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/timeline/private/impl.h"
#include "core/timeline/private/tree.h"

/* How many recorded checkpoints are loaded at a time when going back, since the reader starts from the first
 * one each time. */
enum { BATCH = 16 };

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

uint64_t tl_points(const struct timeline *tl)
{
    return tl->record.n + tl->divert.n;
}

/* ---------------------------------------------------------------- points of a line */

/* The number of points at or before icount. */
static size_t points_to(const struct line *l, uint64_t icount)
{
    return SORTED_ABOVE(l->point, l->n, icount, icount);
}

static void remove_point(struct timeline *tl, struct line *l, size_t i)
{
    assert(i < l->n);
    machine_state_free(&tl->store, &l->point[i].state);
    memmove(&l->point[i], &l->point[i + 1], (l->n - i - 1) * sizeof l->point[0]);
    l->n--;
}

void tl_line_cut(struct timeline *tl, struct line *l, uint64_t icount)
{
    while (l->n && l->point[l->n - 1].icount > icount)
        remove_point(tl, l, l->n - 1);
}

void tl_line_clear(struct timeline *tl, struct line *l)
{
    while (l->n)
        remove_point(tl, l, l->n - 1);
    free(l->point);
    *l = (struct line){.end = NOWHERE};
}

static uint64_t outside(uint64_t a, uint64_t c, uint64_t here)
{
    return here > c ? here - c : here < a ? a - here : 0;
}

/* How far the stretch from a to c is from the current position, or from the nearest of the prepared
 * positions. */
static uint64_t away(const struct timeline *tl, uint64_t a, uint64_t c, uint64_t here)
{
    uint64_t least = outside(a, c, here);
    for (size_t i = 0; i < tl->nanchors && !tl->diverted; i++)
        if (outside(a, c, tl->anchor[i]) < least)
            least = outside(a, c, tl->anchor[i]);
    return least;
}

/* Whether point i can be dropped: its neighbours are close enough to each other for their distance from
 * the position. */
static bool superfluous(const struct timeline *tl, const struct line *l, size_t i, uint64_t here)
{
    assert(i && i + 1 < l->n && "a point at an end has one neighbour");
    uint64_t a = l->point[i - 1].icount, c = l->point[i + 1].icount;
    return c - a < away(tl, a, c, here) / 2;
}

static void thin(struct timeline *tl, struct line *l, uint64_t here)
{
    assert(!l->n || l->point[0].icount >= l->begin);
    for (size_t i = 1; i + 1 < l->n;)
        if (superfluous(tl, l, i, here))
            remove_point(tl, l, i);
        else
            i++;
}

static void insert_point(struct timeline *tl, struct line *l, size_t at, uint64_t icount)
{
    assert(tl->settled && "what is kept is the state of its position");
    assert((!at || l->point[at - 1].icount < icount) && (at == l->n || l->point[at].icount > icount));
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->point = mem_resize(l->point, l->cap * sizeof *l->point);
    }
    memmove(&l->point[at + 1], &l->point[at], (l->n - at) * sizeof l->point[0]);
    l->n++;
    l->point[at] = (struct point){.icount = icount, .next_input = tl->feed.next};
    store_capture(&tl->store, &l->point[at].state);
}

/* Whether a state may be kept. If the engine's content is not known, all of its memory would have to be
 * copied, which is done only for a line's first state. */
static bool may_lay(const struct timeline *tl, const struct line *l)
{
    return tl->settled && (tl->store.known || !l->n);
}

void tl_lay(struct timeline *tl)
{
    struct line *l = tl_line(tl);
    uint64_t here = tl_here(tl);
    size_t at = points_to(l, here);
    if (!may_lay(tl, l) || (at && l->point[at - 1].icount == here))
        return;
    insert_point(tl, l, at, here);
    thin(tl, l, here);
    tl_fit_budget(tl);
}

/* ---------------------------------------------------------------- checkpoints of the trace */

long tl_recorded_from(const struct timeline *tl, uint64_t icount)
{
    long k = trace_checkpoint_find(tl->t, icount);
    if (k < 0 || trace_checkpoint(tl->t, (size_t)k)->icount != icount)
        k++;
    return (size_t)k < tl->nrecorded ? k : -1;
}

static const struct tree *loaded_neighbour(const struct timeline *tl, size_t k, int step)
{
    for (long i = (long)k + step; i >= 0 && (size_t)i < tl->nrecorded; i += step)
        if (tl->recorded[i].sections)
            return &tl->recorded[i].tree;
    return NULL;
}

static int load_one(struct timeline *tl, size_t k, struct error *err)
{
    assert(k < tl->nrecorded);
    if (tl->recorded[k].sections)
        return 0;
    const struct tree *before = loaded_neighbour(tl, k, -1), *after = loaded_neighbour(tl, k, 1);
    return store_recorded(&tl->store, k, before ? before : &tl->store.now, after, &tl->recorded[k], err);
}

/* The reader is fast only in ascending order, so some checkpoints before this one are loaded on the way. 1; 0
 * if `go_on` (which may be NULL) ended it; -1. */
static int load_recorded(struct timeline *tl, size_t k, bool (*go_on)(void *ctx), struct error *err)
{
    if (tl->recorded[k].sections)
        return 1;
    bool back = k + 1 < tl->nrecorded && tl->recorded[k + 1].sections;
    for (size_t i = back && k > BATCH ? k - BATCH : k; i <= k; i++) {
        if (load_one(tl, i, err))
            return -1;
        if (go_on && !go_on(tl))
            return 0;
    }
    return 1;
}

/* The hash of the state at the recorded checkpoint k, which has been run to. Its pages are compared with those of the
 * checkpoint before it that is loaded: the run mostly comes from there, and most pages are not even read. */
static uint64_t hash_at(struct timeline *tl, size_t k, const struct machine_state *have)
{
    size_t i = k;
    while (i && !tl->recorded[i - 1].sections)
        i--;
    return i ? store_hash(&tl->store, have, &tl->recorded[i - 1], trace_checkpoint(tl->t, i - 1)->hash)
             : store_hash(&tl->store, have, NULL, 0);
}

void tl_start(struct timeline *tl)
{
    if (tl->store.known || !tl->settled || tl->diverted || tl_here(tl) || !replay_first_state(tl->t))
        return;
    free(store_sections(&tl->store));
    tl_pass_recorded(tl, 0);
}

void tl_pass_recorded(struct timeline *tl, size_t k)
{
    struct store *s = &tl->store;
    struct machine_state have = {0};
    struct error err;
    assert(k < tl->nrecorded && !tl->diverted && "only the recorded run passes recorded states");
    if (!tl->settled || !s->known)
        return;
    bool identified = false;
    const bool hashes = !tl->warning.text[0]; /* else this state, too, may differ from the recorded one */
    (hashes ? store_capture_hashes : store_capture)(s, &have);
    if (!tl->recorded[k].sections)
        store_recorded(s, k, &have.tree, loaded_neighbour(tl, k, -1), &tl->recorded[k], &err);
    if (hash_at(tl, k, &have) != trace_checkpoint(tl->t, k)->hash) {
        error_set(&tl->warning,
                  "the replay is not the recorded run: the state at the checkpoint at icount %llu differs",
                  (unsigned long long)tl_here(tl));
    } else if (tl->recorded[k].sections) {
        store_identify(s, &have, &tl->recorded[k]);
        tree_free(s, &s->now);
        tree_copy(s, &s->now, &tl->recorded[k].tree);
        identified = true;
    }
    machine_state_free(s, &have);
    if (hashes && !identified)
        store_forget(s);
    tl_fit_budget(tl);
}

/* ---------------------------------------------------------------- finding and restoring */

static long recorded_at_or_before(const struct timeline *tl, uint64_t icount)
{
    long k = trace_checkpoint_find(tl->t, icount);
    return k >= (long)tl->nrecorded ? (long)tl->nrecorded - 1 : k;
}

uint64_t tl_nearest(struct timeline *tl, uint64_t icount)
{
    const struct line *l = tl_line(tl);
    size_t n = points_to(l, icount);
    uint64_t best = n ? l->point[n - 1].icount : NOWHERE;
    if (tl->diverted)
        return best;
    long k = recorded_at_or_before(tl, icount);
    uint64_t rec = k >= 0 ? trace_checkpoint(tl->t, (size_t)k)->icount : NOWHERE;
    if (best == NOWHERE || (rec != NOWHERE && rec > best))
        return rec;
    return best;
}

/* The line's point at that position, or NULL: it is a checkpoint of the trace. */
static const struct point *point_at(const struct line *l, uint64_t icount)
{
    size_t n = points_to(l, icount);
    return n && l->point[n - 1].icount == icount ? &l->point[n - 1] : NULL;
}

int tl_fetch(struct timeline *tl, uint64_t icount, bool (*go_on)(void *ctx), struct error *err)
{
    const struct point *p = point_at(tl_line(tl), icount);
    if (p)
        return store_fetch(&tl->store, &p->state, go_on, tl);
    long k = recorded_at_or_before(tl, icount);
    if (tl->diverted || k < 0)
        return 1;
    int rc = load_recorded(tl, (size_t)k, go_on, err);
    return rc == 1 ? store_fetch(&tl->store, &tl->recorded[k], go_on, tl) : rc;
}

int tl_restore(struct timeline *tl, uint64_t icount, struct error *err)
{
    const struct point *p = point_at(tl_line(tl), icount);
    int rc;
    tl->settled = false;
    tl_devices_lost(tl);
    tl_learn_lost(tl);
    if (p) {
        rc = store_restore(&tl->store, &p->state, err);
        tl->feed.next = p->next_input;
        assert((rc || tl_here(tl) == icount) && "a kept state is that of its position");
    } else {
        long k = recorded_at_or_before(tl, icount);
        if (tl->diverted || k < 0)
            return error_set(err, "there is no checkpoint at icount %llu", (unsigned long long)icount);
        rc = load_recorded(tl, (size_t)k, NULL, err) < 0 ? -1 : 0;
        if (!rc)
            rc = store_restore(&tl->store, &tl->recorded[k], err);
        if (!rc)
            rc = feed_seek(&tl->feed, icount, err);
        tl_fit_budget(tl);
    }
    tl->settled = !rc;
    if (!rc) {
        /* This makes no step, but it tells which processor runs. */
        const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
        struct stop stop;
        tl->e->ops->run(tl->e, &limit, &stop);
        tl->cpu = stop.cpu;
        tl_devices_here(tl);
        tl_learn_here(tl);
    }
    return rc;
}

/* ---------------------------------------------------------------- the budget */

static bool over(const struct timeline *tl)
{
    return tl->store.used > tl->budget;
}

/* The loaded recorded state that is farthest from here, or -1 if there is only the nearest. */
static long farthest_recorded(const struct timeline *tl, uint64_t here)
{
    long best = -1, near = recorded_at_or_before(tl, here);
    for (size_t i = 0; i < tl->nrecorded; i++) {
        if (!tl->recorded[i].sections || (long)i == near)
            continue;
        uint64_t d = distance(trace_checkpoint(tl->t, i)->icount, here);
        if (best < 0 || d > distance(trace_checkpoint(tl->t, (size_t)best)->icount, here))
            best = (long)i;
    }
    return best;
}

/* The point of the line that is farthest from here (and from what was prepared) and not pinned, or -1. */
static long farthest_point(const struct timeline *tl, const struct line *l, uint64_t here)
{
    long best = -1;
    uint64_t most = 0;
    for (size_t i = l->pinned ? 1 : 0; i < l->n; i++) {
        uint64_t d = away(tl, l->point[i].icount, l->point[i].icount, here);
        if (best < 0 || d > most) {
            best = (long)i;
            most = d;
        }
    }
    return best;
}

static bool drop_point(struct timeline *tl, struct line *l, uint64_t here)
{
    long i = farthest_point(tl, l, here);
    if (i >= 0)
        remove_point(tl, l, (size_t)i);
    return i >= 0;
}

/* Lets go of the bytes of pages that can be read again, but for those in `keep` (which may be NULL). */
static void let_go(struct timeline *tl, const struct tree *keep)
{
    for (size_t i = 0; i < tl->nrecorded; i++)
        if (tl->recorded[i].sections)
            store_let_go(&tl->store, &tl->recorded[i].tree, keep);
}

uint64_t tl_kept_most(const struct timeline *tl)
{
    enum { SHARE = 8 }; /* with more, hardly a move is faster (bench/README.md, "Memory") */
    return tl->budget / SHARE;
}

void tl_fit_budget(struct timeline *tl)
{
    struct store *s = &tl->store;
    uint64_t here = tl_here(tl);
    if (s->kept && s->used > tl_kept_most(tl)) {
        let_go(tl, NULL);
        store_let_go(s, &s->now, NULL);
        s->kept = false;
    }
    if (!over(tl))
        return;
    let_go(tl, &s->now);
    for (long i; over(tl) && (i = farthest_recorded(tl, here)) >= 0;)
        machine_state_free(s, &tl->recorded[i]);
    while (over(tl) && tl->diverted && drop_point(tl, &tl->record, tl->fork))
        ;
    while (over(tl) && tl_line(tl)->n > 2 && drop_point(tl, tl_line(tl), here))
        ;
    if (over(tl))
        store_let_go(s, &s->now, NULL);
    while (over(tl) && drop_point(tl, tl_line(tl), here))
        ;
    if (over(tl))
        store_forget(s);
}
