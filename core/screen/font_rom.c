/* font_rom.c - fonts with 256 characters of code page 437 and rows of 8 pixels, one character after the other: those of video BIOSes, which
 * boot loaders draw with (VESA menus), of kernels, and of programs that have one of their own.
 *
 * Nothing says where such a table is, but the characters for blocks and lines have the same shape in all of them.
 * Source: IBM VGA technical reference, the character tables. */
#include <string.h>

#include "core/ground/code_page.h"
#include "core/screen/private/hunt.h"

enum { CHARACTERS = 256, WIDTH = 8, HEIGHT_MAX = 16, FULL_BLOCK = 0xdb };

static bool all(const uint8_t *glyph, unsigned height, uint8_t byte)
{
    for (unsigned y = 0; y < height; y++)
        if (glyph[y] != byte)
            return false;
    return true;
}

static unsigned rows_with(const uint8_t *glyph, unsigned height, uint8_t byte)
{
    unsigned n = 0;
    for (unsigned y = 0; y < height; y++)
        n += glyph[y] == byte;
    return n;
}

static bool is_table(const uint8_t *t, unsigned h)
{
    const uint8_t *line = t + 0xc4 * h, *lower = t + 0xdc * h, *upper = t + 0xdf * h;
    const unsigned thick = rows_with(line, h, 0xff);
    return all(t, h, 0) && all(t + ' ' * h, h, 0) && all(t + FULL_BLOCK * h, h, 0xff) &&
           all(t + 0xdd * h, h, 0xf0) && all(t + 0xde * h, h, 0x0f) && !lower[0] && lower[h - 1] == 0xff &&
           upper[0] == 0xff && !upper[h - 1] && thick >= 1 && thick <= 2 &&
           rows_with(line, h, 0) + thick == h && !all(t + 'A' * h, h, 0);
}

static void take_table(struct hunt *h, uint64_t at, const uint8_t *t, unsigned height)
{
    struct font *f = font_new(WIDTH, height);
    uint32_t rows[HEIGHT_MAX];
    for (unsigned c = 0; c < CHARACTERS; c++) {
        for (unsigned y = 0; y < height; y++)
            rows[y] = (uint32_t)t[c * height + y] << 24;
        font_add(f, code_page[c], 1, rows);
    }
    snprintf(f->name, sizeof f->name, "the %ux%u font of %s", WIDTH, height,
             at >= 0xc0000 && at < 0xe0000    ? "the video BIOS"
             : at >= 0xe0000 && at < 0x100000 ? "the BIOS"
                                              : "code page 437 in memory");
    fonts_add(h->fonts, f);
}

/* A run of FFh, as long as a character is high, may be the full block. */
static void look_at_run(struct hunt *h, uint64_t at, unsigned height)
{
    uint8_t table[CHARACTERS * HEIGHT_MAX];
    const uint64_t size = CHARACTERS * height;
    if ((height != 8 && height != 14 && height != 16) || at < (uint64_t)FULL_BLOCK * height)
        return;
    at -= FULL_BLOCK * height;
    if (look_peek_physical(h->m, at, table, size) == size && is_table(table, height))
        take_table(h, at, table, height);
}

/* The length of the run of FFh at an offset of a page; one that reaches the page's end is followed into the next page. */
static unsigned run_at(struct hunt *h, uint64_t physical, const uint8_t *page, unsigned at)
{
    uint8_t more[HEIGHT_MAX];
    unsigned n = 0;
    while (at + n < HUNT_PAGE && page[at + n] == 0xff)
        n++;
    if (at + n < HUNT_PAGE || n > HEIGHT_MAX ||
        look_peek_physical(h->m, physical + HUNT_PAGE, more, sizeof more) != sizeof more)
        return n;
    for (unsigned i = 0; i < sizeof more && more[i] == 0xff; i++)
        n++;
    return n;
}

void rom_page(struct hunt *h, uint64_t physical, const uint8_t *page)
{
    for (unsigned at = 0; at < HUNT_PAGE;) {
        const uint8_t *found = memchr(page + at, 0xff, HUNT_PAGE - at);
        if (!found)
            return;
        at = (unsigned)(found - page);
        const unsigned n = run_at(h, physical, page, at);
        if (n >= 8)
            look_at_run(h, physical + at, n);
        at += n + 1;
    }
}
