/* rw.c - reading, writing and opening: read(2), write(2), open(2), lseek(2), dup(2), fcntl(2), ioctl(2). */
#include <asm/ioctls.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { CHUNK = 65536, IO_MAX = 0x7ffff000, IOVS = 1024 };

/* ---------------------------------------------------------------- devices without an object */

int64_t device_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    unsigned device = INODE(f->inode)->device;
    uint8_t block[256] = {0};
    if (device == 0x103)
        return 0;
    for (size_t done = 0; done < n;) {
        size_t part = n - done < sizeof block ? n - done : sizeof block;
        for (size_t i = 0; i < part && device >= 0x108; i += 8) {
            uint64_t v = random_next(h);
            memcpy(block + i, &v, 8);
        }
        if (put_user(h, t, buf + done, block, part))
            return done ? (int64_t)done : -EFAULT;
        done += part;
    }
    return (int64_t)n;
}

int64_t device_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    return INODE(f->inode)->device == 0x107 ? -ENOSPC : (int64_t)n;
}

/* ---------------------------------------------------------------- regular files */

static int64_t plain_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n,
                          uint64_t *pos)
{
    uint8_t block[PAGE];
    size_t done = 0;
    while (done < n) {
        size_t part = n - done < sizeof block ? n - done : sizeof block;
        int64_t got = inode_read(h, INODE(f->inode), *pos, block, part);
        if (got <= 0)
            return done ? (int64_t)done : got;
        if (put_user(h, t, buf + done, block, (size_t)got))
            return done ? (int64_t)done : -EFAULT;
        done += (size_t)got;
        *pos += (uint64_t)got;
    }
    return (int64_t)done;
}

static int64_t plain_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n,
                           uint64_t *pos)
{
    uint8_t block[PAGE];
    size_t done = 0;
    if (f->flags & O_APPEND)
        *pos = INODE(f->inode)->size;
    while (done < n) {
        size_t part = n - done < sizeof block ? n - done : sizeof block;
        if (get_user(h, t, buf + done, block, part))
            return done ? (int64_t)done : -EFAULT;
        int64_t got = inode_write(h, INODE(f->inode), *pos, block, part);
        if (got <= 0)
            return done ? (int64_t)done : got;
        done += (size_t)got;
        *pos += (uint64_t)got;
    }
    return (int64_t)done;
}

static int64_t event_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct event_counter *e = at(h, f->object);
    uint64_t v = e->semaphore ? 1 : e->count;
    if (n < 8)
        return -EINVAL;
    if (!e->count)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    if (put_user(h, t, buf, &v, 8))
        return -EFAULT;
    e->count -= v;
    source_changed(h, &e->source, POLLOUT);
    return 8;
}

static int64_t event_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct event_counter *e = at(h, f->object);
    uint64_t v;
    if (n < 8)
        return -EINVAL;
    if (get_user(h, t, buf, &v, 8))
        return -EFAULT;
    if (v == UINT64_MAX)
        return -EINVAL;
    if (e->count + v < v || e->count + v == UINT64_MAX)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    e->count += v;
    source_changed(h, &e->source, POLLIN);
    return 8;
}

static int64_t timer_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct timer_file *tf = at(h, f->object);
    if (n < 8)
        return -EINVAL;
    if (!tf->expired)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    if (put_user(h, t, buf, &tf->expired, 8))
        return -EFAULT;
    tf->expired = 0;
    return 8;
}

static int64_t read_at(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n, uint64_t *pos)
{
    const struct inode *i = INODE(f->inode);
    if ((f->flags & O_ACCMODE) == O_WRONLY || f->flags & O_PATH)
        return -EBADF;
    n = n < IO_MAX ? n : IO_MAX;
    if (S_ISDIR(i->mode))
        return -EISDIR;
    switch (i->kind) {
    case INODE_FILE:
        return plain_read(h, t, f, buf, n, pos);
    case INODE_PIPE:
        return pipe_read(h, t, f, buf, n);
    case INODE_SOCKET:
        return socket_read(h, t, f, buf, n);
    case INODE_DEVICE:
        return (f->object ? tty_read : device_read)(h, t, f, buf, n);
    case INODE_EVENT:
        return event_read(h, t, f, buf, n);
    case INODE_TIMER:
        return timer_read(h, t, f, buf, n);
    case INODE_SIGNAL:
        return signal_file_read(h, t, f, buf, n);
    default:
        return -EINVAL;
    }
}

static int64_t write_at(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n, uint64_t *pos)
{
    if ((f->flags & O_ACCMODE) == O_RDONLY || f->flags & O_PATH)
        return -EBADF;
    n = n < IO_MAX ? n : IO_MAX;
    switch (INODE(f->inode)->kind) {
    case INODE_FILE:
        return plain_write(h, t, f, buf, n, pos);
    case INODE_PIPE:
        return pipe_write(h, t, f, buf, n);
    case INODE_SOCKET:
        return socket_write(h, t, f, buf, n);
    case INODE_DEVICE:
        return (f->object ? tty_write : device_write)(h, t, f, buf, n);
    case INODE_EVENT:
        return event_write(h, t, f, buf, n);
    default:
        return -EINVAL;
    }
}

int64_t call_read(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    return f ? read_at(h, t, f, a[1], a[2], &f->pos) : -EBADF;
}
int64_t call_write(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    return f ? write_at(h, t, f, a[1], a[2], &f->pos) : -EBADF;
}

static bool seekable(struct host *h, const struct file *f)
{
    unsigned kind = INODE(f->inode)->kind;
    return kind == INODE_FILE || S_ISDIR(INODE(f->inode)->mode) || (kind == INODE_DEVICE && !f->object);
}

static int64_t positioned(struct host *h, struct task *t, const uint64_t *a, bool out)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    uint64_t pos = a[3];
    if (!f)
        return -EBADF;
    if ((int64_t)pos < 0)
        return -EINVAL;
    return seekable(h, f) ? (out ? write_at : read_at)(h, t, f, a[1], a[2], &pos) : -ESPIPE;
}
int64_t call_pread64(struct host *h, struct task *t, const uint64_t *a)
{
    return positioned(h, t, a, false);
}
int64_t call_pwrite64(struct host *h, struct task *t, const uint64_t *a)
{
    return positioned(h, t, a, true);
}

/* ---------------------------------------------------------------- vectors */

/* One part after the other. What blocks, does so in the first part, or after as much as could be done. */
static int64_t vector(struct host *h, struct task *t, struct file *f, uint64_t list, uint64_t n, bool out,
                      uint64_t *pos)
{
    uint64_t v[2], done = 0, before = t->progress;
    if (n > IOVS)
        return -EINVAL;
    for (uint64_t i = 0; i < n; i++) {
        if (get_user(h, t, list + 16 * i, v, sizeof v))
            return done ? (int64_t)done : -EFAULT;
        if ((int64_t)v[1] < 0)
            return -EINVAL;
        if (!v[1])
            continue;
        if (before >= v[1]) { /* done when it blocked */
            before -= v[1];
            done += v[1];
            continue;
        }
        t->progress = before;
        before = 0;
        int64_t got = (out ? write_at : read_at)(h, t, f, v[0], v[1], pos);
        if (got == BLOCKS && (!done || out)) {
            t->progress += done;
            return BLOCKS;
        }
        t->progress = 0;
        if (got < 0)
            return done ? (int64_t)done : got;
        done += (uint64_t)got;
        if ((uint64_t)got < v[1])
            break;
        if (!out && INODE(f->inode)->kind != INODE_FILE && INODE(f->inode)->kind != INODE_DEVICE &&
            !(file_poll(h, f) & POLLIN))
            break; /* the rest would block */
        if (!out && f->object)
            break;
    }
    return (int64_t)done;
}

int64_t call_readv(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    return f ? vector(h, t, f, a[1], a[2], false, &f->pos) : -EBADF;
}
int64_t call_writev(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    return f ? vector(h, t, f, a[1], a[2], true, &f->pos) : -EBADF;
}

static int64_t vector_at(struct host *h, struct task *t, const uint64_t *a, bool out)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    uint64_t pos = a[3];
    if (!f)
        return -EBADF;
    if ((int64_t)pos < 0)
        return -EINVAL;
    return seekable(h, f) ? vector(h, t, f, a[1], a[2], out, &pos) : -ESPIPE;
}
int64_t call_preadv(struct host *h, struct task *t, const uint64_t *a)
{
    return vector_at(h, t, a, false);
}
int64_t call_pwritev(struct host *h, struct task *t, const uint64_t *a)
{
    return vector_at(h, t, a, true);
}

/* With flags, of which none is known; -1 is the file's own position. */
static int64_t vector_flags(struct host *h, struct task *t, const uint64_t *a, bool out)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    if (a[5])
        return -EOPNOTSUPP;
    return a[3] == UINT64_MAX ? vector(h, t, f, a[1], a[2], out, &f->pos) : vector_at(h, t, a, out);
}
int64_t call_preadv2(struct host *h, struct task *t, const uint64_t *a)
{
    return vector_flags(h, t, a, false);
}
int64_t call_pwritev2(struct host *h, struct task *t, const uint64_t *a)
{
    return vector_flags(h, t, a, true);
}

/* ---------------------------------------------------------------- opening and closing */

static int64_t do_open(struct host *h, struct task *t, int dirfd, uint64_t path_at, uint64_t flags,
                       uint64_t mode)
{
    char path[4096];
    ref f = t->opening;
    if (!f) {
        int rc = user_string(h, MM(t->mm), path_at, path, sizeof path);
        if (rc < 0 || (rc = file_open(h, t, dirfd, path, (uint32_t)flags, (uint32_t)mode, &f)))
            return rc;
    }
    t->opening = 0;
    if (!pipe_lacks(h, FILE_(f)))
        return fd_new(h, t, f, 0, flags & O_CLOEXEC);
    t->opening = f;
    return wait_for(t, KEY_OBJECT(FILE_(f)->object), UINT64_MAX);
}

int64_t call_open(struct host *h, struct task *t, const uint64_t *a)
{
    return do_open(h, t, AT_FDCWD, a[0], a[1], a[2]);
}
int64_t call_openat(struct host *h, struct task *t, const uint64_t *a)
{
    return do_open(h, t, (int)a[0], a[1], a[2], a[3]);
}
int64_t call_creat(struct host *h, struct task *t, const uint64_t *a)
{
    return do_open(h, t, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1]);
}
int64_t call_close(struct host *h, struct task *t, const uint64_t *a)
{
    return fd_close(h, t, (int)a[0]);
}

int64_t call_close_range(struct host *h, struct task *t, const uint64_t *a)
{
    if ((uint32_t)a[0] > (uint32_t)a[1] || a[2] & ~6ull)
        return -EINVAL;
    for (uint32_t fd = (uint32_t)a[0]; fd <= (uint32_t)a[1] && fd < FD_MAX; fd++) {
        struct fd_entry *e = fd_entry(h, FILES(t->files), fd);
        if (e && e->file && a[2] & 4)
            e->cloexec = 1;
        else if (e && e->file)
            fd_close(h, t, (int)fd);
    }
    return 0;
}

static int64_t dup_to(struct host *h, struct task *t, const uint64_t *a, bool cloexec)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    ref self = f ? ref_of(h, f) : 0;
    if (!f || (uint32_t)a[1] >= FD_MAX || (uint32_t)a[1] >= GROUP(t->group)->limit[7][0])
        return -EBADF;
    file_hold(h, self);
    fd_close(h, t, (int)a[1]);
    return fd_new(h, t, self, (uint32_t)a[1], cloexec);
}

int64_t call_dup(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    file_hold(h, ref_of(h, f));
    return fd_new(h, t, ref_of(h, f), 0, false);
}
int64_t call_dup2(struct host *h, struct task *t, const uint64_t *a)
{
    if ((int)a[0] == (int)a[1])
        return fd_file(h, t, (int)a[0]) ? (int)a[1] : -EBADF;
    return dup_to(h, t, a, false);
}
int64_t call_dup3(struct host *h, struct task *t, const uint64_t *a)
{
    if ((int)a[0] == (int)a[1] || a[2] & ~(uint64_t)O_CLOEXEC)
        return -EINVAL;
    return dup_to(h, t, a, a[2] & O_CLOEXEC);
}

int64_t call_lseek(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    if (!seekable(h, f))
        return -ESPIPE;
    int64_t size = (int64_t)INODE(f->inode)->size, base;
    switch (a[2]) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (int64_t)f->pos;
        break;
    case SEEK_END:
        base = size;
        break;
    case SEEK_DATA: /* a file without holes */
    case SEEK_HOLE:
        if ((int64_t)a[1] >= size || (int64_t)a[1] < 0)
            return -ENXIO;
        return (int64_t)(f->pos = a[2] == SEEK_DATA ? a[1] : (uint64_t)size);
    default:
        return -EINVAL;
    }
    if (base + (int64_t)a[1] < 0)
        return -EINVAL;
    f->pos = (uint64_t)(base + (int64_t)a[1]);
    return (int64_t)f->pos;
}

/* ---------------------------------------------------------------- fcntl, ioctl, flock */

static int64_t set_flags(struct host *h, struct file *f, uint32_t flags)
{
    const uint32_t settable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
    file_async(h, f, flags & O_ASYNC);
    f->flags = (f->flags & ~settable) | (flags & settable);
    return 0;
}

static int64_t owner_ex(struct host *h, struct task *t, struct file *f, uint64_t at_, bool set)
{
    int32_t v[2] = {f->owner < 0 ? 2 : (int32_t)f->owner_kind, f->owner < 0 ? -f->owner : f->owner};
    if (!set)
        return put_user(h, t, at_, v, sizeof v);
    if (get_user(h, t, at_, v, sizeof v))
        return -EFAULT;
    if (v[0] < 0 || v[0] > 2)
        return -EINVAL;
    f->owner_kind = (uint32_t)v[0];
    f->owner = v[0] == 2 ? -v[1] : v[1];
    return 0;
}

/* Record locks lock the whole file. */
static int64_t record_lock(struct host *h, struct task *t, struct file *f, uint64_t cmd, uint64_t at_)
{
    struct inode *i = INODE(f->inode);
    struct flock l;
    if (get_user(h, t, at_, &l, sizeof l))
        return -EFAULT;
    uint32_t me = (uint32_t)GROUP(t->group)->pid;
    if (cmd == F_GETLK) {
        l.l_type = F_UNLCK;
        return put_user(h, t, at_, &l, sizeof l);
    }
    if (l.l_type == F_UNLCK) {
        i->lock_pid = i->lock_pid == me ? 0 : i->lock_pid;
        return 0;
    }
    if (i->lock_pid && i->lock_pid != me && group_find(h, (int)i->lock_pid))
        return cmd == F_SETLK ? -EAGAIN : wait_for(t, KEY_ANY_FILE, UINT64_MAX);
    i->lock_pid = me;
    return 0;
}

int64_t call_fcntl(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    if (!f)
        return -EBADF;
    struct fd_entry *e = fd_entry(h, FILES(t->files), (uint32_t)a[0]);
    switch (a[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if ((uint32_t)a[2] >= FD_MAX)
            return -EINVAL;
        file_hold(h, ref_of(h, f));
        return fd_new(h, t, ref_of(h, f), (uint32_t)a[2], a[1] == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return e->cloexec;
    case F_SETFD:
        e->cloexec = a[2] & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return f->flags | 0100000; /* O_LARGEFILE */
    case F_SETFL:
        return set_flags(h, f, (uint32_t)a[2]);
    case F_SETOWN:
        f->owner = (int32_t)a[2];
        f->owner_kind = 1;
        return 0;
    case F_GETOWN:
        return f->owner;
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return owner_ex(h, t, f, a[2], a[1] == F_SETOWN_EX);
    case F_SETSIG:
        if (a[2] > NSIG_HOST)
            return -EINVAL;
        f->signal = (uint32_t)a[2];
        return 0;
    case F_GETSIG:
        return f->signal;
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK:
        return record_lock(h, t, f, a[1], a[2]);
    case F_GETPIPE_SZ:
        return INODE(f->inode)->kind == INODE_PIPE ? PIPE_CHUNKS * PAGE : -EBADF;
    default:
        report_missing(h, "fcntl operation", a[1], a[2]);
        return -EINVAL;
    }
}

int64_t call_ioctl(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    int32_t n;
    if (!f)
        return -EBADF;
    if (a[1] == FIOCLEX || a[1] == FIONCLEX) {
        fd_entry(h, FILES(t->files), (uint32_t)a[0])->cloexec = a[1] == FIOCLEX;
        return 0;
    }
    if (a[1] == FIONBIO || a[1] == FIOASYNC) {
        if (get_user(h, t, a[2], &n, 4))
            return -EFAULT;
        if (a[1] == FIOASYNC)
            file_async(h, f, n);
        else
            f->flags = n ? f->flags | O_NONBLOCK : f->flags & ~(uint32_t)O_NONBLOCK;
        return 0;
    }
    unsigned kind = INODE(f->inode)->kind;
    if (kind == INODE_DEVICE && f->object)
        return tty_ioctl(h, t, f, (uint32_t)a[1], a[2]);
    if (a[1] == FIONREAD) {
        n = kind == INODE_PIPE     ? (int32_t)PIPE(f->object)->len
            : kind == INODE_SOCKET ? (int32_t)SOCKET(f->object)->bytes
                                   : (int32_t)(INODE(f->inode)->size - f->pos);
        return put_user(h, t, a[2], &n, 4);
    }
    return -ENOTTY;
}

int64_t call_flock(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    unsigned op = a[1] & ~(uint64_t)LOCK_NB;
    if (!f)
        return -EBADF;
    if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
        return -EINVAL;
    struct inode *i = INODE(f->inode);
    ref self = ref_of(h, f);
    if (op == LOCK_UN) {
        if (i->lock_owner == self)
            i->lock_owner = 0;
        wake(h, KEY_ANY_FILE);
        return 0;
    }
    bool shared = i->lock_kind == LOCK_SH && op == LOCK_SH;
    if (i->lock_owner && i->lock_owner != self && !shared)
        return a[1] & LOCK_NB ? -EAGAIN : wait_for(t, KEY_ANY_FILE, UINT64_MAX);
    i->lock_owner = self;
    i->lock_kind = op;
    return 0;
}

int64_t call_eventfd2(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | 1))
        return -EINVAL;
    ref f = file_of_object(h, INODE_EVENT, sizeof(struct event_counter), (uint32_t)a[1]);
    if (!f)
        return -ENOMEM;
    *(struct event_counter *)at(h, FILE_(f)->object) =
        (struct event_counter){.count = (uint32_t)a[0], .semaphore = a[1] & 1};
    return fd_new(h, t, f, 0, a[1] & O_CLOEXEC);
}
int64_t call_eventfd(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[2] = {a[0], 0};
    return call_eventfd2(h, t, b);
}
