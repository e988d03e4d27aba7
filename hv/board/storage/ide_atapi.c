/* ide_atapi.c - the ATAPI CD-ROM drive: packets, sense, and the blocks of a PIO transfer.
 *
 * Sources: SFF-8020i revision 2.6 (ATAPI CD-ROM); MMC-3 (T10/1363D) for the commands; SPC-2 for sense data.
 * The medium is one data track of 2048-byte sectors, in one closed session. It can be ejected with START STOP
 * UNIT. */
#include "base/byte_order.h"
#include "hv/board/storage/ide.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { FEATURE_DMA = 0x01 };

/* ---------------------------------------------------------------- ending a command */

static void reason(struct ide_channel *ch, uint8_t bits)
{
    ide_selected(ch)->reg[REG_COUNT] = bits;
}

static void good(struct ide_channel *ch)
{
    reason(ch, REASON_IO | REASON_CD);
    ide_done(ch, 0);
}

/* The unit has its sense data. */
static void failed(struct ide_channel *ch)
{
    reason(ch, REASON_IO | REASON_CD);
    ide_done(ch, ide_selected(ch)->scsi.sense_key << 4);
}

static void unreadable(struct ide_channel *ch)
{
    scsi_sense(&ide_selected(ch)->scsi, KEY_MEDIUM, ASC_UNREADABLE, 0);
    failed(ch);
}

void atapi_reset(struct ide_drive *d)
{
    scsi_reset(&d->scsi, d->cdrom ? ASC_RESET : 0);
}

/* ---------------------------------------------------------------- data to the guest */

/* Starts the next DRQ block of a PIO command, or ends the command. */
static void next_block(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    if (!ch->left) {
        good(ch);
        return;
    }
    /* The guest's limit, saved when the command was issued, is in `block`; from now on the registers show
     * each block's size. */
    ch->block_left = ch->left < ch->block ? ch->left : ch->block;
    d->reg[REG_MID] = ch->block_left;
    d->reg[REG_HIGH] = ch->block_left >> 8;
    reason(ch, REASON_IO);
    ch->phase = PH_CD_IN;
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
    ide_intrq(ch, true);
}

void atapi_next(struct ide_channel *ch)
{
    next_block(ch);
}

static void start_data(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);
    uint32_t limit = d->reg[REG_MID] | d->reg[REG_HIGH] << 8;

    if (!ch->left) {
        good(ch);
        return;
    }
    if (d->reg[REG_FEATURE] & FEATURE_DMA) {
        ch->ops->dma_ready(ch);
        return;
    }
    atapi_event(ch, UINT64_MAX);
    /* Only the last block may be odd; and a limit of 0 means the maximum. */
    ch->block = limit > 1 ? limit & 0xfffe : 0xfffe;
    next_block(ch);
}

static void reply(struct ide_channel *ch, const struct scsi_task *t)
{
    ch->left = ch->len = t->size;
    ch->pos = 0;
    start_data(ch);
}

static void read_medium(struct ide_channel *ch, const struct scsi_task *t)
{
    ch->cd_medium = 1;
    ch->cd_parts = t->parts;
    ch->cd_unit = t->unit_size;
    ch->first_lba = ch->lba = t->lba;
    ch->total = ch->count = t->count;
    ch->left = (uint64_t)t->count * ch->cd_unit;
    ch->pos = ch->len = 0;
    start_data(ch);
}

int atapi_fill(struct ide_channel *ch)
{
    int n = ch->cd_medium && ch->count
                ? scsi_cd_sector(&ide_selected(ch)->scsi, ch->lba, ch->cd_parts, ch->buf)
                : -1;

    if (n < 0)
        return -1;
    ch->pos = 0;
    ch->len = (uint32_t)n;
    ch->lba++;
    ch->count--;
    return 0;
}

uint32_t atapi_data_in(struct ide_channel *ch, unsigned size)
{
    uint8_t bytes[4] = {0};

    for (unsigned i = 0; i < size && ch->block_left; i++) {
        if (ch->pos == ch->len && atapi_fill(ch) < 0) {
            unreadable(ch);
            return 0;
        }
        bytes[i] = ch->buf[ch->pos++];
        ch->block_left--;
        ch->left--;
    }
    if (!ch->block_left)
        ide_busy(ch, PH_CD_NEXT,
                 NS_BLOCK + (ch->left < ch->block ? ch->left : ch->block) / IDE_SECTOR * NS_SECTOR);
    return le32(bytes);
}

void atapi_dma_done(struct ide_channel *ch, bool moved)
{
    if (moved)
        good(ch);
    else
        unreadable(ch);
}

/* ---------------------------------------------------------------- packets */

void atapi_packet_start(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    d->power = POWER_ACTIVE;
    reason(ch, REASON_CD);
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
    ch->phase = PH_PACKET_IN;
    ch->pos = 0;
    ch->len = ATAPI_PACKET;
}

static const char *name_of(const struct scsi_command *c, char buf[64])
{
    snprintf(buf, 64, "ATAPI %s", c ? c->name : "");
    return c ? buf : "unknown ATAPI packet";
}

void atapi_event(struct ide_channel *ch, uint64_t address)
{
    const struct scsi_command *c = scsi_cd_command(ch->packet[0]);
    char name[64];

    if (ch->cd_medium && c)
        ide_event_transfer(ch, false, ch->packet[0], name_of(c, name), ch->first_lba, ch->total, address);
}

void atapi_packet(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    struct scsi_task t;
    char name[64];

    scsi_execute(ch->board, &d->scsi, ch->packet, &t);
    assert(t.blanked <= sizeof t.buf && t.blanked <= sizeof ch->buf);
    memcpy(ch->buf, t.buf, t.blanked);
    ch->cd_medium = 0;
    ch->left = 0;
    if (t.status)
        failed(ch);
    else if (t.medium)
        read_medium(ch, &t);
    else if (t.replies)
        reply(ch, &t);
    else
        good(ch);
    /* Reads of the medium are reported elsewhere, when the destination is known. */
    if (!ch->cd_medium || d->status & ST_ERR)
        ide_event_command(ch, ch->packet[0], name_of(t.command, name));
}

/* ---------------------------------------------------------------- IDENTIFY PACKET DEVICE */

void atapi_identify(struct ide_drive *d, uint16_t *w)
{
    char serial[] = "BR00001";

    serial[6] += d->number;
    w[0] = 0x85c0; /* ATAPI, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes */
    ata_identify_string(w + 10, 10, serial);
    w[20] = 3;
    w[21] = 512;
    w[22] = 4;
    ata_identify_string(w + 23, 4, "1.0");
    ata_identify_string(w + 27, 20, "BOOTREEL CD-ROM");
    w[48] = 1;
    w[49] = 0x0b00; /* DMA, LBA, IORDY */
    w[53] = 6;      /* words 64-70 and 88 are valid */
    ata_identify_modes(d, w);
    w[71] = w[72] = 30;
    w[80] = 0x001e;
    w[82] = 0x4210; /* NOP, DEVICE RESET, PACKET */
    w[83] = 0x4000;
    w[84] = 0x4000;
    w[85] = 0x4210;
    w[87] = 0x4000;
}
