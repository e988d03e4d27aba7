/* edd.c - INT 13h AH=41h to 4Eh: extended disk drive functions, with addresses as one number.
 *
 * Source: Phoenix, BIOS Enhanced Disk Drive Specification 1.1 and 3.0 (device path in AH=48h).
 */
#include "bios/disk.h"

enum { SUBSET = 0x0007 }; /* access, locking, drive parameters */

/* The packet at DS:SI. */
struct packet {
    u8 size, reserved;
    u16 count;
    u16 offset, segment;
    u32 lba, lba_high;
} PACKED;

/* The result of AH=48h; as much of it as the caller's size allows. */
struct parameters {
    u16 size, flags;
    u32 cylinders, heads, sectors_per_track;
    u32 sectors, sectors_high;
    u16 sector_size;
    u16 dpte_offset, dpte_segment;
    u16 key;
    u8 path_length, reserved[3];
    char bus[4], interface[8];
    u32 interface_path[2], device_path[2];
    u8 reserved2, checksum;
} PACKED;

enum {
    PARAM_GEOMETRY = 2,
    PARAM_REMOVABLE = 4,
    PARAM_CHANGE_LINE = 0x10,
    PARAM_LOCKABLE = 0x20,
    PARAM_MAXIMUM = 0x40
};

/* Device parameter table extension: how to reach the drive's registers. */
static struct dpte {
    u16 command, control;
    u8 head, reserved, irq, block_count, dma, pio;
    u16 options, reserved2;
    u8 revision, checksum;
} PACKED dpte;

static u8 transfer(struct regs *r, struct drive *d, enum direction direction)
{
    struct packet p;
    far_get(&p, r->ds, r->si, sizeof p);
    struct request q = {.drive = d,
                        .lba = p.lba,
                        .lba_high = p.lba_high,
                        .count = p.count,
                        .direction = direction,
                        .address = linear(p.segment, p.offset)};
    if (p.size < sizeof p)
        return DISK_BAD_COMMAND;
    if (direction != DISK_READ && is_cd(d) && direction == DISK_WRITE)
        return DISK_WRITE_PROTECTED;
    if (is_disk(d) &&
        (p.lba_high > d->sectors_high || (p.lba_high == d->sectors_high && p.lba >= d->sectors))) {
        far_write16(r->ds, r->si + offsetof(struct packet, count), 0);
        return DISK_BAD_COMMAND;
    }
    if (!q.count)
        return DISK_OK;
    u8 error = disk_transfer(&q);
    far_write16(r->ds, r->si + offsetof(struct packet, count), q.done);
    return error;
}

static u8 check(struct regs *r)
{
    if (r->bx != 0x55aa)
        return DISK_BAD_COMMAND;
    r->bx = 0xaa55;
    r->cx = SUBSET;
    return DISK_OK;
}

/* ---------------------------------------------------------------- AH=48h */

static u8 byte_sum(const void *data, unsigned n)
{
    const u8 *p = data;
    u8 total = 0;
    while (n--)
        total += *p++;
    return total;
}

static void fill_dpte(struct parameters *p, const struct drive *d)
{
    const struct channel *ch = &channels[d->channel];
    dpte = (struct dpte){.command = ch->command,
                         .control = ch->control,
                         .head = 0xe0 | d->unit << 4,
                         .reserved = 0xcb,
                         .irq = ch->irq,
                         .block_count = 1,
                         .pio = 0,
                         .revision = 0x11};
    dpte.options = (d->lba ? 0x10 : 0) | (d->translation ? 0x08 : 0) | (d->kind == DRIVE_ATAPI ? 0x60 : 0) |
                   (d->translation == 1 ? 0x200 : 0);
    dpte.checksum = -byte_sum(&dpte, sizeof dpte - 1);
    p->dpte_offset = (u16)(u32)&dpte;
    p->dpte_segment = DATA_SEG;
}

/* The device's place on its own bus is the driver's matter: only its controller is named. */
static void fill_far_path(struct parameters *p, const struct drive *d)
{
    u16 bdf = shared.far[d->unit].bdf;
    memcpy(p->bus, "PCI ", 4);
    memcpy(p->interface, shared.far[d->unit].interface, 8);
    p->interface_path[0] = bdf >> 8 | (bdf >> 3 & 31) << 8 | (bdf & 7) << 16;
    p->checksum = -byte_sum(&p->key, 36 - 1);
}

static void fill_path(struct parameters *p, const struct drive *d)
{
    p->key = 0xbedd;
    p->path_length = 36;
    if (d->kind >= DRIVE_FAR_DISK) {
        fill_far_path(p, d);
        return;
    }
    memcpy(p->bus, shared.ide ? "PCI " : "ISA ", 4);
    memcpy(p->interface, d->kind == DRIVE_ATAPI ? "ATAPI   " : "ATA     ", 8);
    if (shared.ide)
        p->interface_path[0] =
            shared.ide >> 8 | (shared.ide >> 3 & 31) << 8 | (shared.ide & 7) << 16 | (u32)d->channel << 24;
    else
        p->interface_path[0] = channels[d->channel].command;
    p->device_path[0] = d->unit;
    p->checksum = -byte_sum(&p->key, 36 - 1);
}

static u8 parameters(struct regs *r, struct drive *d)
{
    enum { SIZE_1 = 26, SIZE_2 = 30, SIZE_3 = 66 };
    struct parameters p = {0};
    u16 room = far_read16(r->ds, r->si);
    if (room < SIZE_1)
        return DISK_BAD_COMMAND;
    p.size = room >= SIZE_3 ? SIZE_3 : room >= SIZE_2 ? SIZE_2 : SIZE_1;
    if (is_cd(d)) {
        p.flags = PARAM_REMOVABLE | PARAM_CHANGE_LINE | PARAM_LOCKABLE | PARAM_MAXIMUM;
        p.cylinders = p.heads = p.sectors_per_track = p.sectors = p.sectors_high = 0xffffffff;
        p.sector_size = CD_SECTOR;
    } else {
        p.flags = PARAM_GEOMETRY;
        p.cylinders = d->physical.cylinders;
        p.heads = d->physical.heads;
        p.sectors_per_track = d->physical.sectors;
        if (!d->sectors_high && d->sectors < 0x1000000 && p.heads && p.sectors_per_track &&
            p.cylinders > 16383)
            p.cylinders = 16383;
        p.sectors = d->sectors;
        p.sectors_high = d->sectors_high;
        p.sector_size = SECTOR;
    }
    p.dpte_offset = p.dpte_segment = 0xffff;
    if (p.size >= SIZE_2 && d->kind < DRIVE_FAR_DISK)
        fill_dpte(&p, d);
    if (p.size >= SIZE_3)
        fill_path(&p, d);
    far_put(r->ds, r->si, &p, p.size);
    return DISK_OK;
}

/* ---------------------------------------------------------------- removable media */

static u8 lock(struct regs *r, struct drive *d)
{
    if (!is_cd(d))
        return DISK_OK;
    switch (r->al) {
    case 0:
        d->locked = true;
        r->al = 1;
        return DISK_OK;
    case 1:
        if (!d->locked) {
            return 0xb0; /* not locked */
        }
        d->locked = false;
        r->al = 0;
        return DISK_OK;
    case 2:
        r->al = d->locked;
        return DISK_OK;
    default:
        return DISK_BAD_COMMAND;
    }
}

static u8 eject(struct regs *r, struct drive *d)
{
    struct regs user = {.ax = 0x5200, .ds = DATA_SEG, .es = DATA_SEG, .edx = r->dl};
    if (!is_cd(d))
        return DISK_NOT_REMOVABLE;
    if (d->locked)
        return DISK_LOCKED;
    call_int(0x15, &user);
    if (user.flags & FLAG_CARRY)
        return user.ah ? user.ah : DISK_LOCKED;
    return cd_eject(d, false);
}

/* AH=49h: has the medium been changed? */
static u8 changed(struct drive *d)
{
    u8 status;
    if (!is_cd(d))
        return DISK_OK;
    status = cd_ready(d);
    return status ? DISK_CHANGED : DISK_OK;
}

u8 edd_service(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x41:
        return check(r);
    case 0x42:
        return transfer(r, d, DISK_READ);
    case 0x43:
        return r->al > 2 ? DISK_BAD_COMMAND : transfer(r, d, DISK_WRITE);
    case 0x44:
        return transfer(r, d, DISK_VERIFY);
    case 0x45:
        return lock(r, d);
    case 0x46:
        return r->al ? DISK_BAD_COMMAND : eject(r, d);
    case 0x47: /* seek */
        return DISK_OK;
    case 0x48:
        return parameters(r, d);
    case 0x49:
        return changed(d);
    case 0x4a:
    case 0x4b:
    case 0x4c:
    case 0x4d:
        return eltorito_service(r);
    case 0x4e: /* hardware configuration: prefetch, transfer mode: nothing to set, and no other drive
                  concerned */
        if (r->al > 6)
            return DISK_BAD_COMMAND;
        r->al = 0;
        return DISK_OK;
    default:
        return DISK_BAD_COMMAND;
    }
}
