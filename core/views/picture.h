/* picture.h - pictures as PNG files, by libpng. */
#ifndef BOOTREEL_CORE_VIEWS_PICTURE_H
#define BOOTREEL_CORE_VIEWS_PICTURE_H

#include <stdint.h>
#include <stdio.h>

#include "traces/error.h"

/* Writes a picture of red, green and blue bytes, `stride` bytes from one row to the next. -1 with err, also if `out`
 * cannot be written. */
int picture_png(FILE *out, unsigned width, unsigned height, const uint8_t *rgb, size_t stride,
                struct error *err);

#endif
