/* index.c - finds the frames of a trace file: from the index at its end or, if that is missing, from the
 * frames themselves.
 *
 * Both use frame_add(), which checks a frame's header against everything before it: numbers must be
 * consecutive, positions must not decrease, counts must add up. So all that the rest of the reader uses is
 * checked here, once.
 */
#include <inttypes.h>
#include <xxhash.h>

#include "base/byte_order.h"
#include "base/sorted.h"
#include "traces/page_code.h"
#include "traces/reader.h"

size_t frame_list_find(const struct trace *t, const struct frame_list *list, uint64_t i)
{
    const size_t after = FIRST_NOT(k, 0, list->n, t->frame[list->frame[k]].info.first <= i);
    return after ? after - 1 : 0;
}

/* ---------------------------------------------------------------- one frame */

static const char *add_events(struct trace *t, struct frame_entry *e, struct view extra)
{
    uint64_t sum = 0;
    struct frame_list *list = &t->list[TF_EVENTS];
    if (list->n && t->frame[list->frame[list->n - 1]].info.last_icount > e->info.first_icount)
        return "begins before the event frame before it ends";
    if (e->info.items > EVENTS_CUT_COUNT || e->info.items > e->info.raw)
        return "more events than it has room for";
    e->inputs = t->version >= TRACE_EVENTS_REFER ? t->list[TF_INPUT].items : 0;
    while (view_left(&extra)) {
        uint64_t kind = view_number(&extra, EV_COUNT - 1), n = view_number(&extra, e->info.items);
        e->class_count[event_kind((unsigned)kind)->cls] += (uint32_t)n;
        t->kinds[kind] += n;
        sum += n;
        if (sum > e->info.items)
            break;
    }
    return extra.bad || sum != e->info.items ? "its counts of events do not add up" : NULL;
}

static const char *add_chunk_ref(struct trace *t, struct frame_entry *e, struct view *extra, uint32_t *offset)
{
    if (!t->config.nimages)
        return "chunks without an image";
    uint64_t image = view_number(extra, t->config.nimages - 1), chunk = view_varint(extra);
    uint64_t content = view_number(extra, t->ncontent);
    if (extra->bad || chunk >= chunk_count(t->images[image].size))
        return "a chunk is of no image";
    uint32_t length = chunk_length(t->images[image].size, chunk);
    if (content == t->ncontent) {
        if (length > e->info.raw - *offset)
            return "more chunks than it has room for";
        t->content = mem_grow(t->content, &t->content_cap, t->ncontent + 1, sizeof t->content[0]);
        t->content[t->ncontent++] = (struct chunk_content){(uint32_t)t->nframes, *offset, length};
        *offset += length;
    }
    if (t->content[content].length != length)
        return "a chunk has another length";
    struct image_chunks *c = &t->chunks[image];
    c->ref = mem_grow(c->ref, &c->cap, c->n + 1, sizeof c->ref[0]);
    c->ref[c->n++] = (struct chunk_ref){chunk, (uint32_t)content};
    c->bytes += length;
    return NULL;
}

static const char *add_chunks(struct trace *t, struct frame_entry *e, struct view extra)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < e->info.items; i++) {
        const char *bad = add_chunk_ref(t, e, &extra, &offset);
        if (bad)
            return bad;
    }
    return view_left(&extra) || offset != e->info.raw ? "its chunks do not add up" : NULL;
}

static const char *add_pages(struct trace *t, struct frame_entry *e, struct view extra)
{
    e->checked = view_left(&extra);
    uint64_t each = e->checked ? view_u8(&extra) + 1u : 1;
    e->refused = e->checked ? (uint32_t)view_number(&extra, e->info.items) : 0;
    if (extra.bad || view_left(&extra) || (e->checked && each != PAGE_CHECK + 1))
        return "not the header of pages";
    if (e->info.items > PAGES_CUT_ITEMS || e->info.items * each > e->info.raw)
        return "more pages than it has room for";
    t->refused += e->refused;
    return t->list[TF_PAGES].items + e->info.items > UINT32_MAX - PAGE_STORED ? "too many pages" : NULL;
}

static const char *add_checkpoint(struct trace *t, struct frame_entry *e, struct view extra)
{
    size_t k = t->list[TF_CHECKPOINT].n;
    struct trace_checkpoint c = {.icount = e->info.first_icount,
                                 .time = view_u64(&extra),
                                 .hash = view_u64(&extra),
                                 .event = view_varint(&extra)};
    if (extra.bad || view_left(&extra) || e->info.items != 1 || e->info.first_icount != e->info.last_icount)
        return "not the header of a checkpoint";
    if (k && t->checkpoint[k - 1].icount > c.icount)
        return "is before the checkpoint before it";
    if (c.event > t->list[TF_EVENTS].items)
        return "says it is after more events than there are";
    t->checkpoint = mem_grow(t->checkpoint, &t->checkpoint_cap, k + 1, sizeof t->checkpoint[0]);
    t->checkpoint[k] = c;
    return NULL;
}

static const char *add_records(struct trace *t, struct frame_entry *e, struct view extra)
{
    struct frame_list *list = &t->list[TF_INPUT];
    if (e->info.items > e->info.raw / 4)
        return "more records than it has room for";
    if (e->info.kind == TF_INPUT && list->n &&
        t->frame[list->frame[list->n - 1]].info.last_icount > e->info.first_icount)
        return "begins before the input frame before it ends";
    return NULL;
}

static const char *add_stream(struct trace *t, struct frame_entry *e, struct view extra)
{
    struct stream s;
    if (!stream_decode(&extra, &s) || e->info.items != 1 || e->info.raw)
        return "not the header of a stream";
    if (!unpack_format_name(s.format))
        return "packed in a way that this program does not know: it needs a newer bootreel";
    if (s.image >= t->config.nimages || s.packed > STREAM_MAX_PACKED || s.offset > t->images[s.image].size ||
        s.packed > t->images[s.image].size - s.offset)
        return "is not in an image";
    return streams_add(&t->streams, &s, (uint32_t)t->nframes) ? NULL : "longer than all streams may be";
}

static const char *add_single(struct trace *t, struct frame_entry *e, struct view extra)
{
    return e->info.items != 1 ? "more than one item" : NULL;
}

/* Frames whose content is of one position. */
static const bool at_once[TF_KINDS] = {
    [TF_CONFIG] = true, [TF_PAGES] = true, [TF_CHECKPOINT] = true, [TF_END] = true, [TF_STREAM] = true};

static const char *(*const add_kind[TF_KINDS])(struct trace *, struct frame_entry *, struct view) = {
    [TF_CONFIG] = add_single, [TF_CHUNKS] = add_chunks, [TF_EVENTS] = add_events,
    [TF_INPUT] = add_records, [TF_PAGES] = add_pages,   [TF_CHECKPOINT] = add_checkpoint,
    [TF_NOTE] = add_records,  [TF_END] = add_single,    [TF_STREAM] = add_stream,
};

static const char *frame_order(const struct trace *t, const struct frame_head *h)
{
    if (h->number != t->nframes)
        return "its number does not follow";
    if ((h->kind == TF_CONFIG) != !t->nframes)
        return "the configuration is not the first frame";
    if (t->list[TF_END].n)
        return "comes after the end";
    if (h->first_icount > h->last_icount || (at_once[h->kind] && h->first_icount != h->last_icount))
        return "its positions do not fit";
    if (h->first != t->list[h->kind].items || !h->items)
        return "its items do not follow those before";
    return NULL;
}

/* Adds the frame at `offset` to the lists. Returns NULL, or what is wrong. */
static const char *frame_add(struct trace *t, const struct frame_head *h, const uint8_t *extra,
                             uint64_t offset)
{
    const char *bad = frame_order(t, h);
    if (bad || !add_kind[h->kind])
        return bad ? bad : "does not belong here";
    if (frame_lead(h) + h->stored > t->size - offset)
        return "cut off in its content";
    if (h->stored > UINT32_MAX - frame_lead(h))
        return "too long";
    struct frame_entry e = {
        .info = {.kind = h->kind,
                 .offset = offset,
                 .stored = (uint32_t)(frame_lead(h) + h->stored),
                 .raw = h->raw,
                 .first_icount = h->first_icount,
                 .last_icount = h->last_icount,
                 .first = h->first,
                 .items = h->items,
                 .hash = h->raw_hash},
        .packing = h->packing,
        .payload = h->stored,
        .head_hash = le64(extra + h->extra),
        .stored_hash = h->stored_hash,
    };
    bad = add_kind[h->kind](t, &e, view_of(extra, h->extra));
    if (bad)
        return bad;
    t->frame = mem_grow(t->frame, &t->frames_cap, t->nframes + 1, sizeof t->frame[0]);
    t->frame[t->nframes] = e;
    struct frame_list *list = &t->list[h->kind];
    list->frame = mem_grow(list->frame, &list->cap, list->n + 1, sizeof list->frame[0]);
    list->frame[list->n++] = (uint32_t)t->nframes++;
    list->items += h->items;
    return NULL;
}

/* As frame_add(), but reads the configuration at once, since later frames are checked against it. */
static int frame_take(struct trace *t, const struct frame_head *h, const uint8_t *extra, uint64_t offset,
                      struct error *err)
{
    const char *bad = frame_add(t, h, extra, offset);
    if (bad)
        return error_set(err, "%s: frame %zu (%s) at offset %" PRIu64 ": %s", t->name, t->nframes,
                         trace_frame_kind_name(h->kind), offset, bad);
    return h->kind == TF_CONFIG ? config_load(t, 0, err) : 0;
}

static void index_reset(struct trace *t)
{
    for (int k = 0; k < TF_KINDS; k++)
        t->list[k].n = t->list[k].items = 0;
    config_free(t);
    frame_cache_clear(t);
    streams_clear(&t->streams);
    t->nframes = t->ncontent = t->refused = 0;
    memset(t->kinds, 0, sizeof t->kinds);
}

/* ---------------------------------------------------------------- from the frames */

/* Reads the header at `offset` into new memory, of which extra is a part. NULL, or what is wrong. */
static const char *head_read(struct trace *t, uint64_t offset, struct frame_head *h, const uint8_t **extra,
                             uint8_t **memory)
{
    uint8_t lead[FRAME_HEAD_SIZE];
    uint64_t left = t->size - offset;
    *memory = NULL;
    if (left < FRAME_HEAD_SIZE || source_read(t, offset, lead, sizeof lead, NULL))
        return "cut off in its header";
    size_t n = FRAME_HEAD_SIZE + le16(lead + 6) + FRAME_HASH_SIZE;
    if (n > left)
        n = left;
    *memory = mem_alloc(n);
    if (source_read(t, offset, *memory, n, NULL))
        return "cannot be read";
    struct view v = view_of(*memory, n);
    return frame_head_unpack(&v, h, extra);
}

/* Whether the content is complete and as it was written. */
static const char *content_check(struct trace *t, const struct frame_head *h, uint64_t offset)
{
    if (h->stored > t->size - offset)
        return "cut off in its content";
    uint8_t *stored = mem_alloc(h->stored);
    int failed = source_read(t, offset, stored, h->stored, NULL);
    bool same = !failed && XXH3_64bits(stored, h->stored) == h->stored_hash;
    free(stored);
    return same ? NULL : "checksum of its content does not match";
}

/* A file that was cut short does not end in a trailer. */
static bool trailer_whole(struct trace *t)
{
    uint8_t trailer[TRAILER_SIZE];
    uint64_t offset, frames;
    return t->size >= FILE_HEADER_SIZE + TRAILER_SIZE &&
           !source_read(t, t->size - TRAILER_SIZE, trailer, sizeof trailer, NULL) &&
           trailer_unpack(trailer, &offset, &frames);
}

/* Goes through the frames up to the first that is not whole. */
static int index_scan(struct trace *t, struct error *err)
{
    uint64_t offset = FILE_HEADER_SIZE;
    t->truncated = true;
    while (offset < t->size && !t->damage.text[0]) {
        struct frame_head h;
        const uint8_t *extra;
        uint8_t *memory;
        const char *bad = head_read(t, offset, &h, &extra, &memory);
        if (!bad)
            bad = content_check(t, &h, offset + frame_lead(&h));
        if (!bad && h.kind == TF_INDEX)
            bad = offset + frame_lead(&h) + h.stored + TRAILER_SIZE > t->size
                      ? "cut off behind this index"
                      : "this index, or the trailer behind it, is damaged";
        if (bad) {
            error_set(&t->damage, "%s: frame %zu at offset %" PRIu64 ": %s", t->name, t->nframes, offset,
                      bad);
            t->damaged = strncmp(bad, "cut off", 7) || trailer_whole(t);
        }
        /* Impossible content with a correct checksum does not come from a recording that was cut short. */
        int refused = bad ? 0 : frame_take(t, &h, extra, offset, err);
        free(memory);
        if (refused)
            return -1;
        offset += bad ? 0 : frame_lead(&h) + h.stored;
    }
    if (!t->damage.text[0])
        error_set(&t->damage, "%s: ends after frame %zu, without an index", t->name, t->nframes);
    if (t->has_config)
        return 0;
    if (err)
        *err = t->damage;
    return -1;
}

/* ---------------------------------------------------------------- from the index */

static int index_list(struct trace *t, const uint8_t *raw, size_t n, uint64_t end, struct error *err)
{
    struct view v = view_of(raw, n);
    uint64_t offset = FILE_HEADER_SIZE;
    while (view_left(&v)) {
        struct frame_head h;
        const uint8_t *extra;
        const char *bad = frame_head_unpack(&v, &h, &extra);
        if (bad)
            return error_set(err, "%s: index: frame %zu: %s", t->name, t->nframes, bad);
        if (frame_take(t, &h, extra, offset, err))
            return -1;
        offset += frame_lead(&h) + h.stored;
    }
    return offset == end && t->has_config ? 0 : -1;
}

/* Adds an entry for the index frame after the others, for frame_unpack(). */
static uint8_t *index_unpack(struct trace *t, uint64_t offset, uint32_t *n, struct error *err)
{
    struct frame_head h;
    const uint8_t *extra;
    uint8_t *memory, *raw = NULL;
    const char *bad = head_read(t, offset, &h, &extra, &memory);
    uint64_t end = t->size - TRAILER_SIZE;
    /* The headers that it lists are in the file too, so it must be shorter than the file. */
    if (!bad && h.kind == TF_INDEX && h.raw <= t->size && offset + frame_lead(&h) + h.stored == end) {
        t->frame = mem_grow(t->frame, &t->frames_cap, 1, sizeof t->frame[0]);
        t->frame[0] = (struct frame_entry){.info = {.kind = TF_INDEX,
                                                    .offset = offset,
                                                    .stored = (uint32_t)(frame_lead(&h) + h.stored),
                                                    .raw = h.raw,
                                                    .hash = h.raw_hash},
                                           .packing = h.packing,
                                           .payload = h.stored,
                                           .head_hash = le64(extra + h.extra),
                                           .stored_hash = h.stored_hash};
        raw = frame_unpack(t, 0, err);
        *n = h.raw;
    }
    free(memory);
    return raw;
}

/* Finds the frames by the index. -1 if there is no valid index. */
static int index_read(struct trace *t, struct error *err)
{
    uint8_t trailer[TRAILER_SIZE];
    uint64_t offset, frames;
    if (t->size < FILE_HEADER_SIZE + TRAILER_SIZE ||
        source_read(t, t->size - TRAILER_SIZE, trailer, sizeof trailer, err))
        return -1;
    if (!trailer_unpack(trailer, &offset, &frames) || offset < FILE_HEADER_SIZE ||
        offset > t->size - TRAILER_SIZE)
        return -1;
    uint32_t n = 0;
    uint8_t *raw = index_unpack(t, offset, &n, err);
    if (!raw)
        return -1;
    int result = index_list(t, raw, n, offset, err);
    free(raw);
    return result || t->nframes != frames || !t->list[TF_END].n ? -1 : 0;
}

/* ---------------------------------------------------------------- both */

static int by_chunk(const void *a, const void *b)
{
    const struct chunk_ref *x = a, *y = b;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static int sort_chunks(struct trace *t, struct error *err)
{
    for (size_t i = 0; i < t->config.nimages; i++) {
        struct image_chunks *c = &t->chunks[i];
        if (c->n)
            qsort(c->ref, c->n, sizeof c->ref[0], by_chunk);
        for (size_t k = 1; k < c->n; k++)
            if (c->ref[k - 1].chunk == c->ref[k].chunk)
                return error_set(err, "%s: chunk %" PRIu64 " of image %s appears twice", t->name,
                                 c->ref[k].chunk, t->images[i].role);
    }
    return 0;
}

int trace_index(struct trace *t, struct error *err)
{
    if (index_read(t, err)) {
        index_reset(t);
        if (index_scan(t, err))
            return -1;
    }
    if (t->list[TF_END].n && end_load(t, t->list[TF_END].frame[0], &t->damage))
        t->truncated = t->damaged = true;
    return sort_chunks(t, err);
}
