/* stream.c - see stream.h. */
#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/sorted.h"
#include "traces/stream.h"

void stream_encode(struct buf *out, const struct stream *s)
{
    buf_varint(out, s->image);
    buf_varint(out, s->offset);
    buf_varint(out, s->packed);
    buf_u8(out, (uint8_t)s->format);
    buf_varint(out, s->length);
    buf_u64(out, s->hash[0]);
    buf_u64(out, s->hash[1]);
}

bool stream_decode(struct view *v, struct stream *s)
{
    s->image = view_varint(v);
    s->offset = view_varint(v);
    s->packed = view_varint(v);
    s->format = view_u8(v);
    s->length = view_varint(v);
    s->hash[0] = view_u64(v);
    s->hash[1] = view_u64(v);
    return !v->bad && !view_left(v);
}

/* ---------------------------------------------------------------- content */

static const uint8_t zeros[STREAM_BLOCK];

static void add_slab(struct stream_content *c, struct stream_slab slab)
{
    MEM_MORE(c->slab, c->nslabs);
    c->slab[c->nslabs++] = slab;
}

void stream_content_slab(struct stream_content *c, void *p)
{
    add_slab(c, (struct stream_slab){.p = p});
}

void stream_content_file(struct stream_content *c, void *p, size_t size, int fd)
{
    assert(size && !c->nslabs && "such a content has nothing else");
    add_slab(c, (struct stream_slab){p, size, fd});
}

void stream_content_free(struct stream_content *c)
{
    for (size_t i = 0; i < c->nslabs; i++)
        if (c->slab[i].mapped) {
            munmap(c->slab[i].p, c->slab[i].mapped);
            close(c->slab[i].fd);
        } else {
            free(c->slab[i].p);
        }
    free(c->slab);
    free(c->block);
    *c = (struct stream_content){0};
}

void stream_content_relax(const struct stream_content *c)
{
    for (size_t i = 0; i < c->nslabs; i++)
        if (c->slab[i].mapped)
            madvise(c->slab[i].p, c->slab[i].mapped, MADV_DONTNEED);
}

void stream_content_move(struct stream_content *c, struct stream_content *more, uint64_t room)
{
    for (size_t i = 0; i < room / STREAM_BLOCK; i++) {
        MEM_MORE(c->block, c->n);
        c->block[c->n++] = i < more->n ? more->block[i] : NULL;
    }
    for (size_t i = 0; i < more->nslabs; i++)
        add_slab(c, more->slab[i]);
    free(more->slab);
    free(more->block);
    *more = (struct stream_content){0};
}

static const uint8_t *block_of(const struct stream_content *c, uint64_t at)
{
    uint64_t i = at / STREAM_BLOCK;
    const uint8_t *block = i < c->n ? c->block[i] : NULL;
    return block ? block : zeros;
}

const uint8_t *stream_content_page(const struct stream_content *c, uint64_t at, uint8_t room[TRACE_PAGE])
{
    size_t within = at % STREAM_BLOCK, part = STREAM_BLOCK - within;
    const uint8_t *page = block_of(c, at) + within;
    if (part >= TRACE_PAGE)
        return page;
    memcpy(room, page, part);
    memcpy(room + part, block_of(c, at + part), TRACE_PAGE - part);
    return room;
}

/* Some bytes, at most a page. Of a file they are read: what is used of a mapping counts as this process's memory, and the host makes sixteen
 * pages of it present for each. False if the file cannot be read. */
static bool copy_content(const struct stream_content *c, uint64_t at, uint8_t *out, size_t n)
{
    uint8_t room[TRACE_PAGE];
    if (c->nslabs == 1 && c->slab[0].mapped) {
        const uint64_t left = at < c->slab[0].mapped ? c->slab[0].mapped - at : 0;
        const size_t part = n < left ? n : (size_t)left;
        memset(out + part, 0, n - part);
        return !part || pread(c->slab[0].fd, out, part, (off_t)at) == (ssize_t)part;
    }
    memcpy(out, stream_content_page(c, at, room), n);
    return true;
}

enum stream_got stream_space_page(const struct stream_entry *entry, size_t n, uint64_t place,
                                  const struct stream_content *(*content)(void *ctx, size_t i), void *ctx,
                                  uint8_t out[TRACE_PAGE])
{
    size_t i = SORTED_ABOVE(entry, n, begin, place), done = 0;
    if (!i-- || place - entry[i].begin >= stream_room(entry[i].s.length))
        return STREAM_NOWHERE;
    memset(out, 0, TRACE_PAGE);
    for (; i < n && done < TRACE_PAGE; i++) {
        uint64_t at = place + done - entry[i].begin, left = stream_room(entry[i].s.length) - at;
        size_t part = left < TRACE_PAGE - done ? (size_t)left : TRACE_PAGE - done;
        const struct stream_content *c = content(ctx, i);
        if (!c)
            return STREAM_NOWHERE;
        if (!copy_content(c, at, out + done, part))
            return STREAM_UNREAD;
        done += part;
    }
    return STREAM_GOT;
}

/* ---------------------------------------------------------------- unpacking */

struct stream_reader {
    struct unpacker *unpacker;
    XXH3_state_t *hash;
    struct stream_content content;
    uint64_t most, length; /* of what is in `content` */
    uint8_t *next;         /* the next block, as far as it is unpacked */
    size_t have;
    uint8_t *room; /* for the blocks behind it, in the last slab */
    size_t left, slab;
    bool forgets;
};

/* Slabs double: a content's length is not known before its end. What lies behind the last block is never touched. */
enum { SLAB_MOST = 16 << 20 };

static void slab_new(struct stream_reader *r)
{
    r->slab = !r->slab ? STREAM_BLOCK : r->slab < SLAB_MOST ? 2 * r->slab : SLAB_MOST;
    r->room = mem_alloc(r->slab);
    r->left = r->slab;
    stream_content_slab(&r->content, r->room);
}

static uint8_t *block_new(struct stream_reader *r)
{
    if (!r->left)
        slab_new(r);
    uint8_t *block = r->room;
    r->room += STREAM_BLOCK;
    r->left -= STREAM_BLOCK;
    return block;
}

struct stream_reader *stream_reader_new(unsigned format, uint64_t most)
{
    struct stream_reader *r = mem_zero(1, sizeof *r);
    r->unpacker = unpacker_new(format);
    r->hash = mem_check(XXH3_createState());
    XXH3_128bits_reset(r->hash);
    r->most = most;
    r->next = block_new(r);
    return r;
}

void stream_reader_free(struct stream_reader *r)
{
    if (!r)
        return;
    unpacker_free(r->unpacker);
    XXH3_freeState(r->hash);
    stream_content_free(&r->content);
    free(r);
}

static void block_keep(struct stream_reader *r)
{
    struct stream_content *c = &r->content;
    memset(r->next + r->have, 0, STREAM_BLOCK - r->have);
    MEM_MORE(c->block, c->n);
    bool zero = mem_is_zero(r->next, STREAM_BLOCK);
    c->block[c->n++] = zero ? NULL : r->next;
    if (!zero)
        r->next = block_new(r);
}

static void block_done(struct stream_reader *r)
{
    if (!r->have)
        return;
    XXH3_128bits_update(r->hash, r->next, r->have);
    if (!r->forgets)
        block_keep(r);
    r->length += r->have;
    r->have = 0;
}

enum unpack_result stream_reader_feed(struct stream_reader *r, const uint8_t *data, size_t n, size_t *used)
{
    const uint8_t *in = data;
    enum unpack_result result = UNPACK_MORE;
    while (result == UNPACK_MORE && r->length < r->most) {
        uint64_t left = r->most - r->length;
        size_t whole = left < STREAM_BLOCK ? (size_t)left : STREAM_BLOCK, room = whole - r->have;
        uint8_t *out = r->next + r->have;
        result = unpacker_run(r->unpacker, &in, &n, &out, &room);
        r->have = whole - room;
        if (room && result == UNPACK_MORE)
            break; /* it needs more input */
        if (result != UNPACK_BAD)
            block_done(r);
    }
    *used = (size_t)(in - data);
    return result == UNPACK_MORE && r->length == r->most ? UNPACK_END : result;
}

void stream_reader_forget(struct stream_reader *r)
{
    r->forgets = true;
}

uint64_t stream_reader_length(const struct stream_reader *r)
{
    return r->length + r->have;
}

void stream_reader_take(struct stream_reader *r, struct stream_content *c, uint64_t hash[2])
{
    XXH128_hash_t h = XXH3_128bits_digest(r->hash);
    hash[0] = h.low64;
    hash[1] = h.high64;
    *c = r->content;
    r->content = (struct stream_content){0};
}
