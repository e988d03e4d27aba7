/* markup.h - text in XML and HTML. Private to cli/. */
#ifndef BOOTREEL_CLI_MARKUP_H
#define BOOTREEL_CLI_MARKUP_H

#include <stdio.h>

/* Prints text with the characters that mean something in XML replaced, and with control characters, which XML 1.0
 * cannot hold, as \xNN. */
void markup_text(FILE *out, const char *text);

#endif
