/* kallsyms.h - a Linux kernel's own symbol table, found in the kernel's image by its structure.
 *
 * The image is the kernel as it is in memory, or memory that contains it somewhere. No assumption is made
 * about where the tables are; all of them are checked against each other. Tables of 64- and 32-bit kernels
 * since 4.0 are supported, whatever the order of their parts, their alignment and the form of their addresses
 * (see kallsyms.c).
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_KALLSYMS_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/symbols/packed_names.h"

struct kallsyms {
    /* To be set before kallsyms_find. */
    const uint8_t *image;
    size_t size;
    unsigned word; /* bytes of a pointer */
    uint64_t
        lowest;     /* the lowest address that a symbol may have; 0: what is usual for kernels of that kind */
    uint64_t begin; /* the address of the image's first byte; 0: not known (it may be set later) */
    /* What is found. */
    struct packed_names packed;
    size_t names, addresses; /* offsets in the image */
    uint32_t count,
        blocks;    /* symbols; blocks of 256 of them, by the markers before the tokens (0: not there) */
    uint64_t base; /* relative addresses are from it */
    enum {
        KALLSYMS_RELATIVE,
        KALLSYMS_PERCPU,
        KALLSYMS_ABSOLUTE,
        KALLSYMS_SELF /* from their own place: from `begin` on; without it they are offsets in the image */
    } how;            /* of the addresses */
    bool shuffled;    /* they are not in order */
};

/* Finds the first tables in the image. -1 with err, which says what is missing. The image must stay valid
 * while `k` is used. */
int kallsyms_find(struct kallsyms *k, struct error *err);
/* Finds the next tables after those that were found. */
int kallsyms_next(struct kallsyms *k, struct error *err);
/* Calls fn for each symbol, in the kernel's order. `absolute`: the value is a plain number (such as a per-cpu
 * offset), not an address. */
void kallsyms_each(const struct kallsyms *k,
                   void (*fn)(void *ctx, const char *name, char type, uint64_t address, bool absolute),
                   void *ctx);

#endif
