/* step.c - single steps: of the machine, of one of several processors, of one task.
 *
 * Whatever the others do on the way to that step belongs to it: nothing can be held while something else runs. */
#include <inttypes.h>

#include "gdbstub/impl.h"

static enum timeline_direction direction(bool back)
{
    return back ? TIMELINE_BACK : TIMELINE_FORWARD;
}

static bool any_stop(const struct gdbstub *g)
{
    struct timeline_stop stop;
    return timeline_stop_get(g->tl, 0, &stop, NULL);
}

/* Runs forwards or backwards to a position, stopping at breakpoints and watchpoints. Reaching the beginning
 * or the end is not a reason to stop yet: the next step finds it. */
static int pass_to(struct gdbstub *g, bool back, uint64_t to, struct timeline_stopped *s, struct error *err)
{
    int rc = timeline_continue_to(g->tl, direction(back), to, s, err);
    if (!rc && (s->reason == TIMELINE_AT_BEGIN || s->reason == TIMELINE_AT_END) && s->icount == to)
        s->reason = TIMELINE_DONE;
    return rc;
}

/* Makes one step of the machine. */
static int one_step(struct gdbstub *g, bool back, struct timeline_stopped *s, struct error *err)
{
    uint64_t at = timeline_icount(g->tl);
    if (!any_stop(g) || (back && !at) || at == UINT64_MAX)
        return timeline_step(g->tl, direction(back), 1, s, err);
    return pass_to(g, back, back ? at - 1 : at + 1, s, err);
}

/* ---------------------------------------------------------------- one processor of several */

/* The processor that made the step to here. */
static unsigned last_cpu(struct gdbstub *g)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    return w.cpu;
}

enum {
    WAITS = 100000, /* steps of the others after which this one counts as waiting (halted, not started) */
    STRETCH = 2048, /* as long as a turn, or longer */
};

/* This is neither an error nor the end: gdb gets a stop at the same position, with a signal so that it ends a
 * stepi N. */
static int waits(struct gdbstub *g, unsigned cpu, uint64_t at, bool back, struct timeline_stopped *s,
                 struct error *err)
{
    say(g,
        "bootreel: CPU %u is waiting: it makes none of the machine's %s %d steps. continue and "
        "reverse-continue go on; info threads and thread N choose another processor\n",
        cpu, back ? "last" : "next", WAITS);
    int rc = timeline_seek(g->tl, at, s, err);
    s->reason = TIMELINE_INTERRUPTED;
    s->cpu = cpu;
    g->waited = true;
    return rc;
}

/* Forwards, the others' turns are steps like any other; they may stop it. */
static int step_of(struct gdbstub *g, unsigned cpu, struct timeline_stopped *s, struct error *err)
{
    uint64_t at = timeline_icount(g->tl);
    for (unsigned n = 1; n <= WAITS; n++) {
        int rc = one_step(g, false, s, err);
        if (rc || s->reason != TIMELINE_DONE)
            return rc;
        if (last_cpu(g) == cpu) {
            s->cpu = cpu;
            return 0;
        }
        if (n % 256 == 0 && stub_interrupted(g)) {
            s->reason = TIMELINE_INTERRUPTED;
            return 0;
        }
    }
    return waits(g, cpu, at, false, s, err);
}

/* Goes n steps back and returns. *low is the position reached (the beginning may be nearer); *found is the
 * position before the last step that this processor made from there to here, or UINT64_MAX if it made
 * none. */
static int last_step_of(struct gdbstub *g, unsigned cpu, uint64_t n, uint64_t *low, uint64_t *found,
                        struct error *err)
{
    struct timeline_stopped s;
    uint64_t high = timeline_icount(g->tl);
    int rc = timeline_step(g->tl, TIMELINE_BACK, n, &s, err);
    *low = timeline_icount(g->tl);
    *found = UINT64_MAX;
    for (uint64_t at; !rc && (at = timeline_icount(g->tl)) < high;) {
        rc = timeline_step(g->tl, TIMELINE_FORWARD, 1, &s, err);
        if (last_cpu(g) == cpu)
            *found = at;
    }
    stub_interrupted(g);
    return rc;
}

/* Going backwards, only repeating a step shows which processor made it. So the last few steps are repeated,
 * and then those before them if none was this processor's. */
static int step_back_of(struct gdbstub *g, unsigned cpu, struct timeline_stopped *s, struct error *err)
{
    uint64_t at = timeline_icount(g->tl), low = at, found = UINT64_MAX;
    int rc = 0;
    for (bool more = at > 0; !rc && more; more = found == UINT64_MAX && at - low < WAITS) {
        uint64_t high = low;
        rc = timeline_seek(g->tl, high, s, err) || last_step_of(g, cpu, STRETCH, &low, &found, err) ? -1 : 0;
        if (low == high || g->interrupted)
            break;
    }
    if (rc || timeline_seek(g->tl, at, s, err))
        return -1;
    if (g->interrupted)
        s->reason = TIMELINE_INTERRUPTED;
    else if (found != UINT64_MAX)
        rc = pass_to(g, true, found, s, err); /* the others' steps may hit a stop */
    else if (at - low >= WAITS)
        return waits(g, cpu, at, true, s, err);
    else
        return timeline_to_begin(g->tl, s, err);
    if (s->reason == TIMELINE_DONE)
        s->cpu = cpu;
    return rc;
}

/* ---------------------------------------------------------------- one task of several */

/* It makes no step that way: it has exited, waits to the end, or has not made any. */
static int no_step(struct gdbstub *g, unsigned cpu, uint64_t at, bool back, struct timeline_stopped *s,
                   struct error *err)
{
    say(g, "bootreel: thread %u makes no step %s: info threads and thread N choose another one\n",
        cpu & ~(unsigned)ENGINE_TASK, back ? "before this one" : "any more");
    int rc = timeline_seek(g->tl, at, s, err);
    s->reason = TIMELINE_INTERRUPTED;
    s->task = cpu & ~(unsigned)ENGINE_TASK;
    g->waited = true;
    return rc;
}

/* How many steps the task has made; 0 where there is no such task. */
static uint64_t steps_of(const struct gdbstub *g, unsigned cpu)
{
    uint64_t n = 0;
    timeline_task_steps(g->tl, cpu & ~(unsigned)ENGINE_TASK, &n);
    return n;
}

/* Between `low`, where the task has made fewer than n steps, and `high`, where it has made that many: goes to the last
 * position with fewer. */
static int bisect(struct gdbstub *g, unsigned cpu, uint64_t n, uint64_t low, uint64_t high,
                  struct timeline_stopped *s, struct error *err)
{
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (timeline_seek(g->tl, middle, s, err))
            return -1;
        if (s->reason != TIMELINE_DONE)
            return 0;
        *(steps_of(g, cpu) < n ? &low : &high) = middle;
    }
    return timeline_seek(g->tl, low, s, err);
}

/* Runs on, further and further, until the task has made a step; goes to the end of its first one. */
static int step_of_task(struct gdbstub *g, unsigned cpu, struct timeline_stopped *s, struct error *err)
{
    const uint64_t begin = timeline_icount(g->tl), had = steps_of(g, cpu);
    for (uint64_t n = 1;; n *= 2) {
        const uint64_t from = timeline_icount(g->tl);
        int rc = n == 1 ? one_step(g, false, s, err) : pass_to(g, false, from + n, s, err);
        const uint64_t now = timeline_icount(g->tl), has = steps_of(g, cpu);
        if (rc)
            return rc;
        if (has > had) {
            s->task = cpu & ~(unsigned)ENGINE_TASK;
            if (has == had + 1 && now == from + 1)
                return 0;
            if (bisect(g, cpu, had + 1, from, now, s, err))
                return -1;
            return s->reason == TIMELINE_DONE ? timeline_step(g->tl, TIMELINE_FORWARD, 1, s, err) : 0;
        }
        if (has < had)
            return no_step(g, cpu, begin, false, s, err);
        if (s->reason != TIMELINE_DONE)
            return 0;
    }
}

/* Only what a task has made in all says which step was its last: so the position before that is searched for. */
static int step_back_of_task(struct gdbstub *g, unsigned cpu, struct timeline_stopped *s, struct error *err)
{
    const uint64_t at = timeline_icount(g->tl), had = steps_of(g, cpu);
    uint64_t high = at;
    if (!had)
        return no_step(g, cpu, at, true, s, err);
    for (uint64_t n = 1;; n *= 2) {
        if (timeline_step(g->tl, TIMELINE_BACK, n, s, err))
            return -1;
        if (steps_of(g, cpu) < had)
            break;
        if (s->reason != TIMELINE_DONE)
            return 0;
        high = timeline_icount(g->tl);
    }
    if (bisect(g, cpu, had, timeline_icount(g->tl), high, s, err))
        return -1;
    if (s->reason != TIMELINE_DONE || !any_stop(g))
        return 0;
    const uint64_t to = timeline_icount(g->tl);
    return timeline_seek(g->tl, at, s, err) ? -1 : pass_to(g, true, to, s, err);
}

int step_once(struct gdbstub *g, unsigned cpu, bool back, struct timeline_stopped *s, struct error *err)
{
    if (cpu & ENGINE_TASK)
        return back ? step_back_of_task(g, cpu, s, err) : step_of_task(g, cpu, s, err);
    if (timeline_cpus(g->tl) == 1)
        return one_step(g, back, s, err);
    return back ? step_back_of(g, cpu, s, err) : step_of(g, cpu, s, err);
}
