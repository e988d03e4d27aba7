/* hunt.c - see private/hunt.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/screen/private/hunt.h"

/* ---------------------------------------------------------------- all pages */

static void give_pages(const uint8_t *p, uint64_t at, uint64_t n,
                       void (*fn)(void *ctx, uint64_t physical, const uint8_t *page), void *ctx)
{
    for (uint64_t i = 0; i < n; i += HUNT_PAGE)
        if (!mem_is_zero(p + i, HUNT_PAGE))
            fn(ctx, at + i, p + i);
}

void hunt_pages(struct hunt *h, void (*fn)(void *ctx, uint64_t physical, const uint8_t *page), void *ctx)
{
    enum { PIECE = 2 << 20 };
    uint8_t own[HUNT_PAGE];
    for (uint64_t at = 0; at < h->end; at += PIECE) {
        const uint8_t *p = look_view_physical(h->m, at, PIECE);
        if (p)
            give_pages(p, at, PIECE, fn, ctx);
        for (uint64_t i = 0; !p && i < PIECE; i += HUNT_PAGE)
            if (look_peek_physical(h->m, at + i, own, HUNT_PAGE) == HUNT_PAGE)
                give_pages(own, at + i, HUNT_PAGE, fn, ctx);
    }
}

static void look_at_page(void *ctx, uint64_t physical, const uint8_t *page)
{
    static hunt_page_fn *const ways[] = {bgf_page, rom_page, hii_page, pff_page};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        ways[i](ctx, physical, page);
}

void hunt_fonts(struct look m, uint64_t end, struct fonts *fonts)
{
    struct hunt h = {m, end, fonts};
    hunt_pages(&h, look_at_page, &h);
}

/* ---------------------------------------------------------------- what programs have mapped */

/* Page tables of programs that have an entry for a page. Intel SDM volume 3, 4.3 to 4.5. */
struct users {
    uint64_t page;
    bool wide; /* entries of 8 bytes */
    struct {
        uint64_t table;
        unsigned entry;
    } found[32];
    size_t n;
};

enum { PRESENT = 1, USER = 4 };
static const uint64_t ADDRESS = 0x000ffffffffff000;

static uint64_t entry_at(const uint8_t *page, unsigned i, bool wide)
{
    uint64_t e = 0;
    memcpy(&e, page + i * (wide ? 8 : 4), wide ? 8 : 4);
    return e;
}

static bool leads_to(uint64_t entry, uint64_t page)
{
    return (entry & (PRESENT | USER)) == (PRESENT | USER) && (entry & ADDRESS) == page;
}

static void look_for_users(void *ctx, uint64_t physical, const uint8_t *page)
{
    struct users *u = ctx;
    for (unsigned i = 0; i < HUNT_PAGE / (u->wide ? 8 : 4); i++)
        if (leads_to(entry_at(page, i, u->wide), u->page) && u->n < sizeof u->found / sizeof u->found[0]) {
            u->found[u->n].table = physical;
            u->found[u->n++].entry = i;
        }
}

/* The table behind this one in a program's memory; 0: there is none. */
static uint64_t next_table(struct hunt *h, uint64_t table, bool wide)
{
    struct users up = {.page = table, .wide = wide};
    uint8_t page[HUNT_PAGE];
    hunt_pages(h, look_for_users, &up);
    for (size_t i = 0; i < up.n; i++)
        if (up.found[i].entry + 1 < HUNT_PAGE / (wide ? 8u : 4u) &&
            look_peek_physical(h->m, up.found[i].table, page, HUNT_PAGE) == HUNT_PAGE) {
            const uint64_t e = entry_at(page, up.found[i].entry + 1, wide);
            if ((e & (PRESENT | USER)) == (PRESENT | USER))
                return e & ADDRESS;
        }
    return 0;
}

/* Takes what a table has from an entry on; returns how many of the pages it is about. */
static size_t take_table(struct hunt *h, uint64_t table, unsigned entry, bool wide, uint64_t *page, size_t n)
{
    const size_t left = HUNT_PAGE / (wide ? 8 : 4) - entry;
    uint8_t own[HUNT_PAGE];
    if (look_peek_physical(h->m, table, own, HUNT_PAGE) != HUNT_PAGE)
        return n;
    for (size_t i = 0; i < n && i < left; i++) {
        const uint64_t e = entry_at(own, entry + (unsigned)i, wide);
        if (!page[i] && (e & (PRESENT | USER)) == (PRESENT | USER))
            page[i] = e & ADDRESS;
    }
    return left < n ? left : n;
}

void hunt_mapped(struct hunt *h, uint64_t first, uint64_t *page, size_t n)
{
    enum { PAE = 1 << 5, SEARCHES = 4 };
    struct users u = {.page = first, .wide = look_reg(h->m, 0, "cr4") & PAE};
    unsigned searches = 0;
    hunt_pages(h, look_for_users, &u);
    memset(page, 0, n * sizeof *page);
    for (size_t i = 0; i < u.n; i++) {
        uint64_t table = u.found[i].table;
        size_t done = take_table(h, table, u.found[i].entry, u.wide, page, n);
        while (done < n && !page[done] && searches++ < SEARCHES && (table = next_table(h, table, u.wide)))
            done += take_table(h, table, 0, u.wide, page + done, n - done);
    }
    for (size_t i = 0; !u.n && i < n; i++)
        page[i] = first + i * HUNT_PAGE;
}
