/* recorded_story.h - the guest systems' events of a record, for a verification that begins at a checkpoint:
 * there is no inspector then (core/story/inspector.h), but where these events are in the record decides how
 * the events around them are folded. Private to core/run/.
 */
#ifndef BOOTREEL_CORE_RUN_RECORDED_STORY_H
#define BOOTREEL_CORE_RUN_RECORDED_STORY_H

#include "traces/trace.h"

struct recorded_story;

/* 0, or -1 with err: the record lacks some of them, because whole boots that repeat were folded, and the
 * guest systems' events with them. Reads the events of class fold. */
int recorded_story_check(struct trace *t, struct error *err);
/* The events from number `first` on. -1 with err: see recorded_story_check(). */
int recorded_story_open(struct trace *t, uint64_t first, void (*emit)(void *ctx, const struct event *ev),
                        void *ctx, struct recorded_story **story, struct error *err);
void recorded_story_close(struct recorded_story *s); /* NULL is allowed */
/* An event of the engine is about to be passed on: emits those that come before it. */
int recorded_story_before(struct recorded_story *s, const struct event *ev, struct error *err);
/* Whether a story event was passed on before an engine event at the same icount whose class is not recorded:
 * the record does not say which came first. */
bool recorded_story_unclear(const struct recorded_story *s);
/* The number of the last event that was passed on, plus one; 0: none was. */
uint64_t recorded_story_passed(const struct recorded_story *s);
/* Emits those with a number below `end`. */
int recorded_story_until(struct recorded_story *s, uint64_t end, struct error *err);
/* The last of them with a number below `end`: 1, and its event (without its data), 0 if there is none, or -1 with err. */
int recorded_story_last(struct trace *t, uint64_t end, struct event *ev, struct error *err);
/* How many were emitted. */
uint64_t recorded_story_count(const struct recorded_story *s);

#endif
