/* initcalls.h - the initcalls of the Linux kernels of a recorded boot. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_INITCALLS_H
#define BOOTREEL_CORE_RAN_INITCALLS_H

#include "core/engine/engines.h"
#include "core/symbols/symbols.h"

struct initcalls {
    struct trace *trace;
    const struct engine_kind *kind;
    const struct symbols *symbols;
    void *ctx;
    /* Called with each initcall of each kernel: its runtime address, the kernel's space, the position at which that holds, and the level
     * as in EV_INITCALL. */
    void (*found)(void *ctx, uint64_t address, symbol_space space, uint64_t icount, unsigned level);
};

/* Reads the tables in the guest's memory where each kernel calls its first initcall. -1 with err. Cost: a seek for each kernel. */
int initcalls_of_trace(const struct initcalls *of, struct error *err);

#endif
