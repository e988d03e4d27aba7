/* volumes.c - the file systems of an image. UEFI specification 2.10, section 5 (MBR and GPT). */
#include "core/volumes/volumes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/volumes/private/map.h"
#include "traces/trace.h"

unsigned volumes_sector(const char *role)
{
    if (!strncmp(role, "cdrom", 5))
        return 2048;
    return !strncmp(role, "disk", 4) || !strncmp(role, "floppy", 6) ? 512 : 0;
}

struct extent {
    uint64_t begin, end; /* bytes of the image */
    uint64_t at;         /* the first one's offset in the file */
    uint32_t file;
};

/* Sorted by where they begin, after all have come. */
struct extents {
    struct extent *list;
    size_t n, room;
};

struct file {
    char *path;
    const char *system;
    unsigned partition;
};

/* An image of a trace. */
struct image {
    struct trace *t;
    unsigned number;
};

struct volumes {
    volumes_read *read;
    void *ctx;
    uint64_t size;
    struct image *image; /* that `ctx` is, if it is ours */
    bool looked;
    struct extents outer, inner; /* inner: of file systems in files */
    struct file *file;
    size_t nfiles, file_room;
};

/* ---------------------------------------------------------------- the map */

void volume_read(const struct volume *v, uint64_t offset, void *buf, size_t n)
{
    const uint64_t there = offset < v->size ? v->size - offset : 0, part = n < there ? n : there;
    if (part)
        v->all->read(v->all->ctx, v->begin + offset, buf, part);
    memset((uint8_t *)buf + part, 0, n - part);
}

uint32_t volume_file(const struct volume *v, const char *system, const char *path)
{
    struct volumes *all = v->all;
    const size_t prefix = strlen(v->prefix), n = strlen(path);
    all->file = mem_grow(all->file, &all->file_room, all->nfiles + 1, sizeof *all->file);
    struct file *f = &all->file[all->nfiles];
    *f = (struct file){mem_alloc(prefix + n + 1), system, v->partition};
    memcpy(f->path, v->prefix, prefix);
    memcpy(f->path + prefix, path, n + 1);
    return (uint32_t)all->nfiles++;
}

void volume_extent(const struct volume *v, uint32_t file, uint64_t at, uint64_t offset, uint64_t n)
{
    struct extents *x = *v->prefix ? &v->all->inner : &v->all->outer;
    if (offset >= v->size || !n)
        return;
    n = n < v->size - offset ? n : v->size - offset;
    x->list = mem_grow(x->list, &x->room, x->n + 1, sizeof *x->list);
    x->list[x->n++] = (struct extent){v->begin + offset, v->begin + offset + n, at, file};
}

/* ---------------------------------------------------------------- where file systems are */

enum { SECTOR = 512, EXTENDED_MOST = 60, GPT_MOST = 128 };

static void look_at(struct volumes *all, uint64_t begin, uint64_t size, unsigned partition)
{
    const struct volume v = {all, begin, size, partition, ""};
    if (begin < all->size && size && size <= all->size - begin && !volume_ext(&v) && !volume_fat(&v))
        volume_iso(&v);
}

void volume_within(const struct volume *v, const char *path, uint64_t offset, uint64_t n)
{
    const size_t length = strlen(v->prefix) + strlen(path) + 2;
    if (*v->prefix || offset >= v->size || n > v->size - offset)
        return;
    char *prefix = mem_alloc(length);
    snprintf(prefix, length, "%s:", path);
    const struct volume inner = {v->all, v->begin + offset, n, v->partition, prefix};
    volume_fat(&inner);
    free(prefix);
}

static void read_sector(struct volumes *all, uint64_t lba, uint8_t sector[SECTOR])
{
    const struct volume whole = {all, 0, all->size, 0, ""};
    volume_read(&whole, lba * SECTOR, sector, SECTOR);
}

static bool look_at_gpt(struct volumes *all)
{
    uint8_t head[SECTOR], sector[SECTOR];
    static const uint8_t none[16];
    read_sector(all, 1, head);
    const uint64_t table = le64(head + 72), count = le32(head + 80), each = le32(head + 84);
    if (memcmp(head, "EFI PART", 8) || each < 128 || SECTOR % each)
        return false;
    for (unsigned i = 0; i < count && i < GPT_MOST; i++) {
        read_sector(all, table + i * each / SECTOR, sector);
        const uint8_t *p = sector + i * each % SECTOR;
        const uint64_t first = le64(p + 32), last = le64(p + 40);
        if (memcmp(p, none, sizeof none) && last >= first && last < all->size / SECTOR)
            look_at(all, first * SECTOR, (last - first + 1) * SECTOR, i + 1);
    }
    return true;
}

static bool is_extended(uint8_t type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

/* Logical partitions: a chain of tables, whose places are relative to the extended partition's. */
static void look_at_extended(struct volumes *all, uint64_t extended)
{
    uint8_t sector[SECTOR];
    uint64_t table = extended;
    for (unsigned i = 0; i < EXTENDED_MOST; i++) {
        read_sector(all, table, sector);
        const uint8_t *p = sector + 446;
        if (le16(sector + 510) != 0xaa55)
            return;
        if (p[4])
            look_at(all, (table + le32(p + 8)) * SECTOR, (uint64_t)le32(p + 12) * SECTOR, 5 + i);
        if (!is_extended(p[16 + 4]))
            return;
        table = extended + le32(p + 16 + 8);
    }
}

static void look_at_partitions(struct volumes *all)
{
    uint8_t sector[SECTOR];
    read_sector(all, 0, sector);
    if (le16(sector + 510) != 0xaa55 || look_at_gpt(all))
        return;
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *p = sector + 446 + 16 * i;
        const uint64_t first = le32(p + 8), n = le32(p + 12);
        if (is_extended(p[4]))
            look_at_extended(all, first);
        else if (p[4])
            look_at(all, first * SECTOR, n * SECTOR, i + 1);
    }
}

/* ---------------------------------------------------------------- the whole */

struct volumes *volumes_new(volumes_read *read, void *ctx, uint64_t size)
{
    struct volumes *all = mem_zero(1, sizeof *all);
    *all = (struct volumes){.read = read, .ctx = ctx, .size = size};
    return all;
}

static void read_image(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const struct image *im = ctx;
    memset(buf, 0, n);
    trace_image_known(im->t, im->number, offset, buf, n);
}

struct volumes *volumes_of_image(struct trace *t, unsigned image)
{
    struct image *im = mem_zero(1, sizeof *im);
    im->t = t;
    im->number = image;
    struct volumes *all = volumes_new(read_image, im, trace_config(t)->images[image].size);
    all->image = im;
    return all;
}

void volumes_free(struct volumes *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->nfiles; i++)
        free(all->file[i].path);
    free(all->image);
    free(all->file);
    free(all->outer.list);
    free(all->inner.list);
    free(all);
}

static int by_begin(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

static void sort(struct extents *x)
{
    if (x->n)
        qsort(x->list, x->n, sizeof *x->list, by_begin);
}

/* Files may share bytes: the last that begins before there is not always the one that reaches so far. */
static const struct extent *extent_at(const struct extents *x, uint64_t offset)
{
    enum { BACK = 16 };
    const size_t low = FIRST_NOT(middle, 0, x->n, x->list[middle].begin <= offset);
    for (size_t i = 0; i < BACK && low > i; i++)
        if (offset < x->list[low - 1 - i].end)
            return &x->list[low - 1 - i];
    return NULL;
}

/* A CD may have a partition table as well; that of a FAT image that fills a disk is in the bytes of its boot loader. */
static void look(struct volumes *all)
{
    const struct volume whole = {all, 0, all->size, 0, ""};
    if (!volume_cpio(&whole) && !volume_ext(&whole) && !volume_fat(&whole)) {
        volume_iso(&whole);
        look_at_partitions(all);
    }
    sort(&all->outer);
    sort(&all->inner);
    all->looked = true;
}

bool volumes_find(struct volumes *all, uint64_t offset, struct volume_place *place)
{
    if (!all->looked)
        look(all);
    const struct extent *x = extent_at(&all->inner, offset);
    if (!x)
        x = extent_at(&all->outer, offset);
    if (!x)
        return false;
    const struct file *f = &all->file[x->file];
    *place =
        (struct volume_place){f->partition, f->system, f->path, x->at + (offset - x->begin), x->end - offset};
    return true;
}
