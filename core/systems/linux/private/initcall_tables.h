/* initcall_tables.h - reads a kernel's tables of initcalls, while it runs (initcall.c) and in a recorded boot (initcalls.h). */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_INITCALL_TABLES_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_INITCALL_TABLES_H

#include "core/systems/linux/private/layout.h"

struct initcall_reader {
    void *ctx; /* of read and symbol */
    /* Returns how many of the n bytes at a linear address were read. */
    size_t (*read)(void *ctx, uint64_t linear, void *buf, size_t n);
    uint64_t (*symbol)(void *ctx, const char *name); /* its address, or 0 */
    unsigned word;                                   /* bytes of a pointer */
    uint64_t text, size;                             /* the image */
    void *to;
    void (*add)(void *to, uint64_t address, unsigned level); /* called with each entry */
};

/* The tables that have symbols. Returns how many entries there were. */
size_t initcall_tables(const struct initcall_reader *r);
/* Tables that have none, by their form; of the consoles' initcalls nothing is known then. */
size_t initcall_infer(const struct layout_image *im, const struct initcall_reader *r);

#endif
