/* record_summary.h - what `bootreel record` prints at its end. */
#ifndef BOOTREEL_CLI_RECORD_SUMMARY_H
#define BOOTREEL_CLI_RECORD_SUMMARY_H

#include "core/run/recorder.h"
#include "core/story/marks.h"
#include "core/why/why.h"

struct record_ended {
    const struct record_result *result;
    const struct marks *marks;
    const char *path; /* of the trace */
    bool typed;       /* Ctrl-A x ended it */
};

/* Whether it ended by a crash of the guest. */
bool record_crashed(const struct record_result *);
/* Why the recording ended, in words: a constant, or what it writes to `buf`. */
const char *record_how_ended(const struct record_ended *, char *buf, size_t size);
/* How the boot ended and where the trace is, on standard output; before that what went wrong, by `w`, which may be NULL. */
void record_summary(const struct record_ended *, const struct why *w);

#endif
