/* stream_store.c - see stream_store.h. */
#include "traces/stream_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/folder.h"
#include "base/memory.h"

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

/* A file that is read to be compared. Reading takes a third of the time of mapping all of its pages, and holes need not be read. */
struct reading {
    int fd;
    off_t data, hole; /* bounds of the data that was found last */
    uint8_t block[STREAM_BLOCK], zeros[STREAM_BLOCK];
};

/* Block i, valid until the next one is read; `zeros` if it is in a hole or has nothing else. NULL if it cannot be read. */
static const uint8_t *read_block(struct reading *r, size_t i)
{
    const off_t at = (off_t)(i * STREAM_BLOCK);
    if (at >= r->hole) {
        r->data = lseek(r->fd, at, SEEK_DATA);
        r->hole = r->data < 0 ? -1 : lseek(r->fd, r->data, SEEK_HOLE);
        if (r->hole < 0) { /* no data from here on, or a file system that cannot tell */
            r->data = errno == ENXIO ? INT64_MAX : at;
            r->hole = INT64_MAX;
        }
    }
    if (at + STREAM_BLOCK <= r->data)
        return r->zeros;
    if (pread(r->fd, r->block, STREAM_BLOCK, at) != STREAM_BLOCK)
        return NULL;
    return mem_is_zero(r->block, STREAM_BLOCK) ? r->zeros : r->block;
}

/* Behind the stream's end the last block has zeros. */
static bool ends_in_zeros(const struct stream *s, const uint8_t last[STREAM_BLOCK])
{
    const size_t end = s->length % STREAM_BLOCK;
    return !end || mem_is_zero(last + end, STREAM_BLOCK - end);
}

/* Compares the file with the stream, and finds those of its blocks that are not zeros: they are mapped at `p`. */
static bool is_content(struct reading *r, uint8_t *p, const struct stream *s, struct stream_content *c,
                       const atomic_bool *stop)
{
    XXH3_state_t *state = mem_check(XXH3_createState());
    const uint8_t *block = r->zeros;
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < c->n && block; i++) {
        const uint64_t at = i * STREAM_BLOCK, left = s->length - at;
        block = atomic_load(stop) ? NULL : read_block(r, i);
        c->block[i] = block == r->block ? p + at : NULL;
        if (block)
            XXH3_128bits_update(state, block, left < STREAM_BLOCK ? left : STREAM_BLOCK);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return block && h.low64 == s->hash[0] && h.high64 == s->hash[1] && ends_in_zeros(s, block);
}

/* The content is the file itself, in the host's page cache: that costs no memory of its own. The descriptor is the content's, or closed. */
static bool map_content(int fd, const struct stream *s, struct stream_content *c, const atomic_bool *stop)
{
    const size_t size = file_size(s);
    struct stat st;
    uint8_t *p = MAP_FAILED;
    if (size && !fstat(fd, &st) && (uint64_t)st.st_size == size)
        p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        close(fd);
        return false;
    }
    *c = (struct stream_content){.n = size / STREAM_BLOCK};
    c->block = mem_zero(c->n, sizeof *c->block);
    stream_content_file(c, p, size, fd);
    struct reading *r = mem_zero(1, sizeof *r);
    r->fd = fd;
    const bool good = is_content(r, p, s, c, stop);
    free(r);
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
        utimensat(AT_FDCWD, path, NULL, 0); /* the time of its last use */
    else if (!atomic_load(stop))
        unlink(path);
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
