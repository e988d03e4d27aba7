/* stored.c - see stored.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/run/state.h"
#include "core/run/stored.h"
#include "traces/touched.h"

struct storing {
    struct trace *t;
    struct state_hash *hash;
};

static void hash_section(void *ctx, const struct trace_section *s)
{
    const struct storing *st = ctx;
    state_hash_section(st->hash, s->name, s->data, s->len);
}

/* A page that is no longer there counts as one of zeros. */
static int hash_page(void *ctx, const char *region, uint64_t index, uint32_t id, struct error *err)
{
    const struct storing *st = ctx;
    const void *data = trace_page(st->t, id == TRACE_PAGE_ABSENT ? TRACE_PAGE_ZERO : id, err);
    if (!data)
        return -1;
    state_hash_page(st->hash, region, index, data);
    return 0;
}

static int check(struct storing *st, size_t k, struct error *err)
{
    const struct trace_changes to = {.ctx = st, .section = hash_section, .page = hash_page};
    const struct trace_checkpoint *c = trace_checkpoint(st->t, k);
    state_hash_begin(st->hash, !k);
    if (trace_checkpoint_changes(st->t, k, &to, err))
        return -1;
    if (state_hash_end(st->hash) == c->hash)
        return 0;
    return trace_checkpoint_error(st->t, k, "its state is not the one that was recorded", err);
}

int stored_states_check(struct trace *t, struct error *err)
{
    struct storing st = {t, state_hash_new()};
    int rc = 0;
    for (size_t k = 0; k < trace_checkpoint_count(t) && !rc; k++)
        rc = check(&st, k, err);
    state_hash_free(st.hash);
    trace_relax(t);
    return rc;
}

static void lay_section(void *ctx, const struct trace_section *s)
{
    const struct storing *st = ctx;
    for (size_t i = 0; i < s->nfields; i++)
        state_hash_field(st->hash, s->name, s->fields[i].name, s->fields[i].width, s->fields[i].count);
}

static int pass_page(void *ctx, const char *region, uint64_t index, uint32_t id, struct error *err)
{
    return 0;
}

int stored_layout(struct trace *t, size_t k, uint64_t *layout, struct error *err)
{
    struct storing st = {t, state_hash_new()};
    const struct trace_changes to = {.ctx = &st, .section = lay_section, .page = pass_page};
    state_hash_begin(st.hash, true);
    int rc = trace_checkpoint_changes(t, k, &to, err);
    *layout = state_hash_layout(st.hash);
    state_hash_free(st.hash);
    return rc;
}

/* ---------------------------------------------------------------- the index */

struct stored_index {
    struct trace *t;
    struct engine *e;
    struct touched_index *index;
    bool from_start;
};

int stored_index_open(struct trace *t, struct engine *e, bool from_start, struct stored_index **out,
                      struct error *err)
{
    *out = NULL;
    if (!e->ops->touched)
        return 0;
    struct touched_index *index = touched_index_read(t, err);
    if (!index)
        return -1;
    if (!touched_parts(index)) {
        touched_index_free(index);
        return 0;
    }
    *out = mem_zero(1, sizeof **out);
    **out = (struct stored_index){t, e, index, from_start};
    return 0;
}

void stored_index_close(struct stored_index *x)
{
    if (x)
        touched_index_free(x->index);
    free(x);
}

/* The part that begins is asked about what the record knows of it, unless the engine's own choice of pages must be the recorder's. */
static void ask(const struct stored_index *x, size_t k)
{
    struct touched_set recorded;
    uint64_t begin, end;
    const long part = k + 1 < trace_checkpoint_count(x->t)
                          ? touched_part_to(x->index, trace_checkpoint(x->t, k + 1)->icount)
                          : -1;
    if (part < 0 || (x->from_start && touched_is_exact(x->index)))
        return;
    touched_part(x->index, (size_t)part, &begin, &end, &recorded);
    x->e->ops->touched_ask(x->e, &recorded);
}

void stored_index_begin(const struct stored_index *x, size_t k)
{
    struct touched_set before;
    if (!x)
        return;
    x->e->ops->touched(x->e, &before);
    ask(x, k);
}

static bool same_page(const struct touched *a, const struct touched *b)
{
    return a->linear == b->linear && a->physical == b->physical;
}

/* The lines and cells written in a page, of which a run from a checkpoint knows two sets: `all` has what devices wrote there before the
 * processors did, `late` has not. The recorder has one of them (it may have followed the page from the last part on, or from the
 * processors' first write), or does not know. An earlier recorder may have more than it must. */
static bool fits_written(bool exact, const struct touched *recorded, const struct touched *all,
                         const struct touched *late)
{
    if (!touched_is_known(recorded))
        return true;
    if (!all->cells)
        return false;
    if (exact)
        return touched_same(recorded, all) || touched_same(recorded, late);
    return recorded->cells ? touched_within(late, recorded) : !(late->lines & ~recorded->lines);
}

static bool fits(const struct stored_index *x, enum touch k, const struct touched *recorded,
                 const struct touched_set *is, size_t i)
{
    const bool exact = touched_is_exact(x->index);
    if (k == TOUCH_WRITTEN && is->late)
        return fits_written(exact, recorded, &is->page[k][i], &is->late[i]);
    return exact ? touched_same(recorded, &is->page[k][i]) : !(is->page[k][i].lines & ~recorded->lines);
}

/* Whether the recorded set is that of the run. Of an earlier recorder it may have more pages. */
static bool fits_all(const struct stored_index *x, const struct touched_set *recorded,
                     const struct touched_set *is)
{
    for (unsigned k = 0; k < TOUCHES; k++) {
        size_t at = 0;
        if (touched_is_exact(x->index) && recorded->n[k] != is->n[k])
            return false;
        for (size_t i = 0; i < is->n[k]; i++) {
            while (at < recorded->n[k] && !same_page(&recorded->page[k][at], &is->page[k][i]))
                at++;
            if (at == recorded->n[k] || !fits(x, k, &recorded->page[k][at], is, i))
                return false;
        }
    }
    return true;
}

int stored_index_check(const struct stored_index *x, size_t k, struct error *err)
{
    struct touched_set is, recorded;
    uint64_t begin, end;
    if (!x)
        return 0;
    x->e->ops->touched(x->e, &is);
    ask(x, k);
    const long part = touched_part_to(x->index, trace_checkpoint(x->t, k)->icount);
    if (part < 0) /* a trace need not have each */
        return 0;
    touched_part(x->index, (size_t)part, &begin, &end, &recorded);
    if (fits_all(x, &recorded, &is))
        return 0;
    return trace_checkpoint_error(
        x->t, k,
        "the index for searches before it is not what the run touches: write it anew with bootreel annotate",
        err);
}
