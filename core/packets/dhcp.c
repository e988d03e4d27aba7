/* dhcp.c - DHCP (RFC 2131, 2132, 4578). DHCPv6 is in dhcp6.c. */
#include <string.h>

#include "core/packets/private/words.h"

enum {
    SERVER_PORT = 67,
    CLIENT_PORT = 68,
    PXE_PORT = 4011,
    SNAME = 44,
    SNAME_SIZE = 64,
    FILE_FIELD = 108,
    FILE_SIZE = 128,
    COOKIE = 236,
    OPTIONS = 240,
};

/* How an option's content is written. */
enum form { HEX, TEXT, ADDRESSES, NUMBER, SECONDS, LIST, ARCH, TYPE, CLIENT };

static const struct option {
    unsigned number;
    const char *name;
    enum form form;
} options[] = {
    {1, "subnet mask", ADDRESSES},
    {2, "time offset", HEX},
    {3, "router", ADDRESSES},
    {6, "DNS", ADDRESSES},
    {12, "host name", TEXT},
    {13, "boot file size", NUMBER},
    {15, "domain", TEXT},
    {17, "root path", TEXT},
    {18, "extensions path", TEXT},
    {26, "MTU", NUMBER},
    {28, "broadcast", ADDRESSES},
    {33, "static route", ADDRESSES},
    {42, "NTP", ADDRESSES},
    {43, "vendor's options", HEX},
    {50, "asks for", ADDRESSES},
    {51, "lease", SECONDS},
    {52, "overload", NUMBER},
    {53, "message type", TYPE},
    {54, "server", ADDRESSES},
    {55, "wanted options", LIST},
    {56, "message", TEXT},
    {57, "largest message", NUMBER},
    {58, "renewal", SECONDS},
    {59, "rebinding", SECONDS},
    {60, "class", TEXT},
    {61, "client id", CLIENT},
    {66, "TFTP server", TEXT},
    {67, "boot file", TEXT},
    {77, "user class", TEXT},
    {81, "full name", HEX},
    {93, "architecture", ARCH},
    {94, "network interface", HEX},
    {97, "machine id", HEX},
    {119, "search list", HEX},
    {121, "classless routes", HEX},
    {150, "TFTP server address", ADDRESSES},
    {175, "iPXE", HEX},
    {209, "configuration file", TEXT},
    {210, "path prefix", TEXT},
    {211, "reboot time", SECONDS},
};

static const struct net_name types[] = {
    {0, "BOOTP"},
    {DHCP_DISCOVER, "discover"},
    {DHCP_OFFER, "offer"},
    {DHCP_REQUEST, "request"},
    {DHCP_DECLINE, "decline"},
    {DHCP_ACK, "ack"},
    {DHCP_NAK, "nak"},
    {DHCP_RELEASE, "release"},
    {DHCP_INFORM, "inform"},
    {9, "force renew"},
};

/* RFC 4578, 2.1, and IANA's list of processor architecture types. */
static const struct net_name architectures[] = {
    {0, "x86 BIOS"},      {1, "NEC/PC98"},         {2, "EFI Itanium"},   {6, "EFI x86"},
    {7, "EFI x86-64"},    {9, "EFI x86-64"},       {10, "EFI ARM"},      {11, "EFI ARM64"},
    {15, "EFI x86 HTTP"}, {16, "EFI x86-64 HTTP"}, {18, "EFI ARM HTTP"}, {19, "EFI ARM64 HTTP"},
};

/* ---------------------------------------------------------------- taking apart */

/* Finds the content of an option in one field of options. */
static bool find(struct net_bytes b, unsigned number, struct net_bytes *content)
{
    for (size_t at = 0; at + 1 < b.n && b.p[at] != 255;) {
        if (!b.p[at]) {
            at++;
            continue;
        }
        const size_t n = b.p[at + 1];
        if (b.p[at] == number && n <= b.n - at - 2) {
            *content = (struct net_bytes){b.p + at + 2, n};
            return true;
        }
        at += 2 + n;
    }
    return false;
}

struct net_bytes packet_dhcp_option(const struct net_dhcp *d, unsigned number)
{
    struct net_bytes content = {0};
    for (unsigned i = 0; i < 2; i++)
        if (find(d->options[i], number, &content))
            break;
    return content;
}

static struct net_bytes until_nul(struct net_bytes b)
{
    const uint8_t *end = b.n ? memchr(b.p, 0, b.n) : NULL;
    return end ? net_part(b, 0, (size_t)(end - b.p)) : b;
}

static struct net_bytes address(struct net_bytes b, size_t at)
{
    const struct net_bytes none = {0};
    return net_32(b, at) ? net_part(b, at, 4) : none;
}

static void take_file(struct net_dhcp *d, struct net_bytes b, unsigned overload)
{
    d->file = until_nul(packet_dhcp_option(d, 67));
    if (!d->file.n && !(overload & 1))
        d->file = until_nul(net_part(b, FILE_FIELD, FILE_SIZE));
}

bool packet_dhcp(const struct packet *p, struct net_dhcp *d)
{
    const struct net_bytes b = p->payload;
    const unsigned from = p->source_port, to = p->target_port;
    const bool ports = from == SERVER_PORT || from == CLIENT_PORT || to == SERVER_PORT || to == CLIENT_PORT ||
                       from == PXE_PORT || to == PXE_PORT;
    *d = (struct net_dhcp){0};
    if (p->protocol != PACKET_UDP || !p->first || !ports || b.n < COOKIE || net_8(b, 0) < 1 ||
        net_8(b, 0) > 2)
        return false;
    d->op = net_8(b, 0);
    d->xid = net_32(b, 4);
    d->client = address(b, 12);
    d->offered = address(b, 16);
    d->next_server = address(b, 20);
    if (net_32(b, COOKIE) == 0x63825363)
        d->options[0] = net_from(b, OPTIONS);
    const unsigned overload = net_8(packet_dhcp_option(d, 52), 0);
    if (overload & 3)
        d->options[1] = overload & 1 ? net_part(b, FILE_FIELD, FILE_SIZE) : net_part(b, SNAME, SNAME_SIZE);
    d->type = net_8(packet_dhcp_option(d, 53), 0);
    d->server = net_part(packet_dhcp_option(d, 54), 0, 4);
    take_file(d, b, overload);
    return true;
}

/* ---------------------------------------------------------------- words */

static uint64_t number_of(struct net_bytes b)
{
    uint64_t v = 0;
    for (size_t i = 0; i < b.n && i < 8; i++)
        v = v << 8 | b.p[i];
    return v;
}

void net_architectures(struct net_words *w, struct net_bytes b)
{
    for (size_t i = 0; i + 2 <= b.n; i += 2) {
        const char *name = NET_NAME(architectures, net_16(b, i));
        net_add(w, i ? ", %u (%s)" : "%u (%s)", net_16(b, i), name ? name : "unknown");
    }
}

/* Adds the features that iPXE has or is told (its encapsulated options), as numbers. */
static void add_ipxe(struct net_words *w, struct net_bytes b)
{
    for (size_t at = 0; at + 1 < b.n && b.p[at] && b.p[at] != 255; at += 2u + b.p[at + 1]) {
        net_add(w, at ? " %u=" : "%u=", b.p[at]);
        net_hex(w, net_part(b, at + 2, b.p[at + 1]), 16);
    }
}

static void add_content(struct net_words *w, const struct option *o, struct net_bytes b)
{
    const char *type;
    switch (o ? o->form : HEX) {
    case TEXT:
        net_text(w, until_nul(b), 255);
        break;
    case ADDRESSES:
        net_ips(w, b, 4);
        break;
    case NUMBER:
        net_add(w, "%llu", (unsigned long long)number_of(b));
        break;
    case SECONDS:
        net_add(w, "%llu s", (unsigned long long)number_of(b));
        break;
    case LIST:
        for (size_t i = 0; i < b.n; i++)
            net_add(w, i ? " %u" : "%u", b.p[i]);
        break;
    case ARCH:
        net_architectures(w, b);
        break;
    case TYPE:
        type = NET_NAME(types, net_8(b, 0));
        net_add(w, "%s", type ? type : "unknown");
        break;
    default:
        if (o && o->number == 175)
            add_ipxe(w, b);
        else
            net_hex(w, b, 32);
    }
}

static const struct option *option_of(unsigned number)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].number == number)
            return &options[i];
    return NULL;
}

/* Adds ", class PXEClient:Arch:00000:UNDI:002001", if the message has the option. */
static void add_option(struct net_words *w, const struct net_dhcp *d, unsigned number)
{
    const struct net_bytes b = packet_dhcp_option(d, number);
    const struct option *o = option_of(number);
    if (!b.p)
        return;
    net_add(w, ", %s ", o->name);
    add_content(w, o, b);
}

static void add_address(struct net_words *w, const char *before, struct net_bytes a)
{
    if (!a.n)
        return;
    net_add(w, "%s", before);
    net_ip(w, a);
}

bool net_dhcp_line(struct net_words *w, const struct packet *p)
{
    static const uint8_t shown[] = {50, 51, 1, 3, 6, 66, 12, 56, 60, 93, 77, 175};
    struct net_dhcp d;
    if (!packet_dhcp(p, &d))
        return net_dhcp6_line(w, p);
    const char *type = NET_NAME(types, d.type);
    net_add(w, "DHCP %s", type ? type : "message of unknown type");
    net_add(w, d.op == 1 ? " from " : " to ");
    net_hex(w, net_part(p->payload, 28, 6), 6);
    net_add(w, " xid 0x%08x", d.xid);
    add_address(w, ", client has ", d.client);
    add_address(w, ", address ", d.offered);
    add_address(w, ", server ", d.server);
    add_address(w, ", next server ", d.next_server);
    if (d.file.n) {
        net_add(w, ", boot file ");
        net_text(w, d.file, FILE_SIZE);
    }
    for (size_t i = 0; i < sizeof shown; i++)
        add_option(w, &d, shown[i]);
    return true;
}

void net_dhcp_fields(struct net_words *w, const struct packet *p, const struct net_dhcp *d)
{
    const struct net_bytes b = p->payload;
    static const char *const addresses[] = {"ciaddr", "yiaddr", "siaddr", "giaddr"};
    net_add(w, "; DHCP: op %u, htype %u, hlen %u, hops %u, xid 0x%08x, secs %u, flags 0x%04x", d->op,
            net_8(b, 1), net_8(b, 2), net_8(b, 3), d->xid, net_16(b, 8), net_16(b, 10));
    for (unsigned i = 0; i < 4; i++) {
        net_add(w, ", %s ", addresses[i]);
        net_ip(w, net_part(b, 12 + 4 * i, 4));
    }
    net_add(w, ", chaddr ");
    net_hex(w, net_part(b, 28, 6), 6);
    net_add(w, ", sname ");
    net_text(w, until_nul(net_part(b, SNAME, SNAME_SIZE)), SNAME_SIZE);
    net_add(w, ", file ");
    net_text(w, until_nul(net_part(b, FILE_FIELD, FILE_SIZE)), FILE_SIZE);
    for (size_t at = 0; at + 1 < d->options[0].n && d->options[0].p[at] != 255;) {
        const struct net_bytes o = net_from(d->options[0], at);
        const struct option *known = option_of(o.p[0]);
        at += o.p[0] ? 2u + o.p[1] : 1;
        if (!o.p[0])
            continue;
        net_add(w, ", option %u (%s) ", o.p[0], known ? known->name : "unknown");
        add_content(w, known, net_part(o, 2, o.p[1]));
    }
}
