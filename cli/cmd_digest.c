/* cmd_digest.c - bootreel digest. */
#include "base/output.h"
#include "cli/cli.h"
#include "cli/outline_options.h"
#include "core/compare/digest.h"

struct options {
    struct outline_options outline;
    const char *file;
    bool times;
};

enum { OPT_OUTPUT = 1 };

static const struct option_row rows[] = {
    {.name = "output", .letter = 'o', .argument = "FILE", .help = "write to FILE", .id = OPT_OUTPUT},
    {.name = "times",
     .help = "print times, steps and counts in the lines that they belong to, not in a section at the end",
     STORE(struct options, times)},
    GROUP(outline_options),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct options *o = ctx;
    switch (row->id) {
    case OPT_OUTPUT:
        o->file = value;
        return 0;
    default:
        return take_outline_option(&o->outline, row, value, err);
    }
}

static int write_digest(const struct options *o, const struct trace *t, const struct outline *outline,
                        struct error *err)
{
    struct output *out = output_open(o->file, err);
    if (!out)
        return -1;
    digest_write(outline, o->times, output_file(out), err);
    return done_with_trace(out, t, err); /* says what could not be written where */
}

static int make_digest(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct options *o = ctx;
    struct error err;
    if (o->file && check_output_name("-o", o->file, path, &err))
        return trouble(&err);
    struct outline *outline = outline_from_trace(&o->outline, t, path, &err);
    int rc = outline ? write_digest(o, t, outline, &err) : -1;
    outline_free(outline);
    return rc ? trouble(&err) : EXIT_DONE;
}

static int cmd_digest(struct engines *engines, int argc, char **argv)
{
    struct options o = {0};
    int status = run_on_trace(&command_digest, engines, argc, argv, take_option, &o, make_digest);
    outline_options_free(&o.outline);
    return status;
}

const struct command command_digest = {
    .name = "digest",
    .run = cmd_digest,
    .what = "the boot as a small text, to be kept in git and compared",
    .arguments = "TRACE [-o FILE]",
    .rows = rows,
    .intro =
        "Prints the boot as a text: its stages, processes, milestones and console lines, with a line for each; then the guest time of each stage, and how often each port, address and vector was used. bootreel diff accepts such a digest instead of a trace. It can be kept in git: what changes from boot to boot without meaning is at its end, so the beginning of git diff shows what matters.",
};
