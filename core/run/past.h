/* past.h - memory as a checkpoint of a trace has it, read without a machine. Only the pages that are asked
 * for are unpacked, where restoring the checkpoint unpacks all of them.
 */
#ifndef BOOTREEL_CORE_RUN_PAST_H
#define BOOTREEL_CORE_RUN_PAST_H

#include "core/engine/engines.h"
#include "traces/trace.h"

struct past;

/* Memory at checkpoint k. NULL if the trace cannot be read (with err), or if the engine does not say where
 * its memory is (engine_words.ram; err->text is then empty). The trace is opened once more, so `t` may be
 * used, and closed, by others. */
struct past *past_open(const struct trace *t, const struct engine_kind *kind, size_t k, struct error *err);
void past_close(struct past *); /* NULL is allowed */
/* Gives back what was unpacked to read: for when little more will be read for a while. */
void past_relax(struct past *);
/* Reads memory by physical addresses. Returns how many of the n bytes are memory and could be read. Cost:
 * some microseconds for each page but the one that was read last. */
size_t past_read(struct past *, uint64_t physical, void *buf, size_t n);

#endif
