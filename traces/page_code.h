/* page_code.h - the items of a PAGES frame: a page as it is, as changes of an earlier page, or made of parts,
 * most of them image content that is in the trace already, or as
 * what a stream in an image unpacks to (stream_code.h). Bytes: docs/trace-format.md. Private to traces/.
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
    uint64_t place;         /* image: content number * TRACE_CHUNK + offset */
    const uint8_t *literal; /* reading only */
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

/* A frame that is being filled. All zero: empty. */
struct page_frame {
    struct buf code, bytes, full;
    uint32_t items;
    uint64_t next_base, next_place, next_stream; /* the values that are encoded shortest */
    uint32_t addend;                             /* likewise */
};

/* Begins an item: what comes next in `code` and `bytes` belongs to it. */
void page_frame_item(struct page_frame *f, uint64_t parts, enum page_kind kind);
void page_frame_full(struct page_frame *f, const uint8_t *page);
void page_frame_delta(struct page_frame *f, uint32_t base, const struct delta *d);
void page_frame_parts(struct page_frame *f, const uint8_t *page, const struct page_parts *parts);
bool page_frame_is_full(const struct page_frame *f);
/* Moves the frame's payload into `payload`, which leaves the frame empty. Returns the number of items. */
uint32_t page_frame_take(struct page_frame *f, struct buf *payload);
void page_frame_free(struct page_frame *f);

/* ---- reading ---- */

/* By what numbers of a page have grown that is content of a stream (stream_code.h). */
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

/* Finds the items of a frame whose first page has number `first`, and checks all that can be checked without
 * other frames. Returns NULL, or what is wrong. `item` has room for `items`. */
const char *page_items_read(const uint8_t *raw, size_t n, uint32_t items, uint64_t first,
                            struct page_item *item);
/* The code of the item's changes or parts, and what follows it. */
struct view page_item_code(const struct page_item *item, const uint8_t *raw);
/* Applies the changes to the base page, in place. The item must have been checked. */
void page_item_change(const struct page_item *item, const uint8_t *raw, uint8_t page[TRACE_PAGE]);
/* The page's parts, item->parts of them. The item must have been checked. */
void page_item_parts(const struct page_item *item, const uint8_t *raw, struct page_part part[PARTS_MAX]);

#endif
