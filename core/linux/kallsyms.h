/* kallsyms.h - a Linux kernel's own symbol table, found in the kernel's image by its structure.
 *
 * The image is the kernel as it is in memory, from _text on. No assumption is made about where in it the
 * tables are; all of them are checked against each other. Supported are the tables of 64- and 32-bit kernels
 * 4.6 and later, in both orders of their parts (before and since 6.4), and those with absolute addresses
 * (before 4.6, or so configured).
 */
#ifndef BOOTREEL_CORE_LINUX_KALLSYMS_H
#define BOOTREEL_CORE_LINUX_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packed_names.h"
#include "traces/error.h"

struct kallsyms {
    const uint8_t *image;
    size_t size;
    unsigned word; /* bytes of a pointer, and the alignment of tables */
    uint64_t
        lowest; /* the lowest address that a symbol may have; 0: what is usual for kernels of that kind */
    struct packed_names packed;
    size_t names, addresses; /* offsets in the image */
    uint32_t count;
    uint64_t base;                                                      /* relative addresses are from it */
    enum { KALLSYMS_RELATIVE, KALLSYMS_PERCPU, KALLSYMS_ABSOLUTE } how; /* of the addresses */
};

/* Finds the tables of a kernel with pointers of `word` bytes (8 or 4), whose symbols are at `lowest` or above (as in the
 * struct). -1 with err, which says what is
 * missing. The image must stay valid while `k` is used. */
int kallsyms_find(const void *image, size_t size, unsigned word, uint64_t lowest, struct kallsyms *k,
                  struct error *err);
/* Calls fn for each symbol, in the kernel's order. `absolute`: the value is a plain number (such as a per-cpu
 * offset), not an address. */
void kallsyms_each(const struct kallsyms *k,
                   void (*fn)(void *ctx, const char *name, char type, uint64_t address, bool absolute),
                   void *ctx);

#endif
