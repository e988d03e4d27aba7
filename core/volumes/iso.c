/* iso.c - ISO 9660 with Rock Ridge or Joliet, through libarchive.
 *
 * libarchive does not say where a file lies. It reads the image in the pieces that it is given, and hands out a file's bytes in the very
 * piece that they came in: so a file begins where the piece was from. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/memory.h"
#include "core/volumes/private/map.h"

enum { SECTOR = 2048, DESCRIPTORS = 16 * SECTOR, FILES_MOST = 1000000 };

struct reader {
    const struct volume *v;
    uint64_t at; /* of the next piece */
    uint8_t piece[SECTOR];
};

static la_ssize_t next_piece(struct archive *a, void *ctx, const void **piece)
{
    struct reader *r = ctx;
    *piece = r->piece;
    if (r->at >= r->v->size)
        return 0;
    volume_read(r->v, r->at, r->piece, SECTOR);
    r->at += SECTOR;
    return SECTOR;
}

static la_int64_t skip(struct archive *a, void *ctx, la_int64_t n)
{
    struct reader *r = ctx;
    const la_int64_t whole = n / SECTOR * SECTOR;
    r->at += (uint64_t)whole;
    return whole;
}

static la_int64_t seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
    struct reader *r = ctx;
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)r->at : (int64_t)r->v->size;
    if (from + offset < 0)
        return ARCHIVE_FATAL;
    r->at = (uint64_t)(from + offset) / SECTOR * SECTOR;
    return (la_int64_t)r->at;
}

static void take_file(struct reader *r, struct archive *a, struct archive_entry *e)
{
    const void *bytes;
    size_t n, length;
    la_int64_t at;
    const char *path = archive_entry_pathname(e);
    const la_int64_t size = archive_entry_size(e);
    if (!path || archive_entry_filetype(e) != AE_IFREG || size <= 0 ||
        archive_read_data_block(a, &bytes, &n, &at) != ARCHIVE_OK || at || (const uint8_t *)bytes != r->piece)
        return;
    const uint64_t offset = r->at - SECTOR;
    char *full = mem_alloc((length = strlen(path)) + 2);
    full[0] = '/';
    memcpy(full + 1, path, length + 1);
    volume_extent(r->v, volume_file(r->v, "ISO 9660", full), 0, offset, (uint64_t)size);
    volume_within(r->v, full, offset, (uint64_t)size);
    free(full);
}

/* Returns the number of files. */
static size_t read_files(const struct volume *v, const char *options)
{
    struct reader r = {.v = v};
    struct archive_entry *e;
    size_t n = 0;
    struct archive *a = mem_check(archive_read_new());
    archive_read_support_format_iso9660(a);
    archive_read_set_options(a, options);
    archive_read_set_read_callback(a, next_piece);
    archive_read_set_skip_callback(a, skip);
    archive_read_set_seek_callback(a, seek);
    archive_read_set_callback_data(a, &r);
    if (archive_read_open1(a) == ARCHIVE_OK)
        while (n < FILES_MOST && archive_read_next_header(a, &e) >= ARCHIVE_WARN && ++n)
            take_file(&r, a, e);
    archive_read_free(a);
    return n;
}

bool volume_iso(const struct volume *v)
{
    uint8_t descriptor[8];
    volume_read(v, DESCRIPTORS, descriptor, sizeof descriptor);
    if (memcmp(descriptor + 1, "CD001", 5))
        return false;
    /* The trace has only the tree that the guest has read. */
    if (read_files(v, "iso9660:joliet") <= 1)
        read_files(v, "iso9660:!joliet");
    return true;
}
