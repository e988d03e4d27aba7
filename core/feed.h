/* feed.h - gives an engine the inputs of a run: each at the position at which it came and, if the guest was
 * idle there, after as much guest time had passed as then.
 *
 * The recorder (typing, and a run that is repeated), the replay and the timeline all give inputs this way.
 *
 * An interruption (engine_ops.interrupt) never ends the giving of an input: that would leave the
 * guest between the passing of time and the input, which is no position of the run. It is kept, and
 * ends the next run.
 */
#ifndef BOOTREEL_CORE_FEED_H
#define BOOTREEL_CORE_FEED_H

#include "core/engine.h"
#include "traces/trace.h"

/* Where the inputs come from. */
struct feed_source {
    void *ctx;
    /* Input number i, by position. in->icount is UINT64_MAX if there is none. 0, or -1 and err. */
    int (*input)(void *ctx, uint64_t i, struct trace_input *in, struct error *err);
    /* NULL, or told of each input after the engine has taken it. 0, or -1 and err. */
    int (*given)(void *ctx, const struct trace_input *in, struct error *err);
};

struct feed {
    struct engine *e;
    struct feed_source source;
    uint64_t next; /* number of the first input that was not given */
};

enum feed_result {
    FEED_DONE,
    FEED_ASTRAY, /* the guest does not do what it did when the input came: err says what */
    FEED_ERROR,
};

/* The source of the inputs of a trace; `ctx` is the trace. */
int feed_trace_input(void *ctx, uint64_t i, struct trace_input *in, struct error *err);

/* The icount of the next input, UINT64_MAX if there is none. 0, or -1 and err. */
int feed_next(const struct feed *f, uint64_t *icount, struct error *err);

/* Makes the first input at or after `icount` the next one. 0, or -1 and err. Cost: reads the
 * inputs before it. */
int feed_seek(struct feed *f, uint64_t icount, struct error *err);

/* Gives all inputs of the present position that were not given yet. */
enum feed_result feed_here(struct feed *f, struct error *err);

/* Gives the next input alone; there must be one, and it must be due here. */
enum feed_result feed_one(struct feed *f, struct error *err);

/* Offers an input at the present position and time; the guest may take only a part, which in->len says
 * afterwards (0: nothing was taken, and the source is not told). 0, or -1 and err. */
int feed_offer(const struct feed *f, struct trace_input *in, struct error *err);

/* Lets guest time pass up to `time` at a guest that is idle; nothing happens if it is that late already. */
enum feed_result feed_pass_time(struct engine *e, uint64_t time, struct error *err);

#endif
