/* words.c - see private/words.h. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "core/packets/private/words.h"

void net_add(struct net_words *w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const size_t room = w->n < w->size ? w->size - w->n : 0;
    const int n = vsnprintf(room ? w->buf + w->n : NULL, room, format, ap);
    va_end(ap);
    w->n += n > 0 ? (size_t)n : 0;
}

int net_end(struct net_words *w)
{
    if (w->size)
        w->buf[w->n < w->size ? w->n : w->size - 1] = 0;
    return (int)w->n;
}

void net_text(struct net_words *w, struct net_bytes b, size_t most)
{
    const bool cut = b.n > most;
    for (size_t i = 0, n = cut ? most : b.n; i < n;) {
        const size_t len = utf8_printable(b.p + i, n - i);
        if (len)
            net_add(w, "%.*s", (int)len, (const char *)b.p + i);
        else
            net_add(w, "\\x%02x", b.p[i]);
        i += len ? len : 1;
    }
    if (cut)
        net_add(w, "…");
}

void net_hex(struct net_words *w, struct net_bytes b, size_t most)
{
    for (size_t i = 0; i < b.n && i < most; i++)
        net_add(w, i ? ":%02x" : "%02x", b.p[i]);
    if (b.n > most)
        net_add(w, "…");
}

void net_ip(struct net_words *w, struct net_bytes b)
{
    char text[INET6_ADDRSTRLEN];
    if (b.n == 4)
        net_add(w, "%u.%u.%u.%u", b.p[0], b.p[1], b.p[2], b.p[3]);
    else if (b.n == 16 && inet_ntop(AF_INET6, b.p, text, sizeof text))
        net_add(w, "%s", text);
    else
        net_add(w, "?");
}

void net_ips(struct net_words *w, struct net_bytes b, size_t each)
{
    for (size_t i = 0; i + each <= b.n; i += each) {
        if (i)
            net_add(w, ", ");
        net_ip(w, net_part(b, i, each));
    }
}

int packet_address(struct net_bytes b, char *buf, size_t size)
{
    struct net_words w = {buf, size, 0};
    net_ip(&w, b);
    return net_end(&w);
}

uint64_t net_decimal(struct net_bytes b)
{
    enum { DIGITS = 18 };
    uint64_t v = 0;
    for (size_t i = 0; i < b.n && i < DIGITS && b.p[i] >= '0' && b.p[i] <= '9'; i++)
        v = 10 * v + (unsigned)(b.p[i] - '0');
    return v;
}

const char *net_name(const struct net_name *table, size_t n, unsigned number)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].number == number)
            return table[i].name;
    return NULL;
}
