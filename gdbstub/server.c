/* server.c - a session: packets in, packets out, Ctrl-C while something runs; on standard input and output,
 * or TCP. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "core/run/times.h"
#include "gdbstub/impl.h"

/* The progress of a long operation is reported every so many seconds. gdb takes two seconds of silence in a
 * monitor command for a lost packet, and warns about it. */
#define TELL_AFTER 1.5
/* After so long without a packet it is a person whom gdb waits for. */
enum { SILENT_MS = 300 };

/* ---------------------------------------------------------------- packets out */

static void put(struct gdbstub *g, const void *data, size_t n)
{
    if (g->over && g->end == GDBSTUB_GONE)
        return;
    if (g->io->write(g->io->ctx, data, n)) {
        g->over = true;
        g->end = g->stop ? GDBSTUB_STOPPED : GDBSTUB_GONE;
    }
}

void stub_send(struct gdbstub *g, const void *data, size_t n)
{
    assert(n <= PACKET_MAX && "a frame has room for a packet whose bytes are all escaped");
    g->frame_n = packet_frame(data, n, g->frame);
    put(g, g->frame, g->frame_n);
}

/* ---------------------------------------------------------------- bytes in */

/* Reads more into the buffer. False at the end of the input, or (without `wait`) if there is none now. */
static bool read_more(struct gdbstub *g, bool wait)
{
    if (g->in_from) {
        memmove(g->in, g->in + g->in_from, g->in_to - g->in_from);
        g->in_to -= g->in_from;
        g->in_seen -= g->in_from;
        g->in_from = 0;
    }
    if (g->in_to == INPUT_ROOM)
        return false; /* too much input at once: the rest waits */
    long n = g->io->read(g->io->ctx, g->in + g->in_to, INPUT_ROOM - g->in_to, wait);
    if (n > 0)
        g->in_to += (size_t)n;
    if (n < 0) {
        g->over = true;
        g->end = g->stop ? GDBSTUB_STOPPED : GDBSTUB_GONE;
    }
    return n > 0;
}

/* Scans the frames up to in_to without executing them, and removes a Ctrl-C. */
static void look_ahead(struct gdbstub *g)
{
    size_t to = g->in_seen;
    for (size_t i = g->in_seen; i < g->in_to; i++) {
        uint8_t c = g->in[i];
        if (g->look == PACKET_OUTSIDE && c == 0x03) {
            g->interrupted = true;
            continue;
        }
        if (c == '$')
            g->look = PACKET_INSIDE;
        else if (g->look == PACKET_SUM1)
            g->look = PACKET_SUM2;
        else if (g->look == PACKET_SUM2)
            g->look = PACKET_OUTSIDE;
        else if (g->look == PACKET_INSIDE && c == '#')
            g->look = PACKET_SUM1;
        g->in[to++] = c;
    }
    g->in_seen = g->in_to = to;
}

bool stub_interrupted(struct gdbstub *g)
{
    while (!g->over && read_more(g, false))
        look_ahead(g);
    look_ahead(g);
    if (g->monitoring && memchr(g->in + g->in_from, '$', g->in_to - g->in_from))
        g->abandoned = true;
    if (g->abandoned || g->asked)
        g->interrupted = true;
    if (g->stop) {
        g->over = true;
        g->end = GDBSTUB_STOPPED;
    }
    if (g->over)
        g->interrupted = true;
    return g->interrupted;
}

/* ---------------------------------------------------------------- long operations */

void stub_operation(struct gdbstub *g)
{
    g->interrupted = false; /* one by one: atomics */
    g->asked = false;
    g->waited = false;
    if (!g->stop)
        timeline_interrupt_clear(g->tl);
    g->began = g->told = real_seconds();
}

static bool progress(void *ctx, const struct timeline_progress *p)
{
    struct gdbstub *g = ctx;
    uint64_t whole = p->back ? p->from - p->to : p->to - p->from;
    double now = real_seconds();
    if (stub_interrupted(g))
        return false;
    if (g->began > 0 && now - g->told >= TELL_AFTER) {
        if (g->no_progress)
            stub_send(g, "O", 1); /* without text, as a sign of life */
        else
            say(g, "bootreel: going %s, %.0f %% of the way; Ctrl-C stops\n", p->back ? "back" : "forward",
                whole ? 100.0 * (double)p->examined / (double)whole : 0.0);
        g->told = now;
    }
    return !g->over;
}

/* ---------------------------------------------------------------- a session */

static void execute(struct gdbstub *g)
{
    if (command_execute(g) && (!g->over || g->end != GDBSTUB_GONE))
        stub_send(g, g->reply.s, g->reply.n);
}

static void refuse(struct gdbstub *g, const char *why)
{
    g->reply.n = 0;
    reply_fail(g, "%s", why);
    stub_send(g, g->reply.s, g->reply.n);
}

/* Whether this is a session's first packet, and follows again at once. gdb sends it again after remotetimeout (two seconds), while the
 * trace is opened or the position sought, and would take the second reply for that of its next packet. */
static bool is_sent_again(struct gdbstub *g)
{
    if (g->frame_n || strncmp((const char *)g->parser.data, "qSupported", 10))
        return false;
    struct packet_parser *next = mem_zero(1, sizeof *next);
    enum packet_event event = PACKET_NONE;
    while (!g->over && read_more(g, false))
        ;
    g->over = false; /* what came before the end of the input is executed first */
    for (size_t i = g->in_from; i < g->in_to && event != PACKET_DATA; i++)
        event = packet_feed(next, g->in[i]);
    const bool again =
        event == PACKET_DATA && next->n == g->parser.n && !memcmp(next->data, g->parser.data, next->n);
    free(next);
    return again;
}

static void handle(struct gdbstub *g, enum packet_event event)
{
    switch (event) {
    case PACKET_DATA:
        if (!g->no_ack)
            put(g, "+", 1);
        if (!is_sent_again(g))
            execute(g);
        break;
    case PACKET_BAD: /* without acknowledgements nothing would be sent again */
        if (!g->no_ack)
            put(g, "-", 1);
        else
            refuse(g, "the packet's checksum is wrong");
        break;
    case PACKET_TOO_LONG:
        if (!g->no_ack)
            put(g, "+", 1);
        refuse(g, "the packet is too long");
        break;
    case PACKET_NAK:
        if (!g->no_ack && g->frame_n)
            put(g, g->frame, g->frame_n);
        break;
    case PACKET_INTERRUPT: /* while nothing runs: between two of gdb's steps, or the run has just stopped by itself */
        g->owed = true;
        break;
    default:
        break;
    }
}

static void connection_begins(struct gdbstub *g, const struct gdbstub_transport *t)
{
    g->io = t;
    g->over = g->no_ack = g->multiprocess = g->swbreak = g->hwbreak = g->extended = g->interrupted = false;
    g->owed = g->killed = false;
    g->exec_events = g->kernel_opened = g->widened = g->executes = g->told_cut = false;
    g->end = GDBSTUB_GONE;
    g->in_from = g->in_seen = g->in_to = 0;
    g->look = PACKET_OUTSIDE;
    g->parser.state = PACKET_OUTSIDE;
    g->frame_n = 0;
    g->began = 0;
    g->as_tasks = false;
    stop_here(g);
    g->cpu_g = g->cpu_c = thread_here(g);
    g->any_c = true;
    g->layout = layout_for(g, g->cpu_g);
}

static bool is_silent(void *ctx, const struct timeline_progress *p)
{
    const struct gdbstub *g = ctx;
    return !g->stop && !g->io->wait(g->io->ctx, 0);
}

/* While the user thinks, it is found out what was read in each part of the run, for watchpoints. */
static void learn(struct gdbstub *g)
{
    struct error ignored;
    if (!g->io->wait || g->io->wait(g->io->ctx, SILENT_MS))
        return;
    stub_files_relax(g);
    timeline_set_progress(g->tl, is_silent, g);
    while (is_silent(g, NULL) && !timeline_learn(g->tl, &ignored))
        ;
    timeline_set_progress(g->tl, progress, g);
}

enum gdbstub_end gdbstub_session(struct gdbstub *g, const struct gdbstub_transport *t)
{
    connection_begins(g, t);
    timeline_set_progress(g->tl, progress, g);
    timeline_set_condition(g->tl, stub_hit_counts, g);
    while (!g->over) {
        if (g->stop) {
            g->end = GDBSTUB_STOPPED;
            break;
        }
        if (g->in_from == g->in_to)
            learn(g);
        if (g->in_from == g->in_to && !read_more(g, true))
            continue;
        enum packet_event event = packet_feed(&g->parser, g->in[g->in_from++]);
        if (g->in_seen < g->in_from) {
            g->in_seen = g->in_from;
            g->look = g->parser.state == PACKET_ESCAPED ? PACKET_INSIDE : g->parser.state;
        }
        handle(g, event);
    }
    if (g->killed && g->end == GDBSTUB_GONE)
        g->end = GDBSTUB_KILLED;
    stub_points_clear(g);
    timeline_set_progress(g->tl, NULL, NULL);
    timeline_set_condition(g->tl, NULL, NULL);
    free(g->xml.s);
    free(g->threads.s);
    g->threads = (struct text){0};
    g->xml = (struct text){0};
    g->io = NULL;
    return g->end;
}

/* ---------------------------------------------------------------- file descriptors */

struct descriptors {
    struct gdbstub *g;
    int in, out;
    bool socket;
    int listener; /* or -1 */
};

/* A session is of one gdb. Another one would wait for its first answer, for half a minute, and then report odd errors; so its connection is
 * closed, unless this session ends before it would ask again: its gdb may have been killed just now. */
enum { PATIENCE = 2000 }; /* ms: gdb's remotetimeout */

static void turn_away(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

/* Waits until the descriptor is ready. False if gdbstub_stop was called or, with timeout 0, if it is not
 * ready. */
static bool is_ready(struct descriptors *d, int fd, short events, int timeout)
{
    struct pollfd p[3] = {{.fd = fd, .events = events},
                          {.fd = d->g->wake, .events = POLLIN},
                          {.fd = timeout ? d->listener : -1, .events = POLLIN}};
    do {
        while (poll(p, 3, timeout) < 0)
            if (errno != EINTR)
                return false;
        if (p[2].revents && !p[0].revents && !p[1].revents && !poll(p, 2, PATIENCE))
            turn_away(d->listener);
    } while (timeout && !p[0].revents && !p[1].revents);
    return !p[1].revents && p[0].revents;
}

static bool fd_wait(void *ctx, int milliseconds)
{
    const struct descriptors *d = ctx;
    struct pollfd p[3] = {{.fd = d->in, .events = POLLIN},
                          {.fd = d->g->wake, .events = POLLIN},
                          {.fd = d->listener, .events = POLLIN}};
    return poll(p, 3, milliseconds) != 0;
}

static long fd_read(void *ctx, void *buf, size_t n, bool wait)
{
    struct descriptors *d = ctx;
    if (!is_ready(d, d->in, POLLIN, wait ? -1 : 0))
        return wait || d->g->stop ? -1 : 0;
    ssize_t got = read(d->in, buf, n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return wait ? fd_read(ctx, buf, n, wait) : 0;
    return got > 0 ? (long)got : -1;
}

/* Returns the bytes written, 0 if there is no room now, or -1. Writing to a descriptor that is not a socket
 * may block, so call this only if it was found ready. */
static ssize_t write_some(struct descriptors *d, const void *buf, size_t n)
{
    ssize_t put = d->socket ? send(d->out, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) : write(d->out, buf, n);
    return put < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : put;
}

static int fd_write(void *ctx, const void *buf, size_t n)
{
    enum { PIECE = 4096 }; /* a pipe that is ready accepts this much at once */
    struct descriptors *d = ctx;
    const char *from = buf;
    bool known = d->socket; /* an answer nearly always fits, so try that first */
    while (n) {
        if (!known && !is_ready(d, d->out, POLLOUT, -1))
            return -1;
        ssize_t put = write_some(d, from, n < PIECE ? n : PIECE);
        if (put < 0)
            return -1;
        known = d->socket && put > 0;
        from += put;
        n -= (size_t)put;
    }
    return 0;
}

/* gdb also gives a program that it starts a pair of sockets. */
static bool is_socket(int fd)
{
    int type;
    return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type});
}

static enum gdbstub_end serve(struct gdbstub *g, int in, int out, int listener)
{
    struct descriptors d = {g, in, out, is_socket(out), listener};
    struct gdbstub_transport t = {&d, fd_read, fd_write, fd_wait};
    return gdbstub_session(g, &t);
}

/* As long as a program that gdb has started may still write messages, gdb looks for them after each character that it reads of it: most of
 * the time of a step would be that. So its end of the pair of sockets is let go when the session begins, which says nothing there any more. What
 * ends the program (no memory) is said on the terminal. */
static void let_messages_go(void)
{
    if (!is_socket(STDIN_FILENO) || !is_socket(STDERR_FILENO))
        return;
    int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    dup2(fd, STDERR_FILENO);
    close(fd);
}

int gdbstub_stdio(struct gdbstub *g, struct error *err)
{
    let_messages_go();
    serve(g, STDIN_FILENO, STDOUT_FILENO, -1);
    return 0;
}

/* ---------------------------------------------------------------- TCP */

enum { HOST_MAX = 256 };

/* HOST:PORT, :PORT, [ADDRESS]:PORT */
static int split_address(const char *address, char host[HOST_MAX], const char **port, struct error *err)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    char *end = NULL;
    unsigned long number = colon && isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10) : 0;
    if (!end || *end || number > UINT16_MAX || n >= HOST_MAX)
        return error_set(err, "%.100s: is not an address to listen on: write HOST:PORT, as 127.0.0.1:1234",
                         address);
    bool brackets = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    memcpy(host, address + brackets, n - 2 * brackets);
    host[n - 2 * brackets] = 0;
    if (!*host)
        strcpy(host, "127.0.0.1");
    *port = colon + 1;
    return 0;
}

static int listen_on(const struct addrinfo *a)
{
    int on = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int open_listener(const char *address, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    char host[HOST_MAX];
    const char *port = "";
    int fd = -1;
    if (split_address(address, host, &port, err))
        return -1;
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc)
        return error_set(err, "%.100s: %s: write HOST:PORT, as 127.0.0.1:1234", address, gai_strerror(rc));
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = listen_on(a);
    int saved = errno;
    freeaddrinfo(list);
    if (fd < 0)
        error_set(err, "%.100s: cannot listen there: %s: give another (port 0: any that is free)", address,
                  strerror(saved));
    return fd;
}

static void announce(int fd, void (*ready)(void *ctx, const char *address), void *ctx)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char host[HOST_MAX], port[16], text[HOST_MAX + 24];
    if (!ready || getsockname(fd, (struct sockaddr *)&a, &n) ||
        getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    snprintf(text, sizeof text, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    ready(ctx, text);
}

/* The next client, or -1 if the stub is to stop. */
static int next_client(struct gdbstub *g, int listener)
{
    struct descriptors d = {.g = g, .listener = -1};
    int on = 1, fd = -1;
    while (fd < 0) {
        if (!is_ready(&d, listener, POLLIN, -1))
            return -1;
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
            return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return fd;
}

int gdbstub_listen(struct gdbstub *g, const char *address, bool once,
                   void (*ready)(void *ctx, const char *address), void *ctx, struct error *err)
{
    int listener = open_listener(address, err), client;
    if (listener < 0)
        return -1;
    stub_prepare(g);
    announce(listener, ready, ctx);
    for (bool more = true; more && (client = next_client(g, listener)) >= 0;) {
        enum gdbstub_end how = serve(g, client, client, listener);
        close(client);
        more = !once && how != GDBSTUB_KILLED && how != GDBSTUB_STOPPED;
    }
    close(listener);
    return 0;
}

/* ---------------------------------------------------------------- life */

struct gdbstub *gdbstub_new(struct timeline *tl)
{
    struct gdbstub *g = mem_zero(1, sizeof *g);
    g->tl = tl;
    g->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->frame = mem_alloc(packet_frame_room(PACKET_MAX));
    layouts_make(g);
    return g;
}

void gdbstub_free(struct gdbstub *g)
{
    if (!g)
        return;
    stub_symbols_free(g);
    stages_free(g->stages);
    times_free(g->times);
    trace_explainer_free(g->explainer);
    processes_free(g->processes);
    free(g->waiting.s);
    free(g->point);
    close(g->wake);
    free(g->frame);
    free(g);
}

void gdbstub_interrupt(struct gdbstub *g)
{
    g->asked = true;
    timeline_interrupt(g->tl);
}

void gdbstub_stop(struct gdbstub *g)
{
    uint64_t one = 1;
    g->stop = true;
    timeline_interrupt(g->tl);
    if (write(g->wake, &one, sizeof one) < 0)
        return; /* the pipe is full, so a wake-up is already pending */
}
