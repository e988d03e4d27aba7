/* signalfd.c - signals that are read from a file: signalfd(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

/* `seen`: those that were pending when the file was polled last. */
struct signal_file {
    struct source source;
    uint64_t mask, seen;
};

enum { POLL_CODES = 6 };

/* What of the information there is depends on who sent the signal: siginfo_layout() in kernel/signal.c of Linux. */
static void describe(struct signalfd_siginfo *s, const struct info *i)
{
    *s = (struct signalfd_siginfo){
        .ssi_signo = (uint32_t)i->signo, .ssi_errno = i->error, .ssi_code = i->code};
    const bool from_kernel = i->code > SI_USER && i->code < SI_KERNEL,
               child = from_kernel && i->signo == SIGCHLD;
    const bool fault = from_kernel && (i->signo == SIGSEGV || i->signo == SIGBUS || i->signo == SIGILL ||
                                       i->signo == SIGFPE || i->signo == SIGTRAP);
    if (i->code == SI_TIMER) {
        s->ssi_tid = (uint32_t)i->timer;
        s->ssi_overrun = (uint32_t)i->overrun;
        s->ssi_ptr = i->timer_value;
        s->ssi_int = (int32_t)i->timer_value;
    } else if (fault) {
        s->ssi_addr = i->address;
    } else if (i->code == SI_SIGIO || (from_kernel && !child && i->code <= POLL_CODES)) {
        s->ssi_band = (uint32_t)i->band;
        s->ssi_fd = i->fd;
    } else {
        s->ssi_pid = (uint32_t)i->pid;
        s->ssi_uid = (uint32_t)i->uid;
        s->ssi_status = child ? i->status : 0;
        s->ssi_ptr = i->code < 0 ? i->value : 0;
        s->ssi_int = i->code < 0 ? (int32_t)i->value : 0;
    }
}

int64_t signal_file_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    const struct signal_file *sf = at(h, f->object);
    struct signalfd_siginfo s;
    struct info info;
    size_t done = 0;
    if (n < sizeof s)
        return -EINVAL;
    for (; n - done >= sizeof s && signal_take(h, t, sf->mask, &info); done += sizeof s) {
        describe(&s, &info);
        if (put_user(h, t, buf + done, &s, sizeof s))
            return done ? (int64_t)done : -EFAULT;
    }
    if (done)
        return (int64_t)done;
    return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_ANY_FILE, UINT64_MAX);
}

/* A task that polls sees its own signals. */
unsigned signal_file_poll(struct host *h, struct file *f)
{
    struct signal_file *sf = at(h, f->object);
    struct task *t = current(h);
    const uint64_t pending = t ? signals_pending(h, t) & sf->mask : 0;
    sf->source.seq += (pending & ~sf->seen) != 0;
    sf->seen = pending;
    return pending ? POLLIN : 0;
}

void signal_file_close(struct host *h, struct file *f)
{
    arena_free(h, f->object, sizeof(struct signal_file));
}

static int64_t set_mask(struct host *h, struct task *t, int fd, uint64_t mask)
{
    struct file *f = fd_file(h, t, fd);
    if (!f)
        return -EBADF;
    if (INODE(f->inode)->kind != INODE_SIGNAL)
        return -EINVAL;
    ((struct signal_file *)at(h, f->object))->mask = mask;
    wake(h, KEY_ANY_FILE);
    return fd;
}

static int64_t signalfd_at(struct host *h, struct task *t, int fd, uint64_t mask, uint32_t flags)
{
    if (fd != -1)
        return set_mask(h, t, fd, mask);
    ref f = file_of_object(h, INODE_SIGNAL, sizeof(struct signal_file), flags);
    if (!f)
        return -ENOMEM;
    ((struct signal_file *)at(h, FILE_(f)->object))->mask = mask;
    return fd_new(h, t, f, 0, flags & SFD_CLOEXEC);
}

int64_t call_signalfd4(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t mask;
    if (a[3] & ~(uint64_t)(SFD_CLOEXEC | SFD_NONBLOCK) || a[2] != sizeof mask)
        return -EINVAL;
    if (get_user(h, t, a[1], &mask, sizeof mask))
        return -EFAULT;
    mask &= ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
    return signalfd_at(h, t, (int)a[0], mask, (uint32_t)a[3]);
}

int64_t call_signalfd(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[4] = {a[0], a[1], a[2], 0};
    return call_signalfd4(h, t, b);
}
