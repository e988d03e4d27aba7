/* cmd_annotate.c - bootreel annotate: the same run once more, with more recorded. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/guest.h"
#include "core/images.h"
#include "core/recorder.h"

static const char help[] =
    "usage: bootreel annotate TRACE -o NEW [OPTION…]\n\n"
    "Runs a trace again and records it into a new one with other things observed. It is the same run: the hash of its final state\n"
    "is compared.\n\n"
    "  -o NEW             the new trace\n"
    "  --probe SYMBOL     report each call of SYMBOL, with arguments and result (several times)\n"
    "  --profile FILE     a boot profile: which stages there are\n"
    "  --symbols FILE     an ELF file whose symbols go into the trace (several times)\n"
    "  --events CLASSES   which to record, as in record; -pio, +syscall change what TRACE has\n"
    "  -q, --quiet        no summary, no progress line\n";

enum { OPT_PROBE = 1, OPT_PROFILE, OPT_SYMBOLS, OPT_EVENTS, OPT_HELP };

static const struct option longs[] = {
    {"probe", required_argument, NULL, OPT_PROBE},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

enum { MAX_GIVEN = 64 };

struct annotate {
    struct record_options o;
    struct trace *t;
    const char *events;
    const char *probe[2 * MAX_GIVEN];
    const char *symbols[MAX_GIVEN];
    size_t nprobes, nsymbols;
    struct profile *profile;
    struct setting *settings;
    struct text inspect; /* the setting, if the trace has none */
    struct engine_config config;
    struct progress *progress;
    bool quiet;
};

static int set_option(struct annotate *a, int c)
{
    struct error err;
    switch (c) {
    case 'o':
        a->o.path = optarg;
        return 0;
    case 'q':
        a->quiet = true;
        return 0;
    case OPT_PROBE:
        return keep_argument(a->probe, &a->nprobes, MAX_GIVEN, "probe");
    case OPT_SYMBOLS:
        return keep_argument(a->symbols, &a->nsymbols, MAX_GIVEN, "symbols");
    case OPT_EVENTS:
        a->events = optarg;
        return 0;
    case OPT_PROFILE:
        profile_free(a->profile);
        a->profile = profile_load(optarg, &err);
        return a->profile ? 0 : (trouble(&err), -1);
    default:
        return -1;
    }
}

/* --events "+syscall,-pio" changes what the trace has; else it says all. */
static int choose_classes(struct annotate *a)
{
    const char *bad = "";
    uint32_t had = trace_config(a->t)->classes, base = EVENT_CLASSES_DEFAULT, mask;
    a->o.classes = had;
    if (!a->events)
        return 0;
    if (event_classes_parse(a->events, &mask, &bad))
        return trouble_text("--events: \"%.40s\" is no class of events: see bootreel events --help", bad), -1;
    if (*a->events == '+' || *a->events == '-')
        mask = (had | (mask & ~base)) & ~(base & ~mask);
    a->o.classes = mask;
    return 0;
}

/* The recorded machine, with the new probes. */
static void make_config(struct annotate *a, struct image_replay *images)
{
    const struct trace_config *tc = trace_config(a->t);
    size_t n = 0;
    for (size_t i = 0; a->profile && profile_probe(a->profile, i) && a->nprobes < 2 * MAX_GIVEN; i++)
        a->probe[a->nprobes++] = profile_probe(a->profile, i);
    a->settings = calloc(tc->nsettings + a->nprobes + 1, sizeof *a->settings);
    for (size_t i = 0; i < tc->nsettings; i++)
        a->settings[n++] = (struct setting){tc->settings[i].key, tc->settings[i].value};
    guest_systems_names(guest_systems, UINT32_MAX, &a->inspect);
    if (!trace_setting(a->t, "inspect"))
        a->settings[n++] = (struct setting){"inspect", a->inspect.s};
    for (size_t i = 0; i < a->nprobes; i++)
        a->settings[n++] = (struct setting){"probe", a->probe[i]};
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

/* The same run has the same final state. */
static int compare(const struct annotate *a, const struct record_result *res)
{
    const struct trace_end *end = trace_end(a->t);
    char n[NUMBER_TEXT], e[NUMBER_TEXT];
    if (res->stop.reason == STOP_INTERRUPTED)
        return trouble_text("interrupted; %s is complete up to there", a->o.path);
    if (end && end->hash && end->hash != res->hash) {
        trouble_text("%s: diverged: the final state differs from the recorded one; find where with bootreel "
                     "replay --verify",
                     a->o.path);
        return EXIT_NO;
    }
    if (!a->quiet)
        printf("%s: the same run, %s steps, %s events%s\n", a->o.path, commas(n, res->stop.icount),
               commas(e, res->events), end && end->hash ? "; final state equal" : "");
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
    return rc ? trouble(&err) : compare(a, &res);
}

static int annotate(struct annotate *a)
{
    struct error err;
    struct image_replay *images = image_replay_new(a->t);
    a->o.kind = engine_find(trace_config(a->t)->engine, &err);
    int status;
    if (!a->o.kind) {
        status = trouble(&err);
    } else if (choose_classes(a)) {
        status = EXIT_TROUBLE;
    } else {
        make_config(a, images);
        a->o.config = &a->config;
        a->o.again = a->t;
        a->o.profile = a->profile;
        a->o.symbol_files = a->symbols;
        a->o.nsymbol_files = a->nsymbols;
        a->o.hooks = (struct record_hooks){.ctx = a, .progress = on_progress};
        signals_block();
        status = run(a);
    }
    image_replay_free(images);
    free(a->settings);
    free(a->inspect.s);
    return status;
}

int cmd_annotate(int argc, char **argv)
{
    struct annotate a = {.o = {.checkpoint_every = RECORD_CHECKPOINT_EVERY}};
    int c;
    while ((c = next_option(argc, argv, "o:q", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (set_option(&a, c))
            return EXIT_TROUBLE;
    }
    const char *path = only_argument(argc, argv, "trace");
    int status = EXIT_TROUBLE;
    if (path && !a.o.path)
        trouble_text("annotate: -o NEW is missing: give the new trace a name");
    else if (path && !strcmp(path, a.o.path))
        trouble_text("-o %s: is the trace that is read: give another name", path);
    else if (path && (a.t = open_trace(path)))
        status = annotate(&a);
    trace_close(a.t);
    profile_free(a.profile);
    return finish_output(status);
}
