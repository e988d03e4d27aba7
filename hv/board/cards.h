/* cards.h - the PCI cards of a machine and their slots, which follow from its configuration alone: the board
 * is built from this list, and events are put into words by it. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CARDS_H
#define BOOTREEL_HV_BOARD_CARDS_H

#include "hv/board/storage/drives.h"

enum card_kind {
    CARD_NVME,
    CARD_VIRTIO_BLK,
    CARD_VIRTIO_SCSI,
    CARD_XHCI,
    CARD_AHCI,
    CARD_VIRTIO_RNG,
    CARD_VIRTIO_CONSOLE,
    CARD_VIRTIO_NET,
    CARD_E1000,
    CARD_E1000E,
    CARD_VIRTIO_9P,
    CARD_KINDS
};

enum { CARDS_MOST = 27, CARD_FIRST_SLOT = 4 };
/* An AHCI controller: its drives, the size of its range, and of that of its index and data ports. */
enum { AHCI_PORTS = 6, AHCI_BAR = 0x1000, AHCI_IO = 0x20, AHCI_IO_INDEX = 0x10, AHCI_IO_DATA = 0x14 };

struct card {
    enum card_kind kind;
    uint8_t devfn;
    uint8_t index;      /* among its kind; of a network card, its number */
    struct drive drive; /* of a kind that has one drive a card */
};

/* Lists the cards in the order of their slots, from CARD_FIRST_SLOT on; an AHCI controller that is part of
 * the board comes last. Returns how many there are, or -1 with err if there are too many or if a setting
 * makes no sense. */
int cards_of(const struct engine_config *, struct card list[CARDS_MOST], struct error *err);

#endif
