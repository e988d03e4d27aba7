/* socket.c - sockets between the host's own programs: unix(7), stream, datagram and sequenced packets, and IPv4 over the
 * loopback interface. There is no network: other families do not exist. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { CHUNKS = 64, SPACE = 212992, LARGEST = CHUNKS * PAGE };
#define MESSAGE(r) ((struct message *)at(h, r))

struct socket *socket_of(struct host *h, struct file *f)
{
    return f && f->object && INODE(f->inode)->kind == INODE_SOCKET ? SOCKET(f->object) : NULL;
}

int64_t not_socket(const struct file *f)
{
    return f ? -ENOTSOCK : -EBADF;
}

/* A socket with its file; 0 if there is no memory. */
static ref make(struct host *h, unsigned family, unsigned type, uint32_t flags)
{
    ref i = inode_new(h, INODE_SOCKET, S_IFSOCK | 0777), o = i ? arena_new(h, sizeof(struct socket)) : 0;
    ref f = o ? file_new(h, i, O_RDWR | (flags & SOCK_NONBLOCK)) : 0;
    if (!f)
        return 0;
    inode_drop(h, i);
    FILE_(f)->object = o;
    *SOCKET(o) = (struct socket){.refs = 1, .family = family, .type = type};
    return f;
}

static int check(uint64_t family, uint64_t type, uint64_t protocol)
{
    unsigned kind = type & 0xf;
    if (family == AF_INET && !(type & ~(uint64_t)(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC)))
        return inet_check(kind, protocol);
    if (family != AF_UNIX)
        return -EAFNOSUPPORT;
    if (type & ~(uint64_t)(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC) || (protocol && protocol != AF_UNIX))
        return protocol ? -EPROTONOSUPPORT : -EINVAL;
    return kind == SOCK_STREAM || kind == SOCK_DGRAM || kind == SOCK_SEQPACKET ? 0 : -ESOCKTNOSUPPORT;
}

int64_t call_socket(struct host *h, struct task *t, const uint64_t *a)
{
    int rc = check(a[0], a[1], a[2]);
    if (rc)
        return rc;
    ref f = make(h, (unsigned)a[0], a[1] & 0xf, (uint32_t)a[1]);
    return f ? fd_new(h, t, f, 0, a[1] & SOCK_CLOEXEC) : -ENOMEM;
}

int64_t call_socketpair(struct host *h, struct task *t, const uint64_t *a)
{
    int32_t fds[2];
    int rc = check(a[0], a[1], a[2]);
    if (rc || a[0] != AF_UNIX)
        return rc ? rc : -EOPNOTSUPP;
    ref f = make(h, AF_UNIX, a[1] & 0xf, (uint32_t)a[1]);
    ref g = f ? make(h, AF_UNIX, a[1] & 0xf, (uint32_t)a[1]) : 0;
    if (!g)
        return -ENOMEM;
    struct socket *s = SOCKET(FILE_(f)->object), *p = SOCKET(FILE_(g)->object);
    s->peer = FILE_(g)->object;
    p->peer = FILE_(f)->object;
    s->connected = p->connected = 1;
    s->peer_pid = p->peer_pid = GROUP(t->group)->pid;
    fds[0] = fd_new(h, t, f, 0, a[1] & SOCK_CLOEXEC);
    if (fds[0] < 0)
        file_drop(h, g);
    fds[1] = fds[0] < 0 ? -EMFILE : fd_new(h, t, g, 0, a[1] & SOCK_CLOEXEC);
    if (fds[1] < 0)
        return -EMFILE;
    return put_user(h, t, a[3], fds, sizeof fds);
}

/* ---------------------------------------------------------------- messages */

static void message_free(struct host *h, ref r)
{
    struct message *m = MESSAGE(r);
    for (unsigned i = 0; i < m->nchunks; i++)
        if (m->chunk[i])
            arena_free(h, m->chunk[i], PAGE);
    arena_text_free(h, m->from);
    struct passed *p = m->fds ? at(h, m->fds) : NULL;
    for (unsigned i = 0; p && i < p->n; i++)
        file_drop(h, p->file[i]);
    if (p)
        arena_free(h, m->fds, sizeof *p);
    arena_free(h, r, sizeof *m);
}

static void take_first(struct host *h, struct socket *s)
{
    ref gone = s->inbox;
    s->inbox = MESSAGE(gone)->next;
    if (!s->inbox)
        s->inbox_last = 0;
    s->messages--;
    message_free(h, gone);
}

void socket_close(struct host *h, struct file *f)
{
    struct socket *s = SOCKET(f->object);
    struct socket *p = s->peer ? SOCKET(s->peer) : NULL;
    while (s->inbox)
        take_first(h, s);
    for (ref c = s->waiting, next; c; c = next) { /* connections that nobody accepted */
        next = SOCKET(c)->waiting;
        if (SOCKET(c)->peer) {
            SOCKET(SOCKET(c)->peer)->peer = 0;
            SOCKET(SOCKET(c)->peer)->gone = 1;
            source_changed(h, &SOCKET(SOCKET(c)->peer)->source, POLLHUP);
        }
        arena_text_free(h, SOCKET(c)->name);
        arena_free(h, c, sizeof *s);
    }
    if (p && p->peer == f->object) {
        p->peer = 0;
        p->gone = 1;
        source_changed(h, &p->source, POLLIN | POLLHUP);
    }
    for (ref r = h->r.tasks; s->type == SOCK_DGRAM && r;
         r = TASK(r)->next) /* those that send to it by connect() */
        for (int fd = 0; TASK(r)->files && fd < FD_CHUNK; fd++) {
            struct socket *o = socket_of(h, fd_file(h, TASK(r), fd));
            if (o && o->peer == f->object)
                o->peer = 0;
        }
    address_gone(h, f->object);
    arena_free(h, f->object, sizeof *s);
    if (INODE(f->inode)->data == f->object)
        INODE(f->inode)->data = 0;
}

struct parts { /* a struct iovec list of a program */
    struct host *h;
    struct task *t;
    uint64_t list[64][2];
    unsigned n;
    uint64_t total;
};

static int take_parts(struct parts *p, uint64_t list, uint64_t n)
{
    if (n > 64)
        return -EMSGSIZE;
    if (get_user(p->h, p->t, list, p->list, n * 16))
        return -EFAULT;
    p->n = (unsigned)n;
    p->total = 0;
    for (unsigned i = 0; i < n; i++) {
        if (p->list[i][1] > 1u << 30)
            return -EINVAL;
        p->total += p->list[i][1];
    }
    return 0;
}

/* Copies between a message's bytes from `off` on and the parts from `at_` on. */
static int parts_copy(struct parts *p, uint64_t at_, struct message *m, uint32_t off, size_t n, bool in)
{
    struct host *h = p->h;
    unsigned i = 0;
    while (n && i < p->n) {
        if (at_ >= p->list[i][1]) {
            at_ -= p->list[i++][1];
            continue;
        }
        size_t part = p->list[i][1] - at_ < n ? (size_t)(p->list[i][1] - at_) : n;
        part = part < PAGE - off % PAGE ? part : PAGE - off % PAGE;
        uint8_t *b = (uint8_t *)at(h, m->chunk[off / PAGE]) + off % PAGE;
        if (in ? get_user(h, p->t, p->list[i][0] + at_, b, part)
               : put_user(h, p->t, p->list[i][0] + at_, b, part))
            return -EFAULT;
        at_ += part;
        off += (uint32_t)part;
        n -= part;
    }
    return 0;
}

/* A copy of a socket's name, as the other side sees it. */
static ref name_seen(struct host *h, ref name)
{
    char text[ADDRESS_TEXT];
    if (*(const char *)at(h, name) != 'i')
        return arena_text(h, at(h, name));
    inet_source(at(h, name), text);
    return arena_text(h, text);
}

/* A message with n bytes from the parts, at the end of the receiver's queue. */
static int64_t deliver(struct host *h, struct parts *p, uint64_t from, size_t n, struct socket *sender,
                       struct socket *to, ref fds)
{
    ref r = arena_new(h, sizeof(struct message));
    if (!r)
        return -ENOBUFS;
    struct message *m = MESSAGE(r);
    m->len = (uint32_t)n;
    for (m->nchunks = 0; m->nchunks * PAGE < n; m->nchunks++)
        if (!(m->chunk[m->nchunks] = arena_new(h, PAGE)))
            break;
    if (m->nchunks * PAGE < n || parts_copy(p, from, m, 0, n, true)) {
        bool full = m->nchunks * PAGE < n;
        message_free(h, r);
        return full ? -ENOBUFS : -EFAULT;
    }
    if (sender->name)
        m->from = name_seen(h, sender->name);
    m->fds = fds;
    *(to->inbox_last ? &MESSAGE(to->inbox_last)->next : &to->inbox) = r;
    to->inbox_last = r;
    to->bytes += m->len;
    to->messages++;
    source_changed(h, &to->source, POLLIN);
    return (int64_t)n;
}

/* ---------------------------------------------------------------- connections */

int64_t call_listen(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    if (!s)
        return not_socket(f);
    if (s->type == SOCK_DGRAM)
        return -EOPNOTSUPP;
    const int64_t rc = inet_bind_any(h, f->object);
    if (rc < 0 || !s->name)
        return rc < 0 ? rc : -EINVAL;
    s->listening = 1;
    s->owner_pid = GROUP(t->group)->pid;
    s->backlog = (uint32_t)a[1];
    return 0;
}

/* A datagram socket cannot be connected to a port that nobody has: its refusals are told at once. */
int64_t call_connect(struct host *h, struct task *t, const uint64_t *a)
{
    char path[ADDRESS_TEXT];
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    int rc = s ? address_take(h, t, s->family, a[1], a[2], path) : (int)not_socket(f);
    int64_t to = rc ? rc : address_find(h, t, s->type, path);
    const int64_t bound = to < 0 ? to : inet_bind_any(h, f->object);
    if (bound < 0)
        return bound;
    struct socket *l = SOCKET((ref)to);
    if (l->type != s->type)
        return -EPROTOTYPE;
    if (s->type == SOCK_DGRAM) {
        s->peer = (ref)to;
        return 0;
    }
    if (s->connected)
        return -EISCONN;
    if (!l->listening)
        return -ECONNREFUSED;
    ref r = arena_new(h, sizeof *s), *link = &l->waiting;
    if (!r)
        return -ENOBUFS;
    *SOCKET(r) =
        (struct socket){.refs = 1, .family = s->family, .type = s->type, .peer = f->object, .connected = 1};
    SOCKET(r)->peer_pid = GROUP(t->group)->pid;
    SOCKET(r)->name = name_seen(h, l->name);
    s->peer_pid = l->owner_pid;
    s->peer = r;
    s->connected = 1;
    while (*link)
        link = &SOCKET(*link)->waiting;
    *link = r;
    source_changed(h, &l->source, POLLIN);
    return 0;
}

int64_t call_accept4(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    if (!s)
        return not_socket(f);
    if (a[3] & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    if (!s->listening)
        return s->type == SOCK_DGRAM ? -EOPNOTSUPP : -EINVAL;
    if (!s->waiting)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    ref c = s->waiting, i = inode_new(h, INODE_SOCKET, S_IFSOCK | 0777);
    ref n = i ? file_new(h, i, O_RDWR | (a[3] & SOCK_NONBLOCK)) : 0;
    if (!n)
        return -ENOMEM;
    inode_drop(h, i);
    s->waiting = SOCKET(c)->waiting;
    SOCKET(c)->waiting = 0;
    FILE_(n)->object = c;
    const ref peer = SOCKET(c)->peer, name = peer ? SOCKET(peer)->name : 0;
    if (address_put(h, t, s->family, name ? at(h, name) : NULL, a[1], a[2])) {
        file_drop(h, n);
        return -EFAULT;
    }
    return fd_new(h, t, n, 0, a[3] & SOCK_CLOEXEC);
}
int64_t call_accept(struct host *h, struct task *t, const uint64_t *a)
{
    const uint64_t b[4] = {a[0], a[1], a[2], 0};
    return call_accept4(h, t, b);
}

int64_t call_shutdown(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    if (!s)
        return not_socket(f);
    if (a[1] > 2)
        return -EINVAL;
    if (!s->connected)
        return -ENOTCONN;
    s->shut |= (uint32_t)a[1] + 1; /* 1: no more reading, 2: no more writing */
    if (s->peer) {
        SOCKET(s->peer)->shut |= (a[1] != 0 ? 1u : 0) | (a[1] != 1 ? 2u : 0);
        source_changed(h, &SOCKET(s->peer)->source, POLLIN | POLLHUP);
    }
    source_changed(h, &s->source, POLLIN | POLLHUP);
    return 0;
}

/* ---------------------------------------------------------------- sending */

static int64_t broken(struct host *h, struct task *t, unsigned flags)
{
    struct info info = {.signo = SIGPIPE, .code = SI_USER, .pid = t->pid};
    if (t->progress)
        return (int64_t)t->progress;
    if (!(flags & MSG_NOSIGNAL))
        signal_task(h, t, &info);
    return -EPIPE;
}

static int64_t transmit(struct host *h, struct file *f, struct socket *to, struct parts *p, unsigned flags,
                        ref fds)
{
    struct task *t = p->t;
    struct socket *s = SOCKET(f->object);
    bool wait = !(flags & MSG_DONTWAIT) && !(f->flags & O_NONBLOCK);
    if (s->shut & 2 || (!to && (s->connected || (s->family == AF_INET && s->type == SOCK_STREAM))))
        return broken(h, t, flags);
    if (!to)
        return s->family == AF_INET ? -EDESTADDRREQ : -ENOTCONN;
    if (s->type != SOCK_STREAM) {
        if (s->family == AF_INET && to->peer && to->peer != f->object)
            return (int64_t)p->total; /* connected to another: nobody takes it */
        if (p->total > SPACE || p->total > LARGEST)
            return -EMSGSIZE;
        if (to->bytes + p->total > SPACE || to->messages > 256)
            return wait ? wait_for(t, KEY_ANY_FILE, UINT64_MAX) : -EAGAIN;
        return deliver(h, p, 0, (size_t)p->total, s, to, fds);
    }
    while (t->progress < p->total) {
        uint64_t room = to->bytes < SPACE ? SPACE - to->bytes : 0, left = p->total - t->progress;
        uint64_t n = left < room ? left : room;
        n = n < LARGEST ? n : LARGEST;
        if (!n && !wait)
            return t->progress ? (int64_t)t->progress : -EAGAIN;
        if (!n)
            return wait_for(t, KEY_ANY_FILE, UINT64_MAX);
        int64_t rc = deliver(h, p, t->progress, (size_t)n, s, to, t->progress ? 0 : fds);
        if (rc < 0)
            return t->progress ? (int64_t)t->progress : rc;
        t->progress += n;
    }
    return (int64_t)p->total;
}

int64_t socket_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct parts p = {.h = h, .t = t, .list = {{buf, n}}, .n = 1, .total = n};
    struct socket *s = SOCKET(f->object);
    return transmit(h, f, s->peer ? SOCKET(s->peer) : NULL, &p, 0, 0);
}

/* Whom a message goes to: the address, or the peer. */
static int64_t receiver(struct host *h, struct task *t, struct socket *s, uint64_t name, uint64_t len)
{
    char path[ADDRESS_TEXT];
    if (!name || !len || (s->family == AF_INET && s->type == SOCK_STREAM))
        return s->peer;
    int rc = address_take(h, t, s->family, name, len, path);
    if (rc)
        return rc;
    if (s->type != SOCK_DGRAM)
        return s->connected ? -EISCONN : -EOPNOTSUPP;
    const int64_t to = address_find(h, t, s->type, path),
                  bound = to < 0 ? to : inet_bind_any(h, ref_of(h, s));
    return bound < 0 ? bound : to;
}

/* udp(7): a datagram to a port that nobody has is sent, and lost. */
static bool lost(const struct socket *s, int64_t to)
{
    return s->family == AF_INET && to == -ECONNREFUSED;
}

int64_t call_sendto(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    struct parts p = {.h = h, .t = t, .list = {{a[1], a[2]}}, .n = 1, .total = a[2]};
    int64_t to = s ? receiver(h, t, s, a[4], a[5]) : not_socket(f);
    if (to < 0)
        return s && lost(s, to) ? (int64_t)p.total : to;
    return transmit(h, f, to ? SOCKET((ref)to) : NULL, &p, (unsigned)a[3], 0);
}

struct kernel_msg {
    uint64_t name, name_len, parts, nparts, control, control_len, flags;
};

/* SCM_RIGHTS: the descriptors to pass; *fds is 0 if there are none. */
static int take_fds(struct host *h, struct task *t, const struct kernel_msg *m, ref *fds)
{
    uint64_t head[2];
    int32_t fd[PASSED_MAX];
    *fds = 0;
    if (m->control_len < sizeof head)
        return 0;
    if (get_user(h, t, m->control, head, sizeof head))
        return -EFAULT;
    uint64_t n = head[0] < 16 || head[0] > m->control_len ? UINT64_MAX : (head[0] - 16) / 4;
    if (n == UINT64_MAX || n > PASSED_MAX)
        return -EINVAL;
    if (head[1] != ((uint64_t)SCM_RIGHTS << 32 | SOL_SOCKET))
        return 0; /* credentials are known anyway */
    if (get_user(h, t, m->control + 16, fd, n * 4))
        return -EFAULT;
    for (unsigned i = 0; i < n; i++)
        if (!fd_file(h, t, fd[i]))
            return -EBADF;
    ref r = arena_new(h, sizeof(struct passed));
    if (!r)
        return -ENOBUFS;
    struct passed *p = at(h, r);
    for (p->n = 0; p->n < n; p->n++) {
        p->file[p->n] = ref_of(h, fd_file(h, t, fd[p->n]));
        file_hold(h, p->file[p->n]);
    }
    *fds = r;
    return 0;
}

static void drop_fds(struct host *h, ref fds)
{
    struct passed *p = fds ? at(h, fds) : NULL;
    for (unsigned i = 0; p && i < p->n; i++)
        file_drop(h, p->file[i]);
    if (p)
        arena_free(h, fds, sizeof *p);
}

int64_t call_sendmsg(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    struct parts p = {.h = h, .t = t};
    struct kernel_msg m;
    ref fds = 0;
    if (!s)
        return not_socket(f);
    if (get_user(h, t, a[1], &m, sizeof m))
        return -EFAULT;
    int64_t rc = take_parts(&p, m.parts, m.nparts);
    int64_t to = rc ? rc : receiver(h, t, s, m.name, (uint32_t)m.name_len);
    if (to < 0)
        return lost(s, to) ? (int64_t)p.total : to;
    if (!t->progress)
        rc = take_fds(h, t, &m, &fds);
    uint64_t before = t->progress;
    if (!rc)
        rc = transmit(h, f, to ? SOCKET((ref)to) : NULL, &p, (unsigned)a[2], fds);
    if (rc < 0 && t->progress == before)
        drop_fds(h, fds);
    return rc;
}

/* ---------------------------------------------------------------- receiving */

static int64_t nothing(struct host *h, struct task *t, struct file *f, const struct socket *s, unsigned flags)
{
    if (s->gone || s->shut & 1)
        return 0;
    if (s->type != SOCK_DGRAM && !s->connected)
        return -ENOTCONN;
    return f->flags & O_NONBLOCK || flags & MSG_DONTWAIT ? -EAGAIN
                                                         : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
}

struct received {
    ref fds; /* taken from the message */
    char from[ADDRESS_TEXT];
    bool named, cut;
};

static int64_t receive(struct host *h, struct file *f, struct parts *p, unsigned flags, struct received *r)
{
    struct socket *s = SOCKET(f->object);
    uint64_t done = 0;
    if (!s->inbox)
        return nothing(h, p->t, f, s, flags);
    while (s->inbox) {
        struct message *m = MESSAGE(s->inbox);
        if (done && m->fds)
            break;
        uint64_t left = m->len - m->at, n = p->total - done < left ? p->total - done : left;
        if (parts_copy(p, done, m, m->at, (size_t)n, false))
            return done ? (int64_t)done : -EFAULT;
        done += n;
        if (m->from && !r->named) {
            snprintf(r->from, sizeof r->from, "%s", (char *)at(h, m->from));
            r->named = true;
        }
        if (flags & MSG_PEEK)
            break;
        if (m->fds && !r->fds) {
            r->fds = m->fds;
            m->fds = 0;
        }
        r->cut = n < left;
        m->at += (uint32_t)n;
        s->bytes -= (uint32_t)n;
        if (s->type != SOCK_STREAM || m->at == m->len) {
            s->bytes -= m->len - m->at;
            take_first(h, s);
        }
        if (s->type != SOCK_STREAM || done == p->total)
            break;
    }
    source_changed(h, &s->source, POLLOUT);
    if (s->peer)
        source_changed(h, &SOCKET(s->peer)->source, POLLOUT);
    return (int64_t)done;
}

int64_t socket_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct parts p = {.h = h, .t = t, .list = {{buf, n}}, .n = 1, .total = n};
    struct received r = {.fds = 0};
    int64_t rc = n ? receive(h, f, &p, 0, &r) : 0;
    drop_fds(h, r.fds);
    return rc;
}

/* Whose message it was. A stream of IPv4 does not say. */
static int put_sender(struct host *h, struct task *t, const struct socket *s, const struct received *r,
                      uint64_t to, uint64_t len_at)
{
    const uint32_t none = 0;
    if (s->family == AF_INET && s->type == SOCK_STREAM)
        return put_user(h, t, len_at, &none, sizeof none);
    return address_put(h, t, s->family, r->named ? r->from : NULL, to, len_at);
}

int64_t call_recvfrom(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct parts p = {.h = h, .t = t, .list = {{a[1], a[2]}}, .n = 1, .total = a[2]};
    struct received r = {.fds = 0};
    if (!socket_of(h, f))
        return not_socket(f);
    int64_t rc = receive(h, f, &p, (unsigned)a[3], &r);
    drop_fds(h, r.fds);
    return rc >= 0 && a[4] && put_sender(h, t, SOCKET(f->object), &r, a[4], a[5]) ? -EFAULT : rc;
}

/* Gives the passed descriptors to the program; returns the bytes of control data. */
static uint64_t give_fds(struct host *h, struct task *t, const struct kernel_msg *m, ref fds, bool cloexec,
                         uint32_t *flags)
{
    struct passed *p = fds ? at(h, fds) : NULL;
    uint64_t room = m->control_len < 16 ? 0 : (m->control_len - 16) / 4;
    int32_t fd[PASSED_MAX];
    unsigned n = 0;
    if (!p)
        return 0;
    for (; n < p->n && n < room; n++) {
        file_hold(h, p->file[n]);
        fd[n] = fd_new(h, t, p->file[n], 0, cloexec);
        if (fd[n] < 0)
            break;
    }
    if (n < p->n)
        *flags |= MSG_CTRUNC;
    uint64_t head[2] = {16 + 4 * n, (uint64_t)SCM_RIGHTS << 32 | SOL_SOCKET};
    if (n && (put_user(h, t, m->control, head, sizeof head) || put_user(h, t, m->control + 16, fd, n * 4)))
        return 0;
    return n ? (16 + 4 * n + 7) & ~7ull : 0;
}

int64_t call_recvmsg(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct parts p = {.h = h, .t = t};
    struct received r = {.fds = 0};
    struct kernel_msg m;
    uint32_t flags = 0;
    if (!socket_of(h, f))
        return not_socket(f);
    if (get_user(h, t, a[1], &m, sizeof m))
        return -EFAULT;
    int64_t rc = take_parts(&p, m.parts, m.nparts);
    if (!rc)
        rc = receive(h, f, &p, (unsigned)a[2], &r);
    if (rc < 0)
        return rc;
    if (SOCKET(f->object)->type != SOCK_STREAM && r.cut)
        flags |= MSG_TRUNC;
    uint64_t control = give_fds(h, t, &m, r.fds, a[2] & MSG_CMSG_CLOEXEC, &flags);
    drop_fds(h, r.fds);
    if (m.name && put_sender(h, t, SOCKET(f->object), &r, m.name, a[1] + 8))
        return -EFAULT;
    if (put_user(h, t, a[1] + 40, &control, 8) || put_user(h, t, a[1] + 48, &flags, 4))
        return -EFAULT;
    return rc;
}

unsigned socket_poll(struct host *h, struct file *f)
{
    const struct socket *s = SOCKET(f->object), *p = s->peer ? SOCKET(s->peer) : NULL;
    bool ended = s->gone || s->shut & 1;
    unsigned events = s->inbox || s->waiting || ended ? POLLIN | POLLRDNORM : 0;
    if (!s->listening && (!p || p->bytes < SPACE))
        events |= POLLOUT | POLLWRNORM;
    if (s->gone || s->shut == 3 || (s->type == SOCK_STREAM && !s->connected && !s->listening))
        events |= POLLHUP;
    return events | (ended ? POLLRDHUP : 0);
}
