/* explain.h - what an event means, in words: "CMOS: select register 0Fh (shutdown status), NMI masked".
 *
 * The text comes from the tables of the parts concerned: the engine's chips (struct engine_words), the bits
 * of processor registers (core/ground/register_bits.c), Linux (core/systems/linux). Only the trace's events are
 * needed; nothing is run. Since many accesses depend on earlier ones (an index register, a base address, the
 * vectors programmed into the 8259As), an explainer has to be given the events in order. The text of an event
 * does not depend on the position from which it is asked for.
 */
#ifndef BOOTREEL_CORE_STORY_EXPLAIN_H
#define BOOTREEL_CORE_STORY_EXPLAIN_H

#include "core/engine/engines.h"
#include "traces/trace.h"
#include "base/text.h"

/* The classes of events that an explainer has to see. */
#define EXPLAIN_NEEDS                                                                                        \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) |                          \
     EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_KERNEL) |                   \
     EVENT_CLASS_BIT(EC_FOLD))

/* ---------------------------------------------------------------- in order */

struct explainer;

/* An explainer for the beginning of a trace of that kind of engine and configuration. With NULL as kind,
 * accesses to the engine's chips are not explained. Both must outlive it. */
struct explainer *explainer_new(const struct engine_kind *kind, const struct trace_config *cfg);
void explainer_free(struct explainer *); /* NULL is allowed */
/* Processes an event, and writes its explanation into buf, as snprintf does; 0 and "" if there is none. Must
 * be called with every event of the classes EXPLAIN_NEEDS (others are allowed), in order; buf may be NULL
 * with size 0. Cost: below a microsecond. */
int explainer_event(struct explainer *, const struct event *ev, char *buf, size_t size);
/* The document that describes what the last event accessed, and the place in it ("Intel 8254 datasheet
 * (231164)", "Read-Back Command"); each may be NULL. */
const char *explainer_manual(const struct explainer *);
const char *explainer_source(const struct explainer *);

/* ---------------------------------------------------------------- anywhere in a trace */

struct trace_explainer;

/* The trace and the kind must outlive it. */
struct trace_explainer *trace_explainer_new(struct trace *t, const struct engine_kind *kind);
void trace_explainer_free(struct trace_explainer *); /* NULL is allowed */
/* The explanation of event `number` of the trace, as snprintf; -1 with err if the trace cannot be read. Cost:
 * reads the events of EXPLAIN_NEEDS up to there once (some million per second), and saves the explainer's
 * state on the way: later calls read at most a few thousand events, or one event when called in order. */
int trace_explain(struct trace_explainer *, uint64_t number, char *buf, size_t size, struct error *err);
/* Prepares for a call of trace_explain() by reading at most `most` events. Returns 1 when it is
 * ready, 0 if there is more to do, -1 with err. For an interface that must not block; trace_explain()
 * works without it. */
int trace_explain_prepare(struct trace_explainer *, uint64_t number, uint64_t most, struct error *err);
/* The explainer whose explainer_manual() and explainer_source() belong to the last explanation. */
const struct explainer *trace_explainer_last(const struct trace_explainer *);
/* Writes the files to which the sectors of a read from a disk belonged before the boot: "partition 1:
 * /boot/vmlinuz from byte 4096". As snprintf; 0 if none is known, and for other events. Cost: reads the
 * metadata of the disk's volumes each time. */
int explain_files(struct trace *t, const struct engine_kind *kind, const struct event *ev, char *buf,
                  size_t size);

/* Adds what a PC has at a port, or a physical address: ", on a PC the local APIC"; nothing if nothing is known there. */
void explain_add_place(struct text *out, bool port, uint64_t at);

/* A trace's configuration in the engines' form, for reading settings; an engine cannot be created from it. */
struct engine_images {
    struct engine_config config;
    struct image *images;
};
struct engine_images engine_images_of(const struct trace_config *cfg);
void engine_images_free(struct engine_images *);

#endif
