/* stream_store.c - see stream_store.h. */
#include <assert.h>

#include "traces/stream_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "traces/folder.h"
#include "traces/memory.h"

enum { PIECE = 1 << 18, HASH = 32, NAME = HASH + 5 /* hash, a suffix */, FILES_MOST = 4096 };

static void path_of(const char *folder, const struct stream *s, char path[4096])
{
    snprintf(path, 4096, "%s/%016" PRIx64 "%016" PRIx64 ".zst", folder, s->hash[1], s->hash[0]);
}

/* ---------------------------------------------------------------- out of it */

static bool unpack_file(int fd, struct stream_reader *r, const atomic_bool *stop)
{
    enum unpack_result result = UNPACK_MORE;
    uint8_t *piece = mem_alloc(PIECE);
    for (ssize_t n; result == UNPACK_MORE && !atomic_load(stop) && (n = read(fd, piece, PIECE)) > 0;) {
        size_t used;
        result = stream_reader_feed(r, piece, (size_t)n, &used);
    }
    free(piece);
    return result == UNPACK_END;
}

bool stream_store_get(const char *folder, const struct stream *s, struct stream_content *c,
                      const atomic_bool *stop)
{
    char path[4096];
    uint64_t hash[2];
    path_of(folder, s, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stream_reader *r = stream_reader_new(UNPACK_ZSTD, s->length);
    bool good = unpack_file(fd, r, stop) && stream_reader_length(r) == s->length;
    if (good)
        stream_reader_take(r, c, hash);
    stream_reader_free(r);
    if (good && memcmp(hash, s->hash, sizeof hash)) {
        stream_content_free(c);
        good = false;
    }
    if (good)
        futimens(fd, NULL); /* the time of its last use */
    else if (!atomic_load(stop))
        unlink(path);
    close(fd);
    return good;
}

/* ---------------------------------------------------------------- into it */

static bool write_all(int fd, const void *data, size_t n)
{
    for (const uint8_t *p = data; n;) {
        const ssize_t done = write(fd, p, n);
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Packs `n` bytes; at the end of the content, also what is still held back. */
static bool pack(int fd, ZSTD_CCtx *z, const void *data, size_t n, bool end)
{
    uint8_t out[65536];
    ZSTD_inBuffer in = {data, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer to = {out, sizeof out, 0};
        left = ZSTD_compressStream2(z, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) || !write_all(fd, out, to.pos))
            return false;
    } while (end ? left != 0 : in.pos < in.size);
    return true;
}

static bool pack_content(int fd, const struct stream *s, const struct stream_content *c)
{
    ZSTD_CCtx *z = mem_check(ZSTD_createCCtx());
    uint8_t page[TRACE_PAGE];
    bool good = true;
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, 1);
    for (uint64_t at = 0, n; good && at < s->length; at += n) {
        n = s->length - at < TRACE_PAGE ? s->length - at : TRACE_PAGE;
        assert(at % TRACE_PAGE == 0 && "content is packed page by page");
        good = pack(fd, z, stream_content_page(c, at, page), n, at + n == s->length);
    }
    ZSTD_freeCCtx(z);
    return good;
}

struct kept {
    char name[NAME + 1];
    struct timespec used;
    uint64_t size;
};

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct kept *)a)->used, *y = &((const struct kept *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Whether a file of this name is the store's; others are left alone. */
static bool is_ours(const char *name)
{
    static const char known[] = STREAM_KNOWN_SUFFIX;
    const char *rest = name + HASH;
    if (strnlen(name, NAME + 1) > NAME || strspn(name, "0123456789abcdef") != HASH)
        return false;
    return !strcmp(rest, ".zst") || !strcmp(rest, TOUCHED_STORE_SUFFIX) ||
           (rest[0] == '.' && rest[1] >= '1' && rest[1] <= '9' && !strcmp(rest + 2, known));
}

static size_t list_kept(DIR *d, struct kept *list)
{
    size_t n = 0;
    struct stat st;
    for (const struct dirent *e; n < FILES_MOST && (e = readdir(d));) {
        if (!is_ours(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        memcpy(list[n].name, e->d_name, NAME + 1);
        list[n].used = st.st_mtim;
        list[n++].size = (uint64_t)st.st_size;
    }
    return n;
}

static void remove_oldest(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    struct kept *list = mem_zero(FILES_MOST, sizeof *list);
    const size_t n = list_kept(d, list);
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += list[i].size;
    qsort(list, n, sizeof *list, by_use);
    for (size_t i = 0; i < n && all > STREAM_STORE_MOST; all -= list[i++].size)
        unlinkat(dirfd(d), list[i].name, 0);
    free(list);
    closedir(d);
}

/* A file without a name yet; -1 if there can be none. */
static int open_nameless(const char *folder)
{
    return folder_make(folder) ? -1 : open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

/* Gives it its name, and closes it. */
static void publish(int fd, const char *folder, const char *path)
{
    char open_file[64];
    snprintf(open_file, sizeof open_file, "/proc/self/fd/%d", fd);
    if (!linkat(AT_FDCWD, open_file, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
        remove_oldest(folder);
    close(fd);
}

void stream_store_keep(const char *folder, const struct stream *s, const struct stream_content *c)
{
    char path[4096];
    path_of(folder, s, path);
    const int fd = access(path, F_OK) ? open_nameless(folder) : -1;
    if (fd < 0)
        return;
    if (pack_content(fd, s, c))
        publish(fd, folder, path);
    else
        close(fd);
}

void stream_store_file(const char *folder, const char *path, const void *data, size_t n)
{
    const int fd = open_nameless(folder);
    if (fd < 0)
        return;
    if (!write_all(fd, data, n)) {
        close(fd);
        return;
    }
    unlink(path);
    publish(fd, folder, path);
}
