/* packed.h - packs bytes in each format that a trace knows, for tests. What goes wrong ends the program, with cmocka and without. */
#ifndef BOOTREEL_TESTS_PACKED_H
#define BOOTREEL_TESTS_PACKED_H

#include <assert.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/byte_order.h"
#include "traces/bytes.h"
#include "traces/unpack.h"

enum { LZ4_WORD = 4, LZ4_BLOCK = 8 << 20 };

/* The member or frame takes at most `room` bytes at `to`. Returns how many. */
static inline size_t pack_gzip(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
    z_stream z = {.next_in = (Bytef *)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};
    const int begun = deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    assert(begun == Z_OK);
    const int done = deflate(&z, Z_FINISH);
    assert(done == Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static inline size_t pack_xz(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
    size_t used = 0;
    const lzma_ret done = lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, p, n, to, &used, room);
    assert(done == LZMA_OK);
    return used;
}

static inline size_t pack_zstd(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
    const size_t used = ZSTD_compress(to, room, p, n, 1);
    assert(!ZSTD_isError(used));
    return used;
}

/* As `lz4 -l` does: blocks, each behind its packed size. */
static inline size_t pack_lz4(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
    size_t used = LZ4_WORD;
    put_le32(to, 0x184c2102);
    for (size_t at = 0; at < n; at += LZ4_BLOCK) {
        const int part = (int)(n - at < LZ4_BLOCK ? n - at : LZ4_BLOCK);
        const int packed = LZ4_compress_default((const char *)p + at, (char *)to + used + LZ4_WORD, part,
                                                (int)(room - used - LZ4_WORD));
        assert(packed > 0);
        put_le32(to + used, (uint32_t)packed);
        used += LZ4_WORD + (size_t)packed;
    }
    return used;
}

static inline struct buf pack_as(unsigned format, const uint8_t *p, size_t n)
{
    static size_t (*const pack[UNPACK_FORMATS])(const uint8_t *, size_t, uint8_t *, size_t) = {
        [UNPACK_GZIP] = pack_gzip, [UNPACK_XZ] = pack_xz, [UNPACK_ZSTD] = pack_zstd, [UNPACK_LZ4] = pack_lz4};
    struct buf b = {0};
    const size_t room = n + n / 8 + 65536; /* more than any of them takes for what cannot be packed */
    b.n = pack[format](p, n, buf_room(&b, room), room);
    return b;
}

#endif
