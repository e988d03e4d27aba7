/* user.c - the user network: libslirp, with guest time as its clock.
 *
 * Without an outside it is restricted: DHCP, ARP, ICMP to the gateway and TFTP, no socket of the host. What
 * it answers then follows from what the guest sends, and when. libslirp 4.7 uses random numbers in two
 * places: for the interval of router advertisements, for which we take a fixed one, and for the ports of Unix
 * sockets (not used). Addresses and names are those of QEMU's user network. */
#include <arpa/inet.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "core/net/private/wire.h"

#define NETWORK "10.0.2.0"
#define MASK    "255.255.255.0"
#define GATEWAY "10.0.2.2"
#define SERVER  "10.0.2.3" /* of names */
#define GUEST   "10.0.2.15"

#define PREFIX6  "fec0::"
#define GATEWAY6 "fec0::2"
#define SERVER6  "fec0::3" /* of names, and of DHCPv6 */

enum {
    PREFIX6_BITS = 64,
    MS = 1000000 /* ns */,
    IDLE_MS = 1000 /* libslirp's own longest time between two polls */
};

/* The interval of unsolicited router advertisements, ns: RFC 4861 (6.2.1) allows 198 s to 600 s. The first
 * three would come 16 s apart, to announce the router; libslirp does not do that either. */
#define ADVERTISE 400000000000u

/* libslirp's only timer: router advertisements. */
struct timer {
    SlirpTimerId id;
    void *opaque;
    uint64_t due; /* guest time; UINT64_MAX: it does not run */
};

struct user {
    struct wire *wire;
    const struct net_wire *options;
    Slirp *slirp;
    SlirpCb callbacks;
    uint64_t now;
    bool http_boot; /* the guest asks for something to boot by HTTP */
    struct timer advertise;
    struct wire_sockets *sockets; /* while they are listed */
    const struct wire_sockets *said;
};

static struct in_addr address(const char *text)
{
    struct in_addr a = {0};
    inet_pton(AF_INET, text, &a);
    return a;
}

/* ---------------------------------------------------------------- what libslirp calls */

static ssize_t send_packet(const void *frame, size_t n, void *opaque)
{
    struct user *u = opaque;
    uint8_t own[ENGINE_FRAME];
    const ssize_t taken = (ssize_t)n;
    if (n > sizeof own) {
        wire_send(u->wire, frame, n, u->now); /* which counts it as lost */
        return taken;
    }
    memcpy(own, frame, n);
    if (u->http_boot)
        http_boot_answer(own, n);
    if (!u->options->outside)
        n = ipv6_own_answer(own, n);
    wire_send(u->wire, own, n, u->now);
    return taken;
}

static void guest_error(const char *text, void *opaque) {}

static int64_t clock_get_ns(void *opaque)
{
    return (int64_t)((struct user *)opaque)->now;
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
    struct user *u = opaque;
    u->advertise = (struct timer){.id = id, .opaque = timer_opaque, .due = UINT64_MAX};
    return &u->advertise;
}

static void timer_free(void *timer, void *opaque)
{
    ((struct timer *)timer)->due = UINT64_MAX;
}

/* The time that libslirp gives is random: see above. */
static void timer_mod(void *timer, int64_t expire_time, void *opaque)
{
    const struct user *u = opaque;
    ((struct timer *)timer)->due = u->now + ADVERTISE;
}

static void poll_fd(int fd, void *opaque) {}

static void notify(void *opaque) {}

/* ---------------------------------------------------------------- the host's sockets */

static int add_poll(int fd, int events, void *opaque)
{
    struct user *u = opaque;
    struct wire_sockets *s = u->sockets;
    if (s->n == WIRE_SOCKETS)
        return -1;
    short wanted = 0;
    wanted |= events & SLIRP_POLL_IN ? POLLIN : 0;
    wanted |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
    wanted |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
    s->fd[s->n] = (struct pollfd){.fd = fd, .events = wanted};
    return (int)s->n++;
}

static int get_revents(int index, void *opaque)
{
    struct user *u = opaque;
    short said = index >= 0 && u->said ? u->said->fd[index].revents : 0;
    return (said & POLLIN ? SLIRP_POLL_IN : 0) | (said & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (said & POLLPRI ? SLIRP_POLL_PRI : 0) | (said & POLLERR ? SLIRP_POLL_ERR : 0) |
           (said & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void fill_polls(struct user *u, uint32_t *timeout)
{
#if SLIRP_CHECK_VERSION(4, 9, 0) /* the old name is deprecated; it differs on Windows only */
    slirp_pollfds_fill_socket(u->slirp, timeout, add_poll, u);
#else
    slirp_pollfds_fill(u->slirp, timeout, add_poll, u);
#endif
}

/* A connection's timers run only while there is a connection; without sockets, nothing has to be done at a
 * certain time. */
static uint64_t user_sockets(void *peer, struct wire_sockets *s, uint64_t now)
{
    struct user *u = peer;
    uint32_t timeout = UINT32_MAX;
    u->now = now;
    u->sockets = s;
    const unsigned others = s->n;
    fill_polls(u, &timeout);
    const bool any = s->n > others;
    if (any || !timeout)
        return now + WIRE_LOOK;
    const uint64_t due = u->advertise.due > now ? u->advertise.due : now + 1;
    const uint64_t soon = timeout < IDLE_MS ? now + timeout * (uint64_t)MS : UINT64_MAX;
    return soon < due ? soon : due;
}

static void run_timer(struct user *u)
{
    if (u->now < u->advertise.due)
        return;
    u->advertise.due = UINT64_MAX;
    slirp_handle_timer(u->slirp, u->advertise.id, u->advertise.opaque);
}

static void user_ready(void *peer, const struct wire_sockets *s, uint64_t now)
{
    struct user *u = peer;
    u->now = now;
    u->said = s;
    slirp_pollfds_poll(u->slirp, 0, get_revents, u);
    u->said = NULL;
    run_timer(u);
}

static void user_input(void *peer, const uint8_t *frame, size_t n, uint64_t now)
{
    struct user *u = peer;
    uint8_t own[ENGINE_FRAME];
    if (n > sizeof own)
        return;
    memcpy(own, frame, n);
    u->now = now;
    slirp_pollfds_poll(u->slirp, 1, get_revents, u); /* its clock goes on, and what waited is sent */
    u->http_boot = http_boot_asks(own, n);
    if (tftp_guard(u->options->tftp, address(GATEWAY).s_addr, own, n))
        slirp_input(u->slirp, own, (int)n);
    u->http_boot = false;
}

/* ---------------------------------------------------------------- creating */

static struct in6_addr address6(const char *text)
{
    struct in6_addr a = IN6ADDR_ANY_INIT;
    inet_pton(AF_INET6, text, &a);
    return a;
}

static int add_forwards(struct user *u, struct error *err)
{
    for (unsigned i = 0; i < u->options->nforwards; i++) {
        const struct net_forward *f = &u->options->forward[i];
        struct in_addr host = address(f->host_address[0] ? f->host_address : "0.0.0.0");
        if (slirp_add_hostfwd(u->slirp, 0, host, f->host_port, address(GUEST), f->guest_port))
            return error_set(err, "--net: forward=tcp:%s:%u:%u: port %u cannot be used: give another",
                             f->host_address, f->host_port, f->guest_port, f->host_port);
    }
    return 0;
}

static void user_destroy(void *peer)
{
    struct user *u = peer;
    if (u->slirp)
        slirp_cleanup(u->slirp);
    free(u);
}

static Slirp *create(struct user *u)
{
    const struct net_wire *o = u->options;
    const SlirpConfig config = {
        .version = 4,
        .restricted = !o->outside,
        .in_enabled = true,
        .vnetwork = address(NETWORK),
        .vnetmask = address(MASK),
        .vhost = address(GATEWAY),
        .vhostname = o->hostname,
        .tftp_path = o->tftp,
        .bootfile = o->bootfile,
        .vdhcp_start = address(GUEST),
        .vnameserver = address(SERVER),
        .in6_enabled = o->ipv6,
        .vprefix_addr6 = address6(PREFIX6),
        .vprefix_len = PREFIX6_BITS,
        .vhost6 = address6(GATEWAY6),
        .vnameserver6 = address6(SERVER6),
    };
    u->callbacks = (SlirpCb){.send_packet = send_packet,
                             .guest_error = guest_error,
                             .clock_get_ns = clock_get_ns,
                             .timer_new_opaque = timer_new,
                             .timer_free = timer_free,
                             .timer_mod = timer_mod,
                             .register_poll_fd = poll_fd,
                             .unregister_poll_fd = poll_fd,
                             .notify = notify};
    return slirp_new(&config, &u->callbacks, u);
}

static int check_folder(const char *folder, struct error *err)
{
    struct stat st;
    if (!folder || (!stat(folder, &st) && S_ISDIR(st.st_mode)))
        return 0;
    return error_set(err, "--net: tftp=%.200s: is not a folder: give one that can be read", folder);
}

void *user_new(const struct net_wire *options, struct wire *wire, struct error *err)
{
    struct user *u = mem_zero(1, sizeof *u);
    u->wire = wire;
    u->options = options;
    u->advertise.due = UINT64_MAX;
    if (!check_folder(options->tftp, err)) {
        u->slirp = create(u);
        if (!u->slirp)
            error_set(err, "--net: libslirp refuses the network");
        else if (!add_forwards(u, err))
            return u;
    }
    user_destroy(u);
    return NULL;
}

const struct wire_kind user_kind = {
    .input = user_input, .sockets = user_sockets, .ready = user_ready, .destroy = user_destroy};
