/* boot.c - what the tables of a boot are made from: stages, processes, initcalls, marks. */
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "core/query/private/impl.h"

void boot_open(struct boot *b)
{
    struct event ev;
    b->end_time = trace_end(b->trace) ? trace_end(b->trace)->time : 0;
    if (trace_end(b->trace))
        return;
    struct trace_cursor *c = trace_cursor_open(b->trace, EVENT_CLASSES_ALL);
    if (!trace_cursor_seek_number(c, UINT64_MAX, NULL) && trace_cursor_prev(c, &ev, NULL, NULL) == 1)
        b->end_time = ev.time;
    trace_cursor_close(c);
}

void boot_free(struct boot *b)
{
    for (size_t i = 0; i < b->nprocesses; i++) {
        free((char *)b->processes[i].p.name);
        free((char *)b->processes[i].p.path);
    }
    free(b->processes);
    for (size_t i = 0; i < QUERY_CPUS; i++)
        free(b->running[i].list);
    for (size_t i = 0; i < b->ncalls; i++)
        free(b->calls[i].call);
    free(b->calls);
    free(b->innermost.list);
    times_free(b->times);
    stages_free(b->stages);
    initcalls_free(b->initcalls);
    marks_free(b->marks);
    free(b->file);
}

/* ---------------------------------------------------------------- changes */

long changes_at(const struct changes *c, uint64_t at, size_t *hint)
{
    size_t low = 0, high = c->n;
    if (*hint < c->n && c->list[*hint].at <= at) { /* most questions are about the next one */
        low = *hint;
        high = low + 2 < c->n && c->list[low + 2].at > at ? low + 2 : c->n;
    }
    low = FIRST_NOT(i, low, high, c->list[i].at <= at); /* the first that is later */
    *hint = low ? low - 1 : 0;
    return low ? c->list[low - 1].value : -1;
}

static void change(struct changes *c, uint64_t at, long value)
{
    if (c->n ? c->list[c->n - 1].value == value : value < 0)
        return;
    MEM_MORE(c->list, c->n);
    c->list[c->n++] = (struct change){at, value};
}

/* ---------------------------------------------------------------- how often */

int boot_times(struct boot *b, struct error *err)
{
    if (!b->times)
        b->times = times_of_trace(b->trace, err);
    return b->times ? 0 : -1;
}

/* ---------------------------------------------------------------- stages */

int boot_stages(struct boot *b, struct error *err)
{
    if (!b->stages)
        b->stages = stages_of_trace(b->trace, err);
    return b->stages ? 0 : -1;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t place_of(const uint64_t *edge, size_t n, uint64_t at)
{
    const uint64_t *found = bsearch(&at, edge, n, sizeof *edge, by_number);
    return (size_t)(found - edge);
}

static size_t unpainted(size_t *next, size_t i)
{
    while (next[i] != i)
        i = next[i] = next[next[i]];
    return i;
}

/* As stages_at(), for all positions: the later one in the tree is the inner one, so these take their places first. */
static void paint(struct boot *b, const uint64_t *edge, size_t n)
{
    size_t *next = mem_zero(n + 1, sizeof *next);
    long *value = mem_alloc(n * sizeof *value);
    for (size_t i = 0; i <= n; i++)
        next[i] = i;
    memset(value, -1, n * sizeof *value);
    for (size_t i = stages_count(b->stages); i-- > 0;) {
        const struct stage *s = stages_get(b->stages, i);
        if (s->beside)
            continue;
        size_t to = s->open ? n : place_of(edge, n, s->end);
        for (size_t k = unpainted(next, place_of(edge, n, s->begin)); k < to; k = unpainted(next, k)) {
            value[k] = (long)i;
            next[k] = k + 1;
        }
    }
    for (size_t i = 0; i < n; i++)
        change(&b->innermost, edge[i], value[i]);
    free(next);
    free(value);
}

int boot_innermost(struct boot *b, struct error *err)
{
    if (b->has_innermost)
        return 0;
    if (boot_stages(b, err))
        return -1;
    const size_t stages = stages_count(b->stages);
    uint64_t *edge = mem_alloc(2 * stages * sizeof *edge);
    size_t n = 0, unique = 0;
    for (size_t i = 0; i < stages; i++) {
        edge[n++] = stages_get(b->stages, i)->begin;
        edge[n++] = stages_get(b->stages, i)->end;
    }
    qsort(edge, n, sizeof *edge, by_number);
    for (size_t i = 0; i < n; i++)
        if (!unique || edge[unique - 1] != edge[i])
            edge[unique++] = edge[i];
    paint(b, edge, unique);
    free(edge);
    b->has_innermost = true;
    return 0;
}

/* ---------------------------------------------------------------- processes */

/* Keeps all that `ps` knows. */
static void keep_processes(struct boot *b, const struct processes *ps)
{
    for (size_t i = 0; i < processes_count(ps); i++) {
        const struct process *p = processes_get(ps, i);
        MEM_MORE(b->processes, b->nprocesses);
        struct known_process *k = &b->processes[b->nprocesses++];
        *k = (struct known_process){.p = *p};
        k->p.name = mem_string(p->name);
        k->p.path = mem_string(p->path);
    }
}

/* The process on the event's processor: looking it up costs as much as there are processes, so the last ones are remembered. */
struct recent {
    bool known;
    unsigned guest;
    uint64_t pid;
    long process;
};

static long process_now(const struct boot *b, const struct processes *ps, struct recent *recent,
                        const struct event *ev)
{
    const bool is_switch = ev->kind == EV_SCHED_SWITCH;
    const uint64_t pid = is_switch ? EVF(ev, SCHED_SWITCH, next) : 0;
    struct recent *r = &recent[pid % QUERY_CPUS];
    if (!is_switch && ev->kind != EV_VCPU_SWITCH)
        memset(recent, 0, QUERY_CPUS * sizeof *recent);
    if (is_switch && r->known && r->guest == ev->guest && r->pid == pid)
        return r->process;
    const struct process *p = processes_current(ps, ev->cpu);
    long process = p ? (long)(b->nprocesses + (size_t)(p - processes_get(ps, 0))) : -1;
    if (is_switch)
        *r = (struct recent){true, ev->guest, pid, process};
    return process;
}

int boot_processes(struct boot *b, struct error *err)
{
    enum {
        CLASSES = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_KERNEL) |
                  EVENT_CLASS_BIT(EC_POWER)
    };
    if (b->has_processes)
        return 0;
    struct recent recent[QUERY_CPUS] = {0};
    struct processes *ps = processes_new();
    struct trace_cursor *c = trace_cursor_open(b->trace, CLASSES);
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        if (ev.kind == EV_RESET) /* which forgets them */
            keep_processes(b, ps);
        processes_see(ps, &ev);
        if (ev.kind == EV_RESET)
            for (size_t i = 0; i < QUERY_CPUS; i++)
                change(&b->running[i], number, -1);
        else if (EVENT_CLASS_BIT(event_kind(ev.kind)->cls) & ~EVENT_CLASS_BIT(EC_KERNEL))
            change(&b->running[ev.cpu], number, process_now(b, ps, recent, &ev));
    }
    keep_processes(b, ps);
    processes_free(ps);
    trace_cursor_close(c);
    b->has_processes = true;
    return rc;
}

/* ---------------------------------------------------------------- the rest */

int boot_initcalls(struct boot *b, struct error *err)
{
    if (b->initcalls)
        return 0;
    b->initcalls = initcalls_new();
    struct trace_cursor *c = trace_cursor_open(b->trace, INITCALL_CLASSES);
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        initcalls_see(b->initcalls, &ev);
    trace_cursor_close(c);
    initcalls_end(b->initcalls, trace_last_icount(b->trace), b->end_time);
    return rc;
}

int boot_marks(struct boot *b, struct error *err)
{
    if (b->marks)
        return 0;
    b->marks = marks_new();
    return marks_see_trace(b->marks, b->trace, err);
}
