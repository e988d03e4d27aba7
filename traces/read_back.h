/* read_back.h - reads pages back on the writing thread, by the code that readers have, before they are in the
 * file. So a page that was packed wrongly does not get into a trace. Private to traces/.
 *
 * What a page refers to is taken from memory: earlier pages from the store, the contents of streams as a
 * reader lays them out, image content by the digests of its sectors.
 */
#ifndef BOOTREEL_TRACES_READ_BACK_H
#define BOOTREEL_TRACES_READ_BACK_H

#include "traces/image_table.h"
#include "traces/page_store.h"
#include "traces/stream.h"

struct read_back;

/* Both must stay until it is freed. */
struct read_back *read_back_new(const struct page_store *pages, const struct image_table *images);
void read_back_free(struct read_back *b); /* NULL is allowed */
/* Notes the content of the next stream, whose blocks stay where they are. */
void read_back_stream(struct read_back *b, const struct stream_content *content, uint64_t length);
/* Whether the last item of the frame, that of page `number`, reads back as `page`. Cost: below 1 µs. */
bool read_back_page(struct read_back *b, const struct page_frame *f, uint32_t number, const uint8_t *page);

#endif
