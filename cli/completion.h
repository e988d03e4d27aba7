/* completion.h - shell completion, one writer a shell. Private to cli/. Each prints a whole script that follows from the tables
 * (cli/options.h), and which the shell's own folder for completions can hold as it is. */
#ifndef BOOTREEL_CLI_COMPLETION_H
#define BOOTREEL_CLI_COMPLETION_H

#include <stdio.h>

#include "cli/options.h"

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

/* What is completed for a command's arguments that are no options. To be freed by argument_values_free. */
void command_values(const struct command *c, struct argument_values *v);

/* `text` in single quotes, as bash, zsh and fish read them; the literals' marks of the tables are left out. */
void put_quoted(FILE *out, const char *text);

#endif
