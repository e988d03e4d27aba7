/* feed.h - gives an engine the inputs of a run: each at the position at which it was recorded and, if the
 * guest was idle there, after the same guest time has passed.
 *
 * The recorder (for typing, and when it repeats a run), the replay and the timeline all give inputs this way.
 *
 * An interruption (engine_ops.interrupt) never takes effect while an input is given: that would leave the
 * guest between the passing of time and the input, which is not a position of the run. It is kept, and ends
 * the next run.
 */
#ifndef BOOTREEL_CORE_RUN_FEED_H
#define BOOTREEL_CORE_RUN_FEED_H

#include "core/engine/engine.h"
#include "traces/trace.h"

/* Where the inputs come from. */
struct feed_source {
    void *ctx;
    /* Input number i, by position. in->icount is UINT64_MAX if there is none. 0, or -1 and err. */
    int (*input)(void *ctx, uint64_t i, struct input *in, struct error *err);
    /* Called with each input after the engine has taken it; may be NULL. 0, or -1 and err. */
    int (*given)(void *ctx, const struct input *in, struct error *err);
};

struct feed {
    struct engine *e;
    struct feed_source source;
    uint64_t next; /* number of the first input that has not been given yet */
};

enum feed_result {
    FEED_DONE,
    FEED_ASTRAY, /* the guest does not do what it did when the input was recorded: err says what */
    FEED_ERROR,
};

/* The source of the inputs of a trace; `ctx` is the trace. */
int feed_trace_input(void *ctx, uint64_t i, struct input *in, struct error *err);

/* The icount of the next input, UINT64_MAX if there is none. 0, or -1 and err. */
int feed_next(const struct feed *f, uint64_t *icount, struct error *err);

/* Makes the first input at or after `icount` the next one. 0, or -1 and err. Cost: reads the
 * inputs before it. */
int feed_seek(struct feed *f, uint64_t icount, struct error *err);

/* Gives all inputs of the current position that have not been given yet. */
enum feed_result feed_here(struct feed *f, struct error *err);

/* Gives only the next input; there must be one, and it must be due here. */
enum feed_result feed_one(struct feed *f, struct error *err);

/* Offers an input at the current position and time. The guest may take only a part of it: in->len is the
 * length taken (if 0, `given` is not called). 0, or -1 and err. */
int feed_offer(const struct feed *f, struct input *in, struct error *err);

/* Lets guest time pass up to `time` while the guest is idle; does nothing if it is already that late. */
enum feed_result feed_pass_time(struct engine *e, uint64_t time, struct error *err);

#endif
