/* reader.c - opening a trace: where its bytes come from, unpacking frames, configuration, end, images. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/byte_order.h"
#include "base/file_lock.h"
#include "base/sorted.h"
#include "traces/failure.h"
#include "traces/reader.h"

/* ---------------------------------------------------------------- bytes */

/* pread() returned `got`. */
static int unreadable(struct trace *t, uint64_t offset, ssize_t got, struct error *err)
{
    struct error what;
    error_set(&what, "%s: cannot read at offset %" PRIu64 ": %s", t->name, offset,
              got ? strerrordesc_np(errno) : "the file has become shorter");
    trace_note_failure(t, &what);
    return error_set(err, "%s", what.text);
}

/* pread, not mmap: a file that shrinks while it is open then gives an error instead of SIGBUS. */
int source_read(struct trace *t, uint64_t offset, void *buf, size_t n, struct error *err)
{
    if (offset > t->size || n > t->size - offset)
        return error_set(err, "%s: ends before offset %" PRIu64, t->name, offset + n);
    if (t->memory) {
        if (n)
            memcpy(buf, t->memory + offset, n);
        return 0;
    }
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(t->fd, (uint8_t *)buf + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return unreadable(t, offset + done, got, err);
        done += (size_t)got;
    }
    return 0;
}

int frame_error(const struct trace *t, size_t frame, struct error *err, const char *what)
{
    const struct trace_frame *f = &t->frame[frame].info;
    return error_set(err, "%s: frame %zu (%s) at offset %" PRIu64 ": %s", t->name, frame,
                     trace_frame_kind_name(f->kind), f->offset, what);
}

/* ---------------------------------------------------------------- frames */

/* The header in the file must be the one that the index lists. */
static const char *head_same(const struct frame_entry *e, const uint8_t *bytes)
{
    struct view v = view_of(bytes, e->info.stored);
    struct frame_head h;
    const uint8_t *extra;
    const char *bad = frame_head_unpack(&v, &h, &extra);
    if (bad)
        return bad;
    return le64(extra + h.extra) != e->head_hash ? "its header is not the one that the index has" : NULL;
}

/* Unpacks the payload into new memory, which is allocated only if the lengths agree. */
static const char *payload_unpack(struct trace *t, const struct frame_entry *e, const uint8_t *stored,
                                  uint8_t **raw)
{
    if (e->packing == PACK_ZSTD && ZSTD_getFrameContentSize(stored, e->payload) != e->info.raw)
        return "its two lengths do not agree";
    if (!t->zstd)
        t->zstd = mem_check(ZSTD_createDCtx());
    *raw = mem_alloc(e->info.raw);
    mem_expect(*raw, e->info.raw);
    if (e->packing == PACK_NONE)
        memcpy(*raw, stored, e->info.raw);
    else if (ZSTD_decompressDCtx(t->zstd, *raw, e->info.raw, stored, e->payload) != e->info.raw)
        return "cannot be unpacked";
    return XXH3_64bits(*raw, e->info.raw) != e->info.hash ? "checksum of its unpacked content does not match"
                                                          : NULL;
}

static int stored_read(struct trace *t, size_t frame, uint8_t *bytes, struct error *err)
{
    const struct frame_entry *e = &t->frame[frame];
    if (source_read(t, e->info.offset, bytes, e->info.stored, err))
        return -1;
    const char *bad = head_same(e, bytes);
    if (!bad && XXH3_64bits(bytes + e->info.stored - e->payload, e->payload) != e->stored_hash)
        bad = "checksum of its content does not match";
    return bad ? frame_error(t, frame, err, bad) : 0;
}

uint8_t *frame_read(struct trace *t, size_t frame, struct error *err)
{
    uint8_t *bytes = mem_alloc(t->frame[frame].info.stored);
    if (!stored_read(t, frame, bytes, err))
        return bytes;
    free(bytes);
    return NULL;
}

uint8_t *frame_unpack(struct trace *t, size_t frame, struct error *err)
{
    const struct frame_entry *e = &t->frame[frame];
    uint8_t *raw = NULL;
    t->stored = mem_grow(t->stored, &t->stored_cap, e->info.stored, 1);
    if (stored_read(t, frame, t->stored, err))
        return NULL;
    const char *bad = payload_unpack(t, e, t->stored + e->info.stored - e->payload, &raw);
    if (!bad)
        return raw;
    free(raw);
    frame_error(t, frame, err, bad);
    return NULL;
}

static void frame_uncache(struct trace *t, size_t i)
{
    struct frame_entry *e = &t->frame[t->cache[i]];
    t->cache[i] = t->cache[--t->ncached];
    t->cached_bytes -= e->info.raw;
    free(e->raw);
    free(e->item);
    e->raw = NULL;
    e->item = NULL;
}

/* False if all of them are pinned. */
static bool frame_uncache_oldest(struct trace *t)
{
    size_t oldest = t->ncached;
    for (size_t i = 0; i < t->ncached; i++) {
        const struct frame_entry *e = &t->frame[t->cache[i]];
        if (!e->pinned && (oldest == t->ncached || e->used < t->frame[t->cache[oldest]].used))
            oldest = i;
    }
    if (oldest == t->ncached)
        return false;
    frame_uncache(t, oldest);
    return true;
}

void frame_cache_clear(struct trace *t)
{
    while (t->ncached)
        frame_uncache(t, t->ncached - 1);
    events_clear(t);
    ZSTD_freeDCtx(t->zstd);
    free(t->stored);
    t->zstd = NULL;
    t->stored = NULL;
    t->stored_cap = 0;
}

void trace_keep_unpacked(struct trace *t, size_t bytes)
{
    t->cached_most = bytes;
}

const uint8_t *frame_cached(struct trace *t, size_t frame, struct error *err)
{
    struct frame_entry *e = &t->frame[frame];
    if (!e->raw) {
        const size_t most = t->cached_most ? t->cached_most : CACHED_BYTES;
        while ((t->ncached == CACHED_FRAMES || t->cached_bytes + e->info.raw > most) &&
               frame_uncache_oldest(t))
            ;
        e->raw = frame_unpack(t, frame, err);
        if (!e->raw)
            return NULL;
        t->cache[t->ncached++] = frame;
        t->cached_bytes += e->info.raw;
    }
    e->used = ++t->cache_clock;
    return e->raw;
}

size_t trace_frame_count(const struct trace *t)
{
    return t->nframes;
}

const struct trace_frame *trace_frame(const struct trace *t, size_t i)
{
    return i < t->nframes ? &t->frame[i].info : NULL;
}

/* ---------------------------------------------------------------- configuration */

void config_free(struct trace *t)
{
    for (size_t i = 0; i < t->config.nsettings; i++) {
        free((char *)t->settings[i].key);
        free((char *)t->settings[i].value);
    }
    for (size_t i = 0; i < t->config.nimages; i++) {
        free((char *)t->images[i].role);
        free((char *)t->images[i].name);
        free(t->chunks[i].ref);
    }
    free(t->settings);
    free(t->images);
    free(t->chunks);
    t->settings = NULL;
    t->images = NULL;
    t->chunks = NULL;
    t->config.nsettings = t->config.nimages = 0;
    t->has_config = false;
}

/* Reads the kinds of events of the trace. Rows and fields are only ever added; a trace with rows or fields
 * that this program does not have cannot be read. */
static const char *config_kinds(struct trace *t, struct view *v)
{
    uint64_t n = view_varint(v);
    if (n > EV_COUNT)
        return "has kinds of events that this program does not know: it needs a newer bootreel";
    t->layout.nkinds = (unsigned)n;
    for (unsigned i = 0; i < n; i++) {
        char *name = view_string(v, MAX_STRING);
        const bool same = name && !strcmp(name, event_kind(i)->name);
        free(name);
        if (!same && t->version >= TRACE_EVENTS_REFER) /* some had other names before, or no data */
            return "calls a kind of event by another name";
        uint64_t nfields = view_varint(v);
        if (nfields > event_kind(i)->nfields)
            return "has fields of events that this program does not know: it needs a newer bootreel";
        t->layout.nfields[i] = (uint8_t)nfields;
        const uint8_t has_data = view_u8(v);
        if (has_data > 1 || (has_data != event_kind(i)->has_data && t->version >= TRACE_EVENTS_REFER))
            return "has a kind of event with other data";
        t->layout.has_data[i] = has_data;
    }
    return NULL;
}

static const char *config_settings(struct trace *t, struct view *v)
{
    uint64_t n = view_number(v, MAX_SETTINGS);
    if (n > view_left(v) / 2)
        return "more settings than it has room for";
    t->settings = mem_zero(n, sizeof t->settings[0]);
    for (uint64_t i = 0; i < n && !v->bad; i++) {
        t->config.nsettings = i + 1;
        t->settings[i].key = view_string(v, MAX_STRING);
        t->settings[i].value = view_string(v, MAX_STRING);
    }
    return NULL;
}

static const char *config_images(struct trace *t, struct view *v)
{
    uint64_t n = view_number(v, MAX_SETTINGS);
    if (n > view_left(v) / 4)
        return "more images than it has room for";
    t->images = mem_zero(n, sizeof t->images[0]);
    t->chunks = mem_zero(n, sizeof t->chunks[0]);
    for (uint64_t i = 0; i < n && !v->bad; i++) {
        struct trace_image *im = &t->images[i];
        t->config.nimages = i + 1;
        im->role = view_string(v, MAX_STRING);
        im->name = view_string(v, MAX_STRING);
        im->size = view_number(v, MAX_IMAGE_SIZE);
        im->has_digest = view_u8(v) != 0;
        im->digest[0] = im->has_digest ? view_u64(v) : 0;
        im->digest[1] = im->has_digest ? view_u64(v) : 0;
    }
    return NULL;
}

int config_load(struct trace *t, size_t frame, struct error *err)
{
    uint8_t *raw = frame_unpack(t, frame, err);
    if (!raw)
        return -1;
    struct view v = view_of(raw, t->frame[frame].info.raw);
    t->config.step_ns = view_varint(&v);
    t->config.classes = (uint32_t)view_number(&v, UINT32_MAX);
    const char *bad = config_kinds(t, &v);
    if (!bad)
        bad = config_settings(t, &v);
    if (!bad)
        bad = config_images(t, &v);
    if (!bad && (v.bad || view_left(&v)))
        bad = "its fields do not add up";
    free(raw);
    t->config.engine = t->engine;
    t->config.settings = t->settings;
    t->config.images = t->images;
    if (bad) {
        config_free(t);
        return frame_error(t, frame, err, bad);
    }
    t->has_config = true;
    return 0;
}

int end_load(struct trace *t, size_t frame, struct error *err)
{
    uint8_t *raw = frame_unpack(t, frame, err);
    if (!raw)
        return -1;
    struct view v = view_of(raw, t->frame[frame].info.raw);
    char *reason = view_string(&v, MAX_STRING), *text = view_string(&v, MAX_STRING);
    struct trace_end e = {.reason = reason, .text = text, .icount = t->frame[frame].info.first_icount};
    e.time = view_varint(&v);
    e.status = (int32_t)unzigzag(view_varint(&v));
    e.hash = view_u64(&v);
    unsigned n = (unsigned)view_number(&v, EV_COUNT);
    for (unsigned i = 0; i < n; i++)
        e.kinds[i] = view_varint(&v);
    bool whole = !v.bad && !view_left(&v);
    free(raw);
    bool same = !memcmp(e.kinds, t->kinds, sizeof e.kinds);
    if (whole && same) {
        t->end = e;
        t->has_end = true;
        return 0;
    }
    free(reason);
    free(text);
    return frame_error(t, frame, err,
                       whole ? "its counts of events are not those of the frames"
                             : "its fields do not add up");
}

/* ---------------------------------------------------------------- opening */

static const char *const file_words[] = {
    [TRACE_FILE] = "a trace",
    [SHARE_FILE] = "a share of bootreel annotate --part",
};
enum { FILE_KINDS = sizeof file_words / sizeof file_words[0] };

/* The error for a file that begins like another kind of file, or like none. Returns -1. */
static int other_file(const struct trace *t, const uint8_t h[FILE_HEADER_SIZE], struct error *err)
{
    uint8_t other[FILE_HEADER_SIZE];
    for (int f = 0; f < FILE_KINDS; f++) {
        file_header_pack(other, (enum trace_file)f, "", 0);
        if (!memcmp(h, other, 8))
            return error_set(err, "%s: not %s, but %s", t->name, file_words[t->file], file_words[f]);
    }
    return error_set(err, "%s: not %s", t->name, file_words[t->file]);
}

static int header_read(struct trace *t, struct error *err)
{
    uint8_t h[FILE_HEADER_SIZE], own[FILE_HEADER_SIZE];
    file_header_pack(own, t->file, "", 0);
    if (t->size < FILE_HEADER_SIZE)
        return error_set(err, "%s: not %s: only %" PRIu64 " bytes", t->name, file_words[t->file], t->size);
    if (source_read(t, 0, h, sizeof h, err))
        return -1;
    if (memcmp(h, own, 8))
        return other_file(t, h, err);
    t->version = le32(h + 8);
    if (t->version > TRACE_VERSION)
        return error_set(err, "%s: trace version %u; this bootreel reads up to version %d: use a newer one",
                         t->name, t->version, TRACE_VERSION);
    if (!t->version || le64(h + 56) != XXH3_64bits(h, 56))
        return error_set(err, "%s: checksum of the file header at offset 0 does not match", t->name);
    t->config.behaviour = le32(h + 12);
    memcpy(t->engine, h + 16, ENGINE_NAME_SIZE - 1);
    return 0;
}

static struct trace *trace_start(struct trace *t, struct error *err)
{
    if (header_read(t, err) || trace_index(t, err) || trace_failed(t, err)) {
        trace_close(t);
        return NULL;
    }
    streams_ready(&t->streams);
    return t;
}

/* Takes ownership of the descriptor. `failure`: of those that have the file open already, or NULL. */
static struct trace *start_file(const char *name, int fd, uint64_t size, enum trace_file what,
                                bool being_written, struct failure *failure, struct error *err)
{
    struct trace *t = mem_zero(1, sizeof *t);
    t->name = mem_string(name);
    t->fd = fd;
    t->size = size;
    t->file = what;
    t->being_written = being_written;
    t->failure = failure ? failure_share(failure) : failure_new();
    return trace_start(t, err);
}

static struct trace *open_file(const char *path, enum trace_file what, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for the writer of a pipe */
    bool being_written = fd >= 0 && file_locked(fd); /* before its length, or it could end in between */
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        if (*path)
            error_set(err, "%s: cannot open: %s", path, strerrordesc_np(errno));
        else
            error_set(err, "a trace's name is empty: give a file");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        error_set(err, "%s: is %s: give a trace", path, S_ISDIR(st.st_mode) ? "a folder" : "not a file");
        close(fd);
        return NULL;
    }
    return start_file(path, fd, (uint64_t)st.st_size, what, being_written, NULL, err);
}

struct trace *trace_open(const char *path, struct error *err)
{
    return open_file(path, TRACE_FILE, err);
}

struct trace *trace_share_open(const char *path, struct error *err)
{
    return open_file(path, SHARE_FILE, err);
}

struct trace *trace_open_memory(const void *data, size_t size, struct error *err)
{
    struct trace *t = mem_zero(1, sizeof *t);
    t->name = mem_string("trace");
    t->fd = -1;
    t->failure = failure_new();
    t->memory = size ? data : "";
    t->size = size;
    return trace_start(t, err);
}

/* Not by its name, which may be another trace's by now. And it has no more than `t`, if it is still being written. */
struct trace *trace_open_again(const struct trace *t, struct error *err)
{
    if (t->memory)
        return trace_open_memory(t->memory, t->size, err);
    int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        return start_file(t->name, fd, t->size, t->file, t->being_written, t->failure, err);
    error_set(err, "%s: cannot open: %s", t->name, strerrordesc_np(errno));
    return NULL;
}

struct trace *trace_open_beside(const struct trace *t, struct error *err)
{
    struct trace *beside = trace_open_again(t, err);
    if (beside)
        streams_share(t, beside);
    return beside;
}

struct file_id trace_file_id(const struct trace *t)
{
    return t->memory ? (struct file_id){FILE_ID_NONE, 0, 0} : file_id_of(t->fd);
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    frame_cache_clear(t);
    assert(!t->nevents && "cursors are closed before their trace");
    for (int k = 0; k < TF_KINDS; k++)
        free(t->list[k].frame);
    config_free(t);
    records_free(&t->input);
    records_free(&t->note);
    maps_free(&t->maps);
    streams_clear(&t->streams);
    free((char *)t->end.reason);
    free((char *)t->end.text);
    free(t->content);
    free(t->checkpoint);
    free(t->frame);
    free(t->name);
    failure_leave(t->failure);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
}

/* ---------------------------------------------------------------- facts */

void trace_note_failure(const struct trace *t, const struct error *err)
{
    failure_note(t->failure, err);
}

bool trace_failed(const struct trace *t, struct error *err)
{
    return failure_noted(t->failure, err);
}

bool trace_cut_off(const struct trace *t)
{
    const struct trace_end *end = trace_end(t);
    return t->truncated ||
           (end && (!strcmp(end->reason, TRACE_FULL) || !strcmp(end->reason, TRACE_IMAGE_LOST)));
}

bool trace_truncated(const struct trace *t)
{
    return t->truncated;
}

bool trace_damaged(const struct trace *t)
{
    return t->damaged;
}

bool trace_being_written(const struct trace *t)
{
    return t->truncated && t->being_written;
}

bool trace_written_at(const char *path)
{
    return file_locked_at(path);
}

const char *trace_damage(const struct trace *t)
{
    return t->truncated ? t->damage.text : "";
}

unsigned trace_version(const struct trace *t)
{
    return t->version;
}

void trace_identity(const struct trace *t, char text[TRACE_IDENTITY])
{
    XXH3_state_t *state = mem_check(XXH3_createState());
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < t->nframes; i++) {
        uint8_t hash[FRAME_HASH_SIZE];
        put_le64(hash, t->frame[i].head_hash); /* the header has the content's checksums */
        XXH3_128bits_update(state, hash, sizeof hash);
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(text, TRACE_IDENTITY, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

const struct trace_config *trace_config(const struct trace *t)
{
    return &t->config;
}

const struct trace_end *trace_end(const struct trace *t)
{
    return t->has_end ? &t->end : NULL;
}

uint64_t trace_last_icount(const struct trace *t)
{
    static const enum trace_frame_kind positions[] = {TF_EVENTS, TF_CHECKPOINT};
    if (t->has_end)
        return t->end.icount;
    uint64_t last = 0;
    for (int i = 0; i < 2; i++) {
        const struct frame_list *list = &t->list[positions[i]];
        uint64_t at = list->n ? t->frame[list->frame[list->n - 1]].info.last_icount : 0;
        last = at > last ? at : last;
    }
    return last;
}

uint64_t trace_pages_refused(const struct trace *t)
{
    return t->refused;
}

uint64_t trace_file_size(const struct trace *t)
{
    return t->size;
}

const char *trace_setting(const struct trace *t, const char *key)
{
    return setting_find(t->settings, t->config.nsettings, key);
}

uint64_t trace_memory(const struct trace *t)
{
    const char *text = trace_setting(t, "memory");
    return text ? strtoull(text, NULL, 0) : 0;
}

int trace_image_by_role(const struct trace *t, const char *role)
{
    for (size_t i = 0; i < t->config.nimages; i++)
        if (!strcmp(t->images[i].role, role))
            return (int)i;
    return -1;
}

/* ---------------------------------------------------------------- images */

const struct chunk_ref *chunk_find(const struct image_chunks *c, uint64_t chunk)
{
    const size_t at = FIRST_NOT(i, 0, c->n, c->ref[i].chunk < chunk);
    return at < c->n && c->ref[at].chunk == chunk ? &c->ref[at] : NULL;
}

/* Most images are read once, from beginning to end: when the last chunk of a frame was read, it is not kept. */
static void frame_done(struct trace *t, const struct chunk_content *c)
{
    const struct frame_entry *e = &t->frame[c->frame];
    if (c->offset + c->length != e->info.raw || e->pinned)
        return;
    for (size_t i = t->ncached; i-- > 0;)
        if (t->cache[i] == c->frame)
            frame_uncache(t, i);
}

int trace_image_read(struct trace *t, unsigned image, uint64_t offset, void *buf, size_t n, struct error *err)
{
    if (image >= t->config.nimages)
        return error_set(err, "%s: there is no image %u", t->name, image);
    const struct trace_image *im = &t->images[image];
    if (offset > im->size || n > im->size - offset)
        return error_set(err, "%s: offset %" PRIu64 " is beyond the end of image %s", t->name, offset + n,
                         im->role);
    for (uint8_t *to = buf; n;) {
        const struct chunk_ref *ref = chunk_find(&t->chunks[image], offset / TRACE_CHUNK);
        if (!ref)
            return error_set(err,
                             "%s: offset %" PRIu64 " of image %s is not in the trace: it was not read in the "
                             "recording",
                             t->name, offset, im->role);
        const struct chunk_content *c = &t->content[ref->content];
        const uint8_t *raw = frame_cached(t, c->frame, err);
        if (!raw)
            return -1;
        size_t within = offset % TRACE_CHUNK, part = c->length - within;
        part = part < n ? part : n;
        memcpy(to, raw + c->offset + within, part);
        if (part == c->length)
            frame_done(t, c);
        to += part;
        offset += part;
        n -= part;
    }
    return 0;
}

void trace_image_known(struct trace *t, unsigned image, uint64_t offset, void *buf, size_t n)
{
    const uint64_t size = image < t->config.nimages ? t->images[image].size : 0;
    const uint64_t there = offset < size ? size - offset : 0;
    n = n < there ? n : there;
    for (size_t done = 0, part; done < n; done += part, offset += part) {
        const size_t left = TRACE_CHUNK - offset % TRACE_CHUNK;
        part = left < n - done ? left : n - done;
        trace_image_read(t, image, offset, (uint8_t *)buf + done, part, NULL);
    }
}

static int by_content(const void *a, const void *b)
{
    const struct trace_chunk *x = a, *y = b;
    if (x->content != y->content)
        return x->content < y->content ? -1 : 1;
    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

struct trace_chunk *trace_chunks(const struct trace *t, size_t *n)
{
    size_t all = 0;
    for (size_t i = 0; i < t->config.nimages; i++)
        all += t->chunks[i].n;
    struct trace_chunk *list = mem_zero(all + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < t->config.nimages; i++)
        for (size_t k = 0; k < t->chunks[i].n; k++) {
            const struct chunk_ref *r = &t->chunks[i].ref[k];
            list[(*n)++] =
                (struct trace_chunk){(unsigned)i, r->chunk, r->content, t->content[r->content].frame};
        }
    qsort(list, all, sizeof *list, by_content);
    return list;
}

uint64_t trace_image_recorded(const struct trace *t, unsigned image)
{
    return image < t->config.nimages ? t->chunks[image].bytes : 0;
}

/* ---------------------------------------------------------------- all of it */

static int check_events(struct trace *t, size_t i, struct error *err)
{
    struct shared_events *s = events_take(t, i, err);
    struct record_frame inputs = {0};
    struct event ev;
    int result = s ? 0 : -1;
    for (uint32_t k = 0; !result && k < s->events.n; k++)
        result = event_get(t, i, &s->events, k, &inputs, &ev, err);
    events_give_back(t, s);
    records_free(&inputs);
    return result;
}

static int check_content(struct trace *t, size_t i, struct error *err)
{
    uint8_t *raw = frame_unpack(t, i, err);
    free(raw);
    return raw ? 0 : -1;
}

static int check_frame(struct trace *t, size_t i, struct error *err)
{
    struct record_frame records;
    int result = 0;
    switch (t->frame[i].info.kind) {
    case TF_EVENTS:
        return check_events(t, i, err);
    case TF_INPUT:
    case TF_NOTE:
        result = records_load(t, i, &records, err);
        records_free(&records);
        return result;
    case TF_PAGES:
        return pages_check(t, i, err);
    case TF_CHUNKS:
        if (!t->truncated && t->frame[i].info.last_icount > trace_last_icount(t))
            return frame_error(t, i, err, "is after the end");
        return check_content(t, i, err);
    case TF_STREAM:
        return stream_check(t, t->frame[i].info.first, err);
    case TF_CHECKPOINT: {
        struct trace_state *s = trace_checkpoint_load(t, t->frame[i].info.first, err);
        trace_state_free(s);
        return s ? 0 : -1;
    }
    default:
        return check_content(t, i, err);
    }
}

/* An image that is in the trace as a whole has the digest that was taken before it was read. */
static int check_image(struct trace *t, unsigned image, struct error *err)
{
    const struct trace_image *im = &t->images[image];
    if (!im->has_digest || trace_image_recorded(t, image) != im->size)
        return 0;
    uint8_t *buf = mem_alloc(TRACE_CHUNK);
    XXH3_state_t *st = mem_check(XXH3_createState());
    int rc = 0;
    XXH3_128bits_reset(st);
    for (uint64_t at = 0; at < im->size && !rc; at += TRACE_CHUNK) {
        const uint32_t n = chunk_length(im->size, at / TRACE_CHUNK);
        rc = trace_image_read(t, image, at, buf, n, err);
        if (!rc)
            XXH3_128bits_update(st, buf, n);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(st);
    XXH3_freeState(st);
    free(buf);
    if (!rc && (h.low64 != im->digest[0] || h.high64 != im->digest[1]))
        return frame_error(t, 0, err, "the digest of an image is not that of its content");
    return rc;
}

int trace_check(struct trace *t, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < t->nframes && !rc; i++)
        rc = check_frame(t, i, err);
    for (unsigned i = 0; i < t->config.nimages && !rc; i++)
        rc = check_image(t, i, err);
    streams_drop(&t->streams);
    trace_relax(t);
    return rc;
}

void trace_relax(struct trace *t)
{
    frame_cache_clear(t);
    maps_free(&t->maps);
    malloc_trim(0); /* else what was freed stays with the process, as free memory of this thread's arena */
}
