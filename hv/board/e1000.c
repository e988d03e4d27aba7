/* e1000.c - the network card Intel 82540EM (PRO/1000 MT Desktop), QEMU's e1000.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006): 3 (descriptors),
 * 13 (registers). Frames leave by a timer, each when the wire is free; what comes goes to memory at once. All that a driver
 * leaves in memory is checked before it is used. Not there: VLAN tags, wake-up, flow control, checksums of received frames (which
 * descriptors say). */
#include "hv/board/e1000_impl.h"
#include "traces/memory.h"

#include <stdlib.h>
#include <string.h>

enum { REVISION = 3, BAR_MEMORY = 0, BAR_IO = 1, IO_ADDRESS = 0, IO_DATA = 4 };
enum { CTRL_SLU = 1 << 6, CTRL_RST = 1 << 26, CTRL_PHY_RST = 1u << 31, CTRL_FD = 1 };
enum { STATUS_FD = 1, STATUS_LU = 2, STATUS_1000 = 2 << 6 };
enum {
    RCTL_EN = 2,
    RCTL_UPE = 8,
    RCTL_MPE = 16,
    RCTL_LPE = 32,
    RCTL_BAM = 1 << 15,
    RCTL_BSEX = 1 << 25,
    RCTL_SECRC = 1 << 26
};
enum { TCTL_EN = 2, RAH_VALID = 1u << 31 };
enum { DESCRIPTOR = 16, RX_DD = 1, RX_EOP = 2, RX_IXSM = 4 };
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
enum {
    PACKET_MOST = 0x10000 + 1024,
    STANDARD_MOST = 1522 - E1000_FCS,
    RING_MOST = 0x100000,
    DESCRIPTORS_MOST = 256
};
enum { ITR_NS = 256, DELAY_NS = 1024 };

/* ---------------------------------------------------------------- interrupts */

static void set_pin(struct e1000 *s, bool level)
{
    if (level && !s->pin && s->reg[E1000_ITR])
        timer_set(s->board, &s->throttle,
                  board_now(s->board) + (s->reg[E1000_ITR] & 0xffff) * (uint64_t)ITR_NS);
    s->pin = level;
    board_pci_irq(s->board, s->pci.devfn, 0, level);
}

/* The pin follows the causes, but does not rise again before the throttle's time has passed. */
static void update_pin(struct e1000 *s)
{
    bool wanted = s->reg[E1000_ICR] & s->reg[E1000_IMS];
    if (wanted != s->pin && !(wanted && s->throttle.deadline != TIMER_OFF))
        set_pin(s, wanted);
}

static void throttle_ends(void *ctx)
{
    update_pin(ctx);
}

void e1000_cause(struct e1000 *s, uint32_t causes)
{
    s->reg[E1000_ICR] |= causes;
    update_pin(s);
}

static void delay_ends(void *ctx)
{
    struct e1000 *s = ctx;
    uint32_t causes = s->delayed;
    s->delayed = 0;
    timer_stop(s->board, &s->delay);
    e1000_cause(s, causes);
}

/* 3.2.7.1, 3.4.3: `delay` begins anew with each, but not beyond `most` after the first (0: no bound). */
static void cause_later(struct e1000 *s, uint32_t causes, uint32_t delay, uint32_t most)
{
    uint64_t now = board_now(s->board), end = now + (uint64_t)(delay & 0xffff) * DELAY_NS;
    if (!(delay & 0xffff)) {
        s->delayed |= causes;
        delay_ends(s);
        return;
    }
    if (!s->delayed)
        s->delay_end = most & 0xffff ? now + (uint64_t)(most & 0xffff) * DELAY_NS : UINT64_MAX;
    s->delayed |= causes;
    timer_set(s->board, &s->delay, end < s->delay_end ? end : s->delay_end);
}

/* ---------------------------------------------------------------- rings */

static uint64_t ring_base(const struct e1000 *s, unsigned low)
{
    return (uint64_t)s->reg[low + 1] << 32 | (s->reg[low] & ~15u);
}

static uint32_t ring_size(const struct e1000 *s, unsigned length)
{
    return (s->reg[length] & (RING_MOST - 1) & ~127u) / DESCRIPTOR;
}

static uint64_t descriptor_at(const struct e1000 *s, unsigned low, uint32_t index)
{
    return ring_base(s, low) + (uint64_t)index * DESCRIPTOR;
}

/* ---------------------------------------------------------------- sending */

struct descriptor {
    uint64_t address;
    uint32_t command, status;
};
_Static_assert(sizeof(struct descriptor) == DESCRIPTOR, "as in memory");

static unsigned get16(const uint8_t *p)
{
    return p[0] * 256u + p[1];
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

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
    put16(frame + at, ~sum & 0xffff);
}

static void add_to_checksum(uint8_t *at, uint32_t value)
{
    uint32_t sum = get16(at) + value;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put16(at, sum);
}

static uint64_t send_frame(struct e1000 *s, uint8_t *frame, size_t n, unsigned options)
{
    const uint32_t *c = s->context;
    if (options & POPTS_IXSM)
        put_checksum(frame, n, c[0] >> 8 & 0xff, c[0] & 0xff, c[0] >> 16);
    if (options & POPTS_TXSM)
        put_checksum(frame, n, c[1] >> 8 & 0xff, c[1] & 0xff, c[1] >> 16);
    if (nic_send(&s->nic, frame, n))
        e1000_count_frame(s, frame, n, true);
    return nic_wire_time(n);
}

/* 3.5: a large packet becomes frames of at most MSS bytes behind a copy of its header each. */
static uint64_t send_segments(struct e1000 *s, const uint8_t *packet, size_t n, unsigned options)
{
    const uint32_t *c = s->context;
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
        memcpy(frame, packet, header);
        memcpy(frame + header, packet + at, part);
        if (v4) {
            put16(frame + ip + 2, (unsigned)(length - ip));
            put16(frame + ip + 4, get16(frame + ip + 4) + (unsigned)i);
        } else {
            put16(frame + ip + 4, (unsigned)(length - ip - 40));
        }
        if (tcp) {
            uint32_t sequence = get16(frame + tu + 4) << 16 | get16(frame + tu + 6);
            sequence += (uint32_t)(at - header);
            put16(frame + tu + 4, sequence >> 16);
            put16(frame + tu + 6, sequence & 0xffff);
            if (at + part < n)
                frame[tu + 13] &= (uint8_t)~9; /* PSH, FIN */
        } else {
            put16(frame + tu + 4, (unsigned)(length - tu));
        }
        if (options & POPTS_TXSM) /* the driver's sum of the pseudo header lacks the length */
            add_to_checksum(frame + sum_at, (uint32_t)(length - tu));
        busy += send_frame(s, frame, length, options);
    }
    return busy;
}

static struct descriptor tx_descriptor(struct e1000 *s, uint32_t index)
{
    struct descriptor d;
    physmem_read(board_mem(s->board), descriptor_at(s, E1000_TDBAL, index), &d, sizeof d);
    return d;
}

/* Takes over a context: as in its four dwords. */
static void take_context(struct e1000 *s, const struct descriptor *d)
{
    s->context[0] = (uint32_t)d->address;
    s->context[1] = (uint32_t)(d->address >> 32);
    s->context[2] = d->command;
    s->context[3] = d->status;
}

static uint32_t tx_length(const struct descriptor *d)
{
    return d->command & (d->command & TX_DEXT ? 0xfffff : 0xffff);
}

static bool is_context(const struct descriptor *d)
{
    return d->command & TX_DEXT && (d->command & TX_TYPE) != TX_DATA;
}

/* Puts the status into the descriptors [from, to), those that ask for it; returns their causes. */
static uint32_t write_back(struct e1000 *s, uint32_t from, uint32_t to, uint32_t size, bool *later)
{
    uint32_t causes = 0;
    for (uint32_t i = from; i != to; i = (i + 1) % size) {
        struct descriptor d = tx_descriptor(s, i);
        if (!(d.command & (TX_RS | TX_RPS)))
            continue;
        uint8_t status = (uint8_t)((d.status & 0xf0) | TX_DD);
        physmem_write(board_mem(s->board), descriptor_at(s, E1000_TDBAL, i) + 12, &status, 1);
        causes |= E1000_TXDW;
        *later = d.command & TX_IDE;
    }
    return causes;
}

/* The descriptors of the next packet: *end is the one behind it. False if its end is not in the ring yet. */
static bool next_packet(struct e1000 *s, uint32_t size, uint32_t *end)
{
    uint32_t tail = s->reg[E1000_TDT] % size, i = s->reg[E1000_TDH] % size;
    for (unsigned n = 0; i != tail; n++) {
        struct descriptor d = tx_descriptor(s, i);
        i = (i + 1) % size;
        *end = i;
        if (is_context(&d) || d.command & TX_EOP || n == DESCRIPTORS_MOST)
            return true;
    }
    return false;
}

static bool tx_ready(struct e1000 *s)
{
    uint32_t size = ring_size(s, E1000_TDLEN), end;
    return s->reg[E1000_TCTL] & TCTL_EN && size && next_packet(s, size, &end);
}

static void begin(struct e1000 *s, uint64_t wait)
{
    if (s->send.deadline == TIMER_OFF && tx_ready(s))
        timer_set(s->board, &s->send, board_now(s->board) + wait);
}

/* Collects the data of descriptors [from, to), and sends what they make. */
static uint64_t send_packet(struct e1000 *s, uint32_t from, uint32_t to, uint32_t size)
{
    size_t n = 0;
    unsigned options = 0, sum_at = 0, sum_from = 0;
    bool segments = false, first = true, legacy_sum = false;
    for (uint32_t i = from; i != to; i = (i + 1) % size) {
        struct descriptor d = tx_descriptor(s, i);
        uint32_t length = tx_length(&d);
        if (is_context(&d)) {
            take_context(s, &d);
            continue;
        }
        if (n + length > PACKET_MOST || physmem_mapped(board_mem(s->board), d.address, length) != length) {
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
        return send_segments(s, s->packet, n, options);
    if (legacy_sum)
        put_checksum(s->packet, n, sum_at, sum_from, 0);
    return send_frame(s, s->packet, n, options);
}

static void send_next(void *ctx)
{
    struct e1000 *s = ctx;
    uint32_t size = ring_size(s, E1000_TDLEN), from, to;
    bool later = false;
    if (!tx_ready(s) || !next_packet(s, size, &to))
        return;
    from = s->reg[E1000_TDH] % size;
    uint64_t busy = send_packet(s, from, to, size);
    uint32_t causes = write_back(s, from, to, size, &later);
    s->reg[E1000_TDH] = to;
    if (to == s->reg[E1000_TDT] % size)
        causes |= E1000_TXQE;
    if (causes)
        cause_later(s, causes, later ? s->reg[E1000_TIDV] : 0, s->reg[E1000_TADV]);
    begin(s, busy ? busy : NIC_FETCH);
}

/* ---------------------------------------------------------------- receiving */

static bool address_listed(const struct e1000 *s, const uint8_t *frame)
{
    for (unsigned i = 0; i < 16; i++) {
        uint32_t low = s->reg[E1000_RA + i * 2], high = s->reg[E1000_RA + i * 2 + 1];
        uint8_t a[NIC_MAC] = {(uint8_t)low,         (uint8_t)(low >> 8), (uint8_t)(low >> 16),
                              (uint8_t)(low >> 24), (uint8_t)high,       (uint8_t)(high >> 8)};
        if (high & RAH_VALID && !memcmp(a, frame, NIC_MAC))
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

static uint32_t buffer_size(const struct e1000 *s)
{
    uint32_t rctl = s->reg[E1000_RCTL], code = rctl >> 16 & 3;
    return rctl & RCTL_BSEX && code ? 32768u >> code : 2048u >> code;
}

/* IEEE 802.3, 3.2.9. */
static uint32_t frame_check(const uint8_t *frame, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= frame[i];
        for (unsigned k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static uint32_t free_descriptors(const struct e1000 *s, uint32_t size)
{
    return (s->reg[E1000_RDT] % size + size - s->reg[E1000_RDH] % size) % size;
}

static void put_part(struct e1000 *s, const uint8_t *data, size_t n, bool last, uint32_t size)
{
    uint32_t index = s->reg[E1000_RDH] % size;
    uint64_t at = descriptor_at(s, E1000_RDBAL, index), to = 0;
    struct {
        uint16_t length, sum;
        uint8_t status, errors;
        uint16_t special;
    } result = {(uint16_t)n, 0, (uint8_t)(RX_DD | RX_IXSM | (last ? RX_EOP : 0)), 0, 0};
    struct physmem *mem = board_mem(s->board);
    physmem_read(mem, at, &to, sizeof to);
    if (to && physmem_mapped(mem, to, n) == n)
        physmem_write(mem, to, data, n);
    physmem_write(mem, at + 8, &result, sizeof result);
    s->reg[E1000_RDH] = (index + 1) % size;
}

static uint32_t receive(void *ctx, const uint8_t *frame, uint32_t n)
{
    struct e1000 *s = ctx;
    uint32_t size = ring_size(s, E1000_RDLEN), most = buffer_size(s), rctl = s->reg[E1000_RCTL];
    uint32_t length = n < NIC_SHORTEST ? NIC_SHORTEST : n;
    if (!(rctl & RCTL_EN) || !size || !(s->pci.config[REG_COMMAND] & 4) || !wanted(s, frame, n)) {
        if (n > STANDARD_MOST)
            e1000_count(s, S_ROC);
        return n;
    }
    memset(s->packet, 0, NIC_SHORTEST);
    memcpy(s->packet, frame, n);
    if (!(rctl & RCTL_SECRC)) {
        uint32_t check = frame_check(s->packet, length);
        memcpy(s->packet + length, &check, sizeof check);
        length += E1000_FCS;
    }
    if (free_descriptors(s, size) < (length + most - 1) / most)
        return 0;
    nic_took(&s->nic, frame, n);
    e1000_count_frame(s, frame, n, false);
    for (uint32_t at = 0; at < length; at += most)
        put_part(s, s->packet + at, length - at < most ? length - at : most, length - at <= most, size);
    uint32_t threshold = size >> ((rctl >> 8 & 3) + 1);
    if (free_descriptors(s, size) <= threshold)
        e1000_cause(s, E1000_RXDMT0);
    cause_later(s, E1000_RXT0, s->reg[E1000_RDTR], s->reg[E1000_RADV]);
    return n;
}

/* ---------------------------------------------------------------- registers */

static void reset_registers(struct e1000 *s)
{
    memset(s->reg, 0, sizeof s->reg);
    memset(s->context, 0, sizeof s->context);
    s->reg[E1000_CTRL] = CTRL_FD | CTRL_SLU;
    s->reg[E1000_STATUS] = STATUS_FD | STATUS_LU | STATUS_1000;
    s->reg[E1000_PBA] = 0x00100030;
    s->reg[E1000_LEDCTL] = 0x07061302;
    s->reg[E1000_RA] = s->nic.address[0] | s->nic.address[1] << 8 | s->nic.address[2] << 16 |
                       (uint32_t)s->nic.address[3] << 24;
    s->reg[E1000_RA + 1] = s->nic.address[4] | s->nic.address[5] << 8 | (uint32_t)RAH_VALID;
    s->command = s->command_bits = s->reading = 0;
    s->out_bit = 0;
    s->delayed = 0;
    s->delay_end = 0;
    s->io_address = 0;
    timer_stop(s->board, &s->send);
    timer_stop(s->board, &s->throttle);
    timer_stop(s->board, &s->delay);
    nic_reset(&s->nic);
    set_pin(s, false);
}

struct place {
    uint32_t offset, n;
    enum e1000_register first;
    enum e1000_access access;
};
static const struct place places[] = {
#define PLACE(name, offset, n, access, what) {offset, n, E1000_##name, E1000_##access},
    E1000_REGISTERS(PLACE)
#undef PLACE
};

/* The register at an offset, or -1. */
static int register_at(uint32_t offset, enum e1000_access *access)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (offset - places[i].offset < places[i].n * 4) {
            *access = places[i].access;
            return (int)(places[i].first + (offset - places[i].offset) / 4);
        }
    return -1;
}

static uint32_t read_register(struct e1000 *s, uint32_t offset)
{
    enum e1000_access access;
    int r = register_at(offset & ~3u, &access);
    if (r < 0)
        return 0;
    uint32_t value = s->reg[r];
    if (access == E1000_COUNTER) {
        bool low = r == E1000_STATISTICS + S_GORC / 4 || r == E1000_STATISTICS + S_GOTC / 4 ||
                   r == E1000_STATISTICS + S_TOR / 4 || r == E1000_STATISTICS + S_TOT / 4;
        bool high = r > E1000_STATISTICS &&
                    (r - 1 == E1000_STATISTICS + S_GORC / 4 || r - 1 == E1000_STATISTICS + S_GOTC / 4 ||
                     r - 1 == E1000_STATISTICS + S_TOR / 4 || r - 1 == E1000_STATISTICS + S_TOT / 4);
        if (!low)
            s->reg[r] = 0;
        if (high)
            s->reg[r - 1] = 0;
        return value;
    }
    if (r == E1000_EECD)
        return e1000_read_wires(s);
    if (r == E1000_ICR) {
        s->reg[r] = 0;
        update_pin(s);
    }
    return r == E1000_ICS || r == E1000_IMC ? 0 : value;
}

static void write_special(struct e1000 *s, int r, uint32_t value)
{
    switch (r) {
    case E1000_CTRL:
        if (value & CTRL_PHY_RST)
            e1000_reset_phy(s);
        if (value & CTRL_RST)
            reset_registers(s);
        else
            s->reg[r] = value & ~(uint32_t)CTRL_PHY_RST;
        break;
    case E1000_EECD:
        e1000_write_wires(s, value);
        break;
    case E1000_EERD:
        e1000_write_eerd(s, value);
        break;
    case E1000_MDIC:
        e1000_write_mdic(s, value);
        break;
    case E1000_ICR:
        s->reg[E1000_ICR] &= ~value;
        update_pin(s);
        break;
    case E1000_ICS:
        e1000_cause(s, value);
        break;
    case E1000_IMS:
        s->reg[E1000_IMS] |= value;
        update_pin(s);
        break;
    case E1000_IMC:
        s->reg[E1000_IMS] &= ~value;
        update_pin(s);
        break;
    case E1000_RDTR:
        s->reg[r] = value & 0xffff;
        if (value >> 31) /* flush */
            delay_ends(s);
        break;
    default: /* RCTL, TCTL, TDT */
        s->reg[r] = r == E1000_TDT ? value & 0xffff : value;
        begin(s, NIC_FETCH);
    }
}

static void write_register(struct e1000 *s, uint32_t offset, uint32_t value)
{
    enum e1000_access access;
    int r = register_at(offset & ~3u, &access);
    if (r < 0) {
        board_unhandled(s->board, "e1000 register", offset, true, value);
        return;
    }
    if (access == E1000_PLAIN)
        s->reg[r] = r == E1000_RDH || r == E1000_RDT || r == E1000_TDH ? value & 0xffff : value;
    else if (access == E1000_SPECIAL)
        write_special(s, r, value);
}

static uint64_t memory_read(void *ctx, uint64_t offset, unsigned size)
{
    uint64_t value = read_register(ctx, (uint32_t)offset) >> (offset & 3) * 8;
    return size == 8 ? value | (uint64_t)read_register(ctx, (uint32_t)offset + 4) << 32 : value;
}

/* Registers are written whole (13.2). */
static void memory_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset & 3 || size < 4) {
        board_unhandled(((struct e1000 *)ctx)->board, "e1000 access to a part of a register", offset, true,
                        value);
        return;
    }
    write_register(ctx, (uint32_t)offset, (uint32_t)value);
    if (size == 8)
        write_register(ctx, (uint32_t)offset + 4, (uint32_t)(value >> 32));
}

static uint32_t io_read(void *ctx, uint16_t port, unsigned size)
{
    struct e1000 *s = ctx;
    unsigned at = (unsigned)(port - s->io);
    return at == IO_ADDRESS                             ? s->io_address
           : at == IO_DATA && s->io_address < E1000_BAR ? read_register(s, s->io_address)
                                                        : 0;
}

static void io_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct e1000 *s = ctx;
    unsigned at = (unsigned)(port - s->io);
    if (at == IO_ADDRESS && size == 4)
        s->io_address = value;
    else if (at == IO_DATA && size == 4 && s->io_address < E1000_BAR)
        write_register(s, s->io_address, value);
}

/* ---------------------------------------------------------------- the device */

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct e1000 *s = ctx;
    if (bar == BAR_ROM)
        nic_map_rom(&s->nic, base);
    if (bar == BAR_MEMORY)
        board_mmio_move(s->board, s->mmio, base);
    if (bar != BAR_IO)
        return;
    if (s->io != UINT64_MAX)
        board_ports_remove(s->board, (uint16_t)s->io, E1000_IO, s);
    s->io = base;
    if (base != UINT64_MAX)
        board_ports(s->board, (uint16_t)base, E1000_IO, false, s, io_read, io_write);
}

#define S struct e1000
static const struct field e1000_fields[] = {
    FIELDS(S, pci.config),    FIELD_STRUCT_AS("", S, nic, nic_fields),
    FIELDS(S, reg),           FIELDS(S, phy),
    FIELD(S, io_address),     FIELD(S, command),
    FIELD(S, command_bits),   FIELD(S, reading),
    FIELD(S, out_bit),        FIELDS(S, context),
    FIELD(S, delayed),        FIELD(S, pin),
    FIELD(S, send.deadline),  FIELD(S, throttle.deadline),
    FIELD(S, delay.deadline), FIELD(S, delay_end),
};
#undef S

static void reset(void *state)
{
    e1000_reset_phy(state);
    reset_registers(state);
}

static void loaded(void *state)
{
    struct e1000 *s = state;
    pci_loaded(s->board, &s->pci);
}

static void destroy(void *state)
{
    struct e1000 *s = state;
    free(s->packet);
    free(s);
}

int e1000_create(struct board *b, const struct card *card, struct error *err)
{
    struct e1000 *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->io = UINT64_MAX;
    s->packet = mem_zero(1, PACKET_MOST + E1000_FCS);
    int rc = nic_init(&s->nic, b, card, "e1000-", s, receive, err);
    pci_init(&s->pci, s->nic.name, card->devfn, E1000_VENDOR, E1000_DEVICE, 0x020000, REVISION, 1);
    s->pci.bar[BAR_MEMORY] = (struct pci_bar){.size = E1000_BAR, .map = map};
    s->pci.bar[BAR_IO] = (struct pci_bar){.size = E1000_IO, .io = true, .map = map};
    s->pci.ctx = s;
    nic_add_rom(&s->nic, &s->pci, map);
    s->mmio = board_mmio(b, UINT64_MAX, E1000_BAR, s, memory_read, memory_write);
    board_timer(b, &s->send, send_next, s);
    board_timer(b, &s->throttle, throttle_ends, s);
    board_timer(b, &s->delay, delay_ends, s);
    board_add_chip(b, &(struct chip){.name = s->nic.name,
                                     .fields = e1000_fields,
                                     .nfields = FIELD_COUNT(e1000_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->pci);
    return rc;
}
