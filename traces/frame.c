/* frame.c - packing and checking the file's outer structure. See docs/trace-format.md. */
#include <xxhash.h>

#include "traces/frame.h"

#include "base/byte_order.h"

static const char file_magic[][8] = {
    [TRACE_FILE] = {'B', 'O', 'O', 'T', 'R', 'E', 'E', 'L'},
    [SHARE_FILE] = {'B', 'R', 'S', 'H', 'A', 'R', 'E', '\n'},
};
static const char frame_magic[4] = {'F', 'R', 'A', 'M'};
static const char trailer_magic[8] = {'B', 'R', 'T', 'R', 'A', 'I', 'L', '\n'};

static const struct {
    const char *name;
    uint32_t raw_max;
} kinds[TF_KINDS] = {
    [TF_CONFIG] = {"config", 16 << 20},
    [TF_CHUNKS] = {"chunks", CHUNKS_CUT_NEW *TRACE_CHUNK},
    [TF_EVENTS] = {"events", EVENTS_CUT_BYTES + 8192},
    [TF_INPUT] = {"input", RECORDS_CUT_BYTES + TRACE_MAX_INPUT + 64},
    [TF_PAGES] = {"pages", PAGES_CUT_BYTES + 2 * TRACE_PAGE + 4 * PAGES_CUT_ITEMS},
    [TF_CHECKPOINT] = {"checkpoint", 128 << 20},
    [TF_NOTE] = {"note", RECORDS_CUT_BYTES + TRACE_MAX_NOTE + 2 * MAX_STRING + 64},
    [TF_END] = {"end", 256 << 10},
    [TF_INDEX] = {"index", 64 << 20},
    [TF_STREAM] = {"stream", 1},
};

const char *trace_frame_kind_name(enum trace_frame_kind kind)
{
    return (unsigned)kind < TF_KINDS && kinds[kind].name ? kinds[kind].name : "unknown";
}

uint32_t frame_raw_max(unsigned kind)
{
    return kind < TF_KINDS ? kinds[kind].raw_max : 0;
}

void file_header_pack(uint8_t out[FILE_HEADER_SIZE], enum trace_file what, const char *engine,
                      uint32_t behaviour)
{
    memset(out, 0, FILE_HEADER_SIZE);
    memcpy(out, file_magic[what], sizeof file_magic[what]);
    put_le32(out + 8, TRACE_VERSION);
    put_le32(out + 12, behaviour);
    memcpy(out + 16, engine, strnlen(engine, ENGINE_NAME_SIZE - 1));
    put_le64(out + 56, XXH3_64bits(out, 56));
}

void frame_head_pack(struct buf *out, const struct frame_head *h, const void *extra)
{
    uint8_t *p = buf_room(out, frame_lead(h));
    memcpy(p, frame_magic, sizeof frame_magic);
    p[4] = h->kind;
    p[5] = h->packing;
    put_le16(p + 6, h->extra);
    put_le32(p + 8, h->stored);
    put_le32(p + 12, h->raw);
    put_le64(p + 16, h->first_icount);
    put_le64(p + 24, h->last_icount);
    put_le64(p + 32, h->first);
    put_le32(p + 40, h->items);
    put_le32(p + 44, h->number);
    put_le64(p + 48, h->raw_hash);
    put_le64(p + 56, h->stored_hash);
    if (h->extra)
        memcpy(p + FRAME_HEAD_SIZE, extra, h->extra);
    put_le64(p + FRAME_HEAD_SIZE + h->extra, XXH3_64bits(p, FRAME_HEAD_SIZE + h->extra));
    out->n += frame_lead(h);
}

static const char *frame_head_check(const struct frame_head *h)
{
    if (!frame_raw_max(h->kind))
        return "unknown kind of frame";
    if (h->packing > PACK_ZSTD)
        return "unknown packing";
    if (h->raw > frame_raw_max(h->kind))
        return "declares more bytes than its kind may have";
    if (h->packing == PACK_NONE && h->raw != h->stored)
        return "its two lengths do not agree";
    if (h->last_icount < h->first_icount)
        return "ends before it begins";
    return NULL;
}

const char *frame_head_unpack(struct view *v, struct frame_head *h, const uint8_t **extra)
{
    struct view u = *v;
    const uint8_t *p = view_take(&u, FRAME_HEAD_SIZE);
    if (!p)
        return "cut off in its header";
    if (memcmp(p, frame_magic, sizeof frame_magic))
        return "no frame begins here";
    *h = (struct frame_head){
        .kind = p[4],
        .packing = p[5],
        .extra = le16(p + 6),
        .stored = le32(p + 8),
        .raw = le32(p + 12),
        .first_icount = le64(p + 16),
        .last_icount = le64(p + 24),
        .first = le64(p + 32),
        .items = le32(p + 40),
        .number = le32(p + 44),
        .raw_hash = le64(p + 48),
        .stored_hash = le64(p + 56),
    };
    *extra = view_take(&u, h->extra);
    const uint8_t *hash = view_take(&u, FRAME_HASH_SIZE);
    if (!hash)
        return "cut off in its header";
    if (le64(hash) != XXH3_64bits(p, FRAME_HEAD_SIZE + h->extra))
        return "checksum of the header does not match";
    const char *bad = frame_head_check(h);
    if (!bad)
        *v = u;
    return bad;
}

void trailer_pack(uint8_t out[TRAILER_SIZE], uint64_t index_offset, uint64_t frames)
{
    memcpy(out, trailer_magic, sizeof trailer_magic);
    put_le64(out + 8, index_offset);
    put_le64(out + 16, frames);
    put_le64(out + 24, XXH3_64bits(out, 24));
}

bool trailer_unpack(const uint8_t in[TRAILER_SIZE], uint64_t *index_offset, uint64_t *frames)
{
    if (memcmp(in, trailer_magic, sizeof trailer_magic) || le64(in + 24) != XXH3_64bits(in, 24))
        return false;
    *index_offset = le64(in + 8);
    *frames = le64(in + 16);
    return true;
}
