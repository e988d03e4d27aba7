/* packet.c - the headers of a frame: Ethernet, IP and what is in it. See packet.h. */
#include <string.h>

#include "core/packets/private/words.h"

enum {
    MAC = 6,
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_QINQ = 0x88a8,
    LEAST_TYPE = 0x600,
};

static const struct net_name types[] = {
    {0x0842, "wake-on-LAN"},
    {0x8035, "RARP"},
    {0x8808, "Ethernet flow control"},
    {0x8847, "MPLS"},
    {0x8863, "PPPoE discovery"},
    {0x8864, "PPPoE session"},
    {0x888e, "EAPOL"},
    {0x88cc, "LLDP"},
    {0x88f7, "PTP"},
};

static const struct net_name protocols[] = {
    {0, "hop-by-hop options"},
    {1, "ICMP"},
    {2, "IGMP"},
    {4, "IPv4 in IP"},
    {6, "TCP"},
    {17, "UDP"},
    {41, "IPv6 in IP"},
    {47, "GRE"},
    {50, "ESP"},
    {51, "AH"},
    {58, "ICMPv6"},
    {59, "nothing"},
    {89, "OSPF"},
    {103, "PIM"},
    {112, "VRRP"},
    {132, "SCTP"},
};

/* ---------------------------------------------------------------- taking apart */

static void parse_udp(struct packet *p)
{
    const struct net_bytes s = p->segment;
    const size_t length = net_16(s, 4),
                 whole = length >= 8 && length < p->segment_length ? length : p->segment_length;
    p->source_port = net_16(s, 0);
    p->target_port = net_16(s, 2);
    p->payload_length = whole >= 8 ? whole - 8 : 0;
    p->payload = net_part(s, 8, p->payload_length);
}

static void parse_tcp(struct packet *p)
{
    const struct net_bytes s = p->segment;
    size_t header = (net_8(s, 12) >> 4) * 4u;
    p->source_port = net_16(s, 0);
    p->target_port = net_16(s, 2);
    p->seq = net_32(s, 4);
    p->ack = net_32(s, 8);
    p->flags = net_8(s, 13) & 0x3f;
    p->window = net_16(s, 14);
    header = header < 20 ? 20 : header;
    p->payload_length = p->segment_length > header ? p->segment_length - header : 0;
    p->payload = net_part(s, header, p->payload_length);
}

static void parse_transport(struct packet *p)
{
    p->first = !p->fragment;
    p->payload = p->segment;
    p->payload_length = p->segment_length;
    if (p->first && p->protocol == PACKET_UDP && p->segment.n >= 8)
        parse_udp(p);
    else if (p->first && p->protocol == PACKET_TCP && p->segment.n >= 20)
        parse_tcp(p);
}

static void parse_ipv4(struct packet *p)
{
    const struct net_bytes b = p->inner;
    const size_t header = (net_8(b, 0) & 15) * 4u, total = net_16(b, 2);
    if (b.n < 20 || net_8(b, 0) >> 4 != 4 || header < 20 || header > b.n || (total && total < header))
        return;
    const unsigned flags = net_16(b, 6);
    p->ip = net_part(b, 0, header);
    p->source = net_part(b, 12, 4);
    p->target = net_part(b, 16, 4);
    p->id = net_16(b, 4);
    p->ttl = net_8(b, 8);
    p->protocol = net_8(b, 9);
    p->fragment = (flags & 0x1fff) * 8;
    p->more = flags & 0x2000;
    /* The length is 0 if the card is to cut a large segment up itself. */
    p->segment_length = (total ? total : b.n) - header;
    p->segment = net_part(b, header, p->segment_length);
    parse_transport(p);
}

/* Skips the extension headers; returns where the transport's begins. */
static size_t skip_extensions(struct packet *p)
{
    enum { HOPS = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60, MOST = 16 };
    const struct net_bytes b = p->inner;
    size_t at = 40;
    for (unsigned i = 0; i < MOST && at + 8 <= b.n; i++) {
        const unsigned now = p->protocol;
        if (now != HOPS && now != ROUTING && now != FRAGMENT && now != AUTHENTICATION && now != DESTINATION)
            break;
        p->protocol = net_8(b, at);
        if (now == FRAGMENT) {
            p->fragment = net_16(b, at + 2) & 0xfff8;
            p->more = net_8(b, at + 3) & 1;
            p->id = net_32(b, at + 4);
        }
        at += now == FRAGMENT         ? 8
              : now == AUTHENTICATION ? (net_8(b, at + 1) + 2) * 4u
                                      : (net_8(b, at + 1) + 1) * 8u;
    }
    return at;
}

static void parse_ipv6(struct packet *p)
{
    const struct net_bytes b = p->inner;
    const size_t payload = net_16(b, 4);
    if (b.n < 40 || net_8(b, 0) >> 4 != 6)
        return;
    p->source = net_part(b, 8, 16);
    p->target = net_part(b, 24, 16);
    p->ttl = net_8(b, 7);
    p->protocol = net_8(b, 6);
    const size_t at = skip_extensions(p), whole = payload ? payload + 40 : b.n;
    p->ip = net_part(b, 0, at);
    p->segment_length = whole > at ? whole - at : 0;
    p->segment = net_part(b, at, p->segment_length);
    parse_transport(p);
}

bool packet_parse(const void *frame, size_t n, struct packet *p)
{
    const struct net_bytes b = {frame, n};
    size_t at = 2 * MAC + 2;
    *p = (struct packet){0};
    if (n < at)
        return false;
    p->to = net_part(b, 0, MAC);
    p->from = net_part(b, MAC, MAC);
    p->type = net_16(b, 2 * MAC);
    while ((p->type == TYPE_VLAN || p->type == TYPE_QINQ) && at + 4 <= n) {
        p->tags++;
        p->vlan = net_16(b, at) & 0xfff;
        p->type = net_16(b, at + 2);
        at += 4;
    }
    p->inner = net_from(b, at);
    if (p->type == TYPE_IPV4)
        parse_ipv4(p);
    else if (p->type == TYPE_IPV6)
        parse_ipv6(p);
    return true;
}

/* ---------------------------------------------------------------- the line */

void net_arp_line(struct net_words *w, const struct packet *p)
{
    const struct net_bytes b = p->inner;
    const struct net_bytes from = net_part(b, 14, 4), to = net_part(b, 24, 4);
    const unsigned op = net_16(b, 6);
    net_add(w, "ARP ");
    if (b.n < 28 || net_16(b, 2) != TYPE_IPV4 || net_8(b, 4) != MAC || net_8(b, 5) != 4 || op < 1 || op > 2) {
        net_add(w, "operation %u, hardware %u, protocol 0x%04x", op, net_16(b, 0), net_16(b, 2));
        return;
    }
    if (!memcmp(from.p, to.p, 4)) {
        net_add(w, "announces ");
        net_ip(w, from);
        net_add(w, " at ");
        net_hex(w, net_part(b, 8, MAC), MAC);
    } else if (op == 1) {
        net_add(w, "who has ");
        net_ip(w, to);
        net_add(w, net_32(b, 14) ? "? tell " : "? a probe by ");
        if (net_32(b, 14))
            net_ip(w, from);
        else
            net_hex(w, net_part(b, 8, MAC), MAC);
    } else {
        net_ip(w, from);
        net_add(w, " is at ");
        net_hex(w, net_part(b, 8, MAC), MAC);
    }
}

static void add_end(struct net_words *w, const struct packet *p, struct net_bytes address, unsigned port)
{
    const bool brackets =
        p->first && address.n == 16 && (p->protocol == PACKET_UDP || p->protocol == PACKET_TCP);
    net_add(w, brackets ? "[" : "");
    net_ip(w, address);
    net_add(w, brackets ? "]" : "");
    if (p->first && (p->protocol == PACKET_UDP || p->protocol == PACKET_TCP))
        net_add(w, ":%u", port);
}

static void add_ends(struct net_words *w, const struct packet *p)
{
    add_end(w, p, p->source, p->source_port);
    net_add(w, " > ");
    add_end(w, p, p->target, p->target_port);
    net_add(w, " ");
}

static void add_tcp(struct net_words *w, const struct packet *p)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
    net_add(w, "TCP");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (p->flags >> i & 1)
            net_add(w, " %s", names[i]);
    net_add(w, " seq %u", p->seq);
    if (p->flags & TCP_ACK)
        net_add(w, " ack %u", p->ack);
    net_add(w, " window %u, %zu bytes", p->window, p->payload_length);
}

/* The sum of 16-bit words in one's complement (RFC 1071). */
static uint32_t sum(struct net_bytes b, uint32_t s)
{
    for (size_t i = 0; i < b.n; i += 2)
        s += (uint32_t)b.p[i] << 8 | (i + 1 < b.n ? b.p[i + 1] : 0);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return s;
}

/* Whether the transport's checksum can be checked, and is wrong. It cannot be checked in a fragment or a
 * frame that is cut. */
static bool segment_is_wrong(const struct packet *p)
{
    const struct net_bytes s = p->segment;
    const bool udp = p->protocol == PACKET_UDP;
    if (!p->first || p->more || s.n != p->segment_length || (udp && (s.n < 8 || !net_16(s, 6))))
        return false;
    if (p->protocol == PACKET_ICMP)
        return s.n >= 8 && sum(s, 0) != 0xffff;
    if (!udp && p->protocol != PACKET_TCP && p->protocol != PACKET_ICMP6)
        return false;
    const uint32_t pseudo = sum(p->target, sum(p->source, p->protocol + (uint32_t)s.n));
    return s.n >= 8 && sum(s, pseudo) != 0xffff;
}

static void add_faults(struct net_words *w, const struct packet *p)
{
    if (p->type == TYPE_IPV4 && sum(p->ip, 0) != 0xffff)
        net_add(w, ", IPv4 checksum wrong");
    if (segment_is_wrong(p))
        net_add(w, ", %s checksum wrong", NET_NAME(protocols, p->protocol));
}

static void add_ip(struct net_words *w, const struct packet *p)
{
    const char *name = NET_NAME(protocols, p->protocol);
    add_ends(w, p);
    if (!p->first)
        net_add(w, "%s", name ? name : "IP");
    else if (p->protocol == PACKET_ICMP || p->protocol == PACKET_ICMP6)
        net_icmp_line(w, p);
    else if (p->protocol == PACKET_UDP && p->segment.n >= 8) {
        if (!net_dhcp_line(w, p) && !net_udp_line(w, p))
            net_add(w, "UDP %zu bytes", p->payload_length);
    } else if (p->protocol == PACKET_TCP && p->segment.n >= 20) {
        if (!net_tcp_line(w, p))
            add_tcp(w, p);
    } else if (name)
        net_add(w, "%s %zu bytes", name, p->payload_length);
    else
        net_add(w, "IP protocol %u, %zu bytes", p->protocol, p->payload_length);
    if (p->fragment || p->more)
        net_add(w, ", fragment %u+%zu of datagram 0x%x%s", p->fragment, p->segment_length, p->id,
                p->more ? "" : " (last)");
    add_faults(w, p);
}

static void add_ether(struct net_words *w, const struct packet *p)
{
    const char *name = NET_NAME(types, p->type);
    net_hex(w, p->from, MAC);
    net_add(w, " > ");
    net_hex(w, p->to, MAC);
    if (name)
        net_add(w, " %s", name);
    else if (p->type < LEAST_TYPE)
        net_add(w, " LLC %02x:%02x", net_8(p->inner, 0), net_8(p->inner, 1));
    else if (p->type == TYPE_IPV4 || p->type == TYPE_IPV6)
        net_add(w,
                p->type == TYPE_IPV4 ? " IPv4, its header is not valid" : " IPv6, its header is not valid");
    else
        net_add(w, " type 0x%04x", p->type);
}

int packet_line(const void *frame, size_t n, uint64_t length, char *buf, size_t size)
{
    struct net_words w = {buf, size, 0};
    struct packet p;
    if (!packet_parse(frame, n, &p)) {
        net_add(&w, "no Ethernet header");
        return net_end(&w);
    }
    if (p.tags)
        net_add(&w, "VLAN %u ", p.vlan);
    if (p.type == TYPE_ARP)
        net_arp_line(&w, &p);
    else if (p.ip.n)
        add_ip(&w, &p);
    else
        add_ether(&w, &p);
    if (length > n)
        net_add(&w, ", its first %zu bytes are recorded", n);
    return net_end(&w);
}

/* ---------------------------------------------------------------- the fields */

static void ip_fields(struct net_words *w, const struct packet *p)
{
    const struct net_bytes h = p->ip;
    const char *name = NET_NAME(protocols, p->protocol);
    if (p->type == TYPE_IPV4) {
        const unsigned flags = net_16(h, 6);
        net_add(w, "; IPv4: header length %zu, DSCP %u, total length %u, identification 0x%04x, flags %s%s, ",
                h.n, net_8(h, 1) >> 2, net_16(h, 2), p->id,
                flags & 0x4000   ? "DF"
                : flags & 0x2000 ? ""
                                 : "none",
                flags & 0x2000 ? "MF" : "");
        net_add(w, "fragment offset %u, time to live %u, protocol %u (%s), header checksum 0x%04x (%s)",
                p->fragment, p->ttl, p->protocol, name ? name : "unknown", net_16(h, 10),
                sum(h, 0) == 0xffff ? "right" : "wrong");
    } else {
        net_add(
            w,
            "; IPv6: traffic class %u, flow label 0x%05x, payload length %u, next header %u (%s), hop limit %u",
            net_16(h, 0) >> 4 & 0xff, net_32(h, 0) & 0xfffff, net_16(h, 4), p->protocol,
            name ? name : "unknown", p->ttl);
    }
    net_add(w, ", source ");
    net_ip(w, p->source);
    net_add(w, ", destination ");
    net_ip(w, p->target);
}

static void tcp_fields(struct net_words *w, const struct packet *p)
{
    const struct net_bytes s = p->segment;
    net_add(
        w,
        "; TCP: source port %u, destination port %u, sequence number %u, acknowledgment number %u, data offset %u, ",
        p->source_port, p->target_port, p->seq, p->ack, net_8(s, 12) >> 4);
    net_add(w, "flags 0x%02x, window %u, checksum 0x%04x (%s), urgent pointer %u", p->flags, p->window,
            net_16(s, 16), segment_is_wrong(p) ? "wrong" : "right", net_16(s, 18));
}

static void transport_fields(struct net_words *w, const struct packet *p)
{
    const struct net_bytes s = p->segment;
    struct net_dhcp d;
    if (!p->first)
        return;
    if (p->protocol == PACKET_UDP && s.n >= 8)
        net_add(w, "; UDP: source port %u, destination port %u, length %u, checksum 0x%04x (%s)",
                p->source_port, p->target_port, net_16(s, 4), net_16(s, 6),
                !net_16(s, 6)         ? "none"
                : segment_is_wrong(p) ? "wrong"
                                      : "right");
    else if (p->protocol == PACKET_TCP && s.n >= 20)
        tcp_fields(w, p);
    else if (p->protocol == PACKET_ICMP || p->protocol == PACKET_ICMP6)
        net_add(w, "; %s: type %u, code %u, checksum 0x%04x (%s), rest 0x%08x",
                NET_NAME(protocols, p->protocol), net_8(s, 0), net_8(s, 1), net_16(s, 2),
                segment_is_wrong(p) ? "wrong" : "right", net_32(s, 4));
    if (packet_dhcp(p, &d))
        net_dhcp_fields(w, p, &d);
    else
        net_dhcp6_fields(w, p);
}

static void arp_fields(struct net_words *w, const struct packet *p)
{
    const struct net_bytes b = p->inner;
    net_add(w, "; ARP: hardware type %u, protocol type 0x%04x, lengths %u and %u, operation %u, sender ",
            net_16(b, 0), net_16(b, 2), net_8(b, 4), net_8(b, 5), net_16(b, 6));
    net_hex(w, net_part(b, 8, MAC), MAC);
    net_add(w, " ");
    net_ip(w, net_part(b, 14, 4));
    net_add(w, ", target ");
    net_hex(w, net_part(b, 18, MAC), MAC);
    net_add(w, " ");
    net_ip(w, net_part(b, 24, 4));
}

int packet_fields(const void *frame, size_t n, char *buf, size_t size)
{
    struct net_words w = {buf, size, 0};
    struct packet p;
    if (!packet_parse(frame, n, &p))
        return net_end(&w);
    net_add(&w, "Ethernet: destination ");
    net_hex(&w, p.to, MAC);
    net_add(&w, ", source ");
    net_hex(&w, p.from, MAC);
    if (p.tags)
        net_add(&w, ", VLAN %u", p.vlan);
    net_add(&w, p.type < LEAST_TYPE ? ", length %u" : ", type 0x%04x", p.type);
    if (p.type == TYPE_ARP)
        arp_fields(&w, &p);
    if (p.ip.n) {
        ip_fields(&w, &p);
        transport_fields(&w, &p);
    }
    return net_end(&w);
}
