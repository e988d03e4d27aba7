/* tasks.h - the tasks of a 64-bit Linux kernel as they are in its memory: those that run, by their processors, and those that sleep,
 * by the frame that the kernel keeps of them. For debuggers' threads and backtraces; nothing here changes the state.
 *
 * Members are found by the kernel's own types (BTF). Sources: Linux, include/linux/sched.h, arch/x86/include/asm/switch_to.h
 * (struct inactive_task_frame), arch/x86/include/asm/percpu.h. */
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
    bool has_memory; /* it is a program's, not a kernel thread */
    uint64_t tables; /* physical address of its page tables */
    uint64_t reg
        [VIEW_FRAME_REGISTERS]; /* without a processor: rbx, rbp, rsp, r12 to r15, rip; as in view_caller */
};

/* The tasks here, in the order of the kernel's list, each process's threads together; the caller frees *list. `k`, `s`: the
 * kernel's types and the trace's symbols. -1 with err if they cannot be found (yet). Cost: a millisecond for a hundred tasks. */
int view_tasks(const struct timeline *tl, const struct kernel_types *k, const struct symbols *s,
               struct view_task **list, size_t *n, struct error *err);

/* Whether the caller of a task without a processor is known by the register of that DWARF number. */
bool view_task_has(unsigned reg);

/* Reads linear memory by page tables of 64-bit mode: a task's, wherever it is. Returns how many of the n bytes there are. */
size_t view_peek(const struct timeline *tl, uint64_t tables, uint64_t linear, void *buf, size_t n);
/* The page tables that a processor has, or those that its kernel has for them (page table isolation), if only they have `linear`. */
uint64_t view_tables_for(const struct timeline *tl, unsigned cpu, uint64_t linear);

/* The program and the libraries that a task has mapped, with symbols and call frames, as far as their files are in the guest's page
 * cache; mapped at their addresses in the task's process. Never NULL. Cost: that of reading the files, some ms. */
struct symbols *view_task_programs(const struct timeline *tl, const struct view_task *t,
                                   const struct kernel_types *k, const struct symbols *s);

/* The calls in progress of a task: as view_frames. `program` is of view_task_programs, or NULL. */
size_t view_task_frames(const struct timeline *tl, const struct view_task *t, const struct symbols *s,
                        const struct symbols *program, symbol_space space, struct view_orc *o,
                        struct view_frame *frame, size_t max);

#endif
