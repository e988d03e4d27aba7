/* cmd_annotate.c - bootreel annotate: repeats a run, and records more of it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "cli/annotate.h"
#include "cli/cli.h"
#include "core/jobs/annotate.h"
#include "core/ran/coverage.h"
#include "core/run/images.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "core/story/guest.h"
#include "core/story/inspector.h"
#include "core/story/reprobe.h"
#include "core/story/stages.h"

struct annotate {
    struct record_options o;
    const struct engines *engines;
    struct trace *t;
    const char *from;      /* its path */
    const char *events;    /* --events as given; NULL: what the trace has */
    uint32_t more_classes; /* beside these */
    struct observed observed;
    struct profile *profile; /* the trace's */
    struct setting *settings;
    struct text inspect; /* the setting, if the trace has none */
    struct engine_config config;
    struct progress *progress;
    unsigned jobs;
    unsigned part, parts; /* K/N; 0/0: the whole */
    bool merge;
    char **share; /* with --merge: their files */
    int shares;
    bool inspect_again;
    bool coverage;
    struct trace_note *note; /* what --coverage adds */
    size_t nnotes;
    bool quiet, no_summary;
};

/* --events "+syscall,-pio" changes the trace's classes; otherwise it gives all of them. */
static uint32_t choose_classes(const struct annotate *a)
{
    uint32_t mask = trace_config(a->t)->classes;
    if (a->events) /* take_classes() has found it valid */
        event_classes_parse(a->events, mask, &mask, NULL);
    return mask | a->more_classes;
}

/* The recorded machine, with the new probes. */
static void make_config(struct annotate *a, struct image_replay *images)
{
    const struct trace_config *tc = trace_config(a->t);
    size_t n = 0;
    a->settings = mem_zero(tc->nsettings + a->observed.probes.n + 2, sizeof *a->settings);
    for (size_t i = 0; i < tc->nsettings; i++)
        a->settings[n++] = tc->settings[i];
    const uint32_t chosen =
        guest_systems_of(guest_systems, trace_config(a->t)->engine, trace_setting(a->t, "cpu"));
    guest_systems_names(guest_systems, chosen, &a->inspect);
    if (!trace_setting(a->t, "inspect")) {
        a->settings[n++] = (struct setting){"inspect", a->inspect.s};
        const char *bios = trace_setting(a->t, "bios");
        const bool uefi = trace_setting(a->t, "pflash0") || (bios && !strcmp(bios, "ovmf"));
        a->settings[n++] =
            (struct setting){"story", story_revision(uefi, guest_systems_virtualize(guest_systems, chosen))};
    }
    for (size_t i = 0; i < a->observed.probes.n; i++)
        a->settings[n++] = (struct setting){"probe", a->observed.probes.word[i]};
    a->config.settings = a->settings;
    a->config.nsettings = n;
    a->config.images = image_replay_images(images, &a->config.nimages);
}

static void on_progress(void *ctx, const struct engine *e)
{
    progress_update(((struct annotate *)ctx)->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    recorder_interrupt(ctx);
}

static int differs(const struct annotate *a, const char *how)
{
    trouble_text("%s: diverged: %s; find where with bootreel replay --verify", a->from, how);
    return EXIT_NO;
}

/* Compares the final states: those of the same run are equal. */
static int compare(const struct annotate *a, const struct record_result *res)
{
    const struct trace_end *end = trace_end(a->t);
    char n[NUMBER_TEXT], e[NUMBER_TEXT];
    if (res->stop.reason == STOP_INTERRUPTED)
        return trouble_text("interrupted; %s is complete up to there", a->o.path);
    if (end && end->hash && end->hash != res->hash)
        return differs(a, "the final state differs from the recorded one");
    if (!a->quiet && !a->no_summary)
        out_print(stdout, "%s: the same run, %s steps, %s events%s\n", a->o.path,
                  number_commas(n, res->stop.icount), number_commas(e, res->events),
                  end && end->hash ? "; final state equal" : "");
    return EXIT_DONE;
}

static int run(struct annotate *a)
{
    struct error err;
    struct record_result res;
    struct recorder *rec = recorder_create(&a->o, &err);
    if (!rec)
        return trouble(&err);
    a->progress = progress_new("annotating", a->quiet);
    struct signals *signals = signals_start(on_signal, rec);
    int rc = recorder_run(rec, &res, &err);
    signals_stop(signals);
    progress_end(a->progress);
    recorder_destroy(rec);
    if (rc)
        return res.astray ? differs(a, err.text) : trouble(&err);
    const int status = compare(a, &res);
    return res.probes_missing ? EXIT_TROUBLE : status;
}

/* Why the run cannot be divided, or NULL. It can if the record has all that an inspector would have to see it
 * from its beginning for; the answer does not depend on how many jobs there are. */
static const char *indivisible(const struct annotate *a, struct error *err)
{
    const char *inspect = trace_setting(a->t, "inspect");
    const struct trace_end *end = trace_end(a->t);
    if (a->inspect_again || !inspect)
        return "the events of guest systems are to be made again";
    if (a->observed.symbols.n || a->observed.debug)
        return "guest systems use symbols from the beginning of the run";
    if (!end || trace_cut_off(a->t) || replay_final_checkpoint(a->t) < 0)
        return "the trace does not have the end of the run";
    if (replay_check_parts(a->t, err))
        return err->text;
    const uint32_t added = a->o.classes & ~trace_config(a->t)->classes;
    if (added & EVENT_CLASS_BIT(EC_IFLAG))
        return "--events has the class iflag, whose events are put in order from the beginning of the run";
    if (strcmp(inspect, "none") && added & (INSPECTOR_CLASSES | INSPECTOR_ALSO))
        return "--events has classes that guest systems make, and that are not in the trace";
    if (a->observed.probes.n && reprobe_check(a->t, err))
        return err->text;
    return NULL;
}

/* As indivisible(), for shares, each of which must be made without the others. */
static const char *unshareable(const struct annotate *a, struct error *err)
{
    const char *why = indivisible(a, err);
    if (!why && !rewriter_has_index(a->t))
        why = "the trace has no index for searches, which is made anew and needs the run from its beginning";
    if (!why && replay_final_checkpoint(a->t) < (long)replay_parts(a->t))
        why = "nothing lies between two checkpoints";
    return why;
}

static void say_share(const struct annotate *a, uint64_t events)
{
    size_t first, end;
    char b[NUMBER_TEXT], d[NUMBER_TEXT], e[NUMBER_TEXT];
    replay_stretches(a->t, a->part, a->parts, &first, &end);
    if (!a->quiet)
        out_print(stdout, "%s: share %u of %u, from icount %s to %s: %s events\n", a->o.path, a->part,
                  a->parts, number_commas(b, trace_checkpoint(a->t, first)->icount),
                  number_commas(d, trace_checkpoint(a->t, end)->icount), number_commas(e, events));
}

static int say_annotated(const struct annotate *a, const struct annotated *r)
{
    char n[NUMBER_TEXT], e[NUMBER_TEXT];
    switch (r->outcome) {
    case ANNOTATE_UNCLEAR:
        return trouble_text("%.300s: annotate it without --part", r->err.text);
    case ANNOTATE_INTERRUPTED:
        return a->parts && !a->merge
                   ? trouble_text("interrupted; %s was not written", a->o.path)
                   : trouble_text("interrupted; %s is complete up to where it was written", a->o.path);
    case ANNOTATE_DIVERGED:
        out_print(stdout, "%s: diverged: the replay differs from the record\n", a->from);
        out_words(stdout, r->divergence);
        return EXIT_NO;
    case ANNOTATE_FAILED:
        return trouble(&r->err);
    default:
        break;
    }
    if (a->parts && !a->merge)
        say_share(a, r->events);
    else if (!a->quiet && !a->no_summary)
        out_print(stdout, "%s: the same run, %s steps, %s events; final state equal\n", a->o.path,
                  number_commas(n, trace_end(a->t)->icount), number_commas(e, r->events));
    return EXIT_DONE;
}

/* The writer writes the file that `out` stands for: both are completed, or dropped. */
static void make_share(struct annotate *a, const struct annotate_job *job, struct annotated *r)
{
    struct setting *observed = mem_zero(job->nprobes + 1, sizeof *observed);
    struct share_about about = {
        .part = a->part, .parts = a->parts, .program = job->program, .observed = observed};
    for (; about.nobserved < job->nprobes; about.nobserved++)
        observed[about.nobserved] = job->probe[about.nobserved];
    if (job->profile)
        observed[about.nobserved++] = (struct setting){"profile", job->profile};
    *r = (struct annotated){.outcome = ANNOTATE_FAILED};
    struct output *out = output_open_name(job->path, &r->err);
    struct share_writer *w =
        out ? share_create(a->t, output_name(out), job->path, job->config, &about, &r->err) : NULL;
    free(observed);
    if (w)
        annotate_to_share(job, a->t, a->part, a->parts, w, r);
    if (r->outcome == ANNOTATE_DONE) {
        if (share_finish(w, &r->err))
            r->outcome = ANNOTATE_FAILED;
    } else if (w) {
        share_abort(w);
    }
    if (r->outcome != ANNOTATE_DONE)
        output_drop(out);
    else if (done_with_trace(out, a->t, &r->err))
        r->outcome = ANNOTATE_FAILED;
}

/* What the recorded run executed, which is what the new trace's does. */
static int find_coverage(struct annotate *a, struct error *err)
{
    struct front front;
    struct symbols *s = symbols_load(a->t, err);
    if (!s)
        return -1;
    int rc = 0;
    if (!coverage_is_noted(a->t, s)) {
        struct coverage *c = coverage_new();
        struct coverage_options o = {
            .trace = a->t, .kind = a->o.kind, .symbols = s, .jobs = a->jobs ? a->jobs : jobs_usual(a->t)};
        o.front = front_begin(&front, "covering", a->quiet);
        rc = coverage_add(c, &o, false, err);
        front_end(&front);
        if (!rc)
            a->nnotes = coverage_to_notes(c, a->t, s, &a->note);
        coverage_free(c);
    }
    symbols_free(s);
    return rc;
}

static void free_notes(struct annotate *a)
{
    for (size_t i = 0; i < a->nnotes; i++)
        free((void *)a->note[i].data);
    free(a->note);
}

/* Shares, or all of it in parts. 1: done; 0: it has to be recorded as a whole. */
static int in_parts(struct annotate *a, int *status)
{
    struct trace_config config = *trace_config(a->t);
    struct error err;
    struct front front;
    struct annotated r;
    config.classes = a->o.classes;
    config.settings = a->settings;
    config.nsettings = a->config.nsettings;
    struct annotate_job job = {.path = a->o.path,
                               .kind = a->o.kind,
                               .config = &config,
                               .probe = a->settings + a->config.nsettings - a->observed.probes.n,
                               .nprobes = a->observed.probes.n,
                               .profile = a->observed.profile ? profile_text(a->observed.profile) : NULL,
                               .program = program_version(),
                               .warn = say_warning,
                               .jobs = a->jobs ? a->jobs : jobs_usual(a->t)};
    const char *why = a->parts || a->merge ? unshareable(a, &err) : NULL;
    if (why) {
        *status = trouble_text("%s: no shares of this run can be made: %.250s: annotate it without --part",
                               a->from, why);
        return 1;
    }
    why = a->parts || a->merge ? NULL : indivisible(a, &err);
    if (why && a->coverage) {
        *status = trouble_text(
            "annotate: --coverage: %.250s: annotate without it, then what that has made with --coverage",
            why);
        return 1;
    }
    if (why)
        return 0;
    if (reprobe_check_names(a->t, job.probe, job.nprobes, &err)) {
        *status = trouble(&err);
        return 1;
    }
    if (a->coverage && find_coverage(a, &err)) {
        *status = trouble(&err);
        return 1;
    }
    job.note = a->note;
    job.nnotes = a->nnotes;
    job.front = front_begin(&front, "annotating", a->quiet);
    if (a->merge)
        annotate_merge(&job, a->t, a->share, (size_t)a->shares, &r);
    else if (a->parts)
        make_share(a, &job, &r);
    else
        annotate_in_parts(&job, a->t, &r);
    front_end(&front);
    bool whole = r.outcome == ANNOTATE_UNCLEAR && !a->parts && !a->merge;
    if (!whole)
        *status = say_annotated(a, &r);
    annotated_free(&r);
    return !whole;
}

static int annotate(struct annotate *a)
{
    struct error err;
    struct image_replay *images = image_replay_new(a->t);
    a->o.kind = recording_engine(a->engines, a->t, a->from, &err);
    int status;
    if (!a->o.kind || stages_profile(a->t, &a->profile, &err)) {
        status = trouble(&err);
    } else {
        observe(&a->observed, &a->o);
        a->o.profile = a->o.profile ? a->o.profile : a->profile;
        make_config(a, images);
        a->o.config = &a->config;
        a->o.again = a->t;
        a->o.classes = choose_classes(a);
        a->o.hooks = (struct record_hooks){.ctx = a, .progress = on_progress, .warning = say_warning};
        signals_block();
        if (!in_parts(a, &status))
            status = run(a);
    }
    image_replay_free(images);
    free_notes(a);
    free(a->settings);
    free(a->inspect.s);
    return status;
}

enum { OPT_EVENTS = 1, OPT_JOBS, OPT_PART };

static const struct option_row rows[] = {
    {.name = "output",
     .letter = 'o',
     .argument = "NEW",
     .help = "the new trace, or the share",
     STORE(struct annotate, o.path)},
    {.name = "events",
     .argument = "CLASSES",
     .help = "which classes of events to record; -CLASS and +CLASS change those of TRACE (default: the same)",
     .id = OPT_EVENTS},
    {.name = "inspect",
     .help = "make the events of guest systems again, though the trace has them",
     STORE(struct annotate, inspect_again),
     .more =
         "Initcalls, processes and what else is found out about a guest are otherwise taken from TRACE, unless it does not have "
         "them (an option adds symbols, or one of their classes). A newer program may find more."},
    {.name = "coverage",
     .help = "keep in NEW what was executed, so that bootreel coverage need not run it",
     STORE(struct annotate, coverage),
     .more =
         "It is by the symbols that TRACE has. Where NEW is annotated with other symbols, what is kept does not count any more."},
    {.name = "jobs",
     .argument = "N",
     .help = "on N processors, in parts (default: all of them)",
     .id = OPT_JOBS,
     .more =
         "Each job needs as much memory as the guest has touched, and some 130 MB; without this option there are only as many as the free memory "
         "allows. The new trace does not depend on it. If the events of guest systems are made again, the whole run is one "
         "part, since who makes them has to see it from its beginning. New probes of functions in which tasks wait, or that "
         "never return, gain little from several jobs."},
    {.name = "part",
     .argument = "K/N",
     .help = "only part K of N, for several machines: NEW is a share, for --merge",
     .id = OPT_PART,
     .more =
         "A part begins and ends at a checkpoint. All shares are made from the same trace with the same options, by the same version of "
         "bootreel. Where one run is one part (see `--jobs`) there are no shares, nor of a trace without the index for searches."},
    {.name = "merge",
     .help = "put the shares SHARE of all N parts together, in any order",
     STORE(struct annotate, merge),
     .more =
         "NEW is the trace that one `annotate` makes, byte for byte. A share that does not belong to the others or to TRACE, or is damaged, "
         "is refused. A part that began in a sequence that repeats differently with other events, or in a call that a new probe follows, is run again."},
    GROUP(observe_options),
    GROUP(compile_options),
    QUIET_ROW(struct annotate, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct annotate *a = ctx;
    switch (row->id) {
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &a->jobs, err);
    case OPT_PART:
        return take_part(row, value, &a->part, &a->parts, err);
    case OPT_EVENTS:
        a->events = value;
        return take_classes(row, value, &(uint32_t){0}, err);
    default:
        return observe_option(&a->observed, row, value, err);
    }
}

/* The trace, and with --merge its shares. NULL after a message. */
static const char *take_arguments(struct annotate *a, int argc, char **argv)
{
    if (!a->merge)
        return only_argument(argc, argv, "trace");
    a->share = argv + optind + 1;
    a->shares = argc - optind - 1;
    if (a->shares > 0)
        return argv[optind];
    trouble_text("annotate: --merge: give the trace and all its shares");
    return NULL;
}

/* What --part and --merge do not go with. */
static int check_options(const struct annotate *a)
{
    bool observes = a->observed.probes.n || a->observed.symbols.n || a->observed.debug || a->observed.profile;
    struct error err;
    if (a->merge && a->parts)
        return trouble_text("annotate: --part makes a share, --merge puts shares together: give one of them");
    if (a->coverage && (a->merge || a->parts))
        return trouble_text("annotate: --coverage is of the whole run: annotate the merged trace with it");
    if (a->merge && (a->events || a->inspect_again || observes))
        return trouble_text(
            "annotate: --merge takes from the shares what is recorded: give such options with --part");
    for (int i = 0; i < a->shares; i++)
        if (check_output_name("-o", a->o.path, a->share[i], &err))
            return trouble(&err);
    return EXIT_DONE;
}

static int start(struct annotate *a, int argc, char **argv)
{
    const char *path = take_arguments(a, argc, argv);
    if (!path)
        return EXIT_TROUBLE;
    if (!a->o.path)
        return trouble_text("annotate: -o NEW is missing: give the new trace a name");
    struct error err;
    if (check_output_name("-o", a->o.path, path, &err) ||
        observed_check_output(&a->observed, "-o", a->o.path, &err))
        return trouble(&err);
    if (check_options(a))
        return EXIT_TROUBLE;
    a->from = path;
    a->t = open_trace(path);
    return a->t ? finish_output(conclude_trace(a->t, annotate(a))) : EXIT_TROUBLE;
}

static int cmd_annotate(struct engines *engines, int argc, char **argv)
{
    struct annotate a = {.engines = engines, .o = {.checkpoint_every = RECORD_CHECKPOINT_EVERY}};
    int status;
    if (parse_options(&command_annotate, engines, argc, argv, take_option, &a, &status))
        status = start(&a, argc, argv);
    trace_close(a.t);
    observed_free(&a.observed);
    profile_free(a.profile);
    return status;
}

int annotate_quickly(const struct engines *engines, struct trace *t, const char *from, const char *to,
                     uint32_t classes, bool quiet)
{
    struct annotate a = {.engines = engines,
                         .o = {.checkpoint_every = RECORD_CHECKPOINT_EVERY, .path = to},
                         .t = t,
                         .from = from,
                         .more_classes = classes,
                         .quiet = quiet,
                         .no_summary = true};
    int status = annotate(&a);
    observed_free(&a.observed);
    profile_free(a.profile);
    return status;
}

const struct command command_annotate = {
    .name = "annotate",
    .run = cmd_annotate,
    .what = "run a trace again, and record more",
    .arguments = "TRACE -o NEW [--part K/N | --merge SHARE…]",
    .rows = rows,
    .intro =
        "Runs a trace again and records it into a new one, with other things observed. It is the same run: the hashes of the "
        "two final states are compared. If the run turns out to be another one, the exit status is 1, and NEW is of no use.",
};
