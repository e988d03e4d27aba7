/* workers.h - pieces of work, each in a process of its own (fork), some at once. Private to cli/. */
#ifndef BOOTREEL_CLI_WORKERS_H
#define BOOTREEL_CLI_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct workers {
    uint64_t jobs; /* at once, at least 1 */
    size_t result; /* bytes of what a piece of work gives: at most PIPE_BUF */
    void *ctx;
    /* The next piece; false: there are no more. */
    bool (*next)(void *ctx, uint64_t *item);
    /* In the child. `slot`: a number below `jobs` that no other child has at that time. */
    void (*work)(void *ctx, uint64_t item, size_t slot, void *result);
    /* In the parent, in any order. `result` NULL: the child was ended by `signal`. -1 with err: no more work is begun. */
    int (*take)(void *ctx, uint64_t item, const void *result, int signal, struct error *err);
    void (*show)(void *ctx); /* after each */
    bool
        stopped; /* set if somebody stopped it by SIGINT, SIGTERM, SIGHUP or SIGQUIT; children at work are ended, with what they started */
};

/* -1 with err. The caller has no thread but this one. */
int workers_run(struct workers *w, struct error *err);
/* During `take`: whether somebody has stopped it. What was made meanwhile may have ended early. */
bool workers_stopped(struct workers *w);

#endif
