/* tasks.h - the tasks of a 64-bit Linux kernel as they are in its memory: those that run, as their processors
 * have them, and those that sleep, by the frame that the kernel saved for them. For debuggers' threads and
 * backtraces; nothing here changes the state.
 *
 * Members are found by the kernel's own types (BTF). Sources: Linux, include/linux/sched.h,
 * arch/x86/include/asm/switch_to.h (struct inactive_task_frame), arch/x86/include/asm/percpu.h. */
#ifndef BOOTREEL_CORE_VIEWS_TASKS_H
#define BOOTREEL_CORE_VIEWS_TASKS_H

#include "core/symbols/kernel_types.h"
#include "core/views/views.h"

struct view_task {
    uint64_t address; /* of its struct task_struct */
    uint32_t pid, tgid;
    char name[16 + 1];
    int cpu;    /* the processor that it has; -1: none */
    char state; /* as in ps: R runnable, S sleeps, D sleeps deeply, I idle kernel thread, T stopped, Z, X */
    symbol_space kernel;                /* of its symbols */
    bool has_memory;                    /* it is a program's, not a kernel thread */
    uint64_t tables;                    /* physical address of its page tables */
    uint64_t reg[VIEW_FRAME_REGISTERS]; /* without a processor: rbx, rbp, rsp, r12 to r15, rip */
};

/* The tasks here, in the order of the kernel's list, each process's threads together; the caller frees *list.
 * `k`, `s`: the kernel's types and the trace's symbols. -1 with err if they cannot be found (yet). Cost: a
 * millisecond for a hundred tasks. */
int view_tasks(struct look m, const struct kernel_types *k, const struct symbols *s, struct view_task **list,
               size_t *n, struct error *err);

/* Whether the register of that DWARF number is known of a task without a processor. */
bool view_task_has(unsigned reg);

/* Reads linear memory by page tables of 64-bit mode: a task's, wherever it is. Returns how many of the n
 * bytes there are. */
size_t view_peek(struct look m, uint64_t tables, uint64_t linear, void *buf, size_t n);
/* Where in physical memory that is; false if nothing is mapped there. */
bool view_translate(struct look m, uint64_t tables, uint64_t linear, uint64_t *physical);
/* The page tables of a processor, or their counterparts that its kernel uses (page table isolation), if only
 * those map `linear`. */
uint64_t view_tables_for(struct look m, unsigned cpu, uint64_t linear);

/* The task that a processor has, into *t. False if it is not known here. */
bool view_task_on(struct look m, const struct kernel_types *k, const struct symbols *s, unsigned cpu,
                  struct view_task *t);

/* ---------------------------------------------------------------- calls in progress, down into programs */

/* What backtraces need again and again: the kernel's own tables, and the programs of the task that was asked
 * for last. */
struct view_calls;
struct view_calls *view_calls_new(void);
/* Debug information for its programs, by their build-ids; NULL: none. It must outlive `c`. */
struct debug_info;
void view_calls_debug(struct view_calls *c, struct debug_info *d);
void view_calls_free(struct view_calls *c); /* NULL is allowed */

/* The space for symbols of a task's code: its process's, or the kernel's. */
symbol_space view_task_space(const struct view_task *t);
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
