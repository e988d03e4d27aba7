/* ide_atapi.c - the ATAPI CD-ROM drive: packets, sense, and the blocks of a PIO transfer.
 *
 * Sources: SFF-8020i revision 2.6 (ATAPI CD-ROM); MMC-3 (T10/1363D) for the commands; SPC-2 for sense data.
 * The medium is one data track of 2048-byte sectors, in one closed session. It can be ejected with START STOP
 * UNIT. */
#include "hv/board/ide.h"
#include "hv/board/ide_cd.h"

#include <string.h>

enum { FEATURE_DMA = 0x01 };

/* ---------------------------------------------------------------- ending a command */

static void reason(struct ide_channel *ch, uint8_t bits)
{
    ide_selected(ch)->reg[REG_COUNT] = bits;
}

void cd_good(struct ide_channel *ch)
{
    reason(ch, REASON_IO | REASON_CD);
    ide_done(ch, 0);
}

void cd_check(struct ide_channel *ch, uint8_t key, uint8_t asc, uint8_t ascq)
{
    struct ide_drive *d = ide_selected(ch);

    d->sense_key = key;
    d->asc = asc;
    d->ascq = ascq;
    reason(ch, REASON_IO | REASON_CD);
    ide_done(ch, key << 4);
}

void atapi_reset(struct ide_drive *d)
{
    d->sense_key = d->asc = d->ascq = 0;
    d->attention = d->cdrom ? ASC_RESET : 0;
    d->tray_open = d->locked = d->media_event = 0;
}

/* ---------------------------------------------------------------- data to the guest */

/* Starts the next DRQ block of a PIO command, or ends the command. */
static void next_block(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    if (!ch->left) {
        cd_good(ch);
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
        cd_good(ch);
        return;
    }
    if (d->reg[REG_FEATURE] & FEATURE_DMA) {
        ide_dma_ready(ch);
        return;
    }
    atapi_event(ch, UINT64_MAX);
    /* Only the last block may be odd; and a limit of 0 means the maximum. */
    ch->block = limit > 1 ? limit & 0xfffe : 0xfffe;
    next_block(ch);
}

void cd_reply(struct ide_channel *ch, uint32_t n, uint32_t allocation)
{
    ch->cd_medium = 0;
    ch->left = ch->len = n < allocation ? n : allocation;
    ch->pos = 0;
    start_data(ch);
}

/* The size in bytes of the selected parts of a raw mode 1 sector. */
static uint32_t parts_size(uint8_t parts)
{
    return (parts & PART_SYNC ? 12 : 0) + (parts & PART_HEADER ? 4 : 0) + (parts & PART_USER ? 2048 : 0) +
           (parts & PART_EDC ? 288 : 0);
}

void cd_read(struct ide_channel *ch, uint64_t lba, uint32_t count, uint8_t parts)
{
    if (lba + count > ide_selected(ch)->sectors) {
        cd_check(ch, KEY_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    ch->cd_medium = 1;
    ch->cd_parts = parts;
    ch->cd_unit = parts_size(parts);
    ch->first_lba = ch->lba = lba;
    ch->total = ch->count = count;
    ch->left = (uint64_t)count * ch->cd_unit;
    ch->pos = ch->len = 0;
    start_data(ch);
}

int atapi_fill(struct ide_channel *ch)
{
    static const struct {
        uint8_t part;
        uint16_t at, n;
    } piece[] = {{PART_SYNC, 0, 12}, {PART_HEADER, 12, 4}, {PART_USER, 16, 2048}, {PART_EDC, 2064, 288}};
    uint8_t raw[CD_RAW_SECTOR];

    if (!ch->cd_medium || !ch->count ||
        disk_read(ide_selected(ch)->disk, ch->lba * CD_SECTOR, raw + 16, CD_SECTOR) < 0)
        return -1;
    if (ch->cd_parts != PART_USER)
        cd_raw_sector(raw, ch->lba);
    ch->pos = ch->len = 0;
    for (unsigned i = 0; i < sizeof piece / sizeof *piece; i++) {
        if (!(ch->cd_parts & piece[i].part))
            continue;
        memcpy(ch->buf + ch->len, raw + piece[i].at, piece[i].n);
        ch->len += piece[i].n;
    }
    ch->lba++;
    ch->count--;
    return 0;
}

uint32_t atapi_data_in(struct ide_channel *ch, unsigned size)
{
    uint8_t bytes[4] = {0};

    for (unsigned i = 0; i < size && ch->block_left; i++) {
        if (ch->pos == ch->len && atapi_fill(ch) < 0) {
            cd_check(ch, KEY_MEDIUM, ASC_UNREADABLE, 0);
            return 0;
        }
        bytes[i] = ch->buf[ch->pos++];
        ch->block_left--;
        ch->left--;
    }
    if (!ch->block_left)
        ide_busy(ch, PH_CD_NEXT,
                 NS_BLOCK + (ch->left < ch->block ? ch->left : ch->block) / IDE_SECTOR * NS_SECTOR);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void atapi_dma_done(struct ide_channel *ch, bool moved)
{
    if (moved)
        cd_good(ch);
    else
        cd_check(ch, KEY_MEDIUM, ASC_UNREADABLE, 0);
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

void atapi_event(struct ide_channel *ch, uint64_t address)
{
    const struct cd_command *c = cd_command_find(ch->packet[0]);

    if (ch->cd_medium && c)
        ide_event_transfer(ch, false, ch->packet[0], c->name, ch->first_lba, ch->total, address);
}

/* Checks before the command itself for a pending unit attention and a missing medium. True if it may be
 * executed. */
static bool may_execute(struct ide_channel *ch, const struct cd_command *c)
{
    struct ide_drive *d = ide_selected(ch);

    if (d->attention && !(c->flags & CD_ANYTIME)) {
        uint8_t asc = d->attention;

        d->attention = 0;
        cd_check(ch, KEY_ATTENTION, asc, 0);
        return false;
    }
    if (c->flags & CD_MEDIUM && d->tray_open) {
        cd_check(ch, KEY_NOT_READY, ASC_NO_MEDIUM, 2);
        return false;
    }
    return true;
}

void atapi_packet(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    const struct cd_command *c = cd_command_find(ch->packet[0]);
    uint8_t opcode = ch->packet[0];

    if (opcode != 0x03) /* REQUEST SENSE */
        d->sense_key = d->asc = d->ascq = 0;
    ch->cd_medium = 0;
    ch->left = 0;
    if (!c) {
        board_unhandled(ch->ide->board, "ATAPI packet", opcode, true, 0);
        cd_check(ch, KEY_ILLEGAL, ASC_OPCODE, 0);
    } else if (may_execute(ch, c)) {
        c->run(ch, ch->packet);
    }
    /* Reads of the medium are reported elsewhere, when the destination is known. */
    if (!ch->cd_medium || d->status & ST_ERR)
        ide_event_command(ch, opcode, c ? c->name : "unknown ATAPI packet");
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
