/* cmd_stages.c - bootreel stages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "cli/cli.h"
#include "core/stages.h"

static const char help[] =
    "usage: bootreel stages TRACE [OPTION…]\n\n"
    "Prints the stages of the boot as a tree: icount and guest time of the beginning, how long it took, its share of the whole\n"
    "guest time, how much of it the machine was idle, events. Short processes of one parent are one line; × says how many.\n\n"
    "  --profile FILE       lay this boot profile over the trace instead of the one it was recorded with\n"
    "  --depth N            only the outer N levels (default: all)\n"
    "  --all                each short one in its own line\n"
    "  --critical-chain[=NAME]\n"
    "                       what the boot waited for, last first: from stage NAME, or from the last one of the start-up, back to\n"
    "                       the stage that ended last before it began, and so on (systemd's units and targets, and what\n"
    "                       else the profile marks `chain`)\n"
    "  --format text|json   json: one array of objects\n";

enum { OPT_PROFILE = 1, OPT_DEPTH, OPT_FORMAT, OPT_HELP, OPT_ALL, OPT_CHAIN };

static const struct option longs[] = {
    {"profile", required_argument, NULL, OPT_PROFILE},        {"depth", required_argument, NULL, OPT_DEPTH},
    {"format", required_argument, NULL, OPT_FORMAT},          {"all", no_argument, NULL, OPT_ALL},
    {"critical-chain", optional_argument, NULL, OPT_CHAIN}, {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct options {
    const char *profile;
    const char *goal; /* NULL: the last */
    unsigned long depth;
    bool json, all, chain;
    uint64_t whole;   /* guest time of the run, ns */
    uint64_t step_ns; /* of a step */
};

static int set_option(struct options *o, int c)
{
    char *end;
    switch (c) {
    case OPT_PROFILE:
        o->profile = optarg;
        return 0;
    case OPT_ALL:
        o->all = true;
        return 0;
    case OPT_CHAIN:
        o->chain = true;
        o->goal = optarg;
        return 0;
    case OPT_DEPTH:
        o->depth = strtoul(optarg, &end, 10);
        if (*optarg && !*end && o->depth)
            return 0;
        trouble_text("--depth: \"%.40s\" is no number from 1 on", optarg);
        return -1;
    case OPT_FORMAT:
        o->json = !strcmp(optarg, "json");
        if (o->json || !strcmp(optarg, "text"))
            return 0;
        trouble_text("--format: \"%.40s\" is none of: text, json", optarg);
        return -1;
    default:
        return -1;
    }
}

/* How much of it nothing ran; of several processors: on none. */
static uint64_t idle_time(const struct options *o, const struct stage *s)
{
    uint64_t busy = s->steps * o->step_ns;
    return busy < s->took ? s->took - busy : 0;
}

static void print_name(const struct stage *s)
{
    printf("%s", s->name);
    if (s->count > 1)
        printf(" and %zu more short ones", s->count - 1);
    printf("%s%s%s%s%s\n", s->note ? " (" : "", s->note ? s->note : "", s->note ? ")" : "", s->failed ? " (failed)" : "",
           s->open ? " (not ended)" : "");
}

static void print_text(const struct options *o, const struct stage *s)
{
    char begin[NUMBER_TEXT], at[NUMBER_TEXT], took[NUMBER_TEXT], idle[NUMBER_TEXT];
    uint64_t share = o->whole ? (uint64_t)((unsigned __int128)s->took * 1000 / o->whole) : 0;
    printf("%18s %14s %14s %5" PRIu64 ".%" PRIu64 "%% %14s %9" PRIu64 "  %*s", commas(begin, s->begin),
           seconds(at, s->begin_time), seconds(took, s->took), share / 10, share % 10, seconds(idle, idle_time(o, s)),
           s->last_event - s->first_event, (int)s->depth * 2, "");
    print_name(s);
}

static void json_number(yajl_gen g, const char *key, uint64_t v)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_integer(g, (long long)v);
}

static void json_bool(yajl_gen g, const char *key, bool v)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_bool(g, v);
}

static void print_json(yajl_gen g, const struct options *o, const struct stages *all, const struct stage *s)
{
    const char *parent = s->parent >= 0 ? stages_get(all, (size_t)s->parent)->name : NULL;
    yajl_gen_map_open(g);
    yajl_gen_string(g, (const unsigned char *)"name", 4);
    yajl_gen_string(g, (const unsigned char *)s->name, strlen(s->name));
    yajl_gen_string(g, (const unsigned char *)"parent", 6);
    if (parent)
        yajl_gen_string(g, (const unsigned char *)parent, strlen(parent));
    else
        yajl_gen_null(g);
    json_number(g, "depth", s->depth);
    json_number(g, "begin", s->begin);
    json_number(g, "end", s->end);
    json_number(g, "begin_time", s->begin_time);
    json_number(g, "end_time", s->end_time);
    json_number(g, "first_event", s->first_event);
    json_number(g, "events", s->last_event - s->first_event);
    json_number(g, "took", s->took);
    json_number(g, "idle", idle_time(o, s));
    json_number(g, "count", s->count);
    json_bool(g, "ended", !s->open);
    json_bool(g, "failed", s->failed);
    if (s->note) {
        yajl_gen_string(g, (const unsigned char *)"note", 4);
        yajl_gen_string(g, (const unsigned char *)s->note, strlen(s->note));
    }
    yajl_gen_map_close(g);
}

static void print_tree(const struct options *o, const struct stages *all, yajl_gen g)
{
    if (!o->json)
        printf("%18s %14s %14s %8s %14s %9s  %s\n", "icount", "guest time", "took", "share", "idle", "events", "stage");
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
        at = stages_chain(all, -1);
        if (at < 0)
            error_set(err, "--critical-chain: the trace has no stages that wait for each other (systemd's units): bootreel stages lists all");
        return at;
    }
    for (size_t i = 0; i < stages_count(all) && at < 0; i++) {
        const struct stage *s = stages_get(all, i);
        const char *dot = strchr(s->name, '.');
        size_t n = strlen(o->goal);
        /* "unit.ssh.service_-_OpenSSH" by its whole name, or as ssh.service */
        if (s->chain && (!strcmp(s->name, o->goal) ||
                         (dot && !strncmp(dot + 1, o->goal, n) && (!dot[1 + n] || dot[1 + n] == '_'))))
            at = (long)i;
    }
    if (at < 0)
        error_set(err, "--critical-chain=%.100s: no such unit or target in the trace: bootreel stages --all lists them", o->goal);
    return at;
}

static int print_chain(const struct options *o, const struct stages *all, yajl_gen g, struct error *err)
{
    char at[NUMBER_TEXT], took[NUMBER_TEXT], idle[NUMBER_TEXT], gap[NUMBER_TEXT];
    long i = find_goal(o, all, err);
    if (i < 0)
        return -1;
    uint64_t origin = stages_get(all, (size_t)i)->parent >= 0 ? stages_get(all, (size_t)stages_get(all, (size_t)i)->parent)->begin_time : 0;
    if (!o->json)
        printf("%14s %14s %14s %14s  %s\n", "began after", "took", "idle", "then waited", "stage");
    for (uint64_t next = 0; i >= 0; i = stages_chain(all, i)) {
        const struct stage *s = stages_get(all, (size_t)i);
        if (o->json) {
            print_json(g, o, all, s);
            continue;
        }
        printf("%14s %14s %14s %14s  ", seconds(at, s->begin_time - origin), seconds(took, s->took), seconds(idle, idle_time(o, s)),
               next ? seconds(gap, next - s->end_time) : "");
        print_name(s);
        next = s->begin_time;
    }
    return 0;
}

/* ---------------------------------------------------------------- all of it */

static int print_all(const struct options *o, const struct stages *all, struct error *err)
{
    yajl_gen g = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t n;
    int rc = 0;
    if (o->json)
        yajl_gen_array_open(g);
    if (o->chain)
        rc = print_chain(o, all, g, err);
    else
        print_tree(o, all, g);
    if (o->json && !rc) {
        yajl_gen_array_close(g);
        yajl_gen_get_buf(g, &text, &n);
        fwrite(text, 1, n, stdout);
        putchar('\n');
    }
    yajl_gen_free(g);
    return rc;
}

/* Guest time at the end of what there is. */
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

int cmd_stages(int argc, char **argv)
{
    struct options o = {0};
    struct error err;
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (set_option(&o, c))
            return EXIT_TROUBLE;
    }
    const char *path = only_argument(argc, argv, "trace");
    struct trace *t = path ? open_trace(path) : NULL;
    if (!t)
        return EXIT_TROUBLE;
    struct stages *s = build(&o, t, &err);
    int status = s ? EXIT_DONE : trouble(&err);
    if (s) {
        o.whole = whole_time(t, s);
        o.step_ns = trace_config(t)->step_ns;
        if (!o.all && !o.chain)
            stages_fold(s);
        status = print_all(&o, s, &err) ? trouble(&err) : EXIT_DONE;
    }
    stages_free(s);
    trace_close(t);
    return finish_output(status);
}
