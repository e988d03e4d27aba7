/* read_back.c - see read_back.h. */
#include "traces/read_back.h"

struct read_back {
    const struct page_store *pages;
    const struct image_table *images;
    struct stream_entry *entry;
    struct stream_content *content; /* the same blocks as elsewhere: only the arrays are its own */
    size_t n;
    const uint8_t *want; /* the page that is read back */
    uint8_t page[TRACE_PAGE];
};

struct read_back *read_back_new(const struct page_store *pages, const struct image_table *images)
{
    struct read_back *b = mem_zero(1, sizeof *b);
    b->pages = pages;
    b->images = images;
    return b;
}

void read_back_free(struct read_back *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++)
        free(b->content[i].block);
    free(b->content);
    free(b->entry);
    free(b);
}

void read_back_stream(struct read_back *b, const struct stream_content *content, uint64_t length)
{
    const struct stream_entry *last = b->n ? &b->entry[b->n - 1] : NULL;
    struct stream_entry e = {.s = {.length = length}};
    e.begin = last ? last->begin + stream_room(last->s.length) : 0;
    struct stream_content c = {.block = mem_zero(content->n + 1, sizeof *c.block), .n = content->n};
    memcpy(c.block, content->block, content->n * sizeof *c.block);
    size_t n = b->n;
    MEM_MORE(b->entry, n);
    MEM_MORE(b->content, b->n);
    b->entry[b->n] = e;
    b->content[b->n++] = c;
}

/* ---------------------------------------------------------------- what pages refer to */

static int from_page(void *ctx, uint32_t number, uint8_t out[TRACE_PAGE])
{
    const struct read_back *b = ctx;
    const uint8_t *page = page_store_look(b->pages, number);
    if (page)
        memcpy(out, page, TRACE_PAGE);
    return page ? 0 : -1;
}

/* The content itself is not kept: it is that of the page, if the digests say so. */
static int from_image(void *ctx, uint64_t place, uint8_t *out, size_t n)
{
    const struct read_back *b = ctx;
    const uint8_t *want = b->want + (out - b->page);
    if (!image_table_has(b->images, place, want, n))
        return -1;
    memcpy(out, want, n);
    return 0;
}

static const struct stream_content *content_of(void *ctx, size_t i)
{
    return &((const struct read_back *)ctx)->content[i];
}

static int from_stream(void *ctx, uint64_t place, uint8_t out[TRACE_PAGE])
{
    struct read_back *b = ctx;
    return stream_space_page(b->entry, b->n, place, content_of, b, out) == STREAM_GOT ? 0 : -1;
}

bool read_back_page(struct read_back *b, const struct page_frame *f, uint32_t number, const uint8_t *page)
{
    const struct page_source from = {b, from_page, from_image, from_stream};
    struct page_item item;
    struct page_bytes bytes;
    b->want = page;
    return !page_frame_last(f, number, &item, &bytes) && !page_item_make(&item, bytes, &from, b->page) &&
           !memcmp(b->page, page, TRACE_PAGE);
}
