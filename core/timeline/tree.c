/* tree.c - see tree.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/timeline/private/tree.h"

/* What malloc adds. */
enum { OVERHEAD = 16 };

/* ---------------------------------------------------------------- pages */

struct page *page_new(struct store *s, uint32_t id)
{
    struct page *p = mem_zero(1, sizeof *p);
    *p = (struct page){.refs = 1, .id = id};
    s->used += sizeof *p + OVERHEAD;
    return p;
}

void page_let_go(struct store *s, struct page *p)
{
    if (!p->data)
        return;
    page_rooms_give_back(&s->rooms, p->data);
    p->data = NULL;
    s->used -= SNAPSHOT_PAGE;
}

void page_keep(struct store *s, struct page *p, const void *data)
{
    if (p->data)
        return;
    p->data = page_rooms_take(&s->rooms);
    memcpy(p->data, data, SNAPSHOT_PAGE);
    s->used += SNAPSHOT_PAGE;
}

static void page_drop(struct store *s, struct page *p)
{
    if (!p || --p->refs)
        return;
    page_let_go(s, p);
    free(p);
    s->used -= sizeof *p + OVERHEAD;
}

/* ---------------------------------------------------------------- leaves */

struct leaf *leaf_new(struct store *s)
{
    struct leaf *l = mem_zero(1, sizeof *l);
    l->refs = 1;
    s->used += sizeof *l + OVERHEAD;
    return l;
}

void leaf_drop(struct store *s, struct leaf *l)
{
    if (!l || --l->refs)
        return;
    for (unsigned i = 0; i < LEAF; i++)
        page_drop(s, l->page[i]);
    free(l);
    s->used -= sizeof *l + OVERHEAD;
}

static struct leaf *leaf_clone(struct store *s, const struct leaf *from)
{
    struct leaf *l = leaf_new(s);
    for (unsigned i = 0; i < LEAF; i++) {
        l->page[i] = from->page[i];
        if (l->page[i])
            l->page[i]->refs++;
    }
    return l;
}

/* ---------------------------------------------------------------- trees */

static struct branch *branch_of(struct store *s, struct tree *t, size_t region, size_t leaves)
{
    if (region >= t->n) {
        t->region = mem_resize(t->region, (region + 1) * sizeof *t->region);
        memset(t->region + t->n, 0, (region + 1 - t->n) * sizeof *t->region);
        t->n = region + 1;
    }
    struct branch *b = &t->region[region];
    if (leaves > b->n) {
        size_t n = leaves + b->n / 2;
        b->leaf = mem_resize(b->leaf, n * sizeof *b->leaf);
        memset(b->leaf + b->n, 0, (n - b->n) * sizeof *b->leaf);
        s->used += (n - b->n) * sizeof *b->leaf;
        b->n = n;
    }
    return b;
}

struct leaf *tree_leaf(const struct tree *t, size_t region, size_t leaf)
{
    return region < t->n && leaf < t->region[region].n ? t->region[region].leaf[leaf] : NULL;
}

struct page *tree_get(const struct tree *t, size_t region, uint64_t index)
{
    struct leaf *l = tree_leaf(t, region, (size_t)(index / LEAF));
    return l ? l->page[index % LEAF] : NULL;
}

void tree_set_leaf(struct store *s, struct tree *t, size_t region, size_t leaf, struct leaf *l)
{
    struct branch *b = branch_of(s, t, region, leaf + 1);
    leaf_drop(s, b->leaf[leaf]);
    b->leaf[leaf] = l;
}

void tree_set(struct store *s, struct tree *t, size_t region, uint64_t index, struct page *p)
{
    size_t at = (size_t)(index / LEAF);
    if (!p && !tree_leaf(t, region, at))
        return;
    struct leaf **l = &branch_of(s, t, region, at + 1)->leaf[at];
    if (!*l) {
        *l = leaf_new(s);
    } else if ((*l)->refs > 1) {
        struct leaf *own = leaf_clone(s, *l);
        leaf_drop(s, *l);
        *l = own;
    }
    struct page **slot = &(*l)->page[index % LEAF];
    page_drop(s, *slot);
    *slot = p;
}

void tree_copy(struct store *s, struct tree *to, const struct tree *from)
{
    *to = (struct tree){mem_zero(from->n + 1, sizeof *to->region), from->n};
    for (size_t r = 0; r < from->n; r++) {
        struct branch *b = &to->region[r];
        b->n = from->region[r].n;
        b->leaf = mem_alloc((b->n + 1) * sizeof *b->leaf);
        s->used += b->n * sizeof *b->leaf;
        for (size_t i = 0; i < b->n; i++) {
            b->leaf[i] = from->region[r].leaf[i];
            if (b->leaf[i])
                b->leaf[i]->refs++;
        }
    }
}

void tree_free(struct store *s, struct tree *t)
{
    for (size_t r = 0; r < t->n; r++) {
        for (size_t i = 0; i < t->region[r].n; i++)
            leaf_drop(s, t->region[r].leaf[i]);
        s->used -= t->region[r].n * sizeof t->region[r].leaf[0];
        free(t->region[r].leaf);
    }
    free(t->region);
    *t = (struct tree){0};
}

static void leaf_diff(const struct leaf *a, const struct leaf *b, uint64_t first, slot_fn *fn, void *ctx)
{
    for (unsigned i = 0; i < LEAF; i++) {
        struct page *x = a ? a->page[i] : NULL, *y = b ? b->page[i] : NULL;
        if (x != y)
            fn(ctx, first + i, x, y);
    }
}

void tree_diff(const struct tree *a, const struct tree *b, size_t region, slot_fn *fn, void *ctx)
{
    size_t na = region < a->n ? a->region[region].n : 0, nb = region < b->n ? b->region[region].n : 0;
    for (size_t i = 0; i < na || i < nb; i++) {
        const struct leaf *x = tree_leaf(a, region, i), *y = tree_leaf(b, region, i);
        if (x != y)
            leaf_diff(x, y, (uint64_t)i * LEAF, fn, ctx);
    }
}

/* ---------------------------------------------------------------- regions */

size_t store_region(struct store *s, const char *name)
{
    for (size_t i = 0; i < s->nregions; i++)
        if (!strcmp(s->regions[i], name))
            return i;
    MEM_MORE(s->regions, s->nregions);
    s->regions[s->nregions] = mem_string(name);
    return s->nregions++;
}
