/* story.c - stages, initcalls and processes of a trace, for the writers. See impl.h. */
#include <stdlib.h>
#include <string.h>

#include "core/export/private/impl.h"
#include "core/story/task_time.h"

enum {
    STORY_CLASSES = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) |
                    EVENT_CLASS_BIT(EC_POWER)
};
_Static_assert((STORY_CLASSES & TASK_TIME_CLASSES) == TASK_TIME_CLASSES, "clocks see all of their events");

static char *text_of(const struct event *ev)
{
    char *s = mem_alloc(ev->len + 1);
    memcpy(s, ev->len ? ev->data : "", ev->len);
    s[ev->len] = 0;
    return s;
}

static void initcall_begins(struct story *s, const struct task_time *clocks, const struct event *ev)
{
    const task_clock task = task_time_current(clocks, ev);
    MEM_MORE(s->initcalls, s->ninitcalls);
    s->initcalls[s->ninitcalls++] = (struct story_initcall){.name = text_of(ev),
                                                            .level = ev->f[EVF_INITCALL_level],
                                                            .pid = ev->f[EVF_INITCALL_pid],
                                                            .begin = ev->icount,
                                                            .begin_time = ev->time,
                                                            .task = task,
                                                            .open = true};
    /* Less what was before it. */
    if (task != TASK_CLOCK_NONE)
        s->initcalls[s->ninitcalls - 1].own = -task_time_of(clocks, task, ev->time);
}

/* Its own time is not that of the one that it is inside of. */
static void count_own(struct story *s, const struct task_time *clocks, size_t i, uint64_t now)
{
    struct story_initcall *c = &s->initcalls[i];
    if (c->task == TASK_CLOCK_NONE)
        return;
    c->own += task_time_of(clocks, c->task, now);
    c->has_own = true;
    const uint64_t whole = c->own + c->inner;
    while (i-- > 0)
        if (s->initcalls[i].open && s->initcalls[i].task == c->task) {
            s->initcalls[i].own -= whole;
            s->initcalls[i].inner += whole;
            return;
        }
}

static void initcall_ends(struct story *s, const struct task_time *clocks, const struct event *ev)
{
    for (size_t i = s->ninitcalls; i-- > 0;) {
        struct story_initcall *c = &s->initcalls[i];
        if (!c->open || c->pid != ev->f[EVF_INITCALL_DONE_pid] || strlen(c->name) != ev->len ||
            memcmp(c->name, ev->data, ev->len))
            continue;
        c->open = false;
        c->end_time = ev->time;
        c->took = ev->f[EVF_INITCALL_DONE_duration];
        c->result = (int64_t)ev->f[EVF_INITCALL_DONE_result];
        count_own(s, clocks, i, ev->time);
        return;
    }
}

/* At the end: inner ones first. */
static void close_clock(struct story *s, const struct task_time *clocks, size_t i)
{
    struct story_initcall *c = &s->initcalls[i];
    if (c->open)
        count_own(s, clocks, i, s->end_time);
    c->has_own &= task_time_known(clocks, c->task);
}

static void see(struct story *s, struct task_time *clocks, const struct event *ev)
{
    processes_see(s->processes, ev);
    task_time_see(clocks, ev);
    if (ev->kind == EV_INITCALL)
        initcall_begins(s, clocks, ev);
    if (ev->kind == EV_INITCALL_DONE)
        initcall_ends(s, clocks, ev);
}

/* The guest time of the last event, if the trace has no end. */
static int find_end(struct story *s, struct trace *t, struct error *err)
{
    struct event ev;
    s->end = trace_last_icount(t);
    s->end_time = trace_end(t) ? trace_end(t)->time : 0;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    int rc = trace_cursor_seek_number(c, UINT64_MAX, err);
    if (!rc && !trace_end(t) && (rc = trace_cursor_prev(c, &ev, NULL, err)) == 1)
        s->end_time = ev.time;
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

struct story *story_of(struct trace *t, struct error *err)
{
    struct story *s = mem_zero(1, sizeof *s);
    struct event ev;
    int rc = find_end(s, t, err);
    s->stages = rc ? NULL : stages_of_trace(t, err);
    s->processes = processes_new();
    struct task_time *clocks = task_time_new();
    struct trace_cursor *c = trace_cursor_open(t, STORY_CLASSES);
    while (s->stages && (rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        see(s, clocks, &ev);
    trace_cursor_close(c);
    for (size_t i = 0; i < s->ninitcalls; i++)
        if (s->initcalls[i].open) {
            s->initcalls[i].end_time = s->end_time;
            s->initcalls[i].took = s->end_time - s->initcalls[i].begin_time;
        }
    for (size_t i = s->ninitcalls; i-- > 0;)
        close_clock(s, clocks, i);
    task_time_free(clocks);
    if (s->stages && rc >= 0)
        return s;
    story_free(s);
    return NULL;
}

void story_free(struct story *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->ninitcalls; i++)
        free(s->initcalls[i].name);
    free(s->initcalls);
    stages_free(s->stages);
    processes_free(s->processes);
    free(s);
}
