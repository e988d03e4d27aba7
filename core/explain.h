/* explain.h - what an event means, in words: "CMOS: select register 0Fh (shutdown status), NMI masked".
 *
 * The words come from the tables of those who know: the engine's chips (struct engine_words), the
 * processor's bits (views_bits.c), Linux (core/linux). They need the trace's events alone; nothing is
 * run. Since many accesses depend on ones before them (an index register, a base address, where the
 * 8259As put their vectors), an explainer has to see the events in order. The words of an event are the
 * same wherever one looks from.
 */
#ifndef BOOTREEL_CORE_EXPLAIN_H
#define BOOTREEL_CORE_EXPLAIN_H

#include "core/engines.h"
#include "traces/trace.h"

/* Classes whose events are remembered: all that an explainer has to see. */
#define EXPLAIN_NEEDS                                                                                        \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) |                          \
     EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_FOLD))

/* ---------------------------------------------------------------- in order */

struct explainer;

/* As at the beginning of a trace of that kind of engine and configuration. NULL kind: no engine's words, only
 * the rest. Both must outlive it. */
struct explainer *explainer_new(const struct engine_kind *kind, const struct trace_config *cfg);
void explainer_free(struct explainer *); /* NULL is allowed */
/* Takes note of an event, and puts its words into buf: as snprintf; 0 and "": there are none. To be
 * called with each event of at least EXPLAIN_NEEDS, in order; buf may be NULL with size 0. Cost:
 * below a microsecond. */
int explainer_event(struct explainer *, const struct event *ev, char *buf, size_t size);
/* Who names what the last event accessed that way, and where ("Intel 8254 datasheet (231164)", "Read-Back
 * Command"); NULL each: nobody in particular. */
const char *explainer_manual(const struct explainer *);
const char *explainer_source(const struct explainer *);

/* ---------------------------------------------------------------- anywhere in a trace */

struct trace_explainer;

/* The trace and the kind must outlive it. */
struct trace_explainer *trace_explainer_new(struct trace *t, const struct engine_kind *kind);
void trace_explainer_free(struct trace_explainer *); /* NULL is allowed */
/* The words of event `number` of the trace: as snprintf; -1 with err if the trace cannot be read. Cost: reads
 * the events of EXPLAIN_NEEDS up to there once (some million a second), and leaves states behind: later
 * questions cost at most a few thousand events, and one event when asked in order. */
int trace_explain(struct trace_explainer *, uint64_t number, char *buf, size_t size, struct error *err);
/* Gets ready for a question, by at most so many events of the way: 1: it is, 0: more is to be done, -1 with
 * err. For an interface that must not wait; trace_explain() does not need it. */
int trace_explain_prepare(struct trace_explainer *, uint64_t number, uint64_t most, struct error *err);
/* Whose manual() and source() are those of the last answer. */
const struct explainer *trace_explainer_last(const struct trace_explainer *);

#endif
