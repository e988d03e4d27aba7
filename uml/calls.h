/* calls.h - system calls: their table, and what their handlers need. Private to uml/. */
#ifndef BOOTREEL_UML_CALLS_H
#define BOOTREEL_UML_CALLS_H

#include "uml/host.h"

/* ---- calls.c ---- */
typedef int64_t call_fn(struct host *h, struct task *t, const uint64_t *a);
/* The call's name, or NULL. */
const char *call_name(int64_t number);
#define CALL(number, name, args, how) call_fn call_##name;
#define MISSING(number, name)
#include "uml/calls.def"
#undef CALL
#undef MISSING
/* How an interrupted call is restarted (as the kernel's ERESTART…). */
enum restart { RESTART_NEVER, RESTART_ALWAYS, RESTART_NO_HANDLER, RESTART_SLEEP, RESTART_UNINTERRUPTED };
/* Begins or continues the task's call. */
void call_begin(struct host *h, struct task *t);
void call_continue(struct host *h, struct task *t);
void report(struct host *h, struct event *ev);
/* A task's x87, SSE and AVX state, from and to the processor. */
void task_float_get(struct host *h, struct task *t);
void task_float_set(struct host *h, const struct task *t);
/* Reports an event of a step within x86_run(). */
void report_at(struct host *h, struct event *ev, uint64_t icount, uint64_t time);
__attribute__((format(printf, 2, 3))) void fail(struct host *h, const char *fmt, ...);
void report_missing(struct host *h, const char *what, uint64_t number, uint64_t value);

#endif
