/* trace_outline_impl.h - counting events of one sort in one stage. Private to core/compare/trace_outline*.c. */
#ifndef BOOTREEL_CORE_COMPARE_TRACE_OUTLINE_IMPL_H
#define BOOTREEL_CORE_COMPARE_TRACE_OUTLINE_IMPL_H

#include "core/compare/trace_outline.h"

/* Whether events of that kind are only counted: accesses, interrupts, system calls … */
bool outline_counts(unsigned kind);

struct counter;

struct counter *counter_new(struct outline *);
void counter_free(struct counter *);
/* Counts an event in stage or process `in` (or OUTLINE_NONE). `number`: of the event in the trace. */
void counter_event(struct counter *, const struct event *ev, uint64_t number, uint32_t in);
/* Says that an event is not counted, or that it repeats others (fold.again), which are then counted again. */
void counter_other(struct counter *, const struct event *ev, uint64_t number);

#endif
