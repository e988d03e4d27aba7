/* region.h - compiled regions and what they were compiled from. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_REGION_H
#define BOOTREEL_HV_X86_JIT_REGION_H

#include "hv/x86/cpu.h"

/* A jump of compiled code to a block, taken unless too few steps are left: that is a conditional jump before it. */
struct jump_in {
    uint8_t *stop; /* the offset in the instruction of that jump */
    struct block *to;
    struct jump_in *next; /* to the same block */
};
/* The blocks from which code was compiled, and behind them those to which it leaves directly. */
struct members {
    unsigned regions, compiled, n; /* `regions`: how many have these members */
    struct jump_in *jump;
    unsigned njumps;
    struct block *block[];
};
/* Code that is the handler of an op. A region has one for the op from which it was compiled, and one for each block in its middle that can
 * be entered. */
struct region {
    struct region *page_next, *block_next; /* of the page; of those that begin in the block */
    struct block *entry;
    unsigned op;
    op_fn *code, *original;
    struct members *members;
};

/* The one that begins at an op; NULL: none. */
const struct region *region_at(const struct block *, unsigned op);
/* The handler of an op as it was decoded. */
op_fn *op_original(struct block *, unsigned op);
/* Compiled code leaves to this handler if accesses that it checks together lie in two pages, as those to a frame of the stack in which a
 * page ends. If that happens often, the block is compiled again, with its accesses checked apart. Then the op is executed. */
op_fn op_apart;

#endif
