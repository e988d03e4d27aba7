/* cpio.c - a folder as an initramfs: a cpio archive in the form that Linux unpacks (newc).
 *
 * The bytes follow from names, contents, kinds, modes, owners and times of modification. Inode numbers are the places in the list, and links
 * to folders are not counted, so that file systems which count them otherwise give the same archive.
 *
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/media/private/impl.h"

struct growing {
    uint8_t *bytes;
    size_t n, room;
};

static la_ssize_t append(struct archive *a, void *ctx, const void *bytes, size_t n)
{
    struct growing *g = ctx;
    g->bytes = mem_grow(g->bytes, &g->room, g->n + n, 1);
    memcpy(g->bytes + g->n, bytes, n);
    g->n += n;
    return (la_ssize_t)n;
}

static int write_content(struct archive *a, const struct entries *all, const struct entry *e,
                         struct error *err)
{
    enum { PIECE = 1 << 18 };
    int fd = entry_open(all, e, err), rc = fd < 0 ? -1 : 0;
    uint8_t *piece = mem_alloc(PIECE);
    const uint64_t size = (uint64_t)e->st.st_size;
    for (uint64_t at = 0; at < size && !rc; at += PIECE) {
        const size_t n = size - at < PIECE ? size - at : PIECE;
        rc = media_read_fd(fd, e->path, at, piece, n, err);
        if (!rc && archive_write_data(a, piece, n) < 0)
            rc = error_set(err, "%.200s: %.150s", e->path, archive_error_string(a));
    }
    free(piece);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Linux takes the content of a file with several names from the last of them: newc has it there, and here, where each name has it, too. */
static int write_entry(struct archive *a, const struct entries *all, const struct entry *e, struct error *err)
{
    struct archive_entry *out = mem_check(archive_entry_new());
    const struct entry *file = e->first ? e->first : e;
    const bool has_content = S_ISREG(e->st.st_mode);
    archive_entry_set_pathname(out, *e->path ? e->path : ".");
    archive_entry_set_mode(out, e->st.st_mode);
    archive_entry_set_uid(out, e->st.st_uid);
    archive_entry_set_gid(out, e->st.st_gid);
    archive_entry_set_mtime(out, e->st.st_mtim.tv_sec, 0);
    archive_entry_set_ino(out, file - all->entry + 1);
    archive_entry_set_nlink(out, file->names);
    archive_entry_set_size(out, has_content ? e->st.st_size : 0);
    if (e->target)
        archive_entry_set_symlink(out, e->target);
    if (S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode))
        archive_entry_set_rdev(out, e->st.st_rdev);
    int rc = archive_write_header(a, out) < ARCHIVE_WARN
                 ? error_set(err, "%.150s/%.100s: cannot be put into an initramfs: %.100s", all->folder,
                             e->path, archive_error_string(a))
                 : 0;
    archive_entry_free(out);
    return rc || !has_content ? rc : write_content(a, all, e, err);
}

/* Sparse files, and many names of one, can make it far larger than the folder. */
static bool is_too_large(const struct entries *all)
{
    uint64_t n = 0;
    for (size_t i = 0; i < all->n && n <= INITRAMFS_MOST; i++)
        n += S_ISREG(all->entry[i].st.st_mode) ? (uint64_t)all->entry[i].st.st_size : 0;
    return n > INITRAMFS_MOST;
}

uint8_t *cpio_make(const struct entries *all, size_t *size, struct error *err)
{
    struct growing g = {0};
    if (is_too_large(all)) {
        error_set(
            err,
            "%.200s: its files have more than 1 GiB, which no initramfs may have: give it as --disk folder:",
            all->folder);
        return NULL;
    }
    struct archive *a = mem_check(archive_write_new());
    int rc = 0;
    archive_write_set_format_cpio_newc(a);
    archive_write_add_filter_none(a);
    archive_write_set_bytes_in_last_block(a, 1);
    if (archive_write_open(a, &g, NULL, append, NULL))
        rc = error_set(err, "%.200s: %.150s", all->folder, archive_error_string(a));
    for (size_t i = 0; i < all->n && !rc; i++)
        rc = write_entry(a, all, &all->entry[i], err);
    if (!rc && archive_write_close(a))
        rc = error_set(err, "%.200s: %.150s", all->folder, archive_error_string(a));
    archive_write_free(a);
    *size = g.n;
    if (!rc)
        return g.bytes;
    free(g.bytes);
    return NULL;
}
