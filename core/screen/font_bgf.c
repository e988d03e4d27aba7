/* font_bgf.c - the fonts of BOGL, which bterm draws with (the terminal of Debian's installer).
 *
 * A font file is mapped by its program: "BGF1", then a header as the program's processor lays it out, in which offsets
 * within the file stand for pointers: name, height (int), mask (int), buckets, index, pixels, default character (int). A character c is in
 * the list of bucket c & mask, whose number in the index the buckets have: pairs of (c without the mask's bits, plus the
 * width) and of where its rows of 32 pixels begin; a 0 ends the list. Source: bogl, bogl-bgf.c and bogl.c.
 *
 * Only what a program has touched can be read, and that is what it has drawn. */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/screen/private/hunt.h"

enum { PAGES = 4096, NAME = 40 }; /* up to 16 MB; they have some hundred KB */

struct file {
    struct hunt *h;
    uint64_t page[PAGES]; /* where they are; 0: not known */
    uint8_t held[HUNT_PAGE];
    uint64_t holds; /* the number of the page in `held`, + 1 */
};

struct header {
    uint64_t name, buckets, index, pixels;
    uint32_t height, mask;
};

/* A number of the file; false if it cannot be read. */
static bool number(struct file *f, uint64_t at, uint32_t *value)
{
    const uint64_t page = at / HUNT_PAGE;
    if (at % 4 || page >= PAGES || !f->page[page])
        return false;
    if (f->holds != page + 1) {
        f->holds = 0;
        if (look_peek_physical(f->h->m, f->page[page], f->held, HUNT_PAGE) != HUNT_PAGE)
            return false;
        f->holds = page + 1;
    }
    *value = le32(f->held + at % HUNT_PAGE);
    return true;
}

static bool good(const struct header *b, uint64_t size)
{
    const uint64_t most = (uint64_t)PAGES * HUNT_PAGE;
    return b->height >= 6 && b->height <= FONT_HEIGHT_MAX && b->mask >= 31 && b->mask < 0x10000 &&
           !(b->mask & (b->mask + 1)) && b->name == size && b->buckets > b->name && b->index > b->buckets &&
           b->index - b->buckets >= 4ull * (b->mask + 1) && b->pixels > b->index && b->pixels < most &&
           !((b->buckets | b->index | b->pixels) % 4);
}

/* Of a program of 64 or 32 bits. */
static bool read_header(const uint8_t *p, struct header *b)
{
    *b = (struct header){le64(p + 4), le64(p + 20), le64(p + 28), le64(p + 36), le32(p + 12), le32(p + 16)};
    if (good(b, 52))
        return true;
    *b = (struct header){le32(p + 4), le32(p + 16), le32(p + 20), le32(p + 24), le32(p + 8), le32(p + 12)};
    return good(b, 32);
}

static void add_glyph(struct file *f, const struct header *b, struct font *font, uint32_t character,
                      unsigned width, uint32_t pixels)
{
    uint32_t rows[FONT_HEIGHT_MAX];
    if (width % font->width || width / font->width > 2)
        return;
    for (unsigned y = 0; y < b->height; y++)
        if (!number(f, b->pixels + 4 * ((uint64_t)pixels + y), &rows[y]))
            return;
    font_add(font, character, width / font->width, rows);
}

/* Adds the list of a bucket; or, with `font` NULL, finds the width of a character. */
static unsigned read_list(struct file *f, const struct header *b, struct font *font, uint32_t bucket,
                          uint32_t wanted)
{
    enum { LONGEST = 1 << 13 };
    uint32_t at, entry, pixels;
    if (!number(f, b->buckets + 4ull * bucket, &at))
        return 0;
    for (unsigned i = 0; i < LONGEST; i++) {
        const uint64_t pair = b->index + 4 * ((uint64_t)at + 2 * i);
        if (pair >= b->pixels || !number(f, pair, &entry) || !entry || !number(f, pair + 4, &pixels))
            break;
        const uint32_t character = (entry & ~b->mask) | bucket;
        if (font)
            add_glyph(f, b, font, character, entry & b->mask, pixels);
        else if (character == wanted)
            return entry & b->mask;
    }
    return 0;
}

/* No glyph has more than a row of 32 pixels for each of its rows, and each has a pair in the index. */
static size_t pages_of(const struct header *b)
{
    const uint64_t most = b->pixels + (b->pixels - b->index) / 8 * b->height * 4;
    return most / HUNT_PAGE + 1 < PAGES ? (size_t)(most / HUNT_PAGE + 1) : PAGES;
}

static void name_font(struct font *font, const uint8_t *page, uint64_t at)
{
    char name[NAME] = "";
    for (unsigned i = 0; i + 1 < NAME && page[at + i] > ' ' && page[at + i] < 0x7f; i++)
        name[i] = (char)page[at + i];
    snprintf(font->name, sizeof font->name, "bterm's font%s%s", *name ? " " : "", name);
}

void bgf_page(struct hunt *h, uint64_t physical, const uint8_t *page)
{
    struct header b;
    if (memcmp(page, "BGF1", 4) || !read_header(page, &b))
        return;
    struct file *f = mem_zero(1, sizeof *f);
    f->h = h;
    hunt_mapped(h, physical, f->page, pages_of(&b));
    struct font *font = font_new(read_list(f, &b, NULL, ' ' & b.mask, ' '), b.height);
    for (uint32_t i = 0; font && i <= b.mask; i++)
        read_list(f, &b, font, i, 0);
    if (font)
        name_font(font, page, b.name);
    fonts_add(h->fonts, font);
    free(f);
}
