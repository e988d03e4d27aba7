/* story.h - what is known of a whole trace without running it: stages, symbols, the density of events.
 * Finding this takes a walk over the trace, so a separate thread does it, with the trace opened a second
 * time, while the first screen is already shown. Private to tui/.
 */
#ifndef BOOTREEL_TUI_STORY_H
#define BOOTREEL_TUI_STORY_H

#include "core/engine/engines.h"
#include "core/story/stages.h"
#include "core/symbols/symbols.h"

struct story;

/* Begins the walk. `debug` (NULL: none) is added to the symbols, for a trace of that kind. */
struct debug_info;
struct story *story_begin(const char *path, const struct engine_kind *kind, struct debug_info *debug);
void story_end(struct story *s); /* NULL is allowed */
/* Waits until everything is ready. */
void story_wait(struct story *s);

/* NULL if not ready yet, or if the trace has none. The result is valid until story_end. */
const struct stages *story_stages(struct story *s);
const struct symbols *story_symbols(struct story *s);
/* Whether everything is ready. */
bool story_ready(struct story *s);
/* Why something is missing, or "" if nothing is. Only valid once the story is ready. */
const char *story_error(struct story *s);
/* Whether the host failed while it was found out (trace_failed), or could not open the trace; then err. Only valid once the story is ready. */
bool story_failed(const struct story *s, struct error *err);

/* The approximate number of events before an icount; 0 until ready. */
uint64_t story_events_before(struct story *s, uint64_t icount);
/* Convert between icount and guest time approximately, from the events around; 0 until ready. */
uint64_t story_time(struct story *s, uint64_t icount);
uint64_t story_icount(struct story *s, uint64_t time);

#endif
