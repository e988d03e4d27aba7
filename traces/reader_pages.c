/* reader_pages.c - the content of stored pages: found in its frame, and composed of what it refers to. */
#include <assert.h>
#include <inttypes.h>

#include "base/byte_order.h"
#include "traces/reader.h"
#include "traces/stream_code.h"

/* ---------------------------------------------------------------- items */

/* The items of an unpacked PAGES frame, looked up once. */
static const struct page_item *items_of(struct trace *t, size_t frame, const uint8_t *raw, struct error *err)
{
    struct frame_entry *e = &t->frame[frame];
    if (e->item)
        return e->item;
    struct page_item *item = mem_alloc(e->info.items * sizeof *item); /* they are written in order */
    size_t checks = e->checked ? (size_t)e->info.items * PAGE_CHECK : 0;
    const char *bad = page_items_read(raw, e->info.raw - checks, e->info.items, e->info.first, item);
    if (!bad)
        return e->item = item;
    free(item);
    frame_error(t, frame, err, bad);
    return NULL;
}

/* The place of a page. */
struct located {
    size_t frame;
    const uint8_t *raw; /* the frame; valid until another frame is used, unless it is pinned */
    const struct page_item *item;
};

static int locate(struct trace *t, uint32_t number, struct located *at, struct error *err)
{
    const struct frame_list *list = &t->list[TF_PAGES];
    at->frame = list->frame[frame_list_find(t, list, number)];
    assert(number - t->frame[at->frame].info.first < t->frame[at->frame].info.items &&
           "the page is in the frame that was found");
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

/* A page that is being made. `depth`: how many pages, each a change of the next, need it. */
struct making {
    struct trace *t;
    size_t frame;
    unsigned depth;
    struct error *err;
};

static int page_make(struct trace *t, uint32_t number, uint8_t *out, unsigned depth, struct error *err);

/* A page's base has a lower number, so there are no cycles. */
static int from_page(void *ctx, uint32_t number, uint8_t out[TRACE_PAGE])
{
    const struct making *m = ctx;
    if (m->depth == DELTA_DEPTH)
        return frame_error(m->t, m->frame, m->err, "a page is a change of too many others");
    return page_make(m->t, number, out, m->depth + 1, m->err);
}

static int from_image(void *ctx, uint64_t place, uint8_t *out, size_t n)
{
    const struct making *m = ctx;
    return copy_image(m->t, m->frame, place, out, n, m->err);
}

static int from_stream(void *ctx, uint64_t place, uint8_t out[TRACE_PAGE])
{
    const struct making *m = ctx;
    return stream_page(m->t, m->frame, place, out, m->err);
}

/* ---------------------------------------------------------------- as it was written */

static void way_text(const struct page_item *item, char *text, size_t n)
{
    switch (item->kind) {
    case PAGE_DELTA:
        snprintf(text, n, "as page %" PRIu64 " with %u changes", item->base, item->parts);
        break;
    case PAGE_PARTS:
        snprintf(text, n, "as %u parts of images", item->parts);
        break;
    case PAGE_STREAM:
        snprintf(text, n, "as what is unpacked at place %" PRIu64 " with %u changes", item->base,
                 item->parts);
        break;
    default:
        snprintf(text, n, "in full");
    }
}

/* 0 if the page has its checksum, or the frame has none. */
static int page_proven(struct trace *t, const struct located *at, uint32_t number, const uint8_t *page,
                       struct error *err)
{
    const struct frame_entry *e = &t->frame[at->frame];
    size_t behind = (size_t)(e->info.items - (number - e->info.first)) * PAGE_CHECK;
    if (!e->checked || le32(at->raw + e->info.raw - behind) == page_check(page))
        return 0;
    char way[80], text[240];
    way_text(at->item, way, sizeof way);
    snprintf(text, sizeof text,
             "page %u, of the checkpoint at icount %" PRIu64 ", stored %s, is not what was recorded", number,
             e->info.first_icount, way);
    return frame_error(t, at->frame, err, text);
}

static int page_make(struct trace *t, uint32_t number, uint8_t *out, unsigned depth, struct error *err)
{
    struct located at;
    if (locate(t, number, &at, err))
        return -1;
    struct making m = {t, at.frame, depth, err};
    const struct page_source from = {&m, from_page, from_image, from_stream};
    t->frame[at.frame].pinned++;
    int rc = page_item_make(at.item, page_item_bytes(at.item, at.raw), &from, out);
    assert(t->frame[at.frame].pinned && "a frame is let go as often as it was held");
    t->frame[at.frame].pinned--;
    return rc ? -1 : page_proven(t, &at, number, out, err);
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
