/* words.h - text that is made within a buffer, and bytes of a frame that are read within it. Private to
 * core/packets. */
#ifndef BOOTREEL_CORE_PACKETS_WORDS_H
#define BOOTREEL_CORE_PACKETS_WORDS_H

#include "core/packets/packet.h"

/* An output buffer like snprintf's: counts everything, keeps what fits; net_end() ends it with NUL. */
struct net_words {
    char *buf;
    size_t size, n;
};

void net_add(struct net_words *, const char *format, ...) __attribute__((format(printf, 2, 3)));
int net_end(struct net_words *);
/* Bytes as text; those that are not printable as \xNN. At most `most` bytes of them, then "…". */
void net_text(struct net_words *, struct net_bytes, size_t most);
/* Bytes in hex: "00:11". */
void net_hex(struct net_words *, struct net_bytes, size_t most);
void net_ip(struct net_words *, struct net_bytes);
/* Addresses of `each` bytes, with commas between them. */
void net_ips(struct net_words *, struct net_bytes, size_t each);

/* Big-endian numbers; 0 if they are not all there. */
static inline unsigned net_8(struct net_bytes b, size_t at)
{
    return at < b.n ? b.p[at] : 0;
}

static inline unsigned net_16(struct net_bytes b, size_t at)
{
    return at < b.n && b.n - at >= 2 ? (unsigned)(b.p[at] << 8 | b.p[at + 1]) : 0;
}

static inline uint32_t net_32(struct net_bytes b, size_t at)
{
    return at < b.n && b.n - at >= 4 ? (uint32_t)net_16(b, at) << 16 | net_16(b, at + 2) : 0;
}

/* From `at` on, at most n bytes; empty if there are none. */
static inline struct net_bytes net_part(struct net_bytes b, size_t at, size_t n)
{
    if (at >= b.n)
        return (struct net_bytes){0};
    return (struct net_bytes){b.p + at, n < b.n - at ? n : b.n - at};
}

static inline struct net_bytes net_from(struct net_bytes b, size_t at)
{
    return net_part(b, at, b.n);
}

/* The decimal number that the bytes begin with, 0 without one; digits after the 18th are ignored. */
uint64_t net_decimal(struct net_bytes b);

/* A name in a table of numbers, or NULL. */
struct net_name {
    unsigned number;
    const char *name;
};
const char *net_name(const struct net_name *table, size_t n, unsigned number);
#define NET_NAME(table, number) net_name(table, sizeof(table) / sizeof((table)[0]), number)

/* The parts of packet_line() and packet_fields(); the first three return false if the packet is none of theirs. */
bool net_dhcp_line(struct net_words *, const struct packet *);
bool net_udp_line(struct net_words *, const struct packet *); /* TFTP, DNS, and what is known by its port */
bool net_tcp_line(struct net_words *, const struct packet *); /* HTTP, TLS */
void net_arp_line(struct net_words *, const struct packet *);
void net_icmp_line(struct net_words *, const struct packet *);
void net_dhcp_fields(struct net_words *, const struct packet *, const struct net_dhcp *);
bool net_dhcp6_line(struct net_words *, const struct packet *);
void net_dhcp6_fields(struct net_words *, const struct packet *);
/* Processor architecture types (RFC 4578, 2.1): "7 (EFI x86-64), 16 (EFI x86-64 HTTP)". */
void net_architectures(struct net_words *, struct net_bytes);
/* The words of a DNS type: "A", "AAAA". */
const char *net_dns_type(unsigned type);

#endif
