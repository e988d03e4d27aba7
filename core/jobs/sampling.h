/* sampling.h - samples of a run (core/run/samples.h), taken in parts, several at a time. */
#ifndef BOOTREEL_CORE_JOBS_SAMPLING_H
#define BOOTREEL_CORE_JOBS_SAMPLING_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/run/samples.h"

struct sampling_job {
    const struct engine_kind *kind; /* as the trace's configuration names it */
    uint64_t from, to;
    uint64_t every;                    /* 0: samples_usual() */
    const struct process_names *names; /* with `process` */
    const char *process;               /* NULL: all */
    struct debug_info *debug;          /* NULL: none; must outlive the samples */
    unsigned jobs;
    struct jobs_front front;
};

struct sampling_part;
struct sampled {
    struct samples *samples;
    struct sampling_part *part; /* the n parts: `samples` refers to them and to `symbols` */
    size_t n;
    struct symbols *symbols;
};

/* Takes the samples of a trace for which samples_divisible is true. -1 with err, also if it was interrupted.
 * *out is to be freed in any case. */
int sample_in_parts(const struct sampling_job *job, struct trace *t, struct sampled *out, struct error *err);
void sampled_free(struct sampled *p);

#endif
