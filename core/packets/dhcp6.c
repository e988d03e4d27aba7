/* dhcp6.c - DHCPv6 (RFC 8415; 5970: how to boot; 3646: names). */
#include "core/packets/private/words.h"

enum { SERVER_PORT = 547, CLIENT_PORT = 546, HEAD = 4, RELAY_HEAD = 34 };
enum { RELAY_FORWARD = 12, RELAY_REPLY };

static const struct net_name types[] = {
    {1, "solicit"},
    {2, "advertise"},
    {3, "request"},
    {4, "confirm"},
    {5, "renew"},
    {6, "rebind"},
    {7, "reply"},
    {8, "release"},
    {9, "decline"},
    {10, "reconfigure"},
    {11, "information request"},
    {RELAY_FORWARD, "relay forward"},
    {RELAY_REPLY, "relay reply"},
};

/* 21.13 */
static const struct net_name statuses[] = {
    {1, "failure"},     {2, "no addresses"},  {3, "no such binding"},
    {4, "not on link"}, {5, "use multicast"}, {6, "no prefixes"},
};

enum {
    IA_NA = 3,
    IA_TA = 4,
    IA_ADDRESS = 5,
    STATUS = 13,
    IA_PD = 25,
    IA_PREFIX = 26,
};

/* How an option's content is written. */
enum form {
    HEX,
    TEXT,
    ADDRESSES,
    NUMBER,
    SECONDS,
    HUNDREDTHS,
    LIST,
    ARCH,
    ASSOCIATION,
    ADDRESS,
    PREFIX,
    CODE,
    CLASS,
    PARAMETERS
};

static const struct option {
    unsigned number;
    const char *name;
    enum form form;
    bool shown; /* in the line, too */
} options[] = {
    {1, "client id", HEX, false},
    {2, "server id", HEX, false},
    {IA_NA, "IAID", ASSOCIATION, true},
    {IA_TA, "temporary IAID", ASSOCIATION, true},
    {IA_ADDRESS, "address", ADDRESS, true},
    {6, "wanted options", LIST, false},
    {7, "preference", NUMBER, false},
    {8, "elapsed", HUNDREDTHS, false},
    {9, "relayed message", HEX, false},
    {11, "authentication", HEX, false},
    {12, "server's address", ADDRESSES, false},
    {STATUS, "status", CODE, true},
    {14, "rapid commit", HEX, false},
    {15, "user class", CLASS, false},
    {16, "class", CLASS, true},
    {17, "vendor's options", HEX, false},
    {18, "interface id", HEX, false},
    {19, "wanted message", NUMBER, false},
    {20, "accepts reconfigure", HEX, false},
    {23, "DNS", ADDRESSES, true},
    {24, "search list", HEX, false},
    {IA_PD, "prefix IAID", ASSOCIATION, true},
    {IA_PREFIX, "prefix", PREFIX, true},
    {31, "SNTP", ADDRESSES, false},
    {32, "refresh", SECONDS, false},
    {39, "full name", HEX, false},
    {56, "NTP", HEX, false},
    {59, "boot file", TEXT, true},
    {60, "boot parameters", PARAMETERS, true},
    {61, "architecture", ARCH, true},
    {62, "network interface", HEX, false},
    {82, "longest wait for a solicit", SECONDS, false},
    {83, "longest wait for information", SECONDS, false},
};

static const struct option *option_of(unsigned number)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].number == number)
            return &options[i];
    return NULL;
}

/* ---------------------------------------------------------------- taking apart */

static bool is_relayed(unsigned type)
{
    return type == RELAY_FORWARD || type == RELAY_REPLY;
}

unsigned packet_dhcp6(const struct packet *p, uint32_t *transaction)
{
    const unsigned from = p->source_port, to = p->target_port, type = net_8(p->payload, 0);
    const bool ports = from == SERVER_PORT || from == CLIENT_PORT || to == SERVER_PORT || to == CLIENT_PORT;
    if (p->protocol != PACKET_UDP || !p->first || !ports || p->payload.n < HEAD || !NET_NAME(types, type))
        return 0;
    *transaction = is_relayed(type) ? 0 : net_32(p->payload, 0) & 0xffffff;
    return type;
}

static struct net_bytes options_of(const struct packet *p)
{
    return net_from(p->payload, is_relayed(net_8(p->payload, 0)) ? RELAY_HEAD : HEAD);
}

/* How many bytes are in front of an option's own options; 0: it has none. */
static size_t head_of(unsigned number)
{
    return number == IA_NA || number == IA_PD ? 12
           : number == IA_TA                  ? 4
           : number == IA_ADDRESS             ? 24
           : number == IA_PREFIX              ? 25
                                              : 0;
}

/* Takes the next option, and after it the options within it; false at the end. */
static bool next(struct net_bytes *b, unsigned *number, struct net_bytes *content)
{
    if (b->n < HEAD)
        return false;
    *number = net_16(*b, 0);
    *content = net_part(*b, HEAD, net_16(*b, 2));
    const size_t head = head_of(*number);
    *b = net_from(*b, HEAD + (head && content->n >= head ? head : net_16(*b, 2)));
    return true;
}

unsigned packet_dhcp6_error(const struct packet *p)
{
    struct net_bytes b = options_of(p), o;
    unsigned number;
    while (next(&b, &number, &o))
        if (number == STATUS && net_16(o, 0))
            return net_16(o, 0);
    return 0;
}

/* ---------------------------------------------------------------- words */

/* Adds strings that have their lengths in front. */
static void add_strings(struct net_words *w, struct net_bytes b)
{
    for (size_t at = 0; at + 2 <= b.n; at += 2u + net_16(b, at)) {
        net_add(w, at ? " " : "");
        net_text(w, net_part(b, at + 2, net_16(b, at)), 128);
    }
}

static void add_times(struct net_words *w, struct net_bytes o, size_t at, const char *first,
                      const char *second)
{
    net_add(w, ", %s %u s, %s %u s", first, net_32(o, at), second, net_32(o, at + 4));
}

static void add_status(struct net_words *w, struct net_bytes o)
{
    const char *name = NET_NAME(statuses, net_16(o, 0));
    net_add(w, "%u", net_16(o, 0));
    if (name)
        net_add(w, " (%s)", name);
    if (o.n > 2) {
        net_add(w, " ");
        net_text(w, net_from(o, 2), 128);
    }
}

/* Adds an option that has a form of its own; `all`: with its times. */
static void add_address(struct net_words *w, enum form form, struct net_bytes o, bool all)
{
    if (form == ASSOCIATION) {
        net_add(w, "0x%x", net_32(o, 0));
        if (all && o.n >= 12)
            add_times(w, o, 4, "T1", "T2");
    } else if (form == ADDRESS) {
        net_ip(w, net_part(o, 0, 16));
        if (all)
            add_times(w, o, 16, "preferred", "valid");
    } else {
        net_ip(w, net_part(o, 9, 16));
        net_add(w, "/%u", net_8(o, 8));
        if (all)
            add_times(w, o, 0, "preferred", "valid");
    }
}

static void add_number(struct net_words *w, enum form form, struct net_bytes o)
{
    if (form == NUMBER)
        net_add(w, "%u", net_8(o, 0));
    else if (form == SECONDS)
        net_add(w, "%u s", net_32(o, 0));
    else
        net_add(w, "%u.%02u s", net_16(o, 0) / 100, net_16(o, 0) % 100);
}

static void add_content(struct net_words *w, const struct option *known, struct net_bytes o, bool all)
{
    const enum form form = known ? known->form : HEX;
    switch (form) {
    case TEXT:
        net_text(w, o, 255);
        break;
    case ADDRESSES:
        net_ips(w, o, 16);
        break;
    case NUMBER:
    case SECONDS:
    case HUNDREDTHS:
        add_number(w, form, o);
        break;
    case LIST:
        for (size_t i = 0; i + 2 <= o.n; i += 2)
            net_add(w, i ? " %u" : "%u", net_16(o, i));
        break;
    case ARCH:
        net_architectures(w, o);
        break;
    case ASSOCIATION:
    case ADDRESS:
    case PREFIX:
        add_address(w, form, o, all);
        break;
    case CODE:
        add_status(w, o);
        break;
    case CLASS: /* a vendor's class has the vendor's number in front */
        add_strings(w, known->number == 16 ? net_from(o, 4) : o);
        break;
    case PARAMETERS:
        add_strings(w, o);
        break;
    default:
        net_hex(w, o, 32);
    }
}

/* Whether an option is shown: a status of success is not. */
static bool is_shown(const struct option *known, struct net_bytes o)
{
    return known && known->shown && o.n >= head_of(known->number) &&
           (known->number != STATUS || net_16(o, 0));
}

static void add_options(struct net_words *w, struct net_bytes b)
{
    struct net_bytes o;
    unsigned number;
    while (next(&b, &number, &o)) {
        const struct option *known = option_of(number);
        if (!is_shown(known, o))
            continue;
        net_add(w, ", %s ", known->name);
        add_content(w, known, o, false);
    }
}

/* Adds the transaction or, for a relayed message, the client that it is from or for. */
static void add_head(struct net_words *w, const struct packet *p, unsigned type, uint32_t transaction)
{
    if (!is_relayed(type)) {
        net_add(w, " xid 0x%06x", transaction);
        return;
    }
    net_add(w, " of ");
    net_ip(w, net_part(p->payload, 18, 16));
    net_add(w, " at ");
    net_ip(w, net_part(p->payload, 2, 16));
}

bool net_dhcp6_line(struct net_words *w, const struct packet *p)
{
    uint32_t transaction;
    const unsigned type = packet_dhcp6(p, &transaction);
    if (!type)
        return false;
    net_add(w, "DHCPv6 %s", NET_NAME(types, type));
    add_head(w, p, type, transaction);
    add_options(w, options_of(p));
    return true;
}

void net_dhcp6_fields(struct net_words *w, const struct packet *p)
{
    uint32_t transaction;
    const unsigned type = packet_dhcp6(p, &transaction);
    struct net_bytes b = options_of(p), o;
    unsigned number;
    if (!type)
        return;
    net_add(w, "; DHCPv6: type %u (%s)", type, NET_NAME(types, type));
    add_head(w, p, type, transaction);
    while (next(&b, &number, &o)) {
        const struct option *known = option_of(number);
        net_add(w, ", option %u (%s) ", number, known ? known->name : "unknown");
        if (o.n >= head_of(number))
            add_content(w, known, o, true);
        else
            net_hex(w, o, 32);
    }
}

int packet_dhcp6_words(const struct packet *p, char *buf, size_t size)
{
    char words[1024];
    struct net_words all = {words, sizeof words, 0}, w = {buf, size, 0};
    add_options(&all, options_of(p));
    net_end(&all);
    net_add(&w, "%s", all.n > 2 ? words + 2 : ""); /* without the first ", " */
    return net_end(&w);
}
