/* viewers.c - see viewers.h. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "base/spawn.h"
#include "core/live/private/viewer_keys.h"
#include "core/live/private/viewer_paint.h"
#include "core/live/private/viewer_pointer.h"
#include "core/live/viewer_link.h"
#include "core/live/viewers.h"

enum {
    PORTS = 100,         /* that are tried */
    AT_ONCE = 256,       /* messages that are read before the guest goes on */
    QUEUE = 65536,       /* bytes of typed keys */
    PAINT_NS = 33000000, /* between two pictures … */
    PAINT_SHARE = 4,     /* … of which one may take a quarter of the time */
    VIEWERS_SEEN = 64
};

struct viewers {
    pid_t pid;
    int link;
    uint16_t port;
    bool attended, lost;
    uint32_t here[VIEWERS_SEEN]; /* viewers that have come and not gone */
    unsigned nhere;
    struct viewer_paint *paint;
    uint64_t paint_next; /* real time */
    bool owed;           /* the guest has run since the last picture */
    struct viewer_keys keys;
    struct viewer_pointer pointer;
    uint8_t typed[QUEUE];
    size_t ntyped;
};

/* ---------------------------------------------------------------- listening */

static int listen_at(const struct addrinfo *a)
{
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol), on = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 16))
        return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* The descriptor, or -1 with errno or *name_error. */
static int listen_on(const char *host, uint16_t port, const char **name_error)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const int rc = getaddrinfo(host ? host : "127.0.0.1", service, &hints, &found);
    if (rc) {
        *name_error = gai_strerror(rc);
        return -1;
    }
    const int fd = listen_at(found);
    freeaddrinfo(found);
    return fd;
}

static int open_port(struct viewers *v, const struct viewers_options *o, struct error *err)
{
    const char *name_error = NULL;
    const char *host = o->host ? o->host : "127.0.0.1";
    int fd = -1;
    v->port = o->port ? o->port : VIEWERS_FIRST_PORT;
    for (unsigned i = 0; i < (o->port ? 1 : PORTS); i++) {
        v->port = (uint16_t)(o->port ? o->port : VIEWERS_FIRST_PORT + i);
        fd = listen_on(o->host, v->port, &name_error);
        if (fd >= 0 || name_error || errno != EADDRINUSE)
            break;
    }
    if (name_error)
        return error_set(err, "--display: %.200s: %.100s: give a name or an address of this host", host,
                         name_error);
    if (fd < 0)
        return error_set(err, "--display: cannot listen on %.200s, port %u: %s: give another number", host,
                         v->port, strerror(errno));
    return fd;
}

/* ---------------------------------------------------------------- the server */

/* Descriptors that are above those that the server starts with. */
static int raise_fd(int fd)
{
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, VIEWER_FD_SCREEN + 1);
    close(fd);
    return high;
}

static int greet(const struct viewers *v, const struct viewers_options *o)
{
    struct viewer_hello hello = {0};
    snprintf(hello.password, sizeof hello.password, "%s", o->password ? o->password : "");
    snprintf(hello.title, sizeof hello.title, "%s", o->title);
    return send(v->link, &hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello ? 0 : -1;
}

static int start(struct viewers *v, const struct viewers_options *o, int fds[3], struct error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return error_set(err, "--display: %s", strerror(errno));
    v->link = pair[0];
    fds[1] = pair[1];
    for (int i = 0; i < 3; i++)
        if ((fds[i] = raise_fd(fds[i])) < 0)
            return error_set(err, "--display: %s", strerror(errno));
    char name[] = "bootreel-vnc";
    char *argv[] = {name, NULL};
    const struct spawn s = {.program = o->program, /* it ends when we do */
                            .argv = argv,
                            .fds = fds,
                            .nfds = 3,
                            .first = VIEWER_FD_LISTEN,
                            .group = true};
    const int rc = spawn_start(&s, &v->pid);
    if (rc) {
        v->pid = 0;
        return error_set(err, "--display: %.300s: %s", o->program, strerror(rc));
    }
    return greet(v, o) ? error_set(err, "--display: %.300s does not answer", o->program) : 0;
}

struct viewers *viewers_open(const struct viewers_options *o, struct error *err)
{
    struct viewers *v = mem_zero(1, sizeof *v);
    int fds[3] = {-1, -1, -1};
    v->link = -1;
    int rc = (fds[0] = open_port(v, o, err)) < 0 || !(v->paint = viewer_paint_new(&fds[2], err)) ? -1 : 0;
    if (!rc)
        rc = start(v, o, fds, err);
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (!rc)
        return v;
    viewers_close(v);
    return NULL;
}

void viewers_close(struct viewers *v)
{
    if (!v)
        return;
    if (v->link >= 0)
        close(v->link);
    if (v->pid > 0) {
        kill(v->pid, SIGTERM);
        spawn_wait(v->pid);
    }
    viewer_paint_free(v->paint);
    free(v);
}

uint16_t viewers_port(const struct viewers *v)
{
    return v->port;
}

/* ---------------------------------------------------------------- what viewers do */

int viewers_fd(const struct viewers *v)
{
    return v->link;
}

bool viewers_attended(const struct viewers *v)
{
    return v->attended && !v->lost;
}

bool viewers_lost(const struct viewers *v)
{
    return v->lost;
}

static bool type(struct viewers *v, const uint8_t *bytes, size_t n)
{
    if (n > sizeof v->typed - v->ntyped)
        return false;
    memcpy(v->typed + v->ntyped, bytes, n);
    v->ntyped += n;
    return true;
}

/* Presses leave room for the releases of all keys that can be held. */
static void take_key(struct viewers *v, const struct viewer_event *ev)
{
    uint8_t bytes[VIEWER_KEY_BYTES];
    if (ev->b && v->ntyped > sizeof v->typed - (VIEWER_KEYS_HELD + 1) * VIEWER_KEY_BYTES)
        return;
    type(v, bytes, viewer_key(&v->keys, ev->viewer, ev->a, ev->b, bytes));
}

static void let_go(struct viewers *v, uint32_t viewer)
{
    uint8_t bytes[VIEWER_KEY_BYTES];
    for (size_t n; (n = viewer_key_let_go(&v->keys, viewer, bytes));)
        type(v, bytes, n);
    viewer_point_let_go(&v->pointer, viewer);
}

static void comes(struct viewers *v, uint32_t viewer)
{
    v->attended = v->owed = true;
    v->paint_next = 0;
    if (v->nhere < VIEWERS_SEEN)
        v->here[v->nhere++] = viewer;
}

static void goes(struct viewers *v, uint32_t viewer)
{
    for (unsigned i = 0; i < v->nhere; i++)
        if (v->here[i] == viewer)
            v->here[i--] = v->here[--v->nhere];
    let_go(v, viewer);
}

static void take(struct viewers *v, const struct viewer_event *ev)
{
    switch (ev->kind) {
    case VIEWER_COMES:
        comes(v, ev->viewer);
        break;
    case VIEWER_GOES:
        goes(v, ev->viewer);
        break;
    case VIEWER_KEY:
        take_key(v, ev);
        break;
    case VIEWER_POINTER:
        viewer_point(&v->pointer, ev->viewer, ev->a, ev->b, ev->c);
        break;
    }
}

/* The server has ended: nobody can type any more, and what was held is released. */
static void lose(struct viewers *v)
{
    close(v->link);
    v->link = -1;
    v->lost = true;
    v->nhere = 0;
    while (v->keys.nheld)
        let_go(v, v->keys.held[0].viewer);
    viewer_point_let_go(&v->pointer, v->pointer.holder);
}

void viewers_read(struct viewers *v)
{
    struct viewer_event ev;
    for (unsigned i = 0; i < AT_ONCE && v->link >= 0; i++) {
        const ssize_t n = recv(v->link, &ev, sizeof ev, MSG_DONTWAIT);
        if (n == sizeof ev)
            take(v, &ev);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        else if (n <= 0)
            lose(v);
    }
}

/* ---------------------------------------------------------------- what the guest is given */

static int give_keys(struct viewers *v, int (*offer)(void *ctx, struct input *in, struct error *err),
                     void *ctx, struct error *err)
{
    struct input in = {.port = INPUT_KEYBOARD, .data = v->typed, .len = (uint32_t)v->ntyped};
    if (!v->ntyped)
        return 0;
    const int rc = offer(ctx, &in, err);
    v->ntyped -= in.len;
    memmove(v->typed, v->typed + in.len, v->ntyped);
    return rc;
}

int viewers_give(struct viewers *v, uint64_t now,
                 int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx, struct error *err)
{
    unsigned width, height;
    viewer_paint_size(v->paint, &width, &height);
    return give_keys(v, offer, ctx, err) ||
                   viewer_point_give(&v->pointer, now, width, height, offer, ctx, err)
               ? -1
               : 0;
}

uint64_t viewers_due(const struct viewers *v)
{
    return viewer_point_due(&v->pointer);
}

/* ---------------------------------------------------------------- the screen */

void viewers_paint(struct viewers *v, const struct engine *e)
{
    const uint64_t now = real_ns();
    v->owed = v->nhere;
    if (!v->nhere || now < v->paint_next)
        return;
    viewer_paint(v->paint, e);
    v->owed = false;
    const uint64_t end = real_ns(), least = (end - now) * PAINT_SHARE;
    v->paint_next = end + (least > PAINT_NS ? least : PAINT_NS);
}

uint64_t viewers_paint_due(const struct viewers *v)
{
    const uint64_t now = real_ns();
    return !v->owed ? UINT64_MAX : v->paint_next > now ? v->paint_next - now : 0;
}
