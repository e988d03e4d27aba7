/* stream.h - compressed streams in images. A kernel or an initial RAM disk is packed in its image and
 * unpacked in memory; what it unpacks to need not be in the trace. A STREAM frame says where such a stream
 * is, and pages refer to places in its content. Bytes: docs/trace-format.md. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_STREAM_H
#define BOOTREEL_TRACES_STREAM_H

#include "traces/frame.h"
#include "traces/unpack.h"

enum {
    STREAM_BLOCK = 65536, /* each stream's content begins at a multiple of this */
    STREAM_LEAST = 65536, /* shorter streams are not worth a frame */
    STREAMS_MAX =
        128 << 20, /* content of all streams of a trace; of one that is longer, the first part is used */
    STREAM_MAX_PACKED = 1 << 30, /* of one stream */
};

struct stream {
    uint64_t image, offset; /* where the packed bytes begin */
    uint64_t packed;        /* how many of them are needed */
    unsigned format;        /* enum unpack_format */
    uint64_t length;        /* of the content; the packed data may have more */
    uint64_t hash[2];       /* XXH3-128 of the content: low half, high half */
};

/* How many bytes of the space that pages refer to content of that length takes: whole blocks, with at least a
 * page of zeros behind the content. */
static inline uint64_t stream_room(uint64_t length)
{
    return (length / STREAM_BLOCK + 1 + (length % STREAM_BLOCK > STREAM_BLOCK - TRACE_PAGE)) * STREAM_BLOCK;
}

void stream_encode(struct buf *out, const struct stream *s);
/* False if the bytes do not add up. What the numbers mean is not checked. */
bool stream_decode(struct view *v, struct stream *s);

/* Content in blocks of STREAM_BLOCK, of which those that are all zeros take no memory. */
struct stream_content {
    uint8_t **block; /* NULL: zeros */
    size_t n;
    struct stream_slab { /* the memory that the blocks are in */
        void *p;
        size_t mapped; /* bytes of a file; 0: it is from malloc */
        int fd;        /* of the file */
    } * slab;
    size_t nslabs;
};

void stream_content_free(struct stream_content *c);
/* Appends memory that the blocks are in; it then belongs to the content. */
void stream_content_slab(struct stream_content *c, void *p);
/* The content, which is empty so far, is a file that is mapped at `p`. The mapping and the descriptor then belong to it. */
void stream_content_file(struct stream_content *c, void *p, size_t size, int fd);
/* Gives the pages of mapped files back to the host, which reads them again when they are used. */
void stream_content_relax(const struct stream_content *c);
/* Appends the blocks of `more`, which is left empty, then zeros: `room` bytes in all. */
void stream_content_move(struct stream_content *c, struct stream_content *more, uint64_t room);
/* The page at that place, perhaps in `room`; zeros beyond the end. */
const uint8_t *stream_content_page(const struct stream_content *c, uint64_t at, uint8_t room[TRACE_PAGE]);

/* A stream of a trace: its place in the space in which the contents of all streams lie one behind the other. */
struct stream_entry {
    struct stream s;
    uint64_t frame; /* of the trace: they ascend */
    uint64_t begin; /* a multiple of STREAM_BLOCK */
};

/* Whether a page is there: it is; there is none, or no content; the content's file cannot be read. */
enum stream_got { STREAM_GOT, STREAM_NOWHERE, STREAM_UNREAD };
/* The page at a place of that space, of which the first n streams are there: it may begin in one of them, go
 * on in the zeros behind that, and end in the next. Behind the last one are zeros. `content` returns the
 * content of stream i, or NULL. */
enum stream_got stream_space_page(const struct stream_entry *entry, size_t n, uint64_t place,
                                  const struct stream_content *(*content)(void *ctx, size_t i), void *ctx,
                                  uint8_t out[TRACE_PAGE]);

/* Unpacks a stream piece by piece. */
struct stream_reader;

struct stream_reader *stream_reader_new(unsigned format, uint64_t most); /* bytes of content */
void stream_reader_free(struct stream_reader *r);                        /* NULL is allowed */
/* Gives the next packed bytes; *used: how many it took. UNPACK_END at the end of the stream, or when `most` bytes are
 * unpacked. */
enum unpack_result stream_reader_feed(struct stream_reader *r, const uint8_t *data, size_t n, size_t *used);
/* From now on nothing is kept of the content but its length and digest. */
void stream_reader_forget(struct stream_reader *r);
uint64_t stream_reader_length(const struct stream_reader *r);
/* After the end: the content and its digest. */
void stream_reader_take(struct stream_reader *r, struct stream_content *c, uint64_t hash[2]);

#endif
