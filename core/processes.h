/* processes.h - the processes of a boot at any position, put together from a trace's process and sched
 * events: nothing is run. */
#ifndef BOOTREEL_CORE_PROCESSES_H
#define BOOTREEL_CORE_PROCESSES_H

#include "traces/trace.h"

enum process_kind { PROCESS_KERNEL_THREAD, PROCESS_PROCESS, PROCESS_THREAD };

struct process {
    uint32_t pid, tgid;
    uint32_t parent;                    /* tgid of the process that it belongs to at its creation */
    uint8_t kind;                       /* enum process_kind */
    uint64_t flags;                     /* clone flags */
    uint64_t created, executed, exited; /* icounts; 0: not (yet) */
    uint64_t created_time, executed_time, exited_time; /* guest time, ns */
    uint32_t code;                                     /* wait status when exited */
    const char *name;                                  /* comm, now */
    const char *path; /* what it executed last, and arguments as in the event; "" if nothing */
};

struct processes;

/* Empty. */
struct processes *processes_new(void);
void processes_free(struct processes *ps); /* NULL is allowed */
/* Takes an event in, in order; those that are not of processes are ignored. A reset of the
 * machine forgets all. */
void processes_see(struct processes *ps, const struct event *ev);
/* The state at a position of a trace: after all events with icount <= this. NULL on error. */
struct processes *processes_at(struct trace *t, uint64_t icount, struct error *err);

/* All that have been created, exited ones too, in order of creation. */
size_t processes_count(const struct processes *ps);
const struct process *processes_get(const struct processes *ps, size_t i);
/* The living one of that pid, else the last that had it; or NULL. */
const struct process *processes_find(const struct processes *ps, uint32_t pid);
/* Who runs on a processor: by context switches, if the trace has them (class sched), else by the last process
 * event there. NULL: not known. */
const struct process *processes_current(const struct processes *ps, unsigned cpu);

#endif
