/* restore.h - loads a recorded checkpoint into an engine. For rooms of core/ only. */
#ifndef BOOTREEL_CORE_RUN_RESTORE_H
#define BOOTREEL_CORE_RUN_RESTORE_H

#include "core/engine/engine.h"
#include "traces/trace.h"

/* Whether a recorded section has exactly these fields, so that its bytes can be unpacked into them. */
bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields);

/* Loads checkpoint k. -1 if it cannot be read, or the engine's sections or fields differ. */
int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct error *err);

#endif
