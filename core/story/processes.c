/* processes.c - see processes.h. */
#include <stdlib.h>
#include <string.h>

#include "core/processes.h"
#include "traces/memory.h"

enum { CPUS = 256 };

struct processes {
    struct process *list;
    size_t n;
    uint32_t current[CPUS]; /* pid + 1; 0: not known */
    bool switches;
};

struct processes *processes_new(void)
{
    return mem_zero(1, sizeof(struct processes));
}

static void clear(struct processes *ps)
{
    for (size_t i = 0; i < ps->n; i++) {
        free((char *)ps->list[i].name);
        free((char *)ps->list[i].path);
    }
    free(ps->list);
    *ps = (struct processes){0};
}

void processes_free(struct processes *ps)
{
    if (!ps)
        return;
    clear(ps);
    free(ps);
}

static char *text_of(const struct event *ev)
{
    return ev->len ? strndup(ev->data, ev->len) : mem_string("");
}

static void replace(const char **text, const struct event *ev)
{
    free((char *)*text);
    *text = text_of(ev);
}

static struct process *find(const struct processes *ps, uint64_t pid)
{
    struct process *dead = NULL;
    for (size_t i = ps->n; i-- > 0;)
        if (ps->list[i].pid == pid) {
            if (!ps->list[i].exited)
                return &ps->list[i];
            dead = dead ? dead : &ps->list[i];
        }
    return dead;
}

static struct process *add(struct processes *ps, uint64_t pid)
{
    MEM_MORE(ps->list, ps->n);
    struct process *p = &ps->list[ps->n++];
    *p = (struct process){.pid = (uint32_t)pid, .tgid = (uint32_t)pid, .path = mem_string("")};
    return p;
}

/* The process of an event; it is added if its creation was not seen (the trace began later). */
static struct process *process_of(struct processes *ps, uint64_t pid)
{
    struct process *p = find(ps, pid);
    if (p)
        return p;
    p = add(ps, pid);
    p->name = mem_string("");
    return p;
}

static void created(struct processes *ps, const struct event *ev)
{
    struct process *p = add(ps, ev->f[EVF_PROCESS_CREATE_pid]);
    /* A thread runs the program of its group; a process at first runs that of its parent. */
    bool thread = ev->f[EVF_PROCESS_CREATE_kind] == PROCESS_THREAD;
    const struct process *parent =
        find(ps, ev->f[thread ? EVF_PROCESS_CREATE_tgid : EVF_PROCESS_CREATE_parent]);
    p->tgid = (uint32_t)ev->f[EVF_PROCESS_CREATE_tgid];
    p->parent = (uint32_t)ev->f[EVF_PROCESS_CREATE_parent];
    p->kind = (uint8_t)ev->f[EVF_PROCESS_CREATE_kind];
    p->flags = ev->f[EVF_PROCESS_CREATE_flags];
    p->created = ev->icount;
    p->created_time = ev->time;
    p->name = text_of(ev);
    if (parent && parent != p && p->kind != PROCESS_KERNEL_THREAD && *parent->path) {
        free((char *)p->path);
        p->path = mem_string(parent->path);
    }
}

static void see(struct processes *ps, const struct event *ev, uint64_t pid)
{
    struct process *p = process_of(ps, pid);
    if (ev->kind == EV_PROCESS_NAME) {
        replace(&p->name, ev);
    } else if (ev->kind == EV_PROCESS_EXEC) {
        replace(&p->path, ev);
        p->executed = ev->icount;
        p->executed_time = ev->time;
    } else {
        p->exited = ev->icount;
        p->exited_time = ev->time;
        p->code = (uint32_t)ev->f[EVF_PROCESS_EXIT_code];
    }
    if (!ps->switches && ev->kind != EV_PROCESS_NAME)
        ps->current[ev->cpu] = (uint32_t)pid + 1;
}

void processes_see(struct processes *ps, const struct event *ev)
{
    switch (ev->kind) {
    case EV_RESET:
        clear(ps);
        break;
    case EV_PROCESS_CREATE:
        created(ps, ev);
        break;
    case EV_PROCESS_NAME:
        see(ps, ev, ev->f[EVF_PROCESS_NAME_pid]);
        break;
    case EV_PROCESS_EXEC:
        see(ps, ev, ev->f[EVF_PROCESS_EXEC_pid]);
        break;
    case EV_PROCESS_EXIT:
        see(ps, ev, ev->f[EVF_PROCESS_EXIT_pid]);
        break;
    case EV_SCHED_SWITCH:
        ps->switches = true;
        ps->current[ev->cpu] = (uint32_t)ev->f[EVF_SCHED_SWITCH_next] + 1;
        break;
    default:
        break;
    }
}

struct processes *processes_at(struct trace *t, uint64_t icount, struct error *err)
{
    struct processes *ps = processes_new();
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) |
                                                      EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    int rc = c ? trace_cursor_next(c, &ev, NULL, err) : -1;
    for (; rc > 0 && ev.icount <= icount; rc = trace_cursor_next(c, &ev, NULL, err))
        processes_see(ps, &ev);
    trace_cursor_close(c);
    if (rc >= 0)
        return ps;
    processes_free(ps);
    return NULL;
}

size_t processes_count(const struct processes *ps)
{
    return ps->n;
}

const struct process *processes_get(const struct processes *ps, size_t i)
{
    return &ps->list[i];
}

const struct process *processes_find(const struct processes *ps, uint32_t pid)
{
    return find(ps, pid);
}

const struct process *processes_current(const struct processes *ps, unsigned cpu)
{
    return cpu < CPUS && ps->current[cpu] ? find(ps, ps->current[cpu] - 1) : NULL;
}
