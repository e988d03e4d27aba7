/* bytes.h - a growing row of bytes, for the notes and files that this folder writes. Private to it. */
#ifndef BOOTREEL_CORE_SYMBOLS_BYTES_H
#define BOOTREEL_CORE_SYMBOLS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

struct bytes {
    uint8_t *p; /* to be freed */
    size_t n, cap;
};

/* Adds n bytes. Returns the offset at which they begin. */
static inline size_t put(struct bytes *b, const void *data, size_t n)
{
    size_t at = b->n;
    b->p = mem_grow(b->p, &b->cap, at + n, 1);
    if (n)
        memcpy(b->p + at, data, n);
    b->n += n;
    return at;
}

static inline void put_byte(struct bytes *b, uint8_t v)
{
    put(b, &v, 1);
}

/* Seven bits a byte, lowest first (DWARF calls this unsigned LEB128). */
static inline void put_uleb(struct bytes *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, (uint8_t)v);
}

#endif
