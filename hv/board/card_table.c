/* card_table.c - which functions make a card of each kind, and say where firmware finds its drives. */
#include "hv/board/chips.h"
#include "hv/board/cards.h"

#include <stdio.h>

static void nvme_path(struct board *b, const struct card *c)
{
    /* as QEMU names its controller, whose path firmware knows */
    board_boot_path(b, c->drive.role, "/pci@i0cf8/pci8086,5845@%x/namespace@1,0", c->devfn >> 3);
}

static void blk_path(struct board *b, const struct card *c)
{
    board_boot_path(b, c->drive.role, "/pci@i0cf8/scsi@%x/disk@0,0", c->devfn >> 3);
}

static void scsi_paths(struct board *b, const struct card *c)
{
    struct drive drives[SCSI_TARGETS];
    struct error err;
    int n = drives_of(board_config(b), DRIVE_SCSI, drives, SCSI_TARGETS, &err);
    for (int i = 0; i < n; i++)
        board_boot_path(b, drives[i].role, "/pci@i0cf8/scsi@%x/channel@0/disk@%d,0", c->devfn >> 3, i);
}

/* A stick's port is behind those of the keyboard and the tablet. */
static void usb_paths(struct board *b, const struct card *c)
{
    struct drive drives[USB_DRIVES];
    struct error err;
    int n = drives_of(board_config(b), DRIVE_USB, drives, USB_DRIVES, &err);
    unsigned first = xhci_first_drive(board_config(b));
    for (int i = 0; i < n; i++)
        board_boot_path(b, drives[i].role, "/pci@i0cf8/usb@%x/storage@%u/channel@0/disk@0,0", c->devfn >> 3,
                        first + (unsigned)i);
}

static void ahci_paths(struct board *b, const struct card *c)
{
    struct drive drives[AHCI_PORTS];
    struct error err;
    char function[4] = "";
    int n = drives_of(board_config(b), DRIVE_AHCI, drives, AHCI_PORTS, &err);
    if (c->devfn & 7)
        snprintf(function, sizeof function, ",%x", c->devfn & 7u);
    for (int i = 0; i < n; i++)
        board_boot_path(b, drives[i].role, "/pci@i0cf8/pci8086,2922@%x%s/drive@%d/disk@0", c->devfn >> 3,
                        function, i);
}

static void nic_path(struct board *b, const struct card *c)
{
    char role[16];
    snprintf(role, sizeof role, "nic%u-rom", c->index);
    board_boot_path(b, role, "/pci@i0cf8/ethernet@%x/ethernet-phy@0", c->devfn >> 3);
}

static const struct {
    int (*create)(struct board *, const struct card *, struct error *);
    void (*paths)(struct board *, const struct card *); /* NULL: it has no drives */
} kinds[CARD_KINDS] = {
    [CARD_NVME] = {nvme_create, nvme_path},
    [CARD_VIRTIO_BLK] = {virtio_blk_create, blk_path},
    [CARD_VIRTIO_SCSI] = {virtio_scsi_create, scsi_paths},
    [CARD_XHCI] = {xhci_create, usb_paths},
    [CARD_AHCI] = {ahci_create, ahci_paths},
    [CARD_VIRTIO_RNG] = {virtio_rng_create, NULL},
    [CARD_VIRTIO_CONSOLE] = {virtio_console_create, NULL},
    [CARD_VIRTIO_NET] = {virtio_net_create, nic_path},
    [CARD_E1000] = {e1000_create, nic_path},
    [CARD_E1000E] = {e1000e_create, nic_path},
    [CARD_VIRTIO_9P] = {virtio_9p_create, NULL},
};

int cards_paths(struct board *b, struct error *err)
{
    struct card cards[CARDS_MOST];
    int n = cards_of(board_config(b), cards, err);
    for (int i = 0; i < n; i++)
        if (kinds[cards[i].kind].paths)
            kinds[cards[i].kind].paths(b, &cards[i]);
    return n < 0 ? -1 : 0;
}

int cards_create(struct board *b, struct error *err)
{
    struct card cards[CARDS_MOST];
    int n = cards_of(board_config(b), cards, err);
    for (int i = 0; i < n; i++)
        if (kinds[cards[i].kind].create(b, &cards[i], err))
            return -1;
    return n < 0 ? -1 : 0;
}
