/* shown.h - whether what a display shows may have changed between two checkpoints of a trace: nothing is run. */
#ifndef BOOTREEL_CORE_SCREEN_SHOWN_H
#define BOOTREEL_CORE_SCREEN_SHOWN_H

#include "core/engine/engines.h"

/* A hash of what the display of checkpoint k depends on: its registers and its memory. With two that are equal, the
 * display is. False if the engine does not say (engine_words.shows), or with err if the trace cannot be read. Cost: that of
 * trace_checkpoint_load(), which is little for one checkpoint after the other. */
bool shown_hash(struct trace *t, const struct engine_kind *kind, size_t k, uint64_t *hash, struct error *err);

#endif
