/* cmd_processes.c - bootreel processes: the process tree at a position of a trace. */
#include <stdlib.h>
#include <string.h>

#include "base/chains.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "core/story/processes.h"

enum { DEEPEST = 64 }; /* what hangs deeper is printed as if it hung from nothing */

struct tree {
    const char *at;
    const struct processes *ps;
    bool all, json;
    bool *printed;
    struct chains below; /* of the processes, the last one first, by what they hang from */
};

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
    char status[40], at[NUMBER_TEXT], number[40], host[40] = "";
    status_text(p, status, sizeof status);
    symbol_space_text(symbol_space_of(p->guest, p->pid), number, sizeof number);
    if (p->host)
        snprintf(host, sizeof host, ", in host process %u", p->host);
    out_print(stdout, "%*s%s %s (%s, created at %s%s%s)%s%s\n", 2 * (int)depth, "", number, p->name,
              process_kind_text(p->kind), number_time(at, p->created_time), host, status,
              *p->path ? ": " : "", p->path);
}

/* A thread hangs from its process, a process from its parent. */
static uint32_t above(const struct process *p)
{
    return p->kind == PROCESS_THREAD || p->kind == PROCESS_THREAD_OF_HOST ? p->tgid : p->parent;
}

/* Those that hang from no process are together, of whatever guest they are. */
static uint64_t below_key(unsigned guest, uint32_t pid)
{
    return pid ? process_key(guest, pid) : 0;
}

/* The last one is element 0: so the first one is found first. */
static void make_chains(struct tree *t)
{
    for (size_t i = processes_count(t->ps); i-- > 0;) {
        const struct process *p = processes_get(t->ps, i);
        chains_add(&t->below, below_key(p->guest, above(p)));
    }
}

/* Where the printing is in what hangs from a process. */
struct level {
    size_t at; /* the next one; 0: none is left */
    uint32_t pid;
    unsigned depth;
};

struct levels {
    struct level *level;
    size_t n, cap;
};

static void go_below(const struct tree *t, struct levels *l, unsigned guest, uint32_t pid, unsigned depth)
{
    const size_t at = chains_newest(&t->below, below_key(guest, pid));
    l->level = mem_grow(l->level, &l->cap, l->n + 1, sizeof *l->level);
    l->level[l->n++] = (struct level){at, pid, depth};
}

/* Prints all that hang from no process, and what hangs from them. A guest may have made millions of processes, each by the one before it. */
static void print_tree(struct tree *t)
{
    struct levels l = {0};
    go_below(t, &l, 0, 0, 0);
    while (l.n) {
        struct level *now = &l.level[l.n - 1];
        if (!now->at) {
            l.n--;
            continue;
        }
        const size_t i = processes_count(t->ps) - now->at;
        const struct process *p = processes_get(t->ps, i);
        now->at = chains_older(&t->below, now->at);
        if (t->printed[i] || p->pid == now->pid || now->depth > DEEPEST)
            continue;
        t->printed[i] = true;
        const bool shown = t->all || !p->exited;
        if (shown)
            print_process(p, now->depth);
        go_below(t, &l, p->guest, p->pid, now->depth + shown);
    }
    free(l.level);
}

static void json_process(yajl_gen g, const struct process *p)
{
    yajl_gen_map_open(g);
    if (p->guest)
        json_number(g, "guest", p->guest);
    json_number(g, "pid", p->pid);
    json_number(g, "tgid", p->tgid);
    json_number(g, "parent", p->parent);
    json_text(g, "kind", process_kind_text(p->kind));
    if (p->host)
        json_number(g, "host", p->host);
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
    yajl_gen g = json_new(true);
    yajl_gen_array_open(g);
    for (size_t i = 0; i < processes_count(t->ps); i++)
        if (t->all || !processes_get(t->ps, i)->exited)
            json_process(g, processes_get(t->ps, i));
    yajl_gen_array_close(g);
    json_print(g);
    yajl_gen_free(g);
}

static int print_processes(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct tree *tree = ctx;
    struct error err;
    uint64_t icount;
    if (find_position(engines, t, tree->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    struct processes *ps = processes_at(t, icount, &err);
    if (!ps)
        return trouble(&err);
    tree->ps = ps;
    tree->printed = mem_zero(processes_count(ps), sizeof *tree->printed);
    if (tree->json) {
        print_json(tree);
    } else {
        if (!processes_count(ps))
            out_print(
                stderr,
                "bootreel: no processes up to there: no guest system that bootreel knows has made any\n");
        make_chains(tree);
        print_tree(tree);
        for (size_t i = 0; i < processes_count(ps); i++) /* whose parent was never seen */
            if (!tree->printed[i] && (tree->all || !processes_get(ps, i)->exited))
                print_process(processes_get(ps, i), 0);
    }
    free(tree->printed);
    chains_clear(&tree->below);
    processes_free(ps);
    return EXIT_DONE;
}

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the process tree at that position (default: the end)",
     STORE(struct tree, at)},
    {.name = "all", .help = "also list processes that have exited", STORE(struct tree, all)},
    FORMAT_ROW(struct tree, json),
    END_OF_ROWS,
};

static int cmd_processes(struct engines *engines, int argc, char **argv)
{
    struct tree tree = {0};
    return run_on_trace(&command_processes, engines, argc, argv, NULL, &tree, print_processes);
}

const struct command command_processes = {
    .name = "processes",
    .run = cmd_processes,
    .what = "the process tree at a position",
    .arguments = "TRACE [--at POSITION] [--all]",
    .rows = rows,
    .intro = "Prints the process tree at a position, from the trace alone.",
};
