/* writer_copy.c - takes image content and states from another trace, packed as they are there.
 *
 * A packed page refers to pages, image content and places in streams by number. Each of them comes in the
 * order of the other trace here, so it has the same number, and the frames need not be unpacked. Where CHUNKS
 * frames begin depends on the events between them; so these are made anew, and streams are put where their
 * last chunk is.
 */
#include <assert.h>

#include "traces/page_code.h"
#include "traces/reader.h"
#include "traces/writer.h"

struct copied {
    struct trace *t;
    uint64_t contents; /* pieces of image content that were written */
    uint64_t *needs;   /* by stream: how many there must be before it */
    size_t streams;    /* what was written of each */
    size_t pages;      /* frames */
    size_t checkpoints;
};

/* ---------------------------------------------------------------- streams */

/* *needs: how many contents the file must have for the stream to be complete. */
static int stream_needs(struct trace *t, const struct stream_entry *e, uint64_t *needs, struct error *err)
{
    const struct stream *s = &e->s;
    uint64_t last = s->packed ? (s->offset + s->packed - 1) / TRACE_CHUNK : 0;
    for (uint64_t chunk = s->offset / TRACE_CHUNK; chunk <= last; chunk++) {
        const struct chunk_ref *ref = chunk_find(&t->chunks[s->image], chunk);
        if (!ref)
            return frame_error(t, e->frame, err, "what is packed is not in the trace");
        if (ref->content >= *needs)
            *needs = ref->content + 1ull;
    }
    return 0;
}

int trace_writer_copies(struct trace_writer *w, struct trace *t, struct error *err)
{
    struct copied *c = w->copied = mem_zero(1, sizeof *c);
    c->t = t;
    c->needs = mem_zero(t->streams.n + 1, sizeof *c->needs);
    for (size_t i = 0; i < t->streams.n; i++)
        if (stream_needs(t, &t->streams.entry[i], &c->needs[i], err))
            return -1;
    return 0;
}

void writer_copied_free(struct copied *c)
{
    if (!c)
        return;
    free(c->needs);
    free(c);
}

void writer_copied_streams(struct trace_writer *w, const struct frame_head *chunks)
{
    struct copied *c = w->copied;
    assert(c->streams <= c->t->streams.n);
    for (; c->streams < c->t->streams.n && c->needs[c->streams] <= c->contents; c->streams++) {
        struct buf extra = {0}, none = {0}, aside = {0};
        stream_encode(&extra, &c->t->streams.entry[c->streams].s);
        const struct frame_head h = {.kind = TF_STREAM,
                                     .first_icount = chunks->last_icount,
                                     .last_icount = chunks->last_icount,
                                     .first = c->streams,
                                     .items = 1};
        sink_put(w->sink, h, &extra, &none, &aside);
    }
}

/* ---------------------------------------------------------------- chunks */

int trace_copy_chunk(struct trace_writer *w, const struct trace_chunk *chunk, struct error *err)
{
    struct copied *c = w->copied;
    assert(c && chunk->image < w->nimages && "the writer copies the images of its record");
    uint64_t at = chunk->chunk * TRACE_CHUNK;
    uint32_t n = chunk_length(c->t->images[chunk->image].size, chunk->chunk);
    uint8_t *data = mem_alloc(n);
    bool is_new = chunk->content == c->contents;
    int rc = trace_image_read(c->t, chunk->image, at, data, n, err);
    c->contents += !rc && is_new;
    if (!rc)
        rc = writer_chunk(w, chunk, is_new, data, n, err);
    free(data);
    return rc;
}

/* ---------------------------------------------------------------- states */

/* The payload of a frame, and what its head says of it. */
static int take_packed(struct trace *t, size_t frame, struct frame_head *h, struct buf *payload,
                       struct error *err)
{
    const struct frame_entry *e = &t->frame[frame];
    uint8_t *bytes = frame_read(t, frame, err);
    if (!bytes)
        return -1;
    h->packing = e->packing;
    h->stored = e->payload;
    h->raw = e->info.raw;
    h->raw_hash = e->info.hash;
    h->stored_hash = e->stored_hash;
    buf_add(payload, bytes + e->info.stored - e->payload, e->payload);
    free(bytes);
    return 0;
}

static int copy_pages(struct trace_writer *w, size_t frame, struct error *err)
{
    const struct frame_entry *e = &w->copied->t->frame[frame];
    const struct trace_frame *f = &e->info;
    struct buf extra = {0}, payload = {0};
    struct frame_head h = {.kind = TF_PAGES,
                           .first_icount = f->first_icount,
                           .last_icount = f->last_icount,
                           .first = f->first,
                           .items = f->items};
    if (take_packed(w->copied->t, frame, &h, &payload, err))
        return -1;
    if (e->checked)
        pages_extra(&extra, e->refused);
    sink_put_packed(w->sink, h, &extra, &payload);
    return 0;
}

int trace_copy_checkpoint(struct trace_writer *w, struct error *err)
{
    struct copied *c = w->copied;
    assert(c && c->checkpoints < trace_checkpoint_count(c->t) && "each checkpoint is copied once");
    const struct frame_list *pages = &c->t->list[TF_PAGES];
    const struct trace_checkpoint *k = trace_checkpoint(c->t, c->checkpoints);
    size_t frame = c->t->list[TF_CHECKPOINT].frame[c->checkpoints++];
    if (trace_checkpoint_begin(w, k->icount, k->time, false, err))
        return -1;
    w->ck.open = false;
    for (; c->pages < pages->n && pages->frame[c->pages] < frame; c->pages++)
        if (copy_pages(w, pages->frame[c->pages], err))
            return -1;
    struct buf extra = {0}, payload = {0};
    struct frame_head h = writer_checkpoint_head(w, k->hash, &extra);
    if (take_packed(c->t, frame, &h, &payload, err)) {
        buf_free(&extra);
        return -1;
    }
    sink_put_packed(w->sink, h, &extra, &payload);
    return writer_commit(w, k->icount, k->time, err);
}
