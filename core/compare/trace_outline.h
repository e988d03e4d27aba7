/* trace_outline.h - the outline of a trace (core/compare/outline.h): its stages, by the boot profile with
 * which it was recorded or by another one, its processes, the events that matter, and how often each port,
 * address and vector was used in each stage. Nothing is run. */
#ifndef BOOTREEL_CORE_COMPARE_TRACE_OUTLINE_H
#define BOOTREEL_CORE_COMPARE_TRACE_OUTLINE_H

#include "core/story/profile.h"
#include "core/compare/outline.h"
#include "traces/trace.h"

/* `name` is for messages (the file's name); with `profile` NULL, the profile that stages_of_trace uses. Cost:
 * reads all events once for the stages and once for the rest: about 0.15 s per million events. NULL with
 * err. */
struct outline *outline_of_trace(struct trace *t, const char *name, const struct profile *profile,
                                 struct error *err);

#endif
