/* cmd_replay.c - bootreel replay. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "cli/cli.h"
#include "cli/seeks.h"
#include "core/jobs/verify.h"
#include "core/run/lockstep.h"
#include "core/run/replay.h"
#include "hv/hv.h"

struct replay_command {
    const char *path;
    bool verify, quiet, console_given;
    bool raw;
    int console;
    struct console printer;
    unsigned part, parts, jobs;
    unsigned seeks;
    uint64_t lockstep; /* steps between two comparisons; 0: no lockstep */
    struct progress *progress;
};

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct replay_command *c = ctx;
    console_bytes(&c->printer, device, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct replay_command *c = ctx;
    console_event(&c->printer, ev);
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

/* A trace of an older program. */
static void say_newer(uint64_t n)
{
    char a[NUMBER_TEXT];
    if (n)
        out_print(stdout, "not compared: %s of kinds that are newer than the trace\n",
                  number_counted(a, n, "more event"));
}

static int say_result(struct replay_command *c, const struct replay_report *rep)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], d[NUMBER_TEXT], e[NUMBER_TEXT];
    console_end(&c->printer, !c->quiet);
    if (rep->diverged) {
        out_print(stdout, "%s: the replay differs from the record\n", c->path);
        out_words(stdout, rep->divergence);
        return EXIT_NO;
    }
    if (rep->interrupted)
        return trouble_text("%s: interrupted at icount %llu; the replay equals the record up to there",
                            c->path, (unsigned long long)(rep->from + rep->steps));
    if (c->quiet)
        return EXIT_DONE;
    if (!rep->verified) {
        out_print(stdout, "replayed: %s steps, guest time %s\n", number_commas(a, rep->steps),
                  number_time(e, rep->stop.time));
        return EXIT_DONE;
    }
    out_print(stdout, "verified: %s steps, %s checkpoints, %s events\n", number_commas(a, rep->steps),
              number_commas(b, rep->checkpoints), number_commas(d, rep->events));
    say_newer(rep->newer);
    return EXIT_DONE;
}

static int run(struct replay_command *c, const struct engines *engines, struct trace *t, struct replay *r,
               struct error *err)
{
    const struct observer observer = {.ctx = c, .event = on_event, .console = on_console};
    struct replay_report rep;
    struct seeks *seeks = c->seeks ? seeks_new(t, c->seeks) : NULL;
    struct replay_options o = {.verify = c->verify, .progress = on_progress, .ctx = c};
    if (seeks)
        o.visit = seeks_visits(seeks, &o.nvisits);
    bool no_line = c->quiet || (c->console != CONSOLE_NONE && isatty(STDOUT_FILENO));
    c->progress = progress_new(c->verify ? "verifying" : "replaying", no_line);
    replay_observe(r, c->console == CONSOLE_SCREEN ? EVENT_CLASS_BIT(EC_CONSOLE) : 0, &observer);
    struct signals *signals = signals_start(on_signal, r);
    int rc = replay_all(r, &o, &rep, err);
    signals_stop(signals);
    progress_end(c->progress);
    int status = rc ? trouble(err) : say_result(c, &rep);
    free(rep.divergence);
    if (seeks && status == EXIT_DONE)
        status = seeks_compare(seeks, engines, c->path, c->quiet);
    seeks_free(seeks);
    return status;
}

/* ---------------------------------------------------------------- lockstep */

static void on_lockstep_signal(void *ctx)
{
    lockstep_interrupt(ctx);
}

static int say_lockstep(const struct replay_command *c, const struct lockstep_report *rep)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    if (rep->differs) {
        out_print(stdout,
                  "%s: compiled code does not do what the interpreter does; equal up to icount %llu\n",
                  c->path, (unsigned long long)rep->steps);
        out_words(stdout, rep->difference ? rep->difference : "");
        return EXIT_NO;
    }
    if (rep->interrupted)
        return trouble_text("%s: interrupted; equal up to icount %llu", c->path,
                            (unsigned long long)rep->steps);
    if (!c->quiet)
        out_print(stdout, "lockstep: %s steps, equal at each of %s comparisons\n",
                  number_commas(a, rep->steps), number_commas(b, rep->comparisons));
    return EXIT_DONE;
}

static int lockstep(struct replay_command *c, const struct engines *engines, struct trace *t)
{
    struct error err;
    struct lockstep_report rep;
    struct lockstep_options o = {.kind = recording_engine(engines, t, c->path, &err),
                                 .progress = on_progress,
                                 .ctx = c,
                                 .every = c->lockstep};
    if (o.kind && o.kind->host.interpret)
        return trouble_text("replay: --lockstep compares compiled code with the interpreter: leave out "
                            "--no-compile, or BOOTREEL_COMPILE=0");
    if (!hv_compiles())
        return trouble_text("replay: --lockstep: this build of bootreel has no compiler");
    struct lockstep *l = o.kind ? lockstep_open(t, &o, &err) : NULL;
    if (!l)
        return trouble(&err);
    c->progress = progress_new("comparing", c->quiet);
    struct signals *signals = signals_start(on_lockstep_signal, l);
    int rc = lockstep_run(l, &rep, &err);
    signals_stop(signals);
    progress_end(c->progress);
    lockstep_close(l);
    int status = rc ? trouble(&err) : say_lockstep(c, &rep);
    free(rep.difference);
    return status;
}

/* ---------------------------------------------------------------- in parts */

static void on_part_console(void *ctx, FILE *out, unsigned device, const void *data, size_t n)
{
    struct console part = console_on(out, ((const struct replay_command *)ctx)->console, true);
    console_bytes(&part, device, data, n);
}

static void on_part_event(void *ctx, FILE *out, const struct event *ev)
{
    struct console part = console_on(out, ((const struct replay_command *)ctx)->console, true);
    console_event(&part, ev);
}

static int say_verified(const struct replay_command *c, const struct verified *v)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], d[NUMBER_TEXT], e[NUMBER_TEXT];
    if (c->quiet)
        return EXIT_DONE;
    out_print(stdout, "verified: ");
    if (c->parts)
        out_print(stdout, "part %u of %u, from icount %s on: ", c->part, c->parts, number_commas(a, v->from));
    out_print(stdout, "%s steps, %s checkpoints, %s events\n", number_commas(a, v->steps),
              number_commas(b, v->checkpoints), number_commas(d, v->events));
    if (v->taken)
        out_print(stdout,
                  "of these, %s of guest systems %s taken from the record: only --jobs 1 makes them again\n",
                  number_counted(e, v->taken, "event"), v->taken == 1 ? "was" : "were");
    say_newer(v->newer);
    return EXIT_DONE;
}

static int say_outcome(const struct replay_command *c, const struct verified *v)
{
    switch (v->outcome) {
    case VERIFY_DIFFERS:
        out_print(stdout, "%s: the replay differs from the record\n", c->path);
        out_words(stdout, v->divergence);
        return EXIT_NO;
    case VERIFY_INTERRUPTED:
        return trouble_text("%s: interrupted at icount %llu; equal to the record as far as it was compared",
                            c->path, (unsigned long long)(v->from + v->steps));
    default:
        return say_verified(c, v);
    }
}

static int verify_parts(struct replay_command *c, const struct engines *engines, struct trace *t)
{
    struct error err;
    struct front front;
    struct verified v;
    struct verify_job job = {.kind = recording_engine(engines, t, c->path, &err),
                             .part = c->part,
                             .parts = c->parts,
                             .jobs = c->jobs,
                             .classes = c->console == CONSOLE_SCREEN ? EVENT_CLASS_BIT(EC_CONSOLE) : 0,
                             .on_console = on_part_console,
                             .on_event = on_part_event,
                             .ctx = c};
    if (!job.kind)
        return trouble(&err);
    job.front = front_begin(&front, "verifying", c->quiet);
    int rc = verify_in_parts(&job, t, &v, &err);
    front_end(&front);
    console_print(&c->printer, v.console, v.nconsole);
    console_end(&c->printer, !c->quiet);
    int status = rc ? trouble(&err) : say_outcome(c, &v);
    verified_free(&v);
    return status;
}

static int replay(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct replay_command *c = ctx;
    struct error err;
    c->path = path;
    if (c->quiet && c->verify && !c->console_given) /* who verifies wants the answer alone */
        c->console = CONSOLE_NONE;
    if (c->console == CONSOLE_AUTO)
        c->console = (int)trace_console(t);
    c->printer = console_on(stdout, c->console, c->raw);
    if (!c->verify && (c->parts || c->jobs))
        return trouble_text("replay: --part and --jobs are for --verify: add it, or leave them out");
    if (c->seeks && (!c->verify || c->parts || c->jobs > 1))
        return trouble_text(
            "replay: --seeks goes with --verify, of the whole run by one job: leave out --part and --jobs");
    if (c->seeks)
        c->jobs = 1;
    if (c->lockstep && (c->verify || c->console_given))
        return trouble_text("replay: --lockstep goes with neither --verify nor --console");
    if (c->lockstep) {
        signals_block();
        return lockstep(c, engines, t);
    }
    if (!c->jobs)
        c->jobs = c->verify && !replay_check_parts(t, &err) ? jobs_usual(t) : 1;
    signals_block();
    if (c->parts || c->jobs > 1)
        return verify_parts(c, engines, t);
    struct replay *r = open_replay(engines, t, path, &err);
    int status = r ? run(c, engines, t, r, &err) : trouble(&err);
    replay_close(r);
    return status;
}

enum {
    OPT_CONSOLE = 1,
    OPT_PART,
    OPT_JOBS,
    OPT_SEEKS,
    OPT_LOCKSTEP,
    LOCKSTEP_EVERY = 1000000,
    SEEKS = 20,
    MAX_SEEKS = 10000
};

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
     .help = "with --verify: on N processors, in parts (default: all of them)",
     .id = OPT_JOBS,
     .more =
         "Each job needs as much memory as the guest has touched, and some 130 MB; without this option there are only as many as the free memory allows. "
         "The output is that of one job, but for a line that says how many events were taken from the record: those of guest "
         "systems, which only --jobs 1 makes again."},
    {.name = "seeks",
     .argument = "[N]",
     .help = "with --verify: also go to N positions in any order, and compare the state there (default 20)",
     .id = OPT_SEEKS,
     .more =
         "The positions are the same each time, some of them next to checkpoints. The state at each, as the terminal interface and gdb "
         "get to it, must be the one that the verified run passes there."},
    {.name = "lockstep",
     .argument = "[N]",
     .help = "compile and interpret the code side by side, and compare the states every N steps (default 1M)",
     .id = OPT_LOCKSTEP,
     .more =
         "This is a test of bootreel itself, which needs no record of a state: one machine compiles the guest's code, another "
         "interprets it. If their states differ, the first step after which they do is named, with the last instructions before it "
         "and what differs."},
    {.name = "console",
     .argument = "DEVICE",
     .help = "which console to print: {consoles} (default auto)",
     .id = OPT_CONSOLE,
     .more = "`auto` is the first serial port, or the screen if that port printed nothing."},
    {.name = "raw",
     .help = "print the console's bytes as they are, on a terminal too",
     .more =
         "Without it, what a guest prints on a terminal cannot control it: see ESCAPES. Into a file or a pipe the bytes are always printed as they "
         "are.",
     STORE(struct replay_command, raw)},
    GROUP(compile_options),
    QUIET_ROW(struct replay_command, quiet),
    END_OF_ROWS,
};

static int take_every(const struct option_row *row, const char *value, uint64_t *n, struct error *err)
{
    *n = LOCKSTEP_EVERY;
    if (value && take_steps(row, value, n, err))
        return -1;
    return *n ? 0 : error_set(err, "--%s: give at least one step, such as 1M", row->name);
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct replay_command *c = ctx;
    switch (row->id) {
    case OPT_PART:
        return take_part(row, value, &c->part, &c->parts, err);
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &c->jobs, err);
    case OPT_SEEKS:
        c->seeks = SEEKS;
        return value ? take_unsigned(row, value, 1, MAX_SEEKS, &c->seeks, err) : 0;
    case OPT_LOCKSTEP:
        return take_every(row, value, &c->lockstep, err);
    case OPT_CONSOLE:
        c->console_given = true;
        return take_console(row, value, &c->console, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_replay(struct engines *engines, int argc, char **argv)
{
    struct replay_command c = {.console = CONSOLE_AUTO};
    return run_on_trace(&command_replay, engines, argc, argv, take_option, &c, replay);
}

const struct command command_replay = {
    .name = "replay",
    .run = cmd_replay,
    .what = "run a trace again, and verify it",
    .arguments = "TRACE [--verify [--part K/N] [--jobs N] [--seeks[=N]] | --lockstep[=N]]",
    .rows = rows,
    .intro = "Runs the recorded boot again, from the trace alone, and prints the guest's console.",
    .more =
        "How the run ends, and the state in which it leaves the machine, is always compared with the record.",
    .outro = "If the replay differs from the record, it says where, and exits with 1.",
};
