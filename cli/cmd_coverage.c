/* cmd_coverage.c - bootreel coverage: which code of a boot, or of several, was executed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output.h"
#include "cli/cli.h"
#include "core/ran/coverage.h"

struct coverage_command {
    const char *path;
    const char **minus;
    size_t nminus;
    const struct coverage_format *format;
    const char **given; /* files with lines */
    size_t ngiven;
    struct symbols **symbols; /* of all traces, and of the files given: the coverage refers to them */
    size_t nsymbols;
    unsigned jobs;
    bool all, quiet;
};

/* ---------------------------------------------------------------- the command */

static void keep(struct coverage_command *c, struct symbols *s)
{
    MEM_MORE(c->symbols, c->nsymbols);
    c->symbols[c->nsymbols++] = s;
}

static int add_open(struct coverage_command *c, const struct engines *engines, struct coverage *into,
                    struct trace *t, const char *path, bool minus, struct error *err)
{
    struct front front;
    struct coverage_options o = {.trace = t, .jobs = c->jobs ? c->jobs : jobs_usual(t)};
    struct symbols *s = symbols_load(t, err);
    if (!s)
        return -1;
    keep(c, s);
    o.symbols = s;
    if (!(o.kind = recording_engine(engines, t, path, err)))
        return -1;
    o.front = front_begin(&front, "covering", c->quiet);
    const int rc = coverage_add(into, &o, minus, err);
    front_end(&front);
    return rc;
}

static int add_trace(struct coverage_command *c, const struct engines *engines, struct coverage *into,
                     const char *path, bool minus)
{
    struct error err;
    if (c->path && check_output_name("-o", c->path, path, &err))
        return trouble(&err);
    struct trace *t = open_trace(path);
    if (!t)
        return EXIT_TROUBLE;
    int status = add_open(c, engines, into, t, path, minus, &err) ? trouble(&err) : EXIT_DONE;
    status = conclude_trace(t, status);
    trace_close(t);
    return status;
}

static int write_coverage(const struct coverage_command *c, const struct coverage *of)
{
    struct error err;
    if (c->format->binary && !c->path && isatty(STDOUT_FILENO))
        return trouble_text("coverage: not text: give a file with -o");
    struct output *out = output_open(c->path, &err);
    if (!out)
        return trouble(&err);
    if (c->format->write(of, c->all, output_file(out), &err)) {
        output_drop(out);
        return trouble(&err);
    }
    return output_done(out, &err) ? trouble(&err) : EXIT_DONE;
}

static int give_file(struct coverage_command *c, struct coverage *to, const char *path)
{
    struct error err;
    struct symbols *s = symbols_new();
    const struct symbol_table *t = symbols_add_elf_file(s, path, &err);
    keep(c, s);
    if (!t)
        return trouble(&err);
    if (coverage_give_lines(to, t))
        return EXIT_DONE;
    error_set(
        &err,
        "coverage: --symbols %.300s: no kernel or program of these boots has its functions at its addresses (bootreel symbols lists "
        "what has symbols); files of modules, and of programs without symbols, are given when a boot is recorded, or to bootreel annotate",
        path);
    return trouble(&err);
}

static int run(struct coverage_command *c, const struct engines *engines, char **path, int n)
{
    struct coverage *all = coverage_new();
    int status = EXIT_DONE;
    signals_block();
    for (int i = 0; i < n && status == EXIT_DONE; i++)
        status = add_trace(c, engines, all, path[i], false);
    for (size_t i = 0; i < c->nminus && status == EXIT_DONE; i++)
        status = add_trace(c, engines, all, c->minus[i], true);
    if (status == EXIT_DONE) {
        coverage_finish(all);
        for (size_t i = 0; i < c->ngiven && status == EXIT_DONE; i++)
            status = give_file(c, all, c->given[i]);
    }
    if (status == EXIT_DONE)
        status = write_coverage(c, all);
    coverage_free(all);
    return status;
}

/* ---------------------------------------------------------------- options */

enum { OPT_JOBS = 1, OPT_NAME, OPT_MINUS, OPT_ALL, OPT_GIVEN };

static const struct option_row rows[] = {
    {.name = "minus",
     .argument = "TRACE",
     .help = "leave out what this boot executed as well; can be given several times",
     .id = OPT_MINUS},
    {.name = "format",
     .argument = "text|lcov|drcov|html",
     .help = "text (default); lcov, for genhtml; drcov, for disassemblers; html",
     .id = OPT_NAME,
     .more = "lcov needs source lines: of --symbols, here or when the boot was recorded or annotated."},
    {.name = "symbols",
     .argument = "FILE",
     .help =
         "an ELF file with debug information, such as a vmlinux: its lines of source; can be given several times",
     .id = OPT_GIVEN},
    {.name = "all", .help = "text: list all functions that never ran", .id = OPT_ALL},
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "write there (default: standard output)",
     STORE(struct coverage_command, path)},
    {.name = "jobs", .argument = "N", .help = "on N processors (default: all of them)", .id = OPT_JOBS},
    GROUP(compile_options),
    QUIET_ROW(struct coverage_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct coverage_command *c = ctx;
    unsigned index;
    switch (row->id) {
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &c->jobs, err);
    case OPT_NAME:
        if (option_word(row, value, &index, err))
            return -1;
        c->format = coverage_format(value);
        return 0;
    case OPT_MINUS:
        MEM_MORE(c->minus, c->nminus);
        c->minus[c->nminus++] = value;
        return 0;
    case OPT_GIVEN:
        MEM_MORE(c->given, c->ngiven);
        c->given[c->ngiven++] = value;
        return 0;
    case OPT_ALL:
        c->all = true;
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_coverage(struct engines *engines, int argc, char **argv)
{
    struct coverage_command c = {.format = coverage_format("text")};
    int status;
    if (!parse_options(&command_coverage, engines, argc, argv, take_option, &c, &status))
        return status;
    if (optind >= argc)
        return trouble_text("coverage: no trace given (see bootreel coverage --help)");
    status = run(&c, engines, argv + optind, argc - optind);
    for (size_t i = 0; i < c.nsymbols; i++)
        symbols_free(c.symbols[i]);
    free(c.symbols);
    free(c.minus);
    free(c.given);
    return finish_output(status);
}

const struct command command_coverage = {
    .name = "coverage",
    .run = cmd_coverage,
    .what = "which code a boot executed, and which it never did",
    .arguments = "TRACE...",
    .rows = rows,
    .intro =
        "Says which functions, blocks and source lines of kernels, modules, programs, loaders and firmware a boot executed: several boots are added, and "
        "--minus takes boots away. The text also lists initcalls that never ran, and drivers whose probe function never ran.",
    .more = "The recording is run again in parts, on all processors. docs/what-ran.md has more.",
};
