/* story.c - stages, initcalls and processes of a trace, for the writers. See impl.h. */
#include <stdlib.h>
#include <string.h>

#include "core/export/private/impl.h"

enum {
    STORY_CLASSES = EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) |
                    EVENT_CLASS_BIT(EC_POWER)
};
_Static_assert((STORY_CLASSES & INITCALL_CLASSES) == INITCALL_CLASSES, "clocks see all of their events");

static void see(struct story *s, const struct event *ev)
{
    processes_see(s->processes, ev);
    initcalls_see(s->calls, ev);
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
    s->calls = initcalls_new();
    struct trace_cursor *c = trace_cursor_open(t, STORY_CLASSES);
    while (s->stages && (rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        see(s, &ev);
    trace_cursor_close(c);
    initcalls_end(s->calls, s->end, s->end_time);
    s->initcalls = initcalls_list(s->calls, &s->ninitcalls);
    if (s->stages && rc >= 0)
        return s;
    story_free(s);
    return NULL;
}

void story_free(struct story *s)
{
    if (!s)
        return;
    initcalls_free(s->calls);
    stages_free(s->stages);
    processes_free(s->processes);
    free(s);
}
