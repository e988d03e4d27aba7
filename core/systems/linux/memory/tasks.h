/* tasks.h - the tasks of a 64-bit Linux kernel as they are in its memory: those that run, as their processors
 * have them, and those that sleep, by the frame that the kernel saved for them. For debuggers' threads and
 * backtraces; nothing here changes the state.
 *
 * Members are found by the kernel's own types (BTF). Sources: Linux, include/linux/sched.h,
 * arch/x86/include/asm/switch_to.h (struct inactive_task_frame), arch/x86/include/asm/percpu.h. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_TASKS_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_TASKS_H

#include "core/engine/look.h"
#include "core/ground/amd64_registers.h"
#include "core/symbols/kernel_types.h"

struct view_task {
    uint64_t address; /* of its struct task_struct */
    uint32_t pid, tgid;
    char name[16 + 1];
    int cpu;    /* the processor that it has; -1: none */
    char state; /* as in ps: R runnable, S sleeps, D sleeps deeply, I idle kernel thread, T stopped, Z, X */
    symbol_space kernel;           /* of its symbols */
    bool has_memory;               /* it is a program's, not a kernel thread */
    uint64_t tables;               /* physical address of its page tables */
    uint64_t reg[AMD64_REGISTERS]; /* without a processor: rbx, rbp, rsp, r12 to r15, rip */
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

/* The space for symbols of a task's code: its process's, or the kernel's. */
symbol_space view_task_space(const struct view_task *t);

#endif
