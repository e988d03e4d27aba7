/* stream_finder.c - see stream_finder.h. */
#include <assert.h>

#include "traces/frame.h"
#include "traces/stream_finder.h"
#include "traces/stream_known.h"

enum {
    OPEN_STREAMS = 4, /* that wait for their next chunk; the one that has waited longest gives way */
    KEPT_CHUNKS = 32,
    CANDIDATES = 8,
    /* Packed bytes. Shorter streams, one behind the other, are the files of an archive: modules of a kernel, most of which nobody unpacks.
     * They are not worth the time that unpacking takes, nor the room that their content takes of what all streams have. */
    SHORT = 256 << 10,
};

/* What may be a stream: its beginning. It is unpacked once SHORT bytes have come, or the image's end, and no other has begun between. */
struct candidate {
    bool used;
    uint64_t image, chunk;
    size_t at; /* in the chunk */
    unsigned format;
};

/* A stream of which more is to come. */
struct open_stream {
    struct stream s;
    struct stream_taker *reader; /* NULL: not used */
    uint64_t next;               /* chunk of the image */
    uint64_t fed;                /* when it last got one */
};

struct kept {
    uint64_t image, chunk;
    uint8_t *data; /* NULL: not used */
    size_t n;
};

struct stream_finder {
    stream_found *found;
    void *ctx;
    char *folder;  /* see stream_finder_store(), or NULL */
    uint64_t left; /* bytes of content that may still be used */
    uint64_t clock;
    struct open_stream open[OPEN_STREAMS];
    struct kept kept[KEPT_CHUNKS]; /* the latest that are not wholly part of a stream */
    size_t next_kept;
    uint64_t taken; /* packed bytes of the stream that was fed last; 0 if it turned out to be none */
    struct candidate candidate[CANDIDATES];
    size_t next_candidate;
};

struct stream_finder *stream_finder_new(stream_found *found, void *ctx)
{
    struct stream_finder *f = mem_zero(1, sizeof *f);
    f->found = found;
    f->ctx = ctx;
    f->left = STREAMS_MAX;
    return f;
}

void stream_finder_store(struct stream_finder *f, const char *folder)
{
    free(f->folder);
    f->folder = mem_string(folder);
}

static void close_stream(struct open_stream *o)
{
    stream_taker_free(o->reader);
    *o = (struct open_stream){0};
}

void stream_finder_free(struct stream_finder *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < OPEN_STREAMS; i++)
        close_stream(&f->open[i]);
    for (size_t i = 0; i < KEPT_CHUNKS; i++)
        free(f->kept[i].data);
    free(f->folder);
    free(f);
}

/* ---------------------------------------------------------------- kept chunks */

static void keep(struct stream_finder *f, uint64_t image, uint64_t chunk, const uint8_t *data, size_t n)
{
    assert(n <= TRACE_CHUNK);
    struct kept *k = &f->kept[f->next_kept++ % KEPT_CHUNKS];
    if (!k->data)
        k->data = mem_alloc(TRACE_CHUNK);
    memcpy(k->data, data, n);
    k->image = image;
    k->chunk = chunk;
    k->n = n;
}

static const struct kept *kept_find(const struct stream_finder *f, uint64_t image, uint64_t chunk)
{
    for (size_t i = 0; i < KEPT_CHUNKS; i++)
        if (f->kept[i].data && f->kept[i].image == image && f->kept[i].chunk == chunk)
            return &f->kept[i];
    return NULL;
}

/* ---------------------------------------------------------------- streams */

static void complete(struct stream_finder *f, struct open_stream *o)
{
    assert(o->reader && "only an open stream can be complete");
    struct stream_content content;
    o->s.length = stream_taker_length(o->reader);
    if (o->s.length < STREAM_LEAST || stream_room(o->s.length) > f->left)
        return;
    f->left -= stream_room(o->s.length);
    stream_taker_take(o->reader, &content, o->s.hash);
    f->found(f->ctx, &o->s, &content);
}

/* Gives the stream the next bytes, which end a chunk. Returns how many belong to it; the stream is closed if
 * it ends there. */
static size_t feed(struct stream_finder *f, struct open_stream *o, const uint8_t *data, size_t n)
{
    size_t used;
    enum unpack_result result = stream_taker_feed(o->reader, data, n, &used);
    assert(used <= n && "a stream takes at most what it is given");
    o->s.packed += used;
    o->next++;
    o->fed = ++f->clock;
    f->taken = result == UNPACK_BAD ? 0 : o->s.packed;
    if (result == UNPACK_END)
        complete(f, o);
    if (result != UNPACK_MORE || o->s.packed > STREAM_MAX_PACKED)
        close_stream(o);
    return result == UNPACK_BAD ? 0 : used;
}

static struct open_stream *oldest(struct stream_finder *f)
{
    struct open_stream *o = &f->open[0];
    for (size_t i = 0; i < OPEN_STREAMS; i++) {
        if (!f->open[i].reader)
            return &f->open[i];
        if (f->open[i].fed < o->fed)
            o = &f->open[i];
    }
    close_stream(o);
    assert(!o->reader);
    return o;
}

/* The chunks behind it that came earlier. */
static void catch_up(struct stream_finder *f, struct open_stream *o)
{
    const struct kept *k;
    while (o->reader && (k = kept_find(f, o->s.image, o->next)))
        feed(f, o, k->data, k->n);
}

/* Unpacks what has come of a stream. */
static void begin(struct stream_finder *f, const struct candidate *c, const struct kept *first)
{
    struct open_stream *o = oldest(f);
    assert(c->at < first->n && f->left >= STREAM_BLOCK && "none is begun where there is no room");
    o->s = (struct stream){.image = c->image, .offset = c->chunk * TRACE_CHUNK + c->at, .format = c->format};
    o->reader = stream_taker_new(c->format, f->left - STREAM_BLOCK, f->folder);
    o->next = c->chunk;
    feed(f, o, first->data + c->at, first->n - c->at);
    catch_up(f, o);
}

/* ---------------------------------------------------------------- where streams may begin */

static uint64_t place_of(const struct candidate *c)
{
    return c->chunk * TRACE_CHUNK + c->at;
}

/* One of the same format that began shortly before it was short. */
static void note_candidate(struct stream_finder *f, const struct candidate *next)
{
    struct candidate *room = NULL;
    for (size_t i = 0; i < CANDIDATES; i++) {
        struct candidate *c = &f->candidate[i];
        if (c->used && c->image == next->image && c->format == next->format && place_of(c) < place_of(next) &&
            place_of(next) - place_of(c) < SHORT)
            c->used = false;
        if (!c->used)
            room = c;
    }
    *(room ? room : &f->candidate[f->next_candidate++ % CANDIDATES]) = *next;
}

/* Whether enough of it has come, without a gap. */
static bool is_ready(const struct stream_finder *f, const struct candidate *c)
{
    const struct kept *k;
    uint64_t bytes = 0;
    for (uint64_t chunk = c->chunk; bytes < SHORT + c->at && (k = kept_find(f, c->image, chunk)); chunk++) {
        bytes += k->n;
        if (k->n < TRACE_CHUNK)
            return true;
    }
    return bytes >= SHORT + c->at;
}

/* In the order in which they are in the image. */
static struct candidate *next_ready(struct stream_finder *f, uint64_t image)
{
    struct candidate *first = NULL;
    for (size_t i = 0; i < CANDIDATES; i++) {
        struct candidate *c = &f->candidate[i];
        if (c->used && c->image == image && (!first || place_of(c) < place_of(first)) && is_ready(f, c))
            first = c;
    }
    return first;
}

/* What looked like a beginning is within a stream. */
static void drop_inside(struct stream_finder *f, const struct candidate *stream, uint64_t bytes)
{
    for (size_t i = 0; i < CANDIDATES; i++) {
        struct candidate *c = &f->candidate[i];
        if (c->image == stream->image && place_of(c) > place_of(stream) &&
            place_of(c) - place_of(stream) < bytes)
            c->used = false;
    }
}

static void begin_ready(struct stream_finder *f, uint64_t image)
{
    struct candidate *c;
    while (f->left >= 2 * STREAM_LEAST && (c = next_ready(f, image))) {
        c->used = false;
        begin(f, c, kept_find(f, image, c->chunk));
        drop_inside(f, c, f->taken);
    }
}

/* The first bytes of gzip's data say little: three of them are anywhere. RFC 1952, 2.3: reserved flags are 0; what compressors and systems
 * say of themselves. */
static bool is_likely(const uint8_t *p, size_t n, unsigned format)
{
    enum { FLAGS = 3, XFL = 8, OS = 9, RESERVED = 0xe0, OS_LAST = 13, OS_UNKNOWN = 255 };
    return format != UNPACK_GZIP || n <= OS ||
           (!(p[FLAGS] & RESERVED) && !(p[XFL] & ~6) && (p[OS] <= OS_LAST || p[OS] == OS_UNKNOWN));
}

static void search(struct stream_finder *f, uint64_t image, uint64_t chunk, const uint8_t *data, size_t n,
                   size_t at)
{
    unsigned format;
    struct unpack_search s = {0};
    for (; (at = unpack_find(&s, data, n, at, &format)) < n; at++)
        if (is_likely(data + at, n - at, format))
            note_candidate(f, &(struct candidate){true, image, chunk, at, format});
}

void stream_finder_chunk(struct stream_finder *f, uint64_t image, uint64_t chunk, const uint8_t *data,
                         size_t n)
{
    size_t at = 0;
    if (f->left < 2 * STREAM_LEAST)
        return;
    for (size_t i = 0; i < OPEN_STREAMS; i++) {
        struct open_stream *o = &f->open[i];
        if (!o->reader || o->s.image != image || o->next != chunk)
            continue;
        size_t used = feed(f, o, data, n);
        at = used > at ? used : at;
        catch_up(f, o);
    }
    if (at == n)
        return;
    keep(f, image, chunk, data, n);
    search(f, image, chunk, data, n, at);
    begin_ready(f, image);
}
