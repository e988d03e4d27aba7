/* ide.h - interfaces between the parts of the IDE controller. Private to ide*.c.
 *
 * A channel executes one command at a time, for its selected drive. `phase` says what happens next: either
 * the channel's timer is running (the drive is busy) or the guest has to move data, start the bus master or
 * give a command. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_IDE_H
#define BOOTREEL_HV_BOARD_STORAGE_IDE_H

#include "hv/board/pci/function.h"
#include "hv/board/storage/drives.h"
#include "hv/board/storage/scsi.h"

enum {
    IDE_SECTOR = 512,
    IDE_MULTIPLE_MAX = 16,
    IDE_BUFFER = IDE_MULTIPLE_MAX * IDE_SECTOR,
    CD_SECTOR = 2048,
    CD_RAW_SECTOR = 2352,
    ATAPI_PACKET = 12,
    ATA_DIAGNOSTIC = 0x90,
    ATA_TRIM = 0x06,
    ATA_SMART = 0xb0,
};

/* Guest times in ns. They are short, since firmware that polls spends steps on them; never zero, since
 * drivers expect to see BSY and to get their interrupt after they have issued the command. */
enum {
    NS_COMMAND = 20000, /* from the command write to the first data or the end */
    NS_BLOCK = 2000,    /* between the DRQ blocks of a PIO command */
    NS_SECTOR = 500,    /* added for each sector transferred */
    /* from PACKET to the request for the packet (at most 50 us, as IDENTIFY word 0 says) */
    NS_PACKET = 5000,
    NS_RESET = 100000, /* from SRST's falling edge to the signature */
};

/* Status register (1F7h), error register (1F1h), device control (3F6h), device register (1F6h). */
enum { ST_ERR = 0x01, ST_DRQ = 0x08, ST_DSC = 0x10, ST_DF = 0x20, ST_DRDY = 0x40, ST_BSY = 0x80 };
enum { ER_ABRT = 0x04, ER_IDNF = 0x10, ER_UNC = 0x40 };
enum { CTL_NIEN = 0x02, CTL_SRST = 0x04, CTL_HOB = 0x80 };
enum { DEV_UNIT = 0x10, DEV_LBA = 0x40, DEV_FIXED = 0xa0 };
/* ATAPI interrupt reason, in the sector count register. */
enum { REASON_CD = 0x01, REASON_IO = 0x02 };

/* Command block registers, by address; as indices of reg[] and hob[]. */
enum { REG_DATA, REG_FEATURE, REG_COUNT, REG_LOW, REG_MID, REG_HIGH, REG_DEVICE, REG_COMMAND, REG_BLOCK };

/* Bus master registers, by offset in the channel's eight. */
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_PRD = 4 };
enum { CMD_START = 0x01, CMD_TO_MEMORY = 0x08 };
enum { BMS_ACTIVE = 0x01, BMS_ERROR = 0x02, BMS_INTERRUPT = 0x04, BMS_CAPABLE = 0x60 };

/* PCI configuration. */
enum {
    PCI_IDETIM = 0x40, /* IDE timing, two words: bit 15 enables the channel's decoder */
    PCI_SIDETIM = 0x44,
};

enum ide_phase {
    PH_IDLE,      /* waiting for a command */
    PH_COMMAND,   /* timer: execute `command` */
    PH_PIO_IN,    /* DRQ: the guest reads buf */
    PH_PIO_OUT,   /* DRQ: the guest fills buf */
    PH_IN_NEXT,   /* timer: read the next block into buf */
    PH_OUT_NEXT,  /* timer: write buf to the disk */
    PH_DMA_WAIT,  /* the drive is ready; the bus master is not started */
    PH_DMA,       /* timer: transfer everything */
    PH_PACKET_IN, /* DRQ: the guest writes the command packet */
    PH_PACKET,    /* timer: execute the packet */
    PH_CD_IN,     /* DRQ: the guest reads an ATAPI block */
    PH_CD_NEXT,   /* timer: next ATAPI block, or the end */
    PH_RESET,     /* timer: the end of a software reset or of diagnostics */
    PH_COUNT
};

/* The drive's power mode; only CHECK POWER MODE shows it. */
enum { POWER_STANDBY = 0x00, POWER_IDLE = 0x80, POWER_ACTIVE = 0xff };

enum { SMART_TESTS = 21 };
/* What the SMART commands change. */
struct ata_smart {
    uint8_t off, manual;         /* disabled; attributes are not saved by themselves */
    uint8_t last;                /* the last self-test's number in the log, from 1 on; 0: none */
    uint8_t test[SMART_TESTS];   /* kind, and … */
    uint16_t hours[SMART_TESTS]; /* … when, in hours of power */
};

struct ide_drive {
    struct disk *disk; /* NULL if there is no image */
    bool present, cdrom;
    unsigned number;    /* 0-3, as in events */
    uint64_t sectors;   /* of 512 bytes, or of 2048 bytes for a CD */
    uint32_t cylinders; /* default geometry; heads 16, sectors 63 */
    char serial[21];    /* as given; "": its own */

    /* everything below is state */
    uint8_t reg[REG_BLOCK]; /* as last written; REG_DEVICE has the unit bit of the last selection */
    uint8_t hob[REG_BLOCK]; /* the values written before those */
    uint8_t status, error;
    uint8_t multiple;   /* sectors per block; 0: multiple mode off */
    uint8_t heads, spt; /* current translation */
    /* selected modes: the high bytes of words 62, 63, 88 */
    uint8_t pio_mode, mdma_mode, sdma_mode, udma_mode;
    uint8_t write_cache, look_ahead;
    uint8_t power;
    /* ATAPI */
    struct scsi_unit scsi;
    struct ata_smart smart;
};

struct ide_channel;

/* What a channel's controller does: the commands are the same behind IDE's registers and behind AHCI's. */
struct ata_ops {
    /* `intrq` or nIEN has changed. */
    void (*line)(struct ide_channel *);
    /* A command by DMA has its data, or room for it: move them as soon as the controller can. */
    void (*dma_ready)(struct ide_channel *);
    /* Timer: PH_DMA. */
    void (*dma_run)(struct ide_channel *);
    /* Moves n bytes between buf and memory, from where `walk` is in the command's table of regions; returns
     * how many fitted. */
    uint32_t (*move)(struct ide_channel *, void *walk, uint8_t *buf, uint32_t n, bool to_memory);
};

struct ide_channel {
    struct board *board;
    const struct ata_ops *ops;
    void *owner;      /* the controller's */
    const char *what; /* "ide0 command": for what is not implemented */
    bool sata;        /* one drive, with serial ATA's part of IDENTIFY */
    uint32_t entry;   /* 1 + the command's slot, for events; 0: there are no slots */
    struct ide *ide;  /* of an IDE channel */
    unsigned index, irq_line;

    struct ide_drive drive[2];
    struct timer timer;
    uint8_t control; /* device control register */
    uint8_t unit;    /* selected drive */
    uint8_t intrq;   /* the drive requests an interrupt */
    uint8_t line;    /* the line to the interrupt controller is high */
    uint8_t phase;   /* enum ide_phase */
    uint8_t command;
    /* the transfer of an ATA command */
    uint64_t lba;       /* next sector */
    uint32_t count;     /* sectors left */
    uint32_t block;     /* sectors per DRQ block; ATAPI: bytes */
    uint64_t first_lba; /* for the event */
    uint32_t total;
    /* the transfer of an ATAPI command */
    uint8_t packet[ATAPI_PACKET];
    uint8_t cd_medium;   /* data comes from the medium, else from buf */
    uint8_t cd_parts;    /* READ CD: the parts of a sector to transfer (bits 3-7 of CDB byte 9) */
    uint32_t cd_unit;    /* bytes per sector as transferred */
    uint64_t left;       /* bytes of the command still to be transferred */
    uint32_t block_left; /* bytes of the current DRQ block */
    /* the buffer between drive and guest */
    uint32_t pos, len;
    uint8_t buf[IDE_BUFFER];
    /* bus master */
    uint8_t bm_command, bm_status;
    uint32_t bm_prd;
};

struct ide {
    struct board *board;
    struct pci_device pci;
    uint64_t bm_base; /* derived: where BAR 4 is mapped, or UINT64_MAX */
    struct ide_channel channel[2];
};

static inline struct ide_drive *ide_selected(struct ide_channel *ch)
{
    return &ch->drive[ch->unit];
}

/* ---- ide.c: registers and the course of a command ---- */
/* Stay busy for `ns`, then run the handler of `phase`. */
void ide_busy(struct ide_channel *, enum ide_phase phase, uint64_t ns);
/* Raise or drop the drive's interrupt request; the line follows unless nIEN. */
void ide_intrq(struct ide_channel *, bool level);
/* The timer's handler: what the phase says. */
void ide_fire(void *channel);
/* A command is written; the registers have its parameters. */
void ide_start_command(struct ide_channel *, uint8_t command);
/* Clears everything left from an earlier command. */
void ide_forget_transfer(struct ide_channel *);
/* A drive of this image: its size and its geometry. */
void ide_attach(struct board *, struct ide_drive *, const struct drive *);
/* For the chips of a channel and of its drives. */
enum { IDE_CHANNEL_FIELDS = 24, IDE_DRIVE_FIELDS = 15, ATA_SMART_FIELDS = 5 };
extern const struct field ide_channel_fields[IDE_CHANNEL_FIELDS], ide_drive_fields[IDE_DRIVE_FIELDS],
    ata_smart_fields[ATA_SMART_FIELDS];
void ide_drive_reset(void *drive);
void ide_drive_loaded(void *drive);
void ide_channel_loaded(void *channel);
/* Ends a command with an interrupt: sets the status bits besides DRDY and the error register (0: no
 * error). */
void ide_done(struct ide_channel *, uint8_t error);
void ide_signature(struct ide_drive *);
void ide_event_command(struct ide_channel *, uint8_t command, const char *name);
void ide_event_transfer(struct ide_channel *, bool write, uint8_t command, const char *name, uint64_t lba,
                        uint32_t count, uint64_t address);

/* ---- ide_ata.c: commands of disks ---- */
void ata_command(struct ide_channel *); /* timer: PH_COMMAND */
/* Whether the guest writes data (or a packet) to the data register as part of the command. */
bool ata_takes_data(uint8_t command);
void ata_block_in(struct ide_channel *);   /* timer: PH_IN_NEXT */
void ata_block_out(struct ide_channel *);  /* timer: PH_OUT_NEXT */
void ata_block_read(struct ide_channel *); /* the guest has read all of buf */
void ata_dma_done(struct ide_channel *, bool moved);
const char *ata_command_name(uint8_t command);
void ata_reply(struct ide_channel *); /* the first 512 bytes of buf, by PIO */
/* Words of IDENTIFY that disks and CD-ROMs share. */
void ata_identify_string(uint16_t *word, unsigned words, const char *text);
void ata_identify_modes(const struct ide_drive *, uint16_t *word);

/* ---- ide_smart.c: SMART and TRIM of disks ---- */
void ata_smart(struct ide_channel *); /* PH_COMMAND */
void ata_trim(struct ide_channel *);  /* PH_COMMAND of DATA SET MANAGEMENT */
const char *ata_smart_name(uint8_t feature);
void ata_identify_smart(const struct ide_drive *, uint16_t *word);

/* ---- ide_atapi.c: commands of CD-ROMs ---- */
void atapi_reset(struct ide_drive *);
void atapi_identify(struct ide_drive *, uint16_t *word);
void atapi_packet_start(struct ide_channel *); /* PH_COMMAND of PACKET */
void atapi_packet(struct ide_channel *);       /* timer: PH_PACKET */
void atapi_next(struct ide_channel *);         /* timer: PH_CD_NEXT */
uint32_t atapi_data_in(struct ide_channel *, unsigned size);
/* Report the command's read of the medium, if it is one. */
void atapi_event(struct ide_channel *, uint64_t address);
void atapi_dma_done(struct ide_channel *, bool moved);
/* Reads the next sector of a medium transfer into buf (pos = 0). -1 if it is unreadable. */
int atapi_fill(struct ide_channel *);
/* For a sector that is transferred raw: builds the 2352 bytes around 2048 bytes at raw + 16. (ide_cdraw.c) */
void cd_raw_sector(uint8_t *raw, uint32_t lba);

/* ---- ide_dma.c: the bus master ---- */
/* Guest time of a whole transfer by DMA. */
uint64_t ide_transfer_ns(const struct ide_channel *);
/* Moves all of the command's data by ops->move, and reports it; `address` is that of the first region. Then
 * ends the command. */
enum dma_outcome { DMA_MOVED, DMA_SHORT_TABLE, DMA_BAD_MEDIUM };
enum dma_outcome ata_trim_run(struct ide_channel *, void *walk); /* (ide_smart.c) */
enum dma_outcome ide_dma_transfer(struct ide_channel *, void *walk, uint64_t address);
void ide_dma_done(struct ide_channel *, bool moved);
uint32_t ide_dma_move(struct ide_channel *, void *walk, uint8_t *buf, uint32_t n, bool to_memory);
/* Whether the command is one that reads data from memory by DMA. */
bool ide_dma_writes(uint8_t command);
void ide_dma_ready(struct ide_channel *);
void ide_dma_run(struct ide_channel *);         /* timer: PH_DMA */
uint64_t ide_dma_address(struct ide_channel *); /* of the first region in the PRD table */
void ide_dma_reset(struct ide_channel *);
void ide_dma_written(void *ctx, unsigned reg, unsigned size);
void ide_dma_map(void *ctx, unsigned bar, uint64_t base);

#endif
