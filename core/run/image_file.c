/* image_file.c - see image_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/run/image_file.h"
#include "traces/memory.h"

struct file {
    int fd; /* -1: memory */
    const char *memory;
    char *path;
    struct stat st; /* as it was opened */
};

struct image_files {
    struct file **files; /* pointers: an image's ctx must not move */
    struct image *images;
    size_t n;
};

static int read_file(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct file *f = ctx;
    char *to = buf;
    while (n) {
        ssize_t got = pread(f->fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, "%s: cannot be read at byte %llu: %s", f->path, (unsigned long long)offset,
                             strerror(errno));
        if (got == 0)
            return error_set(err, "%s: ends before byte %llu: it was truncated while in use", f->path,
                             (unsigned long long)(offset + n));
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int read_memory(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct file *f = ctx;
    memcpy(buf, f->memory + offset, n);
    return 0;
}

struct image_files *image_files_new(void)
{
    return mem_zero(1, sizeof(struct image_files));
}

/* The size of a regular file or of a block device; -1 with err for anything else. */
static int64_t content_size(const struct file *f, struct error *err)
{
    if (S_ISREG(f->st.st_mode))
        return f->st.st_size;
    if (S_ISBLK(f->st.st_mode))
        return lseek(f->fd, 0, SEEK_END);
    return error_set(err, "%s: is %s: give an image file or a disk", f->path,
                     S_ISDIR(f->st.st_mode) ? "a folder" : "not a file");
}

static struct file *open_file(const char *path, int64_t *size, struct error *err)
{
    if (!*path) {
        error_set(err, "an image's name is empty: give an image file or a disk");
        return NULL;
    }
    struct file *f = mem_zero(1, sizeof *f);
    f->path = mem_string(path);
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0 || fstat(f->fd, &f->st) < 0) {
        error_set(err, "%s: cannot be opened: %s", path, strerror(errno));
    } else {
        *size = content_size(f, err);
        if (*size > 0)
            return f;
        if (*size == 0)
            error_set(err, "%s: is empty: give a file with an image in it", path);
    }
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
    return NULL;
}

static int check_role(const struct image_files *s, const char *role, const char *path, struct error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->images[i].role, role))
            return error_set(err, "%s: there is a %s already (%s): give one only", path, role,
                             s->files[i]->path);
    return 0;
}

static void add(struct image_files *s, const char *role, struct file *f, int64_t size)
{
    const char *slash = strrchr(f->path, '/');
    MEM_MORE(s->files, s->n);
    MEM_MORE(s->images, s->n);
    s->files[s->n] = f;
    s->images[s->n] = (struct image){.role = mem_string(role),
                                     .name = slash ? slash + 1 : f->path,
                                     .size = (uint64_t)size,
                                     .ctx = f,
                                     .read = f->memory ? read_memory : read_file};
    s->n++;
}

int image_files_add(struct image_files *s, const char *role, const char *path, struct error *err)
{
    int64_t size = 0;
    if (check_role(s, role, path, err))
        return -1;
    struct file *f = open_file(path, &size, err);
    if (!f)
        return -1;
    add(s, role, f, size);
    return 0;
}

int image_files_add_memory(struct image_files *s, const char *role, const char *name, const void *data,
                           size_t size, struct error *err)
{
    if (check_role(s, role, name, err))
        return -1;
    struct file *f = mem_zero(1, sizeof *f);
    f->fd = -1;
    f->memory = data;
    f->path = mem_string(name);
    add(s, role, f, (int64_t)size);
    return 0;
}

const struct image *image_files_images(const struct image_files *s, size_t *count)
{
    *count = s->n;
    return s->images;
}

const char *image_files_path(const struct image_files *s, size_t i)
{
    return s->files[i]->path;
}

struct file_id image_files_id(const struct image_files *s, size_t i)
{
    return s->files[i]->memory ? (struct file_id){FILE_ID_NONE, 0, 0} : file_id_of_stat(&s->files[i]->st);
}

long image_files_same(const struct image_files *s, const char *path)
{
    const struct file_id id = file_id_at(path);
    for (size_t i = 0; i < s->n; i++)
        if (file_id_same(id, image_files_id(s, i)))
            return (long)i;
    return -1;
}

int image_files_unchanged(const struct image_files *s, struct error *err)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct stat *was = &s->files[i]->st;
        struct stat is;
        if (s->files[i]->memory)
            continue;
        if (fstat(s->files[i]->fd, &is) < 0)
            return error_set(err, "%s: %s", s->files[i]->path, strerror(errno));
        if (S_ISREG(is.st_mode) && (is.st_size != was->st_size || is.st_mtim.tv_sec != was->st_mtim.tv_sec ||
                                    is.st_mtim.tv_nsec != was->st_mtim.tv_nsec))
            return error_set(err,
                             "%s: was changed while it was recorded: the trace may not replay, record again",
                             s->files[i]->path);
    }
    return 0;
}

void image_files_free(struct image_files *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->files[i]->fd >= 0)
            close(s->files[i]->fd);
        free(s->files[i]->path);
        free(s->files[i]);
        free((char *)s->images[i].role);
    }
    free(s->files);
    free(s->images);
    free(s);
}
