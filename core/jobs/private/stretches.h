/* stretches.h - the stretches of a run that jobs replay, each of them once.
 *
 * A job begins somewhere, and goes on from there as long as no other job has the next stretch. Which job gets
 * which stretch depends on their speed, so no result may depend on it. Any thread may call these functions.
 */
#ifndef BOOTREEL_CORE_JOBS_STRETCHES_H
#define BOOTREEL_CORE_JOBS_STRETCHES_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/run/replay.h"

struct stretches;
/* The stretches from `first` to `end` (not included), for `jobs` jobs. `front` must outlive them. */
struct stretches *stretches_new(size_t first, size_t end, unsigned jobs, const struct jobs_front *front);
void stretches_free(struct stretches *s); /* NULL is allowed */
/* Calls fn(ctx, job) for each job, and returns when all are done; meanwhile the front end can interrupt them. */
void stretches_run(struct stretches *s, void (*fn)(void *ctx, size_t job), void *ctx);
/* The job that began with stretch `first` has failed: later stretches are left out. */
void stretches_fail(struct stretches *s, size_t first);
/* All jobs stop soon. */
void stretches_interrupt(void *stretches);

/* What a job uses for all its stretches, since a trace is for one thread only. The caller sets `of` and `job`
 * (below the number of jobs); the rest is zero. */
struct runner {
    struct stretches *of;
    size_t job;
    struct trace *t;
    struct replay *r;
    size_t first;  /* the stretch with which it began last */
    uint64_t last; /* icount of the last progress */
};
/* Sets w->first to the stretch where the job is to begin. False: none is left that would be worth it. */
bool runner_take(struct runner *w);
/* Opens `t` once more, and a replay of it, unless that has been done. -1 with err. */
int runner_open(struct runner *w, const struct trace *t, const struct engine_kind *kind, struct error *err);
void runner_close(struct runner *w);
/* Its replay runs from now on, or no longer: it is interrupted only while it runs. */
void runner_runs(struct runner *w, bool runs);
/* For replay_options and samples_options, with the runner as ctx: runner_go_on takes a stretch unless another
 * job has it, and runner_progress reports progress. */
bool runner_go_on(void *runner, size_t stretch);
void runner_progress(void *runner, const struct engine *e);

#endif
