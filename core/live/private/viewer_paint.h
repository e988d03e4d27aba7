/* viewer_paint.h - the guest's screen in the memory that the viewers' server reads (viewer_link.h). Private to core/live. */
#ifndef BOOTREEL_CORE_LIVE_VIEWER_PAINT_H
#define BOOTREEL_CORE_LIVE_VIEWER_PAINT_H

#include "core/engine/engine.h"

struct viewer_paint;

/* NULL with err. *fd is the memory's descriptor, which can only be read; it is the caller's to close. */
struct viewer_paint *viewer_paint_new(int *fd, struct error *err);
void viewer_paint_free(struct viewer_paint *p); /* NULL is allowed */
/* Writes what has changed. A screen that shows nothing, or is larger than VIEWER_PIXELS, stays as it was. Cost: a picture of the screen, and a
 * comparison with the one before. */
void viewer_paint(struct viewer_paint *p, const struct engine *e);
/* The screen's size in pixels, at least 1. */
void viewer_paint_size(const struct viewer_paint *p, unsigned *width, unsigned *height);

#endif
