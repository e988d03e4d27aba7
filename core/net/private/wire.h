/* wire.h - one wire of core/net: a peer that takes the guest's frames, and sends frames to it. */
#ifndef BOOTREEL_CORE_NET_WIRE_H
#define BOOTREEL_CORE_NET_WIRE_H

#include <poll.h>

#include "base/byte_order.h"
#include "core/net/net.h"

enum {
    WIRE_SOCKETS = 1024,
    WIRE_LOOK = 1000000 /* ns of guest time between two looks at sockets, while the guest is busy */
};

/* The host's sockets that the wires wait for. */
struct wire_sockets {
    struct pollfd fd[WIRE_SOCKETS];
    unsigned n;
};

struct wire_kind {
    /* The guest has sent a frame at guest time `now`. */
    void (*input)(void *peer, const uint8_t *frame, size_t n, uint64_t now);
    /* Adds the sockets that it waits for. Returns the guest time at which it wants to be asked again,
     * UINT64_MAX if never. May be NULL. */
    uint64_t (*sockets)(void *peer, struct wire_sockets *, uint64_t now);
    /* Handles what poll() said of its sockets (those that it has added). May be NULL. */
    void (*ready)(void *peer, const struct wire_sockets *, uint64_t now);
    void (*destroy)(void *peer);
};

struct wire;

/* A peer sends a frame to the guest, at guest time `now`. */
void wire_send(struct wire *, const uint8_t *frame, size_t n, uint64_t now);

/* The peers. NULL with err. */
void *user_new(const struct net_wire *, struct wire *, struct error *err);
extern const struct wire_kind user_kind;
void *socket_new(const struct net_wire *, struct wire *, struct error *err);
extern const struct wire_kind socket_kind;

/* ---- tftp_guard.c ---- */

/* Whether the frame may go to the server. A request for something outside of `folder`, or that is not a file,
 * is changed so that the server refuses it. `host`: the server's IPv4 address. */
bool tftp_guard(const char *folder, uint32_t host, uint8_t *frame, size_t n);

/* ---- ipv6.c ---- */

/* The transport header in an IPv6 frame of that protocol; *length: of the header and what follows. NULL if it
 * is not such a frame, or is cut. */
uint8_t *ipv6_transport(uint8_t *frame, size_t n, unsigned protocol, size_t *length);
/* Makes the checksum of UDP or ICMPv6 right again. */
void ipv6_seal(uint8_t *frame, uint8_t *transport, size_t length);
/* Removes from libslirp's answer what it says about the host. Returns the frame's new length. */
size_t ipv6_own_answer(uint8_t *frame, size_t n);

/* ---- http_boot.c ---- */

/* Whether the guest asks a DHCP server for something to boot by HTTP. */
bool http_boot_asks(const uint8_t *frame, size_t n);
/* Makes a DHCP server's answer one to such a request, if there is room. */
void http_boot_answer(uint8_t *frame, size_t n);

/* ---- mangle.c ---- */

enum { MANGLE_WORDS = 600 };
enum mangled { MANGLE_NOTHING, MANGLE_LOSE, MANGLE_DOUBLE, MANGLE_DELAY, MANGLE_DAMAGE };
/* Decides what happens to the next frame; damages it in place. If something happens, `words` says what, and
 * what the frame was. */
enum mangled mangle(uint64_t *state, unsigned percent, uint8_t *frame, size_t n, char words[MANGLE_WORDS]);

#endif
