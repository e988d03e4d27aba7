/* unwind.h - the machine's state while calls are unwound. Private to core/views/. */
#ifndef BOOTREEL_CORE_VIEWS_UNWIND_H
#define BOOTREEL_CORE_VIEWS_UNWIND_H

#include "core/symbols/debug.h"
#include "core/views/calls.h"

/* What unwinding begins from. */
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

/* The machine's state before the calls that have been unwound. */
struct unwind {
    struct look m;
    const struct symbols *symbols;
    const struct symbols *program; /* of addresses below the kernel's; or NULL */
    unsigned cpu, word;
    symbol_space space;
    uint64_t at;
    uint64_t reg[VIEW_FRAME_REGISTERS]; /* by DWARF number */
    uint32_t known;                     /* a bit for each that is known */
    bool wide, segmented;
    uint64_t ss_base, cs_base;
    uint64_t pc, sp;         /* linear */
    uint64_t cfa;            /* of the frame that was unwound last */
    bool called;             /* pc is a return address: the call is before it */
    struct view_orc *orc;    /* or NULL */
    uint64_t tables;         /* page tables of a task without a processor; 0: the processor's */
    bool interrupted, ended; /* pc was interrupted there; there is no caller */
    bool entered;            /* this is a program, which entered its kernel */
    uint64_t
        smm_entry; /* in system management mode: where its first code is; else, and in what it interrupted, 0 */
    const char *lost; /* why the caller cannot be found, in words */
};

enum unwound { UNWOUND, UNWOUND_NOT, UNWOUND_LOST };

/* Reads n bytes (up to 8). False if they are not there. */
bool unwind_peek(const struct unwind *u, uint64_t address, unsigned n, uint64_t *value);
/* Whether there are symbols for the code at that address. */
bool unwind_knows(const struct unwind *u, uint64_t pc);
/* Whether a CALL may end at `pc`. */
bool unwind_after_call(const struct unwind *u, uint64_t pc);
/* The code that was interrupted: its registers were stored at `at`; its rip, cs and rsp are so much above it. */
bool unwind_interrupted(struct unwind *u, uint64_t at, unsigned ip, unsigned cs, unsigned sp);

/* ---- unwind_smm.c ---- */
/* Whether this is the code with which system management mode begins, which has no symbols. */
bool unwind_at_smm_entry(const struct unwind *u, uint64_t pc);
/* The address of that code; 0 if the processor is in another mode. */
uint64_t unwind_smm_entry(struct look m, unsigned cpu);
/* From there to the code that was interrupted, by the state that was saved. False if `u` is not there. */
bool unwind_smm(struct unwind *u);

/* ---- unwind_linux.c ---- */
/* By the tables of a Linux kernel and its modules; code that has none is followed. UNWOUND_NOT: there are no tables, or this is
 * not the kernel's code. With u->ended there is no caller. */
enum unwound unwind_kernel(struct unwind *u);
/* Whether the kernel has tables. */
bool unwind_has_tables(const struct unwind *u);

#endif
