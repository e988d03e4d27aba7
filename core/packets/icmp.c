/* icmp.c - ICMP, ICMPv6, and the neighbour discovery in it, in words. */
#include "core/packets/private/words.h"

static const struct net_name v4_types[] = {
    {0, "echo reply"},           {3, "destination unreachable"},
    {4, "source quench"},        {5, "redirect"},
    {8, "echo request"},         {9, "router advertisement"},
    {10, "router solicitation"}, {11, "time exceeded"},
    {12, "parameter problem"},   {13, "timestamp"},
    {14, "timestamp reply"},
};

static const struct net_name v4_unreachable[] = {
    {0, "network"},
    {1, "host"},
    {2, "protocol"},
    {3, "port"},
    {4, "fragmentation needed"},
    {5, "source route failed"},
    {9, "network prohibited"},
    {10, "host prohibited"},
    {13, "prohibited"},
};

enum { V6_ROUTER_SOLICITATION = 133, V6_ROUTER, V6_NEIGHBOUR_SOLICITATION, V6_NEIGHBOUR, V6_REDIRECT };

static const struct net_name v6_types[] = {
    {1, "destination unreachable"},
    {2, "packet too big"},
    {3, "time exceeded"},
    {4, "parameter problem"},
    {128, "echo request"},
    {129, "echo reply"},
    {130, "multicast listener query"},
    {131, "multicast listener report"},
    {132, "multicast listener done"},
    {V6_ROUTER_SOLICITATION, "router solicitation"},
    {V6_ROUTER, "router advertisement"},
    {V6_NEIGHBOUR_SOLICITATION, "neighbour solicitation"},
    {V6_NEIGHBOUR, "neighbour advertisement"},
    {V6_REDIRECT, "redirect"},
    {143, "multicast listener report v2"},
};

static const struct net_name v6_unreachable[] = {
    {0, "no route"}, {1, "prohibited"},     {2, "beyond scope"},   {3, "address"},
    {4, "port"},     {5, "source address"}, {6, "route rejected"},
};

/* Adds what matters of a prefix option: the prefix, and whether addresses are made from it (SLAAC). */
static void add_prefix(struct net_words *w, struct net_bytes option)
{
    if (option.n < 32)
        return;
    net_add(w, ", prefix ");
    net_ip(w, net_part(option, 16, 16));
    net_add(w, "/%u%s%s", net_8(option, 2), net_8(option, 3) & 0x80 ? " on link" : "",
            net_8(option, 3) & 0x40 ? " for addresses" : "");
}

/* Adds the options of neighbour discovery (RFC 4861, 4.6; 8106). */
static void add_options(struct net_words *w, struct net_bytes b)
{
    while (b.n >= 8) {
        const size_t length = net_8(b, 1) * 8u;
        const struct net_bytes o = net_part(b, 0, length);
        if (!length || o.n < length)
            return;
        if (net_8(o, 0) == 1 || net_8(o, 0) == 2) {
            net_add(w, net_8(o, 0) == 1 ? ", from " : ", at ");
            net_hex(w, net_part(o, 2, 6), 6);
        } else if (net_8(o, 0) == 3) {
            add_prefix(w, o);
        } else if (net_8(o, 0) == 5) {
            net_add(w, ", MTU %u", net_32(o, 4));
        } else if (net_8(o, 0) == 25) {
            net_add(w, ", DNS ");
            net_ips(w, net_from(o, 8), 16);
        }
        b = net_from(b, length);
    }
}

static void add_neighbour(struct net_words *w, unsigned type, struct net_bytes b)
{
    if (type == V6_ROUTER) {
        const unsigned flags = net_8(b, 5);
        net_add(w, ", lifetime %u s%s%s", net_16(b, 6), flags & 0x80 ? ", addresses by DHCPv6" : "",
                flags & 0x40 ? ", other settings by DHCPv6" : "");
    } else if (type != V6_ROUTER_SOLICITATION) {
        net_add(w, " of ");
        net_ip(w, net_part(b, 8, 16));
    }
    add_options(w, net_from(b, type == V6_ROUTER                ? 16
                               : type == V6_ROUTER_SOLICITATION ? 8
                               : type == V6_REDIRECT            ? 40
                                                                : 24));
}

void net_icmp_line(struct net_words *w, const struct packet *p)
{
    const struct net_bytes b = p->segment;
    const bool v6 = p->protocol == PACKET_ICMP6;
    const unsigned type = net_8(b, 0), code = net_8(b, 1);
    const char *name = v6 ? NET_NAME(v6_types, type) : NET_NAME(v4_types, type);
    const char *why = v6 ? NET_NAME(v6_unreachable, code) : NET_NAME(v4_unreachable, code);
    const unsigned request = v6 ? 128 : 8, reply = v6 ? 129 : 0, unreachable = v6 ? 1 : 3;
    net_add(w, v6 ? "ICMPv6 " : "ICMP ");
    if (b.n < 4) {
        net_add(w, "%zu bytes", b.n);
        return;
    }
    if (name)
        net_add(w, "%s", name);
    else
        net_add(w, "type %u code %u", type, code);
    if (type == request || type == reply)
        net_add(w, " id %u seq %u, %zu bytes", net_16(b, 4), net_16(b, 6), p->payload_length);
    else if (type == unreachable && why)
        net_add(w, ": %s", why);
    else if (v6 && type == 2)
        net_add(w, ", MTU %u", net_32(b, 4));
    else if (v6 && type >= V6_ROUTER_SOLICITATION && type <= V6_REDIRECT)
        add_neighbour(w, type, b);
}
