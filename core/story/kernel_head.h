/* kernel_head.h - where a kernel's file says that it is entered: its ELF header, and its multiboot header.
 *
 * Sources: System V ABI, "Object Files"; Multiboot Specification 0.6.96, 3.1; Multiboot2 Specification 2.0, 3.1.
 */
#ifndef BOOTREEL_CORE_STORY_KERNEL_HEAD_H
#define BOOTREEL_CORE_STORY_KERNEL_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A multiboot header is in the first so many bytes of a file. */
enum { KERNEL_HEAD = 32768, KERNEL_ENTRIES = 24 };

struct kernel_entries {
    uint64_t address[KERNEL_ENTRIES]; /* as linked, and where that is loaded */
    unsigned n;
    bool multiboot; /* it has a multiboot header */
};

/* Fills *e from the first n bytes of a file. False if it is no ELF file. Cost: n. */
bool kernel_head_entries(const uint8_t *file, size_t n, struct kernel_entries *e);
bool kernel_head_has(const struct kernel_entries *e, uint64_t address);

#endif
