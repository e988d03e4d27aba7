/* jobs.h - work in several threads, and how a front end follows it. */
#ifndef BOOTREEL_CORE_JOBS_JOBS_H
#define BOOTREEL_CORE_JOBS_JOBS_H

#include "traces/trace.h"

enum { JOBS_MAX = 256 };

/* How many jobs should work on a trace: one for each processor that this process may use, fewer if memory is short. */
unsigned jobs_usual(const struct trace *t);
/* Calls fn(ctx, i) for each i below n, on `jobs` threads (at least 1, the calling one among them), the lowest
 * i first. */
void jobs_run(unsigned jobs, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);

/* What the front end that asked for the work wants to hear. Each function may be NULL. */
struct jobs_front {
    void *ctx;
    /* `steps`: run by all jobs together so far; `time`: the guest time where one of them is. Called from any
     * thread, by one at a time. */
    void (*progress)(void *ctx, uint64_t steps, uint64_t time);
    /* Called when the work begins: from then on any thread may call interrupt(work), which ends it soon.
     * Called again with NULL when the work has ended, and must not be interrupted any more. */
    void (*running)(void *ctx, void (*interrupt)(void *work), void *work);
    /* A sentence that the user should see; the work goes on. */
    void (*note)(void *ctx, const char *text);
};

#endif
