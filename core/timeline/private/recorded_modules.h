/* recorded_modules.h - debug information for the modules of UEFI firmware. Private to core/timeline/. */
#ifndef BOOTREEL_CORE_TIMELINE_RECORDED_MODULES_H
#define BOOTREEL_CORE_TIMELINE_RECORDED_MODULES_H

#include "core/engine/engines.h"
#include "core/symbols/debug.h"
#include "traces/trace.h"

/* As recorded_debug(), for modules of firmware. *any becomes true if there is one. */
int recorded_modules_debug(struct trace *t, const struct engine_kind *kind, struct symbols *s,
                           struct debug_info *d, bool *any, struct error *err);

#endif
