/* writer_checkpoint.c - machine states in a trace: sections as they are, pages by content, and only the
 * changes of the page tables.
 */
#include <assert.h>
#include <inttypes.h>

#include "traces/page_code.h"
#include "traces/writer.h"

static void checkpoint_bad(struct checkpoint_state *ck, const char *what, const char *name)
{
    if (!ck->bad)
        error_set(&ck->error, "checkpoint at icount %" PRIu64 ": %s '%.60s'", ck->icount, what, name);
    ck->bad = true;
}

int trace_checkpoint_begin(struct trace_writer *w, uint64_t icount, uint64_t time, bool whole,
                           struct error *err)
{
    struct checkpoint_state *ck = &w->ck;
    if (ck->bad) { /* the page tables no longer match the file: no further checkpoints can be written */
        if (err)
            *err = ck->error;
        return -1;
    }
    if (ck->open)
        return error_set(err, "checkpoint at icount %" PRIu64 " begun within another", icount);
    if (ck->total && icount < ck->icount)
        return error_set(err, "checkpoint at icount %" PRIu64 " comes after one at %" PRIu64, icount,
                         ck->icount);
    if (icount < w->last_event_icount)
        return error_set(err, "checkpoint at icount %" PRIu64 " comes after an event at %" PRIu64, icount,
                         w->last_event_icount);
    ck->open = true;
    ck->whole = whole;
    ck->icount = icount;
    ck->time = time;
    ck->sections.n = 0;
    ck->nsections = 0;
    ck->nfields = 0;
    if (icount > w->icount)
        w->icount = icount;
    return trace_writer_flush(w, err);
}

static bool section_fits(const struct trace_section *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->nfields; i++) {
        const struct trace_field *f = &s->fields[i];
        if ((f->width != 1 && f->width != 2 && f->width != 4 && f->width != 8) ||
            strlen(f->name) > MAX_STRING)
            return false;
        sum += (uint64_t)f->width * f->count;
    }
    return sum == s->len && strlen(s->name) <= MAX_STRING;
}

void trace_checkpoint_section(struct trace_writer *w, const struct trace_section *s)
{
    struct checkpoint_state *ck = &w->ck;
    assert(ck->open && "a section belongs to the checkpoint that was begun");
    ck->nfields += s->nfields;
    if (!section_fits(s) || ck->nsections == MAX_SECTIONS || ck->nfields > MAX_FIELDS) {
        checkpoint_bad(ck, "bad section", s->name);
        return;
    }
    struct buf *b = &ck->sections;
    ck->nsections++;
    buf_string(b, s->name);
    buf_varint(b, s->nfields);
    for (size_t i = 0; i < s->nfields; i++) {
        buf_string(b, s->fields[i].name);
        buf_varint(b, s->fields[i].width);
        buf_varint(b, s->fields[i].count);
    }
    buf_add(b, s->data, s->len);
}

/* ---------------------------------------------------------------- pages */

static struct region_state *region_of(struct checkpoint_state *ck, const char *name)
{
    if (ck->last_region < ck->nregions && !strcmp(ck->region[ck->last_region].name, name))
        return &ck->region[ck->last_region];
    for (size_t i = 0; i < ck->nregions; i++)
        if (!strcmp(ck->region[i].name, name)) {
            ck->last_region = i;
            return &ck->region[i];
        }
    if (ck->nregions == MAX_REGIONS || strlen(name) > MAX_STRING)
        return NULL;
    ck->region = mem_grow(ck->region, &ck->cap, ck->nregions + 1, sizeof ck->region[0]);
    ck->last_region = ck->nregions;
    ck->region[ck->nregions] = (struct region_state){.name = mem_string(name)};
    return &ck->region[ck->nregions++];
}

static void hand_over_pages(struct trace_writer *w)
{
    struct checkpoint_state *ck = &w->ck;
    const struct frame_head h = {.first_icount = ck->icount, .last_icount = ck->icount};
    assert(ck->hints.n == ck->pages.n / TRACE_PAGE * sizeof(struct page_hint) && "each page has its hint");
    if (ck->pages.n)
        sink_put_pages(w->sink, h, &ck->pages, &ck->hints);
}

/* The number of the page that was at that place at the last checkpoint. */
static uint32_t page_before(const struct region_state *r, uint64_t index)
{
    uint32_t id = pagemap_find(&r->map, index);
    return id < PAGE_STORED ? NO_PAGE : id - PAGE_STORED;
}

static void new_page(struct trace_writer *w, const struct region_state *r, uint32_t index, const void *data,
                     uint32_t check)
{
    struct checkpoint_state *ck = &w->ck;
    assert(ck->pages.n < SINK_BATCH && "a whole batch was handed over");
    struct page_hint hint = {page_before(r, index), NO_PAGE, check};
    if (r->moved)
        hint.moved = page_before(r, index + (uint64_t)r->moved);
    if (!ck->pages.p)
        sink_pages_room(w->sink, &ck->pages);
    buf_add(&ck->pages, data, TRACE_PAGE);
    buf_add(&ck->hints, &hint, sizeof hint);
    if (ck->pages.n == SINK_BATCH)
        hand_over_pages(w);
}

/* Notes that the page is now here. If it was elsewhere before, its neighbours may have moved from there too,
 * even if they have changed. */
static void page_seen(struct checkpoint_state *ck, struct region_state *r, uint32_t index, uint32_t number,
                      bool is_new)
{
    struct page_place here = {(uint32_t)(r - ck->region), index};
    if (number >= CONTENT_MAX)
        return;
    ck->place = mem_grow(ck->place, &ck->places, (size_t)number + 1, sizeof ck->place[0]);
    const struct page_place *last = &ck->place[number];
    if (!is_new && last->region == here.region && last->index != index)
        r->moved = (int64_t)last->index - index;
    ck->place[number] = here;
}

static uint32_t page_id(struct trace_writer *w, struct region_state *r, uint32_t index, const void *data)
{
    if (mem_is_zero(data, TRACE_PAGE))
        return PAGE_ZERO;
    bool is_new;
    const struct content_key key = content_key(data, TRACE_PAGE);
    uint32_t number = content_number(&w->ck.content, key, &is_new);
    page_seen(&w->ck, r, index, number, is_new);
    if (is_new)
        new_page(w, r, index, data, page_check_of(key.low));
    return number + PAGE_STORED;
}

void trace_checkpoint_page(struct trace_writer *w, const char *region, uint64_t index, const void *data)
{
    struct checkpoint_state *ck = &w->ck;
    assert(ck->open && "a page belongs to the checkpoint that was begun");
    struct region_state *r = region_of(ck, region);
    if (!r || index > UINT32_MAX || r->given.n > MAX_STATE_PAGES) {
        checkpoint_bad(ck, "too many pages or regions, at region", region);
        return;
    }
    pagemap_add(&r->given, (uint32_t)index, page_id(w, r, (uint32_t)index, data));
}

/* Appends the region's changes and applies them to its state. False if nothing has changed. */
static bool region_close(struct checkpoint_state *ck, struct region_state *r, struct buf *out)
{
    if (!pagemap_sort(&r->given))
        checkpoint_bad(ck, "a page was given twice in region", r->name);
    struct pagemap change = {0};
    pagemap_change(&change, &r->map, &r->given, ck->whole);
    pagemap_apply(&r->map, &change);
    assert((ck->bad || (ck->whole ? r->map.n == r->given.n : r->map.n >= r->given.n)) &&
           "the region holds what was given");
    bool changed = change.n;
    if (changed) {
        buf_string(out, r->name);
        pagemap_encode(out, &change);
    }
    pagemap_free(&change);
    pagemap_free(&r->given);
    return changed;
}

static void checkpoint_regions(struct checkpoint_state *ck, struct buf *payload)
{
    struct buf list = {0};
    size_t changed = 0;
    uint64_t pages = 0;
    for (size_t i = 0; i < ck->nregions; i++) {
        changed += region_close(ck, &ck->region[i], &list);
        pages += ck->region[i].map.n;
    }
    if (pages > MAX_STATE_PAGES)
        checkpoint_bad(ck, "more than 64 GiB of pages,", "all regions");
    buf_varint(payload, changed);
    buf_add(payload, list.p, list.n);
    buf_free(&list);
}

struct frame_head writer_checkpoint_head(struct trace_writer *w, uint64_t hash, struct buf *extra)
{
    struct checkpoint_state *ck = &w->ck;
    assert(ck->icount >= w->last_event_icount && "events up to a checkpoint come before it");
    buf_u64(extra, ck->time);
    buf_u64(extra, hash);
    buf_varint(extra, w->events);
    return (struct frame_head){.kind = TF_CHECKPOINT,
                               .first_icount = ck->icount,
                               .last_icount = ck->icount,
                               .first = ck->total++,
                               .items = 1};
}

int trace_checkpoint_end(struct trace_writer *w, uint64_t hash, struct error *err)
{
    struct checkpoint_state *ck = &w->ck;
    if (!ck->open)
        return error_set(err, "checkpoint ended that was not begun");
    hand_over_pages(w);
    struct buf payload = {0}, extra = {0}, aside = {0};
    buf_varint(&payload, ck->nsections);
    buf_add(&payload, ck->sections.p, ck->sections.n);
    checkpoint_regions(ck, &payload);
    assert(!ck->pages.n && "pages come before the checkpoint that refers to them");
    if (payload.n > frame_raw_max(TF_CHECKPOINT))
        checkpoint_bad(ck, "too long,", "all sections and regions");
    ck->open = false;
    if (ck->bad) {
        buf_free(&payload);
        if (err)
            *err = ck->error;
        return -1;
    }
    struct frame_head h = writer_checkpoint_head(w, hash, &extra);
    sink_put(w->sink, h, &extra, &payload, &aside);
    return writer_commit(w, ck->icount, ck->time, err);
}

void writer_checkpoint_free(struct checkpoint_state *ck)
{
    for (size_t i = 0; i < ck->nregions; i++) {
        free(ck->region[i].name);
        pagemap_free(&ck->region[i].map);
        pagemap_free(&ck->region[i].given);
    }
    free(ck->region);
    buf_free(&ck->sections);
    free(ck->place);
    buf_free(&ck->pages);
    buf_free(&ck->hints);
    content_free(&ck->content);
}
