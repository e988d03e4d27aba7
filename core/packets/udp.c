/* udp.c - what is in UDP: TFTP (RFC 1350, 2347 to 2349, 7440) and DNS (RFC 1035); the rest is named by its port. */
#include <stdlib.h>
#include <string.h>

#include "core/packets/private/words.h"

enum {
    TFTP_PORT = 69,
    DNS_PORT = 53,
    MDNS_PORT = 5353,
    LLMNR_PORT = 5355,
    USER_PORTS = 1024,
    TFTP_ERRORS = 9
};

/* ---------------------------------------------------------------- TFTP */

/* Takes the text up to a NUL, which must be there; *b then begins after it. */
static bool take_text(struct net_bytes *b, struct net_bytes *text)
{
    const uint8_t *end = b->n ? memchr(b->p, 0, b->n) : NULL;
    if (!end)
        return false;
    *text = net_part(*b, 0, (size_t)(end - b->p));
    *b = net_from(*b, (size_t)(end - b->p) + 1);
    return true;
}

bool packet_tftp_option(struct net_bytes *options, struct net_bytes *name, struct net_bytes *value)
{
    return take_text(options, name) && name->n && take_text(options, value);
}

static bool same_word(struct net_bytes b, const char *word)
{
    if (b.n != strlen(word))
        return false;
    for (size_t i = 0; i < b.n; i++)
        if ((b.p[i] >= 'A' && b.p[i] <= 'Z' ? b.p[i] + 32 : b.p[i]) != word[i])
            return false;
    return true;
}

uint64_t packet_tftp_number(const struct net_tftp *t, const char *wanted, uint64_t otherwise)
{
    struct net_bytes left = t->options, name, value;
    while (packet_tftp_option(&left, &name, &value))
        if (same_word(name, wanted))
            return net_decimal(value);
    return otherwise;
}

/* Whether a payload on other ports can hardly be anything but TFTP. DATA must have one of its usual
 * lengths. */
static bool looks_like_tftp(const struct packet *p, const struct net_tftp *t)
{
    static const uint16_t usual[] = {512,  1024, 1228, 1280, 1400, 1404, 1408, 1428,
                                     1432, 1448, 1450, 1456, 1468, 2048, 4096, 8192};
    static const char *const known[] = {"blksize", "tsize", "timeout", "windowsize", "multicast"};
    struct net_bytes left = t->options, name, value;
    if (p->source_port < USER_PORTS && p->target_port < USER_PORTS)
        return false;
    if (t->opcode == TFTP_ACK)
        return p->payload_length == 4;
    if (t->opcode == TFTP_ERROR)
        return t->block < TFTP_ERRORS && p->payload.n >= 5 && !p->payload.p[p->payload.n - 1];
    for (size_t i = 0; t->opcode == TFTP_DATA && i < sizeof usual / sizeof usual[0]; i++)
        if (t->length == usual[i])
            return true;
    if (t->opcode != TFTP_OACK || !packet_tftp_option(&left, &name, &value))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (same_word(name, known[i]))
            return true;
    return false;
}

bool packet_tftp_message(const struct packet *p, struct net_tftp *t)
{
    struct net_bytes b = net_from(p->payload, 2);
    *t = (struct net_tftp){.opcode = net_16(p->payload, 0)};
    if (p->protocol != PACKET_UDP || !p->first || p->payload.n < 4 || t->opcode < TFTP_READ ||
        t->opcode > TFTP_OACK)
        return false;
    if (t->opcode == TFTP_OACK) {
        t->options = b;
    } else if (t->opcode <= TFTP_WRITE) {
        if (!take_text(&b, &t->name) || !take_text(&b, &t->mode))
            return false;
        t->options = b;
    } else {
        t->block = net_16(p->payload, 2);
        t->length = t->opcode == TFTP_DATA && p->payload_length >= 4 ? p->payload_length - 4 : 0;
        b = net_from(p->payload, 4);
        if (t->opcode == TFTP_ERROR && !take_text(&b, &t->name))
            t->name = b;
    }
    return true;
}

bool packet_tftp(const struct packet *p, struct net_tftp *t)
{
    if (!packet_tftp_message(p, t))
        return false;
    return p->target_port == TFTP_PORT ||
           (t->opcode > TFTP_WRITE && (p->source_port == TFTP_PORT || looks_like_tftp(p, t)));
}

static void add_options(struct net_words *w, struct net_bytes left)
{
    struct net_bytes name, value;
    for (unsigned i = 0; i < 16 && packet_tftp_option(&left, &name, &value); i++) {
        net_add(w, ", ");
        net_text(w, name, 32);
        net_add(w, " ");
        net_text(w, value, 64);
    }
}

static void add_tftp(struct net_words *w, const struct net_tftp *t)
{
    net_add(w, "TFTP ");
    switch (t->opcode) {
    case TFTP_READ:
    case TFTP_WRITE:
        net_add(w, t->opcode == TFTP_READ ? "read " : "write ");
        net_text(w, t->name, 255);
        net_add(w, " (");
        net_text(w, t->mode, 16);
        net_add(w, ")");
        add_options(w, t->options);
        break;
    case TFTP_OACK:
        net_add(w, "options accepted");
        add_options(w, t->options);
        break;
    case TFTP_ERROR:
        net_add(w, "error %u: ", t->block);
        net_text(w, t->name, 255);
        break;
    case TFTP_DATA:
        net_add(w, "data block %u, %zu bytes", t->block, t->length);
        break;
    default:
        net_add(w, "ack %u", t->block);
    }
}

/* ---------------------------------------------------------------- DNS */

static const struct net_name dns_types[] = {
    {1, "A"},      {2, "NS"},      {5, "CNAME"}, {6, "SOA"},    {12, "PTR"},  {15, "MX"},
    {16, "TXT"},   {28, "AAAA"},   {33, "SRV"},  {35, "NAPTR"}, {41, "OPT"},  {43, "DS"},
    {46, "RRSIG"}, {48, "DNSKEY"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"},
};

static const struct net_name dns_codes[] = {
    {1, "format error"}, {2, "server failed"}, {3, "no such name"}, {4, "not implemented"}, {5, "refused"},
};

const char *net_dns_type(unsigned type)
{
    return NET_NAME(dns_types, type);
}

/* Adds a name of a message, which may be compressed (4.1.4): a pointer must go back, so this ends. Returns
 * the offset behind the name, 0 if it is not valid. */
static size_t add_name(struct net_words *w, struct net_bytes b, size_t at)
{
    size_t after = 0, lowest = at;
    for (unsigned labels = 0; at < b.n && labels < 128;) {
        const unsigned n = b.p[at];
        if (!n) {
            if (!labels && w)
                net_add(w, ".");
            return after ? after : at + 1;
        }
        if (n >= 0xc0) {
            const size_t to = net_16(b, at) & 0x3fff;
            after = after ? after : at + 2;
            if (at + 2 > b.n || to >= lowest)
                return 0;
            lowest = at = to;
            continue;
        }
        if (n > 63 || at + 1 + n > b.n)
            return 0;
        if (w && labels)
            net_add(w, ".");
        if (w)
            net_text(w, net_part(b, at + 1, n), 63);
        labels++;
        at += 1 + n;
    }
    return 0;
}

static bool is_dns(const struct packet *p)
{
    static const uint16_t ports[] = {DNS_PORT, MDNS_PORT, LLMNR_PORT};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (p->protocol == PACKET_UDP && p->first && p->payload.n >= 12 &&
            (p->source_port == ports[i] || p->target_port == ports[i]))
            return true;
    return false;
}

bool packet_dns(const struct packet *p, struct net_dns *d, char *name, size_t size)
{
    const struct net_bytes b = p->payload;
    struct net_words w = {name, size, 0};
    const bool dns = is_dns(p);
    *d = (struct net_dns){0};
    if (dns) {
        *d = (struct net_dns){
            .id = net_16(b, 0), .flags = net_16(b, 2), .questions = net_16(b, 4), .answers = net_16(b, 6)};
        d->response = d->flags & 0x8000;
        d->code = d->flags & 15;
        const size_t at = d->questions ? add_name(&w, b, 12) : 0;
        d->type = at ? net_16(b, at) : 0;
    }
    net_end(&w);
    return dns;
}

/* Adds one answer's data. Returns where the next one begins, 0 if this one is not valid. */
static size_t add_answer(struct net_words *w, struct net_bytes b, size_t at, bool *any)
{
    enum { A = 1, NS = 2, CNAME = 5, PTR = 12, AAAA = 28 };
    at = add_name(NULL, b, at);
    if (!at || at + 10 > b.n)
        return 0;
    const unsigned type = net_16(b, at), n = net_16(b, at + 8);
    at += 10;
    if (type == A || type == AAAA || type == CNAME || type == PTR || type == NS) {
        net_add(w, *any ? ", " : "");
        *any = true;
        if (type == A || type == AAAA)
            net_ip(w, net_part(b, at, n));
        else
            add_name(w, b, at);
    }
    return at + n;
}

static void add_answers(struct net_words *w, struct net_bytes b)
{
    enum { MOST = 32 };
    bool any = false;
    size_t at = 12;
    for (unsigned i = 0; i < net_16(b, 4) && at && i < MOST; i++) {
        at = add_name(NULL, b, at);
        at = at ? at + 4 : 0;
    }
    for (unsigned i = 0; i < net_16(b, 6) && at && i < MOST; i++)
        at = add_answer(w, b, at, &any);
}

int packet_dns_answers(const struct packet *p, char *buf, size_t size)
{
    struct net_words w = {buf, size, 0};
    if (is_dns(p))
        add_answers(&w, p->payload);
    return net_end(&w);
}

static bool add_dns(struct net_words *w, const struct packet *p)
{
    enum { ANSWERS_TEXT = 400 };
    char name[300], answers[ANSWERS_TEXT];
    struct net_dns d;
    if (!packet_dns(p, &d, name, sizeof name))
        return false;
    const char *type = net_dns_type(d.type), *code = NET_NAME(dns_codes, d.code);
    const bool mdns = p->target_port == MDNS_PORT || p->source_port == MDNS_PORT;
    net_add(w, "%s %s", mdns ? "mDNS" : "DNS", d.response ? "answer" : "question");
    if (d.questions)
        net_add(w, " %s ", name);
    if (d.questions && type)
        net_add(w, "%s", type);
    else if (d.questions)
        net_add(w, "type %u", d.type);
    if (d.response && d.code)
        net_add(w, ": %s", code ? code : "error");
    else if (packet_dns_answers(p, answers, sizeof answers))
        net_add(w, ": %s", answers);
    else if (d.response)
        net_add(w, ": %u answers", d.answers);
    return true;
}

/* ---------------------------------------------------------------- by port */

static const struct net_name services[] = {
    {7, "echo"},
    {123, "NTP"},
    {137, "NetBIOS name service"},
    {138, "NetBIOS datagrams"},
    {161, "SNMP"},
    {443, "QUIC"},
    {514, "syslog"},
    {1900, "SSDP"},
    {4789, "VXLAN"},
};

bool net_udp_line(struct net_words *w, const struct packet *p)
{
    struct net_tftp t;
    const char *name = NET_NAME(services, p->target_port);
    name = name ? name : NET_NAME(services, p->source_port);
    if (add_dns(w, p))
        return true;
    if (packet_tftp(p, &t)) {
        add_tftp(w, &t);
        return true;
    }
    if (name)
        net_add(w, "%s %zu bytes", name, p->payload_length);
    return name;
}
