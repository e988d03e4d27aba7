/* unpack_lz4.c - see unpack_lz4.h. */
#include <lz4.h>
#include <string.h>

#include "base/byte_order.h"
#include "traces/bytes.h"
#include "traces/unpack_lz4.h"

enum { BLOCK = 8 << 20, BLOCK_PACKED = LZ4_COMPRESSBOUND(BLOCK), WORD = 4 };

/* What the next bytes are. */
enum part { PART_MAGIC, PART_SIZE, PART_BLOCK };

struct lz4_frame {
    enum part part;
    struct buf packed; /* what came of the part */
    size_t size;       /* of the part */
    uint8_t *content;  /* of the last block: `length` bytes, of which `given` were given */
    size_t length, given;
    bool ends; /* with that block */
};

struct lz4_frame *lz4_frame_new(void)
{
    struct lz4_frame *f = mem_zero(1, sizeof *f);
    f->size = WORD;
    return f;
}

void lz4_frame_free(struct lz4_frame *f)
{
    if (!f)
        return;
    buf_free(&f->packed);
    free(f->content);
    free(f);
}

static void begin_part(struct lz4_frame *f, enum part part, size_t size)
{
    f->part = part;
    f->size = size;
    f->packed.n = 0;
    if (size > f->packed.cap) { /* exactly, not twice as much */
        f->packed.p = mem_resize(f->packed.p, size);
        f->packed.cap = size;
    }
}

/* The size of the next block, or something else behind the last one. */
static enum unpack_result take_size(struct lz4_frame *f, uint32_t size)
{
    if (!size || size > BLOCK_PACKED)
        return f->content ? UNPACK_END : UNPACK_BAD;
    begin_part(f, PART_BLOCK, size);
    return UNPACK_MORE;
}

static enum unpack_result take_block(struct lz4_frame *f)
{
    if (!f->content)
        f->content = mem_alloc(BLOCK);
    const int n = LZ4_decompress_safe((const char *)f->packed.p, (char *)f->content, (int)f->size, BLOCK);
    if (n <= 0)
        return UNPACK_BAD;
    f->length = (size_t)n;
    f->given = 0;
    f->ends = n < BLOCK;
    begin_part(f, PART_SIZE, WORD);
    return UNPACK_MORE;
}

static enum unpack_result take_part(struct lz4_frame *f)
{
    switch (f->part) {
    case PART_MAGIC: /* the caller has seen it */
        begin_part(f, PART_SIZE, WORD);
        return UNPACK_MORE;
    case PART_SIZE:
        return take_size(f, le32(f->packed.p));
    default:
        return take_block(f);
    }
}

/* Collects the part. False if there is not all of it. */
static bool collect(struct lz4_frame *f, const uint8_t **in, size_t *nin)
{
    const size_t missing = f->size - f->packed.n, n = *nin < missing ? *nin : missing;
    buf_add(&f->packed, *in, n);
    *in += n;
    *nin -= n;
    return n == missing;
}

static void give(struct lz4_frame *f, uint8_t **out, size_t *nout)
{
    const size_t left = f->length - f->given, n = *nout < left ? *nout : left;
    memcpy(*out, f->content + f->given, n);
    f->given += n;
    *out += n;
    *nout -= n;
}

enum unpack_result lz4_frame_run(struct lz4_frame *f, const uint8_t **in, size_t *nin, uint8_t **out,
                                 size_t *nout)
{
    enum unpack_result result = UNPACK_MORE;
    while (result == UNPACK_MORE) {
        const uint8_t *before = *in;
        const size_t left = *nin;
        if (f->given < f->length)
            give(f, out, nout);
        if (f->given < f->length)
            return UNPACK_MORE;
        if (f->ends)
            return UNPACK_END;
        if (!collect(f, in, nin))
            return UNPACK_MORE;
        result = take_part(f);
        if (result == UNPACK_END && left - *nin == WORD) { /* what is behind the frame is not part of it */
            *in = before;
            *nin = left;
        }
    }
    return result;
}
