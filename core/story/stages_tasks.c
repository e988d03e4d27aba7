/* stages_tasks.c - see stages_tasks.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/private/stages_tasks.h"

/* What is counted for a stage. `task`, `idle`: the clocks at its beginning, later how far they went. */
struct account {
    task_clock clock;
    bool open;
    uint64_t task, idle;
    uint64_t above;       /* its parent's clock at its beginning, … */
    uint64_t above_inner; /* … and how much of that was in the stages inside of that */
    uint64_t inner, task_in_inner, idle_in_inner; /* in the stages inside of it */
};

struct stages_tasks {
    struct task_time *time;
    struct account *account;
    size_t n, room;
};

struct stages_tasks *stages_tasks_new(void)
{
    struct stages_tasks *t = mem_zero(1, sizeof *t);
    t->time = task_time_new();
    return t;
}

void stages_tasks_free(struct stages_tasks *t)
{
    if (!t)
        return;
    task_time_free(t->time);
    free(t->account);
    free(t);
}

void stages_tasks_see(struct stages_tasks *t, const struct event *ev)
{
    if (t)
        task_time_see(t->time, ev);
}

/* A stage with a key stands for what the key is: known of processes; where a kernel says what it does, it is the task that runs there. */
static task_clock clock_of(struct stages_tasks *t, const struct event *ev, const struct stage_rule *rule)
{
    const struct event_kind *k = event_kind(ev->kind);
    const char *by = rule->by;
    if (rule->child)
        return task_time_child(t->time, ev);
    if (!by)
        return task_time_current(t->time, ev);
    if (k->cls == EC_KERNEL && !strcmp(by, "pid"))
        return task_time_current(t->time, ev);
    for (unsigned i = 0; i < k->nfields && k->cls == EC_PROCESS; i++)
        if (!strcmp(by, "pid") && !strcmp(k->field[i].name, by))
            return task_time_process(t->time, ev->guest, event_number(ev, i));
    return TASK_CLOCK_NONE;
}

/* Stages side by side may overlap the others that are inside of the same stage. */
static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t reading(const struct stages_tasks *t, task_clock c, uint64_t now)
{
    return c == TASK_CLOCK_NONE ? 0 : task_time_of(t->time, c, now);
}

/* Its parent's account, if that is open still. */
static struct account *above(const struct stages_tasks *t, const struct stage *s)
{
    return s->parent >= 0 && t->account[s->parent].open ? &t->account[s->parent] : NULL;
}

void stages_tasks_open(struct stages_tasks *t, const struct stage *list, size_t n, const struct event *ev,
                       const struct stage_rule *rule)
{
    if (!t)
        return;
    assert(list[n].parent < (long)n && "a stage comes after its parent");
    if (n >= t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->account = mem_resize(t->account, t->room * sizeof *t->account);
    }
    const struct account *up = above(t, &list[n]);
    const task_clock c = clock_of(t, ev, rule);
    t->account[n] = (struct account){.clock = c,
                                     .open = true,
                                     .task = reading(t, c, ev->time),
                                     .idle = task_time_idle(t->time, ev->time),
                                     .above = up ? reading(t, up->clock, ev->time) : 0,
                                     .above_inner = up ? up->task_in_inner : 0};
}

void stages_tasks_close(struct stages_tasks *t, const struct stage *list, size_t n)
{
    if (!t)
        return;
    const struct stage *s = &list[n];
    struct account *a = &t->account[n], *up = above(t, s);
    assert(a->open && "a stage is closed once");
    a->task = reading(t, a->clock, s->end_time) - a->task;
    a->idle = task_time_idle(t->time, s->end_time) - a->idle;
    a->open = false;
    if (up && !s->beside) {
        up->inner += s->took;
        up->task_in_inner += reading(t, up->clock, s->end_time) - a->above;
        up->idle_in_inner += a->idle;
    } else if (up && task_time_belongs(t->time, up->clock, a->clock)) { /* the same task's time, once */
        const uint64_t all = reading(t, up->clock, s->end_time) - a->above;
        const uint64_t both = less(all, up->task_in_inner - a->above_inner);
        up->inner += both;
        up->task_in_inner += both;
    }
}

void stages_tasks_finish(struct stages_tasks *t, struct stage *list, size_t n)
{
    for (size_t i = 0; t && i < n; i++) {
        const struct account *a = &t->account[i];
        if (!task_time_known(t->time, a->clock))
            continue;
        list[i].has_tasks = true;
        list[i].own = less(a->task, a->task_in_inner);
        list[i].waited = less(a->idle, a->idle_in_inner);
        list[i].others = less(list[i].took, a->inner + list[i].own + list[i].waited);
    }
}
