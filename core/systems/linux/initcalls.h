/* initcalls.h - all initcalls of a Linux kernel, whether they ran or not: from the tables in its memory, while it still has them. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_INITCALLS_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_INITCALLS_H

#include "core/symbols/symbols.h"

/* A kernel's memory before it frees its init sections: when it calls the first initcall, for example. */
struct linux_memory {
    void *ctx;
    /* Returns how many of the n bytes at a linear address were read. */
    size_t (*read)(void *ctx, uint64_t linear, void *buf, size_t n);
    const struct symbols *symbols;
    symbol_space space;
    uint64_t at;   /* the icount */
    uint64_t text; /* the address of its first byte (EV_KERNEL_FOUND.text) */
};

/* Calls `add` with the address of each entry, and its level as in EV_INITCALL. Returns how many there were; 0: the tables were not found.
 * The tables are found by their symbols; in kernels whose symbols are only functions, by their form, which takes a pass over the image. */
size_t linux_initcalls(const struct linux_memory *m, void (*add)(void *ctx, uint64_t address, unsigned level),
                       void *ctx);
/* A level in one word: "early", "core", "device"; NULL: there is no such level. */
const char *linux_initcall_level(unsigned level);

#endif
