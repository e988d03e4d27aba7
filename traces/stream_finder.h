/* stream_finder.h - finds compressed streams in image content as it is written. Private to traces/.
 *
 * A stream is found by the bytes that its format begins with, wherever these are in an image: in a kernel's image, in
 * a file on a disk. Only what unpacks without an error up to its end counts. The chunks of a stream may come in any
 * order, as long as none is much too early.
 */
#ifndef BOOTREEL_TRACES_STREAM_FINDER_H
#define BOOTREEL_TRACES_STREAM_FINDER_H

#include "traces/stream.h"

struct stream_finder;

/* A stream that is complete, with its content, which the function takes. */
typedef void stream_found(void *ctx, const struct stream *s, struct stream_content *content);

struct stream_finder *stream_finder_new(stream_found *found, void *ctx);
void stream_finder_free(struct stream_finder *f); /* NULL is allowed */
/* From now on, what was unpacked before is taken from the folder, and what is unpacked is kept there
 * (stream_known.h). What is found is the same with and without it. */
void stream_finder_store(struct stream_finder *f, const char *folder);
/* Takes the next chunk of an image, n bytes. */
void stream_finder_chunk(struct stream_finder *f, uint64_t image, uint64_t chunk, const uint8_t *data,
                         size_t n);

#endif
