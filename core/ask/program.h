/* program.h - a program in bpftrace's language, read from its text (docs/trace.md has what is different from bpftrace).
 *
 *     struct ask_program *p = ask_parse(&(struct ask_source){.name = "program", .text = "kprobe:vfs_* { @[func] = count(); }"}, &err);
 *     ask_run(...)                                    see ask.h
 *     ask_free(p);
 *
 * A program that was read does not change any more, so any number of threads may run it. Reading it needs no trace. */
#ifndef BOOTREEL_CORE_ASK_PROGRAM_H
#define BOOTREEL_CORE_ASK_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ask_program;

struct ask_source {
    const char *name; /* a file's name, or "program": where errors are */
    const char *text;
    const char *const *parameters; /* $1, $2 … */
    size_t nparameters;
};

/* What is wrong, and where: line and column count from 1; 0: the program as a whole. `length`: the characters that are meant. */
struct ask_error {
    struct error error; /* "NAME:LINE:COLUMN: what, what to do" */
    unsigned line, column, length;
};

/* NULL with err if it is not a program, or uses something that there is not. Cost: microseconds for each line. */
struct ask_program *ask_parse(const struct ask_source *source, struct ask_error *err);
void ask_free(struct ask_program *p); /* NULL is allowed */

/* The line of the source that an error is in, without its end: `n` characters. NULL if there is none. */
const char *ask_error_line(const struct ask_source *source, const struct ask_error *err, size_t *n);

#endif
