/* tree.c - the calls on paths: stat(2), mkdir(2), unlink(2), rename(2), getdents(2), chdir(2) and their
 * relatives. */
#include <fcntl.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum {
    IFMT = 0170000,
    IFDIR = 0040000,
    IFCHR = 0020000,
    IFLNK = 0120000,
    IFREG = 0100000,
    IFIFO = 0010000,
    IFSOCK = 0140000
};
#define SECOND 1000000000ull

static bool is_folder(const struct inode *i)
{
    return (i->mode & IFMT) == IFDIR;
}

/* A path argument; -error. */
static int take_path(struct host *h, struct task *t, uint64_t at_, char path[4096])
{
    return user_string(h, MM(t->mm), at_, path, 4096);
}

/* The inode of a path argument, held. */
static int64_t walk(struct host *h, struct task *t, int dirfd, uint64_t at_, unsigned how, char *last)
{
    char path[4096];
    int rc = take_path(h, t, at_, path);
    return rc < 0 ? rc : path_walk(h, t, dirfd, path, how, last);
}

/* The same for the …at calls: the descriptor itself with AT_EMPTY_PATH. */
int64_t path_at(struct host *h, struct task *t, int dirfd, uint64_t at_, unsigned flags)
{
    char path[4096] = "";
    int rc = at_ ? take_path(h, t, at_, path) : 0;
    if (rc < 0)
        return rc;
    if (!*path && flags & AT_EMPTY_PATH && dirfd != AT_FDCWD) {
        struct file *f = fd_file(h, t, dirfd);
        if (!f)
            return -EBADF;
        inode_hold(h, f->inode);
        return f->inode;
    }
    if (!*path && flags & AT_EMPTY_PATH)
        strcpy(path, ".");
    return path_walk(h, t, dirfd, path, flags & AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0, NULL);
}

/* ---------------------------------------------------------------- stat */

struct kernel_stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size, blksize, blocks;
    uint64_t times[6];
    int64_t unused[3];
};

static uint64_t size_of(struct host *h, struct task *t, const struct inode *i)
{
    return is_folder(i) ? PAGE : i->size;
}

static void fill(struct host *h, struct task *t, const struct inode *i, struct kernel_stat *s)
{
    *s = (struct kernel_stat){.dev = i->shm                  ? 0x16
                                     : i->kind >= INODE_PROC ? 0x15
                                                             : 0x801,
                              .ino = i->number,
                              .nlink = i->nlink,
                              .mode = i->mode,
                              .uid = i->uid,
                              .gid = i->gid,
                              .rdev = i->kind == INODE_DEVICE ? i->device : 0,
                              .size = (int64_t)size_of(h, t, i),
                              .blksize = PAGE,
                              .blocks = (int64_t)((i->size + 511) / 512)};
    const uint64_t times[3] = {i->atime, i->mtime, i->ctime};
    for (unsigned k = 0; k < 3; k++) {
        s->times[2 * k] = times[k] / SECOND;
        s->times[2 * k + 1] = times[k] % SECOND;
    }
}

static int64_t put_stat(struct host *h, struct task *t, int64_t inode, uint64_t to)
{
    struct kernel_stat s;
    if (inode < 0)
        return inode;
    fill(h, t, INODE((ref)inode), &s);
    inode_drop(h, (ref)inode);
    return put_user(h, t, to, &s, sizeof s);
}

int64_t call_stat(struct host *h, struct task *t, const uint64_t *a)
{
    return put_stat(h, t, walk(h, t, AT_FDCWD, a[0], 0, NULL), a[1]);
}
int64_t call_lstat(struct host *h, struct task *t, const uint64_t *a)
{
    return put_stat(h, t, walk(h, t, AT_FDCWD, a[0], WALK_NOFOLLOW, NULL), a[1]);
}
int64_t call_fstat(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    inode_hold(h, f->inode);
    return put_stat(h, t, f->inode, a[1]);
}
int64_t call_newfstatat(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return put_stat(h, t, path_at(h, t, (int)a[0], a[1], (unsigned)a[3]), a[2]);
}

int64_t call_statx(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t sync = AT_STATX_SYNC_AS_STAT | AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
    struct kernel_stat s;
    if (a[2] & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | sync) || (a[2] & sync) == sync)
        return -EINVAL;
    int64_t i = path_at(h, t, (int)a[0], a[1], (unsigned)a[2]);
    if (i < 0)
        return i;
    fill(h, t, INODE((ref)i), &s);
    inode_drop(h, (ref)i);
    struct statx x = {.stx_mask = STATX_BASIC_STATS,
                      .stx_blksize = PAGE,
                      .stx_nlink = (uint32_t)s.nlink,
                      .stx_uid = s.uid,
                      .stx_gid = s.gid,
                      .stx_mode = (uint16_t)s.mode,
                      .stx_ino = s.ino,
                      .stx_size = (uint64_t)s.size,
                      .stx_blocks = (uint64_t)s.blocks,
                      .stx_rdev_major = major(s.rdev),
                      .stx_rdev_minor = minor(s.rdev),
                      .stx_dev_major = major(s.dev),
                      .stx_dev_minor = minor(s.dev)};
    struct statx_timestamp *times[3] = {&x.stx_atime, &x.stx_mtime, &x.stx_ctime};
    for (unsigned k = 0; k < 3; k++) {
        times[k]->tv_sec = (int64_t)s.times[2 * k];
        times[k]->tv_nsec = (uint32_t)s.times[2 * k + 1];
    }
    return put_user(h, t, a[4], &x, sizeof x);
}

static int64_t put_statfs(struct host *h, struct task *t, int64_t inode, uint64_t to)
{
    if (inode < 0)
        return inode;
    const struct inode *i = INODE((ref)inode);
    uint64_t free = h->nframes - h->r.frames_used;
    struct statfs s = {.f_type = i->kind >= INODE_PROC ? 0x9fa0 : 0x01021994,
                       .f_bsize = PAGE,
                       .f_frsize = PAGE,
                       .f_namelen = 255};
    if (i->kind < INODE_PROC) {
        s.f_blocks = h->nframes;
        s.f_bfree = s.f_bavail = free;
    }
    inode_drop(h, (ref)inode);
    return put_user(h, t, to, &s, sizeof s);
}

int64_t call_statfs(struct host *h, struct task *t, const uint64_t *a)
{
    return put_statfs(h, t, walk(h, t, AT_FDCWD, a[0], 0, NULL), a[1]);
}
int64_t call_fstatfs(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    inode_hold(h, f->inode);
    return put_statfs(h, t, f->inode, a[1]);
}

static int64_t may_access(struct host *h, struct task *t, int dirfd, uint64_t at_, uint64_t how,
                          unsigned flags)
{
    if (how & ~7ull)
        return -EINVAL;
    int64_t i = path_at(h, t, dirfd, at_, flags);
    if (i < 0)
        return i;
    bool exec = is_folder(INODE((ref)i)) || INODE((ref)i)->mode & 0111; /* the super-user may do all else */
    inode_drop(h, (ref)i);
    return how & 1 && !exec ? -EACCES : 0;
}

int64_t call_access(struct host *h, struct task *t, const uint64_t *a)
{
    return may_access(h, t, AT_FDCWD, a[0], a[1], 0);
}
int64_t call_faccessat(struct host *h, struct task *t, const uint64_t *a)
{
    return may_access(h, t, (int)a[0], a[1], a[2], 0);
}
int64_t call_faccessat2(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[3] & ~(uint64_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return may_access(h, t, (int)a[0], a[1], a[2], (unsigned)a[3]);
}

static int64_t read_link(struct host *h, struct task *t, int dirfd, uint64_t at_, uint64_t buf, uint64_t size)
{
    char target[4096];
    if ((int64_t)size <= 0)
        return -EINVAL;
    int64_t r = path_at(h, t, dirfd, at_, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    if (r < 0)
        return r;
    const struct inode *i = INODE((ref)r);
    bool link = (i->mode & IFMT) == IFLNK;
    size_t n = 0;
    if (link && i->kind == INODE_LINK)
        n = (size_t)snprintf(target, sizeof target, "%s", link_target(h, i));
    else if (link)
        n = proc_link(h, t, i, target, sizeof target);
    inode_drop(h, (ref)r);
    if (!link)
        return -EINVAL;
    n = n < size ? n : size;
    return put_user(h, t, buf, target, n) ? -EFAULT : (int64_t)n;
}
int64_t call_readlink(struct host *h, struct task *t, const uint64_t *a)
{
    return read_link(h, t, AT_FDCWD, a[0], a[1], a[2]);
}
int64_t call_readlinkat(struct host *h, struct task *t, const uint64_t *a)
{
    return read_link(h, t, (int)a[0], a[1], a[2], (uint64_t)(int)a[3]);
}

/* ---------------------------------------------------------------- making */

/* Puts a new inode at a path, or drops it. */
static int64_t add_at(struct host *h, struct task *t, int dirfd, uint64_t at_, ref inode)
{
    char last[256];
    int64_t dir = inode ? walk(h, t, dirfd, at_, WALK_PARENT, last) : -ENOSPC;
    int64_t rc = dir < 0 ? dir : 0;
    if (!rc && (!*last || !strcmp(last, ".") || !strcmp(last, "..")))
        rc = -EEXIST;
    if (!rc && INODE((ref)dir)->kind != INODE_FOLDER)
        rc = -EACCES;
    if (!rc && folder_find(h, INODE((ref)dir), last))
        rc = -EEXIST;
    if (!rc)
        rc = folder_add(h, INODE((ref)dir), last, inode);
    if (!rc) {
        INODE(inode)->parent = (ref)dir;
        INODE(inode)->shm = INODE((ref)dir)->shm;
    }
    if (dir > 0)
        inode_drop(h, (ref)dir);
    if (inode)
        inode_drop(h, inode);
    return rc;
}

static uint32_t umask_of(struct host *h, struct task *t)
{
    return ((struct folder_state *)at(h, t->folders))->umask;
}

int64_t call_mkdirat(struct host *h, struct task *t, const uint64_t *a)
{
    ref i = inode_new(h, INODE_FOLDER, IFDIR | (a[2] & 01777 & ~umask_of(h, t)));
    if (i)
        INODE(i)->nlink = 2;
    return add_at(h, t, (int)a[0], a[1], i);
}
int64_t call_mkdir(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[3] = {(uint64_t)AT_FDCWD, a[0], a[1]};
    return call_mkdirat(h, t, b);
}

int64_t call_symlinkat(struct host *h, struct task *t, const uint64_t *a)
{
    char target[4096];
    int rc = take_path(h, t, a[0], target);
    if (rc <= 0)
        return rc ? rc : -ENOENT;
    ref i = inode_new(h, INODE_LINK, IFLNK | 0777);
    if (!i || !(INODE(i)->data = arena_text(h, target)))
        return -ENOSPC;
    INODE(i)->size = strlen(target);
    return add_at(h, t, (int)a[1], a[2], i);
}
int64_t call_symlink(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[3] = {a[0], (uint64_t)AT_FDCWD, a[1]};
    return call_symlinkat(h, t, b);
}

int64_t call_linkat(struct host *h, struct task *t, const uint64_t *a)
{
    unsigned flags = (unsigned)a[4] & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
    int64_t i = path_at(h, t, (int)a[0], a[1], flags | (a[4] & AT_EMPTY_PATH));
    if (i < 0)
        return i;
    if (is_folder(INODE((ref)i)) || INODE((ref)i)->kind >= INODE_PROC) {
        inode_drop(h, (ref)i);
        return -EPERM;
    }
    INODE((ref)i)->nlink++;
    inode_hold(h, (ref)i);
    int64_t rc = add_at(h, t, (int)a[2], a[3], (ref)i);
    if (rc)
        INODE((ref)i)->nlink--;
    inode_drop(h, (ref)i);
    return rc;
}
int64_t call_link(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[5] = {(uint64_t)AT_FDCWD, a[0], (uint64_t)AT_FDCWD, a[1], 0};
    return call_linkat(h, t, b);
}

int64_t call_mknodat(struct host *h, struct task *t, const uint64_t *a)
{
    uint32_t type = (uint32_t)a[2] & IFMT;
    if (type == IFDIR)
        return -EPERM;
    if (type == IFIFO)
        return add_at(h, t, (int)a[0], a[1],
                      inode_new(h, INODE_PIPE, IFIFO | (a[2] & 07777 & ~umask_of(h, t))));
    if (type && type != IFREG) {
        report_missing(h, "mknod of this type", type, a[3]);
        return -EPERM;
    }
    return add_at(h, t, (int)a[0], a[1], inode_new(h, INODE_FILE, IFREG | (a[2] & 07777 & ~umask_of(h, t))));
}
int64_t call_mknod(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[4] = {(uint64_t)AT_FDCWD, a[0], a[1], a[2]};
    return call_mknodat(h, t, b);
}

/* ---------------------------------------------------------------- removing and renaming */

static int64_t remove_at(struct host *h, struct task *t, int dirfd, uint64_t at_, bool folder)
{
    char last[256];
    int64_t dir = walk(h, t, dirfd, at_, WALK_PARENT, last), rc = 0;
    if (dir < 0)
        return dir;
    struct inode *d = INODE((ref)dir);
    struct entry *e = d->kind == INODE_FOLDER ? folder_find(h, d, last) : NULL;
    struct inode *i = e ? INODE(e->inode) : NULL;
    if (!strcmp(last, ".") || !strcmp(last, "..") || !*last)
        rc = folder ? (!strcmp(last, ".") ? -EINVAL : *last ? -ENOTEMPTY : -EBUSY) : -EISDIR;
    else if (!e)
        rc = d->kind == INODE_FOLDER ? -ENOENT : -EPERM;
    else if (folder && !is_folder(i))
        rc = -ENOTDIR;
    else if (!folder && is_folder(i))
        rc = -EISDIR;
    else if (folder && i->kind != INODE_FOLDER)
        rc = -EBUSY;
    else if (folder && i->data)
        rc = -ENOTEMPTY;
    if (!rc) {
        i->nlink -= folder ? 2 : 1;
        i->ctime = wall(h);
        folder_remove(h, d, last);
    }
    inode_drop(h, (ref)dir);
    return rc;
}

int64_t call_unlink(struct host *h, struct task *t, const uint64_t *a)
{
    return remove_at(h, t, AT_FDCWD, a[0], false);
}
int64_t call_rmdir(struct host *h, struct task *t, const uint64_t *a)
{
    return remove_at(h, t, AT_FDCWD, a[0], true);
}
int64_t call_unlinkat(struct host *h, struct task *t, const uint64_t *a)
{
    return a[2] & ~(uint64_t)AT_REMOVEDIR ? -EINVAL : remove_at(h, t, (int)a[0], a[1], a[2] & AT_REMOVEDIR);
}

static bool is_below(struct host *h, ref inode, ref above)
{
    for (ref i = inode; i; i = INODE(i)->parent == i ? 0 : INODE(i)->parent)
        if (i == above)
            return true;
    return false;
}

/* RENAME_EXCHANGE */
static int64_t exchange(struct host *h, struct inode *from, struct entry *e, struct inode *to,
                        struct entry *there)
{
    const ref one = e->inode, other = there->inode;
    if ((is_folder(INODE(one)) && is_below(h, ref_of(h, to), one)) ||
        (is_folder(INODE(other)) && is_below(h, ref_of(h, from), other)))
        return -EINVAL;
    e->inode = other;
    there->inode = one;
    INODE(one)->parent = ref_of(h, to);
    INODE(other)->parent = ref_of(h, from);
    return 0;
}

/* Both folders and names are known. */
static int64_t rename_in(struct host *h, struct inode *from, const char *old, struct inode *to,
                         const char *new, unsigned flags)
{
    struct entry *e = folder_find(h, from, old), *there = folder_find(h, to, new);
    if (!e)
        return -ENOENT;
    ref moved = e->inode;
    if (there && flags & 1) /* RENAME_NOREPLACE */
        return -EEXIST;
    if (!there && flags & 2)
        return -ENOENT;
    if (there && there->inode == moved)
        return 0;
    if (flags & 2)
        return exchange(h, from, e, to, there);
    if (is_folder(INODE(moved)) && is_below(h, ref_of(h, to), moved))
        return -EINVAL;
    if (there) {
        struct inode *i = INODE(there->inode);
        if (is_folder(i) != is_folder(INODE(moved)))
            return is_folder(i) ? -EISDIR : -ENOTDIR;
        if (is_folder(i) && i->data)
            return -ENOTEMPTY;
        i->nlink -= is_folder(i) ? 2 : 1;
        folder_remove(h, to, new);
    }
    inode_hold(h, moved);
    folder_remove(h, from, old);
    int64_t rc = folder_add(h, to, new, moved);
    INODE(moved)->parent = ref_of(h, to);
    inode_drop(h, moved);
    return rc;
}

int64_t call_renameat2(struct host *h, struct task *t, const uint64_t *a)
{
    char old[256], new[256];
    if (a[4] & ~3ull || a[4] == 3)
        return -EINVAL;
    int64_t from = walk(h, t, (int)a[0], a[1], WALK_PARENT, old);
    if (from < 0)
        return from;
    int64_t to = walk(h, t, (int)a[2], a[3], WALK_PARENT, new), rc = to < 0 ? to : 0;
    bool dots =
        !*old || !*new || !strcmp(old, ".") || !strcmp(old, "..") || !strcmp(new, ".") || !strcmp(new, "..");
    if (!rc && dots)
        rc = -EBUSY;
    if (!rc && (INODE((ref)from)->kind != INODE_FOLDER || INODE((ref)to)->kind != INODE_FOLDER))
        rc = -EXDEV;
    if (!rc)
        rc = rename_in(h, INODE((ref)from), old, INODE((ref)to), new, (unsigned)a[4]);
    inode_drop(h, (ref)from);
    if (to > 0)
        inode_drop(h, (ref)to);
    return rc;
}
int64_t call_renameat(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[5] = {a[0], a[1], a[2], a[3], 0};
    return call_renameat2(h, t, b);
}
int64_t call_rename(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[5] = {(uint64_t)AT_FDCWD, a[0], (uint64_t)AT_FDCWD, a[1], 0};
    return call_renameat2(h, t, b);
}

/* ---------------------------------------------------------------- changing */

static int64_t change_size(struct host *h, struct inode *i, uint64_t size)
{
    if ((int64_t)size < 0)
        return -EINVAL;
    return is_folder(i) ? -EISDIR : i->kind != INODE_FILE ? -EINVAL : inode_resize(h, i, size);
}

int64_t call_truncate(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t i = walk(h, t, AT_FDCWD, a[0], 0, NULL);
    if (i < 0)
        return i;
    int64_t rc = change_size(h, INODE((ref)i), a[1]);
    inode_drop(h, (ref)i);
    return rc;
}
int64_t call_ftruncate(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    return (f->flags & O_ACCMODE) == O_RDONLY || is_folder(INODE(f->inode))
               ? -EINVAL
               : change_size(h, INODE(f->inode), a[1]);
}

int64_t call_fallocate(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f || (f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    struct inode *i = INODE(f->inode);
    uint64_t end = a[2] + a[3];
    if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0 || end < a[2])
        return -EINVAL;
    if (i->kind != INODE_FILE)
        return is_folder(i) ? -EISDIR : -ENODEV;
    if (a[1] == 3) { /* PUNCH_HOLE | KEEP_SIZE */
        inode_punch(h, i, a[2], end < i->size ? end : i->size > a[2] ? i->size : a[2]);
        return 0;
    }
    if (a[1] > 1)
        return -EOPNOTSUPP;
    return a[1] || end <= i->size ? 0 : inode_resize(h, i, end);
}

static int64_t set_mode(struct host *h, int64_t r, uint64_t mode)
{
    if (r < 0)
        return r;
    struct inode *i = INODE((ref)r);
    i->mode = (i->mode & ~07777u) | (mode & 07777);
    i->ctime = wall(h);
    inode_drop(h, (ref)r);
    return 0;
}

static int64_t of_fd(struct host *h, struct task *t, uint64_t fd)
{
    struct file *f = fd_file(h, t, (int)fd);
    if (!f)
        return -EBADF;
    inode_hold(h, f->inode);
    return f->inode;
}

int64_t call_chmod(struct host *h, struct task *t, const uint64_t *a)
{
    return set_mode(h, walk(h, t, AT_FDCWD, a[0], 0, NULL), a[1]);
}
int64_t call_fchmod(struct host *h, struct task *t, const uint64_t *a)
{
    return set_mode(h, of_fd(h, t, a[0]), a[1]);
}
int64_t call_fchmodat(struct host *h, struct task *t, const uint64_t *a)
{
    return set_mode(h, walk(h, t, (int)a[0], a[1], 0, NULL), a[2]);
}

static int64_t set_owner(struct host *h, int64_t r, uint64_t uid, uint64_t gid)
{
    if (r < 0)
        return r;
    struct inode *i = INODE((ref)r);
    i->uid = (uint32_t)uid == UINT32_MAX ? i->uid : (uint32_t)uid;
    i->gid = (uint32_t)gid == UINT32_MAX ? i->gid : (uint32_t)gid;
    i->ctime = wall(h);
    inode_drop(h, (ref)r);
    return 0;
}
int64_t call_chown(struct host *h, struct task *t, const uint64_t *a)
{
    return set_owner(h, walk(h, t, AT_FDCWD, a[0], 0, NULL), a[1], a[2]);
}
int64_t call_fchown(struct host *h, struct task *t, const uint64_t *a)
{
    return set_owner(h, of_fd(h, t, a[0]), a[1], a[2]);
}
int64_t call_lchown(struct host *h, struct task *t, const uint64_t *a)
{
    return set_owner(h, walk(h, t, AT_FDCWD, a[0], WALK_NOFOLLOW, NULL), a[1], a[2]);
}
int64_t call_fchownat(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[4] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return set_owner(h, path_at(h, t, (int)a[0], a[1], (unsigned)a[4]), a[2], a[3]);
}

/* Everything is in memory: there is nothing to be written. */
int64_t call_sync(struct host *h, struct task *t, const uint64_t *a)
{
    return 0;
}
int64_t call_fsync(struct host *h, struct task *t, const uint64_t *a)
{
    const struct file *f = fd_file(h, t, (int)a[0]);
    unsigned kind = f ? INODE(f->inode)->kind : 0;
    return !f ? -EBADF : kind == INODE_FILE || kind == INODE_FOLDER ? 0 : -EINVAL;
}
int64_t call_fdatasync(struct host *h, struct task *t, const uint64_t *a)
{
    return call_fsync(h, t, a);
}
int64_t call_fadvise64(struct host *h, struct task *t, const uint64_t *a)
{
    const struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    if (INODE(f->inode)->kind == INODE_PIPE)
        return -ESPIPE;
    return a[3] > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}
int64_t call_readahead(struct host *h, struct task *t, const uint64_t *a)
{
    const struct file *f = fd_file(h, t, (int)a[0]);
    if (!f || (f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return INODE(f->inode)->kind == INODE_FILE ? 0 : -EINVAL;
}
int64_t call_syncfs(struct host *h, struct task *t, const uint64_t *a)
{
    return fd_file(h, t, (int)a[0]) ? 0 : -EBADF;
}

/* ---------------------------------------------------------------- folders */

static int64_t change_folder(struct host *h, struct task *t, int64_t r, bool root)
{
    struct folder_state *fs = at(h, t->folders);
    if (r < 0)
        return r;
    if (!is_folder(INODE((ref)r))) {
        inode_drop(h, (ref)r);
        return -ENOTDIR;
    }
    ref *to = root ? &fs->root : &fs->cwd;
    inode_drop(h, *to);
    *to = (ref)r;
    return 0;
}
int64_t call_chdir(struct host *h, struct task *t, const uint64_t *a)
{
    return change_folder(h, t, walk(h, t, AT_FDCWD, a[0], 0, NULL), false);
}
int64_t call_fchdir(struct host *h, struct task *t, const uint64_t *a)
{
    return change_folder(h, t, of_fd(h, t, a[0]), false);
}
int64_t call_chroot(struct host *h, struct task *t, const uint64_t *a)
{
    return change_folder(h, t, walk(h, t, AT_FDCWD, a[0], 0, NULL), true);
}

int64_t call_getcwd(struct host *h, struct task *t, const uint64_t *a)
{
    char path[4096] = "/proc";
    size_t n = path_of(h, ((struct folder_state *)at(h, t->folders))->cwd, path, sizeof path);
    n = n ? n : strlen(path);
    if (a[1] < n + 1)
        return -ERANGE;
    return put_user(h, t, a[0], path, n + 1) ? -EFAULT : (int64_t)n + 1;
}
int64_t call_umask(struct host *h, struct task *t, const uint64_t *a)
{
    struct folder_state *fs = at(h, t->folders);
    uint32_t old = fs->umask;
    fs->umask = (uint32_t)a[0] & 0777;
    return old;
}

struct dirent_head {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
} __attribute__((packed));

static uint8_t type_of(uint32_t mode)
{
    return (uint8_t)((mode & IFMT) >> 12);
}

/* The entry of a folder at a position, and the position of the next. */
static bool next_entry(struct host *h, const struct inode *dir, uint64_t *pos, char *name, uint64_t *ino,
                       uint8_t *type)
{
    uint32_t mode;
    if (*pos < 2) {
        strcpy(name, *pos ? ".." : ".");
        *ino = *pos && dir->parent ? INODE(dir->parent)->number : dir->number;
        *type = 4;
        ++*pos;
        return true;
    }
    if (dir->kind >= INODE_PROC) {
        *ino = dir->number + *pos;
        if (!proc_name(h, dir, *pos - 2, name, &mode))
            return false;
        *type = type_of(mode);
        ++*pos;
        return true;
    }
    const struct entry *e = folder_from(h, dir, *pos);
    if (!e)
        return false;
    strcpy(name, e->name);
    *ino = INODE(e->inode)->number;
    *type = type_of(INODE(e->inode)->mode);
    *pos = e->cookie + 1;
    return true;
}

int64_t call_getdents64(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    char name[256], out[320];
    uint64_t done = 0, ino, pos;
    uint8_t type;
    if (!f)
        return -EBADF;
    if (!is_folder(INODE(f->inode)))
        return -ENOTDIR;
    for (pos = f->pos; next_entry(h, INODE(f->inode), &pos, name, &ino, &type); f->pos = pos) {
        size_t len = (sizeof(struct dirent_head) + strlen(name) + 1 + 7) & ~7ull;
        struct dirent_head d = {ino, (int64_t)pos, (uint16_t)len, type};
        if (done + len > a[2])
            return done ? (int64_t)done : -EINVAL;
        memset(out, 0, sizeof out);
        memcpy(out, &d, sizeof d);
        strcpy(out + sizeof d, name);
        if (put_user(h, t, a[1] + done, out, len))
            return done ? (int64_t)done : -EFAULT;
        done += len;
    }
    return (int64_t)done;
}
