/* drives.c - which controllers have drivers, and INT 13h's way to them. See drives.h. */
#include "bios/drives32/drives.h"

enum {
    NOTED = 24,
    CLASS_IDE = 0x0101,
    CLASS_FLOPPY = 0x0102,
    CLASS_AHCI = 0x0106,
    CLASS_USB = 0x0c03,
    CLASS_NVM = 0x0108
};
enum { VIRTIO = 0x1af4, BOUNCE = 4096 };

static struct {
    u16 bdf, class;
} noted[NOTED];
static u32 count;

void drives_note(u16 bdf, u16 class)
{
    if ((class >> 8 != 1 && class != CLASS_USB) || class == CLASS_IDE || class == CLASS_FLOPPY ||
        count == NOTED)
        return;
    noted[count].bdf = bdf;
    noted[count++].class = class;
}

static bool find_drives(u16 bdf, u16 class)
{
    u16 vendor = pci_read16(bdf, PCI_ID), device = pci_read16(bdf, PCI_ID + 2);
    if (vendor == VIRTIO && (device == 0x1001 || device == 0x1042))
        return virtio_blk_init(bdf);
    if (vendor == VIRTIO && (device == 0x1004 || device == 0x1048))
        return virtio_scsi_init(bdf);
    if (class == CLASS_NVM && pci_read8(bdf, 0x09) == 2)
        return nvme_init(bdf);
    if (class == CLASS_AHCI && pci_read8(bdf, 0x09) == 1)
        return ahci_init(bdf);
    return false;
}

static void add_unknown(u16 bdf, u16 class, bool too_many)
{
    struct unknown_controller *last = SHARED.unknown + SHARED.unknown_count;
    if (SHARED.unknown_count == UNKNOWN_MAX || (SHARED.unknown_count && last[-1].bdf == bdf))
        return;
    *last = (struct unknown_controller){
        .bdf = bdf, .class = class, .interface = pci_read8(bdf, 0x09), .too_many = too_many};
    SHARED.unknown_count++;
}

void drives_init(void)
{
    for (u32 i = 0; i < count; i++) {
        u16 bdf = noted[i].bdf;
        pci_write16(bdf, PCI_COMMAND, pci_read16(bdf, PCI_COMMAND) | PCI_CMD_MASTER);
        if (!find_drives(bdf, noted[i].class))
            add_unknown(bdf, noted[i].class, false);
    }
}

struct far_drive *drive_add(u16 bdf, struct driver *state, const char *interface)
{
    struct far_drive *d = &SHARED.far[SHARED.far_count];
    if (SHARED.far_count == FAR_DRIVES) {
        add_unknown(bdf, (u16)(pci_read32(bdf, PCI_CLASS) >> 16), true);
        return NULL;
    }
    state->bounce = (u32)high_alloc(BOUNCE, BOUNCE);
    if (!state->bounce)
        return NULL;
    SHARED.far_count++;
    d->state = (u32)state;
    d->bdf = bdf;
    d->block = 512;
    memset(d->interface, ' ', 8);
    for (u32 i = 0; interface[i]; i++)
        d->interface[i] = interface[i];
    return d;
}

/* ---------------------------------------------------------------- what drivers share */

void copy_text(char *to, u32 room, const void *from, u32 n)
{
    const char *text = from;
    n = n < room - 1 ? n : room - 1;
    memcpy(to, text, n);
    while (n && (to[n - 1] == ' ' || !to[n - 1]))
        n--;
    to[n] = 0;
}

u32 memory_bar(u16 bdf, u8 reg)
{
    u32 bar = pci_read32(bdf, reg);
    if (bar & 1 || ((bar & 6) == 4 && pci_read32(bdf, reg + 4)))
        return 0;
    return bar & ~15u;
}

char *put_hex(char *to, u32 n)
{
    if (n >= 16)
        to = put_hex(to, n >> 4);
    *to = "0123456789abcdef"[n & 15];
    return to + 1;
}

void path_of(char *to, u16 bdf, const char *rest)
{
    static const char start[] = "/pci@i0cf8/*@";
    memcpy(to, start, sizeof start - 1);
    to = put_hex(to + sizeof start - 1, bdf >> 3 & 31);
    *to++ = ',';
    to = put_hex(to, bdf & 7);
    while ((*to++ = *rest++))
        ;
}

/* ---------------------------------------------------------------- the service */

static u8 move(const struct far_drive *d, struct drive_call *c)
{
    struct driver *s = (struct driver *)d->state;
    u32 left = c->count - c->done, address = c->address + (u32)c->done * d->block;
    u32 n = left < s->most ? left : s->most, fit = BOUNCE / d->block;
    u64 lba = ((u64)c->lba_high << 32 | c->lba) + c->done;
    bool bounce = address & 3, write = c->wish == WISH_WRITE;
    if (bounce && n > fit)
        n = fit;
    if (bounce && write)
        memcpy((void *)s->bounce, (void *)address, n * d->block);
    u8 status = s->transfer(s, lba, n, bounce ? s->bounce : address, write);
    if (bounce && !write && !status)
        memcpy((void *)address, (void *)s->bounce, n * d->block);
    if (!status)
        c->done += n;
    return status;
}

static u8 transfer(const struct far_drive *d, struct drive_call *c)
{
    u64 lba = (u64)c->lba_high << 32 | c->lba, sectors = (u64)d->sectors_high << 32 | d->sectors;
    u8 status = DISK_OK;
    if (lba >= sectors || c->count > sectors - lba)
        return DISK_NO_SECTOR;
    if (d->cd && c->wish == WISH_WRITE)
        return DISK_WRITE_PROTECTED;
    if (c->wish == WISH_VERIFY) {
        c->done = c->count;
        return DISK_OK;
    }
    while (c->done < c->count && !status)
        status = move(d, c);
    return status;
}

void drive_call(struct drive_call *c)
{
    struct far_drive *d = &SHARED.far[c->drive];
    const struct driver *s = (const struct driver *)d->state;
    c->done = 0;
    if (c->wish <= WISH_VERIFY)
        c->status = transfer(d, c);
    else if (s->wish)
        c->status = s->wish((void *)s, d, c->wish);
    else
        c->status = c->wish == WISH_READY ? DISK_OK : DISK_NOT_REMOVABLE;
}
