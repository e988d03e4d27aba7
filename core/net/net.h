/* net.h - the other end of a machine's network cards, while it is recorded: what answers the frames that the
 * guest sends.
 *
 * Its clock is guest time. What the guest sends is taken when the recorder asks (net_run), each frame at the
 * time at which it left the card; what comes back is due a fixed time later (NET_LATENCY), and is then given
 * to the machine as an input. So as long as nothing of the host is involved, the answers follow from the run
 * alone. With an outside (sockets of the host), frames are due when they come; they are recorded at the
 * positions at which they were given, like all inputs.
 */
#ifndef BOOTREEL_CORE_NET_NET_H
#define BOOTREEL_CORE_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/engine/engine.h"

enum {
    NET_FORWARDS = 8,
    NET_BOOTFILE_MOST = 127, /* characters, as DHCP has room for */
    NET_HOSTNAME_MOST = 32,
    NET_LATENCY = 20000, /* ns from a frame to its answer, at least */
    NET_PERCENT = 100,
};

/* A TCP port of the host that leads to the guest; an empty host address means all. */
struct net_forward {
    char host_address[48];
    uint16_t host_port, guest_port;
};

enum net_kind { NET_NONE, NET_USER, NET_SOCKET };

/* What a card is connected to. The texts must stay valid. */
struct net_wire {
    unsigned card;
    enum net_kind kind;
    /* NET_USER: the folder that can be read by TFTP; the boot file and host name that DHCP gives; NULL:
     * none */
    const char *tftp, *bootfile, *hostname;
    bool outside; /* whether the guest reaches the host and its network */
    bool ipv6;    /* whether it speaks IPv6, too */
    struct net_forward forward[NET_FORWARDS];
    unsigned nforwards;
    /* NET_SOCKET: the paths of the other end's Unix datagram socket, and of its own. `local` NULL: `socket`
     * with ".bootreel" added, and the other end must exist */
    const char *socket, *local;
    /* How many of 100 frames to the guest are lost, doubled, delayed or damaged; the seed decides which
     * ones. */
    unsigned mangle;
    uint64_t seed;
    uint64_t mangle_from, mangle_from_time; /* and only from that icount and guest time (ns) on */
};

struct net;

/* NULL with err if a folder or a socket cannot be used. */
struct net *net_new(const struct net_wire *wires, size_t n, struct error *err);
void net_free(struct net *); /* NULL is allowed */

/* The guest has sent a frame at that guest time. It is only kept, so this may be called while the engine runs. */
void net_sent(struct net *, uint64_t card, uint64_t time, const void *frame, size_t n);

/* To be called when the engine has stopped, at that icount and guest time `now`: answers what was sent, and asks the host's sockets. */
void net_run(struct net *, uint64_t icount, uint64_t now);
/* The icount at which the engine must stop for net_run, as frames are mangled from there on; UINT64_MAX: at none. */
uint64_t net_stop(const struct net *);

/* The next frame that is due, as an input with port, data and len; false if none is. */
bool net_due(const struct net *, uint64_t now, struct input *in);
/* The frame of net_due was taken; or the card had no room for it: then it is due again soon, and is dropped
 * after some attempts. */
void net_given(struct net *, uint64_t now, bool taken);

/* The guest time at which something is to be done; UINT64_MAX: never, by itself. */
uint64_t net_deadline(const struct net *);

/* Whether something may come from the host's sockets now, so that an idle guest should wait for it in real time. */
bool net_expects(const struct net *);
/* Waits for the sockets in real time, for a moment and at most for `ns`. Returns how long it has waited, in
 * ns. */
uint64_t net_wait(struct net *, uint64_t ns);

/* How many frames to the guest were dropped because its card had no room for them. */
uint64_t net_dropped(const struct net *);

#endif
