/* initramfs.c - archives of cpio, and what is compressed, by libarchive. Its own reader of cpio looks for hard links in a list, so a hostile
 * archive would take a time that grows with the square of its members. */
#include "core/volumes/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/volumes/private/map.h"
#include "traces/memory.h"

enum { MAGIC = 6, NESTED = 4, HEADER = 110, FIELD = 8, MODE = 1, SIZE = 6, NAME_SIZE = 11, PADDED = 4 };
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

/* A member of an archive of the form "newc" (cpio(5)): a header of hexadecimal digits, the name and the content, the last two padded. */
struct member {
    const char *name; /* NULL: there is none, or it is not whole */
    const uint8_t *content;
    size_t n, whole; /* bytes of its content, and of all of it */
    bool is_file;
};

/* What is looked for; returns false to end. */
typedef bool member_fn(void *ctx, const struct member *m);

static bool header_field(const uint8_t *header, unsigned i, uint32_t *value)
{
    *value = 0;
    for (const uint8_t *p = header + MAGIC + i * FIELD, *end = p + FIELD; p < end; p++) {
        if (!isxdigit(*p))
            return false;
        *value = *value << 4 | (uint32_t)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
    }
    return true;
}

static size_t padded(size_t n)
{
    return (n + PADDED - 1) / PADDED * PADDED;
}

static struct member member_at(const uint8_t *p, size_t n)
{
    uint32_t mode, size, name_size;
    if (n < HEADER || !is_cpio(p, n) || !header_field(p, MODE, &mode) || !header_field(p, SIZE, &size) ||
        !header_field(p, NAME_SIZE, &name_size))
        return (struct member){.name = NULL};
    const size_t content = padded(HEADER + (size_t)name_size), whole = content + size;
    if (!name_size || whole > n || p[HEADER + name_size - 1])
        return (struct member){.name = NULL};
    return (struct member){.name = (const char *)p + HEADER,
                           .content = p + content,
                           .n = size,
                           .whole = padded(whole) < n ? padded(whole) : n,
                           .is_file = (mode & 0170000) == 0100000};
}

/* Calls fn for each file of the archive there. Returns where it ends, or 0 if it does not, or fn ended it. */
static size_t each_file(const uint8_t *p, size_t n, member_fn *fn, void *ctx)
{
    for (size_t at = 0; at < n;) {
        const struct member m = member_at(p + at, n - at);
        if (!m.name)
            break;
        at += m.whole;
        if (!strcmp(m.name, "TRAILER!!!"))
            return at;
        if (m.is_file && m.n && !fn(ctx, &m))
            break;
    }
    return 0;
}

/* Calls fn for the files of all archives that are not compressed. Returns where the compressed part begins, `size` if there is none. */
static size_t each_archive(const uint8_t *image, size_t size, member_fn *fn, void *ctx)
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

static bool add_file(void *ctx, const struct member *m)
{
    const struct image *im = ctx;
    volume_extent(im->v, volume_file(im->v, "cpio", m->name), 0, (uint64_t)(m->content - im->bytes), m->n);
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
    size_t left; /* of UNPACKED_MAX */
};

static bool take_file(void *ctx, const struct member *m)
{
    const struct files *f = ctx;
    f->fn(f->ctx, m->name, m->content, m->n);
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

void initramfs_files(const uint8_t *image, size_t size, initramfs_fn *fn, void *ctx)
{
    struct files f = {.fn = fn, .ctx = ctx, .left = UNPACKED_MAX};
    uint8_t *held = NULL; /* what an archive around this one held */
    for (unsigned depth = 0; size; depth++) {
        const size_t at = each_archive(image, size, take_file, &f);
        if (at >= size || depth == NESTED)
            break;
        uint8_t *out = unpack(image + at, size - at, f.left, &size);
        f.left -= size;
        free(held);
        held = out;
        image = out;
    }
    free(held);
}

static bool no_file(void *ctx, const struct member *m)
{
    return true;
}

void initramfs_parts(const uint8_t *image, size_t size, initramfs_part_fn *fn, void *ctx)
{
    size_t left = UNPACKED_MAX;
    uint8_t *held = NULL; /* as above */
    for (unsigned depth = 0; size; depth++) {
        const size_t at = each_archive(image, size, no_file, NULL);
        if (at)
            fn(ctx, image, at, depth != 0);
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

bool initramfs_next(const uint8_t *archives, size_t n, size_t *at, struct initramfs_entry *e)
{
    enum { INODE = 0, LINKS = 4 };
    const size_t from = skip_zeros(archives, n, *at);
    const uint8_t *h = archives + from;
    const struct member m = member_at(h, n - from);
    if (!m.name || !header_field(h, INODE, &e->inode) || !header_field(h, MODE, &e->mode) ||
        !header_field(h, LINKS, &e->links))
        return false;
    e->header = h;
    e->name = m.name;
    e->name_size = strlen(m.name) + 1;
    e->content = m.content;
    e->size = m.n;
    *at = from + m.whole;
    return true;
}
