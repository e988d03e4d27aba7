/* region.h - compiled regions and what they were compiled from. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_REGION_H
#define BOOTREEL_HV_X86_JIT_REGION_H

#include "hv/x86/cpu.h"

struct region {
    struct region *page_next, *block_next; /* of the page; of those that begin in the block */
    struct block *entry;
    unsigned op;
    op_fn *code, *original;
    unsigned nmembers;
    struct block *member[];
};

/* The handler of an op as it was decoded. */
op_fn *op_original(const struct block *, unsigned op);

#endif
