/* trace_program.h - a program in bpftrace's language on the command line: for bootreel trace and record --trace. Private to cli/. */
#ifndef BOOTREEL_CLI_TRACE_PROGRAM_H
#define BOOTREEL_CLI_TRACE_PROGRAM_H

#include "core/ask/ask.h"

struct engines;

struct trace_program {
    char *text; /* what was read from a file */
    struct ask_source source;
    struct ask_program *program;
};

/* Reads a program: from `file` ("-": standard input), or, if that is NULL, the first of the n arguments. The other arguments are its
 * parameters. An exit status, after a message unless it is EXIT_DONE. */
int trace_program_read(struct trace_program *p, const char *file, char *const *argument, size_t n);
void trace_program_end(struct trace_program *p);
/* ask_options.print: on standard output, at once. */
void trace_program_print(void *ctx, const char *text, size_t n);
/* Runs it over a trace, as the options say, and prints on standard output. An exit status. */
int trace_program_run(struct trace_program *p, struct ask_options *o, bool quiet);
/* Over a whole trace in a file: prints what `bootreel trace` does. An exit status. */
int trace_program_over(struct trace_program *p, const struct engines *engines, const char *path, bool quiet);

#endif
