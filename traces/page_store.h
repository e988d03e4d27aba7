/* page_store.h - the content of pages that were written, for those that are likely to be changed next: the
 * pages used last, up to a fixed number. Inside of traces/ only.
 *
 * What is in it depends on the calls alone.
 */
#ifndef BOOTREEL_TRACES_PAGE_STORE_H
#define BOOTREEL_TRACES_PAGE_STORE_H

#include "traces/bytes.h"

enum { PAGE_STORE_PAGES = 24576 }; /* 96 MiB, taken as it fills */

struct page_store;

struct page_store *page_store_new(void);
void page_store_free(struct page_store *s); /* NULL is allowed */
/* The page's content and what was put with it, or NULL. Valid until the next put. Counts as a use. */
const uint8_t *page_store_get(struct page_store *s, uint32_t number, unsigned *depth);
/* Adds a page that is not in it; the page whose use is the longest ago goes if there is no room. */
void page_store_put(struct page_store *s, uint32_t number, unsigned depth, const uint8_t *page);
/* This page, if it is there, is to go next, also when there is room. */
void page_store_retire(struct page_store *s, uint32_t number);

#endif
