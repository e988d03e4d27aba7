/* processes.h - the processes of a boot at any position, computed from a trace's process and sched events:
 * nothing is run. */
#ifndef BOOTREEL_CORE_STORY_PROCESSES_H
#define BOOTREEL_CORE_STORY_PROCESSES_H

#include "core/symbols/symbols.h"

enum process_kind {
    PROCESS_KERNEL_THREAD,
    PROCESS_PROCESS,
    PROCESS_THREAD,
    PROCESS_OF_HOST, /* of the Linux host that programs run on (uml/) */
    PROCESS_THREAD_OF_HOST
};

struct process {
    unsigned guest; /* the number of the guest that it belongs to: each has its own pids */
    uint32_t pid, tgid;
    uint32_t parent;                    /* tgid of the process that it belongs to at its creation */
    uint32_t host;                      /* the host's process that runs its code (user-mode Linux); 0: none */
    uint8_t kind;                       /* enum process_kind */
    uint64_t flags;                     /* clone flags */
    uint64_t created, executed, exited; /* icounts; 0 if it has not (yet) happened */
    uint64_t created_time, executed_time, exited_time; /* guest time, ns */
    uint32_t code;                                     /* wait status when exited */
    const char *name;                                  /* comm, now */
    const char *path; /* what it executed last, and arguments as in the event; "" if nothing */
};

/* "kernel thread", "process", "thread"; of an EV_PROCESS_CREATE the field `kind`. "task" for other numbers. */
const char *process_kind_text(uint64_t kind);
/* The space of its symbols: its thread group's; a kernel thread has that of its guest's kernel. */
symbol_space process_space(const struct process *p);

/* Their key in struct chains. Of a pid a process has only the lower 32 bits. */
static inline uint64_t process_key(unsigned guest, uint64_t pid)
{
    return (uint64_t)guest << 32 | (uint32_t)pid;
}

struct processes;

/* Empty. */
struct processes *processes_new(void);
void processes_free(struct processes *ps); /* NULL is allowed */
/* Processes an event; events must come in order, and those that are not about processes are ignored. A reset
 * of the machine removes all processes. */
void processes_see(struct processes *ps, const struct event *ev);
/* Moves to a position of a trace: reads only the events since the last one, unless it moves back. Not to be
 * mixed with processes_see(). -1 if the trace cannot be read: then the processes before the damage are
 * known. */
int processes_move(struct processes *ps, struct trace *t, uint64_t icount, struct error *err);
/* The state at a position of a trace: after all events with icount <= this. NULL on error. */
struct processes *processes_at(struct trace *t, uint64_t icount, struct error *err);

/* All processes that have been created, exited ones too, in order of creation. */
size_t processes_count(const struct processes *ps);
const struct process *processes_get(const struct processes *ps, size_t i);
/* The guest's process of that pid that has not exited, otherwise the last one that had it, or NULL. */
const struct process *processes_find(const struct processes *ps, unsigned guest, uint32_t pid);
/* The process that runs on a processor: from context switches, if the trace has them (class sched), otherwise
 * from the last process event there. NULL if not known. */
const struct process *processes_current(const struct processes *ps, unsigned cpu);

/* As processes_current(), where it is known which process of the Linux host runs (`host`, from the register
 * host_pid; 0: there is no host): the guest's process whose code that one runs; where it runs a kernel, the
 * process of processes_current(). */
const struct process *processes_running(const struct processes *ps, unsigned cpu, uint32_t host);

#endif
