/* stream_table.h - finds the content of streams in memory pages, also where it was changed since. Private to
 * traces/. */
#ifndef BOOTREEL_TRACES_STREAM_TABLE_H
#define BOOTREEL_TRACES_STREAM_TABLE_H

#include "traces/stream.h"
#include "traces/stream_code.h"

struct stream_table;

struct stream_table *stream_table_new(void);
void stream_table_free(struct stream_table *t); /* NULL is allowed */
/* Adds the content of the next stream, and takes ownership of it. `room`: stream_room() of its length. */
void stream_table_add(struct stream_table *t, struct stream_content *content, uint64_t room);
/* Gives the memory of kept files back to the host, which reads them again when they are used (stream_content_relax()). */
void stream_table_relax(const struct stream_table *t);
/* Describes the page as changed content, in less than `most` bytes. False if no content is so similar. */
bool stream_table_find(struct stream_table *t, const uint8_t *page, unsigned most, struct stream_changes *c);

#endif
