/* output.h - a file that a command makes: whole under its name, or not there at all. The one way in which the program writes the files that a
 * user asked for; a trace, which must be readable while it is recorded, has its own (traces/written_file.h).
 *
 * It is written into a temporary file of its own in the same folder: one without a name where the host has these (O_TMPFILE), otherwise one
 * that did not exist before (O_EXCL). When it is complete and on the disk, it gets its name by a rename. So after a full disk, a signal, a
 * crash or an error what was there before is still there, a partial file cannot be taken for a whole one, and of two programs that write one
 * name at the same time each writes a whole file: the later one stays. Where the name is a symbolic link, the file that it leads to is
 * replaced. A replaced file's permissions are kept. What is not an ordinary file (a pipe, a terminal, /dev/null) is written as it is.
 */
#ifndef BOOTREEL_BASE_OUTPUT_H
#define BOOTREEL_BASE_OUTPUT_H

#include <stdio.h>

#include "base/error.h"

struct output;

/* NULL path: standard output. NULL with err. */
struct output *output_open(const char *path, struct error *err);
/* A folder, which must not exist. */
struct output *output_open_folder(const char *path, struct error *err);
/* A file that a library opens and writes, by the name that output_name gives: an empty file is there. NULL with err. */
struct output *output_open_name(const char *path, struct error *err);
/* What is jumped over by fseeko() is a hole that reads as zeros; that fails where the file is written as it is. */
FILE *output_file(struct output *o);
const char *output_folder(struct output *o);
const char *output_name(struct output *o);
/* Completes it, and frees. -1 with err if it could not be written; then nothing is left of it. */
int output_done(struct output *o, struct error *err);
/* Removes it, and frees. NULL is allowed. */
void output_drop(struct output *o);

#endif
