/* own.c - steps of one processor among several, or of one task.
 *
 * Whatever the others do on the way to that step belongs to it: a processor or task cannot be held while
 * another runs. */
#include <assert.h>

#include "core/timeline/private/impl.h"

enum {
    STRETCH = 2048, /* as long as a turn, or longer */
    LOOK = 256,     /* so many steps between two looks for an interrupt */
};

/* Whose step it is, and which way. */
struct own {
    struct timeline *tl;
    unsigned cpu;
    enum timeline_direction dir;
    uint64_t begin;
    struct timeline_stopped *s;
    struct error *err;
};

static bool any_stop(const struct own *o)
{
    struct timeline_stop stop;
    return timeline_stop_get(o->tl, 0, &stop, NULL);
}

/* Runs to a position, stopping at stop points. Reaching the beginning or the end is not a reason to stop yet:
 * the next step finds it. */
static int pass_to(const struct own *o, uint64_t to)
{
    struct timeline_stopped *s = o->s;
    const int rc = timeline_continue_to(o->tl, o->dir, to, s, o->err);
    if (!rc && (s->reason == TIMELINE_AT_BEGIN || s->reason == TIMELINE_AT_END) && s->icount == to)
        s->reason = TIMELINE_DONE;
    return rc;
}

/* Makes one step of the machine. */
static int one_step(const struct own *o)
{
    const uint64_t at = tl_here(o->tl);
    const bool back = o->dir == TIMELINE_BACK;
    if (!any_stop(o) || (back && !at) || at == UINT64_MAX)
        return timeline_step(o->tl, o->dir, 1, o->s, o->err);
    return pass_to(o, back ? at - 1 : at + 1);
}

static int interrupted(const struct own *o)
{
    atomic_store(&o->tl->interrupted, false);
    o->s->reason = TIMELINE_INTERRUPTED;
    return 0;
}

/* The processor or task makes no step in that direction: goes back to where it stood. */
static int waits(const struct own *o)
{
    const int rc = timeline_seek(o->tl, o->begin, o->s, o->err);
    if (!rc && o->s->reason == TIMELINE_DONE)
        o->s->reason = TIMELINE_WAITS;
    return rc;
}

/* ---------------------------------------------------------------- one processor of several */

/* The processor that made the step to here. */
static unsigned last_cpu(const struct own *o)
{
    struct timeline_where w;
    timeline_where(o->tl, &w);
    return w.cpu;
}

/* Forwards, the others' turns consist of ordinary steps, which may hit a stop point. */
static int cpu_forward(const struct own *o)
{
    for (unsigned n = 1; n <= TIMELINE_PATIENCE; n++) {
        const int rc = one_step(o);
        if (rc || o->s->reason != TIMELINE_DONE)
            return rc;
        if (last_cpu(o) == o->cpu) {
            o->s->cpu = o->cpu;
            return 0;
        }
        if (n % LOOK == 0 && !tl_go_on(o->tl))
            return interrupted(o);
    }
    return waits(o);
}

/* Goes n steps back and returns. *low is the position reached (the beginning may be nearer); *found is the
 * position before the last step that this processor made from there to here, or UINT64_MAX if it made
 * none. */
static int last_step(const struct own *o, uint64_t n, uint64_t *low, uint64_t *found)
{
    struct timeline_stopped s;
    const uint64_t high = tl_here(o->tl);
    int rc = timeline_step(o->tl, TIMELINE_BACK, n, &s, o->err);
    *low = tl_here(o->tl);
    *found = UINT64_MAX;
    for (uint64_t at; !rc && (at = tl_here(o->tl)) < high;) {
        rc = timeline_step(o->tl, TIMELINE_FORWARD, 1, &s, o->err);
        if (last_cpu(o) == o->cpu)
            *found = at;
    }
    return rc;
}

/* Going backwards, only repeating a step shows which processor made it. So the last few steps are repeated,
 * and then those before them if none was this processor's. */
static int cpu_back(const struct own *o)
{
    uint64_t low = o->begin, found = UINT64_MAX;
    bool stopped = false;
    int rc = 0;
    for (bool more = o->begin > 0; !rc && more && !stopped;
         more = found == UINT64_MAX && o->begin - low < TIMELINE_PATIENCE) {
        const uint64_t high = low;
        rc = timeline_seek(o->tl, high, o->s, o->err) || last_step(o, STRETCH, &low, &found) ? -1 : 0;
        stopped = !rc && !tl_go_on(o->tl);
        if (low == high)
            break;
    }
    atomic_store(&o->tl->interrupted, false);
    if (rc || timeline_seek(o->tl, o->begin, o->s, o->err))
        return -1;
    if (stopped)
        return interrupted(o);
    if (found == UINT64_MAX)
        return o->begin - low >= TIMELINE_PATIENCE ? waits(o) : timeline_to_begin(o->tl, o->s, o->err);
    rc = pass_to(o, found); /* the others' steps may hit a stop */
    if (!rc && o->s->reason == TIMELINE_DONE)
        o->s->cpu = o->tl->cpu = o->cpu; /* it makes the next step */
    return rc;
}

/* ---------------------------------------------------------------- one task of several */

/* How many steps the task has made; 0 where there is no such task. */
static uint64_t steps_of(const struct own *o)
{
    uint64_t n = 0;
    timeline_task_steps(o->tl, o->cpu & ~(unsigned)ENGINE_TASK, &n);
    return n;
}

/* Between `low`, where the task has made fewer than n steps, and `high`, where it has made that many: goes to
 * the last position with fewer. */
static int bisect(const struct own *o, uint64_t n, uint64_t low, uint64_t high)
{
    assert(low < high && "the step searched for is between the two");
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (timeline_seek(o->tl, middle, o->s, o->err))
            return -1;
        if (o->s->reason != TIMELINE_DONE)
            return 0;
        *(steps_of(o) < n ? &low : &high) = middle;
    }
    return timeline_seek(o->tl, low, o->s, o->err);
}

/* Goes to the end of the task's first step in a stretch in which it made some. */
static int first_step(const struct own *o, uint64_t had, uint64_t from)
{
    const uint64_t now = tl_here(o->tl);
    o->s->task = o->cpu & ~(unsigned)ENGINE_TASK;
    if (steps_of(o) == had + 1 && now == from + 1)
        return 0;
    if (bisect(o, had + 1, from, now))
        return -1;
    return o->s->reason == TIMELINE_DONE ? timeline_step(o->tl, TIMELINE_FORWARD, 1, o->s, o->err) : 0;
}

/* Runs on, further and further, until the task has made a step. */
static int task_forward(const struct own *o)
{
    const uint64_t had = steps_of(o);
    for (uint64_t n = 1;; n *= 2) {
        const uint64_t from = tl_here(o->tl);
        const int rc = n == 1 ? one_step(o) : pass_to(o, from + n);
        if (rc)
            return rc;
        if (steps_of(o) > had)
            return first_step(o, had, from);
        if (steps_of(o) < had) /* it has exited */
            return waits(o);
        if (o->s->reason != TIMELINE_DONE)
            return 0;
    }
}

/* Only the number of steps that a task has made tells which was its last one, so the position before that is
 * searched for. */
static int task_back(const struct own *o)
{
    const uint64_t had = steps_of(o);
    uint64_t high = o->begin;
    if (!had)
        return waits(o);
    for (uint64_t n = 1;; n *= 2) {
        if (timeline_step(o->tl, TIMELINE_BACK, n, o->s, o->err))
            return -1;
        if (steps_of(o) < had)
            break;
        if (o->s->reason != TIMELINE_DONE)
            return 0;
        high = tl_here(o->tl);
    }
    if (bisect(o, had, tl_here(o->tl), high))
        return -1;
    if (o->s->reason != TIMELINE_DONE || !any_stop(o))
        return 0;
    const uint64_t to = tl_here(o->tl);
    return timeline_seek(o->tl, o->begin, o->s, o->err) ? -1 : pass_to(o, to);
}

int timeline_step_own(struct timeline *tl, unsigned cpu, enum timeline_direction dir,
                      struct timeline_stopped *s, struct error *err)
{
    const struct own o = {tl, cpu, dir, tl_here(tl), s, err};
    const bool back = dir == TIMELINE_BACK;
    if (cpu & ENGINE_TASK)
        return back ? task_back(&o) : task_forward(&o);
    if (timeline_cpus(tl) == 1)
        return one_step(&o);
    return back ? cpu_back(&o) : cpu_forward(&o);
}
