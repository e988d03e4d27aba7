/* answers.h - typing by program on the command line: --type and --type-file. */
#ifndef BOOTREEL_CLI_ANSWERS_H
#define BOOTREEL_CLI_ANSWERS_H

#include "cli/options.h"
#include "core/live/answers.h"

/* Adds an answer, or those of a file, to *answers, which is made if it is NULL. -1 with err, which names the option. */
int take_answers(const struct option_row *row, const char *value, bool file, struct answers **answers,
                 struct error *err);
/* Names the answers that were not typed, on standard error. Whether there are any. NULL is allowed. */
bool answers_say_lacking(const struct answers *a);

#endif
