/* ipv6.c - IPv6 frames whose transport is read or changed on the way to and from libslirp, and the only frame
 * of libslirp's own that depends on the host: a router advertisement names a DNS server if the host has one
 * with an IPv6 address.
 *
 * libslirp knows no extension headers, so the transport's header follows the IPv6 header. Source: RFC 8200
 * (3, header; 8.1, checksum), RFC 4861 (4.2, router advertisement; 4.6, options), RFC 8106 (5.1). */
#include <netinet/in.h>
#include <string.h>

#include "base/byte_order.h"
#include "core/net/private/wire.h"

enum {
    ETHERNET = 14,
    TYPE = 12,
    IPV6 = 40,
    LENGTH = 4,
    NEXT = 6,
    SOURCE = 8,
    ADDRESSES = 32,
    ICMP_SUM = 2,
    UDP_SUM = 6,
    ADVERTISEMENT = 134,
    OPTIONS = 16,
    NAME_SERVERS = 25
};

uint8_t *ipv6_transport(uint8_t *frame, size_t n, unsigned protocol, size_t *length)
{
    if (n < ETHERNET + IPV6 || be16(frame + TYPE) != 0x86dd || frame[ETHERNET + NEXT] != protocol)
        return NULL;
    *length = be16(frame + ETHERNET + LENGTH);
    return *length <= n - ETHERNET - IPV6 ? frame + ETHERNET + IPV6 : NULL;
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? p[i] : p[i] * 256u;
    return sum;
}

void ipv6_seal(uint8_t *frame, uint8_t *transport, size_t length)
{
    const unsigned protocol = frame[ETHERNET + NEXT];
    uint8_t *at = transport + (protocol == IPPROTO_UDP ? UDP_SUM : ICMP_SUM);
    put_be16(at, 0);
    uint32_t sum = add(protocol + (uint32_t)length, frame + ETHERNET + SOURCE, ADDRESSES);
    sum = add(sum, transport, length);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put_be16(at, sum == 0xffff ? sum : ~sum & 0xffff);
}

size_t ipv6_own_answer(uint8_t *frame, size_t n)
{
    size_t length, at = OPTIONS, size;
    uint8_t *icmp = ipv6_transport(frame, n, IPPROTO_ICMPV6, &length);
    if (!icmp || length < OPTIONS || icmp[0] != ADVERTISEMENT)
        return n;
    while (at + 8 <= length && (size = icmp[at + 1] * 8u) && at + size <= length) {
        if (icmp[at] != NAME_SERVERS) {
            at += size;
            continue;
        }
        memmove(icmp + at, icmp + at + size, length - at - size);
        length -= size;
        n -= size;
    }
    put_be16(frame + ETHERNET + LENGTH, length);
    ipv6_seal(frame, icmp, length);
    return n;
}
