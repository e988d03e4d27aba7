/* font.h - bitmap fonts as they are found in a guest's memory: glyphs that are found by their pixels. */
#ifndef BOOTREEL_CORE_SCREEN_FONT_H
#define BOOTREEL_CORE_SCREEN_FONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_index.h"

/* A wide glyph has two cells, whose pixels fit into the 32 bits of a row. */
enum { FONT_WIDTH_MAX = 16, FONT_HEIGHT_MAX = 64, FONT_GLYPHS_MAX = 1 << 17, FONTS_MAX = 16 };

struct glyph {
    uint32_t character; /* Unicode */
    uint8_t cells;      /* that it is wide: 1 or 2 */
    uint8_t shape;      /* how many rows differ from the one above: letters have many, lines few */
};

struct font {
    char name[96];          /* in words: "bterm's font unifont" */
    unsigned width, height; /* of a cell, in pixels */
    struct glyph *glyph;
    uint32_t *row; /* `height` for each glyph; the leftmost pixel is bit 31 */
    size_t n, glyphs_cap, rows_cap;
    struct hash_index index;
};

/* NULL if cells of that size are out of range. */
struct font *font_new(unsigned width, unsigned height);
void font_free(struct font *f); /* NULL is allowed */
/* Adds a glyph of 1 or 2 cells by its `height` rows. Control characters, and empty glyphs, are left out: nobody sees them. Bits beyond
 * the cells are ignored. */
void font_add(struct font *f, uint32_t character, unsigned cells, const uint32_t *rows);

static inline const uint32_t *font_rows(const struct font *f, size_t glyph)
{
    return f->row + glyph * f->height;
}

uint64_t font_hash(const uint32_t *rows, size_t n);
/* The next glyph with these pixels; false if there is none. Begin with hash_search(&f->index, font_hash(…)). */
bool font_next(const struct font *f, struct hash_search *s, unsigned cells, const uint32_t *rows);

/* The fonts that were found, each once. */
struct fonts {
    struct font *font[FONTS_MAX];
    size_t n;
};

/* Takes the font; one without letters, or that is there already, is freed. */
void fonts_add(struct fonts *all, struct font *f);
void fonts_clear(struct fonts *all);

#endif
