/* inet.c - IPv4 between the host's own programs: ip(7), tcp(7) and udp(7) over the loopback interface, the only one there
 * is. A name is kept as the text 'i', address and port in hexadecimal: "i7f0000010050" is 127.0.0.1:80. Streams and
 * datagrams have ports of their own. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "uml/files.h"

enum { FIRST_PORT = 32768, LAST_PORT = 60999 }; /* /proc/sys/net/ipv4/ip_local_port_range */

struct endpoint {
    uint32_t address; /* of the host's byte order */
    uint16_t port;
};

static bool local(uint32_t address)
{
    return address >> 24 == 127 || address == INADDR_ANY;
}

static void to_text(struct endpoint e, char text[ADDRESS_TEXT])
{
    snprintf(text, ADDRESS_TEXT, "i%08x%04x", e.address, e.port);
}

static struct endpoint from_text(const char *text)
{
    const unsigned long long n = strtoull(text + 1, NULL, 16);
    return (struct endpoint){(uint32_t)(n >> 16), (uint16_t)n};
}

int inet_check(uint64_t type, uint64_t protocol)
{
    if (type == SOCK_STREAM)
        return !protocol || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
    if (type == SOCK_DGRAM)
        return !protocol || protocol == IPPROTO_UDP ? 0 : -EPROTONOSUPPORT;
    return -ESOCKTNOSUPPORT; /* raw ones, too: there is no network that they could show */
}

int inet_take(const void *bytes, uint64_t len, char text[ADDRESS_TEXT])
{
    const struct sockaddr_in *sa = bytes;
    if (len < sizeof *sa)
        return -EINVAL;
    if (sa->sin_family != AF_INET)
        return -EAFNOSUPPORT;
    to_text((struct endpoint){ntohl(sa->sin_addr.s_addr), ntohs(sa->sin_port)}, text);
    return 0;
}

size_t inet_put(const char *text, void *bytes)
{
    const struct endpoint e = text ? from_text(text) : (struct endpoint){0, 0};
    const struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(e.port), .sin_addr = {.s_addr = htonl(e.address)}};
    memcpy(bytes, &sa, sizeof sa);
    return sizeof sa;
}

/* The socket of that type that has the port at this address or at all of them. */
static ref holder(struct host *h, uint32_t type, struct endpoint e, bool any)
{
    for (ref r = h->r.sockets; r; r = SOCKET(r)->bound_next) {
        const struct socket *s = SOCKET(r);
        if (s->family != AF_INET || s->type != type)
            continue;
        const struct endpoint has = from_text(at(h, s->name));
        if (has.port == e.port && (has.address == e.address || !has.address || any))
            return r;
    }
    return 0;
}

int64_t inet_find(struct host *h, uint32_t type, const char *text)
{
    struct endpoint e = from_text(text);
    if (!local(e.address))
        return -ENETUNREACH;
    if (!e.address)
        e.address = INADDR_LOOPBACK;
    const ref r = holder(h, type, e, false);
    return r ? (int64_t)r : -ECONNREFUSED;
}

int64_t inet_bind(struct host *h, ref socket, const char *text)
{
    struct socket *s = SOCKET(socket);
    struct endpoint e = from_text(text);
    char name[ADDRESS_TEXT];
    if (!local(e.address))
        return -EADDRNOTAVAIL;
    if (e.port && holder(h, s->type, e, !e.address))
        return -EADDRINUSE;
    for (unsigned port = FIRST_PORT; !e.port && port <= LAST_PORT; port++)
        if (!holder(h, s->type, (struct endpoint){e.address, (uint16_t)port}, true))
            e.port = (uint16_t)port;
    if (!e.port)
        return -EADDRINUSE;
    to_text(e, name);
    if (!(s->name = arena_text(h, name)))
        return -ENOMEM;
    s->bound_next = h->r.sockets;
    h->r.sockets = socket;
    return 0;
}

int64_t inet_bind_any(struct host *h, ref socket)
{
    char text[ADDRESS_TEXT];
    if (SOCKET(socket)->family != AF_INET || SOCKET(socket)->name)
        return 0;
    to_text((struct endpoint){SOCKET(socket)->type == SOCK_STREAM ? INADDR_LOOPBACK : INADDR_ANY, 0}, text);
    return inet_bind(h, socket, text);
}

void inet_source(const char *name, char text[ADDRESS_TEXT])
{
    struct endpoint e = from_text(name);
    if (!e.address)
        e.address = INADDR_LOOPBACK;
    to_text(e, text);
}

bool inet_option(uint64_t level, uint64_t name)
{
    /* What has no meaning where nothing is lost, late or far away. */
    static const struct {
        uint8_t level, name;
    } without_effect[] = {{IPPROTO_IP, IP_TOS},           {IPPROTO_IP, IP_TTL},
                          {IPPROTO_IP, IP_MTU_DISCOVER},  {IPPROTO_TCP, TCP_NODELAY},
                          {IPPROTO_TCP, TCP_CORK},        {IPPROTO_TCP, TCP_KEEPIDLE},
                          {IPPROTO_TCP, TCP_KEEPINTVL},   {IPPROTO_TCP, TCP_KEEPCNT},
                          {IPPROTO_TCP, TCP_QUICKACK},    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
                          {IPPROTO_TCP, TCP_USER_TIMEOUT}};
    for (size_t i = 0; i < sizeof without_effect / sizeof *without_effect; i++)
        if (level == without_effect[i].level && name == without_effect[i].name)
            return true;
    return false;
}
