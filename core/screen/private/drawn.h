/* drawn.h - text that is only known by its pixels: read with the fonts that the guest has in memory. */
#ifndef BOOTREEL_CORE_SCREEN_DRAWN_H
#define BOOTREEL_CORE_SCREEN_DRAWN_H

#include "core/engine/look.h"

struct drawn_text {
    unsigned columns, rows;
    unsigned x, y, width, height; /* of the first cell, and of each */
    const struct display_cell *cells;
    const char *font; /* in words */
};

struct drawn;
/* ram_end: where the guest's RAM ends. */
struct drawn *drawn_new(uint64_t ram_end);
void drawn_free(struct drawn *d); /* NULL is allowed */
/* What the display, in a graphics mode, has as text. NULL: none in a font that is in memory. Valid until the next call. Cost: up to some
 * tenths of a second; a hundredth if the display shows what it showed at the last call that found text. */
const struct drawn_text *drawn_read(struct drawn *d, struct look m);

#endif
