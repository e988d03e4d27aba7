/* times.c - the times of files, and their extended attributes: utimensat(2), xattr(7). */
#include <fcntl.h>
#include <sys/stat.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

#define SECOND 1000000000ull

/* Sets access and modification times from two of struct timespec, drops the inode. */
static int64_t set_times(struct host *h, int64_t r, const int64_t v[4])
{
    if (r < 0)
        return r;
    struct inode *i = INODE((ref)r);
    uint64_t *to[2] = {&i->atime, &i->mtime};
    int64_t rc = 0;
    for (unsigned k = 0; k < 2; k++)
        if ((v[2 * k + 1] < 0 || v[2 * k + 1] >= (int64_t)SECOND) && v[2 * k + 1] != UTIME_OMIT &&
            v[2 * k + 1] != UTIME_NOW)
            rc = -EINVAL;
    for (unsigned k = 0; k < 2 && !rc; k++)
        if (v[2 * k + 1] != UTIME_OMIT)
            *to[k] =
                v[2 * k + 1] == UTIME_NOW ? wall(h) : (uint64_t)v[2 * k] * SECOND + (uint64_t)v[2 * k + 1];
    inode_drop(h, (ref)r);
    return rc;
}

int64_t call_utimensat(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t v[4] = {0, UTIME_NOW, 0, UTIME_NOW};
    if (a[2] && get_user(h, t, a[2], v, sizeof v))
        return -EFAULT;
    if (a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return set_times(h, path_at(h, t, (int)a[0], a[1], (unsigned)a[3] | (a[1] ? 0 : AT_EMPTY_PATH)), v);
}

/* In microseconds. */
int64_t call_futimesat(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t v[4] = {0, UTIME_NOW, 0, UTIME_NOW};
    if (a[2]) {
        if (get_user(h, t, a[2], v, sizeof v))
            return -EFAULT;
        if (v[1] < 0 || v[1] >= 1000000 || v[3] < 0 || v[3] >= 1000000)
            return -EINVAL;
        v[1] *= 1000;
        v[3] *= 1000;
    }
    return set_times(h, path_at(h, t, (int)a[0], a[1], a[1] ? 0 : AT_EMPTY_PATH), v);
}
int64_t call_utimes(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[3] = {(uint64_t)AT_FDCWD, a[0], a[1]};
    return call_futimesat(h, t, b);
}

/* In seconds. */
int64_t call_utime(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t v[4] = {0, UTIME_NOW, 0, UTIME_NOW};
    if (a[1]) {
        if (get_user(h, t, a[1], v, 16))
            return -EFAULT;
        v[2] = v[1];
        v[1] = v[3] = 0;
    }
    return set_times(h, path_at(h, t, AT_FDCWD, a[0], 0), v);
}

/* ---------------------------------------------------------------- extended attributes: no file has any */

static int64_t no_attribute(struct host *h, int64_t inode, int64_t result)
{
    if (inode > 0)
        inode_drop(h, (ref)inode);
    return inode < 0 ? inode : result;
}
int64_t call_getxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return no_attribute(h, path_at(h, t, AT_FDCWD, a[0], 0), -ENODATA);
}
int64_t call_lgetxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return no_attribute(h, path_at(h, t, AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW), -ENODATA);
}
int64_t call_fgetxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return fd_file(h, t, (int)a[0]) ? -ENODATA : -EBADF;
}
int64_t call_listxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return no_attribute(h, path_at(h, t, AT_FDCWD, a[0], 0), 0);
}
int64_t call_llistxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return no_attribute(h, path_at(h, t, AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW), 0);
}
int64_t call_flistxattr(struct host *h, struct task *t, const uint64_t *a)
{
    return fd_file(h, t, (int)a[0]) ? 0 : -EBADF;
}
