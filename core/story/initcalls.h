/* initcalls.h - the calls of a kernel's initialisation functions in a recorded boot: how long each took, and
 * how much of that was its own. Nothing is run. */
#ifndef BOOTREEL_CORE_STORY_INITCALLS_H
#define BOOTREEL_CORE_STORY_INITCALLS_H

#include <stdbool.h>

#include "core/story/task_time.h"

/* A call. */
struct initcall {
    char *name;
    uint64_t level, pid;
    uint64_t begin, end;           /* icounts */
    uint64_t begin_time, end_time; /* guest time, ns */
    uint64_t took;                 /* guest time from its call to its return, ns */
    uint64_t own; /* the part of it, ns, in which its task had a processor, without initcalls inside of it */
    bool has_own; /* `own` is known (see struct stage) */
    int64_t result;
    task_clock task;    /* whose time it is; private to initcalls.c, … */
    uint64_t inner;     /* … and how much of that was in initcalls inside of it */
    bool open;          /* it had not returned at the end */
    size_t open_before; /* initcalls.c: as initcalls.open, when it began */
};

/* The events that it must see. */
enum { INITCALL_CLASSES = TASK_TIME_CLASSES };

struct initcalls;

struct initcalls *initcalls_new(void);
void initcalls_free(struct initcalls *); /* NULL is allowed */
/* Takes an event; those of INITCALL_CLASSES must come in order, others are ignored. */
void initcalls_see(struct initcalls *, const struct event *ev);
/* All events have been seen; the trace ends there. */
void initcalls_end(struct initcalls *, uint64_t icount, uint64_t time);
/* In order of their beginning. */
const struct initcall *initcalls_list(const struct initcalls *, size_t *n);

#endif
