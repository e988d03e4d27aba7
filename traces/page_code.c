/* page_code.c - see page_code.h. */
#include <assert.h>
#include <xxhash.h>

#include "base/byte_order.h"
#include "traces/difference.h"
#include "traces/stream_code.h"

/* ---------------------------------------------------------------- changes */

/* The end of the run of changed bytes that begins at `at`. */
static unsigned run_end(const struct difference *differ, unsigned at)
{
    for (;;) {
        const unsigned end = difference_end(differ, at);
        at = difference_next(differ, end);
        if (at == TRACE_PAGE || at - end >= DELTA_GAP)
            return end;
    }
}

bool delta_make(struct delta *d, const uint8_t *page, const uint8_t *base)
{
    struct difference differ;
    unsigned before = 0, at = 0;
    d->runs = d->ncode = d->nbytes = 0;
    difference_find(&differ, page, base);
    if (differ.bytes > DELTA_MAX)
        return false;
    while ((at = difference_next(&differ, at)) < TRACE_PAGE) {
        unsigned end = run_end(&differ, at), n = end - at;
        if (d->ncode + d->nbytes + n + 4 > DELTA_MAX)
            return false;
        uint8_t *p = varint_write(d->code + d->ncode, at - before);
        d->ncode = (uint32_t)(varint_write(p, n - 1) - d->code);
        memcpy(d->bytes + d->nbytes, page + at, n);
        d->nbytes += n;
        d->runs++;
        before = at = end;
    }
    return true;
}

/* ---------------------------------------------------------------- writing */

void page_frame_item(struct page_frame *f, uint64_t parts, enum page_kind kind)
{
    assert(f->items < PAGES_CUT_ITEMS && "the frame was to be cut");
    f->last = (struct page_reader){f->code.n, f->bytes.n, f->full.n, f->next};
    buf_varint(&f->code, parts << 2 | kind);
    f->items++;
}

void page_frame_undo(struct page_frame *f)
{
    assert(f->items && f->last.code <= f->code.n && f->last.bytes <= f->bytes.n &&
           f->last.full <= f->full.n && "only the last item is taken back, once");
    f->code.n = f->last.code;
    f->bytes.n = f->last.bytes;
    f->full.n = f->last.full;
    f->next = f->last.next;
    f->items--;
}

uint32_t page_check(const uint8_t page[TRACE_PAGE])
{
    return (uint32_t)XXH3_64bits(page, TRACE_PAGE);
}

void page_frame_check(struct page_frame *f, uint32_t check)
{
    put_le32(buf_room(&f->check, PAGE_CHECK), check);
    f->check.n += PAGE_CHECK;
}

void page_frame_full(struct page_frame *f, const uint8_t *page)
{
    page_frame_item(f, 0, PAGE_FULL);
    buf_add(&f->full, page, TRACE_PAGE);
}

void page_frame_delta(struct page_frame *f, uint32_t base, const struct delta *d)
{
    page_frame_item(f, d->runs, PAGE_DELTA);
    buf_varint(&f->code, zigzag(base - f->next.base));
    f->next.base = (uint64_t)base + 1;
    buf_add(&f->code, d->code, d->ncode);
    buf_add(&f->bytes, d->bytes, d->nbytes);
}

void page_parts_add(struct page_parts *p, enum part_kind kind, unsigned length, uint64_t place)
{
    struct page_part *last = p->n ? &p->part[p->n - 1] : NULL;
    assert(length <= TRACE_PAGE && p->n <= PARTS_MAX);
    if (!length)
        return;
    if (kind == PART_LITERAL)
        p->literal += length;
    if (last && last->kind == kind && (kind != PART_IMAGE || place == last->place + last->length))
        last->length += (uint16_t)length;
    else
        p->part[p->n++] = (struct page_part){.kind = kind, .length = (uint16_t)length, .place = place};
}

void page_frame_parts(struct page_frame *f, const uint8_t *page, const struct page_parts *parts)
{
    const uint8_t *end = page + TRACE_PAGE;
    page_frame_item(f, parts->n, PAGE_PARTS);
    for (unsigned i = 0; i < parts->n; i++) {
        const struct page_part *part = &parts->part[i];
        buf_varint(&f->code, (part->length - 1u) << 2 | part->kind);
        if (part->kind == PART_LITERAL)
            buf_add(&f->bytes, page, part->length);
        if (part->kind == PART_IMAGE) {
            buf_varint(&f->code, zigzag(part->place - f->next.place));
            f->next.place = part->place + part->length;
        }
        page += part->length;
    }
    assert(page == end && "the parts make the page");
}

bool page_frame_is_full(const struct page_frame *f)
{
    return f->items == PAGES_CUT_ITEMS || f->code.n + f->bytes.n + f->full.n >= PAGES_CUT_BYTES;
}

uint32_t page_frame_take(struct page_frame *f, struct buf *payload)
{
    uint32_t items = f->items;
    buf_bytes(payload, f->code.p, f->code.n);
    buf_add(payload, f->bytes.p, f->bytes.n);
    buf_add(payload, f->full.p, f->full.n);
    buf_add(payload, f->check.p, f->check.n);
    f->code.n = f->bytes.n = f->full.n = f->check.n = 0;
    f->items = 0;
    f->next = (struct page_nexts){0};
    return items;
}

void page_frame_free(struct page_frame *f)
{
    buf_free(&f->code);
    buf_free(&f->bytes);
    buf_free(&f->full);
    buf_free(&f->check);
}

/* ---------------------------------------------------------------- reading */

struct item_reader {
    struct view code;
    struct page_reader at;
};

static const char *read_delta(struct item_reader *r, struct page_item *item, uint64_t number)
{
    uint64_t at = 0;
    for (unsigned i = 0; i < item->parts; i++) {
        uint64_t skip = view_number(&r->code, TRACE_PAGE), n = view_number(&r->code, TRACE_PAGE - 1) + 1;
        at += skip + n;
        if (r->code.bad || at > TRACE_PAGE)
            return "a change is outside of its page";
        r->at.bytes += n;
    }
    return item->base >= number ? "a page is a change of a later one" : NULL;
}

static const char *read_parts(struct item_reader *r, struct page_item *item)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < item->parts; i++) {
        uint64_t code = view_number(&r->code, TRACE_PAGE << 2), n = (code >> 2) + 1;
        total += n;
        if ((code & 3) > PART_LITERAL)
            r->code.bad = true;
        if ((code & 3) == PART_LITERAL)
            r->at.bytes += n;
        if ((code & 3) == PART_IMAGE)
            r->at.next.place += unzigzag(view_varint(&r->code)) + n;
    }
    return r->code.bad || total != TRACE_PAGE || item->parts > PARTS_MAX ? "a page's parts do not add up"
                                                                         : NULL;
}

static const char *read_stream(struct item_reader *r, struct page_item *item, const uint8_t *raw)
{
    item->base = r->at.next.stream + unzigzag(view_varint(&r->code));
    uint64_t more = view_varint(&r->code);
    item->growth = (struct growth){r->at.next.addend + (uint32_t)unzigzag(more >> 1), more & 1};
    item->code = (uint32_t)(r->code.p - raw);
    r->at.next.stream = item->base + TRACE_PAGE;
    r->at.next.addend = item->growth.addend;
    return stream_changes_check(&r->code, item->parts, &r->at.bytes);
}

static const char *read_item(struct item_reader *r, const uint8_t *raw, struct page_item *item,
                             uint64_t number)
{
    uint64_t head = view_number(&r->code, TRACE_PAGE << 2 | 3);
    *item = (struct page_item){.kind = head & 3, .parts = (uint16_t)(head >> 2), .base = r->at.next.place};
    item->data = (uint32_t)(item->kind == PAGE_FULL ? r->at.full : r->at.bytes);
    if (item->kind == PAGE_DELTA) {
        item->base = r->at.next.base + unzigzag(view_varint(&r->code));
        r->at.next.base = item->base + 1;
    }
    item->code = (uint32_t)(r->code.p - raw);
    if (r->code.bad || (item->kind == PAGE_FULL && item->parts))
        return "its items do not add up";
    if (item->kind == PAGE_DELTA)
        return read_delta(r, item, number);
    if (item->kind == PAGE_PARTS)
        return read_parts(r, item);
    if (item->kind == PAGE_STREAM)
        return read_stream(r, item, raw);
    r->at.full += TRACE_PAGE;
    return NULL;
}

const char *page_items_read(const uint8_t *raw, size_t n, uint32_t items, uint64_t first,
                            struct page_item *item)
{
    struct view v = view_of(raw, n);
    uint64_t ncode = view_varint(&v);
    const uint8_t *code = view_take(&v, ncode);
    if (!code)
        return "cut off in its items";
    struct item_reader r = {.code = view_of(code, ncode)};
    for (uint32_t i = 0; i < items; i++) {
        const char *bad = read_item(&r, raw, &item[i], first + i);
        if (bad)
            return bad;
    }
    if (view_left(&r.code) || r.at.bytes + r.at.full != view_left(&v))
        return "its items do not add up";
    uint32_t bytes = (uint32_t)(v.p - raw), full = bytes + (uint32_t)r.at.bytes;
    for (uint32_t i = 0; i < items; i++)
        item[i].data += item[i].kind == PAGE_FULL ? full : bytes;
    return NULL;
}

/* The frame's data follow its code. */
struct page_bytes page_item_bytes(const struct page_item *item, const uint8_t *raw)
{
    return (struct page_bytes){view_of(raw + item->code, item->data - item->code), raw + item->data};
}

const char *page_frame_last(const struct page_frame *f, uint64_t number, struct page_item *item,
                            struct page_bytes *bytes)
{
    struct item_reader r = {view_of(f->code.p + f->last.code, f->code.n - f->last.code), f->last};
    const char *bad = read_item(&r, f->code.p, item, number);
    if (bad || view_left(&r.code) || r.at.bytes != f->bytes.n || r.at.full != f->full.n)
        return bad ? bad : "its items do not add up";
    const struct buf *data = item->kind == PAGE_FULL ? &f->full : &f->bytes;
    *bytes = (struct page_bytes){view_of(f->code.p + item->code, f->code.n - item->code),
                                 data->p ? data->p + item->data : NULL};
    return NULL;
}

/* ---------------------------------------------------------------- making a page */

static void apply_changes(unsigned n, struct page_bytes b, uint8_t *page)
{
    const uint8_t *end = page + TRACE_PAGE;
    while (n--) {
        page += view_varint(&b.code);
        size_t length = view_varint(&b.code) + 1;
        assert(page + length <= end && "read_delta() has checked it");
        memcpy(page, b.data, length);
        page += length;
        b.data += length;
    }
}

static int join_parts(const struct page_item *item, struct page_bytes b, const struct page_source *from,
                      uint8_t *out)
{
    uint64_t place = item->base;
    int rc = 0;
    const uint8_t *end = out + TRACE_PAGE;
    for (unsigned i = 0; i < item->parts && !rc; i++) {
        uint64_t code = view_varint(&b.code);
        size_t n = (code >> 2) + 1;
        assert(n <= (size_t)(end - out) && "read_parts() has checked it");
        if ((code & 3) == PART_LITERAL) {
            memcpy(out, b.data, n);
            b.data += n;
        } else if ((code & 3) == PART_IMAGE) {
            place += unzigzag(view_varint(&b.code));
            rc = from->image(from->ctx, place, out, n);
            place += n;
        } else {
            memset(out, 0, n);
        }
        out += n;
    }
    return rc;
}

int page_item_make(const struct page_item *item, struct page_bytes bytes, const struct page_source *from,
                   uint8_t page[TRACE_PAGE])
{
    int rc;
    switch (item->kind) {
    case PAGE_DELTA:
        rc = from->page(from->ctx, (uint32_t)item->base, page);
        if (!rc)
            apply_changes(item->parts, bytes, page);
        return rc;
    case PAGE_PARTS:
        return join_parts(item, bytes, from, page);
    case PAGE_STREAM:
        rc = from->stream(from->ctx, item->base, page);
        if (!rc)
            stream_changes_apply(item, bytes, page);
        return rc;
    default:
        memcpy(page, bytes.data, TRACE_PAGE);
        return 0;
    }
}
