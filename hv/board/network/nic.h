/* nic.h - what network cards have in common: the MAC address, the ROM by which firmware boots, and the frames
 * that leave and come. Private to hv/board.
 *
 * A frame leaves a card by an event (EV_NET_OUT), and nothing else: what is at the other end belongs to the
 * recorder, which answers with inputs (core/net). So that it can answer soon, a run comes to a point where it
 * may be interrupted NIC_LOOK after each frame. */
#ifndef BOOTREEL_HV_BOARD_NETWORK_NIC_H
#define BOOTREEL_HV_BOARD_NETWORK_NIC_H

#include "hv/board/pci/function.h"
#include "hv/board/cards.h"
#include "hv/board/chip.h"

enum {
    NIC_MAC = 6,
    NIC_HEADER = 14,   /* of a frame: two addresses and the type */
    NIC_SHORTEST = 60, /* of a frame on the wire, without the FCS */
    /* Guest times in ns. A frame takes what it takes on a wire of 1 Gbit/s; a card begins to send when it has
     * read a descriptor. */
    NIC_BYTE = 8,
    NIC_FETCH = 1000,
    NIC_LOOK = 1000,
};

struct nic {
    struct board *board;
    unsigned number;
    char name[16]; /* "virtio-net0" */
    uint8_t address[NIC_MAC];
    void *ctx;
    uint32_t (*receive)(void *ctx, const uint8_t *frame, uint32_t n);
    struct ramblock *rom; /* NULL: it has none */
    uint64_t rom_base;    /* derived: where it is mapped, or UINT64_MAX */

    /* state */
    struct timer look;
};
extern const struct field nic_fields[1];

/* Fills it from the configuration; `model` is the beginning of its name. Before pci_init: -1 with err if the
 * ROM cannot be read. `receive` gets each frame for the card, at least NIC_HEADER bytes: it returns n if it
 * is done with it, or 0 if there is no room for it now. */
int nic_init(struct nic *, struct board *, const struct card *, const char *model, void *ctx,
             uint32_t (*receive)(void *ctx, const uint8_t *frame, uint32_t n), struct error *);
/* After pci_init: the ROM becomes the function's. `map` is called as for a BAR, and calls nic_map_rom. */
void nic_add_rom(struct nic *, struct pci_device *, void (*map)(void *ctx, unsigned bar, uint64_t base));
void nic_map_rom(struct nic *, uint64_t base);
void nic_reset(struct nic *);

/* Sends a frame of any length; one that no Ethernet can carry is reported, and dropped (false). From a timer only. */
bool nic_send(struct nic *, const uint8_t *frame, size_t n);
/* The card has put a frame into memory: reports it. */
void nic_took(struct nic *, const uint8_t *frame, size_t n);
/* How long a frame of that length occupies the wire: with preamble, FCS and gap. */
static inline uint64_t nic_wire_time(size_t n)
{
    return (uint64_t)(n < NIC_SHORTEST ? NIC_SHORTEST : n) * NIC_BYTE + 24 * NIC_BYTE;
}
static inline bool nic_is_multicast(const uint8_t *frame)
{
    return frame[0] & 1;
}
static inline bool nic_is_broadcast(const uint8_t *frame)
{
    return !__builtin_memcmp(frame, "\xff\xff\xff\xff\xff\xff", NIC_MAC);
}

#endif
