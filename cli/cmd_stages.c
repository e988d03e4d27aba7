/* cmd_stages.c - bootreel stages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "cli/cli.h"
#include "core/story/stages.h"

struct options {
    const char *profile;
    const char *goal; /* NULL: the last */
    uint64_t depth;   /* 0: all */
    bool json, all, chain;
    bool tasks;       /* of some stages it is known whose time it was */
    uint64_t whole;   /* guest time of the run, ns */
    uint64_t step_ns; /* of a step */
};

/* How much of the stage's time the machine was idle (all processors, if there are several). */
static uint64_t idle_time(const struct options *o, const struct stage *s)
{
    uint64_t busy = s->steps * o->step_ns;
    return busy < s->took ? s->took - busy : 0;
}

static void print_name(const struct stage *s)
{
    out_print(stdout, "%s", s->name);
    if (s->count > 1)
        out_print(stdout, " and %zu more short ones", s->count - 1);
    out_print(stdout, "%s%s%s%s%s\n", s->note ? " (" : "", s->note ? s->note : "", s->note ? ")" : "",
              s->failed ? " (failed)" : "", s->open ? " (not ended)" : "");
}

static void print_tasks(const struct options *o, const struct stage *s)
{
    char own[NUMBER_TEXT], others[NUMBER_TEXT];
    if (o->tasks)
        out_print(stdout, "%14s %14s ", s->has_tasks ? number_duration(own, s->own) : "-",
                  s->has_tasks ? number_duration(others, s->others) : "-");
}

static void print_text(const struct options *o, const struct stage *s)
{
    char begin[NUMBER_TEXT], at[NUMBER_TEXT], took[NUMBER_TEXT], idle[NUMBER_TEXT];
    uint64_t share = o->whole ? (uint64_t)((unsigned __int128)s->took * 1000 / o->whole) : 0;
    out_print(stdout, "%18s %14s %14s %5" PRIu64 ".%" PRIu64 "%% ", number_commas(begin, s->begin),
              number_time(at, s->begin_time), number_duration(took, s->took), share / 10, share % 10);
    print_tasks(o, s);
    out_print(stdout, "%14s %9" PRIu64 "  %*s", number_duration(idle, idle_time(o, s)),
              s->last_event - s->first_event, (int)s->depth * 2, "");
    print_name(s);
}

static void print_json(yajl_gen g, const struct options *o, const struct stages *all, const struct stage *s)
{
    const char *parent = s->parent >= 0 ? stages_get(all, (size_t)s->parent)->name : NULL;
    yajl_gen_map_open(g);
    json_text(g, "name", s->name);
    json_text(g, "parent", parent);
    json_number(g, "depth", s->depth);
    json_number(g, "begin", s->begin);
    json_number(g, "end", s->end);
    json_number(g, "begin_time", s->begin_time);
    json_number(g, "end_time", s->end_time);
    json_number(g, "first_event", s->first_event);
    json_number(g, "events", s->last_event - s->first_event);
    json_number(g, "took", s->took);
    json_number(g, "idle", idle_time(o, s));
    if (s->has_tasks) {
        json_number(g, "own", s->own);
        json_number(g, "others", s->others);
        json_number(g, "waited", s->waited);
    }
    json_number(g, "count", s->count);
    json_bool(g, "ended", !s->open);
    json_bool(g, "failed", s->failed);
    if (s->note)
        json_text(g, "note", s->note);
    yajl_gen_map_close(g);
}

static void print_tree(const struct options *o, const struct stages *all, yajl_gen g)
{
    if (!o->json)
        out_print(stdout, "%18s %14s %14s %8s%s %14s %9s  %s\n", "icount", "guest time", "took", "share",
                  o->tasks ? "            own         others" : "", "idle", "events", "stage");
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (o->depth && s->depth >= o->depth)
            continue;
        if (o->json)
            print_json(g, o, all, s);
        else
            print_text(o, s);
    }
}

/* ---------------------------------------------------------------- what was waited for */

static long find_goal(const struct options *o, const struct stages *all, struct error *err)
{
    long at = -1;
    if (!o->goal) {
        at = stages_chain_end(all);
        if (at < 0)
            error_set(
                err,
                "--critical-chain: the trace has no stages that wait for each other (systemd's units): bootreel stages lists all");
        return at;
    }
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        const char *dot = strchr(s->name, '.');
        size_t n = strlen(o->goal);
        /* "unit.ssh.service_-_OpenSSH" by its whole name, or as ssh.service */
        if (s->chain && (at < 0 || stage_chain_before(s, stages_get(all, (size_t)at))) &&
            (!strcmp(s->name, o->goal) ||
             (dot && !strncmp(dot + 1, o->goal, n) && (!dot[1 + n] || dot[1 + n] == '_'))))
            at = (long)i;
    }
    if (at < 0)
        error_set(
            err,
            "--critical-chain=%.100s: no such unit or target in the trace: bootreel stages --all lists them",
            o->goal);
    return at;
}

static int print_chain(const struct options *o, const struct stages *all, struct trace *t, yajl_gen g,
                       struct error *err)
{
    char at[NUMBER_TEXT], took[NUMBER_TEXT], idle[NUMBER_TEXT], gap[NUMBER_TEXT];
    const long i = find_goal(o, all, err);
    if (i < 0)
        return -1;
    const uint64_t origin = stages_chain_zero(all, (size_t)i, t);
    if (!o->json)
        out_print(stdout, "%14s %14s%s %14s %14s  %s\n", "began after", "took",
                  o->tasks ? "            own         others" : "", "idle", "then waited",
                  "stage (below it what ended last before it began: by time, not by dependencies)");
    size_t *chain, n = stages_chain(all, (size_t)i, &chain);
    uint64_t next = 0;
    for (size_t k = 0; k < n; k++) {
        const struct stage *s = stages_get(all, chain[k]);
        if (o->json) {
            print_json(g, o, all, s);
            continue;
        }
        out_print(stdout, "%14s %14s ", number_time(at, s->begin_time - origin),
                  number_duration(took, s->took));
        print_tasks(o, s);
        out_print(stdout, "%14s %14s  ", number_duration(idle, idle_time(o, s)),
                  next ? number_duration(gap, next - s->end_time) : "");
        print_name(s);
        next = s->begin_time;
    }
    free(chain);
    return 0;
}

/* ---------------------------------------------------------------- all of it */

static int print_all(const struct options *o, const struct stages *all, struct trace *t, struct error *err)
{
    yajl_gen g = json_new(false);
    int rc = 0;
    if (o->json)
        yajl_gen_array_open(g);
    if (o->chain)
        rc = print_chain(o, all, t, g, err);
    else
        print_tree(o, all, g);
    if (o->json && !rc) {
        yajl_gen_array_close(g);
        json_print(g);
        out_char(stdout, '\n');
    }
    yajl_gen_free(g);
    return rc;
}

/* Guest time at the end of the trace. */
static uint64_t whole_time(struct trace *t, const struct stages *all)
{
    uint64_t end = trace_end(t) ? trace_end(t)->time : 0;
    for (size_t i = 0; i < stages_count(all); i++)
        end = stages_get(all, i)->end_time > end ? stages_get(all, i)->end_time : end;
    return end;
}

static struct stages *build(const struct options *o, struct trace *t, struct error *err)
{
    if (!o->profile)
        return stages_of_trace(t, err);
    struct profile *p = profile_load(o->profile, err);
    struct stages *s = p ? stages_build(t, p, err) : NULL;
    profile_free(p);
    return s;
}

enum { OPT_DEPTH = 1, OPT_CHAIN };

static const struct option_row rows[] = {
    {.name = "profile",
     .argument = "FILE",
     .help = "lay this boot profile over the trace instead of the one it was recorded with",
     STORE(struct options, profile)},
    {.name = "depth", .argument = "N", .help = "only the outer N levels (default: all)", .id = OPT_DEPTH},
    {.name = "all", .help = "give each short process a line of its own", STORE(struct options, all)},
    {.name = "critical-chain",
     .argument = "[NAME]",
     .help = "what the boot waited for, last first: from stage NAME, or from the last one of the start-up",
     .id = OPT_CHAIN,
     .more =
         "The chain begins with the unit that finished last in systemd's start-up, or with the unit or target NAME, such as ssh.service. Next is the unit that finished last before that one was started, and so on. Each line says how long the unit took, and how long it was until the next one was started. What finished before is taken for what was waited for: this goes by time, where systemd-analyze goes by the units' declared dependencies, which are not read. Units that are there from the beginning and say nothing, such as -.mount, are in neither of the stages. Stages that a boot profile marks `chain` are treated in the same way."},
    FORMAT_ROW(struct options, json),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct options *o = ctx;
    switch (row->id) {
    case OPT_CHAIN:
        o->chain = true;
        o->goal = value;
        return 0;
    case OPT_DEPTH:
        return take_number(row, value, 1, UINT64_MAX, &o->depth, err);
    default:
        return option_not_handled(row, err);
    }
}

static int print_stages(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct options *o = ctx;
    struct error err;
    struct stages *s = build(o, t, &err);
    if (!s)
        return trouble(&err);
    o->whole = whole_time(t, s);
    o->step_ns = trace_config(t)->step_ns;
    o->tasks = stages_have_tasks(s);
    if (!o->all && !o->chain)
        stages_fold(s);
    int status = print_all(o, s, t, &err) ? trouble(&err) : EXIT_DONE;
    stages_free(s);
    return status;
}

static int cmd_stages(struct engines *engines, int argc, char **argv)
{
    struct options o = {0};
    return run_on_trace(&command_stages, engines, argc, argv, take_option, &o, print_stages);
}

const struct command command_stages = {
    .name = "stages",
    .run = cmd_stages,
    .what = "the stages of the boot, as a tree",
    .arguments = "TRACE [--depth N] [--critical-chain[=NAME]]",
    .rows = rows,
    .intro =
        "Prints the stages of the boot as a tree: icount and guest time of the beginning, how long each took, its share of the "
        "whole guest time, how much of it the machine was idle (halted, or waiting for a device's answer), and how many events it has. "
        "In a boot whose context switches are known, `own` is how long the stage's task had a processor outside of the stages inside of it, and `others` how long other tasks had them meanwhile. Short processes of one parent are "
        "one line, which says how many.",
    .more =
        "A stage's task is the one that began it; of a process, it is all of its threads. It has a processor while it executes, waits for a device's answer or is interrupted: the time of interrupt handlers is that of the task that they interrupt, and so is a hypervisor's. Before a kernel's first context switch the firmware, the loader and the kernel are one task. The idle task is nobody: what is left of the time that a stage took is that of the stages inside of it, and that in which all processors were idle (`waited` in JSON). A dash stands where it is not known, as for systemd's units, whose processes are not known. "
        "Processes are stages, from their creation to their end, each inside the process that created it. Short ones are those that took less than 1 % of the stage that they are in. Under systemd, its units are stages as well.",
};
