/* count.h - how often each instruction is left to the interpreter. Private to hv/x86.
 *
 * Only builds with -DBOOTREEL_COUNT (make VARIANT=count; bench/interpreted) count. In others nothing of this
 * is there. */
#ifndef BOOTREEL_HV_X86_COUNT_H
#define BOOTREEL_HV_X86_COUNT_H

#include "hv/x86/cpu.h"

/* Why an instruction was interpreted. */
enum count_why {
    COUNT_COLD,  /* its block is not compiled */
    COUNT_LEFT,  /* compiled code left to it, because a check failed */
    COUNT_NEVER, /* this form is not compiled */
    COUNT_AFTER  /* its block is compiled, but was left at an earlier instruction */
};

#ifdef BOOTREEL_COUNT
struct counts;

struct counts *counts_create(void);
/* Prints what was counted to the file that $BOOTREEL_COUNT names, at its end, and frees it. */
void counts_end(struct counts *);
/* The interpreter is about to execute the op. Counts nothing if the op's handler is compiled code. */
void count_op(struct x86 *, const struct op *);
/* A repeated instruction has made `steps` more iterations. */
void count_more(struct x86 *, const struct op *, uint64_t steps);
/* Steps that were made. */
void count_steps(struct x86 *, uint64_t steps);
/* Where compiled code counts an op that it leaves to. */
uint64_t *count_place(struct counts *, const struct block *, const struct op *, enum count_why);
#else
#define count_op(cpu, op)          ((void)0)
#define count_more(cpu, op, steps) ((void)0)
#define count_steps(cpu, steps)    ((void)0)
#endif

#endif
