/* picture.c - see picture.h. */
#include <png.h>
#include <stdlib.h>

#include "core/views/picture.h"

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
