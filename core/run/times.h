/* times.h - how often each event of a trace happened.
 *
 * A trace has some events once that happened often: sequences that repeat are folded (fold.h), and hypercalls and BIOS services that
 * come again in a row are counted. This says how many times each event of the trace happened in all, so that the sum over a kind of
 * event is how often the guest did it.
 *
 * It is exact unless a loop that was folded is inside another loop or boot that was folded. Of the outer one's rounds the trace has
 * only the first and the last; the rounds between are taken to have run the inner loop as often as those. */
#ifndef BOOTREEL_CORE_RUN_TIMES_H
#define BOOTREEL_CORE_RUN_TIMES_H

#include "traces/trace.h"

struct times;

/* Of all events of a trace. NULL with err. Cost: a pass over its repetitions, and over the BIOS services and hypercalls if they were
 * counted; 48 bytes for each repetition. */
struct times *times_of_trace(struct trace *t, struct error *err);
void times_free(struct times *x); /* NULL is allowed */
/* How often event `number` happened. 0 for an event that only says how often others were repeated. Constant time if it is near the last
 * event that was asked for. */
uint64_t times_get(struct times *x, const struct event *ev, uint64_t number);
/* Whether that is an estimate: the event is of a loop that was folded in another one, of which the trace does not have all rounds. */
bool times_estimated(const struct times *x, uint64_t number);
struct event_count times_count(struct times *x, const struct event *ev, uint64_t number); /* both */
/* How often what began at this position happened: more than once only in a boot that was repeated as a whole. */
uint64_t times_of_boot(const struct times *x, uint64_t icount);

/* The same from events one by one, in order. times_see() may skip events for which times_matter() is false; times_end() comes before the
 * first question. */
struct times *times_new(void);
bool times_matter(unsigned kind);
void times_see(struct times *x, const struct event *ev, uint64_t number);
void times_end(struct times *x);

#endif
