/* address.c - names of sockets, and their options: unix(7), ip(7).
 *
 * A name is kept as text: 'p' and a path, 'a' and the bytes of an abstract name in hexadecimal, or as in inet.c. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"

enum { FAMILY = sizeof(sa_family_t), PATH = sizeof((struct sockaddr_un *)0)->sun_path };

/* ---------------------------------------------------------------- as programs have them */

int address_take(struct host *h, struct task *t, uint32_t family, uint64_t from, uint64_t len,
                 char text[ADDRESS_TEXT])
{
    struct sockaddr_un sa = {0};
    if (len < FAMILY || len > sizeof sa)
        return -EINVAL;
    if (get_user(h, t, from, &sa, len))
        return -EFAULT;
    if (family == AF_INET)
        return inet_take(&sa, len, text);
    if (sa.sun_family != AF_UNIX || len == FAMILY)
        return -EINVAL;
    const size_t n = len - FAMILY;
    if (sa.sun_path[0]) {
        snprintf(text, ADDRESS_TEXT, "p%.*s", (int)n, sa.sun_path);
        return 0;
    }
    text[0] = 'a';
    for (size_t i = 1; i < n; i++)
        snprintf(text + 2 * i - 1, 3, "%02x", (uint8_t)sa.sun_path[i]);
    text[2 * n - 1] = 0;
    return 0;
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

int address_put(struct host *h, struct task *t, uint32_t family, const char *text, uint64_t to,
                uint64_t len_at)
{
    uint8_t sa[FAMILY + PATH + 1] = {AF_UNIX};
    uint32_t room, len = FAMILY;
    if (!to)
        return 0;
    if (get_user(h, t, len_at, &room, 4))
        return -EFAULT;
    if ((int32_t)room < 0)
        return -EINVAL;
    if (family == AF_INET) {
        len = (uint32_t)inet_put(text, sa);
    } else if (text && *text == 'p') {
        len += (uint32_t)snprintf((char *)sa + FAMILY, PATH + 1, "%s", text + 1) + 1;
    } else if (text) {
        len++;
        for (const char *p = text + 1; p[0] && p[1]; p += 2)
            sa[len++] = (uint8_t)(hex(p[0]) << 4 | hex(p[1]));
    }
    if (put_user(h, t, to, sa, room < len ? room : len))
        return -EFAULT;
    return put_user(h, t, len_at, &len, 4);
}

/* ---------------------------------------------------------------- binding */

static ref find_abstract(struct host *h, const char *text)
{
    for (ref r = h->r.sockets; r; r = SOCKET(r)->bound_next)
        if (!strcmp(at(h, SOCKET(r)->name), text))
            return r;
    return 0;
}

int64_t address_find(struct host *h, struct task *t, uint32_t type, const char *text)
{
    if (*text == 'i')
        return inet_find(h, type, text);
    if (*text == 'a') {
        ref o = find_abstract(h, text);
        return o ? (int64_t)o : -ECONNREFUSED;
    }
    int64_t i = path_walk(h, t, AT_FDCWD, text + 1, 0, NULL);
    if (i < 0)
        return i;
    ref o = INODE((ref)i)->kind == INODE_SOCKET ? INODE((ref)i)->data : 0;
    inode_drop(h, (ref)i);
    return o ? (int64_t)o : -ECONNREFUSED;
}

static int64_t bind_path(struct host *h, struct task *t, struct file *f, const char *text)
{
    char last[256];
    int64_t dir = path_walk(h, t, AT_FDCWD, text + 1, WALK_PARENT, last);
    if (dir < 0)
        return dir;
    int64_t rc = INODE((ref)dir)->kind != INODE_FOLDER ? -EACCES : 0;
    if (!rc && folder_find(h, INODE((ref)dir), last))
        rc = -EADDRINUSE;
    if (!rc)
        rc = folder_add(h, INODE((ref)dir), last, f->inode);
    if (!rc) {
        INODE(f->inode)->parent = (ref)dir;
        INODE(f->inode)->data = f->object;
        SOCKET(f->object)->name = arena_text(h, text);
    }
    inode_drop(h, (ref)dir);
    return rc;
}

static int64_t bind_abstract(struct host *h, ref socket, const char *text)
{
    struct socket *s = SOCKET(socket);
    if (find_abstract(h, text))
        return -EADDRINUSE;
    if (!(s->name = arena_text(h, text)))
        return -ENOMEM;
    s->bound_next = h->r.sockets;
    h->r.sockets = socket;
    return 0;
}

/* A name of five hexadecimal digits that nobody has. */
static int64_t bind_any(struct host *h, ref socket)
{
    char text[ADDRESS_TEXT], digits[6];
    for (unsigned i = 0; i <= 0xfffff; i++) {
        snprintf(digits, sizeof digits, "%05x", i);
        text[0] = 'a';
        for (unsigned k = 0; k < 5; k++)
            snprintf(text + 1 + 2 * k, 3, "%02x", (uint8_t)digits[k]);
        if (!find_abstract(h, text))
            return bind_abstract(h, socket, text);
    }
    return -ENOSPC;
}

int64_t call_bind(struct host *h, struct task *t, const uint64_t *a)
{
    char text[ADDRESS_TEXT];
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    uint16_t family;
    if (!s)
        return not_socket(f);
    if (a[2] == FAMILY && s->family == AF_UNIX) {
        if (get_user(h, t, a[1], &family, FAMILY))
            return -EFAULT;
        return family != AF_UNIX ? -EINVAL : s->name ? 0 : bind_any(h, f->object);
    }
    int rc = address_take(h, t, s->family, a[1], a[2], text);
    if (rc || s->name)
        return rc ? rc : -EINVAL;
    if (s->family == AF_INET)
        return inet_bind(h, f->object, text);
    return *text == 'a' ? bind_abstract(h, f->object, text) : bind_path(h, t, f, text);
}

void address_gone(struct host *h, ref socket)
{
    ref *link = &h->r.sockets;
    while (*link && *link != socket)
        link = &SOCKET(*link)->bound_next;
    if (*link)
        *link = SOCKET(socket)->bound_next;
    arena_text_free(h, SOCKET(socket)->name);
}

int64_t call_getsockname(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    return s ? address_put(h, t, s->family, s->name ? at(h, s->name) : NULL, a[1], a[2]) : not_socket(f);
}
int64_t call_getpeername(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    if (!s)
        return not_socket(f);
    struct socket *p = s->peer ? SOCKET(s->peer) : NULL;
    return p ? address_put(h, t, p->family, p->name ? at(h, p->name) : NULL, a[1], a[2]) : -ENOTCONN;
}

/* ---------------------------------------------------------------- options */

int64_t call_setsockopt(struct host *h, struct task *t, const uint64_t *a)
{
    /* What has no meaning between the host's own programs: buffers have the sizes that they have. */
    static const uint8_t without_effect[] = {SO_DEBUG,  SO_REUSEADDR, SO_DONTROUTE,   SO_BROADCAST,
                                             SO_SNDBUF, SO_RCVBUF,    SO_KEEPALIVE,   SO_OOBINLINE,
                                             SO_LINGER, SO_PRIORITY,  SO_SNDBUFFORCE, SO_RCVBUFFORCE};
    struct file *f = fd_file(h, t, (int)a[0]);
    struct socket *s = socket_of(h, f);
    int32_t value;
    if (!s)
        return not_socket(f);
    if (a[1] != SOL_SOCKET && s->family == AF_INET && inet_option(a[1], a[2]))
        return 0;
    if (a[1] != SOL_SOCKET)
        return a[1] == AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
    if (a[4] < sizeof value)
        return -EINVAL;
    if (get_user(h, t, a[3], &value, sizeof value))
        return -EFAULT;
    if (a[2] == SO_PASSCRED) {
        s->passcred = value != 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof without_effect; i++)
        if (a[2] == without_effect[i])
            return 0;
    report_missing(h, "socket option", a[2], (uint64_t)value);
    return -ENOPROTOOPT;
}

int64_t call_getsockopt(struct host *h, struct task *t, const uint64_t *a)
{
    struct file *f = fd_file(h, t, (int)a[0]);
    const struct socket *s = socket_of(h, f);
    uint32_t v[3] = {0}, len = 4, room;
    if (!s)
        return not_socket(f);
    if (a[1] != SOL_SOCKET)
        return -ENOPROTOOPT;
    if (a[2] == SO_TYPE)
        v[0] = s->type;
    else if (a[2] == SO_DOMAIN)
        v[0] = s->family;
    else if (a[2] == SO_PROTOCOL)
        v[0] = s->family == AF_UNIX ? 0 : s->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    else if (a[2] == SO_SNDBUF || a[2] == SO_RCVBUF)
        v[0] = 212992;
    else if (a[2] == SO_ACCEPTCONN)
        v[0] = s->listening;
    else if (a[2] == SO_PASSCRED)
        v[0] = s->passcred;
    else if (a[2] == SO_PEERCRED) {
        v[0] = (uint32_t)s->peer_pid;
        v[1] = v[2] = s->connected ? 0 : UINT32_MAX;
        len = 12;
    } else if (a[2] != SO_ERROR)
        return -ENOPROTOOPT;
    if (get_user(h, t, a[4], &room, 4) || put_user(h, t, a[3], v, room < len ? room : len))
        return -EFAULT;
    len = room < len ? room : len;
    return put_user(h, t, a[4], &len, 4);
}
