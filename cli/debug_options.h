/* debug_options.h - --debug-info and --source, which several commands take. */
#ifndef BOOTREEL_CLI_DEBUG_OPTIONS_H
#define BOOTREEL_CLI_DEBUG_OPTIONS_H

#include "cli/options.h"
#include "core/symbols/debug.h"

/* What was asked for; all 0: nothing. */
struct debug_wish {
    struct words where, sources;
};
extern const struct option_row debug_options[];
/* Takes one of these options. -1 with err if it is another. */
int debug_option(struct debug_wish *w, const struct option_row *row, const char *value, struct error *err);
/* What was asked for; *d is NULL if that is nothing. What does not fit is said on standard error. Frees the wish. -1 with err if a file or
 * folder cannot be read. */
int debug_open(struct debug_wish *w, struct debug_info **d, struct error *err);

#endif
