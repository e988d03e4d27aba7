/* scsi.h - drives that execute SCSI commands: the CD-ROM drives behind ATAPI, virtio-scsi and USB, and the
 * disks of the last two. Private to hv/board.
 *
 * A transport hands over a command block, and gets what the command does: a status, a reply, or blocks of the
 * medium to move. Moving them, and the time that it takes, are the transport's.
 *
 * Sources: SPC-4 (T10/1731D) for what all have in common, SBC-3 (T10/1799D) for disks, MMC-3 (T10/1363D) for
 * CD-ROM drives. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_SCSI_H
#define BOOTREEL_HV_BOARD_STORAGE_SCSI_H

#include "base/byte_order.h"
#include "hv/board/storage/drives.h"

/* SCSI_UNMAPS: ranges of an UNMAP, at most. */
enum { SCSI_CDB = 16, SCSI_BUFFER = 512, SCSI_UNMAPS = 31, SCSI_SENSE = 18, SCSI_GOOD = 0, SCSI_CHECK = 2 };

/* Sense keys and additional sense codes (SPC-4, tables 43 and 49). */
enum { KEY_NOT_READY = 2, KEY_MEDIUM = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6, KEY_ABORTED = 11 };
enum {
    ASC_UNREADABLE = 0x11,
    ASC_LIST_LENGTH = 0x1a,
    ASC_OPCODE = 0x20,
    ASC_OUT_OF_RANGE = 0x21,
    ASC_FIELD = 0x24,
    ASC_NO_UNIT = 0x25,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL = 0x53, /* with ASCQ 2: medium removal prevented */
    ASC_TRACK_MODE = 0x64,
};

/* Parts of a CD's sector, as selected in READ CD's byte 9. */
enum { PART_SYNC = 0x80, PART_HEADER = 0x20, PART_USER = 0x10, PART_EDC = 0x08, SCSI_RAW_SECTOR = 2352 };

/* A logical unit. */
struct scsi_unit {
    struct disk *disk;
    bool cdrom;
    bool atapi;      /* a CD-ROM drive on IDE or AHCI */
    bool removable;  /* a disk: of a USB stick */
    bool thin;       /* a disk: it knows UNMAP, and its blocks are zeros then */
    uint64_t blocks; /* of 512 or, of a CD, 2048 bytes */
    char serial[21];

    /* state */
    uint8_t sense_key, asc, ascq;
    uint8_t attention; /* 0, or the ASC of the unit attention to report: 29h, 28h */
    uint8_t tray_open, locked;
    uint8_t media_event; /* GET EVENT STATUS: 0, 1 eject request, 2 new media, 3 removed */
};
extern const struct field scsi_fields[7];

static inline uint32_t scsi_block(const struct scsi_unit *u)
{
    return u->cdrom ? 2048 : 512;
}

struct scsi_command;

/* A command and what it does. */
struct scsi_task {
    struct scsi_unit *unit;
    const struct scsi_command *command; /* NULL: unknown */
    uint8_t status;                     /* SCSI_GOOD, or SCSI_CHECK: the unit has the sense data */
    /* blocks of the medium */
    bool medium, write;
    bool fua; /* of a write: it is on the medium when the command ends */
    uint64_t lba;
    uint32_t count;
    /* If not NULL: `size` bytes of parameters are written to buf, and then this executes the command. */
    void (*finish)(struct scsi_task *);
    uint8_t parts;      /* of a CD's sector */
    uint32_t unit_size; /* bytes of a block as it is moved */
    /* or a reply */
    bool replies;
    uint32_t size;    /* its bytes in buf, at most what was asked for */
    uint32_t blanked; /* bytes of buf that may have been changed */
    uint8_t buf[SCSI_BUFFER];
};

/* ---- for transports (scsi.c) ---- */
/* The unit of a drive on SCSI or USB. */
void scsi_attach(struct board *, struct scsi_unit *, const struct drive *);
/* For board_add_chip's reset, and a bus reset; `attention` is what the next command reports, or 0. */
void scsi_reset(struct scsi_unit *, uint8_t attention);
/* Executes a command block of 12 bytes (ATAPI) or SCSI_CDB bytes, up to the movement of its data. */
void scsi_execute(struct board *, struct scsi_unit *, const uint8_t *cdb, struct scsi_task *);
void scsi_sense(struct scsi_unit *, uint8_t key, uint8_t asc, uint8_t ascq);
/* Sense data in fixed format, of a command that ended with SCSI_CHECK; it is forgotten then, as with autosense. */
void scsi_take_sense(struct scsi_unit *, uint8_t sense[SCSI_SENSE]);
/* How a command has ended, for its event: the status, and above it the sense key and the additional code. */
uint32_t scsi_event_status(const struct scsi_task *);
/* How many bytes the command moves. */
uint64_t scsi_moves(const struct scsi_task *);
/* Bytes [at, at + n) of what it reads; n is at most the rest. -1: the medium cannot be read. */
int scsi_read_at(const struct scsi_task *, uint64_t at, void *buf, size_t n);
/* Takes bytes [at, at + n) of what the command writes; n is at most the rest. -1: the medium cannot be written. */
int scsi_write_at(struct scsi_task *, uint64_t at, const void *buf, size_t n);
/* The ranges of blocks that an UNMAP has freed, from 0 on; false if there are no more. */
bool scsi_unmapped(const struct scsi_task *, unsigned i, uint64_t *lba, uint32_t *count);
/* The parts of a sector of a CD; returns how many bytes, or -1. */
int scsi_cd_sector(const struct scsi_unit *, uint64_t lba, uint8_t parts, uint8_t *buf);
/* The name of a command in events: "READ(10)". */
const char *scsi_name(const struct scsi_task *);

/* ---- for scsi_cd.c and scsi_disk.c ---- */
enum {
    SCSI_ANYTIME = 1, /* executed even if a unit attention is pending */
    SCSI_MEDIUM = 2,  /* needs a medium */
    SCSI_THIN = 4,    /* known by units that are thin */
};
struct scsi_command {
    uint8_t opcode;
    const char *name;
    void (*run)(struct scsi_task *, const uint8_t *cdb);
    unsigned flags;
};
/* The row of an opcode, or NULL. */
const struct scsi_command *scsi_cd_command(uint8_t opcode);
const struct scsi_command *scsi_disk_command(uint8_t opcode);
const struct scsi_command *scsi_command_of(const struct scsi_unit *, uint8_t opcode);
const struct scsi_command *scsi_find(const struct scsi_command *table, size_t n, uint8_t opcode);

/* The buffer for a reply, its first n bytes 0. */
uint8_t *scsi_blank(struct scsi_task *, uint32_t n);
/* Ways to end a command: a reply of n bytes, at most `allocation`; blocks of the medium; check condition with
 * sense. A command that ends in none of these ways moves nothing, and succeeds. */
void scsi_reply(struct scsi_task *, uint32_t n, uint32_t allocation);
/* Takes n bytes of parameters, at most SCSI_BUFFER, and then calls `finish`; with n 0 there is nothing to do. */
void scsi_list(struct scsi_task *, uint32_t n, void (*finish)(struct scsi_task *));
void scsi_blocks(struct scsi_task *, bool write, uint64_t lba, uint32_t count, uint8_t parts);
void scsi_check(struct scsi_task *, uint8_t key, uint8_t asc, uint8_t ascq);
void scsi_bad_field(struct scsi_task *);
/* Commands that disks and CD-ROM drives have in common. */
void scsi_good(struct scsi_task *, const uint8_t *cdb);
void scsi_request_sense(struct scsi_task *, const uint8_t *cdb);
void scsi_inquiry(struct scsi_task *, const uint8_t *cdb);
void scsi_report_luns(struct scsi_task *, const uint8_t *cdb);

#endif
