/* profile.h - samples of a run (core/run/samples.h), taken in parts, several at a time. */
#ifndef BOOTREEL_CORE_JOBS_PROFILE_H
#define BOOTREEL_CORE_JOBS_PROFILE_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/run/samples.h"

struct profile_job {
    const struct engine_kind *kind; /* as the trace's configuration names it */
    uint64_t from, to;
    uint64_t every; /* 0: samples_usual() */
    unsigned jobs;
    struct jobs_front front;
};

struct profile_part;
struct profiled {
    struct samples *samples;
    struct profile_part *part; /* what `samples` refers to, as the following */
    size_t n;
    struct symbols *symbols;
};

/* Takes the samples of a trace for which samples_divisible is true. -1 with err, also if it was interrupted. Free *out in any case. */
int profile_in_parts(const struct profile_job *job, struct trace *t, struct profiled *out, struct error *err);
void profiled_free(struct profiled *p);

#endif
