/* cmd_export.c - bootreel export. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/cli.h"
#include "core/export/export.h"

struct export_command {
    const struct export_format *format;
    const char *path, *from, *to;
    struct export_options o;
    bool quiet, pictures_given;
    struct progress *progress;
};

static void on_progress(void *ctx, const struct engine *e)
{
    progress_update(((struct export_command *)ctx)->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    if (ctx)
        replay_interrupt(ctx);
}

/* ---------------------------------------------------------------- writing */

static int write_file(struct export_command *c, struct error *err)
{
    const struct export_format *f = c->format;
    struct output *out = f->write_folder  ? output_open_folder(c->path, err)
                         : f->write_named ? output_open_name(c->path, err)
                                          : output_open(c->path, err);
    if (!out)
        return -1;
    int rc = f->write_folder  ? f->write_folder(&c->o, output_folder(out), err)
             : f->write_named ? f->write_named(&c->o, output_name(out), err)
                              : f->write(&c->o, output_file(out), err);
    if (!rc)
        return done_with_trace(out, c->o.trace, err);
    output_drop(out);
    return rc;
}

static int write_export(struct export_command *c, struct error *err)
{
    struct signals *signals = c->o.replay ? signals_start(on_signal, c->o.replay) : NULL;
    c->progress = progress_new("exporting", c->quiet);
    int rc = write_file(c, err);
    progress_end(c->progress);
    signals_stop(signals);
    return rc;
}

static int check(const struct export_command *c, struct error *err)
{
    const struct export_format *f = c->format;
    if (!f)
        return error_set(err, "export: no format given: --format %s",
                         "perfetto, for example; bootreel export --help lists them");
    if (f->write_folder && !c->path)
        return error_set(err, "export --format %s: it is a folder: give its name with -o", f->name);
    if (f->write_named && !c->path)
        return error_set(err, "export --format %s: it is a file: give its name with -o", f->name);
    if (f->flags & EXPORT_BINARY && !c->path && isatty(STDOUT_FILENO))
        return error_set(err, "export --format %s: not text: give a file with -o", f->name);
    if (c->pictures_given && !f->pictures)
        return error_set(err, "--pictures: %s has none: leave it out, or give --format html or apng",
                         f->name);
    return 0;
}

static int prepare(struct export_command *c, const struct engines *engines, struct trace *t, const char *path,
                   struct error *err)
{
    struct export_options *o = &c->o;
    struct error refused;
    o->trace = t;
    o->kind = recording_engine(engines, t, path, &refused);
    if (!o->kind && c->format->pictures && !(c->format->flags & EXPORT_RUNS)) {
        struct text text = {0};
        text_add(&text, "%s; the report has no verdict and no pictures", refused.text);
        say_warning(NULL, text.s);
        free(text.s);
    }
    o->title = path_last_part(path);
    o->progress = on_progress;
    o->ctx = c;
    if (!c->pictures_given)
        o->pictures = o->kind || c->format->flags & EXPORT_RUNS ? c->format->pictures : 0;
    if (o->console == CONSOLE_AUTO)
        o->console = (int)trace_console(t);
    if (find_range(engines, t, c->from, c->to, &o->from, &o->to, err))
        return -1;
    if (!export_needs_replay(c->format, o))
        return 0;
    signals_block(); /* from here on a signal ends the replay, so that no half of a file is left */
    o->replay = open_replay(engines, t, path, err);
    return o->replay ? 0 : -1;
}

static int export(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct export_command *c = ctx;
    struct error err;
    int rc = check(c, &err);
    if (!rc && c->path)
        rc = check_output_name("-o", c->path, path, &err);
    if (!rc)
        rc = prepare(c, engines, t, path, &err);
    if (!rc)
        rc = write_export(c, &err);
    replay_close(c->o.replay);
    return rc ? trouble(&err) : EXIT_DONE;
}

/* ---------------------------------------------------------------- options */

enum { OPT_NAME = 1, OPT_OUTPUT, OPT_FROM, OPT_TO, OPT_EVERY, OPT_PICTURES, OPT_CONSOLE };

static const struct option_row rows[] = {
    {.name = "format",
     .argument = "perfetto|folded|pprof|speedscope|ctf|json|sqlite|asciicast|apng|pcapng|html",
     .help = "the format",
     .id = OPT_NAME},
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "write there (default: standard output)",
     .id = OPT_OUTPUT,
     .more =
         "The file appears under its name when it is complete; an earlier file of that name stays until then. ctf makes a folder of that name."},
    {.name = "from", .argument = "POSITION", .help = "only from there on (inclusive)", .id = OPT_FROM},
    {.name = "to",
     .argument = "POSITION",
     .help = "only up to there (inclusive)",
     .id = OPT_TO,
     .more = "Stages, initcalls and processes are always exported whole; sqlite has the whole trace."},
    {.name = "every",
     .argument = "STEPS",
     .help =
         "a sample every so many steps, for folded and pprof (default for pprof: about {samples} samples)",
     .id = OPT_EVERY},
    {.name = "pictures",
     .argument = "N",
     .help =
         "how many pictures: for apng the screen is looked at N times (default 250), for html up to N are shown (default 8; 0: none, and nothing is run)",
     .id = OPT_PICTURES},
    {.name = "console",
     .argument = "DEVICE",
     .help = "which console, for asciicast: {consoles} (default auto)",
     .id = OPT_CONSOLE},
    QUIET_ROW(struct export_command, quiet),
    END_OF_ROWS,
};

static int take_format_name(struct export_command *c, const struct option_row *row, const char *value,
                            struct error *err)
{
    unsigned index;
    if (option_word(row, value, &index, err))
        return -1;
    c->format = export_format_by_name(value);
    return 0;
}

static int take_pictures(struct export_command *c, const struct option_row *row, const char *value,
                         struct error *err)
{
    enum { MOST = 10000 };
    uint64_t n;
    c->pictures_given = true;
    if (take_number(row, value, 0, MOST, &n, err))
        return -1;
    c->o.pictures = (unsigned)n;
    return 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct export_command *c = ctx;
    switch (row->id) {
    case OPT_NAME:
        return take_format_name(c, row, value, err);
    case OPT_OUTPUT:
        c->path = value;
        return 0;
    case OPT_FROM:
        c->from = value;
        return 0;
    case OPT_TO:
        c->to = value;
        return 0;
    case OPT_EVERY:
        return take_steps(row, value, &c->o.every, err);
    case OPT_PICTURES:
        return take_pictures(c, row, value, err);
    case OPT_CONSOLE:
        return take_console(row, value, &c->o.console, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_export(struct engines *engines, int argc, char **argv)
{
    struct export_command c = {.o.console = CONSOLE_AUTO};
    return run_on_trace(&command_export, engines, argc, argv, take_option, &c, export);
}

const struct command command_export = {
    .name = "export",
    .run = cmd_export,
    .what = "the boot in the formats of other tools, or as a page to read",
    .arguments = "TRACE --format FORMAT [-o FILE]",
    .rows = rows,
    .intro =
        "Writes a recorded boot for other tools: time lines, profiles, events, the console, the screen, or a report. Times are "
        "guest time since the reset.",
    .more = "{export-formats}",
};
