/* annotate.h - makes a new record of a run, with other events (core/run/rewriter.h): in parts, several at a
 * time, or from shares that other machines made (core/run/share.h). */
#ifndef BOOTREEL_CORE_JOBS_ANNOTATE_H
#define BOOTREEL_CORE_JOBS_ANNOTATE_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/run/rewriter.h"
#include "core/run/share.h"

struct annotate_job {
    const char *path;                  /* of the new file; tapes are in the same folder */
    const struct engine_kind *kind;    /* as the trace's configuration names it */
    const struct trace_config *config; /* of the new trace */
    const struct setting
        *probe; /* those of its settings that are new probes; reprobe_check() is 0 for the trace */
    size_t nprobes;
    const char *profile;           /* the text of a new boot profile (core/story/profile.h), or NULL */
    const char *program;           /* this program's version, by which all shares must have been made */
    const struct trace_note *note; /* in addition to the record's, at the end; not of shares */
    size_t nnotes;
    unsigned jobs;
    struct jobs_front front;
    void (*warn)(void *ctx,
                 const char *text); /* NULL, or told of probes that were not reached; ctx: the front's */
};

enum annotate_outcome {
    ANNOTATE_DONE,
    ANNOTATE_UNCLEAR, /* with err: the record lacks what parts need; one job can still make the trace as a whole */
    ANNOTATE_INTERRUPTED,
    ANNOTATE_DIVERGED, /* the replay differs from the record: with `divergence` */
    ANNOTATE_FAILED,   /* with err */
};

struct annotated {
    enum annotate_outcome outcome;
    struct error err;
    char *divergence;
    uint64_t events; /* of the new trace; only ANNOTATE_DONE */
};
void annotated_free(struct annotated *a);

/* Writes the new trace. Unless the outcome is ANNOTATE_DONE, it ends where writing stopped. */
void annotate_in_parts(const struct annotate_job *job, struct trace *t, struct annotated *a);
/* Puts part `part` of `parts` of the run into a share; the caller completes or drops `out`. */
void annotate_to_share(const struct annotate_job *job, struct trace *t, unsigned part, unsigned parts,
                       struct share_writer *out, struct annotated *a);
/* Writes the new trace from n shares, in any order. Its classes, probes and profile are those of the shares, not of the job. */
void annotate_merge(const struct annotate_job *job, struct trace *t, char **share, size_t n,
                    struct annotated *a);

#endif
