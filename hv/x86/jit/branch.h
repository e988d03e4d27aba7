/* branch.h - where compiled code goes when it leaves its region at a branch (hv/x86/integer/branch.c): each does what
 * the branch's handler does after it has set gpr[REG_RIP]. Private to hv/x86. */
#ifndef BOOTREEL_HV_X86_JIT_BRANCH_H
#define BOOTREEL_HV_X86_JIT_BRANCH_H

#include "hv/x86/cpu.h"

/* The relative branch `op` of the running block was taken; was not taken (64-bit and flat code). */
const struct op *branch_taken(struct x86 *, const struct op *);
const struct op *branch_fall(struct x86 *, const struct op *);
/* The same in other code: compares the block with the segment's limit. */
const struct op *branch_taken_legacy(struct x86 *, const struct op *);
const struct op *branch_fall_legacy(struct x86 *, const struct op *);
/* An indirect branch. */
const struct op *branch_indirect(struct x86 *, const struct op *);

#endif
