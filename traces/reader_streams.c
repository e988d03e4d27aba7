/* reader_streams.c - the content of streams, unpacked when it is first used, or by a thread that begins earlier. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/helper.h"
#include "base/sorted.h"
#include "traces/reader.h"
#include "traces/stream_store.h"

struct stream_cache {
    pthread_mutex_t lock; /* of all but `stop` and `ahead` */
    unsigned users;
    bool preparing; /* `thread` was started */
    pthread_t thread;
    struct trace *ahead; /* the thread's; not among the users */
    atomic_bool stop;
    char *folder; /* where contents are kept for other processes; NULL: nowhere */
    size_t n;
    struct {
        bool done, fresh;              /* fresh: unpacked from the image, and not yet kept */
        struct stream_content content; /* does not change once it is done */
    } * stream;
};

bool streams_add(struct streams *s, const struct stream *stream, uint32_t frame)
{
    uint64_t room = stream_room(stream->length);
    if (!stream->length || stream->length > STREAMS_MAX || room > STREAMS_MAX - s->end)
        return false;
    MEM_MORE(s->entry, s->n);
    s->entry[s->n++] = (struct stream_entry){*stream, frame, s->end};
    s->end += room;
    return true;
}

static void cache_leave(struct stream_cache *c)
{
    pthread_mutex_lock(&c->lock);
    assert(c->users && "who leaves was among the users");
    bool last = !--c->users;
    pthread_mutex_unlock(&c->lock);
    if (!last)
        return;
    if (c->preparing) {
        atomic_store(&c->stop, true);
        pthread_join(c->thread, NULL);
    }
    for (size_t i = 0; i < c->n; i++)
        stream_content_free(&c->stream[i].content);
    pthread_mutex_destroy(&c->lock);
    free(c->stream);
    free(c->folder);
    free(c);
}

void streams_clear(struct streams *s)
{
    if (s->cache)
        cache_leave(s->cache);
    free(s->content);
    free(s->entry);
    *s = (struct streams){0};
}

void streams_drop(struct streams *s)
{
    struct stream_cache *c = s->cache;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n && c->users == 1 && !c->preparing; i++) {
        stream_content_free(&c->stream[i].content);
        c->stream[i].done = c->stream[i].fresh = false;
        s->content[i] = NULL;
    }
    pthread_mutex_unlock(&c->lock);
}

void streams_ready(struct streams *s)
{
    if (!s->n)
        return;
    struct stream_cache *c = mem_zero(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->users = 1;
    c->n = s->n;
    c->stream = mem_zero(s->n, sizeof c->stream[0]);
    s->content = mem_zero(s->n, sizeof s->content[0]);
    s->cache = c;
}

static bool same_streams(const struct streams *a, const struct streams *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = a->entry[i].s.length == b->entry[i].s.length &&
               !memcmp(a->entry[i].s.hash, b->entry[i].s.hash, sizeof b->entry[i].s.hash);
    return same;
}

void streams_share(const struct trace *t, struct trace *beside)
{
    const struct streams *a = &t->streams;
    struct streams *b = &beside->streams;
    if (!a->n || !same_streams(a, b))
        return;
    pthread_mutex_lock(&a->cache->lock);
    a->cache->users++;
    pthread_mutex_unlock(&a->cache->lock);
    cache_leave(b->cache);
    b->cache = a->cache;
}

/* ---------------------------------------------------------------- unpacking */

/* Gives the packed bytes to the reader, a chunk at a time. */
static int feed(struct trace *t, const struct stream *s, struct stream_reader *r, enum unpack_result *result,
                struct error *err)
{
    uint8_t *chunk = mem_alloc(TRACE_CHUNK);
    int rc = 0;
    *result = UNPACK_MORE;
    for (uint64_t at = 0;
         at < s->packed && !rc && !atomic_load(&t->streams.cache->stop) && *result == UNPACK_MORE;) {
        size_t used, n = TRACE_CHUNK - (s->offset + at) % TRACE_CHUNK;
        n = s->packed - at < n ? (size_t)(s->packed - at) : n;
        rc = trace_image_read(t, (unsigned)s->image, s->offset + at, chunk, n, err);
        if (!rc)
            *result = stream_reader_feed(r, chunk, n, &used);
        at += n;
    }
    free(chunk);
    return rc;
}

/* Nothing is kept if `content` is NULL. */
static int unpack(struct trace *t, const struct stream_entry *e, struct stream_content *content,
                  struct error *err)
{
    struct stream_reader *r = stream_reader_new(e->s.format, e->s.length);
    struct stream_content unpacked = {0};
    enum unpack_result result;
    uint64_t hash[2] = {0};
    if (!content)
        stream_reader_forget(r);
    int rc = feed(t, &e->s, r, &result, err);
    const bool whole = !rc && result == UNPACK_END && stream_reader_length(r) == e->s.length;
    if (whole)
        stream_reader_take(r, &unpacked, hash);
    const bool same = whole && !memcmp(hash, e->s.hash, sizeof hash);
    stream_reader_free(r);
    if (same && content)
        *content = unpacked;
    else
        stream_content_free(&unpacked);
    if (rc || same)
        return rc;
    return frame_error(t, e->frame, err,
                       "what is packed in the image there does not unpack to what was recorded");
}

int stream_use(struct trace *t, size_t i, struct error *err)
{
    struct streams *s = &t->streams;
    struct stream_cache *c = s->cache;
    if (s->content[i])
        return 0;
    pthread_mutex_lock(&c->lock);
    struct stream_content *content = &c->stream[i].content;
    int rc = 0;
    if (!c->stream[i].done &&
        !(c->folder && stream_store_get(c->folder, &s->entry[i].s, content, &c->stop))) {
        rc = unpack(t, &s->entry[i], content, err);
        c->stream[i].fresh = !rc;
    }
    c->stream[i].done = !rc;
    pthread_mutex_unlock(&c->lock);
    if (!rc)
        s->content[i] = &c->stream[i].content;
    return rc;
}

/* Was it unpacked by this process, be it by this thread or by a reader beside it? */
static bool is_fresh(struct stream_cache *c, size_t i)
{
    pthread_mutex_lock(&c->lock);
    const bool fresh = c->stream[i].done && c->stream[i].fresh;
    pthread_mutex_unlock(&c->lock);
    return fresh;
}

int stream_check(struct trace *t, size_t i, struct error *err)
{
    if (stream_use(t, i, err))
        return -1;
    return is_fresh(t->streams.cache, i) ? 0 : unpack(t, &t->streams.entry[i], NULL, err);
}

/* ---------------------------------------------------------------- ahead of time */

static void keep(struct stream_cache *c)
{
    const struct streams *s = &c->ahead->streams;
    for (size_t i = 0; c->folder && i < c->n; i++)
        if (is_fresh(c, i))
            stream_store_keep(c->folder, &s->entry[i].s, &c->stream[i].content);
}

/* An error will be found again by the next user of the stream. What was unpacked is kept even if the process is
 * about to end: a command that is quick would never leave anything for the next one. */
static void *prepare(void *arg)
{
    struct stream_cache *c = arg;
    for (size_t i = 0; i < c->n && !atomic_load(&c->stop); i++)
        if (stream_use(c->ahead, i, NULL))
            break;
    keep(c);
    c->ahead->streams.cache = NULL;
    trace_close(c->ahead);
    return NULL;
}

void trace_prepare(const struct trace *t, const char *folder)
{
    struct stream_cache *c = t->streams.cache;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    struct trace *ahead = c->preparing ? NULL : trace_open_again(t, NULL);
    if (ahead && same_streams(&t->streams, &ahead->streams)) {
        cache_leave(ahead->streams.cache);
        ahead->streams.cache = c;
        c->ahead = ahead;
        c->folder = folder ? mem_string(folder) : NULL;
        c->preparing = !helper_create(&c->thread, prepare, c);
        if (!c->preparing)
            ahead->streams.cache = NULL;
    }
    if (!c->preparing)
        trace_close(ahead);
    pthread_mutex_unlock(&c->lock);
}

/* ---------------------------------------------------------------- pages */

struct use {
    struct trace *t;
    struct error *err;
};

static const struct stream_content *use_content(void *ctx, size_t i)
{
    const struct use *u = ctx;
    return stream_use(u->t, i, u->err) ? NULL : u->t->streams.content[i];
}

/* How many streams are before the frame. */
static size_t streams_before(const struct streams *s, size_t frame)
{
    return SORTED_ABOVE(s->entry, s->n, frame, frame);
}

int stream_page(struct trace *t, size_t frame, uint64_t place, uint8_t out[TRACE_PAGE], struct error *err)
{
    struct error why = {""};
    struct use use = {t, &why};
    size_t n = streams_before(&t->streams, frame);
    const enum stream_got got = stream_space_page(t->streams.entry, n, place, use_content, &use, out);
    if (got == STREAM_GOT)
        return 0;
    if (got == STREAM_UNREAD)
        return error_set(
            err, "a kept file in %s cannot be read any more: run the command again, which makes it anew",
            t->streams.cache->folder);
    return why.text[0] ? error_set(err, "%s", why.text)
                       : frame_error(t, frame, err, "a page refers to a stream that is not before it");
}
