/* tree.h - trees of shared pages. Private to the timeline; see state.h. */
#ifndef BOOTREEL_CORE_TIMELINE_TREE_H
#define BOOTREEL_CORE_TIMELINE_TREE_H

#include "core/timeline/private/state.h"

/* A page with one reference, without its bytes. */
struct page *page_new(struct store *s, uint32_t id);
/* Keeps a copy of a page's bytes (page_keep), or drops it, and accounts for it. */
void page_keep(struct store *s, struct page *p, const void *data);
void page_let_go(struct store *s, struct page *p);

struct page *tree_get(const struct tree *t, size_t region, uint64_t index);
/* Takes the reference to `p`. */
void tree_set(struct store *s, struct tree *t, size_t region, uint64_t index, struct page *p);
/* Puts a leaf; takes the reference. */
void tree_set_leaf(struct store *s, struct tree *t, size_t region, size_t leaf, struct leaf *l);
struct leaf *tree_leaf(const struct tree *t, size_t region, size_t leaf);
struct leaf *leaf_new(struct store *s);
void leaf_drop(struct store *s, struct leaf *l); /* NULL is allowed */
void tree_copy(struct store *s, struct tree *to, const struct tree *from);
void tree_free(struct store *s, struct tree *t);

/* Calls fn for each slot of the region in which a and b hold different pages. */
typedef void slot_fn(void *ctx, uint64_t index, struct page *a, struct page *b);
void tree_diff(const struct tree *a, const struct tree *b, size_t region, slot_fn *fn, void *ctx);

/* The region's number; a new one if it is not known yet. */
size_t store_region(struct store *s, const char *name);

#endif
