/* page_packer.h - turns the pages of machine states into the items of PAGES frames, each in the form that
 * takes the least room, and reads each back as a reader will. Runs on the writing thread. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_PAGE_PACKER_H
#define BOOTREEL_TRACES_PAGE_PACKER_H

#include "traces/stream.h"

/* What is known of a page: numbers of earlier pages that it may be stored as a change of, or NO_PAGE. */
struct page_hint {
    uint32_t own;   /* the previous page in its place */
    uint32_t moved; /* the page at the place that its neighbours moved from */
    uint32_t check; /* its page_check() */
};

#define NO_PAGE UINT32_MAX

struct page_packer;

struct page_packer *page_packer_new(void);
void page_packer_free(struct page_packer *p);
/* Adds the next image contents, one after the other, with their lengths, each a uint32_t. */
void page_packer_contents(struct page_packer *p, const struct buf *contents, const struct buf *lengths);
/* Adds the content of the next stream, and takes ownership of it. `room`: stream_room() of its length. */
void page_packer_stream(struct page_packer *p, struct stream_content *content, uint64_t length,
                        uint64_t room);
/* Adds the next page; pages are numbered from 0. True if the frame is full and must be taken. */
bool page_packer_add(struct page_packer *p, const uint8_t *page, const struct page_hint *hint);
/* A state is complete: from now on its pages are the likely bases of changes, and no longer the pages that
 * they replace. */
void page_packer_settle(struct page_packer *p);
/* Takes the payload and the extra bytes of the frame so far, and begins another. Returns how many pages are
 * in it, perhaps 0. */
uint32_t page_packer_take(struct page_packer *p, struct buf *payload, struct buf *extra);
/* How many pages are stored in full because what they were packed to did not read back as the page. */
uint64_t page_packer_refused(const struct page_packer *p);

#endif
