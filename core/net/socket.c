/* socket.c - a datagram socket as the other end of a card: a datagram is a frame, as with QEMU's `-netdev dgram`.
 *
 * It connects to a Unix socket that another program has bound, and binds one of its own beside it (PATH.bootreel), to which that program
 * sends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/net/private/wire.h"
#include "traces/memory.h"

struct peer {
    struct wire *wire;
    int fd;
    char own[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int open_socket(struct peer *p, const char *path, struct error *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX}, own = {.sun_family = AF_UNIX};
    if (snprintf(own.sun_path, sizeof own.sun_path, "%s.bootreel", path) >= (int)sizeof own.sun_path)
        return error_set(err, "--net: socket=%.60s: the path is too long: give at most 98 characters", path);
    strcpy(to.sun_path, path);
    p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&own, sizeof own))
        return error_set(err, "--net: socket=%.100s: %.100s: %s: remove it, or give another", path,
                         own.sun_path, strerror(errno));
    strcpy(p->own, own.sun_path);
    if (connect(p->fd, (struct sockaddr *)&to, sizeof to))
        return error_set(err, "--net: socket=%.100s: %s: start the program at its other end first", path,
                         strerror(errno));
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
    if (!open_socket(p, options->socket, err))
        return p;
    peer_destroy(p);
    return NULL;
}

/* As on a wire, a frame that nobody takes is lost. */
static void peer_input(void *peer, const uint8_t *frame, size_t n, uint64_t now)
{
    ssize_t sent = send(((struct peer *)peer)->fd, frame, n, MSG_NOSIGNAL);
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
