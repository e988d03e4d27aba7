/* processes.c - see processes.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/chains.h"
#include "base/memory.h"
#include "core/story/processes.h"

enum { CPUS = 256 };

struct processes {
    struct process *list;
    size_t n;
    struct chains by_pid; /* of `list`: there may be many thousands */
    struct {
        bool known;
        unsigned guest;
        uint32_t pid;
    } current[CPUS];
    bool switches;
    uint64_t at; /* where processes_move() was last */
    bool moved;
};

const char *process_kind_text(uint64_t kind)
{
    static const char *const words[] = {"kernel thread", "process", "thread", "host process", "host thread"};
    return kind < sizeof words / sizeof words[0] ? words[kind] : "task";
}

symbol_space process_space(const struct process *p)
{
    return symbol_space_of(p->guest, p->kind == PROCESS_KERNEL_THREAD ? 0 : p->tgid);
}

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
    chains_clear(&ps->by_pid);
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
    return ev->len ? mem_text(ev->data, ev->len) : mem_string("");
}

static void replace(const char **text, const struct event *ev)
{
    free((char *)*text);
    *text = text_of(ev);
}

static struct process *find(const struct processes *ps, unsigned guest, uint64_t pid)
{
    struct process *dead = NULL;
    for (size_t i = chains_newest(&ps->by_pid, process_key(guest, pid)); i;
         i = chains_older(&ps->by_pid, i)) {
        if (!ps->list[i - 1].exited)
            return &ps->list[i - 1];
        dead = dead ? dead : &ps->list[i - 1];
    }
    return dead;
}

static struct process *add(struct processes *ps, unsigned guest, uint64_t pid)
{
    MEM_MORE(ps->list, ps->n);
    chains_add(&ps->by_pid, process_key(guest, pid));
    struct process *p = &ps->list[ps->n++];
    *p =
        (struct process){.guest = guest, .pid = (uint32_t)pid, .tgid = (uint32_t)pid, .path = mem_string("")};
    return p;
}

/* The process of an event; it is added if its creation was not seen (the trace began later). */
static struct process *process_of(struct processes *ps, unsigned guest, uint64_t pid)
{
    struct process *p = find(ps, guest, pid);
    if (p)
        return p;
    p = add(ps, guest, pid);
    p->name = mem_string("");
    return p;
}

static void created(struct processes *ps, const struct event *ev)
{
    struct process *p = add(ps, ev->guest, EVF(ev, PROCESS_CREATE, pid));
    /* A thread runs the program of its group; a process at first runs that of its parent. */
    bool thread = EVF(ev, PROCESS_CREATE, kind) == PROCESS_THREAD ||
                  EVF(ev, PROCESS_CREATE, kind) == PROCESS_THREAD_OF_HOST;
    const struct process *parent =
        find(ps, ev->guest, thread ? EVF(ev, PROCESS_CREATE, tgid) : EVF(ev, PROCESS_CREATE, parent));
    p->tgid = (uint32_t)EVF(ev, PROCESS_CREATE, tgid);
    p->parent = (uint32_t)EVF(ev, PROCESS_CREATE, parent);
    p->kind = (uint8_t)EVF(ev, PROCESS_CREATE, kind);
    p->flags = EVF(ev, PROCESS_CREATE, flags);
    p->created = ev->icount;
    p->created_time = ev->time;
    p->name = text_of(ev);
    if (parent && parent != p && p->kind != PROCESS_KERNEL_THREAD && *parent->path) {
        free((char *)p->path);
        p->path = mem_string(parent->path);
    }
}

static void runs(struct processes *ps, const struct event *ev, uint64_t pid)
{
    ps->current[ev->cpu].known = true;
    ps->current[ev->cpu].guest = ev->guest;
    ps->current[ev->cpu].pid = (uint32_t)pid;
}

static void see(struct processes *ps, const struct event *ev, uint64_t pid)
{
    struct process *p = process_of(ps, ev->guest, pid);
    if (ev->kind == EV_PROCESS_NAME) {
        replace(&p->name, ev);
    } else if (ev->kind == EV_PROCESS_EXEC) {
        replace(&p->path, ev);
        p->executed = ev->icount;
        p->executed_time = ev->time;
    } else {
        p->exited = ev->icount;
        p->exited_time = ev->time;
        p->code = (uint32_t)EVF(ev, PROCESS_EXIT, code);
        p->host = 0;
    }
    if (!ps->switches && ev->kind != EV_PROCESS_NAME)
        runs(ps, ev, pid);
}

/* A kernel is gone, and with it all of its processes: as if they were killed. */
static void kernel_ended(struct processes *ps, const struct event *ev, uint64_t guest)
{
    enum { KILLED = 9 };
    for (size_t i = 0; i < ps->n; i++) {
        struct process *p = &ps->list[i];
        if (p->exited || p->guest != guest)
            continue;
        p->exited = ev->icount;
        p->exited_time = ev->time;
        p->code = KILLED;
        p->host = 0;
    }
}

void processes_see(struct processes *ps, const struct event *ev)
{
    switch (ev->kind) {
    case EV_RESET:
        clear(ps);
        break;
    case EV_KERNEL_END:
        if (EVF(ev, KERNEL_END, kernel))
            kernel_ended(ps, ev, EVF(ev, KERNEL_END, kernel));
        break;
    case EV_KERNEL_KEXEC:
        kernel_ended(ps, ev, ev->guest);
        break;
    case EV_PROCESS_CREATE:
        created(ps, ev);
        break;
    case EV_PROCESS_NAME:
        see(ps, ev, EVF(ev, PROCESS_NAME, pid));
        break;
    case EV_PROCESS_EXEC:
        see(ps, ev, EVF(ev, PROCESS_EXEC, pid));
        break;
    case EV_PROCESS_EXIT:
        see(ps, ev, EVF(ev, PROCESS_EXIT, pid));
        break;
    case EV_PROCESS_HOST:
        process_of(ps, ev->guest, EVF(ev, PROCESS_HOST, pid))->host = (uint32_t)EVF(ev, PROCESS_HOST, host);
        break;
    case EV_SCHED_SWITCH:
        ps->switches = true;
        runs(ps, ev, EVF(ev, SCHED_SWITCH, next));
        break;
    default:
        break;
    }
}

int processes_move(struct processes *ps, struct trace *t, uint64_t icount, struct error *err)
{
    const uint64_t from = ps->moved && icount >= ps->at ? ps->at + 1 : 0;
    struct event ev;
    if (from > icount)
        return 0;
    const uint32_t classes = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) |
                             EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_KERNEL); /* for kernel.kexec */
    struct trace_cursor *c = trace_cursor_open(t, classes);
    if (!from)
        clear(ps);
    int rc = from ? trace_cursor_seek_icount(c, from, err) : 0;
    while (!rc && (rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && ev.icount <= icount) {
        processes_see(ps, &ev);
        rc = 0;
    }
    trace_cursor_close(c);
    ps->moved = true;
    ps->at = icount;
    return rc < 0 ? -1 : 0;
}

struct processes *processes_at(struct trace *t, uint64_t icount, struct error *err)
{
    struct processes *ps = processes_new();
    if (!processes_move(ps, t, icount, err))
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
    assert(i < ps->n);
    return &ps->list[i];
}

const struct process *processes_find(const struct processes *ps, unsigned guest, uint32_t pid)
{
    return find(ps, guest, pid);
}

const struct process *processes_current(const struct processes *ps, unsigned cpu)
{
    return cpu < CPUS && ps->current[cpu].known ? find(ps, ps->current[cpu].guest, ps->current[cpu].pid)
                                                : NULL;
}

const struct process *processes_running(const struct processes *ps, unsigned cpu, uint32_t host)
{
    const struct process *own = NULL, *current = processes_current(ps, cpu);
    for (size_t i = 0; host && i < ps->n; i++) {
        const struct process *p = &ps->list[i];
        if (!p->exited && p->host == host)
            return p;
        if (!p->exited && p->kind == PROCESS_OF_HOST && p->pid == host)
            own = p;
    }
    return own && (!current || current->exited || current->guest == own->guest) ? own : current;
}
