/* font_pff.c - the fonts that GRUB has loaded, with which its graphical terminal draws.
 *
 * GRUB reads a glyph from the font's file (PFF2) when it is first drawn, and keeps it. So what is found in memory is GRUB's own
 * list of a font's characters, each with a pointer to its glyph, which points to the font. There GRUB's addresses are physical ones.
 * Source: GRUB, grub-core/font/font.c and include/grub/font.h (2.00 to 2.12). */
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/screen/private/hunt.h"

/* How a processor's C lays it out. */
struct layout {
    unsigned word;        /* bytes of a pointer */
    unsigned entry, link; /* of the list: bytes of an entry, where its glyph's address is */
    unsigned font;        /* bytes of struct grub_font that are read */
    unsigned most_high, ascent, count, list;
};
static const struct layout layouts[] = {
    {.word = 4, .entry = 16, .link = 12, .font = 36, .most_high = 18, .ascent = 20, .count = 28, .list = 32},
    {.word = 8, .entry = 24, .link = 16, .font = 56, .most_high = 30, .ascent = 32, .count = 40, .list = 48},
};

enum {
    GLYPH_HEAD =
        10, /* after the font's address: width, height, two offsets, the step to the next character */
    BITMAP_MAX = 512,
};

struct seen {
    uint64_t font;
    int width, height, left, bottom, step; /* in pixels; bottom: above the baseline */
    uint8_t bits[BITMAP_MAX];              /* row after row, without gaps */
};

static uint64_t pointer(const struct layout *l, const uint8_t *p)
{
    return l->word == 8 ? le64(p) : le32(p);
}

static bool read_glyph(struct hunt *h, const struct layout *l, uint64_t at, struct seen *g)
{
    uint8_t head[8 + GLYPH_HEAD];
    const size_t n = l->word + GLYPH_HEAD;
    if (!at || look_peek_physical(h->m, at, head, n) != n)
        return false;
    const uint8_t *p = head + l->word;
    g->font = pointer(l, head);
    g->width = (int)le16(p);
    g->height = (int)le16(p + 2);
    g->left = (int16_t)le16(p + 4);
    g->bottom = (int16_t)le16(p + 6);
    g->step = (int)le16(p + 8);
    if (g->width > 64 || g->height > 64 || g->step > 64)
        return false;
    const size_t bytes = ((size_t)g->width * (size_t)g->height + 7) / 8;
    return look_peek_physical(h->m, at + n, g->bits, bytes) == bytes;
}

struct list {
    const struct layout *l;
    uint64_t font, at;
    uint32_t count;
    unsigned height, ascent;
};

/* The font of a glyph, if it is one: its list is where the glyph was found. */
static bool read_font(struct hunt *h, const struct layout *l, uint64_t font, uint64_t entry, struct list *out)
{
    uint8_t own[64];
    if (look_peek_physical(h->m, font, own, l->font) != l->font)
        return false;
    *out = (struct list){.l = l,
                         .font = font,
                         .at = pointer(l, own + l->list),
                         .count = le32(own + l->count),
                         .height = le16(own + l->most_high),
                         .ascent = le16(own + l->ascent)};
    return out->at <= entry && !((entry - out->at) % l->entry) && out->count < FONT_GLYPHS_MAX &&
           (entry - out->at) / l->entry < out->count && out->height <= FONT_HEIGHT_MAX &&
           out->ascent <= out->height;
}

static bool bit(const struct seen *g, int x, int y)
{
    const int i = y * g->width + x;
    return g->bits[i / 8] >> (7 - i % 8) & 1;
}

static void add_glyph(struct font *f, const struct list *all, uint32_t character, const struct seen *g)
{
    uint32_t rows[FONT_HEIGHT_MAX] = {0};
    const int top = (int)all->ascent - g->bottom - g->height;
    for (int y = 0; y < g->height; y++)
        for (int x = 0; x < g->width; x++) {
            const int at = g->left + x, row = top + y;
            if (bit(g, x, y) && at >= 0 && at < 32 && row >= 0 && row < (int)all->height)
                rows[row] |= 0x80000000u >> at;
        }
    font_add(f, character, g->step > (int)f->width ? 2 : 1, rows);
}

/* Calls for each glyph that GRUB has read. */
static void each_glyph(struct hunt *h, const struct list *all, const uint8_t *entries, struct font *f,
                       unsigned *widest)
{
    struct seen g;
    for (uint32_t i = 0; i < all->count; i++) {
        const uint8_t *e = entries + (size_t)i * all->l->entry;
        const uint32_t c = le32(e);
        if (!read_glyph(h, all->l, pointer(all->l, e + all->l->link), &g) || g.font != all->font)
            continue;
        if (f)
            add_glyph(f, all, c, &g);
        else if (c >= 0x20 && c < 0x7f && (unsigned)g.step > *widest)
            *widest = (unsigned)g.step;
    }
}

static void take_list(struct hunt *h, const struct list *all)
{
    const size_t n = (size_t)all->count * all->l->entry;
    uint8_t *entries = mem_alloc(n);
    unsigned widest = 0; /* of ASCII's characters: gfxterm's cell */
    if (look_peek_physical(h->m, all->at, entries, n) == n)
        each_glyph(h, all, entries, NULL, &widest);
    struct font *f = font_new(widest, all->height);
    if (f) {
        each_glyph(h, all, entries, f, &widest);
        snprintf(f->name, sizeof f->name, "GRUB's font");
        fonts_add(h->fonts, f);
    }
    free(entries);
}

static void look_at(struct hunt *h, const struct layout *l, uint64_t entry, uint64_t glyph)
{
    struct seen g;
    struct list all;
    if (read_glyph(h, l, glyph, &g) && read_font(h, l, g.font, entry, &all))
        take_list(h, &all);
}

void pff_page(struct hunt *h, uint64_t physical, const uint8_t *page)
{
    for (const uint8_t *p = page; (p = memchr(p, 'A', (size_t)(page + HUNT_PAGE - p))); p++)
        for (size_t k = 0; !((p - page) % 4) && k < sizeof layouts / sizeof layouts[0]; k++) {
            const struct layout *l = &layouts[k];
            if (p + 3 * l->entry <= page + HUNT_PAGE && le32(p) == 'A' && le32(p + l->entry) == 'B' &&
                le32(p + 2 * l->entry) == 'C')
                look_at(h, l, physical + (uint64_t)(p - page), pointer(l, p + l->link));
        }
}
