/* stored.c - see stored.h. */
#include <stdlib.h>

#include "core/run/state.h"
#include "core/run/stored.h"
#include "traces/memory.h"
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

void stored_index_begin(const struct stored_index *x)
{
    struct touched_set before;
    if (x)
        x->e->ops->touched(x->e, &before);
}

static bool same_page(const struct touched *a, const struct touched *b)
{
    return a->linear == b->linear && a->physical == b->physical;
}

/* Which lines of a page were written is only followed while that pays, by what was written before; so a run from a checkpoint may not
 * know what the recorder knew, or the reverse. Where both know it, one of them may have begun with the period and the other with the
 * processors' first write to the page: then the first has also what devices had written there by then. */
static bool same_lines(const struct stored_index *x, enum touch k, const struct touched *a,
                       const struct touched *b)
{
    if (k == TOUCH_EXECUTED || x->from_start)
        return touched_same(a, b);
    return !a->cells || !b->cells || touched_within(a, b) || touched_within(b, a);
}

static bool same_sets(const struct stored_index *x, const struct touched_set *a, const struct touched_set *b)
{
    for (unsigned k = 0; k < TOUCHES; k++) {
        bool same = a->n[k] == b->n[k];
        for (size_t i = 0; same && i < a->n[k]; i++)
            same =
                same_page(&a->page[k][i], &b->page[k][i]) && same_lines(x, k, &a->page[k][i], &b->page[k][i]);
        if (!same)
            return false;
    }
    return true;
}

/* Whether all pages and lines of `is` are among those of `may`. */
static bool covers(const struct stored_index *x, const struct touched_set *may, const struct touched_set *is)
{
    for (unsigned k = 0; k < TOUCHES; k++)
        for (size_t i = 0, at = 0; i < is->n[k]; i++) {
            const struct touched *page = &is->page[k][i];
            while (at < may->n[k] && !same_page(&may->page[k][at], page))
                at++;
            const bool known = k == TOUCH_EXECUTED || page->cells || x->from_start;
            if (at == may->n[k] || (known && page->lines & ~may->page[k][at].lines))
                return false;
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
    const long part = touched_part_to(x->index, trace_checkpoint(x->t, k)->icount);
    if (part < 0) /* a trace need not have each */
        return 0;
    touched_part(x->index, (size_t)part, &begin, &end, &recorded);
    if (begin == trace_checkpoint(x->t, k - 1)->icount &&
        (touched_is_exact(x->index) ? same_sets(x, &recorded, &is) : covers(x, &recorded, &is)))
        return 0;
    return trace_checkpoint_error(
        x->t, k,
        "the index for searches before it is not what the run touches: write it anew with bootreel annotate",
        err);
}
