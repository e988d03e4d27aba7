/* process_names.h - finds processes by any name that they ever had, and by any program that they ever executed: process 1 of a system is
 * a kernel thread, then "init", "systemd", and "systemd-shutdow" when it switches the machine off. */
#ifndef BOOTREEL_CORE_STORY_PROCESS_NAMES_H
#define BOOTREEL_CORE_STORY_PROCESS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "traces/trace.h"

struct process_names;
/* Empty. */
struct process_names *process_names_new(void);
void process_names_free(struct process_names *n); /* NULL is allowed */
/* Takes an event; events must come in order. */
void process_names_see(struct process_names *n, const struct event *ev);
/* All processes of a trace up to a position. NULL with err. Cost: a pass over its events of processes. */
struct process_names *process_names_at(struct trace *t, uint64_t icount, struct error *err);

/* Whether the process that had that pid at that position is meant by `want`: PID, GUEST:PID, or a name: a part of one of its names or
 * programs, or with * ? [ a pattern of a whole name, of a program's path, or of the path's last part. The name that it had from its parent
 * counts only if it never had another. */
bool process_names_fit(const struct process_names *n, const char *want, unsigned guest, uint32_t pid,
                       uint64_t icount);
/* Whether any process is meant by it. */
bool process_names_any(const struct process_names *n, const char *want);

#endif
