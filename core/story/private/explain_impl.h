/* explain_impl.h - what the files of explain.c share. Private to them. */
#ifndef BOOTREEL_CORE_STORY_EXPLAIN_IMPL_H
#define BOOTREEL_CORE_STORY_EXPLAIN_IMPL_H

#include "core/story/profile.h"
#include "core/ground/text.h"
#include "traces/trace.h"

/* ---- explain_cpu.c: what any x86 processor and any boot does ---- */

/* Adds the event's explanation. False if there is none here. *builtin: the built-in profile, or NULL; it is
 * parsed at the first POST code, and the caller frees it. */
bool explain_cpu(const struct event *ev, const struct trace_config *cfg, struct profile **builtin,
                 struct text *out);
/* The document that describes it, or NULL. */
const char *explain_cpu_manual(const struct event *ev);
/* ": LME, LMA" for a register that has named bits. */
void explain_register_bits(struct text *out, const char *reg, uint64_t value);

#endif
