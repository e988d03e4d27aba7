/* cmd_processes.c - bootreel processes: the process tree at a position of a trace. */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "cli/cli.h"
#include "core/position.h"
#include "core/processes.h"

static const char help[] = "usage: bootreel processes TRACE [--at POSITION] [--all] [--format text|json]\n\n"
                           "The process tree at a position (default: the end), from the trace alone.\n\n"
                           "  --at POSITION        ICOUNT, 1.5s, NN%, #EVENT, console:TEXT, mark:NAME\n"
                           "  --all                those that have exited, too\n"
                           "  --format text|json   json: one array of objects\n";

enum { OPT_AT = 1, OPT_ALL, OPT_FORMAT, OPT_HELP };

static const struct option longs[] = {
    {"at", required_argument, NULL, OPT_AT},
    {"all", no_argument, NULL, OPT_ALL},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct tree {
    const struct processes *ps;
    bool all, json;
    bool *printed;
};

static const char *kind_word(const struct process *p)
{
    static const char *const words[] = {"kernel thread", "process", "thread"};
    return words[p->kind < 3 ? p->kind : 1];
}

static void status_text(const struct process *p, char *buf, size_t size)
{
    if (!p->exited)
        snprintf(buf, size, "%s", "");
    else if (p->code & 0x7f)
        snprintf(buf, size, ", killed by signal %u", p->code & 0x7f);
    else
        snprintf(buf, size, ", exited with %u", p->code >> 8 & 0xff);
}

static void print_process(const struct process *p, unsigned depth)
{
    char status[40], at[NUMBER_TEXT];
    status_text(p, status, sizeof status);
    printf("%*s%u %s (%s, created at %s%s)%s%s\n", 2 * (int)depth, "", p->pid, p->name, kind_word(p),
           seconds(at, p->created_time), status, *p->path ? ": " : "", p->path);
}

/* A thread hangs from its process, a process from its parent. */
static uint32_t above(const struct process *p)
{
    return p->kind == PROCESS_THREAD ? p->tgid : p->parent;
}

static void print_below(struct tree *t, uint32_t pid, unsigned depth)
{
    for (size_t i = 0; i < processes_count(t->ps); i++) {
        const struct process *p = processes_get(t->ps, i);
        if (t->printed[i] || above(p) != pid || p->pid == pid || depth > 64)
            continue;
        t->printed[i] = true;
        bool shown = t->all || !p->exited;
        if (shown)
            print_process(p, depth);
        print_below(t, p->pid, depth + shown);
    }
}

static void json_text(yajl_gen g, const char *key, const char *value)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_string(g, (const unsigned char *)value, strlen(value));
}

static void json_number(yajl_gen g, const char *key, uint64_t value)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_integer(g, (long long)value);
}

static void json_process(yajl_gen g, const struct process *p)
{
    yajl_gen_map_open(g);
    json_number(g, "pid", p->pid);
    json_number(g, "tgid", p->tgid);
    json_number(g, "parent", p->parent);
    json_text(g, "kind", kind_word(p));
    json_number(g, "flags", p->flags);
    json_text(g, "name", p->name);
    json_text(g, "command", p->path);
    json_number(g, "created", p->created);
    json_number(g, "executed", p->executed);
    json_number(g, "exited", p->exited);
    json_number(g, "code", p->code);
    yajl_gen_map_close(g);
}

static void print_json(const struct tree *t)
{
    const unsigned char *text;
    size_t n;
    yajl_gen g = yajl_gen_alloc(NULL);
    yajl_gen_config(g, yajl_gen_beautify, 1);
    yajl_gen_array_open(g);
    for (size_t i = 0; i < processes_count(t->ps); i++)
        if (t->all || !processes_get(t->ps, i)->exited)
            json_process(g, processes_get(t->ps, i));
    yajl_gen_array_close(g);
    yajl_gen_get_buf(g, &text, &n);
    fwrite(text, 1, n, stdout);
    yajl_gen_free(g);
}

static int processes_command(struct trace *t, struct tree *tree, const char *at, struct error *err)
{
    struct position pos = {.kind = POS_PERCENT, .n = 1000000};
    uint64_t icount;
    if ((at && position_parse(at, &pos, err)) || position_resolve(t, &pos, 0, &icount, err))
        return trouble(err);
    struct processes *ps = processes_at(t, icount, err);
    if (!ps)
        return trouble(err);
    tree->ps = ps;
    tree->printed = calloc(processes_count(ps) + 1, sizeof *tree->printed);
    if (tree->json) {
        print_json(tree);
    } else {
        print_below(tree, 0, 0);
        for (size_t i = 0; i < processes_count(ps); i++) /* whose parent was never seen */
            if (!tree->printed[i] && (tree->all || !processes_get(ps, i)->exited))
                print_process(processes_get(ps, i), 0);
    }
    free(tree->printed);
    processes_free(ps);
    return EXIT_DONE;
}

int cmd_processes(int argc, char **argv)
{
    struct tree tree = {0};
    const char *at = NULL;
    struct error err;
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        switch (c) {
        case OPT_HELP:
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        case OPT_AT:
            at = optarg;
            break;
        case OPT_ALL:
            tree.all = true;
            break;
        case OPT_FORMAT:
            tree.json = !strcmp(optarg, "json");
            if (!tree.json && strcmp(optarg, "text"))
                return trouble_text("--format: \"%.40s\" is no format: give text or json", optarg);
            break;
        default:
            return EXIT_TROUBLE;
        }
    }
    const char *path = only_argument(argc, argv, "trace");
    struct trace *t = path ? open_trace(path) : NULL;
    if (!t)
        return EXIT_TROUBLE;
    int status = processes_command(t, &tree, at, &err);
    trace_close(t);
    return finish_output(status);
}
