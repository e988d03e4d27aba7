/* cmd_replay.c - bootreel replay. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/replay.h"

struct replay_command {
    const char *path;
    bool verify, quiet;
    int console;
    unsigned part, parts, jobs;
    struct progress *progress;
    char last; /* byte on standard output */
};

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct replay_command *c = ctx;
    console_bytes(c->console, device, data, n);
    if ((int)device == c->console && n)
        c->last = ((const char *)data)[n - 1];
}

static void on_event(void *ctx, const struct event *ev)
{
    struct replay_command *c = ctx;
    console_event(c->console, ev);
}

static void on_progress(void *ctx, const struct engine *e)
{
    struct replay_command *c = ctx;
    fflush(stdout);
    progress_update(c->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    replay_interrupt(ctx);
}

/* ---------------------------------------------------------------- the result */

static int say_result(const struct replay_command *c, const struct replay_report *rep)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], d[NUMBER_TEXT], e[NUMBER_TEXT];
    if (!c->quiet && c->last != '\n')
        putchar('\n');
    if (rep->diverged) {
        printf("%s: the replay differs from the record\n%s", c->path, rep->divergence);
        return EXIT_NO;
    }
    if (rep->interrupted)
        return trouble_text("%s: interrupted at icount %llu; the replay equals the record up to there",
                            c->path, (unsigned long long)(rep->from + rep->steps));
    if (c->quiet)
        return EXIT_DONE;
    if (rep->verified)
        printf("verified: %s steps, %s checkpoints, %s events\n", commas(a, rep->steps),
               commas(b, rep->checkpoints), commas(d, rep->events));
    else
        printf("replayed: %s steps, guest time %s\n", commas(a, rep->steps), seconds(e, rep->stop.time));
    return EXIT_DONE;
}

static int run(struct replay_command *c, struct replay *r, struct error *err)
{
    const struct observer observer = {.ctx = c, .event = on_event, .console = on_console};
    const struct replay_options o = {.verify = c->verify, .progress = on_progress, .ctx = c};
    struct replay_report rep;
    bool no_line = c->quiet || (c->console != CONSOLE_NONE && isatty(STDOUT_FILENO));
    c->progress = progress_new(c->verify ? "verifying" : "replaying", no_line);
    replay_observe(r, c->console == CONSOLE_SCREEN ? EVENT_CLASS_BIT(EC_CONSOLE) : 0, &observer);
    struct signals *signals = signals_start(on_signal, r);
    int rc = replay_all(r, &o, &rep, err);
    signals_stop(signals);
    progress_end(c->progress);
    int status = rc ? trouble(err) : say_result(c, &rep);
    free(rep.divergence);
    return status;
}

static int replay(void *ctx, struct trace *t, const char *path)
{
    struct replay_command *c = ctx;
    struct error err;
    c->path = path;
    if (c->console == CONSOLE_AUTO)
        c->console = console_of_trace(t);
    if (!c->verify && (c->parts || c->jobs > 1))
        return trouble_text("replay: --part and --jobs are for --verify: add it, or leave them out");
    signals_block();
    if (c->parts || c->jobs > 1) {
        const struct verify_parts v = {.path = path,
                                       .part = c->part,
                                       .parts = c->parts,
                                       .jobs = c->jobs,
                                       .console = c->console,
                                       .quiet = c->quiet};
        return verify_in_parts(&v, t);
    }
    struct replay *r = open_replay(t, path, &err);
    int status = r ? run(c, r, &err) : trouble(&err);
    replay_close(r);
    return status;
}

enum { OPT_CONSOLE = 1, OPT_PART, OPT_JOBS, MAX_JOBS = 256, MAX_PARTS = 1000000 };

static const struct option_row rows[] = {
    {.name = "verify",
     .help = "compare every event, and the whole state at every checkpoint, with the record",
     STORE(struct replay_command, verify),
     .more =
         "If something differs it is named with its icount: the first event that differs, the registers and fields of devices with "
         "both values, and the pages of memory with the first differing byte."},
    {.name = "part",
     .argument = "K/N",
     .help = "with --verify: only part K of N, for several machines",
     .id = OPT_PART,
     .more =
         "A part begins and ends at a checkpoint, and needs nothing of the others: if all N parts are verified, so is the whole. "
         "There may be more parts than stretches between checkpoints; some are then empty. In parts after the first the events "
         "of guest systems (initcalls, processes …) are taken from the record, which needs the run from its beginning to make "
         "them again; the states and all other events are compared."},
    {.name = "jobs",
     .argument = "N",
     .help = "with --verify: on N processors, in parts (default 1)",
     .id = OPT_JOBS,
     .more = "Each job needs the guest's memory and some 250 MB. The output is that of one job."},
    {.name = "console",
     .argument = "DEVICE",
     .help = "which console to print: {consoles} (default auto)",
     .id = OPT_CONSOLE,
     .more = "`auto` is the first serial port, or the screen if that port printed nothing."},
    GROUP(compile_options),
    GROUP(quiet_options),
    END_OF_ROWS,
};

static int take_unsigned(const struct option_row *row, const char *value, uint64_t min, uint64_t max,
                         unsigned *n, struct error *err)
{
    uint64_t v;
    if (take_number(row, value, min, max, &v, err))
        return -1;
    *n = (unsigned)v;
    return 0;
}

static int take_part(struct replay_command *c, const struct option_row *row, const char *value,
                     struct error *err)
{
    char extra;
    if (sscanf(value, "%u/%u%c", &c->part, &c->parts, &extra) != 2 || !c->part || c->part > c->parts ||
        c->parts > MAX_PARTS || strspn(value, "0123456789/") != strlen(value))
        return error_set(err, "--%s: \"%.40s\": give K/N, with K from 1 to N", row->name, value);
    return 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct replay_command *c = ctx;
    switch (row->id) {
    case OPT_PART:
        return take_part(c, row, value, err);
    case OPT_JOBS:
        return take_unsigned(row, value, 1, MAX_JOBS, &c->jobs, err);
    case OPT_CONSOLE:
        return take_console(row, value, &c->console, err);
    case OPT_QUIET:
        c->quiet = true;
        return 0;
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_replay(int argc, char **argv)
{
    struct replay_command c = {.console = CONSOLE_AUTO, .jobs = 1, .last = '\n'};
    return run_on_trace(&command_replay, argc, argv, take_option, &c, replay);
}

const struct command command_replay = {
    .name = "replay",
    .run = cmd_replay,
    .what = "run a trace again, and verify it",
    .arguments = "TRACE [--verify [--part K/N] [--jobs N]]",
    .rows = rows,
    .intro = "Runs the recorded boot again, from the trace alone, and prints the guest's console.",
    .more =
        "How the run ends, and the state in which it leaves the machine, is always compared with the record.",
    .outro = "If the replay differs from the record, it says where, and exits with 1.",
};
