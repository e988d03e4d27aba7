/* copy.c - data that the host moves for a program: between files (sendfile(2), copy_file_range(2)) and between processes
 * (process_vm_readv(2)). */
#include <fcntl.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { BLOCK = PAGE, VECTORS = 1024, MOST = 0x7ffff000 }; /* MOST: bytes that one call moves */

/* ---------------------------------------------------------------- files */

/* Copies up to n bytes to the other file's position, or to a pipe as far as there is room. Both positions follow. */
static int64_t copy_file(struct host *h, struct file *in, uint64_t *from, struct file *out, uint64_t *to,
                         uint64_t n)
{
    uint8_t block[BLOCK];
    uint64_t done = 0;
    n = n < MOST ? n : MOST;
    const bool pipe = INODE(out->inode)->kind == INODE_PIPE;
    while (done < n) {
        size_t part = n - done < BLOCK ? (size_t)(n - done) : BLOCK;
        if (pipe && part > pipe_room(h, out))
            part = pipe_room(h, out);
        int64_t got = part ? inode_read(h, INODE(in->inode), *from, block, part) : 0;
        if (got > 0)
            got = pipe ? pipe_put(h, out, block, (size_t)got)
                       : inode_write(h, INODE(out->inode), *to, block, (size_t)got);
        if (got < 0 && !done)
            return got;
        if (got <= 0)
            break;
        *from += (uint64_t)got;
        *to += pipe ? 0 : (uint64_t)got;
        done += (uint64_t)got;
    }
    return (int64_t)done;
}

static bool readable(const struct file *f)
{
    return f && (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}
static bool writable(const struct file *f)
{
    return f && (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

/* Programs that are told EINVAL copy by read and write. */
int64_t call_sendfile(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *out = fd_file(h, t, (int)a[0]), *in = fd_file(h, t, (int)a[1]);
    if (!readable(in) || !writable(out))
        return -EBADF;
    const unsigned to = INODE(out->inode)->kind;
    if (INODE(in->inode)->kind != INODE_FILE || (to != INODE_FILE && to != INODE_PIPE))
        return -EINVAL;
    uint64_t pos = in->pos;
    if (a[2] && get_user(h, t, a[2], &pos, 8))
        return -EFAULT;
    if ((int64_t)pos < 0)
        return -EINVAL;
    if (to == INODE_PIPE && !pipe_room(h, out))
        return out->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(out->object), UINT64_MAX);
    int64_t done = copy_file(h, in, &pos, out, &out->pos, a[3]);
    if (a[2])
        return put_user(h, t, a[2], &pos, 8) ? -EFAULT : done;
    in->pos = pos;
    return done;
}

int64_t call_copy_file_range(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *in = fd_file(h, t, (int)a[0]), *out = fd_file(h, t, (int)a[2]);
    if (!readable(in) || !writable(out) || out->flags & O_APPEND)
        return -EBADF;
    if (a[5] || INODE(in->inode)->kind != INODE_FILE || INODE(out->inode)->kind != INODE_FILE)
        return -EINVAL;
    uint64_t from = in->pos, to = out->pos;
    if ((a[1] && get_user(h, t, a[1], &from, 8)) || (a[3] && get_user(h, t, a[3], &to, 8)))
        return -EFAULT;
    if ((int64_t)from < 0 || (int64_t)to < 0 ||
        (in->inode == out->inode && from < to + a[4] && to < from + a[4]))
        return -EINVAL; /* the ranges overlap */
    int64_t done = copy_file(h, in, &from, out, &to, a[4]);
    if ((a[1] && put_user(h, t, a[1], &from, 8)) || (a[3] && put_user(h, t, a[3], &to, 8)))
        return -EFAULT;
    if (!a[1])
        in->pos = from;
    if (!a[3])
        out->pos = to;
    return done;
}

/* ---------------------------------------------------------------- processes */

struct span { /* of a list of struct iovec in the caller's memory */
    uint64_t list, n, address, left;
};

/* Goes to the next part that is not empty. 1; 0 at the end; -EFAULT. */
static int next_span(struct host *h, struct task *t, struct span *s)
{
    uint64_t v[2];
    while (!s->left) {
        if (!s->n)
            return 0;
        if (get_user(h, t, s->list, v, sizeof v))
            return -EFAULT;
        s->list += 16;
        s->n--;
        s->address = v[0];
        s->left = v[1];
    }
    return 1;
}

static int64_t process_copy(struct host *h, struct task *t, const uint64_t *a, bool write)
{
    uint8_t block[BLOCK];
    struct span mine = {a[1], a[2], 0, 0}, theirs = {a[3], a[4], 0, 0};
    struct task *of = task_find(h, (int)a[0]);
    int64_t done = 0;
    int rc = 0;
    if (a[5] || mine.n > VECTORS || theirs.n > VECTORS)
        return -EINVAL;
    if (!of || !of->mm || of->state == TASK_ZOMBIE)
        return -ESRCH;
    while (done < MOST && (rc = next_span(h, t, &mine)) > 0 && (rc = next_span(h, t, &theirs)) > 0) {
        uint64_t n = mine.left < theirs.left ? mine.left : theirs.left;
        const uint64_t room =
            PAGE - theirs.address % PAGE; /* a page at a time: up to the first that is not there */
        n = n < room ? n : room;
        struct mm *m = MM(of->mm);
        rc = write ? get_user(h, t, mine.address, block, n) : user_read(h, m, theirs.address, block, n);
        if (!rc)
            rc = write ? user_write(h, m, theirs.address, block, n) : put_user(h, t, mine.address, block, n);
        if (rc)
            break;
        mine.address += n;
        mine.left -= n;
        theirs.address += n;
        theirs.left -= n;
        done += (int64_t)n;
    }
    return done || rc >= 0 ? done : -EFAULT;
}
int64_t call_process_vm_readv(struct host *h, struct task *t, const uint64_t *a)
{
    return process_copy(h, t, a, false);
}
int64_t call_process_vm_writev(struct host *h, struct task *t, const uint64_t *a)
{
    return process_copy(h, t, a, true);
}
