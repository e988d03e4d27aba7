/* lockstep.h - replays a trace on two engines side by side, which must agree, and names the first step after
 * which they do not.
 *
 * Both are made from the same trace, and differ in how they execute code: one interprets, the other compiles.
 */
#ifndef BOOTREEL_CORE_RUN_LOCKSTEP_H
#define BOOTREEL_CORE_RUN_LOCKSTEP_H

#include "core/run/replay.h"

struct lockstep_options {
    const struct engine_kind
        *kind; /* its `host` is for the side that compiles, which must not be told to interpret */
    void (*progress)(void *ctx, const struct engine *e); /* from time to time; may be NULL */
    void *ctx;
    uint64_t every; /* steps between two comparisons of the states; at least 1 */
};

struct lockstep_report {
    bool interrupted; /* by lockstep_interrupt() */
    bool differs;
    char *difference; /* which step, and how the states differ, in lines ended by \n; to be freed */
    uint64_t steps, comparisons; /* with equal states */
};

struct lockstep;

/* The trace must stay open until lockstep_close(), and be used for nothing else. NULL: err. */
struct lockstep *lockstep_open(struct trace *t, const struct lockstep_options *o, struct error *err);
void lockstep_close(struct lockstep *l); /* NULL is allowed */

/* Runs both to the end of the record, or to the first difference, which is not an error. Cost: two replays,
 * and hashing the changed pages once every `every` steps; after a difference, for each halving of `every`,
 * both replays again from the checkpoint before it. */
int lockstep_run(struct lockstep *l, struct lockstep_report *report, struct error *err);

/* Makes it stop soon. Async-signal-safe, from any thread. */
void lockstep_interrupt(struct lockstep *l);

#endif
