/* virtio_net.c - a network card on virtio.
 *
 * Source: VIRTIO 1.2, 5.1; for old drivers its legacy interface (5.1.6.1: the header without num_buffers). There are no offloads: a frame
 * is given and taken as it is on the wire. The driver's frames leave one after the other, each when the wire is free. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "hv/board/network/nic.h"
#include "hv/board/virtio/virtio.h"

#include <assert.h>
#include <string.h>

enum { RECEIVE, TRANSMIT, CONTROL, QUEUES };
#define F_MTU           (1ull << 3)
#define F_MAC           (1ull << 5)
#define F_MRG_RXBUF     (1ull << 15)
#define F_STATUS        (1ull << 16)
#define F_CTRL_VQ       (1ull << 17)
#define F_CTRL_RX       (1ull << 18)
#define F_CTRL_RX_EXTRA (1ull << 20)
#define F_CTRL_MAC_ADDR (1ull << 23)
enum {
    HEADER_SHORT = 10, /* of a legacy driver without mergeable buffers */
    HEADER = 12,
    NUM_BUFFERS = 10, /* in it */
    MTU = 1500,
    CONFIG_STATUS = 6,
    CONFIG_MTU = 10,
    LINK_UP = 1,
    CHAINS_MOST = 64, /* that one frame may take */
    ADDRESSES = 64,   /* of the filter, of each kind */
};
/* Control commands: class, command (5.1.6.5). */
enum { CLASS_RX, CLASS_MAC };
enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST, RX_MODES };
enum { MAC_TABLE_SET, MAC_ADDR_SET };
enum { ACK_OK, ACK_ERROR, COMMAND_MOST = 2 + 2 * 4 + 2 * ADDRESSES * NIC_MAC };

/* Addresses of a kind that the driver wants; `overflow`: there are more, so all of the kind are taken. */
struct filter {
    uint8_t overflow, n;
    uint8_t address[ADDRESSES * NIC_MAC];
};

struct virtio_net {
    struct virtio virtio;
    struct nic nic;
    struct timer timer; /* runs while a frame is being sent */
    uint8_t address[NIC_MAC];
    uint8_t mode[RX_MODES];
    struct filter unicast, multicast;
    uint64_t dropped;           /* frames that could not be sent, or had no room in a buffer */
    struct virtio_chain *chain; /* for the frame that is handled: not state, since it lasts for a call */
};

static struct virtio_net *net_of(struct virtio *v)
{
    return (struct virtio_net *)v;
}

static unsigned header_size(const struct virtio_net *s)
{
    return virtio_has(&s->virtio, VIRTIO_F_VERSION_1 | F_MRG_RXBUF) ? HEADER : HEADER_SHORT;
}

/* ---------------------------------------------------------------- sending */

/* Returns how long the wire is busy. */
static uint64_t send(struct virtio_net *s)
{
    uint8_t frame[ENGINE_FRAME];
    uint64_t size = s->chain->out_size, header = header_size(s);
    size_t n = 0;
    if (size >= header && size - header <= sizeof frame) {
        n = (size_t)(size - header);
        virtio_read(&s->virtio, s->chain, header, frame, n);
    }
    s->dropped += !nic_send(&s->nic, frame, n);
    virtio_give(&s->virtio, TRANSMIT, s->chain, 0);
    return nic_wire_time(n);
}

static void begin(struct virtio_net *s, uint64_t wait)
{
    if (s->timer.deadline == TIMER_OFF && virtio_waits(&s->virtio, TRANSMIT))
        timer_set(s->virtio.board, &s->timer, board_now(s->virtio.board) + wait);
}

static void fire(void *ctx)
{
    struct virtio_net *s = ctx;
    if (virtio_take(&s->virtio, TRANSMIT, s->chain) > 0)
        begin(s, send(s));
}

/* ---------------------------------------------------------------- receiving */

static bool listed(const struct filter *f, const uint8_t *address)
{
    for (unsigned i = 0; i < f->n; i++)
        if (!memcmp(f->address + i * NIC_MAC, address, NIC_MAC))
            return true;
    return f->overflow;
}

static bool wanted(const struct virtio_net *s, const uint8_t *frame)
{
    const uint8_t *mode = s->mode;
    if (mode[RX_PROMISC])
        return true;
    if (nic_is_broadcast(frame))
        return !mode[RX_NOBCAST];
    if (nic_is_multicast(frame))
        return !mode[RX_NOMULTI] && (mode[RX_ALLMULTI] || listed(&s->multicast, frame));
    return !mode[RX_NOUNI] &&
           (mode[RX_ALLUNI] || !memcmp(frame, s->address, NIC_MAC) || listed(&s->unicast, frame));
}

/* How many chains `size` bytes take; 0 if the driver has not made as many available. Takes none. */
static unsigned chains_for(struct virtio_net *s, uint64_t size)
{
    const struct virtio_queue before = s->virtio.queue[RECEIVE];
    unsigned chains = 0, most = virtio_has(&s->virtio, F_MRG_RXBUF) ? CHAINS_MOST : 1;
    uint64_t room = 0;
    while (room < size && chains < most) {
        if (virtio_take(&s->virtio, RECEIVE, s->chain) <= 0) {
            chains = 0;
            break;
        }
        room += s->chain->in_size;
        chains++;
    }
    if (chains && room < size)
        chains = CHAINS_MOST + 1;
    s->virtio.queue[RECEIVE] = before;
    return chains;
}

static void put(struct virtio_net *s, const uint8_t *packet, size_t size, unsigned chains)
{
    for (size_t at = 0; chains--;) {
        if (virtio_take(&s->virtio, RECEIVE, s->chain) <= 0)
            return;
        size_t n = size - at < s->chain->in_size ? size - at : (size_t)s->chain->in_size;
        virtio_write(&s->virtio, s->chain, 0, packet + at, n);
        virtio_give(&s->virtio, RECEIVE, s->chain, (uint32_t)n);
        at += n;
    }
}

/* A frame for which the buffers are too small, however many there are, is dropped. */
static uint32_t receive(void *ctx, const uint8_t *frame, uint32_t n)
{
    struct virtio_net *s = ctx;
    uint8_t packet[HEADER + ENGINE_FRAME] = {0};
    unsigned header = header_size(s);
    if (!virtio_running(&s->virtio) || !wanted(s, frame))
        return n;
    unsigned chains = chains_for(s, header + n);
    if (!chains)
        return virtio_running(&s->virtio) ? 0 : n;
    if (chains > CHAINS_MOST) {
        s->dropped++;
        return n;
    }
    if (header == HEADER)
        packet[NUM_BUFFERS] = (uint8_t)chains;
    assert(header <= HEADER && n <= ENGINE_FRAME && "nic_input() refuses longer ones");
    memcpy(packet + header, frame, n);
    nic_took(&s->nic, frame, n);
    put(s, packet, header + n, chains);
    return n;
}

/* ---------------------------------------------------------------- the control queue */

/* A list of addresses: their number, then they. Returns where it ends, or NULL if it goes beyond `end`. */
static const uint8_t *take_list(struct filter *f, const uint8_t *p, const uint8_t *end)
{
    if (end - p < 4)
        return NULL;
    const uint32_t n = (uint32_t)get_le(p, 4);
    p += 4;
    if (n > (uint64_t)(end - p) / NIC_MAC)
        return NULL;
    memset(f, 0, sizeof *f);
    f->overflow = n > ADDRESSES;
    f->n = (uint8_t)(f->overflow ? 0 : n);
    memcpy(f->address, p, f->n * (size_t)NIC_MAC);
    return p + n * (size_t)NIC_MAC;
}

/* The lists of a table that is longer than the filter: too many, so all are taken. */
static bool set_table(struct virtio_net *s, const uint8_t *p, const uint8_t *end, bool whole)
{
    struct filter unicast = {0}, multicast = {0};
    if (!whole)
        unicast.overflow = multicast.overflow = 1;
    else if (!(p = take_list(&unicast, p, end)) || !take_list(&multicast, p, end))
        return false;
    s->unicast = unicast;
    s->multicast = multicast;
    return true;
}

static bool command(struct virtio_net *s, const uint8_t *c, size_t n, bool whole)
{
    if (n >= 3 && c[0] == CLASS_RX && c[1] < RX_MODES)
        return s->mode[c[1]] = c[2] != 0, true;
    if (n >= 2 && c[0] == CLASS_MAC && c[1] == MAC_TABLE_SET)
        return set_table(s, c + 2, c + n, whole);
    if (n >= 2 + NIC_MAC && c[0] == CLASS_MAC && c[1] == MAC_ADDR_SET)
        return memcpy(s->address, c + 2, NIC_MAC), true;
    board_unhandled(s->virtio.board, "virtio-net control command", n >= 2 ? c[0] * 256u + c[1] : 0, true, n);
    return false;
}

static void control(struct virtio_net *s)
{
    uint8_t bytes[COMMAND_MOST] = {0}, ack;
    while (virtio_take(&s->virtio, CONTROL, s->chain) > 0) {
        uint64_t size = s->chain->out_size;
        size_t n = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (!s->chain->in_size) {
            virtio_break(&s->virtio, "a virtio-net command without room for its answer");
            return;
        }
        virtio_read(&s->virtio, s->chain, 0, bytes, n);
        ack = command(s, bytes, n, n == size) ? ACK_OK : ACK_ERROR;
        virtio_write(&s->virtio, s->chain, s->chain->in_size - 1, &ack, 1);
        virtio_give(&s->virtio, CONTROL, s->chain, (uint32_t)s->chain->in_size);
    }
}

static void notified(struct virtio *v, unsigned queue)
{
    if (queue == TRANSMIT)
        begin(net_of(v), NIC_FETCH);
    else if (queue == CONTROL)
        control(net_of(v));
}

/* ---------------------------------------------------------------- the device */

static void fill_config(const struct virtio *v, uint8_t *c)
{
    const struct virtio_net *s = (const struct virtio_net *)v;
    memcpy(c, s->address, NIC_MAC);
    put_le(c + CONFIG_STATUS, LINK_UP, 2);
    put_le(c + CONFIG_MTU, MTU, 2);
}

/* Old drivers set the address there; new ones by a command. */
static void config_written(struct virtio *v, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_net *s = net_of(v);
    for (unsigned i = 0; i < size && !virtio_has(v, VIRTIO_F_VERSION_1); i++)
        if (offset + i < NIC_MAC)
            s->address[offset + i] = (uint8_t)(value >> i * 8);
}

/* All is taken until the driver says what it wants (5.1.6.5.1 leaves that open; drivers without a control queue need it). */
static void device_reset(struct virtio *v)
{
    struct virtio_net *s = net_of(v);
    timer_stop(v->board, &s->timer);
    nic_reset(&s->nic);
    memset(s->mode, 0, sizeof s->mode);
    memset(&s->unicast, 0, sizeof s->unicast);
    memset(&s->multicast, 0, sizeof s->multicast);
    s->mode[RX_PROMISC] = 1;
    memcpy(s->address, s->nic.address, NIC_MAC);
}

static const struct virtio_kind kind = {
    .name = "virtio-net",
    .device = 1,
    .legacy = 0x1000,
    .class_code = 0x020000,
    .queues = QUEUES,
    .features =
        F_MTU | F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX | F_CTRL_RX_EXTRA | F_CTRL_MAC_ADDR,
    .config_size = CONFIG_MTU + 2,
    .notified = notified,
    .reset = device_reset,
    .config = fill_config,
    .config_written = config_written,
};

static const struct field filter_fields[] = {
    FIELD(struct filter, overflow),
    FIELD(struct filter, n),
    FIELDS(struct filter, address),
};
static const struct field net_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_net, virtio, virtio_fields),
    FIELD_STRUCT_AS("", struct virtio_net, nic, nic_fields),
    FIELD(struct virtio_net, timer.deadline),
    FIELDS(struct virtio_net, address),
    FIELDS(struct virtio_net, mode),
    FIELD_STRUCT(struct virtio_net, unicast, filter_fields),
    FIELD_STRUCT(struct virtio_net, multicast, filter_fields),
    FIELD(struct virtio_net, dropped),
};

static void reset(void *state)
{
    struct virtio_net *s = state;
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
    s->dropped = 0;
}

/* The state may come from a damaged file. */
static void loaded(void *state)
{
    struct virtio_net *s = state;
    if (s->unicast.n > ADDRESSES)
        s->unicast.n = ADDRESSES;
    if (s->multicast.n > ADDRESSES)
        s->multicast.n = ADDRESSES;
    virtio_loaded(&s->virtio);
}

static void destroy(void *state)
{
    struct virtio_net *s = state;
    free(s->chain);
    free(s);
}

static void map_rom(void *ctx, unsigned bar, uint64_t base)
{
    nic_map_rom(&((struct virtio_net *)ctx)->nic, base);
}

int virtio_net_create(struct board *b, const struct card *card, struct error *err)
{
    struct virtio_net *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    s->chain = mem_zero(1, sizeof *s->chain);
    int rc = nic_init(&s->nic, b, card, kind.name, s, receive, err);
    virtio_init(&s->virtio, s->nic.name, card->devfn);
    nic_add_rom(&s->nic, &s->virtio.pci, map_rom);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = s->nic.name,
                                     .fields = net_fields,
                                     .nfields = FIELD_COUNT(net_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return rc;
}
