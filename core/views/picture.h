/* picture.h - pictures of screens, also as PNG files, by libpng. */
#ifndef BOOTREEL_CORE_VIEWS_PICTURE_H
#define BOOTREEL_CORE_VIEWS_PICTURE_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "core/engine/engine.h"

/* The size of a display's picture. A VGA's modes of up to 400 lines fill a screen of 4:3, whatever their pixels: 40 columns of text and
 * 320 pixels are drawn twice as wide, and the height follows. Text of 80 columns (720 x 400) and larger modes stay as they are. */
void picture_size(const struct display *d, unsigned *width, unsigned *height);
/* Stretches a display's red, green and blue bytes to that size, by repeating pixels. The result is the caller's to free. */
uint8_t *picture_stretch(const struct display *d, const uint8_t *rgb, unsigned width, unsigned height);

/* Writes a picture of red, green and blue bytes, `stride` bytes from one row to the next. -1 with err, also if `out`
 * cannot be written. */
int picture_png(FILE *out, unsigned width, unsigned height, const uint8_t *rgb, size_t stride,
                struct error *err);

#endif
