/* match.h - reading characters from a picture: the pixels of each cell of a grid are compared with a font's glyphs, exactly. */
#ifndef BOOTREEL_CORE_SCREEN_MATCH_H
#define BOOTREEL_CORE_SCREEN_MATCH_H

#include "core/engine/engine.h"
#include "core/screen/private/font.h"

struct raster;
/* Takes red, green and blue bytes, row by row. Cost: some ns a pixel. */
struct raster *raster_of(const uint8_t *rgb, unsigned width, unsigned height);
void raster_free(struct raster *p);

struct grid {
    unsigned columns, rows, x, y; /* x, y: of the first cell's first pixel */
    struct display_cell *cells;   /* to be freed */
    unsigned letters;             /* how many cells have a glyph that is no mere line */
};

/* Reads the picture with the font. The grid begins at the picture's corner or, `anywhere`, at any pixel of its first cell. False if
 * what is there is not written in that font.
 * Cells of one colour are blanks, and so are those of a picture behind the text. What stands in the text and is no glyph is U+FFFD.
 * Cost: some ms for a million pixels; anywhere: up to 0.2 s. */
bool match_font(const struct raster *p, const struct font *f, bool anywhere, struct grid *g);

/* Some characters look the same ("A" in three scripts): chooses among the glyphs that were found, `first[i]` the first one of
 * each cell or SIZE_MAX, word by word. */
void choose_letters(const struct font *f, const size_t *first, struct grid *g);

#endif
