/* eltorito.c - booting from CD: the boot catalog, and disks that a CD's image emulates.
 *
 * Source: Phoenix/IBM, "El Torito" Bootable CD-ROM Format Specification 1.0.
 */
#include "bios/disk.h"

struct emulation emulation;

enum {
    DESCRIPTOR = 17,
    CATALOG_ENTRY = 0x20,
    BOOTABLE = 0x88,
    MEDIA_NONE = 0,
    MEDIA_DISK = 4,
    DEFAULT_SEGMENT = 0x7c0
};

/* One CD sector at a time goes through here: El Torito's sectors are a quarter of it. */
static u8 buffer[CD_SECTOR] __attribute__((aligned(4)));

static u8 read_cd(u8 cd, u32 lba, u16 count, u32 address)
{
    struct request q = {.drive = &drives[cd], .lba = lba, .count = count, .address = address};
    return disk_transfer(&q);
}

/* ---------------------------------------------------------------- the emulated disk's sectors */

/* Reads from the n-th quarter of a CD sector on. Whole CD sectors go directly to the caller. */
static u8 read_quarters(u8 cd, u32 start, u32 sector, u16 count, u32 address, u16 *done)
{
    *done = 0;
    while (*done < count) {
        u32 at = sector + *done, lba = start + at / 4;
        u16 quarter = at & 3, left = count - *done, n;
        u8 error;
        if (!quarter && left >= 4) {
            n = left & ~3;
            error = read_cd(cd, lba, n / 4, address);
        } else {
            n = 4 - quarter < left ? 4 - quarter : left;
            error = read_cd(cd, lba, 1, DATA_LINEAR + (u32)buffer);
            if (!error)
                far_put((u16)(address >> 4), address & 15, buffer + quarter * SECTOR, n * SECTOR);
        }
        if (error)
            return error;
        *done += n;
        address += (u32)n * SECTOR;
    }
    return DISK_OK;
}

u8 eltorito_transfer(struct request *q)
{
    if (q->direction == DISK_WRITE)
        return DISK_WRITE_PROTECTED;
    if (q->lba_high || q->lba >= emulation.sectors || q->count > emulation.sectors - q->lba)
        return DISK_NO_SECTOR;
    if (q->direction == DISK_VERIFY) {
        q->done = q->count;
        return DISK_OK;
    }
    return read_quarters(emulation.cd, emulation.lba, q->lba, q->count, q->address, &q->done);
}

/* ---------------------------------------------------------------- INT 13h AH=4Ah to 4Dh */

struct specification {
    u8 size, media, drive, controller;
    u32 lba;
    u16 device, buffer, load_segment, count;
    u8 cylinders, sectors, heads;
} PACKED;

static void put_specification(struct regs *r)
{
    const struct geometry *g = &emulation.geometry;
    u16 last = g->cylinders ? g->cylinders - 1 : 0;
    struct specification s = {.size = 0x13,
                              .media = emulation.media,
                              .drive = emulation.drive,
                              .controller = drives[emulation.cd].channel,
                              .lba = emulation.lba,
                              .device = drives[emulation.cd].unit,
                              .load_segment = emulation.load_segment,
                              .count = emulation.load_count,
                              .cylinders = (u8)last,
                              .sectors = (g->sectors & 0x3f) | (last >> 2 & 0xc0),
                              .heads = g->heads ? (u8)(g->heads - 1) : 0};
    far_put(r->ds, r->si, &s, s.size);
}

static u8 read_catalog(struct regs *r)
{
    u16 first = far_read16(r->ds, r->si + 2);
    u8 count = far_read8(r->ds, r->si + 1);
    u32 to = far_read32(r->ds, r->si + 4);
    u16 done;
    if (!emulation.catalog)
        return DISK_BAD_COMMAND;
    return read_quarters(emulation.cd, emulation.catalog, first * 4u, count * 4u, linear(to >> 16, (u16)to),
                         &done);
}

u8 eltorito_service(struct regs *r)
{
    switch (r->ah) {
    case 0x4b:
        if (r->al > 1 || !emulation.catalog)
            return DISK_BAD_COMMAND;
        put_specification(r);
        if (r->al == 0) {
            emulation.active = false;
            bda->disks = disk_count;
        }
        return DISK_OK;
    case 0x4d:
        return r->al ? DISK_BAD_COMMAND : read_catalog(r);
    default: /* 4Ah, 4Ch: to emulate an image that a program chooses */
        return DISK_BAD_COMMAND;
    }
}

/* ---------------------------------------------------------------- booting */

static u32 get32(const u8 *p)
{
    return p[0] | p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static const char *const no_catalog = "no El Torito boot catalog";

/* Sector 17 gives the catalog's address. */
static const char *find_catalog(u8 cd, u32 *lba)
{
    if (read_cd(cd, DESCRIPTOR, 1, DATA_LINEAR + (u32)buffer))
        return "read error (boot record descriptor)";
    if (buffer[0] != 0 || memcmp(buffer + 1, "CD001", 5) || memcmp(buffer + 7, "EL TORITO SPECIFICATION", 23))
        return "not a bootable CD (no El Torito descriptor)";
    *lba = get32(buffer + 0x47);
    return NULL;
}

static const char *check_catalog(u8 cd, u32 lba)
{
    if (read_cd(cd, lba, 1, DATA_LINEAR + (u32)buffer))
        return "read error (boot catalog)";
    if (buffer[0] != 1 || buffer[30] != 0x55 || buffer[31] != 0xaa)
        return no_catalog;
    if (buffer[1] != 0) /* platform: 80x86 */
        return "its boot image is not for this kind of machine";
    if (buffer[CATALOG_ENTRY] != BOOTABLE)
        return "its boot catalog has no bootable entry";
    return NULL;
}

/* The end of the first partition gives an emulated hard disk's geometry. */
static void disk_geometry(void)
{
    read_cd(emulation.cd, emulation.lba, 1, DATA_LINEAR + (u32)buffer);
    const u8 *partition = buffer + 446;
    emulation.geometry.heads = partition[5] + 1;
    emulation.geometry.sectors = partition[6] & 0x3f;
    emulation.geometry.cylinders = (partition[7] | (partition[6] & 0xc0) << 2) + 1;
    emulation.sectors = get32(partition + 8) + get32(partition + 12);
    if (!emulation.geometry.sectors)
        emulation.geometry = (struct geometry){1024, 255, 63};
}

static void emulate(u8 media)
{
    static const struct geometry floppy[] = {{80, 2, 15}, {80, 2, 18}, {80, 2, 36}};
    emulation.drive = media == MEDIA_DISK ? DISK_FIRST : 0;
    if (media == MEDIA_DISK) {
        disk_geometry();
        bda->disks = disk_count + 1;
    } else {
        emulation.geometry = floppy[media - 1];
        emulation.sectors = (u32)floppy[media - 1].cylinders * 2 * floppy[media - 1].sectors;
        bda->equipment |= 1;
    }
    emulation.active = true;
}

u32 eltorito_boot(u8 cd, u8 *drive, const char **why)
{
    u32 catalog;
    u16 done;
    u8 number = 0, error = cd_ready(&drives[cd]);
    emulation = (struct emulation){0};
    *why = error == DISK_NO_MEDIUM ? "no medium" : "not ready";
    if (error || (*why = find_catalog(cd, &catalog)) || (*why = check_catalog(cd, catalog)))
        return 0;
    const u8 *e = buffer + CATALOG_ENTRY;
    while (cds[number] != cd)
        number++;
    u16 segment = e[2] | e[3] << 8, count = e[6] | e[7] << 8;
    emulation = (struct emulation){.media = e[1] & 15,
                                   .cd = cd,
                                   .device = CD_FIRST + number,
                                   .lba = get32(e + 8),
                                   .load_segment = segment ? segment : DEFAULT_SEGMENT,
                                   .load_count = count ? count : 1,
                                   .catalog = catalog,
                                   .drive = CD_FIRST + number};
    if (emulation.media > MEDIA_DISK) {
        *why = "its boot catalog asks for an unknown emulation";
        return 0;
    }
    *why = "read error (boot image)";
    if (read_quarters(cd, emulation.lba, 0, emulation.load_count, (u32)emulation.load_segment << 4, &done))
        return 0;
    if (emulation.media != MEDIA_NONE)
        emulate(emulation.media);
    *drive = emulation.drive;
    return far_pointer(emulation.load_segment, 0);
}
