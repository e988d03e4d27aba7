/* stream_store.c - see stream_store.h. */
#include "traces/stream_store.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "traces/folder.h"
#include "traces/memory.h"

enum {
    HASH = 32,
    NAME = HASH + 5, /* hash, a suffix */
    FILES_MOST = 4096
};

#define CONTENT_SUFFIX ".raw"
#define EARLIER_SUFFIX ".zst" /* of contents that earlier versions kept */

static void path_of(const char *folder, const struct stream *s, char path[4096])
{
    snprintf(path, 4096, "%s/%016" PRIx64 "%016" PRIx64 CONTENT_SUFFIX, folder, s->hash[1], s->hash[0]);
}

/* The file's size: whole blocks. */
static size_t file_size(const struct stream *s)
{
    return (size_t)((s->length + STREAM_BLOCK - 1) / STREAM_BLOCK * STREAM_BLOCK);
}

/* ---------------------------------------------------------------- out of it */

/* Finds the content's blocks in its file, which is mapped at `p`. Holes are skipped, so that the host need not make pages of
 * zeros. */
static void find_blocks(int fd, uint8_t *p, struct stream_content *c)
{
    const off_t size = (off_t)(c->n * STREAM_BLOCK);
    for (off_t at = 0, end; at < size && (at = lseek(fd, at, SEEK_DATA)) >= 0; at = end) {
        end = lseek(fd, at, SEEK_HOLE);
        end = end > at ? end : size;
        const size_t first = (size_t)at / STREAM_BLOCK, behind = ((size_t)end - 1) / STREAM_BLOCK + 1;
        madvise(p + first * STREAM_BLOCK, (behind - first) * STREAM_BLOCK, MADV_POPULATE_READ);
        for (size_t i = first; i < behind; i++)
            c->block[i] = mem_is_zero(p + i * STREAM_BLOCK, STREAM_BLOCK) ? NULL : p + i * STREAM_BLOCK;
    }
}

/* Behind the stream's end the last block has zeros. */
static bool ends_in_zeros(const struct stream *s, const struct stream_content *c)
{
    const size_t end = s->length % STREAM_BLOCK;
    const uint8_t *last = c->block[c->n - 1];
    return !last || !end || mem_is_zero(last + end, STREAM_BLOCK - end);
}

static bool is_content(const struct stream *s, const struct stream_content *c, const atomic_bool *stop)
{
    uint8_t room[TRACE_PAGE];
    XXH3_state_t *state = mem_check(XXH3_createState());
    uint64_t at, n;
    XXH3_128bits_reset(state);
    for (at = 0; at < s->length && !atomic_load(stop); at += n) {
        n = s->length - at < TRACE_PAGE ? s->length - at : TRACE_PAGE;
        XXH3_128bits_update(state, stream_content_page(c, at, room), n);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return at == s->length && h.low64 == s->hash[0] && h.high64 == s->hash[1] && ends_in_zeros(s, c);
}

/* The content is the file itself, in the host's page cache: that costs no memory of its own. It is read once, to be
 * compared; what is used of it then is mapped again. */
static bool map_content(int fd, const struct stream *s, struct stream_content *c, const atomic_bool *stop)
{
    const size_t size = file_size(s);
    struct stat st;
    if (!size || fstat(fd, &st) || (uint64_t)st.st_size != size)
        return false;
    uint8_t *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return false;
    *c = (struct stream_content){.n = size / STREAM_BLOCK};
    c->block = mem_zero(c->n, sizeof *c->block);
    stream_content_slab(c, p, size);
    find_blocks(fd, p, c);
    const bool good = is_content(s, c, stop);
    madvise(p, size, MADV_DONTNEED);
    if (!good)
        stream_content_free(c);
    return good;
}

bool stream_store_get(const char *folder, const struct stream *s, struct stream_content *c,
                      const atomic_bool *stop)
{
    char path[4096];
    path_of(folder, s, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool good = map_content(fd, s, c, stop);
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

/* Blocks of zeros are holes. */
static bool write_content(int fd, const struct stream *s, const struct stream_content *c)
{
    bool good = true;
    assert(c->n * STREAM_BLOCK == file_size(s) && "a content has all of its blocks");
    for (size_t i = 0; good && i < c->n; i++)
        if (c->block[i])
            good = lseek(fd, (off_t)(i * STREAM_BLOCK), SEEK_SET) >= 0 &&
                   write_all(fd, c->block[i], STREAM_BLOCK);
    return good && !ftruncate(fd, (off_t)file_size(s));
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
    return !strcmp(rest, CONTENT_SUFFIX) || !strcmp(rest, EARLIER_SUFFIX) ||
           !strcmp(rest, TOUCHED_STORE_SUFFIX) ||
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
        list[n++].size = (uint64_t)st.st_blocks * 512; /* without holes */
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
    if (write_content(fd, s, c))
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
