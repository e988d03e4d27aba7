/* tasks.h - tasks: their processor, turns, programs, signals and timers. Private to uml/. */
#ifndef BOOTREEL_UML_TASKS_H
#define BOOTREEL_UML_TASKS_H

#include "uml/host.h"

/* ---- processor.c ---- */
/* A processor in user mode on that memory, without devices. NULL with err if the configuration names no model
 * that exists. */
struct x86 *processor_new(struct host *h, struct physmem *mem, struct error *err);

/* ---- task.c ---- */
struct task *task_find(struct host *h, int pid);
struct group *group_find(struct host *h, int pid);
struct task *current(struct host *h);
/* The call blocks until `key` is woken or the time comes. */
int64_t wait_for(struct task *t, uint64_t key, uint64_t deadline);
bool timed_out(struct host *h, const struct task *t);
void wake(struct host *h, uint64_t key);
void task_ready(struct host *h, struct task *t);
void task_exit(struct host *h, struct task *t, int status);
void group_exit(struct host *h, struct task *t, int status);
void group_stop(struct host *h, struct group *g, int sig);
void group_continue(struct host *h, struct group *g);
void vfork_done(struct host *h, struct task *t);
/* Ends all threads of the process but this one (execve). True if they are gone. */
bool group_single(struct host *h, struct task *t);
struct task *task_new(struct host *h, struct group *g);
struct group *group_new(struct host *h);
enum { KEY_ANY_FILE = 1, KEY_CHILD = 2, KEY_NEVER = 3, KEY_SIGNAL = 4 };
#define KEY_OBJECT(r) ((uint64_t)(r) << 8)
/* ---- sched.c ---- */
/* Puts a task that can run on the processor; delivers its signals. False: all wait. */
bool schedule(struct host *h);
void sched_rotate(struct host *h);
/* The next time at which something happens by itself, or UINT64_MAX. */
uint64_t next_deadline(struct host *h);
/* As next_deadline(), at less cost: it may be too early, because of something that is no longer waited for.
 * It is computed anew only when that time has come. */
uint64_t soonest(struct host *h);
/* Notes that something is waited for until `deadline`. */
void wait_until(struct host *h, uint64_t deadline);
void run_timers(struct host *h);
/* The processor left the program. */
void handle_trap(struct host *h);
/* Takes the registers of the current task out of the processor. */
void task_save(struct host *h);
void current_gone(struct host *h);

/* ---- exec.c ---- */
/* Reports that a program begins. */
void exec_report(struct host *h, const struct task *t, const char *path);
int exec_program(struct host *h, struct task *t, const char *path, char *const *argv, char *const *envp,
                 int dirfd, unsigned flags);

/* ---- signal.c ---- */
void signal_task(struct host *h, struct task *t, const struct info *info);
void signal_group(struct host *h, struct group *g, const struct info *info);
/* Sends a signal of the kernel's own, with SI_KERNEL. */
void signal_kernel(struct host *h, struct task *t, int sig);
void signal_force(struct host *h, struct task *t, const struct info *info);
void signal_pgrp(struct host *h, int pgrp, int sig);
uint64_t
signals_pending(struct host *h,
                const struct task *t); /* its own and its process's, blocked or not: bit N - 1 for signal N */
bool signal_waits(struct host *h, struct task *t); /* one is pending that is not blocked */
bool signal_take(struct host *h, struct task *t, uint64_t among, struct info *info);
/* Delivers pending signals to a task that is about to run. False: it does not run. */
bool signals_deliver(struct host *h, struct task *t);
void pending_free(struct host *h, struct pending *p);
bool signal_ignored(struct host *h, struct task *t, int sig);
void timer_taken(struct host *h, struct queued *q);

/* ---- ptrace.c ---- */
/* Stops a traced task with a wait status; `info`: the signal that it would get. */
void trace_stop(struct host *h, struct task *t, int status, const struct info *info);
void trace_event(struct host *h, struct task *t, int event, uint64_t message);
/* PTRACE_EVENT_STOP: a stop that no signal made, or that the whole process made by `sig`. */
void trace_event_stop(struct host *h, struct task *t, int sig);
void trace_forget(struct host *h, struct task *tracer);
void trace_release(struct host *h, struct task *t);

/* ---- time.c ---- */
/* A signal ends the task's nanosleep or clock_nanosleep: its result. */
int64_t sleep_interrupted(struct host *h, struct task *t);
uint64_t now(const struct host *h);  /* guest time = CLOCK_MONOTONIC, ns */
uint64_t wall(const struct host *h); /* CLOCK_REALTIME */
void timer_arm(struct host *h, struct timer *tm, uint64_t due, uint64_t interval);
void timer_free(struct host *h, struct timer *tm);
/* How many steps a process has executed. */
uint64_t group_steps(const struct host *h, const struct group *g);
/* In how many steps of the current task a timer of its process's processor time is due; UINT64_MAX: never. */
uint64_t cpu_timer_left(const struct host *h);
/* Sends the signals of the processor-time timers that are due. */
void run_cpu_timers(struct host *h);
struct timer *timer_new(struct host *h);
uint64_t random_next(struct host *h);
int time_get(struct host *h, struct task *t, uint64_t addr, uint64_t *ns); /* struct timespec */
int time_put(struct host *h, struct task *t, uint64_t addr, uint64_t ns);
/* A deadline from a relative timeout, in ns. */
uint64_t deadline_after(const struct host *h, const struct task *t, uint64_t ns);

/* ---- futex.c ---- */
void futex_wake_address(struct host *h, struct task *t, uint64_t addr, unsigned n);
void futex_exit(struct host *h, struct task *t);

#endif
