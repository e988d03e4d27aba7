/* e1000_rings.c - frames between a controller's rings in memory and the wire. See e1000_impl.h.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006): 3 (descriptors); for two
 * queues Intel, 82574 GbE Controller Family Datasheet (317694): 7.1, 7.2. Frames leave by a timer, each when the wire is free; what comes
 * goes to memory at once. All that a driver leaves in memory is checked before it is used. Not there: VLAN tags, flow control, checksums
 * of received frames (which descriptors say). */
#include "base/byte_order.h"
#include "hv/board/inputs.h"
#include "hv/board/network/e1000_impl.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

enum {
    RCTL_EN = 2,
    RCTL_UPE = 8,
    RCTL_MPE = 16,
    RCTL_LPE = 32,
    RCTL_BAM = 1 << 15,
    RCTL_BSEX = 1 << 25,
    RCTL_SECRC = 1 << 26
};
enum { TCTL_EN = 2 };
/* Commands and status of transmit descriptors, in their third dword. */
#define TX_EOP  (1u << 24)
#define TX_RS   (1u << 27)
#define TX_IC   (1u << 26) /* legacy: insert a checksum; else: segmentation */
#define TX_RPS  (1u << 28)
#define TX_DEXT (1u << 29)
#define TX_IDE  (1u << 31)
#define TX_TYPE (15u << 20)
#define TX_DATA (1u << 20)
enum {
    TX_DD = 1,
    POPTS_IXSM = 1,
    POPTS_TXSM = 2,
    CONTEXT_TCP = 1 << 24,
    CONTEXT_IP = 1 << 25,
    CONTEXT_TSE = 1 << 26
};
enum { STANDARD_MOST = 1522 - E1000_FCS, RING_MOST = 0x100000, DESCRIPTORS_MOST = 256 };

/* ---------------------------------------------------------------- rings */

/* A ring's registers, from the first on. */
enum { RING_LOW, RING_HIGH, RING_LENGTH, RING_HEAD, RING_TAIL };
static const unsigned tx_rings[E1000_RINGS] = {E1000_TDBAL, E1000_TDBAL1},
                      rx_rings[E1000_RINGS] = {E1000_RDBAL, E1000_RDBAL1};
_Static_assert(E1000_TDT == E1000_TDBAL + RING_TAIL && E1000_RDT == E1000_RDBAL + RING_TAIL &&
                   E1000_TDT1 == E1000_TDBAL1 + RING_TAIL && E1000_RDT1 == E1000_RDBAL1 + RING_TAIL,
               "in that order");

/* In units of 16 bytes, as heads and tails are. */
static uint32_t ring_size(const struct e1000 *s, unsigned ring)
{
    return (s->reg[ring + RING_LENGTH] & (RING_MOST - 1) & ~127u) / E1000_DESCRIPTOR;
}

static uint64_t descriptor_at(const struct e1000 *s, unsigned ring, uint32_t index)
{
    uint64_t base = (uint64_t)s->reg[ring + RING_HIGH] << 32 | (s->reg[ring + RING_LOW] & ~15u);
    return base + (uint64_t)index * E1000_DESCRIPTOR;
}

/* ---------------------------------------------------------------- sending */

struct descriptor {
    uint64_t address;
    uint32_t command, status;
};
_Static_assert(sizeof(struct descriptor) == E1000_DESCRIPTOR, "as in memory");

/* The Internet checksum of bytes from `first` to `last` (0: the end) goes to `at`. */
static void put_checksum(uint8_t *frame, size_t n, unsigned at, unsigned first, unsigned last)
{
    uint32_t sum = 0;
    size_t end = last && last < n ? last + 1u : n;
    if (at + 2u > n || first >= end)
        return;
    for (size_t i = first; i < end; i++)
        sum += (i - first) & 1 ? frame[i] : (uint32_t)frame[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put_be16(frame + at, ~sum & 0xffff);
}

static void add_to_checksum(uint8_t *at, uint32_t value)
{
    uint32_t sum = be16(at) + value;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put_be16(at, sum);
}

static uint64_t send_frame(struct e1000 *s, const uint32_t *c, uint8_t *frame, size_t n, unsigned options)
{
    if (options & POPTS_IXSM)
        put_checksum(frame, n, c[0] >> 8 & 0xff, c[0] & 0xff, c[0] >> 16);
    if (options & POPTS_TXSM)
        put_checksum(frame, n, c[1] >> 8 & 0xff, c[1] & 0xff, c[1] >> 16);
    if (nic_send(&s->nic, frame, n))
        e1000_count_frame(s, frame, n, true);
    return nic_wire_time(n);
}

/* 3.5: a large packet becomes frames of at most MSS bytes behind a copy of its header each. */
static uint64_t send_segments(struct e1000 *s, const uint32_t *c, const uint8_t *packet, size_t n,
                              unsigned options)
{
    size_t header = c[3] >> 8 & 0xff, mss = c[3] >> 16, ip = c[0] & 0xff, tu = c[1] & 0xff,
           sum_at = c[1] >> 8 & 0xff;
    bool tcp = c[2] & CONTEXT_TCP, v4 = c[2] & CONTEXT_IP;
    uint64_t busy = 0;
    uint8_t frame[ENGINE_FRAME];
    if (!mss || header + mss > sizeof frame || header >= n || ip + 40 > header + 20 || tu + 8 > header ||
        (tcp && tu + 14 > header) || sum_at + 2 > header) {
        board_unhandled(s->board, "e1000 segmentation context", header, true, mss);
        return 0;
    }
    e1000_count(s, S_TSCTC);
    for (size_t at = header, i = 0; at < n; at += mss, i++) {
        size_t part = n - at < mss ? n - at : mss, length = header + part;
        assert(length <= sizeof frame);
        memcpy(frame, packet, header);
        memcpy(frame + header, packet + at, part);
        if (v4) {
            put_be16(frame + ip + 2, (unsigned)(length - ip));
            put_be16(frame + ip + 4, be16(frame + ip + 4) + (unsigned)i);
        } else {
            put_be16(frame + ip + 4, (unsigned)(length - ip - 40));
        }
        if (tcp) {
            uint32_t sequence = be16(frame + tu + 4) << 16 | be16(frame + tu + 6);
            sequence += (uint32_t)(at - header);
            put_be16(frame + tu + 4, sequence >> 16);
            put_be16(frame + tu + 6, sequence & 0xffff);
            if (at + part < n)
                frame[tu + 13] &= (uint8_t)~9; /* PSH, FIN */
        } else {
            put_be16(frame + tu + 4, (unsigned)(length - tu));
        }
        if (options & POPTS_TXSM) /* the driver's sum of the pseudo header lacks the length */
            add_to_checksum(frame + sum_at, (uint32_t)(length - tu));
        busy += send_frame(s, c, frame, length, options);
    }
    return busy;
}

static struct descriptor tx_descriptor(struct e1000 *s, unsigned ring, uint32_t index)
{
    struct descriptor d;
    physmem_read(board_mem(s->board), descriptor_at(s, ring, index), &d, sizeof d);
    return d;
}

/* Takes over a context: as in its four dwords. */
static void take_context(uint32_t *context, const struct descriptor *d)
{
    context[0] = (uint32_t)d->address;
    context[1] = (uint32_t)(d->address >> 32);
    context[2] = d->command;
    context[3] = d->status;
}

static uint32_t tx_length(const struct descriptor *d)
{
    return d->command & (d->command & TX_DEXT ? 0xfffff : 0xffff);
}

static bool is_context(const struct descriptor *d)
{
    return d->command & TX_DEXT && (d->command & TX_TYPE) != TX_DATA;
}

/* Puts the status into the descriptors [from, to), those that ask for it; returns the cause, if one does. */
static uint32_t write_back(struct e1000 *s, unsigned k, uint32_t from, uint32_t to, uint32_t size,
                           bool *later)
{
    const unsigned ring = tx_rings[k];
    uint32_t causes = 0;
    for (uint32_t i = from; i != to; i = (i + 1) % size) {
        struct descriptor d = tx_descriptor(s, ring, i);
        if (!(d.command & (TX_RS | TX_RPS)))
            continue;
        uint8_t status = (uint8_t)((d.status & 0xf0) | TX_DD);
        physmem_write(board_mem(s->board), descriptor_at(s, ring, i) + 12, &status, 1);
        causes |= s->model->sent_cause(s, k);
        *later = d.command & TX_IDE;
    }
    return causes;
}

/* The descriptors of the next packet: *end is the one behind it. False if its end is not in the ring yet. */
static bool next_packet(struct e1000 *s, unsigned ring, uint32_t size, uint32_t *end)
{
    uint32_t tail = s->reg[ring + RING_TAIL] % size, i = s->reg[ring + RING_HEAD] % size;
    for (unsigned n = 0; i != tail; n++) {
        struct descriptor d = tx_descriptor(s, ring, i);
        i = (i + 1) % size;
        *end = i;
        if (is_context(&d) || d.command & TX_EOP || n == DESCRIPTORS_MOST)
            return true;
    }
    return false;
}

static bool ring_ready(struct e1000 *s, unsigned k)
{
    uint32_t size = ring_size(s, tx_rings[k]), end;
    return s->reg[E1000_TCTL] & TCTL_EN && size && s->model->may_send(s, k) &&
           next_packet(s, tx_rings[k], size, &end);
}

/* The ring whose turn it is to send, or -1. */
static int ready_ring(struct e1000 *s)
{
    for (unsigned i = 0; i < s->model->rings; i++) {
        unsigned k = (s->turn + i) % s->model->rings;
        if (ring_ready(s, k))
            return (int)k;
    }
    return -1;
}

static void begin(struct e1000 *s, uint64_t wait)
{
    if (s->send.deadline == TIMER_OFF && ready_ring(s) >= 0)
        timer_set(s->board, &s->send, board_now(s->board) + wait);
}

void e1000_begin(struct e1000 *s)
{
    begin(s, NIC_FETCH);
}

/* Collects the data of descriptors [from, to), and sends what they make. */
static uint64_t send_packet(struct e1000 *s, unsigned k, uint32_t from, uint32_t to, uint32_t size)
{
    const unsigned ring = tx_rings[k];
    uint32_t *context = s->context[k];
    size_t n = 0;
    unsigned options = 0, sum_at = 0, sum_from = 0;
    bool segments = false, first = true, legacy_sum = false;
    for (uint32_t i = from; i != to; i = (i + 1) % size) {
        struct descriptor d = tx_descriptor(s, ring, i);
        uint32_t length = tx_length(&d);
        if (is_context(&d)) {
            take_context(context, &d);
            continue;
        }
        if (n + length > E1000_PACKET_MOST ||
            physmem_mapped(board_mem(s->board), d.address, length) != length) {
            board_unhandled(s->board, "e1000 transmit descriptor", i, true, length);
            return NIC_FETCH;
        }
        physmem_read(board_mem(s->board), d.address, s->packet + n, length);
        n += length;
        if (d.command & TX_DEXT && first) {
            options = d.status >> 8 & 0xff;
            segments = d.command & TX_IC;
        } else if (!(d.command & TX_DEXT) && d.command & TX_IC) {
            legacy_sum = true;
            sum_at = d.command >> 16 & 0xff;
            sum_from = d.status >> 8 & 0xff;
        }
        first = false;
    }
    if (!n)
        return NIC_FETCH;
    if (segments)
        return send_segments(s, context, s->packet, n, options);
    if (legacy_sum)
        put_checksum(s->packet, n, sum_at, sum_from, 0);
    return send_frame(s, context, s->packet, n, options);
}

void e1000_send_next(void *ctx)
{
    struct e1000 *s = ctx;
    int k = ready_ring(s);
    if (k < 0)
        return;
    const unsigned ring = tx_rings[k];
    uint32_t size = ring_size(s, ring), from = s->reg[ring + RING_HEAD] % size, to;
    bool later = false;
    if (!next_packet(s, ring, size, &to))
        return;
    uint64_t busy = send_packet(s, (unsigned)k, from, to, size);
    uint32_t causes = write_back(s, (unsigned)k, from, to, size, &later);
    s->reg[ring + RING_HEAD] = to;
    s->turn = (uint8_t)((unsigned)(k + 1) % s->model->rings);
    if (to == s->reg[ring + RING_TAIL] % size)
        causes |= E1000_TXQE;
    if (causes & E1000_TXQE)
        e1000_count_interrupt(s, SI_ICTXQEC);
    if (causes)
        e1000_cause_later(s, causes, later ? s->reg[E1000_TIDV] : 0, s->reg[E1000_TADV]);
    begin(s, busy ? busy : NIC_FETCH);
}

/* ---------------------------------------------------------------- receiving */

static bool address_listed(const struct e1000 *s, const uint8_t *frame)
{
    for (unsigned i = 0; i < 16; i++) {
        uint32_t low = s->reg[E1000_RA + i * 2], high = s->reg[E1000_RA + i * 2 + 1];
        uint8_t a[NIC_MAC] = {(uint8_t)low,         (uint8_t)(low >> 8), (uint8_t)(low >> 16),
                              (uint8_t)(low >> 24), (uint8_t)high,       (uint8_t)(high >> 8)};
        if (high & E1000_RAH_VALID && !memcmp(a, frame, NIC_MAC))
            return true;
    }
    return false;
}

/* 3.2.4, 13.4.22: 12 bits of the address choose a bit of the table. */
static bool multicast_listed(const struct e1000 *s, const uint8_t *frame)
{
    static const uint8_t shifts[] = {4, 3, 2, 0};
    unsigned hash = (frame[5] << 8 | frame[4]) >> shifts[s->reg[E1000_RCTL] >> 12 & 3] & 0xfff;
    return s->reg[E1000_MTA + hash / 32] >> hash % 32 & 1;
}

static bool wanted(const struct e1000 *s, const uint8_t *frame, size_t n)
{
    uint32_t rctl = s->reg[E1000_RCTL];
    if (n > STANDARD_MOST && !(rctl & RCTL_LPE))
        return false;
    if (nic_is_broadcast(frame) && rctl & RCTL_BAM)
        return true;
    if (nic_is_multicast(frame) ? rctl & RCTL_MPE : rctl & RCTL_UPE)
        return true;
    return address_listed(s, frame) || (nic_is_multicast(frame) && multicast_listed(s, frame));
}

uint32_t e1000_buffer_size(const struct e1000 *s)
{
    uint32_t rctl = s->reg[E1000_RCTL], code = rctl >> 16 & 3;
    return rctl & RCTL_BSEX && code ? 32768u >> code : 2048u >> code;
}

static uint32_t free_units(const struct e1000 *s, unsigned ring, uint32_t size)
{
    return (s->reg[ring + RING_TAIL] % size + size - s->reg[ring + RING_HEAD] % size) % size;
}

void e1000_plan(struct e1000 *s, const uint8_t *frame, size_t n, struct e1000_reception *how)
{
    uint32_t room = e1000_buffer_size(s);
    *how = (struct e1000_reception){.units = 1, .first_room = room, .room = room};
}

void e1000_put_bytes(struct e1000 *s, uint64_t to, const uint8_t *bytes, size_t n)
{
    struct physmem *mem = board_mem(s->board);
    if (to && n && physmem_mapped(mem, to, n) == n)
        physmem_write(mem, to, bytes, n);
}

void e1000_put(struct e1000 *s, const struct e1000_reception *how, uint64_t at, const uint8_t *part, size_t n,
               bool first, bool last)
{
    struct {
        uint16_t length, sum;
        uint8_t status, errors;
        uint16_t special;
    } result = {(uint16_t)n, 0, (uint8_t)(E1000_RX_DD | E1000_RX_IXSM | (last ? E1000_RX_EOP : 0)), 0, 0};
    struct physmem *mem = board_mem(s->board);
    uint64_t to = 0;
    physmem_read(mem, at, &to, sizeof to);
    e1000_put_bytes(s, to, part, n);
    physmem_write(mem, at + 8, &result, sizeof result);
}

/* The frame as it is on the wire: padded, and with its FCS unless the driver wants none. Returns its length. */
static uint32_t make_packet(struct e1000 *s, const uint8_t *frame, uint32_t n)
{
    uint32_t length = n < NIC_SHORTEST ? NIC_SHORTEST : n;
    assert(length <= E1000_PACKET_MOST && "nic_input() refuses longer ones");
    memset(s->packet, 0, NIC_SHORTEST);
    memcpy(s->packet, frame, n);
    if (!(s->reg[E1000_RCTL] & RCTL_SECRC)) {
        uint32_t check = (uint32_t)crc32(0, s->packet, length); /* IEEE 802.3, 3.2.9 */
        memcpy(s->packet + length, &check, sizeof check);
        length += E1000_FCS;
    }
    return length;
}

static void put_parts(struct e1000 *s, const struct e1000_reception *how, uint32_t length, uint32_t size)
{
    const unsigned ring = rx_rings[how->ring];
    for (uint32_t at = 0, n; at < length; at += n) {
        uint32_t room = at ? how->room : how->first_room, index = s->reg[ring + RING_HEAD] % size;
        n = length - at < room ? length - at : room;
        s->model->put(s, how, descriptor_at(s, ring, index), s->packet + at, n, !at, at + n == length);
        s->reg[ring + RING_HEAD] = (index + how->units) % size;
    }
}

static void raise_received(struct e1000 *s, const struct e1000_reception *how, uint32_t size)
{
    uint32_t threshold = size >> ((s->reg[E1000_RCTL] >> 8 & 3) + 1);
    if (free_units(s, rx_rings[how->ring], size) <= threshold) {
        e1000_count_interrupt(s, SI_ICRXDMTC);
        e1000_cause(s, E1000_RXDMT0);
    }
    e1000_cause_later(s, s->model->received_cause(s, how->ring), s->reg[E1000_RDTR], s->reg[E1000_RADV]);
}

uint32_t e1000_receive(void *ctx, const uint8_t *frame, uint32_t n)
{
    struct e1000 *s = ctx;
    struct e1000_reception how;
    if (!(s->reg[E1000_RCTL] & RCTL_EN) || !(s->pci.config[REG_COMMAND] & 4) || !wanted(s, frame, n)) {
        if (n > STANDARD_MOST)
            e1000_count(s, S_ROC);
        return n;
    }
    s->model->plan(s, frame, n, &how);
    uint32_t size = ring_size(s, rx_rings[how.ring]), length = make_packet(s, frame, n), need = 1;
    if (!size || !how.room) {
        board_unhandled(s->board, "e1000 receive ring or buffers without a size", how.ring, false, n);
        return n;
    }
    if (length > how.first_room)
        need += (length - how.first_room + how.room - 1) / how.room;
    if (free_units(s, rx_rings[how.ring], size) < need * how.units)
        return 0;
    nic_took(&s->nic, frame, n);
    e1000_count_frame(s, frame, n, false);
    put_parts(s, &how, length, size);
    raise_received(s, &how, size);
    return n;
}
