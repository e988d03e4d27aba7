/* pipe.c - pipes and FIFOs: pipe(7). */
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { CAPACITY = PIPE_CHUNKS * PAGE };

static ref pipe_new(struct host *h)
{
    return arena_new(h, sizeof(struct pipe));
}

/* Copies between a program and the ring, from ring position `from` on. */
static int ring_copy(struct host *h, struct task *t, struct pipe *p, uint32_t from, uint64_t user, size_t n,
                     bool out)
{
    for (size_t done = 0; done < n;) {
        uint32_t pos = (uint32_t)(from + done) % CAPACITY, off = pos % PAGE;
        size_t part = PAGE - off < n - done ? PAGE - off : n - done;
        ref *chunk = &p->chunk[pos / PAGE];
        if (!*chunk && !(*chunk = arena_new(h, PAGE)))
            return -ENOMEM;
        uint8_t *at_ = (uint8_t *)at(h, *chunk) + off;
        int rc = out ? put_user(h, t, user + done, at_, part) : get_user(h, t, user + done, at_, part);
        if (rc)
            return rc;
        done += part;
    }
    return 0;
}

int64_t pipe_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct pipe *p = PIPE(f->object);
    if (!n)
        return 0;
    if (!p->len && !p->writers)
        return 0;
    if (!p->len)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    assert(p->len <= CAPACITY && p->head < CAPACITY);
    uint32_t part = n < p->len ? (uint32_t)n : p->len;
    int rc = ring_copy(h, t, p, p->head, buf, part, true);
    if (rc)
        return rc;
    p->head = (p->head + part) % CAPACITY;
    p->len -= part;
    source_changed(h, &p->source, POLLOUT);
    return part;
}

int64_t pipe_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct pipe *p = PIPE(f->object);
    if (!p->readers) {
        struct info info = {.signo = SIGPIPE, .code = SI_USER, .pid = t->pid};
        signal_task(h, t, &info);
        return t->progress ? (int64_t)t->progress : -EPIPE;
    }
    assert(t->progress <= n && p->len <= CAPACITY);
    size_t left = n - t->progress, room = CAPACITY - p->len;
    size_t part = left < room ? left : room;
    if (left <= PIPE_BUF && room < left)
        part = 0; /* such writes are not divided */
    if (part) {
        int rc = ring_copy(h, t, p, p->head + p->len, buf + t->progress, part, false);
        if (rc)
            return t->progress ? (int64_t)t->progress : rc;
        p->len += (uint32_t)part;
        t->progress += part;
        source_changed(h, &p->source, POLLIN);
    }
    if (t->progress == n)
        return (int64_t)n;
    if (f->flags & O_NONBLOCK)
        return t->progress ? (int64_t)t->progress : -EAGAIN;
    return wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
}

unsigned pipe_poll(struct host *h, struct file *f)
{
    const struct pipe *p = PIPE(f->object);
    unsigned how = f->flags & O_ACCMODE, events = 0;
    if (how != O_WRONLY)
        events |= (p->len ? POLLIN | POLLRDNORM : 0) | (p->writers ? 0 : POLLHUP);
    if (how != O_RDONLY)
        events |= (CAPACITY - p->len >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0) | (p->readers ? 0 : POLLERR);
    return events;
}

void pipe_close(struct host *h, struct file *f)
{
    struct pipe *p = PIPE(f->object);
    unsigned how = f->flags & O_ACCMODE;
    assert(p->refs && (how == O_WRONLY || p->readers) && (how == O_RDONLY || p->writers));
    p->readers -= how != O_WRONLY;
    p->writers -= how != O_RDONLY;
    source_changed(h, &p->source, POLLHUP);
    if (--p->refs)
        return;
    for (unsigned i = 0; i < PIPE_CHUNKS; i++)
        if (p->chunk[i])
            arena_free(h, p->chunk[i], PAGE);
    arena_free(h, f->object, sizeof *p);
    INODE(f->inode)->data = 0;
}

size_t pipe_room(struct host *h, const struct file *f)
{
    return CAPACITY - PIPE(f->object)->len;
}

int64_t pipe_put(struct host *h, struct file *f, const void *data, size_t n)
{
    struct pipe *p = PIPE(f->object);
    const uint8_t *from = data;
    size_t done = 0;
    if (!p->readers)
        return -EPIPE;
    while (done < n && p->len < CAPACITY) {
        const uint32_t pos = (p->head + p->len) % CAPACITY;
        ref *chunk = &p->chunk[pos / PAGE];
        if (!*chunk && !(*chunk = arena_new(h, PAGE)))
            return -ENOMEM;
        size_t part = PAGE - pos % PAGE < n - done ? PAGE - pos % PAGE : n - done;
        part = part < CAPACITY - p->len ? part : CAPACITY - p->len;
        memcpy((uint8_t *)at(h, *chunk) + pos % PAGE, from + done, part);
        p->len += (uint32_t)part;
        done += part;
    }
    source_changed(h, &p->source, POLLIN);
    return (int64_t)done;
}

static void pipe_attach(struct host *h, struct file *f, ref pipe)
{
    struct pipe *p = PIPE(pipe);
    unsigned how = f->flags & O_ACCMODE;
    f->object = pipe;
    p->refs++;
    p->readers += how != O_WRONLY;
    p->writers += how != O_RDONLY;
    p->opens[0] += how != O_WRONLY;
    p->opens[1] += how != O_RDONLY;
}

/* fifo(7): an end that is there, or was since this one was opened, is enough. */
bool pipe_lacks(struct host *h, const struct file *f)
{
    const unsigned how = f->flags & O_ACCMODE;
    if (INODE(f->inode)->kind != INODE_PIPE || !f->object || f->flags & (O_NONBLOCK | O_PATH) ||
        how == O_RDWR)
        return false;
    const struct pipe *p = PIPE(f->object);
    return !(how == O_RDONLY ? p->writers : p->readers) && p->opens[how == O_RDONLY] == (uint32_t)f->pos;
}

/* A FIFO; a task that opens it waits for the other end afterwards. */
int64_t pipe_open(struct host *h, struct task *t, struct file *f)
{
    struct inode *i = INODE(f->inode);
    unsigned how = f->flags & O_ACCMODE;
    if (!i->data && !(i->data = pipe_new(h)))
        return -ENOMEM;
    if (how == O_WRONLY && f->flags & O_NONBLOCK && !PIPE(i->data)->readers)
        return -ENXIO;
    pipe_attach(h, f, i->data);
    f->pos = PIPE(i->data)->opens[how == O_RDONLY];
    source_changed(h, &PIPE(f->object)->source, 0);
    return 0;
}

static ref pipe_end(struct host *h, ref inode, ref pipe, uint32_t flags)
{
    ref f = file_new(h, inode, flags);
    if (f)
        pipe_attach(h, FILE_(f), pipe);
    return f;
}

static int64_t make_pipe(struct host *h, struct task *t, uint64_t to, uint32_t flags)
{
    int32_t fds[2];
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    ref inode = inode_new(h, INODE_PIPE, S_IFIFO | 0600), pipe = inode ? pipe_new(h) : 0;
    if (!pipe)
        return -ENFILE;
    INODE(inode)->data = pipe;
    ref r = pipe_end(h, inode, pipe, O_RDONLY | (flags & O_NONBLOCK));
    ref w = pipe_end(h, inode, pipe, O_WRONLY | (flags & O_NONBLOCK));
    inode_drop(h, inode);
    if (!r || !w)
        return -ENFILE;
    fds[0] = fd_new(h, t, r, 0, flags & O_CLOEXEC);
    fds[1] = fds[0] < 0 ? -EMFILE : fd_new(h, t, w, 0, flags & O_CLOEXEC);
    if (fds[0] < 0)
        file_drop(h, w);
    else if (fds[1] < 0)
        fd_close(h, t, fds[0]);
    if (fds[0] < 0 || fds[1] < 0)
        return -EMFILE;
    if (!put_user(h, t, to, fds, sizeof fds))
        return 0;
    fd_close(h, t, fds[0]);
    fd_close(h, t, fds[1]);
    return -EFAULT;
}

int64_t call_pipe(struct host *h, struct task *t, const uint64_t *a)
{
    return make_pipe(h, t, a[0], 0);
}
int64_t call_pipe2(struct host *h, struct task *t, const uint64_t *a)
{
    return make_pipe(h, t, a[0], (uint32_t)a[1]);
}
