/* ext.c - ext2, ext3 and ext4, through libext2fs. */
#include <ext2fs/ext2fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/volumes/private/map.h"

enum { DEEP = 64, PATH_MOST = 1024 };

/* A name that a directory has for an inode. */
struct name {
    ext2_ino_t inode, folder;
    char *text;
};

struct reader {
    const struct volume *v;
    struct struct_io_manager manager;
    ext2_filsys fs;
    struct name *name;
    size_t nnames, room;
    uint64_t
        left; /* blocks that files may still have: a damaged file system could have the same ones forever */
    /* the file that is read: its number, and a stretch of it without a gap, in bytes */
    uint32_t file;
    uint64_t at, offset, n;
};

/* ---------------------------------------------------------------- reading blocks */

/* libext2fs hands only a text to this function: the reader's address in it. */
static errcode_t io_open(const char *text, int flags, io_channel *made)
{
    void *reader = NULL;
    if (sscanf(text, "%p", &reader) != 1)
        return EXT2_ET_BAD_DEVICE_NAME;
    io_channel c = mem_zero(1, sizeof *c);
    c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    c->manager = &((struct reader *)reader)->manager;
    c->private_data = reader;
    c->block_size = 1024;
    c->refcount = 1;
    *made = c;
    return 0;
}

static errcode_t io_close(io_channel c)
{
    if (--c->refcount <= 0)
        free(c);
    return 0;
}

static errcode_t io_block_size(io_channel c, int n)
{
    c->block_size = n;
    return 0;
}

/* `count` is in blocks, or, if it is negative, in bytes. */
static errcode_t io_read64(io_channel c, unsigned long long block, int count, void *data)
{
    const struct reader *r = c->private_data;
    const size_t size = (size_t)c->block_size;
    volume_read(r->v, block * size, data, count < 0 ? (size_t)-count : (size_t)count * size);
    return 0;
}

static errcode_t io_read(io_channel c, unsigned long block, int count, void *data)
{
    return io_read64(c, block, count, data);
}

static errcode_t io_write(io_channel c, unsigned long block, int count, const void *data)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t io_flush(io_channel c)
{
    return 0;
}

static bool open_volume(struct reader *r)
{
    char text[32];
    r->manager = (struct struct_io_manager){.magic = EXT2_ET_MAGIC_IO_MANAGER,
                                            .name = "bootreel",
                                            .open = io_open,
                                            .close = io_close,
                                            .set_blksize = io_block_size,
                                            .read_blk = io_read,
                                            .read_blk64 = io_read64,
                                            .write_blk = io_write,
                                            .flush = io_flush};
    snprintf(text, sizeof text, "%p", (void *)r);
    return !ext2fs_open2(text, NULL,
                         EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SOFTSUPP_FEATURES |
                             EXT2_FLAG_SKIP_MMP,
                         0, 0, &r->manager, &r->fs);
}

/* ---------------------------------------------------------------- names */

static int take_name(ext2_ino_t folder, int entry, struct ext2_dir_entry *e, int offset, int block_size,
                     char *buf, void *ctx)
{
    struct reader *r = ctx;
    const size_t n = (size_t)ext2fs_dirent_name_len(e);
    if (entry != DIRENT_OTHER_FILE || !e->inode || !n)
        return 0;
    r->name = mem_grow(r->name, &r->room, r->nnames + 1, sizeof *r->name);
    r->name[r->nnames++] = (struct name){e->inode, folder, mem_text(e->name, n)};
    return 0;
}

static int by_inode(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    return x->folder != y->folder ? x->folder < y->folder ? -1 : 1 : strcmp(x->text, y->text);
}

/* The first of an inode's names. */
static const struct name *name_of(const struct reader *r, ext2_ino_t inode)
{
    const size_t low = FIRST_NOT(middle, 0, r->nnames, r->name[middle].inode < inode);
    return low < r->nnames && r->name[low].inode == inode ? &r->name[low] : NULL;
}

/* Writes the path backwards, from the end of the buffer; returns its beginning, or NULL if a folder's name is not known. */
static char *path_of(const struct reader *r, ext2_ino_t inode, bool folder, char buf[PATH_MOST])
{
    char *p = buf + PATH_MOST - 1;
    *p = 0;
    if (folder)
        *--p = '/';
    for (unsigned depth = 0; inode != EXT2_ROOT_INO; depth++) {
        const struct name *its = name_of(r, inode);
        const size_t n = its ? strlen(its->text) : 0;
        if (!its || depth == DEEP || (size_t)(p - buf) < n + 1)
            return NULL;
        p -= n;
        memcpy(p, its->text, n);
        *--p = '/';
        inode = its->folder;
    }
    return p;
}

/* ---------------------------------------------------------------- blocks */

static void end_stretch(struct reader *r)
{
    volume_extent(r->v, r->file, r->at, r->offset, r->n);
    r->n = 0;
}

static int take_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t number, blk64_t of, int slot, void *ctx)
{
    struct reader *r = ctx;
    const uint64_t size = fs->blocksize, at = (uint64_t)number * size, offset = *block * size;
    if (!r->left)
        return BLOCK_ABORT;
    r->left--;
    if (number < 0) /* it says where others are */
        return 0;
    if (r->n && (at != r->at + r->n || offset != r->offset + r->n))
        end_stretch(r);
    if (!r->n) {
        r->at = at;
        r->offset = offset;
    }
    r->n += size;
    return 0;
}

static void take_blocks(struct reader *r, ext2_ino_t inode, const struct ext2_inode *it)
{
    char buf[PATH_MOST], number[32];
    const char *path = path_of(r, inode, LINUX_S_ISDIR(it->i_mode), buf);
    snprintf(number, sizeof number, "inode %u", inode);
    r->file = volume_file(r->v, "ext2/3/4", inode == EXT2_JOURNAL_INO ? "journal" : path ? path : number);
    ext2fs_block_iterate3(r->fs, inode, BLOCK_FLAG_READ_ONLY, NULL, take_block, r);
    end_stretch(r);
}

typedef void inode_fn(struct reader *r, ext2_ino_t inode, const struct ext2_inode *it);

static void take_names(struct reader *r, ext2_ino_t inode, const struct ext2_inode *it)
{
    if (LINUX_S_ISDIR(it->i_mode))
        ext2fs_dir_iterate2(r->fs, inode, 0, NULL, take_name, r);
}

/* Each inode that is in use and has blocks. */
static void each_inode(struct reader *r, inode_fn *fn)
{
    ext2_inode_scan scan;
    struct ext2_inode it;
    ext2_ino_t inode;
    if (ext2fs_open_inode_scan(r->fs, 0, &scan))
        return;
    while (!ext2fs_get_next_inode(scan, &inode, &it) && inode)
        if (it.i_links_count && inode != EXT2_BAD_INO && inode != EXT2_RESIZE_INO &&
            ext2fs_inode_has_valid_blocks2(r->fs, &it))
            fn(r, inode, &it);
    ext2fs_close_inode_scan(scan);
}

bool volume_ext(const struct volume *v)
{
    struct reader r = {.v = v};
    if (!open_volume(&r))
        return false;
    r.left = v->size / r.fs->blocksize;
    if ((uint64_t)r.fs->super->s_inodes_count * EXT2_INODE_SIZE(r.fs->super) <= v->size) {
        each_inode(&r, take_names);
        if (r.nnames)
            qsort(r.name, r.nnames, sizeof *r.name, by_inode);
        each_inode(&r, take_blocks);
    }
    for (size_t i = 0; i < r.nnames; i++)
        free(r.name[i].text);
    free(r.name);
    ext2fs_close_free(&r.fs);
    return true;
}
