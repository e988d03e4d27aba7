/* calls.h - the calls in progress of a Linux kernel's tasks, down into the programs that they run. Nothing here changes the state. */
#ifndef BOOTREEL_CORE_VIEWS_CALLS_H
#define BOOTREEL_CORE_VIEWS_CALLS_H

#include "core/systems/linux/memory/tasks.h"
#include "core/views/views.h"

/* What backtraces need again and again: the kernel's own tables, and the programs of the task that was asked
 * for last. */
struct view_calls;
struct view_calls *view_calls_new(void);
/* Debug information for its programs, by their build-ids; NULL: none. It must outlive `c`. */
struct debug_info;
void view_calls_debug(struct view_calls *c, struct debug_info *d);
void view_calls_free(struct view_calls *c); /* NULL is allowed */

/* The program and the libraries that a task has mapped, with symbols and call frames, as far as their files
 * are in the guest's page cache; mapped at their addresses in the task's process. Never NULL; valid until
 * programs are asked for again. Cost: reading the files, a ms or two; if they are others than the last time,
 * some ms for their symbols. */
const struct symbols *view_task_programs(struct view_calls *c, struct look m, const struct view_task *t,
                                         const struct kernel_types *k, const struct symbols *s);
/* The calls in progress of a task: as view_frames. `k` as for view_task_programs, which this asks. */
size_t view_task_frames(struct view_calls *c, struct look m, const struct view_task *t,
                        const struct kernel_types *k, const struct symbols *s, struct view_frame *frame,
                        size_t max);
/* The symbols that know most about the code at an address of the task that was asked for last: its program's,
 * or `s`. */
const struct symbols *view_task_symbols(const struct view_calls *c, const struct symbols *s,
                                        symbol_space space, uint64_t pc, uint64_t at);
/* The registers of a frame of 64-bit code. */
struct view_registers {
    uint64_t reg[VIEW_FRAME_REGISTERS];
    uint32_t known; /* a bit for each that is known; rip and rsp have to be */
    bool called;    /* rip is a return address, so that the call is before it */
    uint64_t cfa;   /* of the frame that was unwound: the same at each of its instructions */
};
enum view_caller {
    VIEW_CALLER_FOUND,
    VIEW_CALLER_NONE,    /* it is the outermost call */
    VIEW_CALLER_LOST,    /* it has a caller, but this cannot be found */
    VIEW_CALLER_FOREIGN, /* neither code of a Linux kernel with tables nor of a program that it runs */
};
/* Unwinds one frame of a task, or with `t` NULL of what the processor runs: *r becomes its caller's. *lost: as in struct
 * view_frame, if it is lost. */
enum view_caller view_task_caller(struct view_calls *c, struct look m, unsigned cpu,
                                  const struct view_task *t, const struct kernel_types *k,
                                  const struct symbols *s, symbol_space space, struct view_registers *r,
                                  const char **lost);

#endif
