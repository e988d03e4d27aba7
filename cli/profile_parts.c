/* profile_parts.c - the samples of bootreel profile, in parts on several processors. */
#include <stdlib.h>

#include "cli/cli.h"
#include "core/run/samples.h"
#include "traces/memory.h"

struct part {
    struct samples *samples; /* NULL: not begun, or failed */
    bool failed;
    struct error err;
};

struct parts {
    const struct profile_parts *v;
    const struct trace *trace;
    const struct engine_kind *kind;
    struct symbols *symbols;
    struct stages *stages;
    uint64_t every;
    struct shares *shares;
    size_t first;      /* the stretch that `from` is in */
    struct part *list; /* by the stretch that a part begins with, from `first` on */
    size_t n;
};

static uint64_t begin_of(const struct parts *p, size_t stretch)
{
    uint64_t at = stretch ? trace_checkpoint(p->trace, stretch)->icount : 0;
    return at < p->v->from ? p->v->from : at;
}

/* Samples in stretches of the same length, wherever they begin. NULL with err. */
static struct samples *run_part(const struct parts *p, struct sharer *w, struct error *err)
{
    if (sharer_open(w, p->trace, p->kind, err))
        return NULL;
    const struct samples_options o = {.replay = w->r,
                                      .trace = w->t,
                                      .from = begin_of(p, w->first),
                                      .to = p->v->to,
                                      .every = p->every,
                                      .progress = sharer_progress,
                                      .ctx = w,
                                      .symbols = p->symbols,
                                      .stages = p->stages,
                                      .go_on = sharer_go_on};
    sharer_runs(w, true);
    struct samples *s = samples_take(&o, err);
    sharer_runs(w, false);
    return s;
}

static void do_job(void *ctx, size_t job)
{
    struct parts *p = ctx;
    struct sharer w = {.of = p->shares, .job = job};
    while (sharer_take(&w)) {
        struct part *part = &p->list[w.first - p->first];
        part->samples = run_part(p, &w, &part->err);
        part->failed = !part->samples;
        if (part->failed)
            shares_fail(p->shares, w.first);
    }
    sharer_close(&w);
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
    }
    if (!failed)
        all = samples_join(done, n);
    free(done);
    return all;
}

static int run(struct parts *p, struct trace *t, struct profiled *out, struct error *err)
{
    long first = trace_checkpoint_find(t, p->v->from),
         last = trace_checkpoint_find(t, p->v->to > p->v->from ? p->v->to - 1 : p->v->from);
    struct error note;
    p->kind = engine_find(trace_config(t)->engine, err);
    if (p->kind && replay_behaviour_differs(t, p->kind, &note))
        fprintf(stderr, "bootreel: %s: %s\n", p->v->path, note.text);
    p->symbols = out->symbols = p->kind ? symbols_load(t, err) : NULL;
    p->stages = p->symbols ? stages_of_trace(t, err) : NULL;
    if (!p->stages)
        return -1;
    p->first = first > 0 ? (size_t)first : 0;
    p->n = (last > 0 ? (size_t)last : 0) - p->first + 1;
    p->every = p->v->every ? p->v->every : samples_usual(p->v->to - p->v->from);
    p->shares = shares_new(p->first, p->first + p->n, p->v->jobs);
    p->list = out->part = mem_zero(p->n, sizeof *p->list);
    out->n = p->n;
    shares_show(p->shares, p->v->progress);
    struct signals *signals = signals_start(shares_interrupt, p->shares);
    run_jobs(p->v->jobs, p->v->jobs, do_job, p);
    signals_stop(signals);
    out->samples = gather(p, err);
    return out->samples ? 0 : -1;
}

int profile_in_parts(const struct profile_parts *v, struct trace *t, struct profiled *out, struct error *err)
{
    struct parts p = {.v = v, .trace = t};
    *out = (struct profiled){0};
    int rc = run(&p, t, out, err);
    shares_free(p.shares);
    stages_free(p.stages);
    return rc;
}

void profiled_free(struct profiled *p)
{
    samples_free(p->samples);
    for (size_t i = 0; i < p->n; i++)
        samples_free(p->part[i].samples);
    free(p->part);
    symbols_free(p->symbols);
}
