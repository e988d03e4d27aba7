/* writer_thread.c - packs frames and writes them to the file, on a thread of its own.
 *
 * Frames go through a queue, first in first out, and are packed one by one: the bytes of the file do not
 * depend on when the thread runs. The file always ends after a whole frame, even after an error.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/byte_order.h"
#include "base/helper.h"
#include "traces/sink.h"
#include "traces/stream_finder.h"
#include "traces/written_file.h"

/* The most unpacked bytes in the queue; a single larger frame is accepted when the queue is empty. */
enum { QUEUE_BYTES = 6 << 20 };
/* Mostly one batch of pages is filled while another is packed. Where much is written, as when a kernel begins, the queue is full of them. */
enum { SPARES_KEPT = 2, SPARES = QUEUE_BYTES / SINK_BATCH };

struct job {
    struct job *next;
    struct frame_head head;
    struct buf extra;
    struct buf payload;
    struct buf aside;
    bool packed; /* the payload, as it is to be stored */
    /* no frame: */
    bool commit;    /* see sink_commit() */
    uint64_t limit; /* see sink_limit(); 0: none */
    char *store;    /* see sink_use_store(); NULL: none */
};

struct sink {
    char *name;        /* in errors */
    bool only_whole;   /* the file is dropped after an error */
    uint64_t *refused; /* see sink_count_refused(), or NULL */
    struct written_file *file;
    int fd; /* its */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more; /* a job was queued, or `closing` was set */
    pthread_cond_t room;
    /* under the lock */
    struct job *head, **tail;
    size_t queued, jobs;
    bool closing, whole;
    bool begun; /* jobs are done: see precedes_run() */
    bool full;
    struct buf spare[SPARES]; /* for batches of pages: memory that the host has made */
    unsigned spares, idle;    /* idle: the fewest there were since the last checkpoint */
    /* set by the thread, once, before `failed` */
    struct error error;
    atomic_bool failed;
    atomic_ullong written;
    /* the thread's own */
    uint64_t kept; /* last icount of what is in the file */
    uint64_t frames;
    uint64_t limit; /* 0: none */
    struct buf index;
    struct buf out;
    struct buf packed;  /* room to pack a frame's payload in */
    struct buf waiting; /* with a limit: frames that are still to be committed */
    struct {
        uint64_t frames;
        size_t index;
    } committed;
    ZSTD_CCtx *zstd;
    struct page_packer *pages;
    struct stream_finder *finder;
    uint64_t streams;             /* written so far */
    uint32_t contents;            /* image contents so far */
    uint64_t position;            /* of the CHUNKS frame that was written last */
    struct frame_head pages_head; /* of the PAGES frame that is being filled: the next one's `first` too */
};

/* ---------------------------------------------------------------- the thread */

/* "FILE: no space left on device; what was written up to icount N is kept", or what to do, if it is not */
static void sink_fail(struct sink *s, int error)
{
    const char *what = strerrordesc_np(error);
    char text[80];
    snprintf(text, sizeof text, "%s", what ? what : "cannot write");
    text[0] = (char)tolower((unsigned char)text[0]);
    if (s->only_whole || !written_file_shown(s->file))
        error_set(&s->error, "%s: %s: make room, or give another place", s->name, text);
    else
        error_set(&s->error, "%s: %s; what was written up to icount %" PRIu64 " is kept", s->name, text,
                  s->kept);
    atomic_store(&s->failed, true);
}

/* Writes all or nothing: an incomplete write is cut off again. */
static bool sink_write(struct sink *s, const void *data, size_t n)
{
    uint64_t whole = atomic_load(&s->written);
    assert(s->begun && "nothing of an earlier file is overwritten before the run");
    for (size_t done = 0; done < n;) {
        ssize_t got = write(s->fd, (const uint8_t *)data + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int error = got ? errno : ENOSPC;
            if (done && ftruncate(s->fd, (off_t)whole))
                error = errno; /* a pipe cannot be truncated: its reader gets an incomplete frame */
            sink_fail(s, error);
            return false;
        }
        done += (size_t)got;
    }
    atomic_store(&s->written, whole + n);
    return true;
}

/* What is in the file can be replayed: from now on it has its name. */
static bool sink_show(struct sink *s)
{
    int error = written_file_show(s->file);
    if (error)
        sink_fail(s, error);
    return !error;
}

/* Writes one frame, and notes its head for the index. */
static bool sink_store(struct sink *s, struct frame_head *h, const void *extra, const void *stored)
{
    assert(h->kind && s->committed.frames <= s->frames && "the file header is no frame");
    h->number = (uint32_t)s->frames;
    s->out.n = 0;
    frame_head_pack(&s->out, h, extra);
    size_t lead = s->out.n;
    buf_add(&s->out, stored, h->stored);
    if (s->limit && h->kind != TF_END && h->kind != TF_INDEX)
        buf_add(&s->waiting, s->out.p, s->out.n);
    else if (!sink_write(s, s->out.p, s->out.n))
        return false;
    buf_add(&s->index, s->out.p, lead);
    s->frames++;
    return true;
}

/* Whether searching is in vain: a frame of network traffic that is packed or encrypted, say. All bytes are
 * about as frequent in it, so that a code for single bytes would save less than 8 % (the sum of squares is 2
 * to the power of minus Renyi's entropy, which is at most Shannon's), and zstd takes long to find nothing
 * else. */
static bool looks_random(const uint8_t *p, size_t n)
{
    enum { SHORTEST = 1 << 13, LONGEST = 1 << 28, BYTES = 256 };
    uint32_t count[4][BYTES] = {{0}};
    uint64_t squares = 0;
    if (n < SHORTEST || n > LONGEST)
        return false;
    for (size_t i = 0; i + 4 <= n; i += 4)
        for (unsigned k = 0; k < 4; k++)
            count[k][p[i + k]]++;
    for (unsigned i = 0; i < BYTES; i++) {
        const uint64_t times = (uint64_t)count[0][i] + count[1][i] + count[2][i] + count[3][i];
        squares += times * times;
    }
    return squares * BYTES < (uint64_t)n * n / 2 * 3;
}

/* Packs and writes one frame. */
static bool sink_frame(struct sink *s, struct frame_head *h, const void *extra, const struct buf *payload)
{
    static const uint8_t nothing[1];
    const uint8_t *bytes = payload->n ? payload->p : nothing;
    const size_t room = ZSTD_compressBound(payload->n);
    uint8_t *packed = buf_room(&s->packed, room);
    const bool plain = (h->kind == TF_INPUT || h->kind == TF_EVENTS) && looks_random(bytes, payload->n);
    size_t n = plain ? payload->n : ZSTD_compress2(s->zstd, packed, room, bytes, payload->n);
    if (ZSTD_isError(n)) /* the room is enough */
        mem_none(0);
    const bool smaller = n < payload->n;
    const void *stored = smaller ? packed : bytes;
    h->packing = smaller ? PACK_ZSTD : PACK_NONE;
    h->raw = (uint32_t)payload->n;
    h->stored = (uint32_t)(smaller ? n : payload->n);
    assert(h->stored <= h->raw && h->stored == (smaller ? n : payload->n) && "frames are cut before 4 GiB");
    h->raw_hash = XXH3_64bits(bytes, payload->n);
    h->stored_hash = smaller ? XXH3_64bits(stored, h->stored) : h->raw_hash;
    return sink_store(s, h, extra, stored);
}

/* The most that END, INDEX and the trailer may take, with the frames so far. */
static uint64_t end_bytes(const struct sink *s)
{
    const size_t lead = FRAME_HEAD_SIZE + FRAME_HASH_SIZE, end = lead + END_MAX;
    return end + lead + s->index.n + lead + TRAILER_SIZE;
}

static bool overfull(const struct sink *s)
{
    return s->limit && atomic_load(&s->written) + s->waiting.n + end_bytes(s) > s->limit;
}

static void sink_drop(struct sink *s)
{
    assert(s->committed.frames <= s->frames && s->committed.index <= s->index.n && "frames are only added");
    s->full = true;
    s->waiting.n = 0;
    s->frames = s->committed.frames;
    s->index.n = s->committed.index;
}

static void sink_do_commit(struct sink *s)
{
    assert(s->limit && "what has no limit is written at once");
    if (s->full)
        return;
    if (overfull(s)) {
        sink_drop(s);
        return;
    }
    if (sink_write(s, s->waiting.p, s->waiting.n))
        sink_show(s);
    s->waiting.n = 0;
    s->committed.frames = s->frames;
    s->committed.index = s->index.n;
}

/* Writes the pages that are not yet in a frame. */
static bool sink_pages(struct sink *s)
{
    struct buf payload = {0}, extra = {0};
    struct frame_head *h = &s->pages_head;
    h->items = page_packer_take(s->pages, &payload, &extra);
    h->extra = (uint16_t)extra.n;
    bool good = !h->items || sink_frame(s, h, extra.p, &payload);
    h->first += h->items;
    buf_free(&payload);
    buf_free(&extra);
    return good;
}

/* A stream is complete: from now on, pages may refer to its content. Those before it are in an earlier frame,
 * so that readers know which of them may reach into it. */
static void sink_stream(void *ctx, const struct stream *stream, struct stream_content *content)
{
    struct sink *s = ctx;
    struct buf extra = {0}, none = {0};
    sink_pages(s);
    stream_encode(&extra, stream);
    struct frame_head h = {.kind = TF_STREAM,
                           .extra = (uint16_t)extra.n,
                           .first_icount = s->position,
                           .last_icount = s->position,
                           .first = s->streams++,
                           .items = 1};
    sink_frame(s, &h, extra.p, &none);
    page_packer_stream(s->pages, content, stream->length, stream_room(stream->length));
    buf_free(&extra);
}

/* Streams are looked for only in new content: any in earlier content were found before. */
static void sink_chunks(struct sink *s, const struct job *job)
{
    struct view refs = view_of(job->extra.p, job->extra.n);
    const uint8_t *data = job->payload.p, *length = job->aside.p;
    page_packer_contents(s->pages, &job->payload, &job->aside);
    s->position = job->head.last_icount;
    while (view_left(&refs)) {
        uint64_t image = view_varint(&refs), chunk = view_varint(&refs);
        if (view_varint(&refs) != s->contents)
            continue;
        assert(length < job->aside.p + job->aside.n &&
               data + le32(length) <= job->payload.p + job->payload.n);
        stream_finder_chunk(s->finder, image, chunk, data, le32(length));
        data += le32(length);
        length += sizeof(uint32_t);
        s->contents++;
    }
    assert(data == job->payload.p + job->payload.n && length == job->aside.p + job->aside.n &&
           "each new content has its first reference here");
}

static void sink_pack(struct sink *s, const struct job *job)
{
    const struct page_hint *hint = (const struct page_hint *)job->aside.p;
    assert(!(job->payload.n % TRACE_PAGE) && job->aside.n == job->payload.n / TRACE_PAGE * sizeof *hint);
    s->pages_head.kind = TF_PAGES;
    s->pages_head.first_icount = job->head.first_icount;
    s->pages_head.last_icount = job->head.last_icount;
    for (size_t at = 0; at < job->payload.n; at += TRACE_PAGE)
        if (page_packer_add(s->pages, job->payload.p + at, hint++) && !sink_pages(s))
            return;
}

static void sink_job(struct sink *s, struct job *job)
{
    struct frame_head *h = &job->head;
    if (job->commit) {
        sink_do_commit(s);
        return;
    }
    if (job->limit) {
        s->limit = job->limit;
        s->committed.frames = s->frames;
        s->committed.index = s->index.n;
        return;
    }
    if (job->store) {
        stream_finder_store(s->finder, job->store);
        return;
    }
    if (s->full && h->kind != TF_END)
        return;
    if (!h->kind) { /* the file header */
        sink_write(s, job->payload.p, job->payload.n);
        return;
    }
    if (h->kind == TF_PAGES && !job->packed) {
        sink_pack(s, job);
        return;
    }
    if (h->kind == TF_CHECKPOINT) {
        if (!sink_pages(s))
            return;
        page_packer_settle(s->pages);
    }
    if (job->packed ? !sink_store(s, h, job->extra.p, job->payload.p)
                    : !sink_frame(s, h, job->extra.p, &job->payload))
        return;
    if (h->kind == TF_CHUNKS && job->aside.n)
        sink_chunks(s, job);
    if (h->kind != TF_EVENTS && h->kind != TF_CHECKPOINT && h->kind != TF_END)
        return;
    s->kept = h->last_icount;
    if (!s->limit || h->kind == TF_END)
        sink_show(s);
}

/* The index is a frame of its own, after those that it lists. */
static void sink_index(struct sink *s)
{
    if (s->index.n > frame_raw_max(TF_INDEX)) {
        sink_fail(s, EOVERFLOW);
        return;
    }
    assert(!s->waiting.n && "what waits is committed or dropped before the end");
    assert(!s->head && "the index comes after all frames");
    uint64_t offset = atomic_load(&s->written), frames = s->frames;
    struct buf list = s->index;
    s->index = (struct buf){0};
    struct frame_head h = {
        .kind = TF_INDEX, .items = (uint32_t)frames, .first_icount = s->kept, .last_icount = s->kept};
    uint8_t trailer[TRAILER_SIZE];
    trailer_pack(trailer, offset, frames);
    if (sink_frame(s, &h, NULL, &list))
        sink_write(s, trailer, sizeof trailer);
    buf_free(&list);
}

/* A batch was packed: the next ones need its memory. Under the lock. */
static void keep_spare(struct sink *s, struct job *job)
{
    if (job->head.kind != TF_PAGES || job->packed || s->spares == SPARES)
        return;
    s->spare[s->spares++] = job->payload;
    job->payload = (struct buf){0};
}

/* What the last checkpoint did not need is given back, except a few. Under the lock. */
static void spares_settle(struct sink *s)
{
    for (; s->idle && s->spares > SPARES_KEPT; s->idle--)
        buf_free(&s->spare[--s->spares]);
    s->idle = s->spares;
}

static void job_free(struct job *job)
{
    buf_free(&job->extra);
    buf_free(&job->payload);
    buf_free(&job->aside);
    free(job->store);
    free(job);
}

/* The next job, or NULL when closing and there is none. */
static struct job *sink_next(struct sink *s)
{
    pthread_mutex_lock(&s->lock);
    while (!(s->head && s->begun) && !s->closing)
        pthread_cond_wait(&s->more, &s->lock);
    struct job *job = s->head;
    if (job) {
        s->head = job->next;
        if (!s->head)
            s->tail = &s->head;
    }
    pthread_mutex_unlock(&s->lock);
    return job;
}

static void *sink_thread(void *arg)
{
    struct sink *s = arg;
    struct job *job;
    while ((job = sink_next(s))) {
        if (!atomic_load(&s->failed))
            sink_job(s, job);
        if (overfull(s) && job->head.kind != TF_END) /* the waiting frames must not grow without limit */
            sink_drop(s);
        pthread_mutex_lock(&s->lock);
        assert(s->jobs && s->queued >= job->payload.n && "what leaves the queue was in it");
        s->queued -= job->payload.n;
        s->jobs--;
        keep_spare(s, job);
        pthread_cond_signal(&s->room);
        pthread_mutex_unlock(&s->lock);
        job_free(job);
    }
    if (s->whole && !atomic_load(&s->failed))
        sink_index(s);
    return NULL;
}

/* ---------------------------------------------------------------- the caller's side */

static void sink_free(struct sink *s)
{
    ZSTD_freeCCtx(s->zstd);
    page_packer_free(s->pages);
    stream_finder_free(s->finder);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->more);
    pthread_cond_destroy(&s->room);
    buf_free(&s->index);
    buf_free(&s->out);
    buf_free(&s->packed);
    buf_free(&s->waiting);
    while (s->spares)
        buf_free(&s->spare[--s->spares]);
    free(s->name);
    free(s);
}

struct sink *sink_open(const char *path, const char *name, const uint8_t header[FILE_HEADER_SIZE],
                       struct error *err)
{
    struct written_file *file = written_file_open(path, name ? name : path, name, err);
    if (!file)
        return NULL;
    struct sink *s = mem_zero(1, sizeof *s);
    s->name = mem_string(name ? name : path);
    s->only_whole = name;
    s->file = file;
    s->fd = written_file_fd(file);
    s->tail = &s->head;
    s->zstd = mem_check(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, FRAME_ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_minMatch, FRAME_ZSTD_MATCH);
    ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_hashLog, FRAME_ZSTD_HASH_LOG);
    s->pages = page_packer_new();
    s->finder = stream_finder_new(sink_stream, s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    pthread_cond_init(&s->room, NULL);
    int error = helper_create(&s->thread, sink_thread, s);
    if (error) {
        error_set(err, "%s: cannot start a thread: %s", path, strerrordesc_np(error));
        written_file_close(file);
        sink_free(s);
        return NULL;
    }
    struct buf payload = {0}, extra = {0}, aside = {0};
    buf_add(&payload, header, FILE_HEADER_SIZE);
    sink_put(s, (struct frame_head){0}, &extra, &payload, &aside);
    return s;
}

static struct buf buf_take(struct buf *b)
{
    struct buf taken = *b;
    *b = (struct buf){0};
    return taken;
}

/* Configuration and images are there before the run. They wait for it: a recording that does not come about
 * (an image that the machine cannot use, a misspelled probe) leaves an earlier one of that name as it was. */
static bool precedes_run(const struct job *job)
{
    unsigned kind = job->head.kind;
    return !job->commit && (!kind || kind == TF_CONFIG || kind == TF_CHUNKS);
}

/* From now on the thread writes. Under the lock. */
static void sink_begin(struct sink *s)
{
    if (s->begun)
        return;
    int error = written_file_begin(s->file);
    if (error)
        sink_fail(s, error);
    s->begun = true;
    pthread_cond_signal(&s->more);
}

static void queue(struct sink *s, struct job *job)
{
    pthread_mutex_lock(&s->lock);
    assert(!s->closing && !*s->tail && "jobs are added to the end, before it is closed");
    if (job->head.kind == TF_CHECKPOINT)
        spares_settle(s);
    if (!precedes_run(job) || s->queued + job->payload.n > QUEUE_BYTES)
        sink_begin(s);
    while (s->queued && s->queued + job->payload.n > QUEUE_BYTES)
        pthread_cond_wait(&s->room, &s->lock);
    *s->tail = job;
    s->tail = &job->next;
    s->queued += job->payload.n;
    s->jobs++;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

void sink_put(struct sink *s, struct frame_head head, struct buf *extra, struct buf *payload,
              struct buf *aside)
{
    assert(extra->n <= UINT16_MAX && "a frame's head holds the length of its extra bytes");
    struct job *job = mem_zero(1, sizeof *job);
    head.extra = (uint16_t)extra->n;
    *job = (struct job){
        .head = head, .extra = buf_take(extra), .payload = buf_take(payload), .aside = buf_take(aside)};
    queue(s, job);
}

void sink_put_packed(struct sink *s, struct frame_head head, struct buf *extra, struct buf *payload)
{
    assert(payload->n == head.stored && extra->n <= UINT16_MAX && "it goes into the file as it is");
    struct job *job = mem_zero(1, sizeof *job);
    head.extra = (uint16_t)extra->n;
    *job = (struct job){.head = head, .extra = buf_take(extra), .payload = buf_take(payload), .packed = true};
    queue(s, job);
}

/* The thread has nothing left to do afterwards, so its own members may be used. */
void sink_wait(struct sink *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->jobs)
        pthread_cond_wait(&s->room, &s->lock);
    assert(!s->queued && "without jobs nothing is queued");
    pthread_mutex_unlock(&s->lock);
}

void sink_use_store(struct sink *s, const char *folder)
{
    struct job *job = mem_zero(1, sizeof *job);
    job->store = mem_string(folder);
    queue(s, job);
}

void sink_limit(struct sink *s, uint64_t limit)
{
    assert(limit && "0 means that there is none");
    struct job *job = mem_zero(1, sizeof *job);
    job->limit = limit;
    queue(s, job);
}

bool sink_commit(struct sink *s)
{
    struct job *job = mem_zero(1, sizeof *job);
    job->commit = true;
    queue(s, job);
    sink_wait(s);
    return !s->full;
}

void sink_put_pages(struct sink *s, struct frame_head head, struct buf *pages, struct buf *hints)
{
    struct buf extra = {0};
    head.kind = TF_PAGES;
    sink_put(s, head, &extra, pages, hints);
}

void sink_pages_room(struct sink *s, struct buf *pages)
{
    assert(!pages->p && "a batch begins without memory");
    pthread_mutex_lock(&s->lock);
    if (s->spares)
        *pages = s->spare[--s->spares];
    s->idle = s->spares < s->idle ? s->spares : s->idle;
    pthread_mutex_unlock(&s->lock);
    pages->n = 0;
    if (!pages->p)
        mem_expect(buf_room(pages, SINK_BATCH), SINK_BATCH);
}

int sink_check(struct sink *s, struct error *err)
{
    if (!atomic_load_explicit(&s->failed, memory_order_acquire))
        return 0;
    if (err)
        *err = s->error;
    return -1;
}

void sink_keep_earlier(struct sink *s, struct trace_kept_name *earlier)
{
    written_file_keep(s->file, earlier);
}

void sink_count_refused(struct sink *s, uint64_t *refused)
{
    s->refused = refused;
}

static void drop_jobs(struct sink *s)
{
    for (struct job *job = s->head, *next; job; job = next) {
        next = job->next;
        job_free(job);
    }
    s->head = NULL;
}

int sink_close(struct sink *s, bool whole, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    assert(!s->closing && "it is closed once");
    if (whole)
        sink_begin(s);
    else if (!s->begun)
        drop_jobs(s);
    s->closing = true;
    s->whole = whole;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    int error = written_file_close(s->file);
    if (error && !atomic_load(&s->failed))
        sink_fail(s, error);
    if (s->refused)
        *s->refused = page_packer_refused(s->pages);
    int result = sink_check(s, err);
    sink_free(s);
    return result;
}
