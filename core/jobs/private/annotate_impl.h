/* annotate_impl.h - what the files annotate*.c share. */
#ifndef BOOTREEL_CORE_JOBS_ANNOTATE_IMPL_H
#define BOOTREEL_CORE_JOBS_ANNOTATE_IMPL_H

#include "core/jobs/annotate.h"

/* Stretches of the run, and what takes their items: in order, beginning with one TAPED_BEGIN. */
struct annotate_stretches {
    const struct annotate_job *job;
    struct trace *trace;
    size_t first, end;
    unsigned jobs;
    const struct part_state *begin; /* the state at `first`; NULL: it is guessed */
    int (*take)(void *ctx, enum taped what, const struct taped_item *item, struct error *err);
    void *ctx;
};
void annotate_stretches(const struct annotate_stretches *s, struct annotated *a);

/* Writes an item into the new trace. */
int annotate_write(struct rewriter *out, enum taped what, const struct taped_item *item, struct error *err);
/* Completes the trace if the outcome is ANNOTATE_DONE so far, and says which probes were not reached; otherwise stops writing it. */
void annotate_finish(const struct annotate_job *job, struct trace *t, struct rewriter *out,
                     struct annotated *a);

#endif
