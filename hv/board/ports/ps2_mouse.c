/* ps2_mouse.c - a PS/2 mouse: the standard protocol, with wheel (id 3) and five buttons (id 4) after the
 * known sequences of sample rates.
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, Mouse; Microsoft IntelliMouse protocol.
 *
 * Input bytes come in fours: buttons (1 left, 2 right, 4 middle, 8 and 16 the side ones), then signed dx
 * (right), dy (up) and dz (wheel towards the user). */
#include "hv/board/ports/ps2.h"

enum { ACK = 0xfa, RESEND = 0xfe };

static int clamp(int32_t v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* Applies 2:1 scaling to a stream mode movement. */
static int scaled(const struct ps2_mouse *m, int v)
{
    static const uint8_t small[6] = {0, 1, 1, 3, 6, 9};
    if (!m->scale2 || !m->stream)
        return v;
    int a = v < 0 ? -v : v, b = a < 6 ? small[a] : 2 * a;
    b = b > 255 ? 255 : b;
    return v < 0 ? -b : b;
}

static bool moved(const struct ps2_mouse *m)
{
    return m->dx || m->dy || m->dz || m->changed;
}

/* Sends one packet of the accumulated motion; the rest is kept for the next. */
static void send_packet(struct ps2_mouse *m, struct ps2_queue *q)
{
    int dx = clamp(m->dx, -255, 255), dy = clamp(m->dy, -255, 255), dz = m->id ? clamp(m->dz, -8, 7) : m->dz;
    m->dx -= dx;
    m->dy -= dy;
    m->dz -= dz;
    m->changed = false;
    dx = scaled(m, dx);
    dy = scaled(m, dy);
    ps2_put(q, 8 | (m->buttons & 7) | (dx < 0) << 4 | (dy < 0) << 5);
    ps2_put(q, dx);
    ps2_put(q, dy);
    if (m->id == 3)
        ps2_put(q, dz);
    if (m->id == 4)
        ps2_put(q, (dz & 15) | (m->buttons & 0x18) << 1);
}

static void stream_packets(struct ps2_mouse *m)
{
    while (m->stream && m->reporting && moved(m) && m->packets.count + 4 <= PS2_QUEUE)
        send_packet(m, &m->packets);
}

uint32_t ps2_move(struct ps2_mouse *m, const uint8_t *data, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        m->partial[m->partial_count++ & 3] = data[i];
        if (m->partial_count < 4)
            continue;
        m->partial_count = 0;
        m->changed |= m->buttons != (m->partial[0] & 0x1f);
        m->buttons = m->partial[0] & 0x1f;
        m->dx = clamp(m->dx + (int8_t)m->partial[1], -4095, 4095);
        m->dy = clamp(m->dy + (int8_t)m->partial[2], -4095, 4095);
        m->dz = clamp(m->dz + (int8_t)m->partial[3], -127, 127);
        stream_packets(m);
    }
    return n;
}

/* ---------------------------------------------------------------- commands */

static void forget(struct ps2_mouse *m)
{
    m->packets.head = m->packets.count = 0;
    m->dx = m->dy = m->dz = 0;
    m->changed = false;
}

static void defaults(struct ps2_mouse *m)
{
    forget(m);
    m->rate = 100;
    m->resolution = 2;
    m->scale2 = false;
    m->stream = true;
    m->reporting = false;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    defaults(m);
    m->reply.head = m->reply.count = 0;
    m->command = m->id = m->last = 0;
    m->rates[0] = m->rates[1] = 0;
    m->wrap = false;
}

/* Sample rates 200, 100, 80 in a row make it a wheel mouse; 200, 200, 80 then a five-button one. */
static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
    if (m->rates[0] == 200 && rate == 80) {
        if (m->rates[1] == 100)
            m->id = 3;
        else if (m->rates[1] == 200)
            m->id = 4;
    }
    m->rates[0] = m->rates[1];
    m->rates[1] = m->rate = rate;
}

static void argument(struct ps2_mouse *m, uint8_t command, uint8_t byte)
{
    if (command == 0xe8)
        m->resolution = byte & 3;
    else
        set_rate(m, byte);
    ps2_put(&m->reply, ACK);
}

static void send_status(struct ps2_mouse *m)
{
    uint8_t buttons = (m->buttons & 1) << 2 | (m->buttons & 4) >> 1 | (m->buttons & 2) >> 1;
    ps2_put(&m->reply, !m->stream << 6 | m->reporting << 5 | m->scale2 << 4 | buttons);
    ps2_put(&m->reply, m->resolution);
    ps2_put(&m->reply, m->rate);
}

/* Commands that only set something; false if it is not one of them. */
static bool set_command(struct ps2_mouse *m, uint8_t byte)
{
    switch (byte) {
    case 0xe6:
    case 0xe7:
        m->scale2 = byte == 0xe7;
        return true;
    case 0xe8:
    case 0xf3:
        m->command = byte;
        return true;
    case 0xea:
    case 0xf0:
        m->stream = byte == 0xea;
        forget(m);
        return true;
    case 0xec:
        m->wrap = false;
        return true;
    case 0xee:
        m->wrap = true;
        return true;
    case 0xf4:
    case 0xf5:
        m->reporting = byte == 0xf4;
        forget(m);
        return true;
    case 0xf6:
        defaults(m);
        return true;
    }
    return false;
}

void ps2_mouse_command(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t command = m->command;
    m->reply.head = m->reply.count = 0;
    if (m->wrap && byte != 0xec && byte != 0xff) {
        ps2_put(&m->reply, byte);
        return;
    }
    m->command = 0;
    if (command) {
        argument(m, command, byte);
        return;
    }
    if (byte == 0xfe) {
        ps2_put(&m->reply, m->last);
        return;
    }
    if (byte == 0xff)
        ps2_mouse_reset(m);
    else if (!set_command(m, byte) && byte != 0xe9 && byte != 0xeb && byte != 0xf2) {
        ps2_put(&m->reply, RESEND);
        return;
    }
    ps2_put(&m->reply, ACK);
    if (byte == 0xff)
        ps2_put(&m->reply, 0xaa);
    if (byte == 0xff || byte == 0xf2)
        ps2_put(&m->reply, m->id);
    if (byte == 0xe9)
        send_status(m);
    if (byte == 0xeb)
        send_packet(m, &m->reply);
}

bool ps2_mouse_waits(const struct ps2_mouse *m)
{
    return m->reply.count || m->packets.count;
}

bool ps2_mouse_next(struct ps2_mouse *m, uint8_t *byte)
{
    if (!ps2_take(&m->reply, byte) && !ps2_take(&m->packets, byte))
        return false;
    m->last = *byte;
    stream_packets(m); /* there may be room for pending motion */
    return true;
}
