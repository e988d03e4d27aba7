/* internal.h - what the boot protocols share. Private to hv/load. */
#ifndef BOOTREEL_HV_LOAD_INTERNAL_H
#define BOOTREEL_HV_LOAD_INTERNAL_H

#include "hv/load/load.h"

/* Low memory where a loader keeps its structures: below the EBDA, above the BIOS data area. */
enum {
    LOW_GDT = 0x8000,
    LOW_PAGE_TABLES = 0x9000, /* 6 pages: PML4, PDPT, 4 page directories */
    LOW_PARAMS = 0x10000,
    LOW_COMMAND_LINE = 0x20000,
    LOW_COMMAND_LINE_MAX = 0x10000,
    LOW_STACK = 0x8000,
    PAGE_SIZE_4K = 0x1000,
};

/* The whole image in memory; NULL with err. The caller frees it. */
uint8_t *image_load(const struct image *, struct error *);

/* Flat 32-bit segments (selectors 10h code, 18h data), paging off, interrupts off: what the Linux 32-bit protocol and multiboot
 * want. */
void enter_protected(struct board *, uint64_t entry);
/* 64-bit mode with the first 4 GiB mapped one to one by 2 MiB pages: the Linux 64-bit protocol. */
void enter_long(struct board *, uint64_t entry);

int load_linux(struct board *, const struct engine_config *, const uint8_t *kernel, const struct image *,
               struct load_result *, struct error *);
int load_multiboot(struct board *, const struct engine_config *, uint8_t *kernel, const struct image *,
                   struct load_result *, struct error *);
int load_flat(struct board *, const struct engine_config *, const struct image *, struct load_result *, struct error *);
/* Does the image have a multiboot 1 header? Its offset, or -1. */
long multiboot_header(const uint8_t *image, size_t size);

#endif
