/* story.h - what is known of a whole trace without running it: stages, symbols, where events are dense. It
 * takes a walk over the trace, so a thread of its own does it, with the trace opened a second time, while the
 * first screen is up already. Private to tui/.
 */
#ifndef BOOTREEL_TUI_STORY_H
#define BOOTREEL_TUI_STORY_H

#include "core/stages.h"
#include "core/symbols.h"

struct story;

/* Begins. `changed` (may be NULL) is called on the thread when something became ready. */
struct story *story_begin(const char *path, void (*changed)(void *ctx), void *ctx);
void story_end(struct story *s); /* NULL is allowed */
/* Waits until all is there. */
void story_wait(struct story *s);

/* NULL: not yet, or the trace has none. What is there stays until story_end. */
const struct stages *story_stages(struct story *s);
const struct symbols *story_symbols(struct story *s);
/* All is there that there will be. */
bool story_ready(struct story *s);
/* Why something is missing; "" if nothing is. Only once ready. */
const char *story_error(struct story *s);

/* About how many events there are before an icount; 0 until ready. */
uint64_t story_events_before(struct story *s, uint64_t icount);
/* About the guest time of an icount and back, from the events around it; 0 until ready. */
uint64_t story_time(struct story *s, uint64_t icount);
uint64_t story_icount(struct story *s, uint64_t time);

#endif
