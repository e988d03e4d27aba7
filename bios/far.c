/* far.c - drives that the ROM's 32-bit code serves: AHCI, NVMe, virtio (drives32/). Here they get INT 13h's view: a geometry, a name,
 * and a way to them. In virtual-8086 mode they cannot be reached, since it has no way to 32-bit mode. */
#include "bios/disk.h"

static u8 call(struct drive *d, struct drive_call *c)
{
    if (!real_mode())
        return DISK_CONTROLLER;
    c->drive = d->unit;
    call32(DATA_LINEAR + (u32)c);
    return c->status;
}

u8 far_transfer(struct request *q)
{
    struct drive_call c = {.lba = q->lba,
                           .lba_high = q->lba_high,
                           .address = q->address,
                           .count = q->count,
                           .wish = q->direction};
    u8 status = call(q->drive, &c);
    q->done = c.done;
    return status;
}

/* A new medium may have another size. */
static void take_size(struct drive *d)
{
    const struct far_drive *f = &shared.far[d->unit];
    d->sectors = f->sectors;
    d->sectors_high = f->sectors_high;
    d->block = f->block;
}

u8 far_wish(struct drive *d, u8 wish)
{
    struct drive_call c = {.wish = wish};
    u8 status = call(d, &c);
    take_size(d);
    return status;
}

/* A disk without a geometry of its own has that of ATA-5 (annex B.2.2). */
static void give_geometry(struct drive *d)
{
    enum { HEADS = 16, TRACK = 63, CYLINDERS = 16383 };
    u32 cylinders = d->sectors / (HEADS * TRACK);
    bool many = d->sectors_high || cylinders > CYLINDERS;
    d->physical = (struct geometry){many ? CYLINDERS : cylinders ? (u16)cylinders : 1, HEADS, TRACK};
}

static void add(unsigned n)
{
    const struct far_drive *f = &shared.far[n];
    struct drive *d = &drives[IDE_DRIVES + n];
    d->kind = f->cd ? DRIVE_FAR_CD : DRIVE_FAR_DISK;
    d->unit = (u8)n;
    d->lba = true;
    memcpy(d->model, f->model, sizeof d->model);
    take_size(d);
    if (!f->cd)
        give_geometry(d);
}

/* ---------------------------------------------------------------- what is not known */

static const char *class_name(const struct unknown_controller *u)
{
    static const struct {
        u16 class;
        u8 interface;
        const char *name;
    } classes[] = {
        {0x0100, 0x00, "SCSI"}, {0x0104, 0x00, "RAID"}, {0x0106, 0x01, "AHCI"},
        {0x0107, 0x00, "SAS"},  {0x0108, 0x02, "NVMe"}, {0x0c03, 0x00, "UHCI"},
        {0x0c03, 0x10, "OHCI"}, {0x0c03, 0x20, "EHCI"}, {0x0c03, 0x30, "xHCI"},
    };
    for (unsigned i = 0; i < COUNT(classes); i++)
        if (classes[i].class == u->class && classes[i].interface == u->interface)
            return classes[i].name;
    return u->class >> 8 == 1 ? "storage" : "USB";
}

static void tell(const struct unknown_controller *u)
{
    u32 id = pci_read32(u->bdf, PCI_ID);
    print("PCI %02x:%02x.%x (%04x:%04x): ", u->bdf >> 8, u->bdf >> 3 & 31, u->bdf & 7, id & 0xffff, id >> 16);
    if (u->too_many)
        print("more drives than this BIOS has numbers for\n");
    else
        print("no driver here for this %s controller\n", class_name(u));
}

void far_init(void)
{
    for (unsigned n = 0; n < shared.far_count; n++)
        add(n);
    for (unsigned n = 0; n < shared.unknown_count; n++)
        tell(&shared.unknown[n]);
}
