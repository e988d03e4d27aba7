/* stored.h - whether the states that a trace holds are those that were recorded. */
#ifndef BOOTREEL_CORE_RUN_STORED_H
#define BOOTREEL_CORE_RUN_STORED_H

#include "core/engine/engine.h"
#include "traces/trace.h"

/* Compares the hash of each stored state, computed from its sections and pages, with the one that its checkpoint has. 0, or -1 with an
 * error that names the checkpoint. Cost: unpacks the pages of each checkpoint once. */
int stored_states_check(struct trace *t, struct error *err);

/* A number for the names and sizes of the fields in the sections of checkpoint k, which is that of
 * state_hash_layout() for the same state. -1 with err if it cannot be read. */
int stored_layout(struct trace *t, size_t k, uint64_t *layout, struct error *err);

/* ---- the index for searches (traces/touched.h), compared with what a replay touches ---- */

struct stored_index;

/* `from_start`: the engine has run, and will run, all of the record up to what is compared. Otherwise it cannot tell of which pages the
 * recorder knew the lines written, so only the lines that are in the index are compared. 0: *out is NULL if the trace has none, or the engine does not know what it touches. -1 with err: it is damaged. */
int stored_index_open(struct trace *t, struct engine *e, bool from_start, struct stored_index **out,
                      struct error *err);
void stored_index_close(struct stored_index *x); /* NULL is allowed, here and below */
/* The engine is at checkpoint k: a part begins. */
void stored_index_begin(const struct stored_index *x, size_t k);
/* The engine has run on to checkpoint k from the one before it. -1 with err: the index has another part there. */
int stored_index_check(const struct stored_index *x, size_t k, struct error *err);

#endif
