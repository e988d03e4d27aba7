/* state.h - machine states in memory that share their pages. Private to the timeline.
 *
 * A state consists of the packed sections and a tree of pages: a table of leaves per region, LEAF pages per
 * leaf. Leaves and pages are counted and shared between states as long as they are equal; so a state costs
 * only its sections and what differs from its neighbours. A page is the content of a slot (region and index),
 * NULL where it is all zero or does not exist. A page that is also in the trace has its id there; its bytes
 * may be dropped and read again.
 *
 * The store knows what the engine holds: `now` is the content at the last capture or restore, and the
 * engine reports what changed since then (engine_ops.save with the store's base). So a restore puts only
 * the pages that differ.
 */
#ifndef BOOTREEL_CORE_TIMELINE_STATE_H
#define BOOTREEL_CORE_TIMELINE_STATE_H

#include "core/engine/engine.h"
#include "core/run/state.h"
#include "core/timeline/private/page_rooms.h"
#include "traces/trace.h"

enum { LEAF = 64 };

struct page {
    uint32_t refs;
    uint32_t id;   /* in the trace, or 0 */
    uint64_t hash; /* its part of the state's hash; 0 if not computed */
    uint8_t *data; /* NULL if dropped (only with an id) */
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
    /* in machine_state.sections; the byte before it is 0 if the state lacks the section (whose bytes are then
     * zero) */
    size_t offset, size;
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
    struct snapshot_base base; /* … and the base that stands for it */
    bool known;                /* … false: it is not known, and all pages must be put */
    uint64_t budget;           /* bytes: once states take more, pages that can be read again are not kept */
    uint64_t used;
    struct page_rooms rooms; /* of the bytes of pages */
    bool kept;               /* whether the bytes of some page may be kept that can be read again */
    uint64_t restores;
    struct state_hash *hash;
    struct error lost; /* a page that the engine fetched could not be read: why; empty: none */
};

void store_init(struct store *s, struct engine *e, struct trace *t, uint64_t budget);
void store_free(struct store *s);

/* Learns how the engine's sections are laid out. To be called before the others. */
void store_learn(struct store *s);
/* Fills *to (zeroed) with the engine's state. */
void store_capture(struct store *s, struct machine_state *to);
/* The same without the bytes of the pages that were changed: only their hashes. For a state that is expected to be one of the trace:
 * store_identify() must follow, or, if it is another, store_forget(). The engine's content must be known. */
void store_capture_hashes(struct store *s, struct machine_state *to);
/* The present sections, packed; to be freed. */
uint8_t *store_sections(struct store *s);
/* Reads the pages that restoring the state would have to read, as far as the budget allows. 1; 0 if `go_on`, which is
 * called every few ms, ended it. */
int store_fetch(struct store *s, const struct machine_state *from, bool (*go_on)(void *ctx), void *ctx);
/* Restores a state into the engine. After -1 the engine holds no valid state until another
 * restore succeeds. */
int store_restore(struct store *s, const struct machine_state *from, struct error *err);
/* Forgets what the engine holds, which frees memory; the next restore puts all pages. */
void store_forget(struct store *s);

/* Fills *to (zeroed) with checkpoint k of the trace. Pages that are equal are shared with the hints (which
 * may be NULL); the others are not read yet. */
int store_recorded(struct store *s, size_t k, const struct tree *hint, const struct tree *hint2,
                   struct machine_state *to, struct error *err);
/* `have` is the same state as `recorded` (their hashes are equal): gives the ids to the pages of `have`, and
 * makes `recorded` share them. */
void store_identify(struct store *s, const struct machine_state *have, struct machine_state *recorded);
/* Drops the bytes of all pages of the tree that are in the trace and not in `keep` (which may be NULL). */
void store_let_go(struct store *s, struct tree *t, const struct tree *keep);

/* The state's hash (core/run/state.h), or 0 if a page could not be read. With another state (or NULL), whose hash is given, only
 * the pages in which the two differ are looked at. */
uint64_t store_hash(struct store *s, const struct machine_state *m, const struct machine_state *other,
                    uint64_t other_hash);

void machine_state_free(struct store *s, struct machine_state *m);

#endif
