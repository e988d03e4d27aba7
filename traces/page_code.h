/* page_code.h - the items of a PAGES frame: a page as it is, as changes of an earlier page, or made of parts,
 * most of them image content that is in the trace already, or as what a stream in an image unpacks to
 * (stream_code.h). Bytes: docs/trace-format.md. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_PAGE_CODE_H
#define BOOTREEL_TRACES_PAGE_CODE_H

#include "traces/bytes.h"
#include "traces/frame.h"

enum page_kind { PAGE_FULL, PAGE_DELTA, PAGE_PARTS, PAGE_STREAM };

enum {
    DELTA_MAX = 2048, /* most bytes of changes for which this is better than the page itself */
    DELTA_GAP = 4,    /* a run of changed bytes continues over fewer equal bytes than this */
    DELTA_DEPTH = 8,  /* the longest chain of changes of changes, down to another kind of page */
    PARTS_MAX = 16,   /* in a page */
};

enum part_kind { PART_IMAGE, PART_ZERO, PART_LITERAL };

struct page_part {
    uint8_t kind;
    uint16_t length;
    uint64_t place; /* image: content number * TRACE_CHUNK + offset */
};

/* ---- writing ---- */

struct page_parts {
    unsigned n;
    unsigned literal; /* bytes in literal parts */
    struct page_part part[PARTS_MAX];
};

/* Appends a part, or makes the last one longer. `place` is for images only. */
void page_parts_add(struct page_parts *p, enum part_kind kind, unsigned length, uint64_t place);

/* How a page differs from another. */
struct delta {
    uint32_t runs;
    uint32_t ncode, nbytes;
    uint8_t code[DELTA_MAX];
    uint8_t bytes[DELTA_MAX];
};

/* False if the changes are more than DELTA_MAX bytes. */
bool delta_make(struct delta *d, const uint8_t *page, const uint8_t *base);

/* The values that are encoded shortest, after the items so far. */
struct page_nexts {
    uint64_t base, place, stream;
    uint32_t addend;
};

/* How much of a frame the items before one have taken. */
struct page_reader {
    uint64_t code, bytes, full;
    struct page_nexts next;
};

/* A frame that is being filled. All zero: empty. */
struct page_frame {
    struct buf code, bytes, full, check;
    uint32_t items;
    struct page_nexts next;
    struct page_reader last; /* where the last item begins */
};

/* Begins an item: what comes next in `code` and `bytes` belongs to it. */
void page_frame_item(struct page_frame *f, uint64_t parts, enum page_kind kind);
void page_frame_full(struct page_frame *f, const uint8_t *page);
void page_frame_delta(struct page_frame *f, uint32_t base, const struct delta *d);
void page_frame_parts(struct page_frame *f, const uint8_t *page, const struct page_parts *parts);
/* Takes the last item back. */
void page_frame_undo(struct page_frame *f);
/* Adds the last item's page_check(). A frame has one for each of its items, or none. */
void page_frame_check(struct page_frame *f, uint32_t check);
bool page_frame_is_full(const struct page_frame *f);
/* Moves the frame's payload into `payload`, which leaves the frame empty. Returns the number of items. */
uint32_t page_frame_take(struct page_frame *f, struct buf *payload);
void page_frame_free(struct page_frame *f);

/* ---- reading ---- */

/* How much the numbers have grown in a page that is content of a stream (stream_code.h). */
struct growth {
    uint32_t addend;
    bool by_place; /* and by the number's place in the streams' content */
};

/* A page's item in an unpacked frame. */
struct page_item {
    uint8_t kind;
    uint16_t parts; /* changes, or parts */
    uint32_t code;  /* where these are in the frame */
    uint32_t data;  /* the page, or the changed or literal bytes */
    uint64_t base;  /* number of the page that is changed; or what the first part's place is relative to; or a
                     * place in streams */
    struct growth growth;
};

/* The bytes that an item consists of. */
struct page_bytes {
    struct view code;    /* its changes or parts, and what follows them */
    const uint8_t *data; /* the page, or the changed or literal bytes */
};

/* Where the content that pages refer to comes from. Each function fills `out` and returns 0; any
 * other value is an error, which ends page_item_make(). */
struct page_source {
    void *ctx;
    int (*page)(void *ctx, uint32_t number, uint8_t out[TRACE_PAGE]);
    int (*image)(void *ctx, uint64_t place, uint8_t *out, size_t n);
    int (*stream)(void *ctx, uint64_t place, uint8_t out[TRACE_PAGE]);
};

/* Finds the items of a frame whose first page has number `first`, and checks all that can be checked without
 * other frames. Returns NULL, or what is wrong. `item` has room for `items`. `n` is without the frame's checksums. */
const char *page_items_read(const uint8_t *raw, size_t n, uint32_t items, uint64_t first,
                            struct page_item *item);
struct page_bytes page_item_bytes(const struct page_item *item, const uint8_t *raw);
/* Finds the last item of a frame that is being filled. Returns NULL, or what is wrong. */
const char *page_frame_last(const struct page_frame *f, uint64_t number, struct page_item *item,
                            struct page_bytes *bytes);
/* Makes the page. The item must have been checked. 0, or what a source returned. */
int page_item_make(const struct page_item *item, struct page_bytes bytes, const struct page_source *from,
                   uint8_t page[TRACE_PAGE]);

enum { PAGE_CHECK = 4 }; /* bytes */
/* Appends the extra bytes of a frame with checksums. `refused`: how many of its pages are stored in full
 * because no shorter form read back as the page. */
static inline void pages_extra(struct buf *extra, uint32_t refused)
{
    buf_u8(extra, PAGE_CHECK);
    buf_varint(extra, refused);
}
/* The checksum of a page: the low half of its XXH3-64. */
uint32_t page_check(const uint8_t page[TRACE_PAGE]);
/* The same, from the low half of its XXH3-128: of more than 240 bytes, that is the XXH3-64. */
static inline uint32_t page_check_of(uint64_t low)
{
    return (uint32_t)low;
}

#endif
