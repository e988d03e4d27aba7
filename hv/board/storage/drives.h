/* drives.h - which image is a drive of which controller, and what such drives have in common. Private to hv/board.
 *
 * Images have the roles disk0, disk1 … and cdrom, cdrom1 …; the setting ROLE-interface says what they are
 * attached to, ROLE-serial what their serial number is. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_DRIVES_H
#define BOOTREEL_HV_BOARD_STORAGE_DRIVES_H

#include "hv/board/chip.h"

enum drive_interface {
    DRIVE_IDE,
    DRIVE_AHCI,
    DRIVE_NVME,
    DRIVE_VIRTIO,
    DRIVE_SCSI,
    DRIVE_USB,
    DRIVE_INTERFACES
};

enum { DRIVE_SECTOR = 512, DRIVE_SERIAL = 20, SCSI_TARGETS = 8, USB_DRIVES = 6, DRIVES_MOST = 8 };

/* The number of a drive in events: the first number of its kind of controller, plus its number among these.
 * 0-3 are IDE's, 8-9 the floppies. */
enum drive_number {
    DRIVE_NUMBER_FLOPPY = 8,
    DRIVE_NUMBER_AHCI = 16,
    DRIVE_NUMBER_NVME = 32,
    DRIVE_NUMBER_VIRTIO = 48,
    DRIVE_NUMBER_SCSI = 64,
    DRIVE_NUMBER_USB = 80,
    DRIVE_NUMBER_END = 96,
};

struct drive {
    char role[16];
    bool cdrom;
    uint64_t sectors; /* of 512 bytes */
    bool serial_given;
    char serial[DRIVE_SERIAL + 1]; /* as given, or made of the role */
};

/* The drives of an interface in the order in which they were given, disks first; at most `max`. -1 with err
 * if there are more, or if a setting names no interface. */
int drives_of(const struct engine_config *, enum drive_interface, struct drive *list, unsigned max,
              struct error *err);

/* The drives of IDE at their places, as QEMU assigns them: the first CD-ROM is the secondary master, each
 * other one takes the first place that is free. A place without a drive has no role. -1 with err as
 * drives_of. */
enum { IDE_PLACES = 4 };
int drives_at_ide(const struct engine_config *, struct drive place[IDE_PLACES], struct error *err);

/* Where a command came from: the queue, and 1 + its entry there; 0: the drive has no queues. */
struct drive_place {
    uint32_t queue, entry;
};

/* What reports need of a transfer. */
struct drive_transfer {
    unsigned drive; /* its number */
    bool write, cdrom;
    uint8_t command;
    const char *name; /* the command's */
    uint64_t lba;     /* in sectors of the medium */
    uint32_t count;
    uint64_t address; /* of the first byte in memory; UINT64_MAX: the processor moves it */
    struct drive_place place;
};
/* Reports a transfer, and the boot sector if it is read. */
void drive_report(struct board *, const struct drive_transfer *);
/* Reports any other command, with the status it ends with. */
void drive_report_command(struct board *, unsigned drive, uint8_t command, const char *name, uint32_t status,
                          struct drive_place place);

#endif
