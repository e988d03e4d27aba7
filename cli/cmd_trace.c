/* cmd_trace.c - bootreel trace: a program in bpftrace's language on a recorded boot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/trace_program.h"

struct trace_command {
    const char *from, *to, *stage, *file, *list;
    bool json, quiet, positions;
    unsigned jobs;
    char **argument; /* the program, unless it is in a file; then its parameters */
    size_t narguments;
};

/* ---------------------------------------------------------------- the command */

static int run_program(struct trace_command *c, struct ask_options *o)
{
    struct trace_program p;
    int status = trace_program_read(&p, c->file, c->argument, c->narguments);
    if (status == EXIT_DONE)
        status = trace_program_run(&p, o, c->quiet);
    trace_program_end(&p);
    return status;
}

static int list(const struct trace_command *c, const struct ask_options *o)
{
    struct ask_error err;
    const long n = ask_list(o, c->list, &err);
    return n < 0 ? trouble(&err.error) : n ? EXIT_DONE : EXIT_NO;
}

static int run_on(struct trace_command *c, const struct engines *engines, struct trace *t, const char *path)
{
    struct error err;
    struct ask_options o = {.trace = t,
                            .jobs = c->jobs ? c->jobs : jobs_usual(t),
                            .json = c->json,
                            .positions = c->positions,
                            .print = trace_program_print};
    if (find_range(engines, t, c->from, c->to, &o.from, &o.to, &err) ||
        (c->stage && within_stage(t, c->stage, &o.from, &o.to, &err)) ||
        !(o.kind = recording_engine(engines, t, path, &err)))
        return trouble(&err);
    if (!c->to && !c->stage)
        o.to++; /* the record's last position has events too */
    struct symbols *symbols = symbols_load(t, &err);
    if (!symbols)
        return trouble(&err);
    o.symbols = symbols;
    const int status = c->list ? list(c, &o) : run_program(c, &o);
    symbols_free(symbols);
    return status;
}

/* ---------------------------------------------------------------- options */

enum { OPT_JOBS = 1 };

static const struct option_row rows[] = {
    {.name = "file",
     .letter = 'f',
     .argument = "FILE",
     .help = "the program is in FILE (-: standard input)",
     STORE(struct trace_command, file)},
    {.name = "list",
     .letter = 'l',
     .argument = "PATTERN",
     .help = "list the probes that fit, with their arguments: 'kprobe:vfs_*', 'event:*'",
     STORE(struct trace_command, list),
     .more = "An empty PATTERN lists the kinds of probes. Exits with 1 if nothing fits."},
    {.name = "from",
     .argument = "POSITION",
     .help = "only from there on (inclusive)",
     STORE(struct trace_command, from)},
    {.name = "to",
     .argument = "POSITION",
     .help = "only up to there (exclusive)",
     STORE(struct trace_command, to)},
    {.name = "stage",
     .argument = "NAME",
     .help = "from the beginning to the end of the first stage of that name (bootreel stages)",
     STORE(struct trace_command, stage)},
    {.name = "positions",
     .help = "begin what printf and print() write with its icount",
     STORE(struct trace_command, positions),
     .more = "An icount is a position: `bootreel gdb` and `bootreel tui` go there."},
    {.name = "jobs",
     .argument = "N",
     .help = "on N processors (default: all of them)",
     .id = OPT_JOBS,
     .more =
         "A program that only counts, adds up and prints runs in parts; others run in order, by one job. The output is the same."},
    {.name = "format",
     .argument = "text|json",
     .help = "text (default), or json: an object a line, as bpftrace -f json",
     STORE_FORMAT(struct trace_command, json)},
    GROUP(compile_options),
    QUIET_ROW(struct trace_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct trace_command *c = ctx;
    switch (row->id) {
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &c->jobs, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_trace(struct engines *engines, int argc, char **argv)
{
    struct trace_command c = {.quiet = false};
    int status;
    if (!parse_options(&command_trace, engines, argc, argv, take_option, &c, &status))
        return status;
    if (optind >= argc)
        return trouble_text("trace: no trace given (see bootreel trace --help)");
    c.argument = argv + optind + 1;
    c.narguments = (size_t)(argc - optind - 1);
    struct trace *t = open_trace(argv[optind]);
    if (!t)
        return EXIT_TROUBLE;
    status = conclude_trace(t, run_on(&c, engines, t, argv[optind]));
    trace_close(t);
    return finish_output(status);
}

const struct command command_trace = {
    .name = "trace",
    .run = cmd_trace,
    .what = "ask a boot in bpftrace's language",
    .arguments = "TRACE PROGRAM|--file FILE|--list PATTERN [PARAMETER…]",
    .rows = rows,
    .intro =
        "Runs a program in bpftrace's language over a recorded boot, from the reset vector on. Probes are at "
        "functions of kernels, modules, programs, loaders and firmware, at addresses and lines, at memory that is accessed, at the trace's events and "
        "stages, and at times. Nothing has to be built into the guest for it, and the recorded run does not change.",
    .more =
        "Only the parts of the run in which a probe can fire are run again, as the trace's index says. PARAMETER is what $1, $2 and so on stand for. "
        "What the language is, and how it differs from bpftrace, is in docs/trace.md.",
    .outro = "Exits with 2 if the program is wrong: the message says where.",
};
