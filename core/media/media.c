/* media.c - see media.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "core/media/private/impl.h"

struct media_image *media_new(void)
{
    struct media_image *m = mem_zero(1, sizeof *m);
    m->unpacked = -1;
    return m;
}

int media_read_fd(int fd, const char *path, uint64_t offset, void *buf, size_t n, struct error *err)
{
    for (char *to = buf; n;) {
        ssize_t got = pread(fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, "%.200s: cannot be read at byte %llu: %s", path, (unsigned long long)offset,
                             strerror(errno));
        if (!got)
            return error_set(err, "%.200s: ends before byte %llu: it was truncated while in use", path,
                             (unsigned long long)(offset + n));
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

/* The size of a regular file or of a block device; -1 with err for anything else. */
static int64_t content_size(const struct media_file *f, struct error *err)
{
    if (S_ISREG(f->st.st_mode))
        return f->st.st_size;
    if (S_ISBLK(f->st.st_mode))
        return lseek(f->fd, 0, SEEK_END);
    return error_set(err, "%.200s: is %s: give an image file or a disk", f->path,
                     S_ISDIR(f->st.st_mode) ? "a folder" : "not a file");
}

static int64_t open_file(struct media_file *f, struct error *err)
{
    if (!*f->path)
        return error_set(err, "an image's name is empty: give an image file or a disk");
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f->fd < 0 || fstat(f->fd, &f->st) < 0)
        return error_set(err, "%.200s: cannot be opened: %s", f->path, strerror(errno));
    int64_t size = content_size(f, err);
    return size ? size : error_set(err, "%.200s: is empty: give a file with an image in it", f->path);
}

int media_add_file(struct media_image *m, const char *path, struct error *err)
{
    MEM_MORE(m->file, m->nfiles);
    struct media_file *f = &m->file[m->nfiles++];
    *f = (struct media_file){.path = mem_string(path), .fd = -1};
    int64_t size = open_file(f, err);
    f->size = size < 0 ? 0 : (uint64_t)size;
    return size < 0 ? -1 : 0;
}

static int open_by_nbd(struct media_image *m, const struct media_format *format,
                       const struct media_options *o, struct error *err)
{
    char *description = chain_describe(m, format, o, err);
    if (!description)
        return -1;
    m->nbd = nbd_start(m->file[0].path, description, &m->size, err);
    free(description);
    return m->nbd ? 0 : -1;
}

static int open_content(struct media_image *m, const struct media_options *o, struct error *err)
{
    const struct media_format *format = media_format_of(m->file[0].fd, m->size);
    if (format->packing) {
        m->unpacked = unpack_into_cache(&m->file[0], o, &m->size, err);
        if (m->unpacked < 0)
            return -1;
        format = media_format_of(m->unpacked, m->size);
        if (!strcmp(format->driver ? format->driver : "", "raw"))
            return 0;
        return error_set(err, "%.200s: what is packed in it is %s: unpack it first", m->file[0].path,
                         format->name);
    }
    if (!format->driver)
        return error_set(err, "%.200s: is %s, which is not supported: make a raw image of it",
                         m->file[0].path, format->name);
    return strcmp(format->driver, "raw") ? open_by_nbd(m, format, o, err) : 0;
}

struct media_image *media_open(const char *path, const struct media_options *o, struct error *err)
{
    struct media_image *m = media_new();
    int rc = media_add_file(m, path, err);
    m->size = m->file[0].size;
    if (!rc && (!o->formats || !open_content(m, o, err)))
        return m;
    media_close(m);
    return NULL;
}

void media_close(struct media_image *m)
{
    if (!m)
        return;
    nbd_end(m->nbd);
    if (m->unpacked >= 0)
        close(m->unpacked);
    for (size_t i = 0; i < m->nfiles; i++) {
        if (m->file[i].fd >= 0)
            close(m->file[i].fd);
        free(m->file[i].path);
    }
    free(m->file);
    free(m->memory);
    free(m);
}

uint64_t media_size(const struct media_image *m)
{
    return m->size;
}

int media_read(void *media, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct media_image *m = media;
    if (m->nbd)
        return nbd_fetch(m->nbd, m->file[0].path, offset, buf, n, err);
    if (!m->memory)
        return media_read_fd(m->unpacked >= 0 ? m->unpacked : m->file[0].fd,
                             m->nfiles ? m->file[0].path : "its disk", offset, buf, n, err);
    memcpy(buf, m->memory + offset, n);
    return 0;
}

const struct media_file *media_files(const struct media_image *m, size_t *count)
{
    *count = m->nfiles;
    return m->file;
}

/* ---------------------------------------------------------------- folders */

/* A file that has no name, in the cache. -1 with err. */
static int temporary(const char *what, const struct media_options *o, struct error *err)
{
    int fd = -1;
    if (!o->cache)
        return error_set(err, "%.200s: there is no folder for its disk: set XDG_CACHE_HOME or HOME", what);
    if (!folder_make(o->cache))
        fd = open(o->cache, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd
                   : error_set(err, "%.150s: its disk cannot be made in %.150s: %s", what, o->cache,
                               strerror(errno));
}

struct media_image *media_open_folder(const char *folder, const struct media_options *o, struct error *err)
{
    struct media_image *m = media_new();
    struct entries all;
    int rc = entries_read(&all, folder, err);
    if (!rc)
        m->unpacked = temporary(folder, o, err);
    rc = rc || m->unpacked < 0 ? -1 : ext4_make(m->unpacked, &all, &m->size, err);
    entries_free(&all);
    if (!rc)
        return m;
    media_close(m);
    return NULL;
}

static uint8_t *read_whole(struct media_image *m, const char *path, size_t *size, struct error *err)
{
    if (media_add_file(m, path, err))
        return NULL;
    const struct media_file *f = &m->file[m->nfiles - 1];
    *size = (size_t)f->size;
    if (f->size > INITRAMFS_MOST) {
        error_set(err, "%.200s: is larger than 1 GiB, which no initramfs may be", path);
        return NULL;
    }
    uint8_t *bytes = mem_alloc(*size);
    if (!media_read_fd(f->fd, f->path, 0, bytes, *size, err))
        return bytes;
    free(bytes);
    return NULL;
}

static uint8_t *archive_of(const char *folder, size_t *size, struct error *err)
{
    struct entries all;
    uint8_t *bytes = entries_read(&all, folder, err) ? NULL : cpio_make(&all, size, err);
    entries_free(&all);
    return bytes;
}

struct media_image *media_open_initrds(const char *const *path, size_t n, struct error *err)
{
    struct media_image *m = media_new();
    for (size_t i = 0; i < n; i++) {
        const char *folder = media_folder(path[i]);
        size_t size, at = (m->size + 3) / 4 * 4;
        uint8_t *bytes = folder ? archive_of(folder, &size, err) : read_whole(m, path[i], &size, err);
        if (!bytes) {
            media_close(m);
            return NULL;
        }
        m->memory = mem_resize(m->memory, at + size);
        memset(m->memory + m->size, 0, at - m->size);
        memcpy(m->memory + at, bytes, size);
        m->size = at + size;
        free(bytes);
    }
    return m;
}

const char *media_folder(const char *path)
{
    return strncmp(path, "folder:", 7) ? NULL : path + 7;
}
