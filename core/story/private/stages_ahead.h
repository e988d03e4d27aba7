/* stages_ahead.h - what comes later in a trace, as far as it decides whether a condition `for-good` of a
 * profile holds. Private to core/story. */
#ifndef BOOTREEL_CORE_STORY_STAGES_AHEAD_H
#define BOOTREEL_CORE_STORY_STAGES_AHEAD_H

#include "core/story/profile.h"
#include "traces/trace.h"

struct stages_ahead;

/* Reads the events that the profile's `against` lines name, if it has any. NULL with err if the trace cannot
 * be read. */
struct stages_ahead *stages_ahead_of(struct trace *t, const struct profile *p, struct error *err);
void stages_ahead_free(struct stages_ahead *); /* NULL is allowed */
/* Whether no event against the rule follows event `number`, at guest time `time`, before the next reset;
 * `boot` is the number of resets before it. False if `a` is NULL. A boot that the end of the recording cut
 * off might still have had one, so it must go on for 1 s after the event. */
bool stages_ahead_allows(const struct stages_ahead *a, size_t rule, size_t boot, uint64_t number,
                         uint64_t time);

#endif
