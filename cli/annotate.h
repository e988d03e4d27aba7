/* annotate.h - annotate in parts. Private to cli/. */
#ifndef BOOTREEL_CLI_ANNOTATE_H
#define BOOTREEL_CLI_ANNOTATE_H

#include "core/run/rewriter.h"

struct annotate_parts {
    const char *path, *from; /* of the new file, of the record */
    const struct trace_config *config;
    unsigned jobs;
    bool quiet;
};
/* 1: done, *status is the exit status; 0: the new events cannot be put in order this way: record the run as a whole. */
int annotate_in_parts(const struct annotate_parts *v, struct trace *t, int *status);

/* ---- shares (core/run/share.h); both return the exit status ---- */

#define ANNOTATE_INTERRUPTED_TEXT "interrupted; %s is complete up to where it was written"

/* Writes share `part` of `parts`. */
int annotate_share(const struct annotate_parts *v, struct trace *t, unsigned part, unsigned parts);
/* Writes the new trace from n shares, in any order. Its classes are those of the shares, not of v->config. */
int annotate_merge(const struct annotate_parts *v, struct trace *t, char **share, size_t n);

/* ---- what both are made of ---- */

/* Stretches of the run, and where their items go: in order, from one TAPED_BEGIN on. */
struct annotate_stretches {
    const struct annotate_parts *v;
    struct trace *trace;
    size_t first, end;
    unsigned jobs;
    const struct fold_state *begin; /* the folder's state at `first`; NULL: it is guessed */
    int (*take)(void *ctx, enum taped what, const struct taped_item *item, struct error *err);
    void *ctx;
};
/* How it went. ANNOTATED_TROUBLE: it was said, and *status is set. ANNOTATED_UNCLEAR: with text, what the record does not say. */
enum annotated { ANNOTATED, ANNOTATED_UNCLEAR, ANNOTATED_INTERRUPTED, ANNOTATED_TROUBLE };
enum annotated annotate_stretches(const struct annotate_stretches *s, int *status, struct error *text);

/* Writes an item into the new trace. */
int annotate_write(struct rewriter *out, enum taped what, const struct taped_item *item, struct error *err);
/* Completes it, and says so. */
int annotate_finish(const struct annotate_parts *v, struct trace *t, struct rewriter *out);

/* Runs `t`, opened from the file `from`, again, and records it into `to` with these classes added. Says nothing unless it goes wrong, but
 * shows its progress. Returns an exit status. */
int annotate_quickly(struct trace *t, const char *from, const char *to, uint32_t classes, bool quiet);

#endif
