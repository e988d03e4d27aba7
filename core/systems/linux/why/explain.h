/* explain.h - what went wrong in a Linux kernel, its initramfs or its systemd. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_WHY_EXPLAIN_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_WHY_EXPLAIN_H

#include "core/case/case.h"
#include "core/story/processes.h"

/* The kernel and its initramfs; systemd's units. */
explainer_fn explain_linux, explain_units;

/* The text of a console line without its time stamp. Returns buf. */
const char *linux_said(const struct event *ev, char *buf, size_t size);
/* Adds what a Linux kernel's log has at that position, if no console has shown any of it: its last warnings, and its last messages. */
void find_log(struct finding *f, struct why_case *c, unsigned cpu, uint64_t icount);

/* Finds a unit that systemd has begun to start, and has not finished: the answer is "wrong" if nothing goes
 * on any more, else "unknown", which `sure_only` leaves out. False if there is none. */
bool units_unfinished(struct why_case *c, struct finding *f, bool sure_only);

/* ---------------------------------------------------------------- what processes wait for (waits.c) */

/* A function of the kernel in which a task sleeps, and what for. */
struct wait_kind {
    const char *function, *what;
    bool input;  /* somebody may type */
    bool serves; /* a server that is up waits so */
};
/* What a process waits for; adds it as evidence. `function`: the kernel's, which is none of the scheduler's. NULL: it is not known. */
const struct wait_kind *process_wait(struct why_case *c, struct finding *f, const struct process *p,
                                     char function[80]);
/* Where a task gave up the processor last: the position. 0 if that is not known. */
uint64_t process_left(struct why_case *c, uint32_t pid);
/* What a process of a Linux waits for, as "insmod (81) waits for a lock in probe+0x12 [driver]", with its callers as evidence. False if that is not
 * known. */
bool process_waits(struct why_case *c, struct finding *f, uint32_t pid, struct text *what);

#endif
