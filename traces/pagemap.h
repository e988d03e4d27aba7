/* pagemap.h - which content each page of a memory region has: sorted arrays, and changes of them.
 * Private to traces/.
 */
#ifndef BOOTREEL_TRACES_PAGEMAP_H
#define BOOTREEL_TRACES_PAGEMAP_H

#include "traces/bytes.h"

/* Page ids. Stored pages begin at PAGE_STORED, in the order in which the PAGES frames hold them. */
enum { PAGE_ABSENT, PAGE_ZERO, PAGE_STORED };

struct page_ref {
    uint32_t index; /* of the page in the region */
    uint32_t id;
};

/* Sorted by index, each index once. In a map no id is PAGE_ABSENT; in a change, it removes the page. */
struct pagemap {
    struct page_ref *ref;
    size_t n;
    size_t cap;
};

void pagemap_free(struct pagemap *m);
void pagemap_add(struct pagemap *m, uint32_t index, uint32_t id);
/* Sorts by index. False if an index is there twice. */
bool pagemap_sort(struct pagemap *m);
/* The change that makes `old` have the given pages. `whole`: pages that are not given are removed. */
void pagemap_change(struct pagemap *change, const struct pagemap *old, const struct pagemap *given,
                    bool whole);
void pagemap_apply(struct pagemap *m, const struct pagemap *change);
void pagemap_copy(struct pagemap *to, const struct pagemap *from);
/* As pagemap_copy, but copies only the pages whose index is at least `first` and less than first + n. */
void pagemap_copy_part(struct pagemap *to, const struct pagemap *from, uint64_t first, uint64_t n);
/* The id of a page; PAGE_ABSENT if it is not there. */
uint32_t pagemap_find(const struct pagemap *m, uint64_t index);

/* As bytes: number of pages, then each. */
void pagemap_encode(struct buf *out, const struct pagemap *change);
/* Returns NULL, or what is wrong. `npages`: how many are stored; `max`: the most that are accepted. */
const char *pagemap_decode(struct view *v, struct pagemap *change, uint64_t npages, size_t max);

#endif
