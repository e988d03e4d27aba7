/* stream_known.c - see stream_known.h. */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/byte_order.h"
#include "base/folder.h"
#include "traces/stream_known.h"
#include "traces/stream_store.h"

enum {
    FILE_MOST = 1 << 20, /* bytes, of tens of thousands of pieces */
    END = 8,             /* its own digest */
    EXPECTED_MOST = 32 << 20,
};

void stream_known_free(struct stream_known *k)
{
    free(k->piece);
    *k = (struct stream_known){0};
}

/* The name says what a stream begins with, and the version of this file's form. */
static void path_of(const char *folder, unsigned format, const struct stream_piece *first, char path[4096])
{
    snprintf(path, 4096, "%s/%016" PRIx64 "%016" PRIx64 ".%u" STREAM_KNOWN_SUFFIX, folder, first->hash[1],
             first->hash[0], format);
}

/* ---------------------------------------------------------------- one in its file */

static void encode(struct buf *out, const struct stream_known *k)
{
    buf_varint(out, k->length);
    buf_u64(out, k->hash[0]);
    buf_u64(out, k->hash[1]);
    buf_varint(out, k->n);
    for (size_t i = 0; i < k->n; i++) {
        buf_varint(out, k->piece[i].given);
        buf_varint(out, k->piece[i].used);
        buf_u64(out, k->piece[i].hash[0]);
        buf_u64(out, k->piece[i].hash[1]);
    }
    buf_u64(out, XXH3_64bits(out->p, out->n));
}

static struct stream_piece decode_piece(struct view *v)
{
    struct stream_piece p = {.given = (uint32_t)view_number(v, TRACE_CHUNK)};
    p.used = (uint32_t)view_number(v, p.given);
    p.hash[0] = view_u64(v);
    p.hash[1] = view_u64(v);
    return p;
}

static bool decode(struct view *v, struct stream_known *k)
{
    k->length = view_number(v, STREAMS_MAX);
    k->hash[0] = view_u64(v);
    k->hash[1] = view_u64(v);
    const size_t n = view_number(v, FILE_MOST / 16);
    bool good = !v->bad && n >= STREAM_KNOWN_LEAST;
    for (size_t i = 0; i < n && good; i++) {
        MEM_MORE(k->piece, k->n);
        k->piece[k->n++] = decode_piece(v);
        good = !v->bad && (i + 1 == n || k->piece[i].used == k->piece[i].given);
    }
    return good && !view_left(v);
}

static bool same_piece(const struct stream_piece *a, const struct stream_piece *b)
{
    return a->given == b->given && a->used == b->used && !memcmp(a->hash, b->hash, sizeof a->hash);
}

static bool decode_file(const uint8_t *file, size_t n, struct stream_known *k)
{
    if (n < END || le64(file + n - END) != XXH3_64bits(file, n - END))
        return false;
    struct view v = view_of(file, n - END);
    return decode(&v, k);
}

bool stream_known_get(const char *folder, unsigned format, const struct stream_piece *first,
                      struct stream_known *k)
{
    char path[4096];
    path_of(folder, format, first, path);
    *k = (struct stream_known){.format = format};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    uint8_t *file = mem_alloc(FILE_MOST);
    const ssize_t n = read(fd, file, FILE_MOST);
    const bool good = n > 0 && decode_file(file, (size_t)n, k) && same_piece(&k->piece[0], first);
    if (good)
        futimens(fd, NULL); /* the time of its last use */
    else
        stream_known_free(k);
    free(file);
    close(fd);
    return good;
}

void stream_known_keep(const char *folder, const struct stream_known *k)
{
    char path[4096];
    struct buf file = {0};
    assert(k->n >= STREAM_KNOWN_LEAST && "of a shorter one the beginning is not known");
    path_of(folder, k->format, &k->piece[0], path);
    encode(&file, k);
    if (file.n <= FILE_MOST)
        stream_store_file(folder, path, file.p, file.n);
    buf_free(&file);
}

/* ---------------------------------------------------------------- the taker */

static const atomic_bool never;

struct stream_taker {
    const char *folder; /* NULL: none is used */
    unsigned format;
    uint64_t most;
    struct stream_reader *reader; /* NULL as long as all pieces are those of `known` */
    struct stream_known known;
    struct stream_known seen; /* its pieces are those that were fed */
    struct buf packed;        /* their bytes, as long as there is no reader */
    bool whole;               /* `content` is that of `known` */
    struct stream_content content;
};

struct stream_taker *stream_taker_new(unsigned format, uint64_t most, const char *folder)
{
    struct stream_taker *t = mem_zero(1, sizeof *t);
    *t = (struct stream_taker){.folder = folder, .format = format, .most = most, .seen = {.format = format}};
    return t;
}

void stream_taker_free(struct stream_taker *t)
{
    if (!t)
        return;
    stream_reader_free(t->reader);
    stream_known_free(&t->known);
    stream_known_free(&t->seen);
    buf_free(&t->packed);
    stream_content_free(&t->content);
    free(t);
}

static struct stream_piece piece_of(const uint8_t *data, size_t given, size_t used)
{
    const XXH128_hash_t h = XXH3_128bits(data, used);
    return (struct stream_piece){(uint32_t)given, (uint32_t)used, {h.low64, h.high64}};
}

static void note_piece(struct stream_taker *t, struct stream_piece p)
{
    MEM_MORE(t->seen.piece, t->seen.n);
    t->seen.piece[t->seen.n++] = p;
}

/* All of the known pieces will probably follow. */
static void expect_packed(struct stream_taker *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->known.n; i++)
        n += t->known.piece[i].given;
    if (n <= EXPECTED_MOST)
        mem_expect(buf_room(&t->packed, n), n);
}

/* Whether something is known of what begins with this piece that could be used. */
static bool is_known(struct stream_taker *t, const uint8_t *data, size_t n)
{
    const struct stream_piece first = piece_of(data, n, n);
    if (!t->folder || !stream_known_get(t->folder, t->format, &first, &t->known))
        return false;
    if (t->known.length < t->most) { /* where nothing is cut off */
        expect_packed(t);
        return true;
    }
    stream_known_free(&t->known);
    return false;
}

/* From now on it is unpacked. None of the pieces so far is where a stream ends: false if the unpacker does not
 * agree with what was known. */
static bool begin_reading(struct stream_taker *t)
{
    const uint8_t *at = t->packed.p;
    bool agrees = true;
    t->reader = stream_reader_new(t->format, t->most);
    for (size_t i = 0; i < t->seen.n && agrees; at += t->seen.piece[i++].given) {
        size_t used;
        agrees = stream_reader_feed(t->reader, at, t->seen.piece[i].given, &used) == UNPACK_MORE &&
                 used == t->seen.piece[i].given;
    }
    buf_free(&t->packed);
    stream_known_free(&t->known);
    return agrees;
}

static bool fetch_content(struct stream_taker *t)
{
    const struct stream s = {.length = t->known.length, .hash = {t->known.hash[0], t->known.hash[1]}};
    return stream_store_get(t->folder, &s, &t->content, &never);
}

/* The next piece is the one that is known. UNPACK_BAD if it is another. */
static enum unpack_result follow(struct stream_taker *t, const uint8_t *data, size_t n, size_t *used)
{
    const struct stream_piece *p = &t->known.piece[t->seen.n];
    const bool last = t->seen.n + 1 == t->known.n;
    if (last ? n < p->used : n != p->given)
        return UNPACK_BAD;
    const struct stream_piece now = piece_of(data, p->given, p->used);
    if (!same_piece(p, &now) || (last && !fetch_content(t)))
        return UNPACK_BAD;
    *used = p->used;
    t->whole = last;
    if (!last) {
        buf_add(&t->packed, data, n);
        note_piece(t, now);
    }
    return last ? UNPACK_END : UNPACK_MORE;
}

enum unpack_result stream_taker_feed(struct stream_taker *t, const uint8_t *data, size_t n, size_t *used)
{
    assert(!t->whole && n <= TRACE_CHUNK && "nothing follows the end");
    if (!t->reader && (t->seen.n || is_known(t, data, n))) {
        const enum unpack_result result = follow(t, data, n, used);
        if (result != UNPACK_BAD)
            return result;
    }
    if (!t->reader && !begin_reading(t)) {
        *used = 0;
        return UNPACK_BAD;
    }
    const enum unpack_result result = stream_reader_feed(t->reader, data, n, used);
    if (t->folder)
        note_piece(t, piece_of(data, n, *used));
    return result;
}

uint64_t stream_taker_length(const struct stream_taker *t)
{
    return t->whole ? t->known.length : t->reader ? stream_reader_length(t->reader) : 0;
}

/* What is kept is then used from there, which takes less memory. */
static void keep(struct stream_taker *t, struct stream_content *c)
{
    const struct stream s = {
        .format = t->format, .length = t->seen.length, .hash = {t->seen.hash[0], t->seen.hash[1]}};
    struct stream_content kept;
    stream_store_keep(t->folder, &s, c);
    stream_known_keep(t->folder, &t->seen);
    if (!stream_store_get(t->folder, &s, &kept, &never))
        return;
    stream_content_free(c);
    *c = kept;
}

void stream_taker_take(struct stream_taker *t, struct stream_content *c, uint64_t hash[2])
{
    if (t->whole) {
        *c = t->content;
        t->content = (struct stream_content){0};
        memcpy(hash, t->known.hash, sizeof t->known.hash);
        return;
    }
    t->seen.length = stream_reader_length(t->reader);
    stream_reader_take(t->reader, c, hash);
    memcpy(t->seen.hash, hash, sizeof t->seen.hash);
    if (t->folder && t->seen.n >= STREAM_KNOWN_LEAST && t->seen.length < t->most)
        keep(t, c);
}
