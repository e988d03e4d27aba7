/* e1000e_receive.c - how an 82574L receives: extended descriptors, headers in buffers of their own, two queues. See e1000_impl.h.
 *
 * Source: Intel, 82574 GbE Controller Family Datasheet (317694): 7.1.4 (extended descriptors), 7.1.5 (packet split), 7.1.10 (RSS). */
#include "hv/board/network/e1000_impl.h"

#include <string.h>

enum { RCTL_TYPE = 3 << 10, RCTL_SPLIT = 1 << 10, RFCTL_EXTENDED = 1 << 15, FLEXIBLE_SHIFT = 27 };
enum { BUFFERS = 4, SPLIT_UNITS = 2, HEADER_SPLIT = 1 << 15 };
enum { TYPE = 12, IP = 14, IPV4 = 0x0800, IPV6 = 0x86dd, TCP = 6, UDP = 17, FRAGMENT = 0x3fff };
/* MRQC: what is hashed; the same numbers, from 1 on, are the types that descriptors say. */
enum { MRQC_QUEUES = 3, MRQC_RSS = 1, TCP_V4 = 1, V4 = 2, TCP_V6 = 3, V6 = 5, MRQC_FIELD = 15 };
enum { REDIRECTIONS = 128, KEY = 40 };

/* ---------------------------------------------------------------- what a frame is */

struct kind {
    unsigned version;   /* of IP; 0: another protocol */
    unsigned transport; /* where TCP or UDP begins; 0: it is neither, or a fragment */
    unsigned protocol;
    unsigned header; /* up to TCP's or UDP's data */
};

static struct kind kind_of(const uint8_t *f, size_t n)
{
    struct kind k = {0};
    bool whole = true;
    if (n >= IP + 20 && be16(f + TYPE) == IPV4 && f[IP] >> 4 == 4 && (f[IP] & 15) >= 5) {
        k = (struct kind){.version = 4, .protocol = f[IP + 9], .transport = IP + (f[IP] & 15u) * 4};
        whole = !(be16(f + IP + 6) & FRAGMENT);
    } else if (n >= IP + 40 && be16(f + TYPE) == IPV6 && f[IP] >> 4 == 6) {
        k = (struct kind){.version = 6, .protocol = f[IP + 6], .transport = IP + 40};
    }
    if (whole && k.protocol == TCP && n >= k.transport + 20u)
        k.header = k.transport + (f[k.transport + 12] >> 4) * 4u;
    else if (whole && k.protocol == UDP && n >= k.transport + 8u)
        k.header = k.transport + 8;
    if (!k.header || k.header > n)
        k.header = k.transport = 0;
    return k;
}

/* ---------------------------------------------------------------- queues (7.1.10) */

/* Microsoft's hash (Toeplitz): for each bit that is set, the 32 bits of the key that begin there. */
static uint32_t toeplitz(const uint8_t key[KEY], const uint8_t *data, size_t n)
{
    uint32_t hash = 0, window = 0;
    for (unsigned i = 0; i < 4; i++)
        window = window << 8 | key[i];
    for (size_t i = 0; i < n * 8; i++) {
        if (data[i / 8] >> (7 - i % 8) & 1)
            hash ^= window;
        size_t next = i + 32;
        window = window << 1 | (next < KEY * 8 ? key[next / 8] >> (7 - next % 8) & 1u : 0);
    }
    return hash;
}

/* What of the frame is hashed: the addresses, and of TCP the ports. Returns its type, 0 if it is not to be hashed. */
static unsigned hashed(const struct e1000 *s, const uint8_t *f, const struct kind *k, uint8_t data[36],
                       size_t *n)
{
    const uint32_t fields = s->reg[E1000_MRQC] >> MRQC_FIELD;
    const unsigned addresses = k->version == 4 ? 8 : 32, at = k->version == 4 ? IP + 12 : IP + 8;
    const unsigned with_ports = k->version == 4 ? TCP_V4 : TCP_V6, without = k->version == 4 ? V4 : V6;
    if (!k->version)
        return 0;
    memcpy(data, f + at, addresses);
    *n = addresses;
    if (k->transport && k->protocol == TCP && fields >> with_ports & 1) {
        memcpy(data + addresses, f + k->transport, 4);
        *n += 4;
        return with_ports;
    }
    return fields >> without & 1 ? without : 0;
}

static void choose_queue(const struct e1000 *s, const uint8_t *f, const struct kind *k,
                         struct e1000_reception *how)
{
    uint8_t key[KEY], data[36];
    size_t n;
    if ((s->reg[E1000_MRQC] & MRQC_QUEUES) != MRQC_RSS || !(how->hash_type = hashed(s, f, k, data, &n)))
        return;
    memcpy(key, &s->reg[E1000_RSSRK], sizeof key);
    how->hash = toeplitz(key, data, n);
    const unsigned entry = how->hash % REDIRECTIONS;
    how->ring = s->reg[E1000_RETA + entry / 4] >> (entry % 4 * 8 + 7) & 1;
}

/* ---------------------------------------------------------------- descriptors */

static bool extended(const struct e1000 *s)
{
    return s->reg[E1000_RFCTL] & RFCTL_EXTENDED;
}

static bool split(const struct e1000 *s)
{
    return extended(s) && (s->reg[E1000_RCTL] & RCTL_TYPE) == RCTL_SPLIT;
}

/* PSRCTL: the first in 128 bytes, the others in KB. */
static void split_sizes(const struct e1000 *s, uint32_t size[BUFFERS])
{
    const uint32_t r = s->reg[E1000_PSRCTL];
    size[0] = (r & 127) * 128;
    for (unsigned i = 1; i < BUFFERS; i++)
        size[i] = (r >> i * 8 & 63) * 1024;
}

void e1000e_plan(struct e1000 *s, const uint8_t *frame, size_t n, struct e1000_reception *how)
{
    const struct kind k = kind_of(frame, n);
    const uint32_t flexible = s->reg[E1000_RCTL] >> FLEXIBLE_SHIFT & 15;
    uint32_t size[BUFFERS];
    e1000_plan(s, frame, n, how);
    if (flexible)
        how->room = how->first_room = flexible * 1024;
    choose_queue(s, frame, &k, how);
    if (!split(s))
        return;
    split_sizes(s, size);
    const uint32_t others = size[1] + size[2] + size[3];
    how->units = SPLIT_UNITS;
    how->header = k.header && k.header <= size[0] && others ? k.header : 0;
    how->room = how->header ? others : size[0] + others;
    how->first_room = how->header + how->room;
}

struct result {
    uint32_t type, hash, status;
    uint16_t length, vlan;
};
struct split_result {
    struct result first;
    uint16_t header, length[BUFFERS - 1];
    uint64_t reserved;
};
_Static_assert(sizeof(struct result) == E1000_DESCRIPTOR &&
                   sizeof(struct split_result) == E1000_DESCRIPTOR * SPLIT_UNITS,
               "as in memory");

static struct result result_of(const struct e1000_reception *how, size_t length, bool last)
{
    return (struct result){.type = how->hash_type | how->ring << 8,
                           .hash = how->hash,
                           .status = E1000_RX_DD | E1000_RX_IXSM | (last ? E1000_RX_EOP : 0),
                           .length = (uint16_t)length};
}

/* The header goes to the first buffer, if it is split off; the rest fills the others in order. */
static void put_split(struct e1000 *s, const struct e1000_reception *how, uint64_t at, const uint8_t *part,
                      size_t n, bool first, bool last)
{
    uint64_t buffer[BUFFERS];
    uint32_t size[BUFFERS];
    uint16_t length[BUFFERS] = {0};
    size_t done = 0;
    physmem_read(board_mem(s->board), at, buffer, sizeof buffer);
    split_sizes(s, size);
    if (how->header)
        size[0] = first ? how->header : 0;
    for (unsigned i = 0; i < BUFFERS && done < n; i++) {
        size_t some = n - done < size[i] ? n - done : size[i];
        e1000_put_bytes(s, buffer[i], part + done, some);
        length[i] = (uint16_t)some;
        done += some;
    }
    struct split_result r = {.first = result_of(how, length[0], last)};
    r.header = how->header && first ? (uint16_t)(HEADER_SPLIT | how->header) : 0;
    memcpy(r.length, length + 1, sizeof r.length);
    physmem_write(board_mem(s->board), at, &r, sizeof r);
}

void e1000e_put(struct e1000 *s, const struct e1000_reception *how, uint64_t at, const uint8_t *part,
                size_t n, bool first, bool last)
{
    uint64_t to = 0;
    if (split(s)) {
        put_split(s, how, at, part, n, first, last);
        return;
    }
    if (!extended(s)) {
        e1000_put(s, how, at, part, n, first, last);
        return;
    }
    const struct result r = result_of(how, n, last);
    physmem_read(board_mem(s->board), at, &to, sizeof to);
    e1000_put_bytes(s, to, part, n);
    physmem_write(board_mem(s->board), at, &r, sizeof r);
}
