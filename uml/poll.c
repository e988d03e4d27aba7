/* poll.c - waiting for several files: poll(2), select(2), epoll(7). */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { SETS = 1024 / 64 };

/* A set of blocked signals for the time of a call, as ppoll() has it. -EINVAL for a wrong size. */
static int swap_mask(struct host *h, struct task *t, uint64_t at_, uint64_t size)
{
    uint64_t mask;
    if (!at_ || t->again)
        return 0;
    if (size != 8)
        return -EINVAL;
    if (get_user(h, t, at_, &mask, 8))
        return -EFAULT;
    t->saved_mask = t->mask;
    t->mask_saved = 1;
    t->mask = mask & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
    return 0;
}

/* ---------------------------------------------------------------- poll */

static int64_t poll_once(struct host *h, struct task *t, uint64_t fds, uint64_t n)
{
    struct pollfd p;
    int64_t ready = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (get_user(h, t, fds + i * sizeof p, &p, sizeof p))
            return -EFAULT;
        struct file *f = fd_file(h, t, p.fd);
        p.revents = 0;
        if (p.fd >= 0)
            p.revents = (short)(f ? file_poll(h, f) & ((unsigned)p.events | POLLERR | POLLHUP) : POLLNVAL);
        ready += p.revents != 0;
        if (put_user(h, t, fds + i * sizeof p, &p, sizeof p))
            return -EFAULT;
    }
    return ready;
}

static int64_t do_poll(struct host *h, struct task *t, uint64_t fds, uint64_t n, uint64_t ns)
{
    if (n > GROUP(t->group)->limit[7][0])
        return -EINVAL;
    uint64_t deadline = ns == UINT64_MAX ? UINT64_MAX : deadline_after(h, t, ns);
    int64_t ready = poll_once(h, t, fds, n);
    if (ready || !ns || timed_out(h, t))
        return ready;
    return wait_for(t, KEY_ANY_FILE, deadline);
}

int64_t call_poll(struct host *h, struct task *t, const uint64_t *a)
{
    int ms = (int)a[2];
    return do_poll(h, t, a[0], (uint32_t)a[1], ms < 0 ? UINT64_MAX : (uint64_t)ms * 1000000);
}
int64_t call_ppoll(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t ns = UINT64_MAX;
    int rc = a[2] ? time_get(h, t, a[2], &ns) : 0;
    if (rc || (rc = swap_mask(h, t, a[3], a[4])))
        return rc;
    return do_poll(h, t, a[0], (uint32_t)a[1], ns);
}

/* ---------------------------------------------------------------- select */

static int64_t select_once(struct host *h, struct task *t, unsigned n, const uint64_t sets[3],
                           uint64_t out[3][SETS])
{
    static const unsigned what[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};
    uint64_t in[3][SETS] = {{0}};
    int64_t ready = 0;
    size_t bytes = (n + 63) / 64 * 8;
    for (unsigned s = 0; s < 3; s++)
        if (sets[s] && get_user(h, t, sets[s], in[s], bytes))
            return -EFAULT;
    for (unsigned fd = 0; fd < n; fd++)
        for (unsigned s = 0; s < 3; s++) {
            if (!(in[s][fd / 64] >> fd % 64 & 1))
                continue;
            struct file *f = fd_file(h, t, (int)fd);
            if (!f)
                return -EBADF;
            if (file_poll(h, f) & what[s]) {
                out[s][fd / 64] |= 1ull << fd % 64;
                ready++;
            }
        }
    return ready;
}

static int64_t do_select(struct host *h, struct task *t, const uint64_t *a, uint64_t ns)
{
    uint64_t out[3][SETS] = {{0}};
    if ((int)a[0] < 0)
        return -EINVAL;
    unsigned n = (unsigned)a[0] < SETS * 64 ? (unsigned)a[0] : SETS * 64;
    if (n > FILES(t->files)->room)
        n = FILES(t->files)->room;
    uint64_t deadline = ns == UINT64_MAX ? UINT64_MAX : deadline_after(h, t, ns);
    int64_t ready = select_once(h, t, n, a + 1, out);
    if (!ready && ns && !timed_out(h, t))
        return wait_for(t, KEY_ANY_FILE, deadline);
    for (unsigned s = 0; s < 3 && ready >= 0; s++)
        if (a[1 + s] && put_user(h, t, a[1 + s], out[s], (n + 63) / 64 * 8))
            return -EFAULT;
    return ready;
}

int64_t call_select(struct host *h, struct task *t, const uint64_t *a)
{
    int64_t v[2];
    uint64_t ns = UINT64_MAX;
    if (a[4] && get_user(h, t, a[4], v, sizeof v))
        return -EFAULT;
    if (a[4] && (v[0] < 0 || v[1] < 0))
        return -EINVAL;
    if (a[4])
        ns = (uint64_t)v[0] * 1000000000 + (uint64_t)v[1] * 1000;
    int64_t rc = do_select(h, t, a, ns);
    if (a[4] && rc != BLOCKS) { /* Linux says how much time is left */
        uint64_t left = t->again && t->deadline != UINT64_MAX && t->deadline > now(h) ? t->deadline - now(h)
                        : t->again                                                    ? 0
                                                                                      : ns;
        v[0] = (int64_t)(left / 1000000000);
        v[1] = (int64_t)(left % 1000000000 / 1000);
        put_user(h, t, a[4], v, sizeof v);
    }
    return rc;
}

int64_t call_pselect6(struct host *h, struct task *t, const uint64_t *a)
{
    uint64_t ns = UINT64_MAX, mask[2] = {0, 0};
    int rc = a[4] ? time_get(h, t, a[4], &ns) : 0;
    if (!rc && a[5])
        rc = get_user(h, t, a[5], mask, sizeof mask);
    if (rc || (rc = swap_mask(h, t, mask[0], mask[1])))
        return rc;
    return do_select(h, t, a, ns);
}

/* ---------------------------------------------------------------- epoll */

#define EPOLL(r) ((struct epoll *)at(h, r))
#define WATCH(r) ((struct watch *)at(h, r))

int64_t call_epoll_create1(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[0] & ~(uint64_t)EPOLL_CLOEXEC)
        return -EINVAL;
    ref f = file_of_object(h, INODE_EPOLL, sizeof(struct epoll), 0);
    return f ? fd_new(h, t, f, 0, a[0] & EPOLL_CLOEXEC) : -ENOMEM;
}
int64_t call_epoll_create(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[1] = {0};
    return (int)a[0] <= 0 ? -EINVAL : call_epoll_create1(h, t, b);
}

static void remove_watch(struct host *h, struct epoll *e, ref *link)
{
    ref gone = *link;
    *link = WATCH(gone)->next;
    arena_free(h, gone, sizeof(struct watch));
}

void epoll_close(struct host *h, struct file *f)
{
    struct epoll *e = EPOLL(f->object);
    while (e->watches)
        remove_watch(h, e, &e->watches);
    arena_free(h, f->object, sizeof *e);
}

/* All epoll sets are found by the descriptors of all tasks; closing a file is rare enough. */
void epoll_forget(struct host *h, ref file)
{
    for (ref r = h->r.tasks; r; r = TASK(r)->next) {
        for (unsigned fd = 0; TASK(r)->files && fd < FD_MAX; fd++) {
            if (fd % FD_CHUNK == 0 && !FILES(TASK(r)->files)->chunk[fd / FD_CHUNK])
                break;
            struct file *f = fd_file(h, TASK(r), (int)fd);
            if (!f || INODE(f->inode)->kind != INODE_EPOLL)
                continue;
            for (ref *link = &EPOLL(f->object)->watches; *link;)
                if (WATCH(*link)->file == file)
                    remove_watch(h, EPOLL(f->object), link);
                else
                    link = &WATCH(*link)->next;
        }
    }
}

/* What a watch would report. */
static unsigned watch_events(struct host *h, struct watch *w, bool take)
{
    struct file *f = FILE_(w->file);
    unsigned events = file_poll(h, f) & (w->events | EPOLLERR | EPOLLHUP);
    const struct source *s = file_source(h, f);
    if (!(w->events & ~(EPOLLET | EPOLLONESHOT)) || !events)
        return 0;
    if (w->events & EPOLLET && w->reported && (!s || s->seq == w->seq))
        return 0;
    if (take) {
        w->reported = 1;
        w->seq = s ? s->seq : 0;
        if (w->events & EPOLLONESHOT)
            w->events &= EPOLLONESHOT | EPOLLET;
    }
    return events;
}

unsigned epoll_poll(struct host *h, struct file *f)
{
    for (ref r = EPOLL(f->object)->watches; r; r = WATCH(r)->next)
        if (watch_events(h, WATCH(r), false))
            return POLLIN | POLLRDNORM;
    return 0;
}

static bool can_watch(struct host *h, const struct file *f)
{
    unsigned kind = INODE(f->inode)->kind;
    bool random =
        kind == INODE_DEVICE && (INODE(f->inode)->device == 0x108 || INODE(f->inode)->device == 0x109);
    return random || (f->object && kind != INODE_FILE && kind != INODE_FOLDER);
}

int64_t call_epoll_ctl(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]), *to = fd_file(h, t, (int)a[2]);
    struct epoll_event ev = {0};
    if (!f || !to)
        return -EBADF;
    if (a[1] != EPOLL_CTL_DEL && get_user(h, t, a[3], &ev, sizeof ev))
        return -EFAULT;
    if (INODE(f->inode)->kind != INODE_EPOLL || f == to)
        return -EINVAL;
    if (!can_watch(h, to))
        return -EPERM;
    ref *link = &EPOLL(f->object)->watches;
    while (*link && (WATCH(*link)->file != ref_of(h, to) || WATCH(*link)->fd != (int)a[2]))
        link = &WATCH(*link)->next;
    if (a[1] == EPOLL_CTL_ADD ? *link != 0 : *link == 0)
        return *link ? -EEXIST : -ENOENT;
    if (a[1] == EPOLL_CTL_DEL) {
        remove_watch(h, EPOLL(f->object), link);
        return 0;
    }
    if (a[1] == EPOLL_CTL_ADD && !(*link = arena_new(h, sizeof(struct watch))))
        return -ENOMEM;
    struct watch *w = WATCH(*link);
    w->file = ref_of(h, to);
    w->fd = (int)a[2];
    w->events = ev.events;
    w->data = ev.data.u64;
    w->reported = 0;
    wake(h, KEY_ANY_FILE);
    return 0;
}

static int64_t epoll_wait_ns(struct host *h, struct task *t, const uint64_t *a, uint64_t ns)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    int64_t n = 0;
    if (!f)
        return -EBADF;
    if (INODE(f->inode)->kind != INODE_EPOLL || (int)a[2] <= 0)
        return -EINVAL;
    uint64_t deadline = ns == UINT64_MAX ? UINT64_MAX : deadline_after(h, t, ns);
    for (ref r = EPOLL(f->object)->watches; r && n < (int)a[2]; r = WATCH(r)->next) {
        struct epoll_event ev = {.events = watch_events(h, WATCH(r), true), .data.u64 = WATCH(r)->data};
        if (!ev.events)
            continue;
        if (put_user(h, t, a[1] + (uint64_t)n * sizeof ev, &ev, sizeof ev))
            return n ? n : -EFAULT;
        n++;
    }
    if (n || !ns || timed_out(h, t))
        return n;
    return wait_for(t, KEY_ANY_FILE, deadline);
}

int64_t call_epoll_wait(struct host *h, struct task *t, const uint64_t *a)
{
    int ms = (int)a[3];
    return epoll_wait_ns(h, t, a, ms < 0 ? UINT64_MAX : (uint64_t)ms * 1000000);
}
int64_t call_epoll_pwait(struct host *h, struct task *t, const uint64_t *a)
{
    int rc = swap_mask(h, t, a[4], a[5]);
    return rc ? rc : call_epoll_wait(h, t, a);
}
