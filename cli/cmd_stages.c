/* cmd_stages.c - bootreel stages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "cli/cli.h"
#include "core/stages.h"

static const char help[] =
    "usage: bootreel stages TRACE [OPTION…]\n\n"
    "Prints the stages of the boot as a tree: icount and guest time of the beginning, duration, share of the whole, events.\n\n"
    "  --profile FILE       lay this boot profile over the trace instead of the one it was recorded with\n"
    "  --depth N            only the outer N levels (default: all)\n"
    "  --format text|json   json: one array of objects\n";

enum { OPT_PROFILE = 1, OPT_DEPTH, OPT_FORMAT, OPT_HELP };

static const struct option longs[] = {
    {"profile", required_argument, NULL, OPT_PROFILE}, {"depth", required_argument, NULL, OPT_DEPTH},
    {"format", required_argument, NULL, OPT_FORMAT},   {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct options {
    const char *profile;
    unsigned long depth;
    bool json;
};

static int set_option(struct options *o, int c)
{
    char *end;
    switch (c) {
    case OPT_PROFILE:
        o->profile = optarg;
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

static void print_text(const struct stage *s, uint64_t whole)
{
    char begin[NUMBER_TEXT], at[NUMBER_TEXT], took[NUMBER_TEXT];
    uint64_t share = whole ? (s->end - s->begin) * 1000 / whole : 0;
    printf("%18s %14s %14s %5" PRIu64 ".%" PRIu64 "%% %9" PRIu64 "  %*s%s%s\n", commas(begin, s->begin),
           seconds(at, s->begin_time), seconds(took, s->end_time - s->begin_time), share / 10, share % 10,
           s->last_event - s->first_event, (int)s->depth * 2, "", s->name, s->open ? " (not ended)" : "");
}

static void json_number(yajl_gen g, const char *key, uint64_t v)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_integer(g, (long long)v);
}

static void print_json(yajl_gen g, const struct stages *all, const struct stage *s)
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
    yajl_gen_string(g, (const unsigned char *)"ended", 5);
    yajl_gen_bool(g, !s->open);
    yajl_gen_map_close(g);
}

static void print_all(const struct options *o, const struct stages *all, uint64_t whole)
{
    yajl_gen g = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t n;
    if (o->json)
        yajl_gen_array_open(g);
    else
        printf("%18s %14s %14s %8s %9s  %s\n", "icount", "guest time", "took", "share", "events", "stage");
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (o->depth && s->depth >= o->depth)
            continue;
        if (o->json)
            print_json(g, all, s);
        else
            print_text(s, whole);
    }
    if (o->json) {
        yajl_gen_array_close(g);
        yajl_gen_get_buf(g, &text, &n);
        fwrite(text, 1, n, stdout);
        putchar('\n');
    }
    yajl_gen_free(g);
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
    if (s)
        print_all(&o, s, trace_last_icount(t));
    stages_free(s);
    trace_close(t);
    return finish_output(status);
}
