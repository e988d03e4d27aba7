/* images.c - see images.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/run/images.h"
#include "base/memory.h"

enum { DIGEST_LIMIT = 64 << 20 };

/* ---------------------------------------------------------------- recording */

struct tracked {
    struct image_tracker *tracker;
    const struct image *inner;
    unsigned number;
    uint64_t cached; /* number of the chunk in `buf`; UINT64_MAX if there is none */
    uint8_t *buf;
};

struct image_tracker {
    struct trace_writer *w;
    struct image_lost lost;
    struct tracked *tracked;
    struct image *images;
    size_t n;
};

static size_t chunk_size(const struct image *im, uint64_t chunk)
{
    uint64_t left = im->size - chunk * TRACE_CHUNK;
    return left < TRACE_CHUNK ? (size_t)left : TRACE_CHUNK;
}

static void note_lost(const struct tracked *t, uint64_t at, const struct error *why)
{
    if (!t->tracker->lost.image)
        t->tracker->lost = (struct image_lost){t->inner, at, *why};
}

/* Reads a chunk into t->buf and writes it to the trace. The engine gets its data from t->buf, so that it is
 * what the trace holds, even if the file changes between two reads. */
static int fetch_chunk(struct tracked *t, uint64_t chunk, struct error *err)
{
    if (t->cached == chunk)
        return 0;
    if (!t->buf)
        t->buf = mem_alloc(TRACE_CHUNK);
    t->cached = UINT64_MAX;
    size_t n = chunk_size(t->inner, chunk);
    if (t->inner->read(t->inner->ctx, chunk * TRACE_CHUNK, t->buf, n, err)) {
        note_lost(t, chunk * TRACE_CHUNK, err);
        return -1;
    }
    if (!trace_writer_has_chunk(t->tracker->w, t->number, chunk) &&
        trace_write_chunk(t->tracker->w, t->number, chunk, t->buf, n, err))
        return -1;
    t->cached = chunk;
    return 0;
}

static int read_tracked(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    struct tracked *t = ctx;
    char *to = buf;
    while (n) {
        uint64_t chunk = offset / TRACE_CHUNK;
        size_t at = offset % TRACE_CHUNK;
        if (fetch_chunk(t, chunk, err))
            return -1;
        size_t part = TRACE_CHUNK - at < n ? TRACE_CHUNK - at : n;
        memcpy(to, t->buf + at, part);
        to += part;
        offset += part;
        n -= part;
    }
    return 0;
}

/* What an answer is is fixed when it is first read. */
static int place_tracked(void *ctx, uint64_t offset, const struct share_question *q, struct error *err)
{
    struct tracked *t = ctx;
    if (!t->inner->place(t->inner->ctx, offset, q, err))
        return 0;
    note_lost(t, offset, err);
    return -1;
}

struct image_tracker *image_tracker_new(const struct image *images, size_t n, struct trace_writer *w)
{
    struct image_tracker *it = mem_zero(1, sizeof *it);
    it->w = w;
    it->n = n;
    it->tracked = mem_zero(n + 1, sizeof *it->tracked);
    it->images = mem_zero(n + 1, sizeof *it->images);
    for (size_t i = 0; i < n; i++) {
        it->tracked[i] =
            (struct tracked){.tracker = it, .inner = &images[i], .number = (unsigned)i, .cached = UINT64_MAX};
        it->images[i] = images[i];
        it->images[i].ctx = &it->tracked[i];
        it->images[i].read = read_tracked;
        it->images[i].place = images[i].place ? place_tracked : NULL;
    }
    return it;
}

const struct image *image_tracker_images(const struct image_tracker *it)
{
    return it->images;
}

const struct image_lost *image_tracker_lost(const struct image_tracker *it)
{
    return it->lost.image ? &it->lost : NULL;
}

void image_tracker_free(struct image_tracker *it)
{
    if (!it)
        return;
    for (size_t i = 0; i < it->n; i++)
        free(it->tracked[i].buf);
    free(it->tracked);
    free(it->images);
    free(it);
}

static int digest(const struct image *im, uint64_t out[2], struct error *err)
{
    XXH3_state_t *st = mem_check(XXH3_createState());
    uint8_t *buf = mem_alloc(TRACE_CHUNK);
    int rc = 0;
    XXH3_128bits_reset(st);
    for (uint64_t at = 0; at < im->size && !rc; at += TRACE_CHUNK) {
        size_t n = chunk_size(im, at / TRACE_CHUNK);
        rc = im->read(im->ctx, at, buf, n, err);
        if (!rc)
            XXH3_128bits_update(st, buf, n);
    }
    XXH128_hash_t h = XXH3_128bits_digest(st);
    out[0] = h.low64;
    out[1] = h.high64;
    free(buf);
    XXH3_freeState(st);
    return rc;
}

/* ---------------------------------------------------------------- replaying */

struct replayed {
    struct trace *t;
    unsigned number;
};

struct image_replay {
    struct replayed *ctx;
    struct image *images;
    size_t n;
};

static int read_replayed(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    struct replayed *r = ctx;
    return trace_image_read(r->t, r->number, offset, buf, n, err);
}

/* Of what is read from a trace, not all bytes need be there; but the trace has the digest. */
int image_describe(const struct image *im, struct trace_image *out, struct error *err)
{
    *out = (struct trace_image){.role = im->role, .name = im->name, .size = im->size};
    if (im->read == read_replayed) {
        const struct replayed *r = im->ctx;
        const struct trace_image *recorded = &trace_config(r->t)->images[r->number];
        out->has_digest = recorded->has_digest;
        memcpy(out->digest, recorded->digest, sizeof out->digest);
        return 0;
    }
    if (im->size > DIGEST_LIMIT)
        return 0;
    out->has_digest = true;
    return digest(im, out->digest, err);
}

struct image_replay *image_replay_new(struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    struct image_replay *r = mem_zero(1, sizeof *r);
    r->n = cfg->nimages;
    r->ctx = mem_zero(r->n + 1, sizeof *r->ctx);
    r->images = mem_zero(r->n + 1, sizeof *r->images);
    for (size_t i = 0; i < r->n; i++) {
        r->ctx[i] = (struct replayed){t, (unsigned)i};
        r->images[i] = (struct image){.role = cfg->images[i].role,
                                      .name = cfg->images[i].name,
                                      .size = cfg->images[i].size,
                                      .ctx = &r->ctx[i],
                                      .read = read_replayed};
    }
    return r;
}

const struct image *image_replay_images(const struct image_replay *r, size_t *count)
{
    *count = r->n;
    return r->images;
}

void image_replay_free(struct image_replay *r)
{
    if (!r)
        return;
    free(r->ctx);
    free(r->images);
    free(r);
}
