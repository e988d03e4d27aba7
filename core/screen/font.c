/* font.c - see private/font.h. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/memory.h"
#include "core/screen/private/font.h"

struct font *font_new(unsigned width, unsigned height)
{
    if (width < 4 || width > FONT_WIDTH_MAX || height < 6 || height > FONT_HEIGHT_MAX)
        return NULL;
    struct font *f = mem_zero(1, sizeof *f);
    f->width = width;
    f->height = height;
    return f;
}

void font_free(struct font *f)
{
    if (!f)
        return;
    free(f->glyph);
    free(f->row);
    hash_index_clear(&f->index);
    free(f);
}

uint64_t font_hash(const uint32_t *rows, size_t n)
{
    return XXH3_64bits(rows, n * sizeof *rows);
}

void font_add(struct font *f, uint32_t character, unsigned cells, const uint32_t *rows)
{
    const uint32_t inside = ~0u << (32 - cells * f->width);
    uint32_t any = 0;
    unsigned shape = 0;
    if (character < 0x20 || (character >= 0x7f && character < 0xa0) || character > 0x10ffff || cells < 1 ||
        cells > 2 || f->n >= FONT_GLYPHS_MAX)
        return;
    f->row = mem_grow(f->row, &f->rows_cap, (f->n + 1) * f->height, sizeof *f->row);
    uint32_t *own = f->row + f->n * f->height;
    for (unsigned y = 0; y < f->height; y++) {
        own[y] = rows[y] & inside;
        any |= own[y];
        shape += y && own[y] != own[y - 1];
    }
    if (!any)
        return;
    f->glyph = mem_grow(f->glyph, &f->glyphs_cap, f->n + 1, sizeof *f->glyph);
    f->glyph[f->n] = (struct glyph){character, (uint8_t)cells, (uint8_t)shape};
    hash_index_add(&f->index, font_hash(own, f->height), f->n++);
}

bool font_next(const struct font *f, struct hash_search *s, unsigned cells, const uint32_t *rows)
{
    while (hash_found(&f->index, s))
        if (f->glyph[s->number].cells == cells &&
            !memcmp(font_rows(f, s->number), rows, f->height * sizeof *rows))
            return true;
    return false;
}

/* ---------------------------------------------------------------- those that were found */

static bool same(const struct font *a, const struct font *b)
{
    return a->width == b->width && a->height == b->height && a->n == b->n &&
           !memcmp(a->glyph, b->glyph, a->n * sizeof *a->glyph) &&
           !memcmp(a->row, b->row, a->n * a->height * sizeof *a->row);
}

static bool has_letters(const struct font *f)
{
    enum { LEAST = 40 };
    size_t letters = 0;
    for (size_t i = 0; i < f->n; i++)
        letters += (f->glyph[i].character | 0x20) - 'a' < 26u;
    return letters >= LEAST;
}

void fonts_add(struct fonts *all, struct font *f)
{
    bool wanted = f && all->n < FONTS_MAX && has_letters(f);
    for (size_t i = 0; wanted && i < all->n; i++)
        wanted = !same(all->font[i], f);
    if (wanted)
        all->font[all->n++] = f;
    else
        font_free(f);
}

void fonts_clear(struct fonts *all)
{
    while (all->n)
        font_free(all->font[--all->n]);
}
