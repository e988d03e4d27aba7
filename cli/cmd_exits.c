/* cmd_exits.c - bootreel exits: why the guests of a hypervisor in the machine were left, by reason and by stage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "cli/cli.h"
#include "core/ran/exits.h"
#include "traces/event.h"
#include "traces/trace.h"

struct asked {
    bool json, by_stage;
};

static const char *stage_name(const struct stages *stages, long i)
{
    return i < 0 ? "(no stage)" : stages_get(stages, (size_t)i)->name;
}

static void print_levels(const struct exits *x)
{
    out_print(stdout, "%sguests ran %.6f s and were left for %.6f s", x->estimated ? "about: " : "",
              (double)x->inside / 1e9, (double)x->away / 1e9);
    if (x->answers)
        out_print(stdout, ", of which their device model took %.6f s", (double)x->model / 1e9);
    out_char(stdout, '\n');
}

/* How long a device model took: not known where nothing tells of its answers. */
static const char *model_text(const struct exits *x, const struct exits_row *r, char *buf, size_t size)
{
    if (x->answers)
        snprintf(buf, size, "%.6f s", (double)r->model / 1e9);
    else
        snprintf(buf, size, "-");
    return buf;
}

static void print_text(const struct exits *x, bool by_stage, const struct stages *stages)
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
        const struct exits_row *r = &x->row[i];
        const uint64_t share = (uint64_t)((unsigned __int128)r->count * 1000 / (x->exits ? x->exits : 1));
        if (by_stage && (!i || r->stage != stage))
            out_print(stdout, "%s\n", stage_name(stages, r->stage));
        stage = r->stage;
        out_print(stdout, "%14s %3" PRIu64 ".%" PRIu64 "%% %18s %10.6f s %12s  %s\n",
                  number_commas(n, r->count), share / 10, share % 10, number_commas(at, r->first),
                  (double)r->away / 1e9, model_text(x, r, took, sizeof took), r->name);
    }
}

static void print_json(const struct exits *x, bool by_stage, const struct stages *stages)
{
    yajl_gen g = json_new(false);
    yajl_gen_array_open(g);
    for (size_t i = 0; i < x->n; i++) {
        const struct exits_row *r = &x->row[i];
        yajl_gen_map_open(g);
        json_text(g, "reason", r->name);
        if (by_stage)
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
    const struct asked *a = ctx;
    struct exits x = {0};
    struct error err;
    struct stages *stages = exits_refused(t, path, &err) ? NULL : stages_of_trace(t, &err);
    const int rc = stages ? exits_read(t, a->by_stage ? stages : NULL, &x, &err) : -1;
    if (!rc)
        (a->json ? print_json : print_text)(&x, a->by_stage, stages);
    stages_free(stages);
    exits_clear(&x);
    return rc ? trouble(&err) : EXIT_DONE;
}

static const struct option_row rows[] = {
    {.name = "by-stage",
     .help = "count the exits of each stage of the boot apart",
     STORE(struct asked, by_stage)},
    FORMAT_ROW(struct asked, json),
    END_OF_ROWS,
};

static int cmd_exits(struct engines *engines, int argc, char **argv)
{
    struct asked a = {0};
    return run_on_trace(&command_exits, engines, argc, argv, NULL, &a, exits);
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
