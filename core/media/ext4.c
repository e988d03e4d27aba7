/* ext4.c - a folder as a disk: an MBR with one partition, and in that an ext4 file system, by libext2fs.
 *
 * The bytes follow from names, contents, kinds, modes, owners and times of modification alone: the identifiers and the other times are
 * fixed, files get their places in the order of the list, and no feature is used whose layout the library's versions choose differently.
 * Not kept: extended attributes.
 *
 * Sources: Linux Documentation/filesystems/ext4 (super block, inodes: the extra halves of times); misc/mke2fs.c and misc/create_inode.c of
 * e2fsprogs, for the order of the library's calls.
 */
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/media/private/impl.h"

enum { BLOCK = 4096, SECTOR = 512, JOURNAL_BLOCKS = 4096, LOST_AND_FOUND_BLOCKS = 4 };
#define MIB    (1ull << 20)
#define FS_AT  MIB        /* where the partition begins */
#define A_TIME 1577836800 /* 1 January 2020: what no file's time decides */
static const uint8_t file_system_id[16] = "bootreel folder", hash_seed[16] = "bootreel hashes";

struct making {
    const struct entries *all;
    ext2_filsys fs;
    ext2_ino_t *inode; /* of each entry */
    struct error *err;
};

static int failed(const struct making *m, const char *path, errcode_t why)
{
    if (why == EXT2_ET_BLOCK_ALLOC_FAIL || why == EXT2_ET_INODE_ALLOC_FAIL || why == ENOSPC)
        return error_set(
            m->err,
            "%.150s/%.100s: there is no room for the file system: make room where temporary files are",
            m->all->folder, path);
    return error_set(m->err, "%.150s/%.100s: cannot be put into a file system: %.100s", m->all->folder, path,
                     error_message(why));
}

/* ---------------------------------------------------------------- sizes */

/* More than a partition can have is not counted further: sparse files may add up to anything. */
static uint64_t blocks_of(const struct entries *all)
{
    uint64_t n = 0;
    for (size_t i = 0; i < all->n && n <= UINT32_MAX; i++) {
        const struct entry *e = &all->entry[i];
        /* A folder's block, and a share of a long one's; extents of a long file. */
        n += S_ISREG(e->st.st_mode) && !e->first ? ((uint64_t)e->st.st_size + BLOCK - 1) / BLOCK + 1 : 1;
    }
    return n;
}

/* Room for the content, a quarter more, the tables and the journal; whole MiB. */
static uint64_t size_for(const struct entries *all, uint32_t *inodes)
{
    const uint64_t content = blocks_of(all) * BLOCK;
    *inodes = (uint32_t)(all->n + all->n / 4 + 1024);
    const uint64_t size =
        content + content / 4 + (uint64_t)*inodes * 256 + (uint64_t)JOURNAL_BLOCKS * BLOCK + 8 * MIB;
    return (size + MIB - 1) / MIB * MIB;
}

/* ---------------------------------------------------------------- the file system */

static void set_features(struct ext2_super_block *s)
{
    s->s_rev_level = EXT2_DYNAMIC_REV;
    s->s_log_block_size = 2;
    s->s_log_cluster_size = 2;
    s->s_inode_size = 256;
    s->s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX;
    s->s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS;
    s->s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                             EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                             EXT4_FEATURE_RO_COMPAT_HUGE_FILE;
}

static void set_identity(struct ext2_super_block *s)
{
    memcpy(s->s_uuid, file_system_id, sizeof file_system_id);
    memcpy(s->s_hash_seed, hash_seed, sizeof hash_seed);
    s->s_def_hash_version = EXT2_HASH_HALF_MD4;
    s->s_flags = EXT2_FLAGS_SIGNED_HASH;
    s->s_mkfs_time = s->s_lastcheck = A_TIME;
    s->s_max_mnt_count = -1;
    s->s_min_extra_isize = s->s_want_extra_isize = sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
}

static errcode_t begin(struct making *m, int fd, uint64_t size, uint32_t inodes)
{
    struct ext2_super_block s = {0};
    char name[64], offset[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    snprintf(offset, sizeof offset, "offset=%llu", FS_AT);
    set_features(&s);
    s.s_inodes_count = inodes;
    ext2fs_blocks_count_set(&s, size / BLOCK);
    errcode_t e = ext2fs_initialize(name, EXT2_FLAG_64BITS, &s, unix_io_manager, &m->fs);
    if (e)
        return e;
    m->fs->now = A_TIME;
    set_identity(m->fs->super);
    e = io_channel_set_options(m->fs->io, offset);
    return e ? e : ext2fs_allocate_tables(m->fs);
}

static errcode_t make_root(struct making *m)
{
    ext2_filsys fs = m->fs;
    errcode_t e = ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);
    if (e)
        return e;
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
    for (ext2_ino_t i = EXT2_ROOT_INO + 1; i < EXT2_FIRST_INODE(fs->super); i++)
        ext2fs_inode_alloc_stats2(fs, i, +1, 0);
    ext2fs_mark_ib_dirty(fs);
    m->inode[0] = EXT2_ROOT_INO;
    e = ext2fs_update_bb_inode(fs, NULL);
    return e ? e : ext2fs_add_journal_inode(fs, JOURNAL_BLOCKS, EXT2_MKJOURNAL_NO_MNT_CHECK);
}

/* fsck's folder, in which it needs room without taking blocks. */
static errcode_t make_lost_and_found(struct making *m)
{
    ext2_ino_t inode;
    errcode_t e = ext2fs_mkdir(m->fs, EXT2_ROOT_INO, 0, "lost+found");
    if (e == EXT2_ET_DIR_EXISTS)
        return 0;
    e = e ? e : ext2fs_lookup(m->fs, EXT2_ROOT_INO, "lost+found", 10, NULL, &inode);
    for (unsigned i = 1; i < LOST_AND_FOUND_BLOCKS && !e; i++)
        e = ext2fs_expand_dir(m->fs, inode);
    return e;
}

/* ---------------------------------------------------------------- files */

/* Seconds from 2038 on have two more bits, beside the nanoseconds. */
static uint32_t extra_time(const struct timespec *t)
{
    return (uint32_t)t->tv_nsec << 2 |
           (((uint64_t)t->tv_sec - (uint64_t)(int64_t)(int32_t)t->tv_sec) >> 32 & 3);
}

static errcode_t set_attributes(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    struct ext2_inode_large i;
    const struct timespec *t = &e->st.st_mtim;
    errcode_t rc = ext2fs_read_inode_full(m->fs, inode, (struct ext2_inode *)&i, sizeof i);
    if (rc)
        return rc;
    i.i_extra_isize = sizeof i - EXT2_GOOD_OLD_INODE_SIZE;
    i.i_mode = (i.i_mode & ~07777u) | (e->st.st_mode & 07777u);
    i.i_uid = (uint16_t)e->st.st_uid;
    i.osd2.linux2.l_i_uid_high = (uint16_t)(e->st.st_uid >> 16);
    i.i_gid = (uint16_t)e->st.st_gid;
    i.osd2.linux2.l_i_gid_high = (uint16_t)(e->st.st_gid >> 16);
    i.i_atime = i.i_ctime = i.i_mtime = i.i_crtime = (uint32_t)t->tv_sec;
    i.i_atime_extra = i.i_ctime_extra = i.i_mtime_extra = i.i_crtime_extra = extra_time(t);
    return ext2fs_write_inode_full(m->fs, inode, (struct ext2_inode *)&i, sizeof i);
}

static int file_type(mode_t mode)
{
    static const struct {
        mode_t kind;
        int type;
    } types[] = {{S_IFREG, EXT2_FT_REG_FILE},
                 {S_IFCHR, EXT2_FT_CHRDEV},
                 {S_IFBLK, EXT2_FT_BLKDEV},
                 {S_IFIFO, EXT2_FT_FIFO},
                 {S_IFLNK, EXT2_FT_SYMLINK}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if ((mode & S_IFMT) == types[i].kind)
            return types[i].type;
    return EXT2_FT_UNKNOWN;
}

/* Puts a name into its folder. */
typedef errcode_t placer(const struct making *m, const struct entry *e, ext2_ino_t inode);

static errcode_t place_link(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    return ext2fs_link(m->fs, m->inode[e->folder], entry_name(e), inode, file_type(e->st.st_mode));
}

static errcode_t place_folder(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    return ext2fs_mkdir(m->fs, m->inode[e->folder], inode, entry_name(e));
}

static errcode_t place_symlink(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    return ext2fs_symlink(m->fs, m->inode[e->folder], inode, entry_name(e), e->target);
}

/* Folders grow by a block where a name has no room. */
static errcode_t with_room(const struct making *m, const struct entry *e, ext2_ino_t inode, placer *place)
{
    errcode_t rc = place(m, e, inode);
    if (rc == EXT2_ET_DIR_NO_SPACE) {
        rc = ext2fs_expand_dir(m->fs, m->inode[e->folder]);
        rc = rc ? rc : place(m, e, inode);
    }
    return rc;
}

/* Where the file has content again, from a block on. Holes are passed over without reading them. */
static uint64_t next_content(int fd, uint64_t at, uint64_t size)
{
    const off_t data = lseek(fd, (off_t)at, SEEK_DATA);
    struct stat st;
    if (data < 0 && errno == ENXIO && !fstat(fd, &st) && (uint64_t)st.st_size >= size)
        return size;
    if (data < 0)
        return at; /* it cannot be told, or the file has become shorter: reading says so */
    return (uint64_t)data / BLOCK * BLOCK;
}

static int write_blocks(const struct making *m, const struct entry *e, ext2_file_t file, int fd)
{
    enum { PIECE = 1 << 18 };
    static const uint8_t zeros[BLOCK];
    const uint64_t size = (uint64_t)e->st.st_size;
    uint8_t *piece = mem_alloc(PIECE);
    errcode_t rc = 0;
    int bad = 0;
    for (uint64_t at = 0; !rc && !bad && (at = next_content(fd, at, size)) < size; at += PIECE) {
        const size_t n = size - at < PIECE ? size - at : PIECE;
        bad = media_read_fd(fd, e->path, at, piece, n, m->err);
        for (size_t done = 0; done < n && !rc && !bad; done += BLOCK) {
            const unsigned part = n - done < BLOCK ? (unsigned)(n - done) : BLOCK;
            if (!memcmp(piece + done, zeros, part))
                continue; /* a hole */
            rc = ext2fs_file_llseek(file, at + done, EXT2_SEEK_SET, NULL);
            rc = rc ? rc : ext2fs_file_write(file, piece + done, part, NULL);
        }
    }
    rc = rc ? rc : ext2fs_file_set_size2(file, size);
    free(piece);
    return bad ? -1 : rc ? failed(m, e->path, rc) : 0;
}

static int write_content(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    ext2_file_t file;
    int fd = entry_open(m->all, e, m->err);
    if (fd < 0)
        return -1;
    errcode_t rc = ext2fs_file_open(m->fs, inode, EXT2_FILE_WRITE, &file);
    int bad = rc ? failed(m, e->path, rc) : write_blocks(m, e, file, fd);
    if (!rc && (rc = ext2fs_file_close(file)) && !bad)
        bad = failed(m, e->path, rc);
    close(fd);
    return bad;
}

/* A regular file without content yet, a device or a FIFO. */
static errcode_t make_inode(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    struct ext2_inode i = {.i_mode = (uint16_t)e->st.st_mode, .i_links_count = 1};
    const unsigned major = major(e->st.st_rdev), minor = minor(e->st.st_rdev);
    ext2_extent_handle_t extents;
    errcode_t rc = 0;
    if (S_ISREG(e->st.st_mode)) {
        i.i_flags = EXT4_EXTENTS_FL;
        rc = ext2fs_extent_open2(m->fs, inode, &i, &extents);
        if (!rc)
            ext2fs_extent_free(extents);
    } else if (S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode)) {
        if (major < 256 && minor < 256)
            i.i_block[0] = major << 8 | minor;
        else
            i.i_block[1] = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
    }
    ext2fs_inode_alloc_stats2(m->fs, inode, +1, 0);
    return rc ? rc : ext2fs_write_new_inode(m->fs, inode, &i);
}

static errcode_t link_again(const struct making *m, const struct entry *e)
{
    const ext2_ino_t inode = m->inode[e->first - m->all->entry];
    struct ext2_inode i;
    errcode_t rc = with_room(m, e, inode, place_link);
    rc = rc ? rc : ext2fs_read_inode(m->fs, inode, &i);
    i.i_links_count++;
    return rc ? rc : ext2fs_write_inode(m->fs, inode, &i);
}

static errcode_t make_entry(const struct making *m, const struct entry *e, ext2_ino_t inode)
{
    if (S_ISDIR(e->st.st_mode))
        return with_room(m, e, inode, place_folder);
    if (S_ISLNK(e->st.st_mode))
        return with_room(m, e, inode, place_symlink);
    errcode_t rc = make_inode(m, e, inode);
    return rc ? rc : with_room(m, e, inode, place_link);
}

static int add(struct making *m, size_t index)
{
    const struct entry *e = &m->all->entry[index];
    ext2_ino_t inode;
    errcode_t rc;
    if (e->first)
        return (rc = link_again(m, e)) ? failed(m, e->path, rc) : 0;
    rc = ext2fs_new_inode(m->fs, m->inode[e->folder], e->st.st_mode, NULL, &inode);
    rc = rc ? rc : make_entry(m, e, inode);
    if (rc)
        return failed(m, e->path, rc);
    m->inode[index] = inode;
    return S_ISREG(e->st.st_mode) && e->st.st_size ? write_content(m, e, inode) : 0;
}

/* After all is in its folder: what is put into a folder changes its times. */
static errcode_t set_all_attributes(const struct making *m)
{
    errcode_t rc = 0;
    for (size_t i = 0; i < m->all->n && !rc; i++)
        if (!m->all->entry[i].first)
            rc = set_attributes(m, &m->all->entry[i], m->inode[i]);
    return rc;
}

static int fill(struct making *m)
{
    errcode_t rc = make_root(m);
    for (size_t i = 1; i < m->all->n && !rc; i++)
        if (add(m, i))
            return -1;
    rc = rc ? rc : make_lost_and_found(m);
    rc = rc ? rc : set_all_attributes(m);
    return rc ? failed(m, "", rc) : 0;
}

/* ---------------------------------------------------------------- the disk */

/* One partition of Linux's type, for readers of LBA: the old fields say that they cannot hold it. */
static int write_mbr(int fd, const struct making *m, uint64_t size)
{
    uint8_t sector[SECTOR] = {0}, *p = sector + 446;
    const uint32_t first = FS_AT / SECTOR, count = (uint32_t)(size / SECTOR);
    memcpy(sector + 440, "reel", 4);
    memcpy(p + 1, "\xfe\xff\xff\x83\xfe\xff\xff", 7);
    memcpy(p + 8, &first, 4);
    memcpy(p + 12, &count, 4);
    sector[510] = 0x55;
    sector[511] = 0xaa;
    if (pwrite(fd, sector, sizeof sector, 0) == sizeof sector)
        return 0;
    return error_set(m->err, "%.200s: cannot be made a disk: %s", m->all->folder, strerror(errno));
}

int ext4_make(int fd, const struct entries *all, uint64_t *size, struct error *err)
{
    struct making m = {.all = all, .err = err};
    uint32_t inodes;
    const uint64_t fs_size = size_for(all, &inodes);
    *size = FS_AT + fs_size;
    if (fs_size / SECTOR > UINT32_MAX)
        return error_set(err, "%.200s: has more than a partition's 2 TiB: give a smaller folder",
                         all->folder);
    if (ftruncate(fd, (off_t)*size))
        return error_set(err, "%.200s: cannot be made a disk: %s", all->folder, strerror(errno));
    m.inode = mem_zero(all->n, sizeof *m.inode);
    errcode_t rc = begin(&m, fd, fs_size, inodes);
    int bad = rc ? failed(&m, "", rc) : fill(&m);
    if (m.fs && (rc = ext2fs_close_free(&m.fs)) && !bad)
        bad = failed(&m, "", rc);
    free(m.inode);
    return bad ? bad : write_mbr(fd, &m, fs_size);
}
