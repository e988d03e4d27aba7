/* stream_known.h - what packed data unpacked to when another process unpacked it: so the next recording of
 * the same kernel need not do it again. Private to traces/.
 *
 * Packed data is fed in pieces, each with the bytes up to the end of a chunk of its image. What is known of a
 * stream is the digest of each piece that it took; the content is in the store (stream_store.h). Which pieces
 * an unpacker takes follows from their bytes alone. So as long as all of them are those that are known, it
 * does not have to run. If one is another, or the content is missing, everything so far is unpacked
 * after all. In both cases the caller sees the same, piece by piece.
 */
#ifndef BOOTREEL_TRACES_STREAM_KNOWN_H
#define BOOTREEL_TRACES_STREAM_KNOWN_H

#include "traces/stream.h"

struct stream_piece {
    uint32_t given, used; /* bytes, of which the stream took the first ones */
    uint64_t hash[2];     /* XXH3-128 of those, low half, high half */
};

struct stream_known {
    unsigned format;
    uint64_t length, hash[2]; /* of the content */
    struct stream_piece *piece;
    size_t n;
};

enum { STREAM_KNOWN_LEAST = 2 /* pieces */ };

void stream_known_free(struct stream_known *k); /* what it holds */
/* Reads what is known of a stream that begins with that piece from the folder. False if that is nothing; *k
 * is empty then. */
bool stream_known_get(const char *folder, unsigned format, const struct stream_piece *first,
                      struct stream_known *k);
/* Keeps it there, instead of what was known of a stream that begins in the same way. At least
 * STREAM_KNOWN_LEAST pieces. If that fails, it is not kept. */
void stream_known_keep(const char *folder, const struct stream_known *k);

/* A stream_reader (stream.h) that uses and extends what is known in `folder` (NULL: nothing). zstd and LZ4 unpack fast, but are kept as
 * well: a content in a file takes no memory of this process. */
struct stream_taker;

struct stream_taker *stream_taker_new(unsigned format, uint64_t most, const char *folder);
void stream_taker_free(struct stream_taker *t); /* NULL is allowed */
/* As stream_reader_feed; n is at most TRACE_CHUNK. */
enum unpack_result stream_taker_feed(struct stream_taker *t, const uint8_t *data, size_t n, size_t *used);
uint64_t stream_taker_length(const struct stream_taker *t);
/* As stream_reader_take. Keeps the content in the folder, and what is known of it now. */
void stream_taker_take(struct stream_taker *t, struct stream_content *c, uint64_t hash[2]);

#endif
