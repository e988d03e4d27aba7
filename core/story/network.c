/* network.c - see private/network.h. A transfer is open from its first request to the frame that ends it. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "core/packets/packet.h"
#include "core/story/private/network.h"

enum { HTTP_PORT = 80, OPEN = 128, QUESTIONS = 32, NAME = 512, TFTP_BLOCK = 512, REFUSED = 1, NO_ANSWER = 2 };
enum transfer_type { NOTHING, DHCP, DHCP6, TFTP, HTTP };

/* An end of a connection. */
struct end {
    uint8_t address[16], n;
    uint16_t port;
};

struct transfer {
    enum transfer_type type;
    uint64_t id, card, begin, used; /* begin: guest time; used: number of the last frame */
    struct end client, server;      /* of DHCP none */
    char name[NAME];
    uint64_t bytes, resent;
    uint64_t waits; /* guest time of the first request since the last answer */
    /* DHCP */
    uint32_t xid;
    unsigned asked;                /* the type of the client's last message */
    uint64_t requests, asked_time; /* asked_time: of the last */
    char file[NAME];               /* of the last offer that has one; of DHCPv6 what was offered last */
    char offers[NAME];             /* of IPv4: what was offered, "" if nothing */
    char wanted[NAME];             /* and the address that it asked for, "" if none */
    /* TFTP */
    uint64_t block_size, block;
    /* HTTP */
    uint32_t request_seq, next;
    bool answered, body, has_length, head;
    unsigned status, newlines;
    uint64_t length;
};

struct question {
    bool open;
    uint64_t card, time;
    uint16_t id, port;
    char name[300];
};

struct network {
    void (*emit)(void *ctx, const struct event *ev);
    void *ctx;
    struct transfer open[OPEN];
    struct question question[QUESTIONS];
    unsigned next_question;
    uint64_t ids, frames;
    const struct event *ev; /* the present frame */
};

struct network *network_new(void (*emit)(void *ctx, const struct event *ev), void *ctx)
{
    struct network *n = mem_zero(1, sizeof *n);
    n->emit = emit;
    n->ctx = ctx;
    return n;
}

void network_free(struct network *n)
{
    free(n);
}

/* ---------------------------------------------------------------- events */

static void say(struct network *n, unsigned kind, const uint64_t *fields, size_t nfields, const char *text)
{
    const size_t len = strlen(text);
    struct event ev = {.kind = (uint16_t)kind,
                       .cpu = n->ev->cpu,
                       .icount = n->ev->icount,
                       .time = n->ev->time,
                       .data = text,
                       .len = (uint32_t)(len < EVENT_MAX_DATA ? len : EVENT_MAX_DATA)};
    memcpy(ev.f, fields, nfields * sizeof *fields);
    n->emit(n->ctx, &ev);
}
#define SAY(n, kind, text, ...)                                                                              \
    say(n, kind, (const uint64_t[]){__VA_ARGS__},                                                            \
        sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), text)

/* What a frame has, as text: without bytes that are not printable. */
static void take_text(char *buf, size_t size, struct net_bytes b)
{
    size_t n = 0;
    for (size_t i = 0; i < b.n && n + 1 < size; i++)
        buf[n++] = b.p[i] >= 0x20 && b.p[i] < 0x7f ? (char)b.p[i] : '?';
    buf[n] = 0;
}

static const char *end_text(const struct end *e, char buf[PACKET_ADDRESS_TEXT])
{
    packet_address((struct net_bytes){e->address, e->n}, buf, PACKET_ADDRESS_TEXT);
    return buf;
}

/* ---------------------------------------------------------------- transfers */

static struct end end_of(struct net_bytes address, unsigned port)
{
    struct end e = {.n = (uint8_t)address.n, .port = (uint16_t)port};
    memcpy(e.address, address.p, address.n);
    return e;
}

static bool is_end(const struct end *e, struct net_bytes address, unsigned port)
{
    return e->port == port && e->n == address.n && !memcmp(e->address, address.p, e->n);
}

/* A free place; if there is none, that of the transfer that was silent for longest. */
static struct transfer *begin(struct network *n, enum transfer_type type, const char *name, const char *shown)
{
    struct transfer *t = &n->open[0];
    for (size_t i = 0; i < OPEN && t->type; i++)
        if (!n->open[i].type || n->open[i].used < t->used)
            t = &n->open[i];
    *t = (struct transfer){.type = type,
                           .id = ++n->ids,
                           .card = EVF(n->ev, NET_OUT, card),
                           .begin = n->ev->time,
                           .waits = n->ev->time,
                           .used = n->frames};
    snprintf(t->name, sizeof t->name, "%s", name);
    SAY(n, EV_NET_BEGIN, shown, t->card, t->id);
    return t;
}

/* Something is sent again, by whichever side. */
static void again(struct network *n, struct transfer *t, const char *what)
{
    t->resent++;
    SAY(n, EV_NET_RESENT, what, t->card, t->id, t->resent, n->ev->time - t->waits);
}

static uint64_t took(const struct network *n, const struct transfer *t)
{
    return n->ev->time - t->begin;
}

/* ---------------------------------------------------------------- DHCP */

static struct transfer *dhcp_open(struct network *n, enum transfer_type type)
{
    for (size_t i = 0; i < OPEN; i++)
        if (n->open[i].type == type && n->open[i].card == EVF(n->ev, NET_OUT, card))
            return &n->open[i];
    return NULL;
}

static void dhcp_asks(struct network *n, enum transfer_type type, unsigned message, uint32_t xid,
                      const char *words)
{
    struct transfer *t = dhcp_open(n, type);
    if (!t)
        t = begin(n, type, "", type == DHCP ? "dhcp" : "dhcp6");
    else if (t->asked == message)
        again(n, t, words);
    else
        t->waits = n->ev->time;
    t->asked = message;
    t->xid = xid;
    t->requests++;
    t->asked_time = n->ev->time;
    t->used = n->frames;
}

static void add_file(struct text *out, const struct transfer *t, const struct net_dhcp *d)
{
    char file[NAME], address[PACKET_ADDRESS_TEXT];
    take_text(file, sizeof file, d->file);
    if (*file || *t->file)
        text_add(out, ", boot file %s", *file ? file : t->file);
    if ((*file || *t->file) && d->next_server.n) {
        packet_address(d->next_server, address, sizeof address);
        text_add(out, " at %s", address);
    }
}

/* An address as text; `none` if there is none. Returns buf. */
static const char *address_or(struct net_bytes address, const char *none, char buf[PACKET_ADDRESS_TEXT])
{
    if (address.n)
        packet_address(address, buf, PACKET_ADDRESS_TEXT);
    else
        snprintf(buf, PACKET_ADDRESS_TEXT, "%s", none);
    return buf;
}

static void dhcp_ends(struct network *n, struct transfer *t, const struct net_dhcp *d)
{
    struct text out = {0};
    char address[PACKET_ADDRESS_TEXT];
    enum { MESSAGE = 56 };
    const bool refused = d->type == DHCP_NAK;
    const struct net_bytes message = packet_dhcp_option(d, MESSAGE);
    text_add(&out, "%s",
             refused ? "refused" : address_or(d->offered.n ? d->offered : d->client, "no address", address));
    if (d->server.n)
        text_add(&out, " %s %s", refused ? "by" : "from", address_or(d->server, "", address));
    if (!refused)
        add_file(&out, t, d);
    if (refused && message.n) {
        char text[256];
        take_text(text, sizeof text, message);
        text_add(&out, ": %s", text);
    }
    SAY(n, EV_NET_DHCP, out.s, t->card, t->id, refused ? REFUSED : 0, t->requests, took(n, t));
    free(out.s);
    t->type = NOTHING;
}

/* "10.0.2.15 from 10.0.2.2, boot file F": each offer once, as far as there is room. */
static void dhcp_offered(struct transfer *t, const struct net_dhcp *d)
{
    char address[PACKET_ADDRESS_TEXT], server[PACKET_ADDRESS_TEXT], file[NAME];
    struct text out = {0};
    take_text(file, sizeof file, d->file);
    if (*file)
        memcpy(t->file, file, sizeof file);
    text_add(&out, "%s from %s%s%s", address_or(d->offered, "no address", address),
             address_or(d->server, "a server without a name", server),
             *file ? ", boot file " : ", no boot file", file);
    const size_t n = strlen(t->offers);
    if (!strstr(t->offers, out.s) && n + strlen(out.s) + 3 < sizeof t->offers)
        snprintf(t->offers + n, sizeof t->offers - n, "%s%s", n ? "; " : "", out.s);
    free(out.s);
}

/* The client asks for an address: one that it was offered, or one that it had before (RFC 2131, 4.3.2). */
static void dhcp_wants(struct transfer *t, const struct net_dhcp *d)
{
    enum { REQUESTED = 50 };
    const struct net_bytes option = packet_dhcp_option(d, REQUESTED),
                           address = option.n == 4 ? option : d->client;
    char text[PACKET_ADDRESS_TEXT], server[PACKET_ADDRESS_TEXT];
    snprintf(t->wanted, sizeof t->wanted, "%s%s%s", address_or(address, "an address", text),
             d->server.n ? " from " : "", address_or(d->server, "", server));
}

/* What came of requests that led to no lease. */
static void dhcp_nothing(const struct transfer *t, char *words, size_t size)
{
    if (t->type == DHCP6)
        snprintf(words, size, *t->file ? "no DHCPv6 reply; offered: %s" : "no DHCPv6 answer", t->file);
    else if (*t->wanted)
        snprintf(words, size, "no acknowledgement of %s", t->wanted);
    else if (*t->offers)
        snprintf(words, size, "not taken: %s", t->offers);
    else
        snprintf(words, size, "no answer");
}

/* Requests that lead to nothing end when the guest boots something else, or is silent for longer than a client waits (RFC 2131, 4.1: 64 s). */
static void dhcp_gives_up(struct network *n, uint64_t patience)
{
    for (size_t i = 0; i < OPEN; i++) {
        struct transfer *t = &n->open[i];
        if ((t->type != DHCP && t->type != DHCP6) || n->ev->time - t->asked_time < patience)
            continue;
        char words[NAME + 64];
        dhcp_nothing(t, words, sizeof words);
        SAY(n, EV_NET_DHCP, words, t->card, t->id, NO_ANSWER, t->requests, took(n, t));
        t->type = NOTHING;
    }
}

static void dhcp(struct network *n, const struct net_dhcp *d)
{
    if (d->op == 1 && (d->type == DHCP_DISCOVER || d->type == DHCP_REQUEST))
        dhcp_asks(n, DHCP, d->type, d->xid, d->type == DHCP_DISCOVER ? "DHCP discover" : "DHCP request");
    struct transfer *t = dhcp_open(n, DHCP);
    if (t && d->op == 1 && d->type == DHCP_REQUEST)
        dhcp_wants(t, d);
    if (d->op != 2 || !t || t->xid != d->xid)
        return;
    t->used = n->frames;
    t->waits = n->ev->time;
    if (d->type == DHCP_OFFER)
        dhcp_offered(t, d);
    else if (d->type == DHCP_ACK || d->type == DHCP_NAK)
        dhcp_ends(n, t, d);
}

/* The client's messages that wait for an answer (RFC 8415, 7.3). */
static const char *dhcp6_question(unsigned type)
{
    enum { SOLICIT = 1, REQUEST = 3, INFORMATION = 11 };
    return type == SOLICIT       ? "DHCPv6 solicit"
           : type == REQUEST     ? "DHCPv6 request"
           : type == INFORMATION ? "DHCPv6 information request"
                                 : NULL;
}

static void dhcp6(struct network *n, const struct packet *p, unsigned type, uint32_t xid)
{
    enum { ADVERTISE = 2, REPLY = 7 };
    struct transfer *t = dhcp_open(n, DHCP6);
    const char *question = dhcp6_question(type);
    char words[NAME], said[NAME + 32];
    if (question)
        dhcp_asks(n, DHCP6, type, xid, question);
    if ((type != REPLY && type != ADVERTISE) || !t || t->xid != xid)
        return;
    packet_dhcp6_words(p, words, sizeof words);
    t->used = n->frames;
    t->waits = n->ev->time;
    if (type == ADVERTISE) {
        snprintf(t->file, sizeof t->file, "%s", *words ? words : "nothing");
        return;
    }
    const bool refused = packet_dhcp6_error(p) != 0;
    snprintf(said, sizeof said, "%s%s",
             refused ? "refused by DHCPv6: " : "DHCPv6 reply: ", *words ? words : "nothing");
    SAY(n, EV_NET_DHCP, said, t->card, t->id, refused ? REFUSED : 0, t->requests, took(n, t));
    t->type = NOTHING;
}

/* ---------------------------------------------------------------- TFTP */

/* The open transfer whose client sends or gets this. */
static struct transfer *tftp_open(struct network *n, const struct packet *p)
{
    for (size_t i = 0; i < OPEN; i++) {
        const struct transfer *t = &n->open[i];
        if (t->type == TFTP && t->card == EVF(n->ev, NET_OUT, card) &&
            (is_end(&t->client, p->source, p->source_port) || is_end(&t->client, p->target, p->target_port)))
            return &n->open[i];
    }
    return NULL;
}

static void tftp_asks(struct network *n, const struct packet *p, const struct net_tftp *r)
{
    struct transfer *t = tftp_open(n, p);
    char name[NAME - 16], words[NAME];
    take_text(name, sizeof name, r->name);
    snprintf(words, sizeof words, "tftp %s", name);
    if (t && !strcmp(t->name, words)) {
        snprintf(words, sizeof words, "TFTP read %s", name);
        again(n, t, words);
        return;
    }
    t = begin(n, TFTP, words, words);
    t->client = end_of(p->source, p->source_port);
    t->server = end_of(p->target, p->target_port);
    t->block_size = TFTP_BLOCK;
}

/* error: 0, or 1 + the code. */
static void tftp_ends(struct network *n, struct transfer *t, unsigned error, const char *why)
{
    char address[PACKET_ADDRESS_TEXT], words[3 * NAME];
    snprintf(words, sizeof words, "%s from %s%s%s", t->name + strlen("tftp "), end_text(&t->server, address),
             *why ? ": " : "", why);
    SAY(n, EV_NET_TFTP, words, t->card, t->id, t->bytes, error, t->block_size, t->resent, took(n, t));
    t->type = NOTHING;
}

static void tftp_data(struct network *n, struct transfer *t, const struct net_tftp *r)
{
    char words[64];
    if (r->block != ((t->block + 1) & 0xffff)) {
        snprintf(words, sizeof words, "TFTP block %u", r->block);
        if (((t->block - r->block) & 0xffff) < 0x8000) /* not one after some that were lost */
            again(n, t, words);
        return;
    }
    t->block++;
    t->bytes += r->length;
    t->waits = n->ev->time;
    if (r->length < t->block_size)
        tftp_ends(n, t, 0, "");
}

static void tftp(struct network *n, const struct packet *p)
{
    struct net_tftp r;
    char why[NAME], words[NAME + 40];
    if (packet_tftp(p, &r) && r.opcode == TFTP_READ) {
        tftp_asks(n, p, &r);
        return;
    }
    struct transfer *t = tftp_open(n, p);
    if (!t || !packet_tftp_message(p, &r))
        return;
    t->used = n->frames;
    if (r.opcode == TFTP_OACK) {
        t->block_size = packet_tftp_number(&r, "blksize", TFTP_BLOCK);
    } else if (r.opcode == TFTP_DATA) {
        tftp_data(n, t, &r);
    } else if (r.opcode == TFTP_ERROR) {
        take_text(why, sizeof why, r.name);
        const bool client = is_end(&t->client, p->source, p->source_port);
        snprintf(words, sizeof words, "%s%s", client ? "stopped by the client: " : "", *why ? why : "error");
        tftp_ends(n, t, 1 + r.block, words);
    }
}

/* ---------------------------------------------------------------- HTTP */

static struct transfer *http_open(struct network *n, const struct packet *p, bool *from_client)
{
    for (size_t i = 0; i < OPEN; i++) {
        const struct transfer *t = &n->open[i];
        if (t->type != HTTP || t->card != EVF(n->ev, NET_OUT, card))
            continue;
        *from_client =
            is_end(&t->client, p->source, p->source_port) && is_end(&t->server, p->target, p->target_port);
        if (*from_client ||
            (is_end(&t->server, p->source, p->source_port) && is_end(&t->client, p->target, p->target_port)))
            return &n->open[i];
    }
    return NULL;
}

static void http_ends(struct network *n, struct transfer *t)
{
    SAY(n, EV_NET_HTTP, t->name + strlen("http "), t->card, t->id, t->status, t->bytes, t->resent,
        took(n, t));
    t->type = NOTHING;
}

static void http_asks(struct network *n, const struct packet *p, const struct net_http *h, struct transfer *t)
{
    char method[16], target[NAME / 2], host[NAME / 4], port[8] = "", words[NAME], shown[NAME];
    if (t && t->request_seq == p->seq) {
        again(n, t, "HTTP request");
        return;
    }
    if (t)
        http_ends(n, t);
    take_text(method, sizeof method, h->method);
    take_text(target, sizeof target, h->target);
    take_text(host, sizeof host, h->host);
    if (!*host)
        packet_address(p->target, host, sizeof host);
    const char *address_end = strrchr(host, ']');
    if (p->target_port != HTTP_PORT && !strchr(address_end ? address_end : host, ':'))
        snprintf(port, sizeof port, ":%u", p->target_port); /* GRUB does not name it */
    snprintf(words, sizeof words, "http %s http://%s%s%s", method, host, port, target);
    /* A GET goes without saying. */
    snprintf(shown, sizeof shown, "http %s",
             strcmp(method, "GET") ? words + strlen("http ") : words + strlen("http GET "));
    t = begin(n, HTTP, words, shown);
    t->client = end_of(p->source, p->source_port);
    t->server = end_of(p->target, p->target_port);
    t->request_seq = p->seq;
    t->head = !strcmp(method, "HEAD");
}

/* Bytes of the answer, in order: those after its header count. */
static void http_bytes(struct transfer *t, struct net_bytes b, size_t whole)
{
    size_t i = 0;
    for (; i < b.n && !t->body; i++) {
        t->newlines = b.p[i] == '\n' ? t->newlines + 1 : b.p[i] == '\r' ? t->newlines : 0;
        t->body = t->newlines == 2;
    }
    t->bytes += t->body ? whole - i : 0;
}

static void http_answers(struct network *n, struct transfer *t, const struct packet *p)
{
    struct net_http h;
    const uint32_t length = (uint32_t)p->payload_length;
    if (!t->answered && packet_http(p, &h) && !h.request) {
        t->answered = true;
        t->status = h.status;
        t->has_length = h.has_length || t->head || h.status == 204 || h.status == 304;
        t->length = t->head || h.status == 204 || h.status == 304 ? 0 : h.length;
        t->next = p->seq;
    }
    if (!t->answered || !length)
        return;
    const int32_t more = (int32_t)(p->seq + length - t->next);
    if (more <= 0) {
        again(n, t, "TCP segment");
        return;
    }
    /* What is missing before it comes later, and is counted now; of what overlaps, the rest. */
    const int32_t gap = (int32_t)(p->seq - t->next);
    const size_t skip = gap < 0 ? (size_t)-gap : 0;
    const struct net_bytes rest = {p->payload.p + (skip < p->payload.n ? skip : p->payload.n),
                                   skip < p->payload.n ? p->payload.n - skip : 0};
    t->bytes += gap > 0 && t->body ? (uint32_t)gap : 0;
    http_bytes(t, rest, length - skip);
    t->next += (uint32_t)more;
    t->waits = n->ev->time;
    if (t->body && t->has_length && t->bytes >= t->length)
        http_ends(n, t);
}

static void http(struct network *n, const struct packet *p)
{
    struct net_http h;
    bool from_client = false;
    struct transfer *t = http_open(n, p, &from_client);
    if (t)
        t->used = n->frames;
    if (packet_http(p, &h) && h.request && (!t || from_client))
        http_asks(n, p, &h, t);
    else if (t && !from_client)
        http_answers(n, t, p);
    if (t && t->type == HTTP && (p->flags & TCP_RST || (p->flags & TCP_FIN && !from_client)))
        http_ends(n, t);
}

/* ---------------------------------------------------------------- DNS */

static void dns_asks(struct network *n, const struct packet *p, const struct net_dns *d, const char *name)
{
    struct question *q = &n->question[n->next_question++ % QUESTIONS];
    *q = (struct question){.open = true,
                           .card = EVF(n->ev, NET_OUT, card),
                           .time = n->ev->time,
                           .id = (uint16_t)d->id,
                           .port = (uint16_t)p->source_port};
    snprintf(q->name, sizeof q->name, "%s", name);
}

static void dns_answers(struct network *n, const struct packet *p, const struct net_dns *d, const char *name)
{
    enum { ANSWERS = 400, NO_NAME = 3 };
    char answers[ANSWERS], words[ANSWERS + 340];
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct question *q = &n->question[i];
        if (!q->open || q->card != EVF(n->ev, NET_OUT, card) || q->id != d->id || q->port != p->target_port ||
            strcmp(q->name, name))
            continue;
        q->open = false;
        packet_dns_answers(p, answers, sizeof answers);
        snprintf(words, sizeof words, "%s: %s", name,
                 *answers             ? answers
                 : d->code == NO_NAME ? "no such name"
                                      : "no answer");
        SAY(n, EV_NET_DNS, words, q->card, d->type, d->code, n->ev->time - q->time);
        return;
    }
}

/* ---------------------------------------------------------------- frames */

static void datagram(struct network *n, const struct packet *p)
{
    struct net_dhcp d;
    struct net_dns q;
    char name[300];
    uint32_t xid;
    unsigned type;
    if (packet_dhcp(p, &d))
        dhcp(n, &d);
    else if ((type = packet_dhcp6(p, &xid)))
        dhcp6(n, p, type, xid);
    else if (packet_dns(p, &q, name, sizeof name)) {
        if (q.questions)
            (q.response ? dns_answers : dns_asks)(n, p, &q, name);
    } else {
        tftp(n, p);
    }
}

/* Whether the machine goes on with something else than what it asked the network for. */
static bool boots_other(const struct event *ev)
{
    return ev->kind == EV_RESET || ev->kind == EV_BOOT_SECTOR_ENTER || ev->kind == EV_KERNEL_ENTRY ||
           ev->kind == EV_POWER_OFF;
}

void network_event(struct network *n, const struct event *ev)
{
    static const uint64_t patience = 64000000000u; /* ns */
    struct packet p;
    n->ev = ev;
    if (boots_other(ev))
        dhcp_gives_up(n, 0);
    if (ev->kind == EV_RESET) {
        memset(n->open, 0, sizeof n->open);
        memset(n->question, 0, sizeof n->question);
    }
    if (ev->kind != EV_NET_OUT && ev->kind != EV_NET_IN)
        return;
    dhcp_gives_up(n, patience);
    if (!packet_parse(ev->data, ev->len, &p) || !p.first)
        return;
    n->frames++;
    if (p.protocol == PACKET_UDP && p.segment.n >= 8)
        datagram(n, &p);
    else if (p.protocol == PACKET_TCP && p.segment.n >= 20)
        http(n, &p);
}
