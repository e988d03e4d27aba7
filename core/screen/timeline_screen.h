/* timeline_screen.h - the text on the screen at a timeline's position. */
#ifndef BOOTREEL_CORE_SCREEN_TIMELINE_SCREEN_H
#define BOOTREEL_CORE_SCREEN_TIMELINE_SCREEN_H

#include "core/timeline/timeline.h"

/* The screen as text; see engine_ops.screen. In a graphics mode, what screen.h has: the text that the guest
 * kernel's own console shows there, or that can be read in the pixels. */
size_t timeline_screen(struct timeline *tl, char *buf, size_t size);
/* In a graphics mode: the cells of that text, to be freed, as screen_cells(). NULL if there is none. */
struct display_cell *timeline_console(struct timeline *tl, struct display *d);
/* Where a character of it is drawn: see screen_pixel(). */
int timeline_pixel(struct timeline *tl, unsigned row, unsigned column, uint64_t *physical, unsigned *bytes,
                   struct error *err);

#endif
