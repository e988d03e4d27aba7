/* frame.h - the file's outer structure: file header, frame headers, trailer. Bytes: docs/trace-format.md.
 * Private to traces/.
 */
#ifndef BOOTREEL_TRACES_FRAME_H
#define BOOTREEL_TRACES_FRAME_H

#include "traces/bytes.h"
#include "traces/trace.h"

enum {
    FILE_HEADER_SIZE = 64,
    FRAME_HEAD_SIZE =
        64, /* then the extra bytes, then the 8 bytes of the head's checksum, then the payload */
    FRAME_HASH_SIZE = 8,
    TRAILER_SIZE = 32,
    ENGINE_NAME_SIZE = 32,

    /* Of pages, level 6 makes 5 % less, and level 3 makes 2 %, in four times and in 1.4 times the time. A table that stays in
     * the processor's first caches, and matches of 5 bytes, are better here than what level 1 alone has. */
    FRAME_ZSTD_LEVEL = 1,
    FRAME_ZSTD_MATCH = 5,
    FRAME_ZSTD_HASH_LOG = 15,

    /* Where the writer ends frames. The bytes of a file depend on these numbers: do not change any without
     * a new version. */
    EVENTS_CUT_BYTES = 256 << 10,
    EVENTS_CUT_COUNT = 32768,
    CHUNKS_CUT_NEW = 16,
    CHUNKS_CUT_ITEMS = 256,
    PAGES_CUT_BYTES = 256 << 10, /* a reader unpacks one of these to get at a page */
    PAGES_CUT_ITEMS = 4096,
    RECORDS_CUT_BYTES = 64 << 10, /* inputs, notes */

    END_MAX = 2048 + EV_COUNT * 10, /* bytes of an END payload as writers make it */

    MAX_STRING = 65536, /* a setting, a section's name … */
    MAX_SECTIONS = 4096,
    MAX_REGIONS = 4096,
    MAX_SETTINGS = 65536, /* also images */
    MAX_FIELDS = 1 << 18, /* in all sections of one state */
};

/* Pages in all regions of one state: 64 GiB of memory. */
#define MAX_STATE_PAGES (1u << 24)

enum frame_packing { PACK_NONE, PACK_ZSTD };

/* 256 TiB: keeps the size of the writer's bitmap of chunks reasonable. */
#define MAX_IMAGE_SIZE (1ull << 48)

/* What a reader needs to know about a frame without unpacking it. */
struct frame_head {
    uint8_t kind;
    uint8_t packing;
    uint16_t extra;  /* length of the extra bytes, whose meaning depends on the kind */
    uint32_t stored; /* payload bytes in the file */
    uint32_t raw;    /* payload bytes unpacked */
    uint64_t first_icount;
    uint64_t last_icount;
    uint64_t first;
    uint32_t items;
    uint32_t number;      /* of the frame in the file */
    uint64_t raw_hash;    /* XXH3-64 of the unpacked payload */
    uint64_t stored_hash; /* XXH3-64 of the payload as in the file */
};

/* Bytes of the frame before its payload. */
static inline size_t frame_lead(const struct frame_head *h)
{
    return FRAME_HEAD_SIZE + h->extra + FRAME_HASH_SIZE;
}

/* The most that a frame of a kind may unpack to. */
uint32_t frame_raw_max(unsigned kind);

/* What a file is, by its first bytes. */
enum trace_file { TRACE_FILE, SHARE_FILE };

void file_header_pack(uint8_t out[FILE_HEADER_SIZE], enum trace_file what, const char *engine,
                      uint32_t behaviour);

/* Appends head, extra bytes and checksum. */
void frame_head_pack(struct buf *out, const struct frame_head *h, const void *extra);
/* Reads head, extra bytes and checksum from the view and moves it past them; *extra points into the view.
 * Returns NULL, or what is wrong (then the view is not moved). */
const char *frame_head_unpack(struct view *v, struct frame_head *h, const uint8_t **extra);

void trailer_pack(uint8_t out[TRAILER_SIZE], uint64_t index_offset, uint64_t frames);
bool trailer_unpack(const uint8_t in[TRAILER_SIZE], uint64_t *index_offset, uint64_t *frames);

/* Number of chunks of an image of that size, and the length of one of them. */
static inline uint64_t chunk_count(uint64_t size)
{
    return size / TRACE_CHUNK + (size % TRACE_CHUNK != 0);
}

static inline uint32_t chunk_length(uint64_t size, uint64_t chunk)
{
    uint64_t left = size - chunk * TRACE_CHUNK;
    return left < TRACE_CHUNK ? (uint32_t)left : TRACE_CHUNK;
}

#endif
