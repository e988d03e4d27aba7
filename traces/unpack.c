/* unpack.c - see unpack.h. A row for each format. */
#include <assert.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "traces/unpack.h"
#include "traces/unpack_lz4.h"

enum { MEMORY_LOG = 27, MEMORY = 1 << MEMORY_LOG };

struct unpacker {
    const struct format *format;
    union {
        z_stream gzip;
        lzma_stream xz;
        ZSTD_DCtx *zstd;
        struct lz4_frame *lz4;
    };
};

struct format {
    const char *name;
    uint8_t magic[6];
    unsigned length; /* of the magic */
    void (*begin)(struct unpacker *u);
    enum unpack_result (*run)(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                              size_t *nout);
    void (*end)(struct unpacker *u);
};

/* ---------------------------------------------------------------- gzip */

static void gzip_begin(struct unpacker *u)
{
    mem_check(inflateInit2(&u->gzip, 15 + 16) == Z_OK ? u : NULL);
}

static enum unpack_result gzip_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                   size_t *nout)
{
    z_stream *z = &u->gzip;
    z->next_in = (Bytef *)*in;
    z->avail_in = (uInt)*nin;
    z->next_out = *out;
    z->avail_out = (uInt)*nout;
    int rc = inflate(z, Z_NO_FLUSH);
    *in = z->next_in;
    *nin = z->avail_in;
    *out = z->next_out;
    *nout = z->avail_out;
    if (rc == Z_MEM_ERROR)
        mem_none(0);
    return rc == Z_STREAM_END ? UNPACK_END : rc == Z_OK || rc == Z_BUF_ERROR ? UNPACK_MORE : UNPACK_BAD;
}

static void gzip_end(struct unpacker *u)
{
    inflateEnd(&u->gzip);
}

/* ---------------------------------------------------------------- xz */

static void xz_begin(struct unpacker *u)
{
    u->xz = (lzma_stream)LZMA_STREAM_INIT;
    /* Its checksum is left out: the content has one in the trace. */
    mem_check(lzma_stream_decoder(&u->xz, MEMORY, LZMA_IGNORE_CHECK) == LZMA_OK ? u : NULL);
}

static enum unpack_result xz_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                 size_t *nout)
{
    lzma_stream *x = &u->xz;
    x->next_in = *in;
    x->avail_in = *nin;
    x->next_out = *out;
    x->avail_out = *nout;
    lzma_ret rc = lzma_code(x, LZMA_RUN);
    *in = x->next_in;
    *nin = x->avail_in;
    *out = x->next_out;
    *nout = x->avail_out;
    if (rc == LZMA_MEM_ERROR)
        mem_none(0);
    return rc == LZMA_STREAM_END                   ? UNPACK_END
           : rc == LZMA_OK || rc == LZMA_BUF_ERROR ? UNPACK_MORE
                                                   : UNPACK_BAD;
}

static void xz_end(struct unpacker *u)
{
    lzma_end(&u->xz);
}

/* ---------------------------------------------------------------- zstd */

static void zstd_begin(struct unpacker *u)
{
    u->zstd = mem_check(ZSTD_createDCtx());
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, MEMORY_LOG);
}

static enum unpack_result zstd_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                   size_t *nout)
{
    ZSTD_inBuffer from = {*in, *nin, 0};
    ZSTD_outBuffer to = {*out, *nout, 0};
    size_t rc = ZSTD_decompressStream(u->zstd, &to, &from);
    *in += from.pos;
    *nin -= from.pos;
    *out += to.pos;
    *nout -= to.pos;
    if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
        mem_none(0);
    return ZSTD_isError(rc) ? UNPACK_BAD : rc ? UNPACK_MORE : UNPACK_END;
}

static void zstd_end(struct unpacker *u)
{
    ZSTD_freeDCtx(u->zstd);
}

/* ---------------------------------------------------------------- lz4 */

static void lz4_begin(struct unpacker *u)
{
    u->lz4 = lz4_frame_new();
}

static enum unpack_result lz4_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                  size_t *nout)
{
    return lz4_frame_run(u->lz4, in, nin, out, nout);
}

static void lz4_end(struct unpacker *u)
{
    lz4_frame_free(u->lz4);
}

/* ---------------------------------------------------------------- all */

static const struct format formats[UNPACK_FORMATS] = {
    [UNPACK_GZIP] = {"gzip", {0x1f, 0x8b, 8}, 3, gzip_begin, gzip_run, gzip_end},
    [UNPACK_XZ] = {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, xz_begin, xz_run, xz_end},
    [UNPACK_ZSTD] = {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_begin, zstd_run, zstd_end},
    [UNPACK_LZ4] = {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, lz4_begin, lz4_run, lz4_end},
};

/* The first place of the format's magic; n: none. */
static size_t find_magic(const struct format *f, const uint8_t *p, size_t n, size_t at)
{
    const size_t end = n < f->length ? 0 : n - f->length + 1;
    for (const uint8_t *q; at < end && (q = memchr(p + at, f->magic[0], end - at)); at++) {
        at = (size_t)(q - p);
        if (!memcmp(q, f->magic, f->length))
            return at;
    }
    return n;
}

size_t unpack_find(struct unpack_search *s, const uint8_t *p, size_t n, size_t at, unsigned *format)
{
    size_t first = n;
    *format = 0;
    for (unsigned i = 1; i < UNPACK_FORMATS; i++) {
        if (!s->searched[i] || s->place[i] < at)
            s->place[i] = find_magic(&formats[i], p, n, at);
        s->searched[i] = true;
        if (s->place[i] < first) {
            first = s->place[i];
            *format = i;
        }
    }
    return first;
}

const char *unpack_format_name(unsigned format)
{
    return format < UNPACK_FORMATS ? formats[format].name : NULL;
}

struct unpacker *unpacker_new(unsigned format)
{
    assert(format && format < UNPACK_FORMATS && "0 is no format");
    struct unpacker *u = mem_zero(1, sizeof *u);
    u->format = &formats[format];
    u->format->begin(u);
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (!u)
        return;
    u->format->end(u);
    free(u);
}

enum unpack_result unpacker_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                size_t *nout)
{
    return u->format->run(u, in, nin, out, nout);
}
