/* stream_code.h - the fourth way of storing a page: as the content of a stream (traces/stream.h), with
 * changes. Unlike changes of earlier pages, these can say that a number has grown by the page's *addend*, as
 * relocation does to addresses, or by addend and its own place, as the branch filters of packers do to the
 * targets of calls, and that bytes are now zero. Bytes: docs/trace-format.md. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_STREAM_CODE_H
#define BOOTREEL_TRACES_STREAM_CODE_H

#include "traces/page_code.h"

struct stream_changes {
    uint64_t place; /* of the page in the streams' content */
    struct growth growth;
    uint32_t runs, grown; /* of changes; those that are numbers that have grown */
    uint32_t ncode, nbytes;
    uint8_t code[DELTA_MAX + 2 * VARINT_MAX];
    uint8_t bytes[DELTA_MAX];
};

/* Describes the page as changes of the content at a place, which take at most `most` (up to DELTA_MAX) bytes; false if
 * there are more. `begin`: where the stream's content begins; `growth` is the one to try first. */
bool stream_changes_make(struct stream_changes *c, const uint8_t *page, const uint8_t *base, uint64_t place,
                         uint64_t begin, struct growth growth, unsigned most);
/* Adds the page to the frame. */
void page_frame_stream(struct page_frame *f, const struct stream_changes *c);

/* Checks the changes of an item, moves the view past them, and adds the bytes of data that they use to *bytes. NULL, or
 * what is wrong. */
const char *stream_changes_check(struct view *code, unsigned runs, uint64_t *bytes);
/* Applies an item's changes to the content at its place. The item must have been checked. */
void stream_changes_apply(const struct page_item *item, struct page_bytes bytes, uint8_t page[TRACE_PAGE]);

#endif
