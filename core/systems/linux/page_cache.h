/* page_cache.h - where in the page cache of a Linux kernel a page of a file is.
 *
 * The page cache is an xarray. Sources: Linux, include/linux/xarray.h, lib/xarray.c. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_PAGE_CACHE_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_PAGE_CACHE_H

#include <stdint.h>

/* How the kernel's memory is read, and its layout. */
struct page_cache {
    uint64_t (*word)(const void *ctx,
                     uint64_t at); /* a word of the kernel at a linear address; 0 if it is not there */
    const void *ctx;
    unsigned bytes;        /* of a word */
    uint64_t head;         /* offset of i_pages.xa_head in struct address_space */
    uint64_t shift, slots; /* of these members in struct xa_node */
};

/* The struct page of the folio that has page `index` of the file with that struct address_space; 0 if that page is not in memory. *first: the
 * index of the folio's first page. */
uint64_t page_cache_find(const struct page_cache *c, uint64_t mapping, uint64_t index, uint64_t *first);

#endif
