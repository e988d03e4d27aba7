/* process_names.c - see process_names.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/chains.h"
#include "base/memory.h"
#include "core/story/process_names.h"
#include "core/story/processes.h"

/* A process from its creation to its end; the next one may have the same pid. */
struct life {
    unsigned guest;
    uint32_t pid;
    uint64_t begin;
    char **name; /* the first is from its parent, if it was seen to be created */
    size_t n;
    bool inherited, over;
};

struct process_names {
    struct life *list;
    size_t n;
    struct chains by_pid;
};

struct process_names *process_names_new(void)
{
    return mem_zero(1, sizeof(struct process_names));
}

void process_names_free(struct process_names *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->n; i++) {
        for (size_t k = 0; k < n->list[i].n; k++)
            free(n->list[i].name[k]);
        free(n->list[i].name);
    }
    free(n->list);
    chains_clear(&n->by_pid);
    free(n);
}

/* ---------------------------------------------------------------- events */

static struct life *begin_life(struct process_names *n, const struct event *ev, uint64_t pid)
{
    MEM_MORE(n->list, n->n);
    chains_add(&n->by_pid, process_key(ev->guest, pid));
    n->list[n->n] = (struct life){.guest = ev->guest, .pid = (uint32_t)pid, .begin = ev->icount};
    return &n->list[n->n++];
}

static struct life *life_of(struct process_names *n, const struct event *ev, uint64_t pid)
{
    const size_t i = chains_newest(&n->by_pid, process_key(ev->guest, pid));
    return i && !n->list[i - 1].over ? &n->list[i - 1] : begin_life(n, ev, pid);
}

static void add_name(struct life *l, const char *text, size_t len)
{
    if (!len)
        return;
    MEM_MORE(l->name, l->n);
    l->name[l->n++] = mem_text(text, len);
}

void process_names_see(struct process_names *n, const struct event *ev)
{
    const char *text = ev->len ? ev->data : "", *blank;
    struct life *l;
    switch (ev->kind) {
    case EV_PROCESS_CREATE:
        l = begin_life(n, ev, EVF(ev, PROCESS_CREATE, pid));
        l->inherited = ev->len && EVF(ev, PROCESS_CREATE, kind) != PROCESS_KERNEL_THREAD;
        add_name(l, text, ev->len);
        break;
    case EV_PROCESS_NAME:
        add_name(life_of(n, ev, EVF(ev, PROCESS_NAME, pid)), text, ev->len);
        break;
    case EV_PROCESS_EXEC: /* the path, and its arguments after a blank */
        blank = memchr(text, ' ', ev->len);
        add_name(life_of(n, ev, EVF(ev, PROCESS_EXEC, pid)), text, blank ? (size_t)(blank - text) : ev->len);
        break;
    case EV_PROCESS_EXIT:
        l = life_of(n, ev, EVF(ev, PROCESS_EXIT, pid));
        if (!l->n)
            add_name(l, text, ev->len);
        l->over = true;
        break;
    case EV_RESET:
        for (size_t i = 0; i < n->n; i++)
            n->list[i].over = true;
        break;
    default:
        break;
    }
}

struct process_names *process_names_at(struct trace *t, uint64_t icount, struct error *err)
{
    struct process_names *n = process_names_new();
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    uint64_t number;
    int got;
    while ((got = trace_cursor_next(c, &ev, &number, err)) == 1 && ev.icount <= icount)
        process_names_see(n, &ev);
    trace_cursor_close(c);
    if (got >= 0)
        return n;
    process_names_free(n);
    return NULL;
}

/* ---------------------------------------------------------------- asking */

static bool name_fits(const char *name, const char *want)
{
    const char *slash = strrchr(name, '/');
    if (!strpbrk(want, "*?["))
        return strstr(name, want);
    return !fnmatch(want, name, 0) || (slash && !fnmatch(want, slash + 1, 0));
}

static bool life_fits(const struct life *l, const char *want)
{
    symbol_space space;
    if (symbol_space_parse(want, &space))
        return space == symbol_space_of(l->guest, l->pid);
    for (size_t i = l->inherited && l->n > 1; i < l->n; i++)
        if (name_fits(l->name[i], want))
            return true;
    return false;
}

bool process_names_fit(const struct process_names *n, const char *want, unsigned guest, uint32_t pid,
                       uint64_t icount)
{
    size_t i = chains_newest(&n->by_pid, process_key(guest, pid));
    while (i && n->list[i - 1].begin > icount)
        i = chains_older(&n->by_pid, i);
    return i && life_fits(&n->list[i - 1], want);
}

bool process_names_any(const struct process_names *n, const char *want)
{
    for (size_t i = 0; i < n->n; i++)
        if (life_fits(&n->list[i], want))
            return true;
    return false;
}
