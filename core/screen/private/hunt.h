/* hunt.h - looking for fonts in a guest's memory. */
#ifndef BOOTREEL_CORE_SCREEN_HUNT_H
#define BOOTREEL_CORE_SCREEN_HUNT_H

#include "core/engine/look.h"
#include "core/screen/private/font.h"

enum { HUNT_PAGE = 4096 };

struct hunt {
    struct look m;
    uint64_t end;        /* of the memory that is searched */
    struct fonts *fonts; /* where they go */
};

/* Looks for all kinds of fonts below `end`. Cost: reading what the guest has in memory once, some times for fonts that
 * programs have mapped. */
void hunt_fonts(struct look m, uint64_t end, struct fonts *fonts);

/* A way to find fonts looks at each page that is not all zero, and adds to h->fonts. */
typedef void hunt_page_fn(struct hunt *h, uint64_t physical, const uint8_t *page);
hunt_page_fn bgf_page; /* font_bgf.c: bterm's */
hunt_page_fn rom_page; /* font_rom.c: tables in the order of code page 437 */
hunt_page_fn hii_page; /* font_hii.c: UEFI's */
hunt_page_fn pff_page; /* font_pff.c: GRUB's */

/* Calls fn for the pages of memory that are not all zero. */
void hunt_pages(struct hunt *h, void (*fn)(void *ctx, uint64_t physical, const uint8_t *page), void *ctx);

/* What follows a page in the memory of the programs that have it mapped: its pages' physical addresses, from this one on;
 * 0 for those that no program has touched. If no program has it mapped, they are taken to be contiguous. */
void hunt_mapped(struct hunt *h, uint64_t first, uint64_t *page, size_t n);

#endif
