/* state.h - machine states in memory that share their pages. Private to the timeline.
 *
 * A state is the packed sections and a tree of pages: a table of leaves a region, LEAF pages a leaf. Leaves
 * and pages are counted and shared between states as long as they are equal; so a state costs its sections
 * and what differs from its neighbours. A page is a slot's content (region and index), NULL where it is all
 * zero or does not exist. A page that is in the trace as well has that id there, and its bytes may be let go
 * and read again.
 *
 * The store knows what the engine holds: `now`, as of the last capture or restore; and what changed since
 * then, the engine tells (engine_ops.save with the store's base). So restoring puts only pages that differ.
 */
#ifndef BOOTREEL_CORE_TIMELINE_STATE_H
#define BOOTREEL_CORE_TIMELINE_STATE_H

#include "core/engine.h"
#include "core/state.h"
#include "traces/trace.h"

enum { LEAF = 64 };

struct page {
    uint32_t refs;
    uint32_t id;   /* in the trace; 0: not there */
    uint64_t hash; /* what it adds to the state's; 0: not computed */
    uint8_t *data; /* NULL: let go (only with an id) */
};

struct leaf {
    uint32_t refs;
    struct page *page[LEAF];
};

struct branch {
    struct leaf **leaf; /* NULL: all zero */
    size_t n;
};

struct tree {
    struct branch *region; /* by the store's numbers */
    size_t n;
};

struct machine_state {
    struct tree tree;
    uint8_t *sections; /* packed, in the layout's order; NULL: no state */
};

/* How the engine's sections are laid out; learned at the first capture. */
struct section_layout {
    char *name;
    const struct field *fields; /* the engine's table */
    size_t nfields;
    size_t offset, size; /* in machine_state.sections */
};

struct store {
    struct engine *e;
    struct trace *t;
    char **regions;
    size_t nregions;
    struct section_layout *layout;
    size_t nlayout;
    size_t sections_size;
    struct tree now;           /* what the engine held at the last capture or restore */
    struct snapshot_base base; /* … which stands for it */
    bool known;                /* … false: not known, all of it must be put */
    uint64_t budget;           /* bytes; beyond it pages that can be read again are not kept */
    uint64_t used;
    uint64_t restores;
    struct state_hash *hash;
};

void store_init(struct store *s, struct engine *e, struct trace *t, uint64_t budget);
void store_free(struct store *s);

/* Fills *to (zeroed) with the engine's state. */
void store_capture(struct store *s, struct machine_state *to);
/* The present sections, packed; to be freed. */
uint8_t *store_sections(struct store *s);
/* Brings the engine to a state. -1: then the engine holds no sound state until another restore succeeds. */
int store_restore(struct store *s, const struct machine_state *from, struct error *err);
/* Forget what the engine holds: frees memory; the next restore puts everything. */
void store_forget(struct store *s);

/* Fills *to (zeroed) with checkpoint k of the trace. Pages are shared with the hints (may be NULL) where
 * equal, and are not read yet. */
int store_recorded(struct store *s, size_t k, const struct tree *hint, const struct tree *hint2,
                   struct machine_state *to, struct error *err);
/* `have` is the same state as `recorded` (their hashes are equal): pages of `have` take over the ids, and
 * `recorded` shares them. */
void store_identify(struct store *s, const struct machine_state *have, struct machine_state *recorded);
/* Lets go of the bytes of all pages of the tree that the trace has, and that are not in `keep`
 * (may be NULL). */
void store_let_go(struct store *s, struct tree *t, const struct tree *keep);

/* The state's hash (core/state.h). 0: a page could not be read. */
uint64_t store_hash(struct store *s, const struct machine_state *m);

void machine_state_free(struct store *s, struct machine_state *m);

#endif
