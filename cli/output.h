/* output.h - a file that a command makes: whole under its name, or not there at all. Private to cli/.
 *
 * It is written under another name beside it, and renamed when it is complete. So after a full disk, a signal
 * or an error what was there before is still there, and a partial file cannot be taken for a whole one. What
 * is not an ordinary file (a pipe, a terminal, /dev/null) is written as it is.
 */
#ifndef BOOTREEL_CLI_OUTPUT_H
#define BOOTREEL_CLI_OUTPUT_H

#include <stdio.h>

#include "traces/error.h"

struct output;

/* NULL path: standard output. NULL with err. */
struct output *output_open(const char *path, struct error *err);
/* A folder, which must not exist. */
struct output *output_open_folder(const char *path, struct error *err);
/* A file that somebody else opens and writes, by the name that output_name gives. */
struct output *output_open_name(const char *path);
FILE *output_file(struct output *o);
const char *output_folder(struct output *o);
const char *output_name(struct output *o);
/* Completes it, and frees. -1 with err if it could not be written; then nothing is left of it. */
int output_done(struct output *o, struct error *err);
/* Removes it, and frees. NULL is allowed. */
void output_drop(struct output *o);

#endif
