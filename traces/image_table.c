/* image_table.c - see image_table.h. */
#include <xxhash.h>

#include "base/byte_order.h"
#include "traces/anchor.h"
#include "traces/image_table.h"

enum {
    SECTOR = 512,
    PAGE_SECTORS = TRACE_PAGE / SECTOR,
    CHUNK_SECTORS = TRACE_CHUNK / SECTOR,
    SECTORS = 1 << 19,
    SLOTS = 1 << 20,
    SIGNS = 1 << 20,
    ANCHORS_TRIED = 16, /* in a page */
};

#define NO_SECTOR UINT64_MAX

struct image_table {
    uint64_t n;            /* sectors so far: CHUNK_SECTORS per content, used or not */
    XXH128_hash_t *digest; /* of sector s at s % SECTORS; 0: there is none */
    uint32_t *slot;        /* by digest: s % SECTORS + 1; the last one stays */
    uint32_t *anchor;      /* by the bytes there: place % (SECTORS * SECTOR) + 1 */
    uint64_t
        *signs; /* a bit for each sign_of() of a sector that is not zeros: few others have one of these */
    XXH128_hash_t zero; /* the digest of a sector of zeros */
    uint64_t next;      /* the sector after the one that was matched last */
};

static const uint8_t zeros[SECTOR];

struct image_table *image_table_new(void)
{
    struct image_table *t = mem_zero(1, sizeof *t);
    t->digest = mem_zero(SECTORS, sizeof t->digest[0]);
    t->slot = mem_huge(SLOTS * sizeof t->slot[0]);
    t->anchor = mem_huge(SLOTS * sizeof t->anchor[0]);
    t->signs = mem_zero(SIGNS / 64, sizeof t->signs[0]);
    t->zero = XXH3_128bits(zeros, SECTOR);
    t->next = NO_SECTOR;
    return t;
}

void image_table_free(struct image_table *t)
{
    if (!t)
        return;
    free(t->digest);
    mem_huge_free(t->slot, SLOTS * sizeof t->slot[0]);
    mem_huge_free(t->anchor, SLOTS * sizeof t->anchor[0]);
    free(t->signs);
    free(t);
}

/* ---------------------------------------------------------------- content */

static void add_anchors(struct image_table *t, const uint8_t *data, size_t n)
{
    uint64_t place = t->n % SECTORS * SECTOR;
    uint32_t slot;
    for (size_t at = 0; (at = anchor_next(data, n, at, &slot)) < n; at++)
        t->anchor[slot] = (uint32_t)(place + at) + 1;
}

/* Of some of a sector's bytes: a number below SIGNS. */
static uint32_t sign_of(const uint8_t *sector)
{
    uint64_t h = le64(sector) ^ le64(sector + SECTOR - 8);
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u + le64(sector + 104);
    return (h ^ h >> 32) * 0x9e3779b97f4a7c15u >> 44;
}

static bool has_sign(const struct image_table *t, const uint8_t *sector)
{
    uint32_t sign = sign_of(sector);
    return t->signs[sign / 64] >> sign % 64 & 1;
}

/* Sectors of zeros only take up a place in the table. */
void image_table_add(struct image_table *t, const uint8_t *data, size_t n)
{
    add_anchors(t, data, n);
    for (size_t i = 0; i < CHUNK_SECTORS; i++, t->n++) {
        XXH128_hash_t *d = &t->digest[t->n % SECTORS];
        *d = (XXH128_hash_t){0, 0};
        if ((i + 1) * SECTOR > n)
            continue;
        const uint8_t *sector = data + i * SECTOR;
        if (mem_is_zero(sector, SECTOR)) {
            *d = t->zero;
            continue;
        }
        *d = XXH3_128bits(sector, SECTOR);
        t->slot[d->low64 % SLOTS] = (uint32_t)(t->n % SECTORS) + 1;
        uint32_t sign = sign_of(sector);
        t->signs[sign / 64] |= 1ull << sign % 64;
    }
}

/* ---------------------------------------------------------------- pages */

static bool is_sector(const struct image_table *t, uint64_t sector, XXH128_hash_t d)
{
    if (sector >= t->n || t->n - sector > SECTORS)
        return false;
    const XXH128_hash_t *known = &t->digest[sector % SECTORS];
    return known->low64 == d.low64 && known->high64 == d.high64;
}

/* The last sector with this number modulo SECTORS. */
static uint64_t last_sector(const struct image_table *t, uint64_t place)
{
    return t->n - 1 - (t->n - 1 - place) % SECTORS;
}

/* A sector with these bytes; `next` if that one has them; NO_SECTOR if there is none, or if they are zeros, which take no
 * room elsewhere either. */
static uint64_t sector_find(const struct image_table *t, const uint8_t *bytes, bool zero, uint64_t next)
{
    if (zero)
        return is_sector(t, next, t->zero) ? next : NO_SECTOR;
    if (!has_sign(t, bytes))
        return NO_SECTOR;
    const XXH128_hash_t d = XXH3_128bits(bytes, SECTOR);
    if (is_sector(t, next, d))
        return next;
    uint32_t place = t->slot[d.low64 % SLOTS];
    uint64_t sector = place ? last_sector(t, place - 1) : NO_SECTOR;
    return is_sector(t, sector, d) ? sector : NO_SECTOR;
}

/* Assumes that the page consists of `align` bytes, then whole sectors, then the rest. Returns how many
 * sectors are known. */
static unsigned compose(struct image_table *t, const uint8_t *page, unsigned align, uint64_t next,
                        struct page_parts *parts)
{
    unsigned known = 0, at = align;
    parts->n = parts->literal = 0;
    page_parts_add(parts, PART_LITERAL, align, 0);
    for (; at + SECTOR <= TRACE_PAGE; at += SECTOR) {
        bool zero = mem_is_zero(page + at, SECTOR);
        uint64_t sector = sector_find(t, page + at, zero, next);
        if (sector != NO_SECTOR) {
            page_parts_add(parts, PART_IMAGE, SECTOR, sector * SECTOR);
            next = sector + 1;
            known++;
        } else {
            page_parts_add(parts, zero ? PART_ZERO : PART_LITERAL, SECTOR, 0);
        }
    }
    page_parts_add(parts, PART_LITERAL, TRACE_PAGE - at, 0);
    if (known)
        t->next = next;
    return known;
}

bool image_table_match(struct image_table *t, const uint8_t *page, struct page_parts *parts)
{
    return t->n && compose(t, page, 0, t->next, parts);
}

/* Whether the page has at `at` what the image has at the anchor. If so, *align and *next are
 * set for compose. */
static bool anchor_fits(const struct image_table *t, const uint8_t *page, size_t at, uint32_t anchor,
                        unsigned *align, uint64_t *next)
{
    uint64_t sector = last_sector(t, (anchor - 1) / SECTOR);
    size_t within = (anchor - 1) % SECTOR;
    if (at < within || at - within + SECTOR > TRACE_PAGE) /* that sector is not whole in the page */
        return false;
    at -= within;
    *align = at % SECTOR;
    *next = sector - at / SECTOR;
    return is_sector(t, sector, XXH3_128bits(page + at, SECTOR));
}

bool image_table_search(struct image_table *t, const uint8_t *page, struct page_parts *parts)
{
    unsigned align, tried = 0;
    uint64_t next;
    uint32_t slot;
    if (!t->n)
        return false;
    for (size_t at = 0; tried < ANCHORS_TRIED && (at = anchor_next(page, TRACE_PAGE, at, &slot)) < TRACE_PAGE;
         at++, tried++)
        if (t->anchor[slot] && anchor_fits(t, page, at, t->anchor[slot], &align, &next))
            return compose(t, page, align, next, parts);
    return false;
}

bool image_table_has(const struct image_table *t, uint64_t place, const uint8_t *data, size_t n)
{
    bool same = place % SECTOR == 0 && n % SECTOR == 0;
    for (size_t at = 0; at < n && same; at += SECTOR)
        same = is_sector(t, (place + at) / SECTOR, XXH3_128bits(data + at, SECTOR));
    return same;
}
