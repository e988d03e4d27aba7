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
    uint64_t away,
        model; /* guest time until the guest was entered again, ns, and how much of it its device model took */
};

/* A virtual processor: when it was entered and left last, and why. */
struct block {
    uint64_t address;              /* of its control block */
    uint64_t entered, left, asked; /* guest time; asked: its device model; UINT64_MAX: not */
    size_t row;
};

struct exits {
    bool json, by_stage;
    struct row *rows;
    size_t n, cap;
    uint64_t entries, exits, injected, refused;
    uint64_t inside; /* guest time in guests, ns */
    struct block *blocks;
    size_t nblocks;
    size_t on[UINT8_MAX + 1]; /* by processor: the block that it was in last, + 1 */
    bool estimated;
    bool answers; /* of device models: the trace tells of them */
};

static struct block *block_of(struct exits *x, uint64_t address, unsigned cpu)
{
    size_t i = 0;
    while (i < x->nblocks && x->blocks[i].address != address)
        i++;
    if (i == x->nblocks) {
        MEM_MORE(x->blocks, x->nblocks);
        x->blocks[x->nblocks++] = (struct block){address, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0};
    }
    x->on[cpu] = i + 1;
    return &x->blocks[i];
}

static size_t count(struct exits *x, const char *name, long stage, uint64_t icount, uint64_t times)
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
    return i;
}

/* Times are those of the events; of what the trace has as repetitions, that of the round that it has, as often. */
static void entered(struct exits *x, const struct event *ev, uint64_t times)
{
    struct block *b = block_of(x, EVF(ev, VIRT_ENTER, vmcb), ev->cpu);
    if (b->left != UINT64_MAX)
        x->rows[b->row].away += (ev->time - b->left) * times;
    b->entered = ev->time;
    b->left = UINT64_MAX;
}

static void left(struct exits *x, const struct event *ev, size_t row, uint64_t times)
{
    struct block *b = block_of(x, EVF(ev, VIRT_EXIT, vmcb), ev->cpu);
    if (b->entered != UINT64_MAX)
        x->inside += (ev->time - b->entered) * times;
    b->entered = b->asked = UINT64_MAX;
    b->left = ev->time;
    b->row = row;
}

/* What the processor that asks, or is answered, was in last: Xen says both where it leaves or enters the guest. */
static struct block *block_on(struct exits *x, unsigned cpu)
{
    return x->on[cpu] ? &x->blocks[x->on[cpu] - 1] : NULL;
}

static void asked(struct exits *x, const struct event *ev)
{
    struct block *b = block_on(x, ev->cpu);
    if (b && b->left != UINT64_MAX) /* its row is that of the exit */
        b->asked = ev->time;
}

static void answered(struct exits *x, const struct event *ev, uint64_t times)
{
    struct block *b = block_on(x, ev->cpu);
    x->answers = true;
    if (b && b->asked != UINT64_MAX)
        x->rows[b->row].model += (ev->time - b->asked) * times;
    if (b)
        b->asked = UINT64_MAX;
}

/* Repetitions that were left out: what comes next does not follow what came last. */
static void forget(struct exits *x)
{
    for (size_t i = 0; i < x->nblocks; i++)
        x->blocks[i].entered = x->blocks[i].left = x->blocks[i].asked = UINT64_MAX;
}

static void see(struct exits *x, const struct stages *stages, const struct event *ev, uint64_t times)
{
    char name[64];
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        x->entries += times;
        entered(x, ev, times);
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
        left(x, ev, count(x, name, x->by_stage ? stages_at(stages, ev->icount) : -1, ev->icount, times),
             times);
        break;
    case EV_DOMAIN_REQUEST:
        asked(x, ev);
        break;
    case EV_DOMAIN_ANSWER:
        answered(x, ev, times);
        break;
    case EV_AGAIN:
        forget(x);
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
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_VIRT) | EVENT_CLASS_BIT(EC_HYPERCALL) |
                                                      EVENT_CLASS_BIT(EC_FOLD));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        const bool counted = event_kind(ev.kind)->cls != EC_FOLD;
        see(x, stages, &ev, counted ? times_get(times, &ev, number) : 1);
        x->estimated |= counted && times_estimated(times, number);
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

static void print_levels(const struct exits *x)
{
    uint64_t away = 0, model = 0;
    for (size_t i = 0; i < x->n; i++) {
        away += x->rows[i].away;
        model += x->rows[i].model;
    }
    out_print(stdout, "%sguests ran %.6f s and were left for %.6f s", x->estimated ? "about: " : "",
              (double)x->inside / 1e9, (double)away / 1e9);
    if (x->answers)
        out_print(stdout, ", of which their device model took %.6f s", (double)model / 1e9);
    out_char(stdout, '\n');
}

/* How long a device model took: not known where nothing tells of its answers. */
static const char *model_text(const struct exits *x, const struct row *r, char *buf, size_t size)
{
    if (x->answers)
        snprintf(buf, size, "%.6f s", (double)r->model / 1e9);
    else
        snprintf(buf, size, "-");
    return buf;
}

static void print_text(const struct exits *x, const struct stages *stages)
{
    char n[NUMBER_TEXT], at[NUMBER_TEXT], took[32];
    long stage = -1;
    if (!x->entries && !x->refused) {
        out_print(stdout, "no guest was entered\n");
        return;
    }
    out_print(stdout, "%s%s exits", x->estimated ? "about " : "", number_commas(n, x->exits));
    out_print(stdout, ", %s entries", number_commas(n, x->entries));
    out_print(stdout, ", %s events injected", number_commas(n, x->injected));
    out_print(stdout, ", %s entries refused\n", number_commas(n, x->refused));
    print_levels(x);
    out_print(stdout, "%14s %6s %18s %12s %12s  %s\n", "exits", "share", "first at icount", "left for",
              "device model", "reason");
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->rows[i];
        const uint64_t share = (uint64_t)((unsigned __int128)r->count * 1000 / (x->exits ? x->exits : 1));
        if (x->by_stage && (!i || r->stage != stage))
            out_print(stdout, "%s\n", stage_name(stages, r->stage));
        stage = r->stage;
        out_print(stdout, "%14s %3" PRIu64 ".%" PRIu64 "%% %18s %10.6f s %12s  %s\n",
                  number_commas(n, r->count), share / 10, share % 10, number_commas(at, r->first),
                  (double)r->away / 1e9, model_text(x, r, took, sizeof took), r->name);
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
        json_number(g, "away_ns", r->away);
        if (x->answers)
            json_number(g, "model_ns", r->model);
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
    free(x->blocks);
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
        "The times are guest time: how long guests ran; how long they were left for, with all that the machine did meanwhile; and how much of that passed between a request "
        "to a domain's device model and its answer (domain.request and domain.answer, under Xen). "
        "Repetitions that the trace has as one event are counted. `bootreel events --class virt` lists each exit with its details. docs/virt.md describes the events.",
};
