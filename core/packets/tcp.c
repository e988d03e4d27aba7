/* tcp.c - what begins in a TCP segment: HTTP (RFC 9112) and TLS (RFC 8446, 6066). */
#include <string.h>
#include <strings.h>

#include "core/packets/private/words.h"

/* ---------------------------------------------------------------- HTTP */

static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                      "OPTIONS", "CONNECT", "PATCH", "TRACE"};

/* Takes the next line, without its end; *b then begins after it. False if no line ends in *b: the line is
 * then all of it. */
static bool take_line(struct net_bytes *b, struct net_bytes *line)
{
    const uint8_t *end = b->n ? memchr(b->p, '\n', b->n) : NULL;
    *line = end ? net_part(*b, 0, (size_t)(end - b->p)) : *b;
    *b = end ? net_from(*b, (size_t)(end - b->p) + 1) : (struct net_bytes){0};
    if (end && line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return end;
}

/* Words of a line, with a space between them. */
static struct net_bytes first_word(struct net_bytes *b)
{
    const uint8_t *end = b->n ? memchr(b->p, ' ', b->n) : NULL;
    const struct net_bytes word = end ? net_part(*b, 0, (size_t)(end - b->p)) : *b;
    *b = end ? net_from(*b, word.n + 1) : (struct net_bytes){0};
    return word;
}

/* Gets the value of a header field, if the line is that field's. */
static bool is_field(struct net_bytes line, const char *name, struct net_bytes *value)
{
    const size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp((const char *)line.p, name, n))
        return false;
    *value = net_from(line, n + 1);
    while (value->n && (*value->p == ' ' || *value->p == '\t'))
        *value = net_from(*value, 1);
    return true;
}

static bool is_method(struct net_bytes word)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (word.n == strlen(methods[i]) && !memcmp(word.p, methods[i], word.n))
            return true;
    return false;
}

static void take_fields(struct net_http *h, struct net_bytes all, struct net_bytes b)
{
    struct net_bytes line, value;
    while (take_line(&b, &line)) {
        if (!line.n) {
            h->whole = true;
            h->header = all.n - b.n;
            return;
        }
        if (is_field(line, "Host", &value))
            h->host = value;
        else if (is_field(line, "Content-Length", &value)) {
            h->has_length = true;
            h->length = net_decimal(value);
        }
    }
}

bool packet_http(const struct packet *p, struct net_http *h)
{
    struct net_bytes b = p->payload, words;
    *h = (struct net_http){0};
    if (p->protocol != PACKET_TCP || !p->first || b.n < 12)
        return false;
    take_line(&b, &h->line);
    words = h->line;
    h->method = first_word(&words);
    h->target = first_word(&words);
    h->request = is_method(h->method) && h->target.n && net_8(words, 0) == 'H';
    const bool answer = h->method.n >= 7 && !memcmp(h->method.p, "HTTP/1.", 7) && h->target.n == 3;
    if (!h->request && !answer)
        return false;
    h->status = answer ? (unsigned)net_decimal(h->target) : 0;
    take_fields(h, p->payload, b);
    return true;
}

static void add_http(struct net_words *w, const struct net_http *h)
{
    net_add(w, h->request ? "HTTP " : "");
    net_text(w, h->line, 512);
    if (h->host.n) {
        net_add(w, ", host ");
        net_text(w, h->host, 255);
    }
    if (h->has_length)
        net_add(w, ", %llu bytes", (unsigned long long)h->length);
}

/* ---------------------------------------------------------------- TLS */

enum { TLS_ALERT = 21, TLS_HANDSHAKE = 22, TLS_DATA = 23, TLS_HEADER = 5, CLIENT_HELLO = 1 };

static const struct net_name handshakes[] = {
    {1, "client hello"},         {2, "server hello"},       {4, "session ticket"},
    {8, "encrypted extensions"}, {11, "certificate"},       {12, "server key exchange"},
    {13, "certificate request"}, {14, "server hello done"}, {15, "certificate verify"},
    {16, "client key exchange"}, {20, "finished"},
};

static const struct net_name alerts[] = {
    {0, "close notify"},
    {10, "unexpected message"},
    {20, "bad record MAC"},
    {22, "record overflow"},
    {40, "handshake failure"},
    {42, "bad certificate"},
    {43, "unsupported certificate"},
    {44, "certificate revoked"},
    {45, "certificate expired"},
    {46, "certificate unknown"},
    {47, "illegal parameter"},
    {48, "unknown CA"},
    {49, "access denied"},
    {50, "decode error"},
    {51, "decrypt error"},
    {70, "protocol version"},
    {71, "insufficient security"},
    {80, "internal error"},
    {90, "user cancelled"},
    {109, "missing extension"},
    {112, "unrecognized name"},
    {116, "certificate required"},
};

/* The name of the server that a client hello asks for; empty if it has none, or it is not in this segment. */
static struct net_bytes server_name(struct net_bytes hello)
{
    struct net_bytes b = net_from(hello, 4 + 2 + 32); /* type and length, version, random */
    b = net_from(b, 1 + net_8(b, 0));                 /* session */
    b = net_from(b, 2 + (size_t)net_16(b, 0));        /* cipher suites */
    b = net_from(b, 1 + net_8(b, 0));                 /* compression */
    b = net_part(b, 2, net_16(b, 0));                 /* extensions */
    while (b.n >= 4) {
        if (!net_16(b, 0) && !net_8(b, 6)) /* server_name, of the type host_name */
            return net_part(b, 9, net_16(b, 7));
        b = net_from(b, 4 + (size_t)net_16(b, 2));
    }
    return (struct net_bytes){0};
}

static bool add_tls(struct net_words *w, const struct packet *p)
{
    const struct net_bytes b = p->payload, inner = net_from(b, TLS_HEADER);
    const unsigned record = net_8(b, 0), length = net_16(b, 3);
    const char *name;
    if (b.n < TLS_HEADER || net_8(b, 1) != 3 || net_8(b, 2) > 4 || length > (1 << 14) + 2048 || record < 20 ||
        record > TLS_DATA)
        return false;
    net_add(w, "TLS ");
    if (record == TLS_HANDSHAKE) {
        name = NET_NAME(handshakes, net_8(inner, 0));
        net_add(w, "%s", name ? name : "handshake, encrypted");
        const struct net_bytes server =
            net_8(inner, 0) == CLIENT_HELLO ? server_name(inner) : (struct net_bytes){0};
        if (server.n) {
            net_add(w, " for ");
            net_text(w, server, 255);
        }
    } else if (record == TLS_ALERT) {
        name = length == 2 ? NET_NAME(alerts, net_8(inner, 1)) : "encrypted";
        net_add(w, "%salert: %s", length == 2 && net_8(inner, 0) == 2 ? "fatal " : "",
                name ? name : "unknown");
    } else {
        net_add(w, record == TLS_DATA ? "data, %zu bytes" : "change cipher spec, %zu bytes",
                p->payload_length);
    }
    return true;
}

bool net_tcp_line(struct net_words *w, const struct packet *p)
{
    struct net_http h;
    if (packet_http(p, &h)) {
        add_http(w, &h);
        return true;
    }
    return add_tls(w, p);
}
