/* restore.h - loads a recorded checkpoint into an engine. Private to core/. */
#ifndef BOOTREEL_CORE_RESTORE_H
#define BOOTREEL_CORE_RESTORE_H

#include "core/engine.h"
#include "traces/trace.h"

/* Whether a recorded section has exactly these fields, so that its bytes can be unpacked into them. */
bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields);

/* Loads checkpoint k. -1 if it cannot be read, or the engine's sections or fields differ. */
int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct error *err);

#endif
