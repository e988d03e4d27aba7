/* socket.c - a datagram socket as the other end of a card: a datagram is a frame, as with QEMU's `-netdev dgram`.
 *
 * Frames go to the Unix socket that another program binds, and come to one of its own, which that program
 * sends to. Each frame is sent by name, so the other program may start later, or again, like the other end of
 * a cable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/net/private/wire.h"

struct peer {
    struct wire *wire;
    int fd;
    struct sockaddr_un to;
    char own[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Whether somebody listens at a socket: 0 if so, or errno. */
static int listens(const struct sockaddr_un *name)
{
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int why = fd < 0 || connect(fd, (const struct sockaddr *)name, sizeof *name) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return why;
}

/* The name of its own socket: if none is given, the other's with ".bootreel" added. */
static int name_own(const struct net_wire *o, struct sockaddr_un *own, struct error *err)
{
    const char *end = o->local ? "" : ".bootreel";
    const size_t size = sizeof own->sun_path;
    if (snprintf(own->sun_path, size, "%s%s", o->local ? o->local : o->socket, end) < (int)size)
        return 0;
    return error_set(err, "--net: socket=%.60s: the path is too long: give at most 98 characters", o->socket);
}

static int open_socket(struct peer *p, const struct net_wire *o, struct error *err)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    if (name_own(o, &own, err))
        return -1;
    strcpy(p->to.sun_path, o->socket);
    const int why = o->local ? 0 : listens(&p->to);
    if (why)
        return error_set(
            err, "--net: socket=%.100s: %s: start the program at its other end first, or give local=PATH",
            o->socket, strerror(why));
    if (listens(&own) == ECONNREFUSED)
        unlink(own.sun_path); /* a killed recording may have left it */
    p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&own, sizeof own))
        return error_set(err, "--net: socket=%.100s: %.100s: %s: remove it, or give another", o->socket,
                         own.sun_path, strerror(errno));
    strcpy(p->own, own.sun_path);
    return 0;
}

static void peer_destroy(void *peer)
{
    struct peer *p = peer;
    if (p->fd >= 0)
        close(p->fd);
    if (p->own[0])
        unlink(p->own);
    free(p);
}

void *socket_new(const struct net_wire *options, struct wire *wire, struct error *err)
{
    struct peer *p = mem_zero(1, sizeof *p);
    p->wire = wire;
    p->fd = -1;
    p->to.sun_family = AF_UNIX;
    if (!open_socket(p, options, err))
        return p;
    peer_destroy(p);
    return NULL;
}

/* As on a wire, a frame that nobody takes is lost. */
static void peer_input(void *peer, const uint8_t *frame, size_t n, uint64_t now)
{
    const struct peer *p = peer;
    ssize_t sent = sendto(p->fd, frame, n, MSG_NOSIGNAL, (const struct sockaddr *)&p->to, sizeof p->to);
    (void)sent;
}

static uint64_t peer_sockets(void *peer, struct wire_sockets *s, uint64_t now)
{
    if (s->n < WIRE_SOCKETS)
        s->fd[s->n++] = (struct pollfd){.fd = ((struct peer *)peer)->fd, .events = POLLIN};
    return now + WIRE_LOOK;
}

static void peer_ready(void *peer, const struct wire_sockets *s, uint64_t now)
{
    struct peer *p = peer;
    uint8_t frame[ENGINE_FRAME + 1];
    enum { AT_ONCE = 64 };
    for (unsigned i = 0; i < AT_ONCE; i++) {
        ssize_t n = recv(p->fd, frame, sizeof frame, 0);
        if (n <= 0)
            return;
        wire_send(p->wire, frame, (size_t)n, now);
    }
}

const struct wire_kind socket_kind = {
    .input = peer_input, .sockets = peer_sockets, .ready = peer_ready, .destroy = peer_destroy};
