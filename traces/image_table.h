/* image_table.h - finds image content in memory pages. Private to traces/.
 *
 * What a machine reads from its images is in its memory afterwards: kernels, initial RAM disks, file caches.
 * It is mostly at addresses that are aligned as in the image, but not always (GRUB's cache has a header of 16
 * bytes before each 32 KiB). The table holds the XXH3-128 digests of the last 2^19 sectors of image content
 * (256 MiB) and, to find content that is not aligned, the places of some of its bytes.
 */
#ifndef BOOTREEL_TRACES_IMAGE_TABLE_H
#define BOOTREEL_TRACES_IMAGE_TABLE_H

#include "traces/page_code.h"

struct image_table;

struct image_table *image_table_new(void);
void image_table_free(struct image_table *t); /* NULL is allowed */
/* Adds the next content, of n bytes; contents are numbered from 0. */
void image_table_add(struct image_table *t, const uint8_t *data, size_t n);
/* Describes the page as parts of image content, as far as it consists of sectors at aligned places. False
 * if it has none. */
bool image_table_match(struct image_table *t, const uint8_t *page, struct page_parts *parts);
/* Describes the page by sectors at any place of image content, aligned or not. Slower than image_table_match. */
bool image_table_search(struct image_table *t, const uint8_t *page, struct page_parts *parts);
/* Whether these n bytes are the image content from `place` on, both whole sectors. */
bool image_table_has(const struct image_table *t, uint64_t place, const uint8_t *data, size_t n);

#endif
