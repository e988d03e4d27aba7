/* initramfs.c - archives of cpio, and what is compressed, by libarchive. Its own reader of cpio looks for hard links in a list, so a hostile
 * archive would take a time that grows with the square of its members. */
#include "core/volumes/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/volumes/private/map.h"

enum { MAGIC = 6, NESTED = 4 };
#define UNPACKED_MAX ((size_t)1 << 29) /* of all that is in each other */

static bool is_cpio(const uint8_t *p, size_t n)
{
    return n > MAGIC && (!memcmp(p, "070701", MAGIC) || !memcmp(p, "070702", MAGIC));
}

static size_t skip_zeros(const uint8_t *image, size_t size, size_t at)
{
    while (at < size && !image[at])
        at++;
    return at;
}

enum { HEADER = 110, FIELD_SIZE = 8 };

/* Field i of a header: eight hexadecimal digits. */
static bool field(const uint8_t *header, unsigned i, uint32_t *v)
{
    *v = 0;
    for (unsigned k = 0; k < FIELD_SIZE; k++) {
        const char c = (char)header[MAGIC + FIELD_SIZE * i + k];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return false;
        *v = *v << 4 | (uint32_t)digit;
    }
    return true;
}

bool initramfs_next(const uint8_t *archives, size_t n, size_t *at, struct initramfs_entry *e)
{
    enum { INODE = 0, MODE = 1, LINKS = 4, SIZE = 6, NAME = 11, ALIGN = 4 };
    uint32_t size, name;
    const size_t from = skip_zeros(archives, n, *at);
    const uint8_t *h = archives + from;
    if (n - from < HEADER || !is_cpio(h, n - from) || !field(h, INODE, &e->inode) ||
        !field(h, MODE, &e->mode) || !field(h, LINKS, &e->links) || !field(h, SIZE, &size) ||
        !field(h, NAME, &name))
        return false;
    const size_t content = (from + HEADER + (size_t)name + ALIGN - 1) / ALIGN * ALIGN;
    if (!name || content > n || size > n - content || h[HEADER + name - 1])
        return false;
    e->header = h;
    e->name = (const char *)h + HEADER;
    e->name_size = name;
    e->content = archives + content;
    e->size = size;
    *at = (content + size + ALIGN - 1) / ALIGN * ALIGN;
    *at = *at < n ? *at : n;
    return true;
}

/* What is looked for; returns false to end. */
typedef bool entry_fn(void *ctx, const struct initramfs_entry *e);

/* Calls fn for each file of the archive there. Returns where it ends, or 0 if it does not, or fn ended it. */
static size_t each_file(const uint8_t *p, size_t n, entry_fn *fn, void *ctx)
{
    enum { FORMAT = 0170000, REGULAR = 0100000 };
    struct initramfs_entry e;
    for (size_t at = 0; initramfs_next(p, n, &at, &e);) {
        if (!strcmp(e.name, "TRAILER!!!"))
            return at;
        if ((e.mode & FORMAT) == REGULAR && e.size && !fn(ctx, &e))
            break;
    }
    return 0;
}

/* Calls fn for the files of all archives that are not compressed. Returns where the compressed part begins, `size` if there is none. */
static size_t each_archive(const uint8_t *image, size_t size, entry_fn *fn, void *ctx)
{
    size_t at = skip_zeros(image, size, 0), n;
    while (at < size && is_cpio(image + at, size - at)) {
        if (!(n = each_file(image + at, size - at, fn, ctx)))
            return size;
        at = skip_zeros(image, size, at + n);
    }
    return at;
}

/* ---------------------------------------------------------------- where the files are */

struct image {
    const struct volume *v;
    const uint8_t *bytes;
};

static bool add_file(void *ctx, const struct initramfs_entry *e)
{
    const struct image *im = ctx;
    volume_extent(im->v, volume_file(im->v, "cpio", e->name), 0, (uint64_t)(e->content - im->bytes), e->size);
    return true;
}

bool volume_cpio(const struct volume *v)
{
    uint8_t begin[MAGIC + 1], *bytes;
    volume_read(v, 0, begin, sizeof begin);
    if (!is_cpio(begin, sizeof begin) || v->size > UNPACKED_MAX || !(bytes = calloc(v->size, 1)))
        return false;
    volume_read(v, 0, bytes, v->size);
    each_archive(bytes, v->size, add_file, &(struct image){v, bytes});
    free(bytes);
    return true;
}

/* ---------------------------------------------------------------- all files */

struct files {
    initramfs_fn *fn;
    void *ctx;
};

static bool take_file(void *ctx, const struct initramfs_entry *e)
{
    const struct files *f = ctx;
    f->fn(f->ctx, e->name, e->content, e->size);
    return true;
}

/* Reads what there is, but no more than `most` bytes; returns how many. */
static size_t read_all(struct archive *a, uint8_t **p, size_t most)
{
    enum { MORE = 65536 };
    size_t n = 0, room = 0;
    for (la_ssize_t got = 1; got > 0 && n<most; n += got> 0 ? (size_t)got : 0) {
        *p = mem_grow(*p, &room, n + MORE, 1);
        got = archive_read_data(a, *p + n, room - n < most - n ? room - n : most - n);
    }
    return n;
}

/* What a compressed stream holds, as far as it is whole, at most `most` bytes; to be freed. */
static uint8_t *unpack(const uint8_t *p, size_t size, size_t most, size_t *n)
{
    struct archive_entry *e;
    struct archive *a = mem_check(archive_read_new());
    uint8_t *out = NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_lzma(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_lz4(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_raw(a);
    *n = 0;
    if (archive_read_open_memory(a, p, size) == ARCHIVE_OK && archive_read_next_header(a, &e) == ARCHIVE_OK &&
        archive_filter_count(a) > 1)
        *n = read_all(a, &out, most);
    archive_read_free(a);
    return out;
}

/* What archives that are not compressed hold, whether they were inside of compressed ones; returns where the compressed part begins, as
 * each_archive() does. */
typedef size_t level_fn(void *ctx, const uint8_t *image, size_t size, bool unpacked);

static void each_level(const uint8_t *image, size_t size, level_fn *fn, void *ctx)
{
    uint8_t *held = NULL; /* what the last compressed part held */
    size_t left = UNPACKED_MAX;
    for (unsigned depth = 0; size; depth++) {
        const size_t at = fn(ctx, image, size, depth != 0);
        if (at >= size || depth == NESTED)
            break;
        uint8_t *out = unpack(image + at, size - at, left, &size);
        left -= size;
        free(held);
        held = out;
        image = out;
    }
    free(held);
}

static size_t files_in(void *ctx, const uint8_t *image, size_t size, bool unpacked)
{
    return each_archive(image, size, take_file, ctx);
}

void initramfs_files(const uint8_t *image, size_t size, initramfs_fn *fn, void *ctx)
{
    each_level(image, size, files_in, &(struct files){fn, ctx});
}

struct parts {
    initramfs_part_fn *fn;
    void *ctx;
};

static bool no_file(void *ctx, const struct initramfs_entry *e)
{
    return true;
}

static size_t part_of(void *ctx, const uint8_t *image, size_t size, bool unpacked)
{
    const struct parts *p = ctx;
    const size_t at = each_archive(image, size, no_file, NULL);
    if (at)
        p->fn(p->ctx, image, at, unpacked);
    return at;
}

void initramfs_parts(const uint8_t *image, size_t size, initramfs_part_fn *fn, void *ctx)
{
    each_level(image, size, part_of, &(struct parts){fn, ctx});
}
