/* sampling.c - see sampling.h. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/jobs/private/stretches.h"
#include "core/jobs/sampling.h"
#include "core/timeline/recorded_debug.h"
#include "core/views/views.h"

struct sampling_part {
    struct samples *samples; /* NULL: not begun, or failed */
    bool failed;
    struct error err;
};

struct parts {
    const struct sampling_job *v;
    const struct trace *trace;
    struct symbols *symbols;
    struct stages *stages;
    uint64_t every;
    struct stretches *stretches;
    size_t first;               /* the stretch that `from` is in */
    struct sampling_part *list; /* by the stretch that a part begins with, from `first` on */
    size_t n;
};

static uint64_t begin_of(const struct parts *p, size_t stretch)
{
    assert(stretch < trace_checkpoint_count(p->trace) || !stretch);
    uint64_t at = stretch ? trace_checkpoint(p->trace, stretch)->icount : 0;
    return at < p->v->from ? p->v->from : at;
}

/* Takes the samples of a part. NULL with err. */
static struct samples *run_part(const struct parts *p, struct runner *w, struct error *err)
{
    if (runner_open(w, p->trace, p->v->kind, err))
        return NULL;
    const struct samples_options o = {.walker = &view_walker,
                                      .replay = w->r,
                                      .trace = w->t,
                                      .from = begin_of(p, w->first),
                                      .to = p->v->to,
                                      .every = p->every,
                                      .names = p->v->names,
                                      .process = p->v->process,
                                      .progress = runner_progress,
                                      .ctx = w,
                                      .symbols = p->symbols,
                                      .stages = p->stages,
                                      .go_on = runner_go_on};
    runner_runs(w, true);
    struct samples *s = samples_take(&o, err);
    runner_runs(w, false);
    return s;
}

static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct runner w = {.of = p->stretches, .job = job};
    while (runner_take(&w)) {
        assert(w.first >= p->first && w.first - p->first < p->n && "a job gets stretches of the range only");
        struct sampling_part *part = &p->list[w.first - p->first];
        part->samples = run_part(p, &w, &part->err);
        part->failed = !part->samples;
        if (part->failed)
            stretches_fail(p->stretches, w.first);
    }
    runner_close(&w);
}

/* The first part that failed says why: with one job it would have been the only one. */
static struct samples *gather(struct parts *p, struct error *err)
{
    struct samples **done = mem_zero(p->n + 1, sizeof *done), *all = NULL;
    size_t n = 0;
    bool failed = false;
    for (size_t i = 0; i < p->n && !failed; i++) {
        failed = p->list[i].failed;
        if (failed)
            *err = p->list[i].err;
        else if (p->list[i].samples)
            done[n++] = p->list[i].samples;
        assert(n <= p->n);
    }
    if (!failed)
        all = samples_join(done, n);
    free(done);
    return all;
}

static int run(struct parts *p, struct trace *t, struct sampled *out, struct error *err)
{
    long first = trace_checkpoint_find(t, p->v->from),
         last = trace_checkpoint_find(t, p->v->to > p->v->from ? p->v->to - 1 : p->v->from);
    p->symbols = out->symbols = symbols_load(t, err);
    if (p->symbols && p->v->debug && recorded_debug(t, p->v->kind, out->symbols, p->v->debug, err))
        return -1;
    p->stages = p->symbols ? stages_of_trace(t, err) : NULL;
    if (!p->stages)
        return -1;
    p->first = first > 0 ? (size_t)first : 0;
    p->n = (last > 0 ? (size_t)last : 0) - p->first + 1;
    p->every = p->v->every ? p->v->every : samples_usual(p->v->to - p->v->from);
    p->stretches = stretches_new(p->first, p->first + p->n, p->v->jobs, &p->v->front);
    p->list = out->part = mem_zero(p->n, sizeof *p->list);
    out->n = p->n;
    stretches_run(p->stretches, do_job, p);
    out->samples = gather(p, err);
    return out->samples ? 0 : -1;
}

int sample_in_parts(const struct sampling_job *v, struct trace *t, struct sampled *out, struct error *err)
{
    struct parts p = {.v = v, .trace = t};
    *out = (struct sampled){0};
    int rc = run(&p, t, out, err);
    stretches_free(p.stretches);
    stages_free(p.stages);
    return rc;
}

void sampled_free(struct sampled *p)
{
    samples_free(p->samples);
    for (size_t i = 0; i < p->n; i++)
        samples_free(p->part[i].samples);
    free(p->part);
    symbols_free(p->symbols);
}
