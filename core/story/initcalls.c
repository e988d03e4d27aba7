/* initcalls.c - see initcalls.h. */
#include <stdlib.h>
#include <string.h>

#include "core/story/initcalls.h"
#include "base/memory.h"
#include "core/story/task_time.h"

struct initcalls {
    struct task_time *clocks;
    struct initcall *list;
    size_t n;
    size_t open; /* the number of the last one that has begun and not ended, from 1; 0: there is none */
};

/* So many open ones are looked at, the last ones first. Modules that are loaded at the same time are as many as the kernel has threads for
 * them; a trace may have any number. */
enum { OPEN_LOOKED_AT = 1024 };

static void initcall_begins(struct initcalls *s, const struct event *ev)
{
    const task_clock task = task_time_current(s->clocks, ev);
    MEM_MORE(s->list, s->n);
    s->list[s->n++] = (struct initcall){.name = mem_text(ev->len ? ev->data : "", ev->len),
                                        .level = EVF(ev, INITCALL, level),
                                        .pid = EVF(ev, INITCALL, pid),
                                        .begin = ev->icount,
                                        .begin_time = ev->time,
                                        .task = task,
                                        .open = true,
                                        .open_before = s->open};
    s->open = s->n;
    /* Less what was before it. */
    if (task != TASK_CLOCK_NONE)
        s->list[s->n - 1].own = -task_time_of(s->clocks, task, ev->time);
}

/* Its own time is not that of the one that it is inside of. */
static void count_own(struct initcalls *s, size_t i, uint64_t now)
{
    struct initcall *c = &s->list[i];
    if (c->task == TASK_CLOCK_NONE)
        return;
    c->own += task_time_of(s->clocks, c->task, now);
    c->has_own = true;
    const uint64_t whole = c->own + c->inner;
    size_t outer = c->open_before;
    for (unsigned looks = 0; outer && looks < OPEN_LOOKED_AT; looks++) {
        struct initcall *o = &s->list[outer - 1];
        if (o->task == c->task) {
            o->own -= whole;
            o->inner += whole;
            return;
        }
        outer = o->open_before;
    }
}

static void initcall_ends(struct initcalls *s, const struct event *ev)
{
    size_t *open = &s->open;
    for (unsigned looks = 0; *open && looks < OPEN_LOOKED_AT; looks++) {
        const size_t i = *open - 1;
        struct initcall *c = &s->list[i];
        if (c->pid != EVF(ev, INITCALL_DONE, pid) || strlen(c->name) != ev->len ||
            memcmp(c->name, ev->data, ev->len)) {
            open = &c->open_before;
            continue;
        }
        c->open = false;
        *open = c->open_before;
        c->end = ev->icount;
        c->end_time = ev->time;
        c->took = EVF(ev, INITCALL_DONE, duration);
        c->result = (int64_t)EVF(ev, INITCALL_DONE, result);
        count_own(s, i, ev->time);
        return;
    }
}

/* At the end: inner ones first. */
static void close_clock(struct initcalls *s, size_t i, uint64_t end_time)
{
    struct initcall *c = &s->list[i];
    if (c->open)
        count_own(s, i, end_time);
    c->has_own &= task_time_known(s->clocks, c->task);
}

struct initcalls *initcalls_new(void)
{
    struct initcalls *s = mem_zero(1, sizeof *s);
    s->clocks = task_time_new();
    return s;
}

void initcalls_free(struct initcalls *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->list[i].name);
    free(s->list);
    task_time_free(s->clocks);
    free(s);
}

void initcalls_see(struct initcalls *s, const struct event *ev)
{
    task_time_see(s->clocks, ev);
    if (ev->kind == EV_INITCALL)
        initcall_begins(s, ev);
    if (ev->kind == EV_INITCALL_DONE)
        initcall_ends(s, ev);
}

void initcalls_end(struct initcalls *s, uint64_t icount, uint64_t time)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].open) {
            s->list[i].end = icount;
            s->list[i].end_time = time;
            s->list[i].took = time - s->list[i].begin_time;
        }
    for (size_t i = s->n; i-- > 0;)
        close_clock(s, i, time);
}

const struct initcall *initcalls_list(const struct initcalls *s, size_t *n)
{
    *n = s->n;
    return s->list;
}
