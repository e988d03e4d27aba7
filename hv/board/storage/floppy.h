/* floppy.h - between floppy.c (registers, control commands) and floppy_data.c (transfers). Private to
 * them. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_FLOPPY_H
#define BOOTREEL_HV_BOARD_STORAGE_FLOPPY_H

#include "hv/board/chip.h"

enum { SECTOR = 512, DRIVES = 2, EVENT_DRIVE = 8 };
enum { NS_RESET = 50000, NS_COMMAND = 20000, NS_STEP = 10000, NS_SECTOR = 20000, NS_NO_MEDIUM = 1000000 };

/* Digital output register 3F2h, main status register 3F4h. */
enum { DOR_RUN = 0x04, DOR_DMAGATE = 0x08 };
enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NDM = 0x20, MSR_CB = 0x10 };
/* Status bytes of the result phase. */
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLING = 0xc0, ST0_SEEK_END = 0x20, ST0_CHECK = 0x10 };
enum { ST1_MISSING = 0x01, ST1_NO_DATA = 0x04, ST1_OVERRUN = 0x10, ST1_DATA_ERROR = 0x20, ST1_END = 0x80 };
enum { ST2_SCAN_HIT = 0x08, ST2_WRONG_CYLINDER = 0x10, ST2_SCAN_MISS = 0x04, ST2_CONTROL_MARK = 0x40 };
enum { CONF_IMPLIED_SEEK = 0x40, CONF_NO_FIFO = 0x20, CONF_NO_POLL = 0x10 };

enum fdc_phase {
    PH_COMMAND,   /* bytes of a command */
    PH_BUSY,      /* timer: execute it */
    PH_SECTOR,    /* timer: the next sector of a transfer */
    PH_IN,        /* non-DMA: the guest reads buf */
    PH_OUT,       /* non-DMA: the guest fills buf */
    PH_RESULT,    /* bytes of the result */
    PH_SEEKING,   /* timer: the head arrives; no command is accepted until then */
    PH_RESETTING, /* timer: the end of a reset */
};

/* A medium: bytes, tracks per side, heads, sectors per track, data rates (bit n: rate n). */
struct fdc_geometry {
    uint32_t size;
    uint8_t tracks, heads, spt, rates;
};

struct fdc_drive {
    struct disk *disk; /* NULL if there is no medium */
    const struct fdc_geometry *geo;
};

struct fdc {
    struct board *board;
    struct fdc_drive drive[DRIVES];

    /* state */
    struct timer timer;
    uint8_t dor, tdr, dsr, ccr;
    uint8_t phase;       /* enum fdc_phase */
    uint8_t irq;         /* interrupt pending */
    uint8_t reset_sense; /* drives whose polling status the guest has yet to read after a reset: 4 … 1 */
    uint8_t seek_done;   /* bit n: drive n has finished a seek; sense[n] is its ST0 */
    uint8_t sense[4];
    uint8_t cmd[9], cmd_pos, cmd_len;
    uint8_t result[10], result_pos, result_len;
    uint8_t spec1, spec2, config, precomp, lock, perpendicular;
    uint8_t track[4];   /* positions of the heads */
    uint8_t changed[4]; /* disk change lines */
    /* transfer */
    uint8_t cyl, head, sector; /* of the next sector */
    uint8_t st1, st2;
    uint32_t start_lba, moved; /* sectors done, for the event */
    uint32_t pos;
    uint8_t buf[SECTOR];
};

struct fdc_command {
    uint8_t mask, value; /* (byte & mask) == value */
    uint8_t length;
    const char *name;
    void (*run)(struct fdc *);
    uint8_t kind; /* enum fdc_kind */
};
enum fdc_kind { K_NOW, K_READ, K_WRITE, K_SCAN, K_VERIFY, K_OTHER /* takes time */ };

static inline unsigned fdc_unit(const struct fdc *f)
{
    return f->cmd[1] & 3;
}

static inline const struct fdc_geometry *fdc_medium(const struct fdc *f, unsigned drive)
{
    return drive < DRIVES && f->drive[drive].disk ? f->drive[drive].geo : NULL;
}

/* The disk is spinning: its motor is on. */
static inline bool fdc_spinning(const struct fdc *f, unsigned drive)
{
    return f->dor >> (4 + drive) & 1;
}

static inline unsigned fdc_rate(const struct fdc *f)
{
    return f->ccr & 3;
}

static inline bool fdc_non_dma(const struct fdc *f)
{
    return f->spec2 & 1;
}

/* ---- floppy.c ---- */
const struct fdc_command *fdc_command(uint8_t byte); /* the row of a command's first byte */
void fdc_irq(struct fdc *, bool level);
void fdc_after(struct fdc *, enum fdc_phase, uint64_t ns); /* continue in `ns` */
void fdc_result(struct fdc *, unsigned n, bool interrupt); /* pass n bytes of result[] to the guest */
void fdc_event_command(struct fdc *, uint8_t status);
void fdc_move_head(struct fdc *, unsigned drive, unsigned track);

/* ---- floppy_data.c ---- */
void fdc_start_transfer(struct fdc *);
void fdc_read_id(struct fdc *);
void fdc_format_track(struct fdc *);
void fdc_sector_due(struct fdc *);      /* timer: PH_SECTOR */
void fdc_pio_sector_done(struct fdc *); /* the guest has transferred the last byte of buf */

#endif
