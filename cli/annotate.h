/* annotate.h - what other commands use of bootreel annotate. Private to cli/. */
#ifndef BOOTREEL_CLI_ANNOTATE_H
#define BOOTREEL_CLI_ANNOTATE_H

#include <stdbool.h>
#include <stdint.h>

struct trace;

struct engines;
/* Runs `t`, opened from the file `from`, again, and records it into `to` with these classes added. Says
 * nothing unless it goes wrong, but shows its progress. Returns an exit status. */
int annotate_quickly(const struct engines *engines, struct trace *t, const char *from, const char *to,
                     uint32_t classes, bool quiet);

#endif
