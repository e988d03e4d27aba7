/* internal.h - what the boot protocols share. Private to hv/load. */
#ifndef BOOTREEL_HV_LOAD_INTERNAL_H
#define BOOTREEL_HV_LOAD_INTERNAL_H

#include "hv/load/load.h"

/* Low memory where a loader keeps its structures if the image is elsewhere: below the EBDA, above the BIOS data area. */
enum {
    LOW_STACK = 0x7000, /* a page, which ends where the descriptors begin */
    LOW_GDT = 0x8000,
    LOW_PAGE_TABLES = 0x9000, /* 6 pages: PML4, PDPT, 4 page directories */
    LOW_PARAMS = 0x10000,
    LOW_COMMAND_LINE = 0x20000,
    LOW_COMMAND_LINE_MAX = 0x10000,
    LOW_FREE = 0x1000, /* nothing of a loader's is placed below */
    TABLES = 0xe0000,  /* without firmware: ACPI tables, */
    SMBIOS = 0xf0000,  /* and SMBIOS */
    PAGE_SIZE_4K = 0x1000,
    MAP_MAX = 128,
    E820_RAM = 1,
};

struct span {
    uint64_t start, end;
};

/* An image that is being loaded. */
struct loading {
    struct board *board;
    const struct engine_config *cfg;
    const struct image *image;
    struct e820_entry map[MAP_MAX]; /* as the image will be told */
    size_t nmap;
    uint64_t rsdp; /* of the ACPI tables; 0: there are none */
    struct span *taken;
    size_t ntaken;
};

/* The whole image in memory; NULL with err. The caller frees it. */
uint8_t *image_load(const struct image *, struct error *);

/* place.c: what is where in memory. */
/* Is all of it RAM that the memory map gives to the image? */
bool load_in_ram(const struct loading *, uint64_t start, uint64_t size);
/* Nothing else is placed there from now on. */
void load_take(struct loading *, uint64_t start, uint64_t size);
/* Takes room for `size` bytes below `limit`: at `preferred` if that is free, else at the lowest place that is (a multiple of `align`). 0 with
 * err, which names `what`, if there is none. */
uint64_t load_place(struct loading *, const char *what, uint64_t preferred, uint64_t size, uint64_t align,
                    uint64_t limit, struct error *);

/* firmware.c: runs the firmware up to where it would boot, and asks it for the memory map and the ACPI tables. */
int load_after_firmware(struct loading *, const struct load_host *, struct error *);

/* Flat 32-bit segments (selectors 10h code, 18h data), paging off, interrupts off: what the Linux 32-bit protocol and multiboot
 * want. */
int enter_protected(struct loading *, uint64_t entry, struct error *);
/* 64-bit mode with the first 4 GiB mapped one to one by 2 MiB pages: the Linux 64-bit protocol. */
int enter_long(struct loading *, uint64_t entry, struct error *);

int load_linux(struct loading *, const uint8_t *kernel, struct load_result *, struct error *);
int load_multiboot(struct loading *, uint8_t *kernel, struct load_result *, struct error *);
int load_flat(struct loading *, struct load_result *, struct error *);
/* Does the image have a multiboot 1 header? Its offset, or -1. */
long multiboot_header(const uint8_t *image, size_t size);

#endif
