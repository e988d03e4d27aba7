/* writer.c - turns calls into frames. The frames' contents are described in docs/trace-format.md.
 *
 * Order of frames: what a replay needs to reach a position (chunks, inputs) comes before the events up to
 * that position, so that a file that is cut after any event frame can be replayed to its end.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/byte_order.h"
#include "traces/event_code.h"
#include "traces/writer.h"

static void collect_item(struct collect *c, uint64_t icount)
{
    assert((!c->items || icount >= c->last_icount) && "positions never fall");
    if (!c->items++)
        c->first_icount = icount;
    c->last_icount = icount;
}

static void note_icount(struct trace_writer *w, uint64_t icount)
{
    if (icount > w->icount)
        w->icount = icount;
}

static int writer_check(const struct trace_writer *w, struct error *err)
{
    if (w->full)
        return error_set(err, "the trace has reached its maximum size");
    return sink_check(w->sink, err);
}

/* Passes the items to the sink as a frame, if there are any. */
static void writer_emit(struct trace_writer *w, struct collect *c, enum trace_frame_kind kind)
{
    if (!c->items)
        return;
    assert(c->first_icount <= c->last_icount && c->bytes.n && "a frame holds what it counts");
    struct frame_head h = {.kind = (uint8_t)kind,
                           .first_icount = c->first_icount,
                           .last_icount = c->last_icount,
                           .first = c->total,
                           .items = c->items};
    struct buf extra = {0}, aside = {0};
    sink_put(w->sink, h, &extra, &c->bytes, &aside);
    c->total += c->items;
    c->items = 0;
}

/* ---------------------------------------------------------------- configuration */

/* How many kinds the trace lists. The last ones come only with the class virt, or where calls or flash are made to fail: other traces are as
 * they were before there were any, and programs of then read them. */
static unsigned kinds_of(const struct trace_config *cfg)
{
    const char *varied = setting_find(cfg->settings, cfg->nsettings, "vary");
    if (varied && strstr(varied, "errors=nvram"))
        return EV_COUNT;
    return cfg->classes & EVENT_CLASS_BIT(EC_VIRT) || (varied && strstr(varied, "errors=call"))
               ? EV_FLASH_ERROR
               : EV_DOMAIN_REQUEST;
}

static void config_kinds(struct buf *b, unsigned n)
{
    buf_varint(b, n);
    for (unsigned i = 0; i < n; i++) {
        buf_string(b, event_kind(i)->name);
        buf_varint(b, event_kind(i)->nfields);
        buf_u8(b, event_kind(i)->has_data);
    }
}

static void config_images(struct buf *b, const struct trace_config *cfg)
{
    buf_varint(b, cfg->nimages);
    for (size_t i = 0; i < cfg->nimages; i++) {
        const struct trace_image *im = &cfg->images[i];
        buf_string(b, im->role);
        buf_string(b, im->name ? im->name : "");
        buf_varint(b, im->size);
        buf_u8(b, im->has_digest);
        if (im->has_digest) {
            buf_u64(b, im->digest[0]);
            buf_u64(b, im->digest[1]);
        }
    }
}

static void write_config(struct trace_writer *w, const struct trace_config *cfg)
{
    struct buf b = {0}, extra = {0}, aside = {0};
    buf_varint(&b, cfg->step_ns);
    buf_varint(&b, cfg->classes);
    config_kinds(&b, w->nkinds);
    buf_varint(&b, cfg->nsettings);
    for (size_t i = 0; i < cfg->nsettings; i++) {
        buf_string(&b, cfg->settings[i].key);
        buf_string(&b, cfg->settings[i].value);
    }
    config_images(&b, cfg);
    sink_put(w->sink, (struct frame_head){.kind = TF_CONFIG, .items = 1}, &extra, &b, &aside);
}

static int config_check(const struct trace_config *cfg, struct error *err)
{
    if (strlen(cfg->engine) >= ENGINE_NAME_SIZE)
        return error_set(err, "engine name '%s' is too long for a trace", cfg->engine);
    if (cfg->nsettings > MAX_SETTINGS || cfg->nimages > MAX_SETTINGS)
        return error_set(
            err,
            "%zu settings (arguments and probes are some) and %zu images: a trace has room for %d each: give fewer",
            cfg->nsettings, cfg->nimages, MAX_SETTINGS);
    size_t total = 0;
    for (size_t i = 0; i < cfg->nsettings; i++) {
        size_t n = strlen(cfg->settings[i].key) + strlen(cfg->settings[i].value);
        total += n + 20;
        if (n > MAX_STRING)
            return error_set(err,
                             "setting '%.60s' has %zu bytes: a trace has room for %d: give a shorter one",
                             cfg->settings[i].key, n, MAX_STRING);
    }
    for (size_t i = 0; i < cfg->nimages; i++) {
        const struct trace_image *im = &cfg->images[i];
        total += strlen(im->role) + (im->name ? strlen(im->name) : 0) + 64;
        if (im->size > MAX_IMAGE_SIZE)
            return error_set(err, "image '%.60s' is larger than 256 TiB", im->role);
    }
    if (total > frame_raw_max(TF_CONFIG) / 2)
        return error_set(
            err,
            "the settings have %zu bytes together: a trace has room for %u: give fewer arguments or probes",
            total, frame_raw_max(TF_CONFIG) / 2);
    return 0;
}

static struct trace_writer *create(const char *path, const char *name, enum trace_file what,
                                   const struct trace_config *cfg, struct error *err)
{
    if (config_check(cfg, err))
        return NULL;
    uint8_t header[FILE_HEADER_SIZE];
    file_header_pack(header, what, cfg->engine, cfg->behaviour);
    struct sink *sink = sink_open(path, name, header, err);
    if (!sink)
        return NULL;
    struct trace_writer *w = mem_zero(1, sizeof *w);
    w->sink = sink;
    w->encoder = event_encoder_new(cfg->step_ns);
    w->nkinds = kinds_of(cfg);
    event_encoder_kinds(w->encoder, w->nkinds);
    w->nimages = cfg->nimages;
    w->image = mem_zero(cfg->nimages, sizeof w->image[0]);
    for (size_t i = 0; i < cfg->nimages; i++) {
        w->image[i].size = cfg->images[i].size;
        w->image[i].have = mem_zero(chunk_count(cfg->images[i].size) / 8 + 1, 1);
    }
    write_config(w, cfg);
    assert(!w->events && !w->icount && "the configuration comes before all else");
    return w;
}

struct trace_writer *trace_writer_create(const char *path, const struct trace_config *cfg, struct error *err)
{
    return create(path, NULL, TRACE_FILE, cfg, err);
}

struct trace_writer *trace_share_create(const char *path, const char *name, const struct trace_config *cfg,
                                        struct error *err)
{
    return create(path, name, SHARE_FILE, cfg, err);
}

/* ---------------------------------------------------------------- image chunks */

bool trace_writer_has_chunk(const struct trace_writer *w, unsigned image, uint64_t chunk)
{
    if (image >= w->nimages || chunk >= chunk_count(w->image[image].size))
        return false;
    return w->image[image].have[chunk / 8] >> chunk % 8 & 1;
}

/* The references are in the frame's extra bytes, so that a reader gets them without unpacking the content. */
static void emit_chunks(struct trace_writer *w)
{
    struct collect *c = &w->chunks;
    assert(w->new_chunks <= c->items && "each new content came with a chunk");
    if (!c->items)
        return;
    struct frame_head h = {.kind = TF_CHUNKS,
                           .first_icount = c->first_icount,
                           .last_icount = c->last_icount,
                           .first = c->total,
                           .items = c->items};
    sink_put(w->sink, h, &w->chunk_refs, &c->bytes, &w->chunk_lengths);
    c->total += c->items;
    c->items = 0;
    w->new_chunks = 0;
    if (w->copied)
        writer_copied_streams(w, &h);
}

int trace_write_chunk(struct trace_writer *w, unsigned image, uint64_t chunk, const void *data, size_t n,
                      struct error *err)
{
    if (image >= w->nimages || chunk >= chunk_count(w->image[image].size))
        return error_set(err, "chunk %" PRIu64 " of image %u does not exist", chunk, image);
    if (n != chunk_length(w->image[image].size, chunk))
        return error_set(err, "chunk %" PRIu64 " of image %u has another length", chunk, image);
    if (trace_writer_has_chunk(w, image, chunk))
        return writer_check(w, err);
    bool is_new;
    const struct trace_chunk c = {.image = image,
                                  .chunk = chunk,
                                  .content = content_number(&w->content, content_key(data, n), &is_new)};
    return writer_chunk(w, &c, is_new, data, n, err);
}

int writer_chunk(struct trace_writer *w, const struct trace_chunk *c, bool is_new, const void *data, size_t n,
                 struct error *err)
{
    assert(c->image < w->nimages && c->chunk < chunk_count(w->image[c->image].size));
    w->image[c->image].have[c->chunk / 8] |= (uint8_t)(1u << c->chunk % 8);
    buf_varint(&w->chunk_refs, c->image);
    buf_varint(&w->chunk_refs, c->chunk);
    buf_varint(&w->chunk_refs, c->content);
    collect_item(&w->chunks, w->icount);
    if (is_new) {
        buf_add(&w->chunks.bytes, data, n);
        w->new_chunks++;
    }
    if (is_new && !w->copied) { /* for those who look for it in pages */
        put_le32(buf_room(&w->chunk_lengths, 4), (uint32_t)n);
        w->chunk_lengths.n += 4;
    }
    if (w->new_chunks == CHUNKS_CUT_NEW || w->chunks.items == CHUNKS_CUT_ITEMS)
        emit_chunks(w);
    return writer_check(w, err);
}

/* ---------------------------------------------------------------- inputs and notes */

int trace_write_input(struct trace_writer *w, const struct input *in, struct error *err)
{
    struct collect *c = &w->input;
    if (in->len > TRACE_MAX_INPUT)
        return error_set(err, "an input of %u bytes is too long for a trace", in->len);
    if (in->icount < c->last_icount)
        return error_set(err, "input at icount %" PRIu64 " comes after one at %" PRIu64, in->icount,
                         c->last_icount);
    event_encoder_input(w->encoder, c->total + c->items, in->data, in->len);
    /* Differences in a frame start from zero. */
    buf_varint(&c->bytes, in->icount - (c->items ? c->last_icount : 0));
    buf_varint(&c->bytes, zigzag(in->time - (c->items ? w->input_time : 0)));
    buf_varint(&c->bytes, in->port);
    buf_bytes(&c->bytes, in->data, in->len);
    collect_item(c, in->icount);
    w->input_time = in->time;
    assert(c->last_icount == in->icount && c->first_icount <= in->icount);
    note_icount(w, in->icount);
    if (c->bytes.n >= RECORDS_CUT_BYTES)
        writer_emit(w, c, TF_INPUT);
    return writer_check(w, err);
}

int trace_write_note(struct trace_writer *w, const struct trace_note *note, struct error *err)
{
    struct collect *c = &w->note;
    if (note->len > TRACE_MAX_NOTE || strlen(note->type) > MAX_STRING || strlen(note->name) > MAX_STRING)
        return error_set(err, "note '%.60s' is too long for a trace", note->name);
    uint64_t first = c->items && c->first_icount < note->icount ? c->first_icount : note->icount;
    uint64_t last = c->items && c->last_icount > note->icount ? c->last_icount : note->icount;
    assert(first <= note->icount && note->icount <= last);
    buf_varint(&c->bytes, note->icount);
    buf_varint(&c->bytes, note->time);
    buf_string(&c->bytes, note->type);
    buf_string(&c->bytes, note->name);
    buf_bytes(&c->bytes, note->data, note->len);
    c->items++;
    c->first_icount = first; /* notes come in any order */
    c->last_icount = last;
    if (c->bytes.n >= RECORDS_CUT_BYTES)
        writer_emit(w, c, TF_NOTE);
    return writer_check(w, err);
}

/* ---------------------------------------------------------------- events */

/* Number of events of each kind, as pairs. */
static void event_counts(struct trace_writer *w, struct buf *extra)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < EV_COUNT; i++) {
        if (!w->frame_kinds[i])
            continue;
        buf_varint(extra, i);
        buf_varint(extra, w->frame_kinds[i]);
        w->kinds[i] += w->frame_kinds[i];
        all += w->frame_kinds[i];
        w->frame_kinds[i] = 0;
    }
    assert(all == event_encoder_count(w->encoder) && "each event of the frame was counted under its kind");
}

static bool emit_events(struct trace_writer *w)
{
    uint32_t count = event_encoder_count(w->encoder);
    if (!count)
        return false;
    assert(w->first_event_icount <= w->last_event_icount);
    struct buf extra = {0}, payload = {0}, aside = {0};
    size_t n;
    const void *bytes = event_encoder_bytes(w->encoder, &n);
    buf_add(&payload, bytes, n);
    event_counts(w, &extra);
    struct frame_head h = {.kind = TF_EVENTS,
                           .first_icount = w->first_event_icount,
                           .last_icount = w->last_event_icount,
                           .first = w->events,
                           .items = count};
    sink_put(w->sink, h, &extra, &payload, &aside);
    w->events += count;
    event_encoder_reset(w->encoder);
    assert(w->icount >= w->last_event_icount && "the highest position is that of no earlier event");
    return true;
}

int trace_writer_flush(struct trace_writer *w, struct error *err)
{
    emit_chunks(w);
    writer_emit(w, &w->input, TF_INPUT);
    writer_emit(w, &w->note, TF_NOTE);
    /* A trace must not end with inputs at positions that it does not reach. */
    if (emit_events(w) && writer_commit(w, w->last_event_icount, w->last_event_time, err))
        return -1;
    return writer_check(w, err);
}

int trace_writer_sync(struct trace_writer *w, struct error *err)
{
    if (trace_writer_flush(w, err))
        return -1;
    sink_wait(w->sink);
    return writer_check(w, err);
}

/* ---------------------------------------------------------------- a greatest size */

void trace_writer_limit(struct trace_writer *w, uint64_t bytes)
{
    w->limited = true;
    sink_limit(w->sink, bytes);
}

bool trace_writer_full(const struct trace_writer *w)
{
    return w->full;
}

void trace_writer_kept(const struct trace_writer *w, struct trace_kept *kept)
{
    *kept = w->kept;
}

int writer_commit(struct trace_writer *w, uint64_t icount, uint64_t time, struct error *err)
{
    if (w->limited && !w->full && sink_commit(w->sink)) {
        w->kept = (struct trace_kept){icount, time, w->events, w->input.total, w->ck.total};
        memcpy(w->kept_kinds, w->kinds, sizeof w->kinds);
    } else if (w->limited) {
        w->full = true;
    }
    return writer_check(w, err);
}

static int event_refuse(const struct trace_writer *w, const struct event *ev, struct error *err)
{
    const struct event_kind *k = event_kind(ev->kind);
    if (!k)
        return error_set(err, "event of unknown kind %u at icount %" PRIu64, ev->kind, ev->icount);
    if (ev->len > EVENT_MAX_DATA)
        return error_set(err, "event %s at icount %" PRIu64 " has %u bytes of data, more than %d", k->name,
                         ev->icount, ev->len, EVENT_MAX_DATA);
    return error_set(err, "event %s at icount %" PRIu64 " comes after one at %" PRIu64, k->name, ev->icount,
                     w->last_event_icount);
}

int trace_write_event(struct trace_writer *w, const struct event *ev, struct error *err)
{
    if (ev->kind >= w->nkinds || ev->len > EVENT_MAX_DATA || ev->icount < w->last_event_icount)
        return event_refuse(w, ev, err);
    if (!event_encoder_count(w->encoder))
        w->first_event_icount = ev->icount;
    w->last_event_icount = ev->icount;
    w->last_event_time = ev->time;
    w->frame_kinds[ev->kind]++;
    note_icount(w, ev->icount);
    if (event_encoder_add(w->encoder, ev))
        return trace_writer_flush(w, err);
    return writer_check(w, err);
}

/* ---------------------------------------------------------------- end */

static void write_end(struct trace_writer *w, const struct trace_end *end, const uint64_t kinds[EV_COUNT])
{
    struct buf b = {0}, extra = {0}, aside = {0};
    buf_bytes(&b, end->reason, strnlen(end->reason, MAX_STRING));
    buf_bytes(&b, end->text ? end->text : "", end->text ? strnlen(end->text, MAX_STRING) : 0);
    buf_varint(&b, end->time);
    buf_varint(&b, zigzag((uint64_t)(int64_t)end->status));
    buf_u64(&b, end->hash);
    buf_varint(&b, w->nkinds);
    for (unsigned i = 0; i < w->nkinds; i++)
        buf_varint(&b, kinds[i]);
    struct frame_head h = {
        .kind = TF_END, .first_icount = end->icount, .last_icount = end->icount, .items = 1};
    sink_put(w->sink, h, &extra, &b, &aside);
}

static int writer_close(struct trace_writer *w, bool whole, struct error *err)
{
    assert(w->sink && "a writer is closed once");
    int result = sink_close(w->sink, whole, err);
    for (size_t i = 0; i < w->nimages; i++)
        free(w->image[i].have);
    free(w->image);
    event_encoder_free(w->encoder);
    buf_free(&w->input.bytes);
    buf_free(&w->note.bytes);
    buf_free(&w->chunks.bytes);
    buf_free(&w->chunk_refs);
    buf_free(&w->chunk_lengths);
    content_free(&w->content);
    writer_checkpoint_free(&w->ck);
    writer_copied_free(w->copied);
    free(w);
    return result;
}

void trace_writer_keep_earlier(struct trace_writer *w, struct trace_kept_name *earlier)
{
    earlier->name[0] = 0;
    sink_keep_earlier(w->sink, earlier);
}

void trace_writer_store(struct trace_writer *w, const char *folder)
{
    assert(!w->chunks.items && !w->chunks.total && "streams are looked for as content is given");
    sink_use_store(w->sink, folder);
}

void trace_writer_count_refused(struct trace_writer *w, uint64_t *refused)
{
    sink_count_refused(w->sink, refused);
}

int trace_writer_finish(struct trace_writer *w, const struct trace_end *end, struct error *err)
{
    trace_writer_flush(w, NULL);
    if (w->limited && writer_commit(w, end->icount, end->time, NULL))
        return trace_writer_finish_full(w, "the end has no room", err);
    write_end(w, end, w->kinds);
    return writer_close(w, true, err);
}

int trace_writer_finish_full(struct trace_writer *w, const char *text, struct error *err)
{
    const struct trace_end end = {
        .reason = TRACE_FULL, .text = text, .icount = w->kept.icount, .time = w->kept.time};
    write_end(w, &end, w->kept_kinds);
    return writer_close(w, true, err);
}

void trace_writer_abort(struct trace_writer *w)
{
    if (w)
        writer_close(w, false, NULL);
}
