/* unpack.c - compressed images: unpacked once, into a file of the cache that has the digest of the compressed content as its name. A file
 * that has this name is whole: it is written under another one. Holes are left where the content is zeros. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/folder.h"
#include "base/text.h"
#include "core/media/private/impl.h"

enum { PIECE = 1 << 20, HOLE = 4096 };
/* No drive takes a larger disk, so more is a mistake, or an attack. */
#define UNPACKED_MOST ((uint64_t)1 << 42)

static int digest(const struct media_file *f, char name[33], struct error *err)
{
    XXH3_state_t *state = mem_check(XXH3_createState());
    uint8_t *piece = mem_alloc(PIECE);
    const uint64_t size = f->size;
    int rc = 0;
    XXH3_128bits_reset(state);
    for (uint64_t at = 0; at < size && !rc; at += PIECE) {
        const size_t n = size - at < PIECE ? size - at : PIECE;
        rc = media_read_fd(f->fd, f->path, at, piece, n, err);
        if (!rc)
            XXH3_128bits_update(state, piece, n);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(state);
    snprintf(name, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    free(piece);
    XXH3_freeState(state);
    return rc;
}

static bool is_zeros(const uint8_t *p, size_t n)
{
    return !*p && !memcmp(p, p + 1, n - 1);
}

/* Writes what is not zeros. */
static int write_block(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        const size_t part = n - done < HOLE ? n - done : HOLE;
        if (!is_zeros(p + done, part) && pwrite(fd, p + done, part, (off_t)(at + done)) != (ssize_t)part)
            return -1;
        done += part;
    }
    return 0;
}

static int no_room(const char *path, const char *folder, struct error *err)
{
    return error_set(err,
                     "%.120s: cannot be unpacked into %.120s: %s: make room there, or set XDG_CACHE_HOME",
                     path, folder, errno ? strerror(errno) : "out of room");
}

static int copy(struct archive *a, int fd, const struct media_file *f, const struct media_options *o,
                uint64_t *size, struct error *err)
{
    const void *bytes;
    size_t n;
    la_int64_t at;
    int rc;
    *size = 0;
    while ((rc = archive_read_data_block(a, &bytes, &n, &at)) == ARCHIVE_OK) {
        if (!n)
            continue;
        *size = (uint64_t)at + n;
        if (*size > UNPACKED_MOST)
            return error_set(err, "%.200s: unpacks to more than 4 TiB: it is not a disk's image", f->path);
        if (write_block(fd, bytes, n, (uint64_t)at))
            return no_room(f->path, o->cache, err);
        if (o->progress)
            o->progress(o->ctx, f->path, (double)archive_filter_bytes(a, -1) / (double)f->size);
    }
    if (rc != ARCHIVE_EOF)
        return error_set(err, "%.160s: cannot be unpacked: %.120s: fetch it again", f->path,
                         archive_error_string(a) ? archive_error_string(a) : "it is damaged");
    if (!*size)
        return error_set(err, "%.200s: nothing is packed in it: fetch it again", f->path);
    return ftruncate(fd, (off_t)*size) ? no_room(f->path, o->cache, err) : 0;
}

static int unpack(const struct media_file *f, int fd, const struct media_options *o, uint64_t *size,
                  struct error *err)
{
    struct archive *a = mem_check(archive_read_new());
    struct archive_entry *e;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_format_raw(a);
    int rc = -1;
    if (lseek(f->fd, 0, SEEK_SET) || archive_read_open_fd(a, f->fd, PIECE) || archive_read_next_header(a, &e))
        error_set(err, "%.160s: cannot be unpacked: %.120s: fetch it again", f->path,
                  archive_error_string(a) ? archive_error_string(a) : "it is damaged");
    else if (archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE)
        error_set(err, "%.200s: only its first bytes are those of a compressed image: fetch it again",
                  f->path);
    else
        rc = copy(a, fd, f, o, size, err);
    archive_read_free(a);
    return rc;
}

/* Unpacks into a file of its own name, which then gets the name that it will be looked for by. */
static int unpack_as(const char *name, const struct media_file *f, const struct media_options *o,
                     uint64_t *size, struct error *err)
{
    struct text part = {0};
    text_add(&part, "%s.XXXXXX", name);
    int fd = folder_make(o->cache) ? -1 : mkostemp(part.s, O_CLOEXEC);
    if (fd < 0) {
        free(part.s);
        return no_room(f->path, o->cache, err);
    }
    int rc = unpack(f, fd, o, size, err);
    if (!rc && rename(part.s, name))
        rc = no_room(f->path, o->cache, err);
    if (rc) {
        unlink(part.s);
        close(fd);
        fd = -1;
    }
    free(part.s);
    return fd;
}

int unpack_into_cache(const struct media_file *f, const struct media_options *o, uint64_t *size,
                      struct error *err)
{
    char name[33];
    struct text path = {0};
    struct stat st;
    if (!o->cache)
        return error_set(
            err, "%.200s: is compressed, and there is no folder to unpack it in: set XDG_CACHE_HOME or HOME",
            f->path);
    if (digest(f, name, err))
        return -1;
    text_add(&path, "%s/%s", o->cache, name);
    int fd = open(path.s, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !fstat(fd, &st))
        *size = (uint64_t)st.st_size;
    else
        fd = unpack_as(path.s, f, o, size, err);
    free(path.s);
    return fd;
}
