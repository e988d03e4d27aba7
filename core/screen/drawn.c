/* drawn.c - see private/drawn.h. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/memory.h"
#include "core/screen/private/drawn.h"
#include "core/screen/private/hunt.h"
#include "core/screen/private/match.h"

enum { KEPT = 8 }; /* pictures: a search compares the same ones again and again */

/* A picture that was read: where nothing was found, only at its position, since fonts come and go. */
struct kept {
    uint64_t hash, icount; /* of the picture; where it was looked at */
    bool used, diverted;
    struct grid grid; /* no cells: nothing was found */
    unsigned width, height;
    char font[96];
};

struct drawn {
    uint64_t ram_end;
    struct kept kept[KEPT];
    unsigned next; /* is replaced */
    struct drawn_text text;
};

struct drawn *drawn_new(uint64_t ram_end)
{
    struct drawn *d = mem_zero(1, sizeof *d);
    d->ram_end = ram_end;
    return d;
}

void drawn_free(struct drawn *d)
{
    for (unsigned i = 0; d && i < KEPT; i++)
        free(d->kept[i].grid.cells);
    free(d);
}

static struct kept *find_kept(struct drawn *d, const struct kept *same)
{
    for (unsigned i = 0; i < KEPT; i++) {
        struct kept *k = &d->kept[i];
        if (k->used && k->hash == same->hash &&
            (k->grid.cells || (k->icount == same->icount && k->diverted == same->diverted)))
            return k;
    }
    return NULL;
}

/* Takes the font with which most can be read. */
static void try_fonts(const struct raster *p, const struct fonts *all, bool anywhere, struct kept *out)
{
    for (size_t i = 0; i < all->n; i++) {
        struct grid g;
        if (!match_font(p, all->font[i], anywhere, &g))
            continue;
        const bool better = g.letters > out->grid.letters;
        free(better ? out->grid.cells : g.cells);
        if (!better)
            continue;
        out->grid = g;
        out->width = all->font[i]->width;
        out->height = all->font[i]->height;
        memcpy(out->font, all->font[i]->name, sizeof out->font);
    }
}

static void read_picture(const struct drawn *d, struct look m, const uint8_t *rgb,
                         const struct display *shown, struct kept *out)
{
    enum { CERTAIN = 64 };
    struct fonts all = {0};
    struct raster *p = raster_of(rgb, shown->width, shown->height);
    hunt_fonts(m, d->ram_end, &all);
    try_fonts(p, &all, false, out);
    if (out->grid.letters < CERTAIN)
        try_fonts(p, &all, true, out);
    raster_free(p);
    fonts_clear(&all);
}

static struct kept *read_display(struct drawn *d, struct look m, const struct display *shown)
{
    const size_t n = (size_t)shown->width * shown->height * 3;
    uint8_t *rgb = mem_alloc(n);
    struct display same;
    look_display(m, &same, NULL, 0, rgb, n);
    struct kept now = {XXH3_64bits_withSeed(rgb, n, shown->width), look_icount(m), .used = true,
                       .diverted = m.diverted};
    struct kept *k = find_kept(d, &now);
    if (!k) {
        read_picture(d, m, rgb, shown, &now);
        k = &d->kept[d->next++ % KEPT];
        free(k->grid.cells);
        *k = now;
    }
    free(rgb);
    return k;
}

const struct drawn_text *drawn_read(struct drawn *d, struct look m)
{
    struct display shown;
    if (!look_display(m, &shown, NULL, 0, NULL, 0) || shown.columns || !shown.width || !shown.height)
        return NULL;
    const struct kept *k = read_display(d, m, &shown);
    if (!k->grid.cells)
        return NULL;
    d->text = (struct drawn_text){k->grid.columns, k->grid.rows, k->grid.x,     k->grid.y,
                                  k->width,        k->height,    k->grid.cells, k->font};
    return &d->text;
}
