/* step.c - single steps: of the machine, of one of several processors, of one task. */
#include "gdbstub/impl.h"

/* It makes no step that way. This is neither an error nor the end: gdb gets a stop at the same position, with a signal so that it ends a
 * stepi N. */
static void say_waits(struct gdbstub *g, unsigned cpu, bool back, struct timeline_stopped *s)
{
    if (cpu & ENGINE_TASK)
        say(g, "bootreel: thread %u makes no step %s: info threads and thread N choose another one\n",
            cpu & ~(unsigned)ENGINE_TASK, back ? "before this one" : "any more");
    else
        say(g,
            "bootreel: CPU %u is waiting: it makes none of the machine's %s %d steps. continue and "
            "reverse-continue go on; info threads and thread N choose another processor\n",
            cpu, back ? "last" : "next", TIMELINE_PATIENCE);
    if (cpu & ENGINE_TASK)
        s->task = cpu & ~(unsigned)ENGINE_TASK;
    else
        s->cpu = cpu;
    s->reason = TIMELINE_INTERRUPTED;
    g->waited = true;
}

int step_once(struct gdbstub *g, unsigned cpu, bool back, struct timeline_stopped *s, struct error *err)
{
    const int rc = timeline_step_own(g->tl, cpu, back ? TIMELINE_BACK : TIMELINE_FORWARD, s, err);
    if (!rc && s->reason == TIMELINE_WAITS)
        say_waits(g, cpu, back, s);
    return rc;
}
