/* cmd_events.c - bootreel events. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "core/run/times.h"
#include "core/story/explain.h"
#include "core/story/processes.h"

enum {
    WORDS = 4 * EVENT_MAX_DATA + 1024,
    EXPLAIN = 4096,
    EXPLAIN_COLUMN = 64,
    PROCESS_CLASSES = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_POWER)
};

struct listing {
    uint32_t classes;
    uint32_t named;   /* of these, those that --class names */
    uint32_t removed; /* … with a minus */
    const char *from_text, *to_text, *grep, *stage;
    bool json, by_pid;
    symbol_space pid;            /* of by_pid: guest and pid */
    struct processes *processes; /* by_pid: the state at the current event */
    uint64_t from, to;
    yajl_gen gen;
    struct times *times; /* json */
    char *words;
    bool explain;
    struct trace_explainer *explainer; /* explain */
    char meaning[EXPLAIN];             /* of the current event; "" if there is nothing to say */
    struct event again; /* text: a repetition that is collected from several events; period 0 if
                         * there is none */
    uint64_t again_number;
};

/* ---------------------------------------------------------------- output */

/* How many columns a text has less than the column of the explanation. */
static int missing_columns(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n < EXPLAIN_COLUMN ? EXPLAIN_COLUMN - n : 0;
}

static void print_line(struct listing *l, const struct event *ev, uint64_t number)
{
    bool meant = ev->kind != EV_AGAIN && *l->meaning;
    char time[NUMBER_TEXT];
    out_print(stdout, "%8llu %15llu %17s  %-16s ", (unsigned long long)number, (unsigned long long)ev->icount,
              number_exact(time, ev->time), event_kind(ev->kind)->name);
    out_words(stdout, l->words);
    if (meant)
        out_print(stdout, "%*s  %s", missing_columns(l->words), "", l->meaning);
    out_char(stdout, '\n');
}

/* A repetition that continues across checkpoints is several events, but is printed as one line. */
static void print_again(struct listing *l)
{
    struct event *ev = &l->again;
    const uint64_t period = ev->kind == EV_AGAIN ? EVF(ev, AGAIN, period) : 0;
    if (!period)
        return;
    int n = event_text(ev, l->words, WORDS);
    if (EVF(ev, AGAIN, more))
        n += snprintf(l->words + n, WORDS - (size_t)n, " (the last of them up to its event %llu)",
                      (unsigned long long)EVF(ev, AGAIN, more));
    if (!EVF(ev, AGAIN, continues) && l->again_number >= period)
        snprintf(l->words + n, WORDS - (size_t)n, ": #%llu to #%llu",
                 (unsigned long long)(l->again_number - period), (unsigned long long)l->again_number - 1);
    print_line(l, ev, l->again_number);
    ev->f[EVF_AGAIN_period] = 0;
}

static void print_text(struct listing *l, const struct event *ev, uint64_t number)
{
    struct event *sum = &l->again;
    uint64_t period = ev->kind == EV_AGAIN ? EVF(ev, AGAIN, period) : 0;
    if (!period) {
        print_again(l);
        event_text(ev, l->words, WORDS);
        print_line(l, ev, number);
        return;
    }
    if (!EVF(ev, AGAIN, continues) || EVF(sum, AGAIN, period) != period) {
        print_again(l);
        *sum = *ev;
        l->again_number = number;
        return;
    }
    uint64_t more = EVF(sum, AGAIN, more) + EVF(ev, AGAIN, more);
    sum->f[EVF_AGAIN_count] += EVF(ev, AGAIN, count) + more / period;
    sum->f[EVF_AGAIN_more] = more % period;
    sum->icount = ev->icount;
    sum->time = ev->time;
}

/* Whether the event names the process, or happens while it runs. */
static bool of_process(struct listing *l, const struct event *ev)
{
    const struct event_kind *k = event_kind(ev->kind);
    const uint32_t pid = symbol_space_id(l->pid);
    const unsigned guest = symbol_space_guest(l->pid);
    for (unsigned i = 0; i < k->nfields && ev->guest == guest; i++)
        if (!strcmp(k->field[i].name, "pid") || !strcmp(k->field[i].name, "tgid"))
            if (event_number(ev, i) == pid)
                return true;
    const struct process *p = processes_current(l->processes, ev->cpu);
    return p && p->guest == guest && p->pid == pid && k->cls != EC_PROCESS && k->cls != EC_SCHED;
}

static bool wanted(struct listing *l, const struct event *ev)
{
    if (ev->kind == EV_AGAIN && !(EVF(ev, AGAIN, classes) & l->classes & ~EVENT_CLASS_BIT(EC_FOLD)) &&
        l->classes != EVENT_CLASS_BIT(EC_FOLD))
        return false;
    if (l->by_pid && !of_process(l, ev))
        return false;
    if (!l->json || l->grep)
        event_text(ev, l->words, WORDS);
    return !l->grep || strstr(l->words, l->grep) || strstr(event_kind(ev->kind)->name, l->grep) ||
           strstr(l->meaning, l->grep) || plain_holds(ev->data, ev->len, l->grep);
}

/* Which process runs at `from` depends on all events before it; reads only those that matter. */
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
    const struct event_count times = times_count(l->times, ev, number);
    if (!*l->meaning)
        return event_json(ev, number, times, gen);
    const struct explainer *x = trace_explainer_last(l->explainer);
    return event_json_explained(ev, number, times, l->meaning, explainer_manual(x), explainer_source(x), gen);
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
        json_print(l->gen);
    }
    print_again(l);
    return rc < 0 ? -1 : 0;
}

static int list(struct listing *l, const struct engines *engines, struct trace *t, struct error *err)
{
    if (find_position(engines, t, l->from_text, 0, 0, &l->from, err) ||
        find_position(engines, t, l->to_text, l->from, trace_last_icount(t), &l->to, err))
        return -1;
    if (l->stage && within_stage(t, l->stage, &l->from, &l->to, err))
        return -1;
    if (l->from > l->to)
        return error_set(err, "--from is after --to: icounts %llu and %llu", (unsigned long long)l->from,
                         (unsigned long long)l->to);
    if ((l->by_pid && catch_up(l, t, err)) || (l->json && !(l->times = times_of_trace(t, err))))
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, l->classes | (l->by_pid ? PROCESS_CLASSES : 0));
    int rc = trace_cursor_seek_icount(c, l->from, err);
    if (l->json)
        yajl_gen_array_open(l->gen);
    if (!rc)
        rc = walk(l, c, err);
    if (l->json) {
        yajl_gen_array_close(l->gen);
        json_print(l->gen);
        out_char(stdout, '\n');
    }
    trace_cursor_close(c);
    return rc;
}

enum { OPT_CLASS = 1, OPT_PID };

static const struct option_row rows[] = {
    {.name = "class",
     .argument = "CLASSES",
     .help = "only these classes, with their repetitions (-fold: without these)",
     .id = OPT_CLASS},
    {.name = "from",
     .argument = "POSITION",
     .help = "only from there on (inclusive)",
     STORE(struct listing, from_text)},
    {.name = "to",
     .argument = "POSITION",
     .help = "only up to there (inclusive)",
     STORE(struct listing, to_text)},
    {.name = "stage",
     .argument = "NAME",
     .help = "from the beginning to the end of the first stage of that name (bootreel stages)",
     STORE(struct listing, stage)},
    {.name = "pid",
     .argument = "PID",
     .help = "only events of process PID",
     .id = OPT_PID,
     .more =
         "These are the events that name it and, if the trace has context switches (class sched), all events while it runs. "
         "GUEST:PID is a process of another guest than the first, as bootreel processes prints it."},
    {.name = "grep",
     .argument = "TEXT",
     .help = "only events whose kind or words hold TEXT",
     STORE(struct listing, grep),
     .more = "Escape sequences (colours) in the text are skipped."},
    {.name = "explain",
     .help = "one more column: what each event means, in words",
     STORE(struct listing, explain),
     .more =
         "The register that an access goes to, with its bits (\"IDE primary: status DRDY DSC DRQ\"), the interrupt that a vector is, the "
         "error code of a page fault, flags, exit codes and errors by name; the files that a disk's sectors belonged to before the boot. It follows from the trace's events, without running it "
         "again; accesses that depend on earlier ones (index registers, ranges that PCI moves) are explained by those. Classes that were not "
         "recorded cannot be taken into account. --grep looks there too. In JSON: the members explain and, where a manual names it so, "
         "manual and section."},
    FORMAT_ROW(struct listing, json),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct listing *l = ctx;
    switch (row->id) {
    case OPT_CLASS:
        if (take_classes(row, value, &l->classes, err))
            return -1;
        l->removed = strchr(value, '-') ? ~l->classes : 0;
        l->named = strspn(value, "+-") ? 0 : l->classes & ~EVENT_CLASS_BIT(EC_FOLD);
        return 0;
    case OPT_PID:
        l->by_pid = true;
        return take_process(row, value, &l->pid, err);
    default:
        return option_not_handled(row, err);
    }
}

static int print_events(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct listing *l = ctx;
    struct error err;
    l->processes = processes_new();
    l->gen = json_new(false);
    l->words = mem_alloc(WORDS);
    if (l->explain)
        l->explainer = trace_explainer_new(t, engine_find(engines, trace_config(t)->engine, &err));
    l->classes = event_classes_shown(l->classes, trace_config(t)->classes & ~l->removed);
    if (l->named != (EVENT_CLASSES_ALL & ~EVENT_CLASS_BIT(EC_FOLD)))
        say_missing_classes("events", l->named & ~trace_config(t)->classes, "");
    int status = list(l, engines, t, &err) ? trouble(&err) : EXIT_DONE;
    trace_explainer_free(l->explainer);
    yajl_gen_free(l->gen);
    free(l->words);
    times_free(l->times);
    processes_free(l->processes);
    return status;
}

static int cmd_events(struct engines *engines, int argc, char **argv)
{
    struct listing l = {.classes = EVENT_CLASSES_ALL};
    return run_on_trace(&command_events, engines, argc, argv, take_option, &l, print_events);
}

const struct command command_events = {
    .name = "events",
    .run = cmd_events,
    .what = "list what happened",
    .arguments = "TRACE [--class CLASSES] [--from POSITION] [--to POSITION]",
    .rows = rows,
    .intro = "Lists what happened: number, icount, guest time in seconds, kind and words of each event.",
};
