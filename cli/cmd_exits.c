/* cmd_exits.c - bootreel exits: why the guests of a hypervisor in the machine were left, by reason and by stage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "core/run/times.h"
#include "core/story/stages.h"
#include "traces/event.h"
#include "traces/trace.h"

/* Exits of one reason (all of it, or within a stage), with a name as virt_reason_name() has it. */
struct row {
    char name[64];
    long stage; /* -1: in none */
    uint64_t count;
    uint64_t first; /* icount */
};
struct exits {
    bool json, by_stage;
    struct row *rows;
    size_t n, cap;
    uint64_t entries, exits, injected, refused;
    bool estimated;
};

static void count(struct exits *x, const char *name, long stage, uint64_t icount, uint64_t times)
{
    size_t i = 0;
    while (i < x->n && (x->rows[i].stage != stage || strcmp(x->rows[i].name, name)))
        i++;
    if (i == x->n) {
        x->rows = mem_grow(x->rows, &x->cap, x->n + 1, sizeof *x->rows);
        x->rows[x->n++] = (struct row){.stage = stage, .first = icount};
        snprintf(x->rows[i].name, sizeof x->rows[i].name, "%s", name);
    }
    x->rows[i].count += times;
}

static void see(struct exits *x, const struct stages *stages, const struct event *ev, uint64_t times)
{
    char name[64];
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        x->entries += times;
        break;
    case EV_VIRT_INJECT:
        x->injected += times;
        break;
    case EV_VIRT_REFUSED:
        x->refused += times;
        break;
    case EV_VIRT_EXIT:
        x->exits += times;
        event_exit_name(ev, name, sizeof name);
        count(x, name, x->by_stage ? stages_at(stages, ev->icount) : -1, ev->icount, times);
        break;
    default:
        break;
    }
}

static int read_events(struct exits *x, struct trace *t, const struct stages *stages, struct error *err)
{
    struct times *times = times_of_trace(t, err);
    if (!times)
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_VIRT));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        see(x, stages, &ev, times_get(times, &ev, number));
        x->estimated |= times_estimated(times, number);
    }
    trace_cursor_close(c);
    times_free(times);
    return rc;
}

/* The stages in their order, in each the most frequent first. */
static int by_count(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->name, y->name);
}

static const char *stage_name(const struct stages *stages, long i)
{
    return i < 0 ? "(no stage)" : stages_get(stages, (size_t)i)->name;
}

static void print_text(const struct exits *x, const struct stages *stages)
{
    char n[NUMBER_TEXT], at[NUMBER_TEXT];
    long stage = -1;
    if (!x->entries && !x->refused) {
        out_print(stdout, "no guest was entered\n");
        return;
    }
    out_print(stdout, "%s%s exits", x->estimated ? "about " : "", number_commas(n, x->exits));
    out_print(stdout, ", %s entries", number_commas(n, x->entries));
    out_print(stdout, ", %s events injected", number_commas(n, x->injected));
    out_print(stdout, ", %s entries refused\n", number_commas(n, x->refused));
    out_print(stdout, "%14s %6s %18s  %s\n", "exits", "share", "first at icount", "reason");
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->rows[i];
        const uint64_t share = (uint64_t)((unsigned __int128)r->count * 1000 / (x->exits ? x->exits : 1));
        if (x->by_stage && (!i || r->stage != stage))
            out_print(stdout, "%s\n", stage_name(stages, r->stage));
        stage = r->stage;
        out_print(stdout, "%14s %3" PRIu64 ".%" PRIu64 "%% %18s  %s\n", number_commas(n, r->count),
                  share / 10, share % 10, number_commas(at, r->first), r->name);
    }
}

static void print_json(const struct exits *x, const struct stages *stages)
{
    yajl_gen g = json_new(false);
    yajl_gen_array_open(g);
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->rows[i];
        yajl_gen_map_open(g);
        json_text(g, "reason", r->name);
        if (x->by_stage)
            json_text(g, "stage", r->stage < 0 ? NULL : stage_name(stages, r->stage));
        json_number(g, "exits", r->count);
        json_number(g, "first", r->first);
        json_bool(g, "estimated", x->estimated);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    json_print(g);
    out_char(stdout, '\n');
    yajl_gen_free(g);
}

static int exits(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct exits *x = ctx;
    struct error err;
    const char *cpu = trace_setting(t, "cpu");
    if (!cpu || !strchr(cpu, '+')) {
        error_set(&err, "%s: its processor has no hardware virtualization: record --cpu %s,%s", path,
                  cpu ? cpu : "MODEL", cpu && !strncmp(cpu, "intel", 5) ? "+vmx" : "+svm");
        return trouble(&err);
    }
    if (!(trace_config(t)->classes & EVENT_CLASS_BIT(EC_VIRT))) {
        error_set(
            &err,
            "%s: has no events of the class virt: bootreel annotate %s -o NEW --events virt records them",
            path, path);
        return trouble(&err);
    }
    struct stages *stages = stages_of_trace(t, &err);
    int rc = stages ? read_events(x, t, stages, &err) : -1;
    if (!rc) {
        qsort(x->rows, x->n, sizeof *x->rows, by_count);
        if (x->json)
            print_json(x, stages);
        else
            print_text(x, stages);
    }
    stages_free(stages);
    free(x->rows);
    return rc ? trouble(&err) : EXIT_DONE;
}

static const struct option_row rows[] = {
    {.name = "by-stage",
     .help = "count the exits of each stage of the boot apart",
     STORE(struct exits, by_stage)},
    FORMAT_ROW(struct exits, json),
    END_OF_ROWS,
};

static int cmd_exits(struct engines *engines, int argc, char **argv)
{
    struct exits x = {0};
    return run_on_trace(&command_exits, engines, argc, argv, NULL, &x, exits);
}

const struct command command_exits = {
    .name = "exits",
    .run = cmd_exits,
    .what = "why a hypervisor's guests were left",
    .arguments = "TRACE [--by-stage]",
    .rows = rows,
    .intro =
        "Counts how often the guests of a hypervisor in the machine were left, by reason, the most frequent first, and says where each reason "
        "came first. The machine needs a processor with hardware virtualization (record --cpu MODEL,+svm or --cpu intel-v2,+vmx).",
    .more =
        "Repetitions that the trace has as one event are counted. `bootreel events --class virt` lists each exit with its details. docs/virt.md describes the events.",
};
