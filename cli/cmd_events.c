/* cmd_events.c - bootreel events. */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "cli/cli.h"
#include "core/explain.h"
#include "core/position.h"
#include "core/processes.h"
#include "core/stages.h"

static const char help[] =
    "usage: bootreel events TRACE [OPTION…]\n\n"
    "Lists what happened: number, icount, guest time, kind and words of each event.\n\n"
    "  --class C,…          only these classes: cpu, exception, irq, pio, mmio, disk, firmware, loader,\n"
    "                       kernel, process, sched, syscall, hypercall, console, power, unhandled; and fold,\n"
    "                       repetitions, which come with the classes that repeat (-fold: without them)\n"
    "  --from POSITION      from there (ICOUNT, 1.5s, NN%, #EVENT, console:TEXT, mark:NAME)\n"
    "  --to POSITION        up to there\n"
    "  --stage NAME         from the beginning to the end of the first stage of that name (bootreel stages)\n"
    "  --pid N              only events of process N: those that name it, and all while it runs if the trace has\n"
    "                       context switches (class sched)\n"
    "  --grep TEXT          only events whose kind or words hold TEXT\n"
    "  --explain            one more column: what each event is, in words: the register's name, its bits, the command.\n"
    "                       --grep looks there too. json: members explain, manual and section (who names it so)\n"
    "  --format text|json   json: one array of objects\n";

enum { OPT_CLASS = 1, OPT_FROM, OPT_TO, OPT_FORMAT, OPT_GREP, OPT_STAGE, OPT_PID, OPT_EXPLAIN, OPT_HELP };

static const struct option longs[] = {
    {"class", required_argument, NULL, OPT_CLASS},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"grep", required_argument, NULL, OPT_GREP},
    {"stage", required_argument, NULL, OPT_STAGE},
    {"pid", required_argument, NULL, OPT_PID},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

enum {
    WORDS = 4 * EVENT_MAX_DATA + 1024,
    EXPLAIN = 1024,
    EXPLAIN_COLUMN = 64,
    PROCESS_CLASSES = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_POWER)
};

struct listing {
    uint32_t classes;
    const char *from_text, *to_text, *grep, *stage;
    bool json, by_pid;
    uint64_t pid;
    struct processes *processes; /* by_pid: as of the present event */
    uint64_t from, to;
    yajl_gen gen;
    char *words;
    bool explain;
    struct trace_explainer *explainer; /* explain */
    char meaning[EXPLAIN];             /* of the event at hand; "": nothing to be said */
    struct event again; /* text: repetitions that are one in several events; period 0: none is pending */
    uint64_t again_number;
};

static int set_classes(struct listing *l, const char *value)
{
    const char *bad = "";
    if (!event_classes_parse(value, &l->classes, &bad))
        return 0;
    trouble_text("--class: \"%.40s\" is no class of events: see bootreel events --help", bad);
    return -1;
}

static int set_pid(struct listing *l, const char *value)
{
    char *end;
    l->pid = strtoull(value, &end, 10);
    l->by_pid = true;
    if (*value && !*end)
        return 0;
    trouble_text("--pid: \"%.40s\" is no number of a process", value);
    return -1;
}

static int set_option(struct listing *l, int c)
{
    switch (c) {
    case OPT_CLASS:
        return set_classes(l, optarg);
    case OPT_FROM:
        l->from_text = optarg;
        return 0;
    case OPT_TO:
        l->to_text = optarg;
        return 0;
    case OPT_GREP:
        l->grep = optarg;
        return 0;
    case OPT_STAGE:
        l->stage = optarg;
        return 0;
    case OPT_EXPLAIN:
        l->explain = true;
        return 0;
    case OPT_PID:
        return set_pid(l, optarg);
    case OPT_FORMAT:
        l->json = !strcmp(optarg, "json");
        if (l->json || !strcmp(optarg, "text"))
            return 0;
        trouble_text("--format: \"%.40s\" is none of: text, json", optarg);
        return -1;
    default:
        return -1;
    }
}

static int resolve(struct trace *t, const char *text, uint64_t here, uint64_t *icount, struct error *err)
{
    struct position pos;
    if (!text)
        return 0;
    return position_parse(text, &pos, err) || position_resolve(t, &pos, here, icount, err) ? -1 : 0;
}

/* ---------------------------------------------------------------- output */

static void print_line(struct listing *l, const struct event *ev, uint64_t number)
{
    bool meant = ev->kind != EV_AGAIN && *l->meaning;
    printf("%8llu %15llu %7llu.%09llu  %-16s %*s%s%s\n", (unsigned long long)number, (unsigned long long)ev->icount,
           (unsigned long long)(ev->time / 1000000000), (unsigned long long)(ev->time % 1000000000),
           event_kind(ev->kind)->name, meant ? -EXPLAIN_COLUMN : 0, l->words, meant ? "  " : "", meant ? l->meaning : "");
}

/* A repetition that goes on over checkpoints is several events, and one line. */
static void print_again(struct listing *l)
{
    struct event *ev = &l->again;
    uint64_t period = ev->f[EVF_AGAIN_period];
    if (!period)
        return;
    int n = event_text(ev, l->words, WORDS);
    if (ev->f[EVF_AGAIN_more])
        n += snprintf(l->words + n, WORDS - (size_t)n, " (the last of them up to its event %llu)",
                      (unsigned long long)ev->f[EVF_AGAIN_more]);
    if (!ev->f[EVF_AGAIN_continues] && l->again_number >= period)
        snprintf(l->words + n, WORDS - (size_t)n, ": #%llu to #%llu", (unsigned long long)(l->again_number - period),
                 (unsigned long long)l->again_number - 1);
    print_line(l, ev, l->again_number);
    ev->f[EVF_AGAIN_period] = 0;
}

static void print_text(struct listing *l, const struct event *ev, uint64_t number)
{
    struct event *sum = &l->again;
    uint64_t period = ev->kind == EV_AGAIN ? ev->f[EVF_AGAIN_period] : 0;
    if (!period) {
        print_again(l);
        event_text(ev, l->words, WORDS);
        print_line(l, ev, number);
        return;
    }
    if (!ev->f[EVF_AGAIN_continues] || sum->f[EVF_AGAIN_period] != period) {
        print_again(l);
        *sum = *ev;
        l->again_number = number;
        return;
    }
    uint64_t more = sum->f[EVF_AGAIN_more] + ev->f[EVF_AGAIN_more];
    sum->f[EVF_AGAIN_count] += ev->f[EVF_AGAIN_count] + more / period;
    sum->f[EVF_AGAIN_more] = more % period;
    sum->icount = ev->icount;
    sum->time = ev->time;
}

/* What the generator has so far. The array stays open over all events; only its text is taken out. */
static void drain(struct listing *l)
{
    const unsigned char *text;
    size_t n;
    yajl_gen_get_buf(l->gen, &text, &n);
    fwrite(text, 1, n, stdout);
    yajl_gen_clear(l->gen);
}

/* Whether the event names the process, or happens while it runs. */
static bool of_process(struct listing *l, const struct event *ev)
{
    const struct event_kind *k = event_kind(ev->kind);
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(k->field[i].name, "pid") || !strcmp(k->field[i].name, "tgid"))
            if (ev->f[i] == l->pid)
                return true;
    const struct process *p = processes_current(l->processes, ev->cpu);
    return p && p->pid == l->pid && k->cls != EC_PROCESS && k->cls != EC_SCHED;
}

static bool wanted(struct listing *l, const struct event *ev)
{
    if (ev->kind == EV_AGAIN && !(ev->f[EVF_AGAIN_classes] & l->classes & ~EVENT_CLASS_BIT(EC_FOLD)) &&
        l->classes != EVENT_CLASS_BIT(EC_FOLD))
        return false;
    if (l->by_pid && !of_process(l, ev))
        return false;
    if (!l->json || l->grep)
        event_text(ev, l->words, WORDS);
    return !l->grep || strstr(l->words, l->grep) || strstr(event_kind(ev->kind)->name, l->grep) ||
           strstr(l->meaning, l->grep) || plain_holds(ev->data, ev->len, l->grep);
}

/* Who runs at `from` is known from the beginning on only: of what is before, just the events that tell are read. */
static int catch_up(struct listing *l, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, PROCESS_CLASSES);
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && ev.icount < l->from)
        processes_see(l->processes, &ev);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

static int json_event(struct listing *l, const struct event *ev, uint64_t number)
{
    struct yajl_gen_t *gen = (struct yajl_gen_t *)l->gen;
    if (!*l->meaning)
        return event_json(ev, number, gen);
    const struct explainer *x = trace_explainer_last(l->explainer);
    return event_json_explained(ev, number, l->meaning, explainer_manual(x), explainer_source(x), gen);
}

static int walk(struct listing *l, struct trace_cursor *c, struct error *err)
{
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1 && ev.icount <= l->to && !ferror(stdout)) {
        if (l->by_pid)
            processes_see(l->processes, &ev);
        if (!(l->classes & EVENT_CLASS_BIT(event_kind(ev.kind)->cls)))
            continue;
        if (l->explain && trace_explain(l->explainer, number, l->meaning, sizeof l->meaning, err) < 0)
            return -1;
        if (!wanted(l, &ev))
            continue;
        if (!l->json) {
            print_text(l, &ev, number);
            continue;
        }
        if (json_event(l, &ev, number))
            return error_set(err, "event #%llu cannot be written as JSON", (unsigned long long)number);
        drain(l);
    }
    print_again(l);
    return rc < 0 ? -1 : 0;
}

/* --stage: cuts the range down to the first stage of that name. */
static int within_stage(struct listing *l, struct trace *t, struct error *err)
{
    struct stages *all = stages_of_trace(t, err);
    size_t n = all ? stages_count(all) : 0, i = 0;
    if (!all)
        return -1;
    while (i < n && strcmp(stages_get(all, i)->name, l->stage))
        i++;
    if (i < n) {
        const struct stage *s = stages_get(all, i);
        l->from = s->begin > l->from ? s->begin : l->from;
        l->to = s->end < l->to ? s->end : l->to;
    }
    stages_free(all);
    return i < n ? 0 : error_set(err, "--stage %.100s: the trace has no stage of that name: bootreel stages lists them", l->stage);
}

static int list(struct listing *l, struct trace *t, struct error *err)
{
    l->to = trace_last_icount(t);
    if (resolve(t, l->from_text, 0, &l->from, err) || resolve(t, l->to_text, l->from, &l->to, err))
        return -1;
    if (l->stage && within_stage(l, t, err))
        return -1;
    if (l->from > l->to)
        return error_set(err, "--from is after --to: icounts %llu and %llu", (unsigned long long)l->from,
                         (unsigned long long)l->to);
    if (l->by_pid && catch_up(l, t, err))
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, l->classes | (l->by_pid ? PROCESS_CLASSES : 0));
    int rc = trace_cursor_seek_icount(c, l->from, err);
    if (l->json)
        yajl_gen_array_open(l->gen);
    if (!rc)
        rc = walk(l, c, err);
    if (l->json) {
        yajl_gen_array_close(l->gen);
        drain(l);
        putchar('\n');
    }
    trace_cursor_close(c);
    return rc;
}

int cmd_events(int argc, char **argv)
{
    struct listing l = {.classes = EVENT_CLASSES_ALL};
    struct error err;
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (set_option(&l, c))
            return EXIT_TROUBLE;
    }
    const char *path = only_argument(argc, argv, "trace");
    struct trace *t = path ? open_trace(path) : NULL;
    if (!t)
        return EXIT_TROUBLE;
    l.processes = processes_new();
    l.gen = yajl_gen_alloc(NULL);
    l.words = malloc(WORDS);
    if (l.explain)
        l.explainer = trace_explainer_new(t, engine_find(trace_config(t)->engine, &err));
    int status = list(&l, t, &err) ? trouble(&err) : EXIT_DONE;
    trace_explainer_free(l.explainer);
    yajl_gen_free(l.gen);
    free(l.words);
    processes_free(l.processes);
    trace_close(t);
    return finish_output(status);
}
