/* jobs.h - work in several threads; what a front end hears of it. */
#ifndef BOOTREEL_CORE_JOBS_JOBS_H
#define BOOTREEL_CORE_JOBS_JOBS_H

#include "traces/trace.h"

enum { JOBS_MAX = 256 };

/* How many jobs should work on a trace: one a processor that this process may use, as far as the memory that is free allows. */
unsigned jobs_usual(const struct trace *t);
/* Calls fn(ctx, i) for each i below n, on `jobs` threads (at least 1, the calling one among them), the lowest i first. */
void jobs_run(unsigned jobs, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);

/* Whoever asked for the work. Each function may be NULL. */
struct jobs_front {
    void *ctx;
    /* All jobs together have run so many steps; `time` is the guest time where one of them is. From any thread, one at a time. */
    void (*progress)(void *ctx, uint64_t steps, uint64_t time);
    /* The work has begun: interrupt(work) ends it soon, from any thread. NULL: it has ended, and must not be interrupted any more. */
    void (*running)(void *ctx, void (*interrupt)(void *work), void *work);
    /* Something that a person should know, though the work goes on: a sentence. */
    void (*note)(void *ctx, const char *text);
};

#endif
