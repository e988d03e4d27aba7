/* task_time.h - how long each task has had a processor, from a trace's context switches (class sched): for the own
 * time of stages and initcalls.
 *
 * A task has a processor from the switch to it to the switch away from it: while it executes, waits for a
 * device's answer or is interrupted. What an interrupt's handler does is counted as the time of the task that
 * it interrupts. A kernel's idle task counts as nobody: the machine waits while every processor is idle.
 * Before the first switch there is one flow of execution, that of the firmware, the loader and the kernel's
 * beginning, which is a task here as well. Under Xen the virtual processor that runs decides, and what the
 * hypervisor does for a task is counted as the task's.
 */
#ifndef BOOTREEL_CORE_STORY_TASK_TIME_H
#define BOOTREEL_CORE_STORY_TASK_TIME_H

#include "traces/event.h"

struct task_time;

/* A task, all threads of a process, or a process with all that it started. */
typedef size_t task_clock;
#define TASK_CLOCK_NONE SIZE_MAX

enum {
    TASK_TIME_CLASSES = EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_KERNEL) |
                        EVENT_CLASS_BIT(EC_POWER)
};

struct task_time *task_time_new(void);
void task_time_free(struct task_time *); /* NULL is allowed */
/* Takes an event; those of TASK_TIME_CLASSES must come in order, others are ignored. Cost: constant. */
void task_time_see(struct task_time *, const struct event *ev);
/* The task that has the processor of the event that was seen last. NONE: it is not known, or none has. */
task_clock task_time_current(const struct task_time *, const struct event *ev);
/* All threads of a guest's process; it need not have run yet. */
task_clock task_time_process(struct task_time *, unsigned guest, uint64_t pid);
/* For a process.log event: the process that its writer created last, with all that this starts in turn, if
 * the writer has logged nothing since. NONE: there is none. A service manager starts a unit's process, and
 * then logs that it does. */
task_clock task_time_child(struct task_time *, const struct event *ev);
/* Whether `c` is the process `whole`, or a thread of it. */
bool task_time_belongs(const struct task_time *, task_clock c, task_clock whole);
/* Guest time, ns, that it has had a processor until `now`, which is not before the last event. Two threads of
 * a process that run at once count once. */
uint64_t task_time_of(const struct task_time *, task_clock c, uint64_t now);
/* Guest time, ns, in which no task had a processor. */
uint64_t task_time_idle(const struct task_time *, uint64_t now);
/* Whether what was counted is right, to be asked when all events have been seen: false for a flow of
 * execution that no switch ended, since then its kernel's tasks are not known. */
bool task_time_known(const struct task_time *, task_clock c);

#endif
