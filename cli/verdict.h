/* verdict.h - what went wrong in a boot (core/why), as several commands say it. Private to cli/. */
#ifndef BOOTREEL_CLI_VERDICT_H
#define BOOTREEL_CLI_VERDICT_H

#include "core/why/why.h"

/* What went wrong in the whole record. NULL if it cannot be asked, for example because this program does not run the trace's engine as the
 * version that recorded it: the command then does its own work without a verdict. Cost: as why_ask(). */
struct why *verdict_of(const struct engines *engines, struct trace *t);
/* The exit status that says so: EXIT_DONE for a healthy boot, EXIT_NO for a broken one, EXIT_UNKNOWN if it cannot be told. */
int verdict_status(const struct why *w);

#endif
