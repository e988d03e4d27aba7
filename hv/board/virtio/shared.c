/* shared.c - the block of memory that a share's records are in, its image, handles. See shared.h. */
#include "hv/board/virtio/shared.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK (2ull << 30)
enum { HEADER = 4096, BUCKETS = 1 << 16 };

struct shared_header {
    struct {
        uint32_t used, free, kept,
            zero; /* records that there ever were; the free list; how many are in use */
    } pool[POOLS];
    uint32_t chunks; /* of the image that are used */
};
_Static_assert(sizeof(struct shared_header) <= HEADER, "it has a page");

/* The pools, one after another behind the lists' heads; pages take what is left. */
static const struct {
    uint32_t size, most;
} pools[POOLS] = {
    [POOL_NODES] = {sizeof(struct shared_node), 1 << 19},
    [POOL_SEGMENTS] = {sizeof(struct shared_segment), 1 << 20},
    [POOL_HANDLES] = {sizeof(struct shared_handle), 1 << 20},
    [POOL_CURSORS] = {sizeof(struct shared_cursor), 1 << 14},
    [POOL_PAGES] = {SHARE_PAGE, 0},
};

struct shared {
    struct board *board;
    struct ramblock *block;
    uint8_t *host; /* the block's bytes */
    const struct image *image;
    uint64_t start[POOLS];
    uint32_t pages;
    bool damaged;               /* derived */
    struct shared_holes *holes; /* derived */
    char name[16];
};

static struct shared_header *header(struct shared *s)
{
    return (struct shared_header *)s->host;
}

static void touch(struct shared *s, const void *at, size_t n)
{
    physmem_touch(board_mem(s->board), s->block, (uint64_t)((const uint8_t *)at - s->host), n);
}

static uint32_t most_of(struct shared *s, enum shared_pool pool)
{
    return pool == POOL_PAGES ? s->pages : pools[pool].most;
}

/* ---------------------------------------------------------------- records */

void *shared_record(struct shared *s, enum shared_pool pool, uint32_t number)
{
    if (number > header(s)->pool[pool].used || number >= most_of(s, pool)) {
        s->damaged = true;
        number = 0;
    }
    return s->host + s->start[pool] + (uint64_t)number * pools[pool].size;
}

void shared_changed(struct shared *s, enum shared_pool pool, uint32_t number)
{
    touch(s, shared_record(s, pool, number), pools[pool].size);
}

uint32_t shared_take(struct shared *s, enum shared_pool pool)
{
    struct shared_header *h = header(s);
    uint32_t number = h->pool[pool].free, *record;
    if (!number && h->pool[pool].used + 1 >= most_of(s, pool))
        return 0;
    if (!number)
        number = ++h->pool[pool].used;
    record = shared_record(s, pool, number);
    if (h->pool[pool].free)
        h->pool[pool].free = *record;
    h->pool[pool].kept++;
    touch(s, h, sizeof *h);
    memset(record, 0, pools[pool].size);
    shared_changed(s, pool, number);
    return number;
}

/* The link of the free list is a record's first number. */
void shared_give(struct shared *s, enum shared_pool pool, uint32_t number)
{
    struct shared_header *h = header(s);
    uint32_t *record = shared_record(s, pool, number);
    memset(record, 0, pools[pool].size);
    *record = h->pool[pool].free;
    shared_changed(s, pool, number);
    h->pool[pool].free = number;
    h->pool[pool].kept--;
    touch(s, h, sizeof *h);
}

uint32_t shared_most(struct shared *s, enum shared_pool pool)
{
    return header(s)->pool[pool].used;
}

void shared_set_damaged(struct shared *s)
{
    s->damaged = true;
}

bool shared_damaged(struct shared *s)
{
    return s->damaged;
}

void shared_room(struct shared *s, uint64_t *used, uint64_t *most)
{
    *used = (uint64_t)header(s)->pool[POOL_PAGES].kept * SHARE_PAGE;
    *most = (uint64_t)s->pages * SHARE_PAGE;
}

/* ---------------------------------------------------------------- lists by hash */

static uint32_t *bucket(struct shared *s, enum shared_pool pool, uint64_t hash)
{
    return (uint32_t *)(s->host + HEADER) + (uint64_t)pool * BUCKETS + (hash ^ hash >> 32) % BUCKETS;
}

uint32_t shared_bucket(struct shared *s, enum shared_pool pool, uint64_t hash)
{
    return *bucket(s, pool, hash);
}

void shared_set_bucket(struct shared *s, enum shared_pool pool, uint64_t hash, uint32_t number)
{
    uint32_t *head = bucket(s, pool, hash);
    *head = number;
    touch(s, head, sizeof *head);
}

void shared_unhash(struct shared *s, enum shared_pool pool, uint64_t hash, uint32_t number)
{
    uint32_t *link = bucket(s, pool, hash);
    for (uint32_t i = shared_most(s, pool); *link && *link != number; i--) {
        if (!i) {
            s->damaged = true;
            return;
        }
        link = shared_record(s, pool, *link);
    }
    if (*link)
        *link = *(uint32_t *)shared_record(s, pool, number);
    touch(s, link, sizeof *link);
}

/* ---------------------------------------------------------------- the host's answers */

int shared_image(struct shared *s, uint64_t offset, void *buf, size_t n)
{
    struct error err;
    if (!s->image || offset > s->image->size || n > s->image->size - offset) {
        s->damaged = true;
        return EIO;
    }
    if (!s->image->read(s->image->ctx, offset, buf, n, &err))
        return 0;
    board_image_error(s->board, &err);
    return EIO;
}

int shared_use_chunks(struct shared *s, uint32_t more)
{
    struct shared_header *h = header(s);
    if (more > SHARE_CHUNKS - h->chunks) {
        board_unhandled(s->board, "a share's look at more than 256 GiB of the host", h->chunks, false, more);
        return ENOSPC;
    }
    h->chunks += more;
    touch(s, h, sizeof *h);
    return 0;
}

int shared_ask(struct shared *s, const struct share_question *q, void *answer, size_t n, uint32_t *chunk)
{
    struct error err;
    *chunk = header(s)->chunks;
    if (!s->image)
        return ENOENT;
    int rc = shared_use_chunks(s, 1);
    if (rc)
        return rc;
    if (s->image->place && s->image->place(s->image->ctx, (uint64_t)*chunk * SHARE_CHUNK, q, &err)) {
        board_image_error(s->board, &err);
        return EIO;
    }
    return shared_image(s, (uint64_t)*chunk * SHARE_CHUNK, answer, n);
}

/* ---------------------------------------------------------------- handles */

static uint64_t handle_hash(uint32_t number)
{
    return number * 0x9e3779b97f4a7c15ull;
}

static uint32_t find_handle(struct shared *s, uint32_t number)
{
    uint32_t at = shared_bucket(s, POOL_HANDLES, handle_hash(number));
    for (uint32_t i = shared_most(s, POOL_HANDLES); at; i--) {
        const struct shared_handle *h = shared_record(s, POOL_HANDLES, at);
        if (h->number == number)
            return at;
        if (!i) {
            s->damaged = true;
            return 0;
        }
        at = h->link;
    }
    return 0;
}

struct shared_handle *shared_handle(struct shared *s, uint32_t number)
{
    uint32_t at = find_handle(s, number);
    return at ? shared_record(s, POOL_HANDLES, at) : NULL;
}

int shared_handle_add(struct shared *s, uint32_t number, uint32_t node)
{
    if (find_handle(s, number))
        return EBADF;
    uint32_t at = shared_take(s, POOL_HANDLES);
    if (!at)
        return ENFILE;
    struct shared_handle *h = shared_record(s, POOL_HANDLES, at);
    h->number = number;
    h->node = node;
    h->link = shared_bucket(s, POOL_HANDLES, handle_hash(number));
    shared_changed(s, POOL_HANDLES, at);
    shared_set_bucket(s, POOL_HANDLES, handle_hash(number), at);
    shared_hold(s, node);
    return 0;
}

void shared_handle_changed(struct shared *s, const struct shared_handle *h)
{
    touch(s, h, sizeof *h);
}

void shared_handle_drop(struct shared *s, uint32_t number)
{
    uint32_t at = find_handle(s, number);
    if (!at)
        return;
    const struct shared_handle h = *(struct shared_handle *)shared_record(s, POOL_HANDLES, at);
    shared_unhash(s, POOL_HANDLES, handle_hash(number), at);
    shared_give(s, POOL_HANDLES, at);
    if (h.cursor)
        shared_give(s, POOL_CURSORS, h.cursor);
    shared_drop(s, h.node);
}

void shared_handles_clear(struct shared *s)
{
    for (uint64_t i = 0; i < BUCKETS; i++)
        for (uint32_t at; (at = shared_bucket(s, POOL_HANDLES, i)) && !s->damaged;) {
            shared_handle_drop(s, ((struct shared_handle *)shared_record(s, POOL_HANDLES, at))->number);
            if (shared_bucket(s, POOL_HANDLES, i) == at)
                s->damaged = true; /* its number is of another list */
        }
}

struct shared_cursor *shared_cursor(struct shared *s, struct shared_handle *h)
{
    if (!h->cursor && (h->cursor = shared_take(s, POOL_CURSORS)))
        shared_handle_changed(s, h);
    return h->cursor ? shared_record(s, POOL_CURSORS, h->cursor) : NULL;
}

void shared_cursor_changed(struct shared *s, const struct shared_cursor *c)
{
    touch(s, c, sizeof *c);
}

/* ---------------------------------------------------------------- the whole */

struct board *shared_board(struct shared *s)
{
    return s->board;
}

/* The folder itself is the first node; where there is no image, it is an empty one. */
static void make_root(struct shared *s)
{
    uint32_t number = shared_take(s, POOL_NODES);
    struct shared_node *root = shared_record(s, POOL_NODES, number);
    assert(number == SHARE_ROOT && "the first record");
    root->names = 1;
    root->mode = S_IFDIR | 0755;
    root->host = s->image != NULL;
    root->known = root->listed = !s->image;
    shared_changed(s, POOL_NODES, number);
}

void shared_loaded(struct shared *s)
{
    const struct shared_header *h = header(s);
    s->damaged = h->chunks > SHARE_CHUNKS || h->pool[POOL_NODES].used < SHARE_ROOT;
    for (unsigned i = 0; i < POOLS; i++)
        s->damaged |= h->pool[i].used >= most_of(s, i);
    shared_holes_forget(s->holes);
}

struct shared_holes *shared_holes(struct shared *s)
{
    return s->holes;
}

struct shared *shared_new(struct board *b, unsigned number, struct error *err)
{
    struct shared *s = mem_zero(1, sizeof *s);
    uint64_t at = HEADER + (uint64_t)POOLS * BUCKETS * sizeof(uint32_t);
    s->board = b;
    snprintf(s->name, sizeof s->name, "share%u", number);
    s->image = config_image(board_config(b), s->name);
    s->block = physmem_block(board_mem(b), s->name, BLOCK);
    if (!s->block) {
        free(s);
        error_set(err, "no memory for a shared folder");
        return NULL;
    }
    s->host = ramblock_host(s->block);
    for (unsigned i = 0; i < POOLS; i++) {
        s->start[i] = (at + SHARE_PAGE - 1) / SHARE_PAGE * SHARE_PAGE;
        at = s->start[i] + (uint64_t)pools[i].size * pools[i].most;
    }
    s->pages = (uint32_t)((BLOCK - s->start[POOL_PAGES]) / SHARE_PAGE);
    s->holes = shared_holes_new(pools[POOL_NODES].most);
    make_root(s);
    return s;
}

void shared_free(struct shared *s)
{
    if (s)
        shared_holes_free(s->holes);
    free(s);
}
