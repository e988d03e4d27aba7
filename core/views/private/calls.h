/* calls.h - what finding the calls of a task needs. Private to core/views/. */
#ifndef BOOTREEL_CORE_VIEWS_CALLS_H
#define BOOTREEL_CORE_VIEWS_CALLS_H

#include "core/symbols/debug.h"
#include "core/views/tasks.h"

struct unwind_from {
    struct look m;
    const struct symbols *symbols, *program; /* either may be NULL */
    symbol_space space;
    struct view_orc *orc;
    unsigned cpu;
    uint64_t tables; /* page tables of a task without a processor; 0: the processor's */
};

/* The calls of a task: its processor's, or of its saved frame. As view_frames. */
size_t view_unwind(const struct unwind_from *from, const struct view_task *t, struct view_frame *frame,
                   size_t max);
/* Unwinds one frame of 64-bit code, as view_task_caller. */
enum view_caller view_unwind_one(const struct unwind_from *from, struct view_registers *r, const char **lost);

/* Reads the programs of a task, with debug information from `d` (NULL: none). *key identifies what they are made of; NULL if it is unchanged. */
struct symbols *view_programs_read(struct look m, const struct view_task *t, const struct kernel_types *k,
                                   const struct symbols *s, struct debug_info *d, uint64_t *key);

#endif
