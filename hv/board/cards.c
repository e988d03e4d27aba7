/* cards.c - see cards.h. */
#include "hv/board/cards.h"
#include "core/engine/settings.h"
#include "hv/board/kinds.h"

#include <stdio.h>
#include <string.h>

/* Kinds that have one drive a card. */
static const struct {
    enum card_kind kind;
    enum drive_interface interface;
} single[] = {{CARD_NVME, DRIVE_NVME}, {CARD_VIRTIO_BLK, DRIVE_VIRTIO}};

static void add(struct card *list, int *n, enum card_kind kind, unsigned index, const struct drive *drive)
{
    struct card *c = &list[*n];
    *c =
        (struct card){.kind = kind, .devfn = (uint8_t)((CARD_FIRST_SLOT + *n) << 3), .index = (uint8_t)index};
    if (drive)
        c->drive = *drive;
    ++*n;
}

/* The setting "virtio" names those without drives, separated by commas. */
static void add_virtio(const struct engine_config *cfg, struct card *list, int *n)
{
    if (setting_has(cfg, "virtio", "rng"))
        add(list, n, CARD_VIRTIO_RNG, 0, NULL);
    if (setting_has(cfg, "virtio", "console"))
        add(list, n, CARD_VIRTIO_CONSOLE, 0, NULL);
}

/* The settings nic0, nic1 … name the models of network cards. */
static int add_nics(const struct engine_config *cfg, struct card *list, int *n, struct error *err)
{
    static const enum card_kind kinds[] = {CARD_VIRTIO_NET, CARD_E1000, CARD_E1000E}; /* as SETTING_NICS */
    for (unsigned i = 0; i < ENGINE_NICS; i++) {
        char key[8];
        snprintf(key, sizeof key, "nic%u", i);
        const char *model = config_get(cfg, key);
        if (!model)
            continue;
        const int k = setting_place(SETTING_NICS, model, strlen(model));
        if (k < 0)
            return error_set(err, "%s=%.40s: there is no such network card", key, model);
        add(list, n, kinds[k], i, NULL);
    }
    return 0;
}

/* The settings share0-tag, share1-tag … name the tags of folders of the host. */
static int add_shares(const struct engine_config *cfg, struct card *list, int *n, struct error *err)
{
    for (unsigned i = 0; i < ENGINE_SHARES; i++) {
        char key[16];
        snprintf(key, sizeof key, "share%u-tag", i);
        if (!config_get(cfg, key))
            continue;
        if (*n >= CARDS_MOST - 1) /* one for an AHCI controller */
            return error_set(err, "%s: there is no PCI slot left: give fewer cards", key);
        add(list, n, CARD_VIRTIO_9P, i, NULL);
    }
    return 0;
}

/* One controller has all AHCI drives. */
static int add_ahci(const struct engine_config *cfg, struct card *list, int *n, struct error *err)
{
    struct drive drives[AHCI_PORTS];
    const struct board_kind *kind = board_kind_of(cfg, err);
    int many = kind ? drives_of(cfg, DRIVE_AHCI, drives, AHCI_PORTS, err) : -1;
    if (many < 0)
        return -1;
    if (kind->ahci_devfn && drives_of(cfg, DRIVE_IDE, drives, AHCI_PORTS, err))
        return error_set(err, "%s: interface ide: machine %s has no IDE: give another interface",
                         drives[0].role, kind->name);
    if (!many && !kind->ahci_devfn)
        return 0;
    add(list, n, CARD_AHCI, 0, NULL);
    if (kind->ahci_devfn)
        list[*n - 1].devfn = kind->ahci_devfn;
    return 0;
}

int cards_of(const struct engine_config *cfg, struct card list[CARDS_MOST], struct error *err)
{
    struct drive drives[DRIVES_MOST];
    int n = 0;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        int many = drives_of(cfg, single[i].interface, drives, DRIVES_MOST, err);
        if (many < 0)
            return -1;
        for (int k = 0; k < many; k++) {
            if (drives[k].cdrom)
                return error_set(err, "%s: a CD-ROM cannot have this interface", drives[k].role);
            add(list, &n, single[i].kind, (unsigned)k, &drives[k]);
        }
    }
    /* One for all drives. */
    int targets = drives_of(cfg, DRIVE_SCSI, drives, SCSI_TARGETS, err);
    if (targets > 0)
        add(list, &n, CARD_VIRTIO_SCSI, 0, NULL);
    int sticks = drives_of(cfg, DRIVE_USB, drives, USB_DRIVES, err);
    if (sticks > 0 || (sticks == 0 && config_get(cfg, "usb")))
        add(list, &n, CARD_XHCI, 0, NULL);
    add_virtio(cfg, list, &n);
    if (add_nics(cfg, list, &n, err) || add_shares(cfg, list, &n, err))
        return -1;
    return targets < 0 || sticks < 0 || add_ahci(cfg, list, &n, err) ? -1 : n;
}
