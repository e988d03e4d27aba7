/* image_file.c - see image_file.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "core/media/host_folder.h"
#include "core/run/image_file.h"

struct source {
    struct media_image *media; /* a file, … */
    const char *memory;        /* … bytes of the program's, or … */
    struct host_folder *folder;
    char *path;
};

struct image_files {
    struct source **source; /* pointers: an image's ctx must not move */
    struct image *images;
    size_t n;
};

static int read_memory(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct source *f = ctx;
    memcpy(buf, f->memory + offset, n);
    return 0;
}

static int read_source(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct source *f = ctx;
    return media_read(f->media, offset, buf, n, err);
}

static int read_share(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct source *f = ctx;
    return host_folder_read(f->folder, offset, buf, n, err);
}

static int place_share(void *ctx, uint64_t offset, const struct share_question *q, struct error *err)
{
    const struct source *f = ctx;
    return host_folder_place(f->folder, offset, q, err);
}

struct image_files *image_files_new(void)
{
    return mem_zero(1, sizeof(struct image_files));
}

static int check_role(const struct image_files *s, const char *role, const char *path, struct error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->images[i].role, role))
            return error_set(err, "%s: there is a %s already (%s): give one only", path, role,
                             s->source[i]->path);
    return 0;
}

static void add(struct image_files *s, const char *role, const char *path, struct source source,
                uint64_t size)
{
    struct source *f = mem_copy(&source, sizeof source);
    f->path = mem_string(path);
    const char *slash = strrchr(f->path, '/');
    MEM_MORE(s->source, s->n);
    MEM_MORE(s->images, s->n);
    s->source[s->n] = f;
    s->images[s->n] = (struct image){.role = mem_string(role),
                                     .name = slash && slash[1] ? slash + 1 : f->path,
                                     .size = size,
                                     .ctx = f,
                                     .read = f->memory   ? read_memory
                                             : f->folder ? read_share
                                                         : read_source,
                                     .place = f->folder ? place_share : NULL};
    s->n++;
}

int image_files_add(struct image_files *s, const char *role, const char *path, struct error *err)
{
    static const struct media_options as_it_is;
    if (check_role(s, role, path, err))
        return -1;
    return image_files_add_media(s, role, path, media_open(path, &as_it_is, err), err);
}

int image_files_add_media(struct image_files *s, const char *role, const char *path,
                          struct media_image *media, struct error *err)
{
    if (!media)
        return -1;
    if (check_role(s, role, path, err)) {
        media_close(media);
        return -1;
    }
    add(s, role, path, (struct source){.media = media}, media_size(media));
    return 0;
}

int image_files_add_memory(struct image_files *s, const char *role, const char *name, const void *data,
                           size_t size, struct error *err)
{
    if (check_role(s, role, name, err))
        return -1;
    add(s, role, name, (struct source){.memory = data}, size);
    return 0;
}

int image_files_add_share(struct image_files *s, const char *role, const char *path, struct error *err)
{
    if (check_role(s, role, path, err))
        return -1;
    struct host_folder *folder = host_folder_open(path, err);
    if (!folder)
        return -1;
    add(s, role, path, (struct source){.folder = folder}, (uint64_t)SHARE_CHUNKS * SHARE_CHUNK);
    return 0;
}

const struct image *image_files_images(const struct image_files *s, size_t *count)
{
    *count = s->n;
    return s->images;
}

const char *image_files_path(const struct image_files *s, size_t i)
{
    return s->source[i]->path;
}

static const struct media_file *files_of(const struct image_files *s, size_t i, size_t *count)
{
    *count = 0;
    return s->source[i]->media ? media_files(s->source[i]->media, count) : NULL;
}

struct file_id *image_files_ids(const struct image_files *s, size_t *count)
{
    struct file_id *id = NULL;
    *count = 0;
    for (size_t i = 0, n; i < s->n; i++) {
        const struct media_file *file = files_of(s, i, &n);
        for (size_t k = 0; k < n; k++) {
            MEM_MORE(id, *count);
            id[(*count)++] = file_id_of_stat(&file[k].st);
        }
    }
    return id;
}

long image_files_same(const struct image_files *s, const char *path)
{
    const struct file_id id = file_id_at(path);
    for (size_t i = 0, n; i < s->n; i++) {
        const struct media_file *file = files_of(s, i, &n);
        for (size_t k = 0; k < n; k++)
            if (file_id_same(id, file_id_of_stat(&file[k].st)))
                return (long)i;
    }
    return -1;
}

static int unchanged(const struct media_file *f, struct error *err)
{
    const struct stat *was = &f->st;
    struct stat is;
    if (fstat(f->fd, &is) < 0)
        return error_set(err, "%s: %s", f->path, strerror(errno));
    if (S_ISREG(is.st_mode) && (is.st_size != was->st_size || is.st_mtim.tv_sec != was->st_mtim.tv_sec ||
                                is.st_mtim.tv_nsec != was->st_mtim.tv_nsec))
        return error_set(err, "%s: was changed while it was recorded: the trace may not replay, record again",
                         f->path);
    return 0;
}

int image_files_unchanged(const struct image_files *s, struct error *err)
{
    for (size_t i = 0, n; i < s->n; i++) {
        const struct media_file *file = files_of(s, i, &n);
        for (size_t k = 0; k < n; k++)
            if (unchanged(&file[k], err))
                return -1;
    }
    return 0;
}

void image_files_free(struct image_files *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        media_close(s->source[i]->media);
        host_folder_close(s->source[i]->folder);
        free(s->source[i]->path);
        free(s->source[i]);
        free((char *)s->images[i].role);
    }
    free(s->source);
    free(s->images);
    free(s);
}
