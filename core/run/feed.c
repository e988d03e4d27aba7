/* feed.c - see feed.h. */
#include <assert.h>

#include "core/run/feed.h"

int feed_trace_input(void *ctx, uint64_t i, struct input *in, struct error *err)
{
    struct trace *t = ctx;
    *in = (struct input){.icount = UINT64_MAX};
    return i < trace_input_count(t) ? trace_input(t, i, in, err) : 0;
}

int feed_next(const struct feed *f, uint64_t *icount, struct error *err)
{
    struct input in;
    if (f->source.input(f->source.ctx, f->next, &in, err))
        return -1;
    *icount = in.icount;
    return 0;
}

int feed_seek(struct feed *f, uint64_t icount, struct error *err)
{
    uint64_t at;
    for (f->next = 0;; f->next++) {
        if (feed_next(f, &at, err))
            return -1;
        if (at >= icount)
            return 0;
    }
}

static enum feed_result astray(const struct engine *e, const char *what, struct error *err)
{
    error_set(err, "the run differs from the recorded one at icount %llu: %s",
              (unsigned long long)e->ops->icount(e), what);
    return FEED_ASTRAY;
}

enum feed_result feed_pass_time(struct engine *e, uint64_t time, struct error *err)
{
    uint64_t at = e->ops->icount(e);
    /* A reset takes time, too: it ends there, and not a step later. */
    const struct run_limit limit = {.icount = at + 1, .time = time, .until = time};
    struct stop stop = {.reason = STOP_INTERRUPTED};
    bool interrupted = false;
    while (e->ops->time(e) < time && stop.reason == STOP_INTERRUPTED) {
        e->ops->run(e, &limit, &stop);
        assert(e->ops->icount(e) <= limit.icount && "a run ends where it was told to");
        interrupted |= stop.reason == STOP_INTERRUPTED;
    }
    if (interrupted)
        e->ops->interrupt(e);
    if (e->ops->icount(e) != at || e->ops->time(e) < time)
        return astray(e, "the guest runs on where the recorded one was idle", err);
    return FEED_DONE;
}

static int tell(const struct feed *f, const struct input *in, struct error *err)
{
    return f->source.given ? f->source.given(f->source.ctx, in, err) : 0;
}

int feed_offer(const struct feed *f, struct input *in, struct error *err)
{
    in->icount = f->e->ops->icount(f->e);
    in->time = f->e->ops->time(f->e);
    const uint32_t offered = in->len;
    in->len = offered ? f->e->ops->input(f->e, in) : 0;
    assert(in->len <= offered && "an engine takes at most what it is given");
    return in->len ? tell(f, in, err) : 0;
}

enum feed_result feed_one(struct feed *f, struct error *err)
{
    struct input in;
    if (f->source.input(f->source.ctx, f->next, &in, err))
        return FEED_ERROR;
    enum feed_result r = feed_pass_time(f->e, in.time, err);
    if (r)
        return r;
    f->next++;
    if (f->e->ops->input(f->e, &in) != in.len)
        return astray(f->e, "the guest does not accept an input that the recorded one accepted", err);
    return tell(f, &in, err) ? FEED_ERROR : FEED_DONE;
}

enum feed_result feed_here(struct feed *f, struct error *err)
{
    for (;;) {
        uint64_t at;
        if (feed_next(f, &at, err))
            return FEED_ERROR;
        if (at > f->e->ops->icount(f->e))
            return FEED_DONE;
        if (at < f->e->ops->icount(f->e))
            return astray(f->e, "an earlier input was not given", err);
        enum feed_result r = feed_one(f, err);
        if (r)
            return r;
    }
}
