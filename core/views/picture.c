/* picture.c - see picture.h. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "core/views/picture.h"
#include "base/memory.h"

void picture_size(const struct display *d, unsigned *width, unsigned *height)
{
    enum { VGA_LINES = 400, FULL_WIDTH = 640, FULL_COLUMNS = 80 };
    *width = d->width;
    *height = d->height;
    if (d->columns >= FULL_COLUMNS || d->height > VGA_LINES || d->width * 3 == d->height * 4)
        return;
    *width = d->width < FULL_WIDTH ? d->width * 2 : d->width;
    *height = *width * 3 / 4;
}

uint8_t *picture_stretch(const struct display *d, const uint8_t *rgb, unsigned width, unsigned height)
{
    uint8_t *out = mem_zero((size_t)width * height, 3), *to = out;
    for (unsigned y = 0; y < height; y++) {
        const uint8_t *row = rgb + (size_t)((uint64_t)y * d->height / height) * d->width * 3;
        for (unsigned x = 0; x < width; x++, to += 3)
            memcpy(to, row + (size_t)((uint64_t)x * d->width / width) * 3, 3);
    }
    return out;
}

static void failed(png_structp png, png_const_charp text)
{
    error_set(png_get_error_ptr(png), "%s", text);
    png_longjmp(png, 1);
}

static void write_rows(png_structp png, png_infop info, FILE *out, unsigned width, unsigned height,
                       const uint8_t *rgb, size_t stride)
{
    png_init_io(png, out);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < height; y++)
        png_write_row(png, rgb + y * stride);
    png_write_end(png, NULL);
}

int picture_png(FILE *out, unsigned width, unsigned height, const uint8_t *rgb, size_t stride,
                struct error *err)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, err, failed, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = 0;
    if (!info)
        rc = error_set(err, "no memory for the picture");
    else if (setjmp(png_jmpbuf(png)))
        rc = -1;
    else
        write_rows(png, info, out, width, height, rgb, stride);
    png_destroy_write_struct(&png, &info);
    return rc;
}
