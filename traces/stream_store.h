/* stream_store.h - the content of streams, kept in a folder so that the next process need not unpack it
 * again. Unpacking a kernel takes half a second if it is packed with xz, and 0.2 s if with zstd; checking what is kept here takes 0.01 s.
 * Private to traces/.
 *
 * A file is named after the XXH3-128 of the content (as xxh128sum prints it) and is that content, with zeros up to a whole block;
 * blocks of zeros are holes. It appears only when it is complete, and is compared with the stream's hash, so a damaged file costs
 * time and nothing else. Processes map it: files are removed, but never changed or cut short. The oldest are removed when all of
 * them take more than STREAM_STORE_MOST. Beside them are small files that say what packed data unpacks to; they are removed by
 * the same rule.
 */
#ifndef BOOTREEL_TRACES_STREAM_STORE_H
#define BOOTREEL_TRACES_STREAM_STORE_H

#include <stdatomic.h>

#include "traces/stream.h"

#define STREAM_STORE_MOST    ((uint64_t)256 << 20) /* bytes */
#define TOUCHED_STORE_SUFFIX ".seen" /* of files that say what was learnt of traces (touched.h) */
#define STREAM_KNOWN_SUFFIX  ".of" /* of files that say which packed data has which content (stream_known.h) */

/* The content of a stream from the folder. False if it is not there, is not what the stream says, or
 * if `stop` becomes true. */
bool stream_store_get(const char *folder, const struct stream *s, struct stream_content *c,
                      const atomic_bool *stop);
/* Keeps the content there. The folder is made if it is missing. If that fails (a full disk, a file system
 * without O_TMPFILE), it is not kept. */
void stream_store_keep(const char *folder, const struct stream *s, const struct stream_content *c);
/* Writes another file of the store, whole or not at all; an earlier one of that name is removed. */
void stream_store_file(const char *folder, const char *path, const void *data, size_t n);

#endif
