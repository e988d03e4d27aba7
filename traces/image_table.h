/* image_table.h - finds image content in memory pages. Inside of traces/ only.
 *
 * What a machine reads from its images lies in its memory afterwards: kernels, initial RAM disks, file
 * caches; mostly at places that are aligned as they are in the image, but not always (GRUB's cache has a
 * header of 16 bytes before each 32 KiB). The table remembers the XXH3-128 digests of the last 2^19 sectors
 * of image content (256 MiB), and for places that are not aligned where some of the bytes in it are.
 */
#ifndef BOOTREEL_TRACES_IMAGE_TABLE_H
#define BOOTREEL_TRACES_IMAGE_TABLE_H

#include "traces/page_code.h"

struct image_table;

struct image_table *image_table_new(void);
void image_table_free(struct image_table *t); /* NULL is allowed */
/* The next content, of n bytes; numbered from 0. */
void image_table_add(struct image_table *t, const uint8_t *data, size_t n);
/* Makes the page of image content, as far as it is sectors at aligned places. False: it has none. */
bool image_table_match(struct image_table *t, const uint8_t *page, struct page_parts *parts);
/* The same, wherever the sectors are. Slower. */
bool image_table_search(struct image_table *t, const uint8_t *page, struct page_parts *parts);

#endif
