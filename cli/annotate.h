/* annotate.h - annotate in parts. Private to cli/. */
#ifndef BOOTREEL_CLI_ANNOTATE_H
#define BOOTREEL_CLI_ANNOTATE_H

#include "core/rewriter.h"

struct annotate_parts {
    const char *path, *from; /* of the new trace, of the record */
    const struct trace_config *config;
    unsigned jobs;
    bool quiet;
};
/* 1: done, *status is the exit status; 0: the new events cannot be put in order this way: record the run as a whole. */
int annotate_in_parts(const struct annotate_parts *v, struct trace *t, int *status);

#endif
