/* sampling.h - the samples of a boot, which is run again for them. Private to cli/. */
#ifndef BOOTREEL_CLI_SAMPLING_H
#define BOOTREEL_CLI_SAMPLING_H

#include "cli/cli.h"
#include "core/jobs/sampling.h"

struct sampling {
    const struct engines *engines;
    const char *path;
    uint64_t from, to;                 /* icounts */
    uint64_t every;                    /* steps */
    const struct process_names *names; /* with `process` */
    const char *process;               /* NULL: all */
    struct debug_info *debug;          /* NULL: none; must outlive the samples */
    unsigned jobs;
    bool quiet;
};

/* Takes the samples, in parts where that is possible; shows progress. Signals are blocked from here on, and
 * end it. -1 with err. Free *out in any case (sampled_free). */
int take_samples(const struct sampling *wish, struct trace *t, struct sampled *out, struct error *err);

#endif
