/* lz4_legacy.h - packs as `lz4 -l` does, for tests. */
#ifndef BOOTREEL_TESTS_LZ4_LEGACY_H
#define BOOTREEL_TESTS_LZ4_LEGACY_H

#include <lz4.h>

#include "traces/bytes.h"

enum { LZ4_WORD = 4, LZ4_BLOCK = 8 << 20 };

/* A block behind its packed size. */
static inline void lz4_block(struct buf *b, const uint8_t *p, size_t n)
{
    const int room = LZ4_compressBound((int)n);
    uint8_t *size = buf_room(b, LZ4_WORD + (size_t)room);
    const int packed = LZ4_compress_default((const char *)p, (char *)size + LZ4_WORD, (int)n, room);
    put_u32(size, (uint32_t)packed);
    b->n += LZ4_WORD + (size_t)packed;
}

static inline struct buf pack_lz4(const uint8_t *p, size_t n)
{
    struct buf b = {0};
    put_u32(buf_room(&b, LZ4_WORD), 0x184c2102);
    b.n = LZ4_WORD;
    for (size_t at = 0; at < n; at += LZ4_BLOCK)
        lz4_block(&b, p + at, n - at < LZ4_BLOCK ? n - at : LZ4_BLOCK);
    return b;
}

#endif
