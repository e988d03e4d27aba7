/* recorded_debug.h - which debug information fits what ran in a trace.
 *
 * The record has the build-ids already: in the kernel's memory, which the checkpoints hold. */
#ifndef BOOTREEL_CORE_TIMELINE_RECORDED_DEBUG_H
#define BOOTREEL_CORE_TIMELINE_RECORDED_DEBUG_H

#include "core/engine/engines.h"
#include "core/symbols/debug.h"
#include "traces/trace.h"

/* Finds the files of all Linux kernels and modules, and of all modules of UEFI firmware, in a trace, whose symbols are `s`, and adds them to these
 * symbols (symbols_debug(), and for UEFI's modules names and lines). What does not fit, and what was given and not needed, is said by debug_info_say(). -1 with err
 * if the trace cannot be read. Cost: that of opening a checkpoint (some hundredths of a second), of debug_info_find() for each module, and of reading the
 * memory of UEFI's modules, which may take a second. */
int recorded_debug(struct trace *t, const struct engine_kind *kind, struct symbols *s, struct debug_info *d,
                   struct error *err);
/* Calls fn for each section of a module that was loaded at an icount. -1 with err. */
int recorded_sections(struct trace *t, const char *module, uint64_t icount,
                      void (*fn)(void *ctx, const char *section, uint64_t address), void *ctx,
                      struct error *err);

#endif
