/* cmd_calls.c - bootreel calls: who called whom in a part of a boot. */
#include <stdlib.h>
#include <string.h>

#include "base/output.h"
#include "base/units.h"
#include "cli/cli.h"
#include "core/ran/calls.h"

struct calls_command {
    const char *from, *to, *stage, *path, *min_time;
    struct calls_options o;
    const struct calls_format *format;
    bool quiet;
};

/* ---------------------------------------------------------------- the command */

static int write_calls(const struct calls_command *c, const struct calls *calls, struct trace *t,
                       struct error *err)
{
    struct output *out = output_open(c->path, err);
    if (!out)
        return -1;
    c->format->write(calls, output_file(out));
    return done_with_trace(out, t, err);
}

static void say_none(const struct calls_command *c)
{
    if (c->o.function)
        out_print(stderr,
                  "bootreel: calls: no call of %s in this window: bootreel symbols --all lists names\n",
                  c->o.function);
    else
        out_print(
            stderr,
            "bootreel: calls: no such call in this window: take a larger one, or a smaller --min-time\n");
}

static int run_on(struct calls_command *c, const struct engines *engines, struct trace *t, const char *path)
{
    struct error err;
    struct front front;
    if ((c->path && check_output_name("-o", c->path, path, &err)) ||
        find_range(engines, t, c->from, c->to, &c->o.from, &c->o.to, &err) ||
        (c->stage && within_stage(t, c->stage, &c->o.from, &c->o.to, &err)) ||
        !(c->o.kind = recording_engine(engines, t, path, &err)))
        return trouble(&err);
    struct symbols *symbols = symbols_load(t, &err);
    if (!symbols)
        return trouble(&err);
    c->o.trace = t;
    c->o.symbols = symbols;
    signals_block();
    c->o.front = front_begin(&front, "following calls", c->quiet);
    struct calls *calls = calls_take(&c->o, &err);
    front_end(&front);
    const int rc = calls ? write_calls(c, calls, t, &err) : -1;
    const bool any = calls && calls_count(calls);
    calls_free(calls);
    symbols_free(symbols);
    if (rc)
        return trouble(&err);
    if (!any)
        say_none(c);
    return any ? EXIT_DONE : EXIT_NO;
}

/* ---------------------------------------------------------------- options */

enum { OPT_DEPTH = 1, OPT_MIN_TIME, OPT_NAME, OPT_NO_ARGUMENTS };

static const struct option_row rows[] = {
    {.name = "from",
     .argument = "POSITION",
     .help = "the window begins there",
     STORE(struct calls_command, from),
     .more =
         "Without --from and --to the window is the whole boot: give --depth, --min-time or --function then."},
    {.name = "to", .argument = "POSITION", .help = "and ends there", STORE(struct calls_command, to)},
    {.name = "stage",
     .argument = "NAME",
     .help = "from the beginning to the end of the first stage of that name (bootreel stages)",
     STORE(struct calls_command, stage)},
    {.name = "function",
     .argument = "NAME",
     .help = "only calls of this function, and what they call; a pattern with * is allowed",
     STORE(struct calls_command, o.function)},
    {.name = "depth", .argument = "N", .help = "no deeper than N calls", .id = OPT_DEPTH},
    {.name = "min-time",
     .argument = "TIME",
     .help = "only calls that take at least that long: 500ns, 10us, 2ms, 1s",
     .id = OPT_MIN_TIME},
    {.name = "no-arguments", .help = "leave out arguments and results", .id = OPT_NO_ARGUMENTS},
    {.name = "format",
     .argument = "text|json|perfetto|folded",
     .help = "text (default), as ftrace's function_graph prints it; json; slices for Perfetto; folded stacks",
     .id = OPT_NAME},
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "write there (default: standard output)",
     STORE(struct calls_command, path)},
    GROUP(compile_options),
    QUIET_ROW(struct calls_command, quiet),
    END_OF_ROWS,
};

static int take_time(const struct option_row *row, const char *value, uint64_t *ns, struct error *err)
{
    return units_parse(value, time_units, ns)
               ? error_set(err, "--%s %.100s: no time: write 500ns, 10us, 2ms or 1s", row->name, value)
               : 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct calls_command *c = ctx;
    unsigned index;
    switch (row->id) {
    case OPT_DEPTH:
        return take_unsigned(row, value, 1, 1000, &c->o.depth, err);
    case OPT_MIN_TIME:
        return take_time(row, value, &c->o.min_time, err);
    case OPT_NO_ARGUMENTS:
        c->o.arguments = false;
        return 0;
    case OPT_NAME:
        if (option_word(row, value, &index, err))
            return -1;
        c->format = calls_format(value);
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_calls(struct engines *engines, int argc, char **argv)
{
    struct calls_command c = {.o = {.arguments = true}, .format = calls_format("text")};
    const char *path;
    int status;
    if (!parse_options(&command_calls, engines, argc, argv, take_option, &c, &status))
        return status;
    if (optind + 1 != argc)
        return trouble_text("calls: one trace is needed (see bootreel calls --help)");
    path = argv[optind];
    struct trace *t = open_trace(path);
    if (!t)
        return EXIT_TROUBLE;
    status = conclude_trace(t, run_on(&c, engines, t, path));
    trace_close(t);
    return finish_output(status);
}

const struct command command_calls = {
    .name = "calls",
    .run = cmd_calls,
    .what = "who called whom: each call and return of a window",
    .arguments = "TRACE [--from POSITION] [--to POSITION]",
    .rows = rows,
    .intro =
        "Prints the call tree of a window of a recorded boot, from the calls and returns that were executed: in kernels, modules, programs, loaders and "
        "firmware, with or without symbols. Interrupts, exceptions, system calls, task switches, tail calls and calls that were left without a return are "
        "told apart.",
    .more =
        "\"total\" is the guest time from a call to its return, with all in between; \"own\" is the time in the function itself. The first column is the "
        "position where a function is entered, or where it has returned to: `bootreel gdb` and `bootreel tui` go there. docs/what-ran.md has more.",
    .outro = "Exits with 1 if there is no such call.",
};
