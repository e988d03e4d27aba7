/* restore.h - loads a recorded checkpoint into an engine. For rooms of core/ only. */
#ifndef BOOTREEL_CORE_RUN_RESTORE_H
#define BOOTREEL_CORE_RUN_RESTORE_H

#include "core/engine/engine.h"
#include "traces/trace.h"

/* Whether a recorded section has exactly these fields, so that its bytes can be unpacked into them. */
bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields);

struct state_hash;

/* A checkpoint that was loaded, of which the engine fetches a page when it first uses it (snapshot_source.fetch). */
struct restored;

/* Loads checkpoint k. -1 if it cannot be read, or the engine's sections or fields differ. With `later`, pages may be left to be
 * fetched: *later, to be freed, must be kept until the engine has loaded another state or is destroyed. If it is NULL, all are
 * loaded at once, which takes less time if all are used. */
int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct restored **later,
                       struct error *err);
/* The engine has just loaded it: makes `hash` hold that state, as `base` says from then on (state_hash_engine()). What the engine has not
 * fetched is read from the trace, and not kept (trace_relax()). -1: a page cannot be read. */
int restored_hash(const struct restored *r, struct engine *e, struct state_hash *hash,
                  struct snapshot_base *base, struct error *err);
/* -1 and the error if a page that was fetched could not be read. NULL is allowed. */
int restored_lost(const struct restored *r, struct error *err);
void restored_free(struct restored *r); /* NULL is allowed */

#endif
