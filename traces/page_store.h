/* page_store.h - the content of written pages that are likely to change next: the most recently used, up to a
 * fixed number. Private to traces/.
 *
 * Its content depends on the calls alone.
 */
#ifndef BOOTREEL_TRACES_PAGE_STORE_H
#define BOOTREEL_TRACES_PAGE_STORE_H

#include "traces/bytes.h"

/* 32 MiB, taken as it fills. With three times as many, the traces of boots are 0.1 to 0.8 % smaller. */
enum { PAGE_STORE_PAGES = 8192 };

struct page_store;

struct page_store *page_store_new(void);
void page_store_free(struct page_store *s); /* NULL is allowed */
/* The page's content and the depth that was put with it, or NULL. Valid until the next put.
 * Counts as a use. */
const uint8_t *page_store_get(struct page_store *s, uint32_t number, unsigned *depth);
/* The page's content or NULL, without counting as a use. */
const uint8_t *page_store_look(const struct page_store *s, uint32_t number);
/* Adds a page that is not in it; if there is no room, the least recently used page is removed. */
void page_store_put(struct page_store *s, uint32_t number, unsigned depth, const uint8_t *page);
/* Makes this page, if it is there, the next one to be removed, even when there is room. */
void page_store_retire(struct page_store *s, uint32_t number);

#endif
