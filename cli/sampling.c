/* sampling.c - see sampling.h. */
#include "cli/sampling.h"
#include "core/timeline/recorded_debug.h"
#include "core/views/views.h"

static void on_progress(void *ctx, const struct engine *e)
{
    progress_update(((struct front *)ctx)->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    replay_interrupt(ctx);
}

static int add_debug(const struct sampling *wish, struct trace *t, struct sampled *out, struct error *err)
{
    const struct engine_kind *kind = recording_engine(wish->engines, t, wish->path, err);
    out->symbols = kind ? symbols_load(t, err) : NULL;
    return out->symbols ? recorded_debug(t, kind, out->symbols, wish->debug, err) : -1;
}

/* Samples from the beginning of the run on, with an inspector, for a trace that does not say which process
 * runs. */
static int whole(const struct sampling *wish, struct front *front, struct trace *t, struct sampled *out,
                 struct error *err)
{
    struct replay *r = open_replay(wish->engines, t, wish->path, err);
    if (!r)
        return -1;
    if (wish->debug && add_debug(wish, t, out, err)) {
        replay_close(r);
        return -1;
    }
    struct samples_options o = {.walker = &view_walker,
                                .replay = r,
                                .trace = t,
                                .from = wish->from,
                                .to = wish->to,
                                .every = wish->every,
                                .names = wish->names,
                                .process = wish->process,
                                .symbols = out->symbols,
                                .progress = on_progress,
                                .ctx = front};
    struct signals *signals = signals_start(on_signal, r);
    out->samples = samples_take(&o, err);
    signals_stop(signals);
    replay_close(r);
    return out->samples ? 0 : -1;
}

static int in_parts(const struct sampling *wish, const struct jobs_front *work, struct trace *t,
                    struct sampled *out, struct error *err)
{
    const struct sampling_job job = {.kind = recording_engine(wish->engines, t, wish->path, err),
                                     .from = wish->from,
                                     .to = wish->to,
                                     .every = wish->every,
                                     .names = wish->names,
                                     .process = wish->process,
                                     .debug = wish->debug,
                                     .jobs = wish->jobs,
                                     .front = *work};
    return job.kind ? sample_in_parts(&job, t, out, err) : -1;
}

int take_samples(const struct sampling *wish, struct trace *t, struct sampled *out, struct error *err)
{
    struct front front;
    *out = (struct sampled){0};
    int divisible = samples_divisible(t, err);
    if (divisible < 0)
        return -1;
    signals_block();
    const struct jobs_front work = front_begin(&front, "sampling", wish->quiet);
    int rc = divisible ? in_parts(wish, &work, t, out, err) : whole(wish, &front, t, out, err);
    front_end(&front);
    return rc;
}
