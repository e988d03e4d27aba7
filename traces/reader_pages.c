/* reader_pages.c - the content of stored pages: found in its frame, and composed of what it refers to. */
#include "traces/reader.h"
#include "traces/stream_code.h"

/* ---------------------------------------------------------------- items */

/* The items of an unpacked PAGES frame, looked up once. */
static const struct page_item *items_of(struct trace *t, size_t frame, const uint8_t *raw, struct error *err)
{
    struct frame_entry *e = &t->frame[frame];
    if (e->item)
        return e->item;
    struct page_item *item = mem_zero(e->info.items, sizeof *item);
    const char *bad = page_items_read(raw, e->info.raw, e->info.items, e->info.first, item);
    if (!bad)
        return e->item = item;
    free(item);
    frame_error(t, frame, err, bad);
    return NULL;
}

/* The place of a page. */
struct located {
    size_t frame;
    const uint8_t *raw; /* the frame; valid until another frame is used */
    const struct page_item *item;
};

static int locate(struct trace *t, uint32_t number, struct located *at, struct error *err)
{
    const struct frame_list *list = &t->list[TF_PAGES];
    at->frame = list->frame[frame_list_find(t, list, number)];
    at->raw = frame_cached(t, at->frame, err);
    at->item = at->raw ? items_of(t, at->frame, at->raw, err) : NULL;
    if (!at->item)
        return -1;
    at->item += number - t->frame[at->frame].info.first;
    return 0;
}

/* ---------------------------------------------------------------- pages */

/* Image content from `place` on, which must have come before the page. */
static int copy_image(struct trace *t, size_t frame, uint64_t place, uint8_t *out, size_t n,
                      struct error *err)
{
    while (n) {
        uint64_t content = place / TRACE_CHUNK, offset = place % TRACE_CHUNK;
        const struct chunk_content *c = content < t->ncontent ? &t->content[content] : NULL;
        size_t part = TRACE_CHUNK - offset < n ? TRACE_CHUNK - offset : n;
        if (!c || c->frame > frame || offset + part > c->length)
            return frame_error(t, frame, err, "a page refers to image content that is not before it");
        const uint8_t *raw = frame_cached(t, c->frame, err);
        if (!raw)
            return -1;
        memcpy(out, raw + c->offset + offset, part);
        place += part;
        out += part;
        n -= part;
    }
    return 0;
}

/* Literal bytes first: their frame may be removed from the cache when others are used. */
static int copy_parts(struct trace *t, const struct located *at, uint8_t *page, struct error *err)
{
    struct page_part part[PARTS_MAX];
    unsigned n = at->item->parts;
    size_t frame = at->frame;
    uint8_t *out = page;
    page_item_parts(at->item, at->raw, part);
    for (unsigned i = 0; i < n; out += part[i++].length) {
        memset(out, 0, part[i].length);
        if (part[i].kind == PART_LITERAL)
            memcpy(out, part[i].literal, part[i].length);
    }
    out = page;
    for (unsigned i = 0; i < n; out += part[i++].length)
        if (part[i].kind == PART_IMAGE && copy_image(t, frame, part[i].place, out, part[i].length, err))
            return -1;
    return 0;
}

static int page_make(struct trace *t, uint32_t number, uint8_t *out, unsigned depth, struct error *err);

/* A page's base has a lower number, so there are no cycles. */
static int page_change(struct trace *t, const struct located *at, uint32_t number, uint8_t *out,
                       unsigned depth, struct error *err)
{
    struct located again;
    if (depth == DELTA_DEPTH)
        return frame_error(t, at->frame, err, "a page is a change of too many others");
    if (page_make(t, (uint32_t)at->item->base, out, depth + 1, err) || locate(t, number, &again, err))
        return -1;
    page_item_change(again.item, again.raw, out);
    return 0;
}

static int page_of_stream(struct trace *t, const struct located *at, uint32_t number, uint8_t *out,
                          struct error *err)
{
    struct located again;
    if (stream_page(t, at->frame, at->item->base, out, err) || locate(t, number, &again, err))
        return -1;
    stream_changes_apply(again.item, again.raw, out);
    return 0;
}

static int page_make(struct trace *t, uint32_t number, uint8_t *out, unsigned depth, struct error *err)
{
    struct located at;
    if (locate(t, number, &at, err))
        return -1;
    if (at.item->kind == PAGE_DELTA)
        return page_change(t, &at, number, out, depth, err);
    if (at.item->kind == PAGE_PARTS)
        return copy_parts(t, &at, out, err);
    if (at.item->kind == PAGE_STREAM)
        return page_of_stream(t, &at, number, out, err);
    memcpy(out, at.raw + at.item->data, TRACE_PAGE);
    return 0;
}

int page_read(struct trace *t, uint32_t number, uint8_t out[TRACE_PAGE], struct error *err)
{
    return page_make(t, number, out, 0, err);
}

int pages_check(struct trace *t, size_t frame, struct error *err)
{
    uint8_t page[TRACE_PAGE];
    const struct trace_frame *f = &t->frame[frame].info;
    for (uint32_t i = 0; i < f->items; i++)
        if (page_read(t, (uint32_t)(f->first + i), page, err))
            return -1;
    return 0;
}
