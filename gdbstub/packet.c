/* packet.c - frames of the remote protocol. GDB manual, "Remote Protocol", sections Overview and Binary Data.
 */
#include <assert.h>
#include <string.h>

#include "gdbstub/packet.h"

enum { ESCAPE = 0x7d, ESCAPE_XOR = 0x20, INTERRUPT = 0x03 };

/* ---------------------------------------------------------------- what comes in */

static enum packet_event begin(struct packet_parser *p)
{
    p->state = PACKET_INSIDE;
    p->sum = 0;
    p->bad_sum = p->overflow = false;
    p->n = 0;
    return PACKET_NONE;
}

static enum packet_event outside(struct packet_parser *p, uint8_t byte)
{
    switch (byte) {
    case '$':
        return begin(p);
    case '+':
        return PACKET_ACK;
    case '-':
        return PACKET_NAK;
    case INTERRUPT:
        return PACKET_INTERRUPT;
    default:
        return PACKET_NONE; /* line noise */
    }
}

static enum packet_event inside(struct packet_parser *p, uint8_t byte)
{
    if (byte == '$')
        return begin(p);
    if (byte == '#') {
        p->state = PACKET_SUM1;
        return PACKET_NONE;
    }
    p->sum += byte;
    if (p->state == PACKET_ESCAPED) {
        p->state = PACKET_INSIDE;
        byte ^= ESCAPE_XOR;
    } else if (byte == ESCAPE) {
        p->state = PACKET_ESCAPED;
        return PACKET_NONE;
    }
    if (p->n < PACKET_MAX)
        p->data[p->n++] = byte;
    else
        p->overflow = true;
    return PACKET_NONE;
}

static enum packet_event sum(struct packet_parser *p, uint8_t byte)
{
    assert(p->n <= PACKET_MAX && (p->state == PACKET_SUM1 || p->state == PACKET_SUM2));
    int digit = hex_digit(byte);
    if (byte == '$')
        return begin(p);
    if (digit < 0)
        p->bad_sum = true;
    if (p->state == PACKET_SUM1) {
        p->want = (uint8_t)(digit & 15);
        p->state = PACKET_SUM2;
        return PACKET_NONE;
    }
    p->state = PACKET_OUTSIDE;
    p->data[p->n] = 0;
    if (p->overflow)
        return PACKET_TOO_LONG;
    return p->bad_sum || (p->want << 4 | digit) != p->sum ? PACKET_BAD : PACKET_DATA;
}

enum packet_event packet_feed(struct packet_parser *p, uint8_t byte)
{
    switch (p->state) {
    case PACKET_OUTSIDE:
        return outside(p, byte);
    case PACKET_INSIDE:
    case PACKET_ESCAPED:
        return inside(p, byte);
    default:
        return sum(p, byte);
    }
}

/* ---------------------------------------------------------------- what goes out */

static bool needs_escape(uint8_t c)
{
    return c == '#' || c == '$' || c == '}' || c == '*';
}

/* How many repetitions of data[0] a single run-length count can stand for. The count is a printable
 * character, 29 above its value, and must not be # $ + or -. */
static size_t repeats(const uint8_t *data, size_t n)
{
    size_t k = 0;
    while (k + 1 < n && k < 126 - 29 && data[k + 1] == data[0])
        k++;
    while (k > 3 && strchr("#$+-", (int)k + 29))
        k--;
    return k;
}

size_t packet_frame(const void *data, size_t n, uint8_t *out)
{
    const uint8_t *in = data;
    uint8_t *to = out, sum = 0;
    *to++ = '$';
    for (size_t i = 0; i < n; i++) {
        if (needs_escape(in[i])) {
            *to++ = ESCAPE;
            *to++ = in[i] ^ ESCAPE_XOR;
            continue;
        }
        size_t k = repeats(in + i, n - i);
        *to++ = in[i];
        if (k >= 3) {
            *to++ = '*';
            *to++ = (uint8_t)(k + 29);
            i += k;
        }
    }
    for (const uint8_t *p = out + 1; p < to; p++)
        sum += *p;
    *to++ = '#';
    hex_encode(&sum, 1, (char *)to);
    return (size_t)(to + 2 - out);
}

/* ---------------------------------------------------------------- hexadecimal */

int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_number(const char **p, uint64_t *value)
{
    const char *s = *p;
    *value = 0;
    for (; hex_digit(*s) >= 0; s++) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | (unsigned)hex_digit(*s);
    }
    bool any = s != *p;
    *p = s;
    return any;
}

void hex_encode(const void *data, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = data;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

bool hex_decode(const char *digits, size_t n, void *out)
{
    uint8_t *to = out;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(digits[2 * i]), low = high < 0 ? -1 : hex_digit(digits[2 * i + 1]);
        if (low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
