/* verify.h - verifies a replay in parts, several at a time. */
#ifndef BOOTREEL_CORE_JOBS_VERIFY_H
#define BOOTREEL_CORE_JOBS_VERIFY_H

#include <stdio.h>

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"

struct verify_job {
    const struct engine_kind *kind; /* as the trace's configuration names it */
    unsigned part, parts;           /* K/N; 0/0: the whole */
    unsigned jobs;
    uint32_t classes; /* of the events that on_event is called with */
    /* Write what the guest printed, and its events, to the part's own stream. Called from the part's thread.
     * NULL: not asked for. */
    void (*on_console)(void *ctx, FILE *out, unsigned device, const void *data, size_t n);
    void (*on_event)(void *ctx, FILE *out, const struct event *ev);
    void *ctx;
    struct jobs_front front;
};

enum verify_outcome {
    VERIFY_EQUAL,
    VERIFY_DIFFERS,     /* with `divergence` */
    VERIFY_INTERRUPTED, /* at icount `from` + `steps`; equal as far as it was compared */
};

struct verified {
    enum verify_outcome outcome;
    char *divergence;
    char *console; /* what was written to the parts' streams, in order, up to the outcome */
    size_t nconsole;
    uint64_t from, steps, checkpoints, events;
    uint64_t newer, /* as in struct replay_report */
        taken; /* guest systems' events that were taken from the record: only a run by one job makes them anew */
};

/* The result does not depend on the number of jobs. -1 with err: the trace is damaged, or a part could not
 * run; v->console is then what came before that. *v is to be freed in any case. */
int verify_in_parts(const struct verify_job *job, struct trace *t, struct verified *v, struct error *err);
void verified_free(struct verified *v);

#endif
