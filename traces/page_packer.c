/* page_packer.c - see page_packer.h. */
#include <assert.h>

#include "base/byte_order.h"
#include "traces/image_table.h"
#include "traces/page_packer.h"
#include "traces/page_store.h"
#include "traces/read_back.h"
#include "traces/stream_table.h"

struct page_packer {
    uint32_t next; /* number of the next page */
    struct page_frame frame;
    struct page_store *store;
    struct image_table *images;
    struct stream_table *streams;
    struct read_back *back;
    uint64_t refused;
    uint32_t frame_refused; /* in the frame that is being filled */
    struct page_parts aligned, anywhere;
    struct delta delta[2];
    struct stream_changes stream;
    uint32_t lost;       /* pages of this state that the store no longer had when they were replaced */
    bool crowded;        /* see remember() */
    unsigned missed;     /* pages in a row that neither streams nor images have */
    struct buf replaced; /* numbers of pages that are no longer in the current state */
};

struct page_packer *page_packer_new(void)
{
    struct page_packer *p = mem_zero(1, sizeof *p);
    p->store = page_store_new();
    p->images = image_table_new();
    p->streams = stream_table_new();
    p->back = read_back_new(p->store, p->images);
    return p;
}

void page_packer_free(struct page_packer *p)
{
    page_frame_free(&p->frame);
    read_back_free(p->back);
    page_store_free(p->store);
    image_table_free(p->images);
    stream_table_free(p->streams);
    buf_free(&p->replaced);
    free(p);
}

void page_packer_contents(struct page_packer *p, const struct buf *contents, const struct buf *lengths)
{
    const uint8_t *at = contents->p;
    for (size_t i = 0; i < lengths->n; i += sizeof(uint32_t)) {
        uint32_t n = le32(lengths->p + i);
        image_table_add(p->images, at, n);
        at += n;
    }
}

void page_packer_stream(struct page_packer *p, struct stream_content *content, uint64_t length, uint64_t room)
{
    read_back_stream(p->back, content, length);
    stream_table_add(p->streams, content, room);
}

/* ---------------------------------------------------------------- one page */

/* The best way found so far. */
struct choice {
    uint32_t cost; /* about how many bytes it adds to the frame */
    unsigned depth;
    const struct page_parts *parts;
    const struct delta *delta; /* of page `base` */
    uint32_t base;
    const struct stream_changes *stream;
};

/* Below this, searching further costs more than it saves. */
enum { GOOD_COST = 256 };
/* After MISSES pages in a row that are in no image, one page in LOOKED_FOR is searched for, until one is found. */
enum { MISSES = 64, LOOKED_FOR = 8 };

static void try_delta(struct page_packer *p, const uint8_t *page, uint32_t base, struct delta *d,
                      struct choice *c)
{
    unsigned depth;
    const uint8_t *was = base == NO_PAGE ? NULL : page_store_get(p->store, base, &depth);
    if (!was || depth == DELTA_DEPTH || !delta_make(d, page, was) || d->ncode + d->nbytes >= c->cost)
        return;
    *c = (struct choice){.cost = d->ncode + d->nbytes, .depth = depth + 1, .delta = d, .base = base};
}

static void try_parts(const struct page_parts *parts, bool known, struct choice *c)
{
    if (known && parts->literal < c->cost)
        *c = (struct choice){.cost = parts->literal, .parts = parts};
}

static void try_streams(struct page_packer *p, const uint8_t *page, struct choice *c)
{
    if (stream_table_find(p->streams, page, c->cost, &p->stream))
        *c = (struct choice){.cost = p->stream.ncode + p->stream.nbytes, .stream = &p->stream};
}

static struct choice choose(struct page_packer *p, const uint8_t *page, const struct page_hint *hint)
{
    struct choice c = {.cost = DELTA_MAX + 1};
    try_parts(&p->aligned, image_table_match(p->images, page, &p->aligned), &c);
    if (c.cost)
        try_delta(p, page, hint->own, &p->delta[0], &c);
    if (c.cost <= GOOD_COST)
        return c;
    /* What a guest computes is in no image, and a search that finds nothing takes longest. */
    const bool search = p->missed < MISSES || p->next % LOOKED_FOR == 0;
    if (search)
        try_streams(p, page, &c);
    if (c.cost > GOOD_COST)
        try_delta(p, page, hint->moved, &p->delta[1], &c);
    if (search && c.cost > GOOD_COST)
        try_parts(&p->anywhere, image_table_search(p->images, page, &p->anywhere), &c);
    if (search)
        p->missed = c.stream || c.parts ? 0 : p->missed + 1;
    return c;
}

static void add_item(struct page_packer *p, const uint8_t *page, const struct choice *c)
{
    assert(!c->parts + !c->delta + !c->stream >= 2 && "a page is stored in one way");
    if (c->parts)
        page_frame_parts(&p->frame, page, c->parts);
    else if (c->delta)
        page_frame_delta(&p->frame, c->base, c->delta);
    else if (c->stream)
        page_frame_stream(&p->frame, c->stream);
    else
        page_frame_full(&p->frame, page);
}

enum { LOST_MANY = PAGE_STORE_PAGES / 8, NEWCOMERS = 8 };

/* Puts the page that comes next into the store. If more pages change from state to state than the store has room for, and each took the
 * room of the one that was used longest ago, each would be gone when it changes again. So in a crowded store a page only gets the room
 * of the one that it replaces, and of all others one in NEWCOMERS gets some. */
static void remember(struct page_packer *p, const uint8_t *page, uint32_t replaced, unsigned depth)
{
    const bool known = replaced != NO_PAGE && page_store_look(p->store, replaced);
    p->lost += replaced != NO_PAGE && !known;
    if (p->crowded && known)
        page_store_retire(p->store, replaced);
    if (!p->crowded || known || p->next % NEWCOMERS == 0)
        page_store_put(p->store, p->next, depth, page);
}

bool page_packer_add(struct page_packer *p, const uint8_t *page, const struct page_hint *hint)
{
    assert((hint->own == NO_PAGE || hint->own < p->next) &&
           (hint->moved == NO_PAGE || hint->moved < p->next) && "a page is compared with those before it");
    struct choice c = choose(p, page, hint);
    add_item(p, page, &c);
    if (!read_back_page(p->back, &p->frame, p->next, page)) {
        page_frame_undo(&p->frame);
        c = (struct choice){0};
        add_item(p, page, &c);
        p->frame_refused++;
        p->refused++;
    }
    page_frame_check(&p->frame, hint->check);
    remember(p, page, hint->own, c.depth);
    p->next++;
    if (hint->own != NO_PAGE)
        buf_add(&p->replaced, &hint->own, sizeof hint->own);
    return page_frame_is_full(&p->frame);
}

/* ---------------------------------------------------------------- frames */

void page_packer_settle(struct page_packer *p)
{
    assert(!p->frame.items && "the pages of the state are in a frame before it");
    const uint32_t *number = (const uint32_t *)p->replaced.p;
    for (size_t i = 0; i < p->replaced.n / sizeof *number; i++)
        page_store_retire(p->store, number[i]);
    p->replaced.n = 0;
    p->crowded = p->lost > LOST_MANY;
    p->lost = 0;
    stream_table_relax(p->streams);
}

uint32_t page_packer_take(struct page_packer *p, struct buf *payload, struct buf *extra)
{
    assert(p->frame.check.n == (size_t)p->frame.items * PAGE_CHECK && "each page has its check");
    pages_extra(extra, p->frame_refused);
    p->frame_refused = 0;
    return page_frame_take(&p->frame, payload);
}

uint64_t page_packer_refused(const struct page_packer *p)
{
    return p->refused;
}
