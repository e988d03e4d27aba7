/* with_calls.h - a trace with system calls, for commands that need them: the one that was given, or its run once more. Private to cli/. */
#ifndef BOOTREEL_CLI_WITH_CALLS_H
#define BOOTREEL_CLI_WITH_CALLS_H

#include <stdbool.h>

struct engines;
struct trace;

struct with_calls {
    const char *output; /* where a trace that is made is kept; NULL: nowhere */
    bool quiet;
    char *folder; /* of the trace that is not kept, or NULL */
    char *made;   /* that trace */
};

/* `t` itself if it has system calls; otherwise a new trace, to be closed. NULL after a message, with *status. */
struct trace *with_calls_open(struct with_calls *w, const struct engines *engines, struct trace *t,
                              const char *path, int *status);
/* Removes what is not kept. */
void with_calls_end(struct with_calls *w);

#endif
