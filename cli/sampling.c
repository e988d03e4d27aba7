/* sampling.c - see sampling.h. */
#include "cli/sampling.h"
#include "core/views/views.h"

static void on_progress(void *ctx, const struct engine *e)
{
    progress_update(((struct front *)ctx)->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    replay_interrupt(ctx);
}

/* Samples from the beginning of the run on, with an inspector, for a trace that does not say which process
 * runs. */
static int whole(const struct sampling *wish, struct front *front, struct trace *t, struct sampled *out,
                 struct error *err)
{
    struct replay *r = open_replay(wish->engines, t, wish->path, err);
    if (!r)
        return -1;
    struct samples_options o = {.walker = &view_walker,
                                .replay = r,
                                .trace = t,
                                .from = wish->from,
                                .to = wish->to,
                                .every = wish->every,
                                .names = wish->names,
                                .process = wish->process,
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
