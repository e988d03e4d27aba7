/* font_hii.c - the simple fonts of UEFI firmware, with which its consoles draw: packages of the Human Interface Infrastructure.
 *
 * A package has its length (24 bits), its type, the numbers of its narrow and wide glyphs, and these, unaligned.
 * Source: UEFI specification, 33.3.2 (EFI_HII_SIMPLE_FONT_PACKAGE_HDR). */
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/screen/private/hunt.h"

enum {
    WIDTH = 8,
    HEIGHT = 19,
    SIMPLE_FONTS = 7, /* the type of the package */
    HEADER = 8,
    NARROW = 22, /* bytes: character, attributes, rows */
    WIDE = 44,   /* character, attributes, the left half's rows, the right half's, 3 bytes of nothing */
    PIXELS = 3,
};

static void add_glyph(struct font *f, const uint8_t *p, unsigned cells)
{
    uint32_t rows[HEIGHT];
    for (unsigned y = 0; y < HEIGHT; y++)
        rows[y] = (uint32_t)p[PIXELS + y] << 24 | (cells > 1 ? (uint32_t)p[PIXELS + HEIGHT + y] << 16 : 0);
    font_add(f, le16(p), cells, rows);
}

static void take_package(struct hunt *h, const uint8_t *p, unsigned narrow, unsigned wide)
{
    struct font *f = font_new(WIDTH, HEIGHT);
    p += HEADER;
    for (unsigned i = 0; i < narrow; i++, p += NARROW)
        add_glyph(f, p, 1);
    for (unsigned i = 0; i < wide; i++, p += WIDE)
        add_glyph(f, p, 2);
    snprintf(f->name, sizeof f->name, "the UEFI firmware's font");
    fonts_add(h->fonts, f);
}

/* The header may be on the page before. */
static void look_at(struct hunt *h, uint64_t at)
{
    uint8_t head[HEADER];
    if (look_peek_physical(h->m, at, head, HEADER) != HEADER)
        return;
    const uint32_t length = le32(head) & 0xffffff, narrow = le16(head + 4), wide = le16(head + 6);
    if (head[3] != SIMPLE_FONTS || length != HEADER + NARROW * narrow + WIDE * wide)
        return;
    uint8_t *all = mem_alloc(length);
    if (look_peek_physical(h->m, at, all, length) == length)
        take_package(h, all, narrow, wide);
    free(all);
}

void hii_page(struct hunt *h, uint64_t physical, const uint8_t *page)
{
    enum {
        BEFORE = 'A' + 1,
        LAST = HUNT_PAGE - 2 * NARROW - 2
    }; /* so many glyphs may be before the first letter's */
    for (const uint8_t *p = page; (p = memchr(p, 'A', (size_t)(page + LAST - p))); p++)
        if (p[NARROW] == 'B' && p[2 * NARROW] == 'C' && !p[1] && !p[NARROW + 1] && !p[2 * NARROW + 1])
            for (unsigned k = 0; k < BEFORE; k++)
                look_at(h, physical + (uint64_t)(p - page) - k * NARROW - HEADER);
}
