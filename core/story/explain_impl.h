/* explain_impl.h - the parts of explain.c among themselves. */
#ifndef BOOTREEL_CORE_EXPLAIN_IMPL_H
#define BOOTREEL_CORE_EXPLAIN_IMPL_H

#include "core/text.h"
#include "traces/trace.h"

/* ---- explain_cpu.c: what any x86 processor and any boot does ---- */

/* Adds the event's words. False: it has none here. */
bool explain_cpu(const struct event *ev, const struct trace_config *cfg, struct text *out);
/* Who names it so; NULL: nobody in particular. */
const char *explain_cpu_manual(const struct event *ev);
/* ": LME, LMA" for a register that has named bits. */
void explain_register_bits(struct text *out, const char *reg, uint64_t value);

#endif
