/* touched_store.c - what was learnt of traces, in files: see touched.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/byte_order.h"
#include "traces/bytes.h"
#include "traces/stream_store.h"
#include "traces/touched.h"
#include "traces/trace.h"

enum {
    VERSION = 2, /* to be raised when what a part tells, or how it is written, is another */
    LEVEL = 1,
    FILE_MOST = 64 << 20,
    PLAIN_MOST = 1 << 30,
    PAGE_LEAST = 4, /* bytes that a page takes */
    END = 8,        /* digest */
};

static void path_of(const char *folder, const struct trace *t, char path[4096])
{
    char identity[TRACE_IDENTITY];
    trace_identity(t, identity);
    snprintf(path, 4096, "%s/%s" TOUCHED_STORE_SUFFIX, folder, identity);
}

/* ---------------------------------------------------------------- into a file */

static void put_lines(struct buf *out, uint64_t lines)
{
    buf_u8(out, lines && lines != UINT64_MAX ? 2 : lines ? 1 : 0);
    if (lines && lines != UINT64_MAX)
        buf_u64(out, lines);
}

static void put_part(struct buf *out, const struct touched_index *x, size_t part)
{
    struct accessed_set set;
    uint64_t linear = 0, physical = 0;
    touched_accessed(x, part, &set);
    buf_varint(out, part);
    buf_u8(out, (uint8_t)set.what);
    buf_varint(out, set.n);
    for (size_t i = 0; i < set.n; i++) {
        const struct accessed *a = &set.page[i];
        buf_varint(out, a->linear - linear);
        buf_varint(out, zigzag(a->physical - physical));
        put_lines(out, a->accessed);
        put_lines(out, a->written);
        linear = a->linear;
        physical = a->physical;
    }
    free((void *)set.page);
}

static void pack(const struct buf *plain, struct buf *out)
{
    const size_t most = ZSTD_compressBound(plain->n);
    uint8_t *to = mem_alloc(most);
    const size_t n = ZSTD_compress(to, most, plain->p, plain->n, LEVEL);
    if (ZSTD_isError(n)) /* the room is enough */
        mem_none(0);
    buf_add(out, to, n);
    free(to);
}

void touched_store_keep(const char *folder, const struct trace *t, struct touched_index *x)
{
    struct buf plain = {0}, packed = {0};
    char path[4096];
    touched_store_get(folder, t, x); /* what others have learnt meanwhile */
    buf_varint(&plain, VERSION);
    for (size_t i = 0; i < touched_parts(x); i++)
        if (touched_learnt(x, i))
            put_part(&plain, x, i);
    buf_u64(&plain, XXH3_64bits(plain.p, plain.n));
    if (plain.n <= PLAIN_MOST)
        pack(&plain, &packed);
    path_of(folder, t, path);
    if (packed.n && packed.n <= FILE_MOST)
        stream_store_file(folder, path, packed.p, packed.n);
    buf_free(&plain);
    buf_free(&packed);
}

/* ---------------------------------------------------------------- out of it */

static uint64_t take_lines(struct view *v)
{
    const uint8_t how = view_u8(v);
    return how == 2 ? view_u64(v) : how ? UINT64_MAX : 0;
}

static void take_part(struct view *v, struct touched_index *x)
{
    const uint64_t part = view_varint(v);
    const enum accesses what = view_u8(v) == ACCESSES_WRITES ? ACCESSES_WRITES : ACCESSES_ALL;
    const uint64_t n = view_varint(v);
    v->bad |= part >= touched_parts(x) || n > view_left(v) / PAGE_LEAST;
    if (v->bad)
        return;
    struct accessed *page = mem_zero((size_t)n + 1, sizeof *page);
    uint64_t linear = 0, physical = 0;
    for (size_t i = 0; i < n; i++) {
        linear += view_varint(v);
        physical += unzigzag(view_varint(v));
        page[i] = (struct accessed){.linear = linear, .physical = physical};
        page[i].accessed = take_lines(v);
        page[i].written = take_lines(v);
    }
    if (!v->bad)
        touched_learn(x, (size_t)part, &(struct accessed_set){page, (size_t)n, what});
    free(page);
}

static void take(const uint8_t *plain, size_t n, struct touched_index *x)
{
    if (n < END || le64(plain + n - END) != XXH3_64bits(plain, n - END))
        return;
    struct view v = view_of(plain, n - END);
    v.bad |= view_varint(&v) != VERSION;
    while (!v.bad && view_left(&v))
        take_part(&v, x);
}

static void unpack(const uint8_t *packed, size_t n, struct touched_index *x)
{
    const unsigned long long size = ZSTD_getFrameContentSize(packed, n);
    if (size > PLAIN_MOST)
        return; /* or it is not known */
    uint8_t *plain = mem_alloc((size_t)size + 1);
    if (ZSTD_decompress(plain, (size_t)size, packed, n) == size)
        take(plain, (size_t)size, x);
    free(plain);
}

void touched_store_get(const char *folder, const struct trace *t, struct touched_index *x)
{
    struct stat st;
    char path[4096];
    path_of(folder, t, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!fstat(fd, &st) && st.st_size > 0 && st.st_size <= FILE_MOST) {
        uint8_t *packed = mem_alloc((size_t)st.st_size);
        if (read(fd, packed, (size_t)st.st_size) == st.st_size)
            unpack(packed, (size_t)st.st_size, x);
        free(packed);
        futimens(fd, NULL); /* the time of its last use */
    }
    close(fd);
}
