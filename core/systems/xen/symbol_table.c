/* symbol_table.c - see symbol_table.h. */
#include <string.h>

#include "core/systems/xen/private/symbol_table.h"

enum { NAMES_MAX = 8 << 20, SYMBOLS_MIN = 256, SYMBOLS_MAX = 1 << 20, MARKED = 256, GIGABYTE = 1 << 30 };

static uint64_t get(const struct xen_symbols *s, size_t at, unsigned width)
{
    uint64_t v = 0;
    memcpy(&v, s->packed.image + at, width);
    return v;
}

static size_t align(size_t n, unsigned width)
{
    return (n + width - 1) & ~(size_t)(width - 1);
}

/* The length of the name at *p, which is moved to its first token; an end of a symbol has none. False if it is not before
 * `end`. */
static bool name_length(const struct xen_symbols *s, size_t *p, size_t end, unsigned *n)
{
    if (*p >= end)
        return false;
    *n = s->packed.image[(*p)++];
    return *p + *n <= end;
}

/* Whether there are `count` names at `names`, and then the places of every 256th of them, from which *end is
 * reached. Takes two passes, since the markers' place is known only after the first. */
static bool names_at(const struct xen_symbols *s, size_t names, uint32_t count)
{
    const size_t end = s->packed.tokens;
    size_t p = names;
    unsigned n;
    for (uint32_t i = 0; i < count; i++, p += n)
        if (!name_length(s, &p, end, &n))
            return false;
    size_t marker = align(p, s->width);
    if (marker + (count + MARKED - 1) / MARKED * (size_t)s->width > end)
        return false;
    p = names;
    for (uint32_t i = 0; i < count; i++) {
        if (i % MARKED == 0 && get(s, marker + i / MARKED * (size_t)s->width, s->width) != p - names)
            return false;
        name_length(s, &p, end, &n);
        p += n;
    }
    return true;
}

static uint64_t address_of(const struct xen_symbols *s, uint32_t i)
{
    uint64_t v = get(s, s->addresses + (size_t)i * s->width, s->width);
    return s->width == 4 ? s->origin + v : v;
}

/* Whether all addresses are in Xen's gigabyte, and in order. */
static bool addresses_good(const struct xen_symbols *s)
{
    uint64_t last = s->origin;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t a = address_of(s, i);
        if (a < last || a - s->origin >= GIGABYTE)
            return false;
        last = a;
    }
    return true;
}

/* The number of addresses is a word at `at`, with the addresses before it and the names after it. */
static bool table_at(struct xen_symbols *s, size_t at)
{
    uint64_t count = get(s, at, s->width);
    if (count < SYMBOLS_MIN || count > SYMBOLS_MAX || (s->packed.tokens - at) / 2 < count ||
        count * s->width > at || !names_at(s, at + s->width, (uint32_t)count))
        return false;
    s->names = at + s->width;
    s->count = (uint32_t)count;
    s->addresses = at - (size_t)count * s->width;
    return addresses_good(s);
}

static bool find_names(struct xen_symbols *s)
{
    size_t lowest = s->packed.tokens > NAMES_MAX ? s->packed.tokens - NAMES_MAX : 0;
    for (s->width = 4; s->width <= 8; s->width += 4)
        for (size_t p = s->packed.tokens & ~(size_t)(s->width - 1); p >= lowest + s->width;) {
            p -= s->width;
            if (table_at(s, p))
                return true;
        }
    return false;
}

int xen_symbols_find(const void *image, size_t size, uint64_t ip, struct xen_symbols *s, struct error *err)
{
    *s = (struct xen_symbols){.packed = {.image = image, .size = size, .align = 1},
                              .origin = ip & ~(uint64_t)(GIGABYTE - 1)};
    if (!packed_names_find(&s->packed, 0))
        return error_set(err, "no table of tokens in the hypervisor's image");
    return find_names(s) ? 0 : error_set(err, "no names and addresses before the table of tokens");
}

void xen_symbols_each(const struct xen_symbols *s,
                      void (*fn)(void *ctx, const char *name, char type, uint64_t address), void *ctx)
{
    char name[PACKED_NAME_ROOM];
    size_t p = s->names;
    for (uint32_t i = 0; i < s->count; i++) {
        unsigned n = 0;
        name_length(s, &p, s->packed.tokens, &n);
        packed_name_unpack(&s->packed, p, n, name);
        p += n;
        if (name[0])
            fn(ctx, name + 1, name[0], address_of(s, i));
    }
}
