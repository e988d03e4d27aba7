/* disk.h - drives, and what the parts of INT 13h share. */
#ifndef BIOS_DISK_H
#define BIOS_DISK_H

#include "bios/bios.h"

struct geometry {
    u16 cylinders, heads, sectors;
};

enum drive_kind { DRIVE_NONE, DRIVE_ATA, DRIVE_ATAPI, DRIVE_FLOPPY, DRIVE_FAR_DISK, DRIVE_FAR_CD };

struct drive {
    u8 kind;
    u8 channel, unit; /* IDE; a floppy, and a far drive, has only a unit */
    u8 floppy_type;   /* as in the CMOS */
    bool dma, lba, lba48, locked;
    u8 multiple; /* sectors per block of READ MULTIPLE; 0 if off */
    struct geometry physical, logical;
    u8 translation; /* 0 none, 1 LBA, 2 large */
    u32 sectors;    /* of `block` bytes, at most 2^32 - 1 */
    u32 sectors_high;
    u16 block;
    u16 version; /* IDENTIFY word 80 */
    char model[41];
};

struct channel {
    u16 command, control, master; /* ports; master is 0 without DMA */
    u8 irq;
};

enum {
    IDE_DRIVES = 4,
    DRIVES = IDE_DRIVES + FAR_DRIVES,
    FLOPPIES = 2,
    CD_FIRST = 0xe0,
    DISK_FIRST = 0x80,
    SECTOR = 512,
    CD_SECTOR = 2048
};

extern struct drive drives[DRIVES], floppies[FLOPPIES];
extern struct channel channels[2];
/* BIOS numbers: disks[0] is 80h, cds[0] is E0h: indices into drives. */
extern u8 disks[DRIVES], cds[DRIVES], disk_count, cd_count, floppy_count;

/* Exchanges disk 80h + n and disk 80h: a system booted from a disk assumes that it is 80h. */
void disk_make_first(u8 n);

/* One transfer; `done` counts what was moved. */
enum direction { DISK_READ, DISK_WRITE, DISK_VERIFY };
struct request {
    struct drive *drive;
    u32 lba, lba_high;
    u32 address; /* linear */
    u16 count, done;
    u8 direction;
};

/* Each returns an INT 13h status. */
u8 ata_transfer(struct request *q);
u8 atapi_transfer(struct request *q);
u8 floppy_transfer(struct request *q); /* lba according to the medium's geometry */
u8 far_transfer(struct request *q);
/* Any drive. */
u8 disk_transfer(struct request *q);
static inline bool is_disk(const struct drive *d)
{
    return d->kind == DRIVE_ATA || d->kind == DRIVE_FAR_DISK;
}
static inline bool is_cd(const struct drive *d)
{
    return d->kind == DRIVE_ATAPI || d->kind == DRIVE_FAR_CD;
}
/* Of a CD: finds whether there is a medium, and its size; ejects or loads the tray. Both return an INT 13h status. */
u8 cd_ready(struct drive *d);
u8 cd_eject(struct drive *d, bool load);
/* A drive's device path in the boot order, as a pattern. */
void drive_path(u8 drive, char *to, unsigned room);

/* ide.c: waits until the channel's selected drive is not busy. Returns its
 * status, or FFh if it stays busy, and acknowledges its interrupt. */
u8 ide_wait(const struct channel *ch);
/* Waits where the drive sends no interrupt (before a packet, before the
 * first block written), by polling the status continuously. */
u8 ide_wait_short(const struct channel *ch);
bool ide_select(const struct channel *ch, u8 device);
/* Moves `bytes` (even) between the data port and linear memory. */
void ide_data_in(const struct channel *ch, u32 address, u32 bytes);
void ide_data_out(const struct channel *ch, u32 address, u32 bytes);
/* Bus master: prepares a transfer; false if the memory cannot be used. Then start it and wait for its end. */
bool ide_dma_prepare(const struct channel *ch, u32 address, u32 bytes, bool write);
void ide_dma_start(const struct channel *ch, bool write);
u8 ide_dma_finish(const struct channel *ch); /* the drive's status; FFh: it failed */
void ide_reset(const struct channel *ch);

/* atapi.c: a packet command with data for the host. Returns sense key << 16 |
 * code << 8 | qualifier, 0 if it succeeded, FF0000h if there was no answer. */
u32 atapi_command(struct drive *d, const u8 packet[12], u32 address, u32 bytes, u16 block);
/* Finds whether there is a medium, and its size. Returns an INT 13h status. */
u8 atapi_ready(struct drive *d);
/* Ejects or loads the tray. Returns an INT 13h status. */
u8 atapi_eject(struct drive *d, bool load);

/* far.c: drives that 32-bit code serves (drives32/). */
u8 far_wish(struct drive *d, u8 wish); /* enum drive_wish; returns an INT 13h status */
/* reset.S: drive_call(), with the linear address of its argument. */
void call32(u32 call);

/* floppy.c */
u8 floppy_service(struct regs *r, struct drive *d);
void floppy_tick(void);
struct geometry floppy_medium(struct drive *d);
u8 floppy_detect_medium(struct drive *d);
u8 floppy_reset(void);

/* edd.c: INT 13h AH=41h to 4Eh. */
enum { EDD_VERSION = 0x30 };
u8 edd_service(struct regs *r, struct drive *d);

/* eltorito.c */
extern struct emulation {
    bool active;
    u8 media, drive; /* the BIOS number that it emulates */
    u8 cd;           /* index into drives */
    u8 device;       /* of the CD: E0h … */
    u32 lba;         /* of the image, in CD sectors */
    u16 load_segment, load_count;
    u16 flags_segment;
    struct geometry geometry;
    u32 sectors; /* of 512 bytes */
    u32 catalog;
} emulation;
u8 eltorito_transfer(struct request *q); /* 512-byte sectors of the emulated disk */
u8 eltorito_service(struct regs *r);     /* AH=4Ah to 4Dh */
/* Finds and loads the boot image. Returns its entry and sets *drive, or returns 0 with a message in *why. */
u32 eltorito_boot(u8 cd, u8 *drive, const char **why);

#endif
