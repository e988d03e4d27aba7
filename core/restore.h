/* restore.h - a recorded checkpoint back into an engine. Private to core/. */
#ifndef BOOTREEL_CORE_RESTORE_H
#define BOOTREEL_CORE_RESTORE_H

#include "core/engine.h"
#include "traces/trace.h"

/* Whether a recorded section has just these fields: then its bytes can be unpacked into them. */
bool section_fits(const struct trace_section *s, const struct field *fields, size_t nfields);

/* Loads checkpoint k. -1 if it cannot be read, or the engine has other sections or fields than it. */
int restore_checkpoint(struct engine *e, struct trace *t, size_t k, struct error *err);

#endif
