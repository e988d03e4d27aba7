/* page_packer.h - turns the pages of machine states into the items of PAGES frames, each in the way that
 * takes the least room. Runs on the writing thread. Inside of traces/ only.
 */
#ifndef BOOTREEL_TRACES_PAGE_PACKER_H
#define BOOTREEL_TRACES_PAGE_PACKER_H

#include "traces/bytes.h"

/* Numbers of earlier pages that a page may be a change of; NO_PAGE: none. */
struct page_hint {
    uint32_t own;   /* what was in its place before */
    uint32_t moved; /* what was where its neighbours came from */
};

#define NO_PAGE UINT32_MAX

struct page_packer;

struct page_packer *page_packer_new(void);
void page_packer_free(struct page_packer *p);
/* The next image contents, one after the other; their lengths, each a uint32_t. */
void page_packer_contents(struct page_packer *p, const struct buf *contents, const struct buf *lengths);
/* The next page; they are numbered from 0. True: the frame is full and is to be taken. */
bool page_packer_add(struct page_packer *p, const uint8_t *page, const struct page_hint *hint);
/* A state is complete: its pages will be changed next, and no longer those in whose places they are. */
void page_packer_settle(struct page_packer *p);
/* The payload of the frame so far, and begins another. Returns how many pages are in it, maybe 0. */
uint32_t page_packer_take(struct page_packer *p, struct buf *payload);

#endif
