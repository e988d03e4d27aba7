/* divergence.h - reports exactly how a machine state differs from the recorded one: section and field with
 * both values, region and page with the first byte that differs. Private to core/. */
#ifndef BOOTREEL_CORE_RUN_DIVERGENCE_H
#define BOOTREEL_CORE_RUN_DIVERGENCE_H

#include "base/text.h"
#include "core/engine/engine.h"
#include "traces/trace.h"

/* Appends lines for up to 16 differing fields and 8 differing pages of the engine's present state against
 * checkpoint k. Returns how many fields and pages differ in all, or -1 if the checkpoint cannot be read. */
long divergence_of_state(struct engine *e, struct trace *t, size_t k, struct text *out, struct error *err);

/* Appends lines for an event that differs. */
void divergence_of_event(const struct trace_difference *diff, struct text *out);

#endif
