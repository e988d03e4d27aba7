/* ide_ata.c - the commands of ATA disks, and what disks and CD-ROMs share.
 *
 * Source: ATA/ATAPI-6 (T13/1410D), clause 8 (commands) and 9 (protocols); ATA-1 (X3.221) for CHS translation.
 * Optional commands that are not implemented end with ABRT, as on a real drive without them. */
#include "hv/board/storage/disk.h"
#include "hv/board/storage/ide.h"

#include <string.h>

typedef void ata_run(struct ide_channel *);

/* Flags of a command row. */
enum {
    C_DISK = 1, /* implemented by disks */
    C_CD = 2,   /* implemented by CD-ROMs */
    C_BOTH = C_DISK | C_CD,
    C_EXT = 4,   /* 48-bit address */
    C_WRITE = 8, /* transfers data to the disk */
    C_DMA = 16,
    C_MULTIPLE = 32, /* block size as set by SET MULTIPLE MODE */
    C_OPTIONAL = 64, /* known but not implemented: ABRT without a report */
    C_DATA = 128,    /* reports itself as disk.read or disk.write */
};

struct ata_command {
    const char *name;
    ata_run *run;
    unsigned flags;
};

static const struct ata_command *command_row(uint8_t command);

const char *ata_command_name(uint8_t command)
{
    const struct ata_command *c = command_row(command);

    return c->name ? c->name : "unknown ATA command";
}

static void abort_command(struct ide_channel *ch)
{
    ide_done(ch, ER_ABRT);
}

static void succeed(struct ide_channel *ch)
{
    ide_done(ch, 0);
}

static void flush(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);
    if (d->disk && !d->cdrom)
        disk_flush_all(d->disk);
    succeed(ch);
}

/* ---------------------------------------------------------------- addresses */

static uint32_t read_count(const struct ide_drive *d, bool ext)
{
    uint32_t n = d->reg[REG_COUNT];

    if (ext)
        n |= (uint32_t)d->hob[REG_COUNT] << 8;
    return n ? n : ext ? 65536 : 256;
}

/* The address in the registers as an LBA; false if cylinder, head and sector are invalid. */
static bool read_address(const struct ide_drive *d, bool ext, uint64_t *lba)
{
    uint32_t low = d->reg[REG_LOW] | d->reg[REG_MID] << 8 | d->reg[REG_HIGH] << 16;
    uint32_t high = d->hob[REG_LOW] | d->hob[REG_MID] << 8 | d->hob[REG_HIGH] << 16;
    unsigned head = d->reg[REG_DEVICE] & 15;

    if (ext) {
        *lba = (uint64_t)high << 24 | low;
        return true;
    }
    if (d->reg[REG_DEVICE] & DEV_LBA) {
        *lba = (uint64_t)head << 24 | low;
        return true;
    }
    if (!d->reg[REG_LOW] || d->reg[REG_LOW] > d->spt || head >= d->heads)
        return false;
    *lba = ((uint64_t)(low >> 8) * d->heads + head) * d->spt + d->reg[REG_LOW] - 1;
    return true;
}

static void write_address(struct ide_drive *d, bool ext, uint64_t lba)
{
    uint32_t low = lba;

    if (!ext && !(d->reg[REG_DEVICE] & DEV_LBA)) {
        uint64_t track = lba / d->spt;

        d->reg[REG_DEVICE] = (d->reg[REG_DEVICE] & 0xf0) | track % d->heads;
        low = (track / d->heads) << 8 | (lba % d->spt + 1);
    } else if (!ext) {
        d->reg[REG_DEVICE] = (d->reg[REG_DEVICE] & 0xf0) | (lba >> 24 & 15);
    } else {
        d->hob[REG_LOW] = lba >> 24;
        d->hob[REG_MID] = lba >> 32;
        d->hob[REG_HIGH] = lba >> 40;
    }
    d->reg[REG_LOW] = low;
    d->reg[REG_MID] = low >> 8;
    d->reg[REG_HIGH] = low >> 16;
}

/* Copies address and count into the channel. If the range exceeds the disk, ends the command with IDNF and
 * the first bad sector in the registers. */
static bool take_range(struct ide_channel *ch, bool ext)
{
    struct ide_drive *d = ide_selected(ch);

    ch->total = ch->count = read_count(d, ext);
    if (!read_address(d, ext, &ch->lba)) {
        ide_done(ch, ER_IDNF);
        return false;
    }
    ch->first_lba = ch->lba;
    if (ch->lba + ch->count <= d->sectors)
        return true;
    write_address(d, ext, ch->lba > d->sectors ? ch->lba : d->sectors);
    ide_done(ch, ER_IDNF);
    return false;
}

static void end_transfer(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    /* The registers show the last sector, and a count of 0. */
    write_address(d, command_row(ch->command)->flags & C_EXT, ch->first_lba + ch->total - 1);
    d->reg[REG_COUNT] = d->hob[REG_COUNT] = 0;
}

static void fail_transfer(struct ide_channel *ch, uint64_t lba)
{
    write_address(ide_selected(ch), command_row(ch->command)->flags & C_EXT, lba);
    ide_done(ch, ER_UNC);
    ide_event_command(ch, ch->command, ata_command_name(ch->command));
}

/* ---------------------------------------------------------------- data by PIO */

/* Sets DRQ with `n` bytes in buf for the guest to read (or to fill). */
static void request(struct ide_channel *ch, enum ide_phase phase, uint32_t n, bool interrupt)
{
    ch->phase = phase;
    ch->pos = 0;
    ch->len = n;
    ide_selected(ch)->status = ST_DRDY | ST_DSC | ST_DRQ;
    if (interrupt)
        ide_intrq(ch, true);
}

static uint32_t block_sectors(const struct ide_channel *ch)
{
    return ch->count < ch->block ? ch->count : ch->block;
}

void ata_block_in(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    uint32_t n = block_sectors(ch);

    if (disk_read(d->disk, ch->lba * IDE_SECTOR, ch->buf, n * IDE_SECTOR) < 0) {
        fail_transfer(ch, disk_bad(d->disk) / IDE_SECTOR);
        return;
    }
    ch->lba += n;
    ch->count -= n;
    if (!ch->count)
        end_transfer(ch);
    request(ch, PH_PIO_IN, n * IDE_SECTOR, true);
}

void ata_block_read(struct ide_channel *ch)
{
    if (ch->count) {
        ide_busy(ch, PH_IN_NEXT, NS_BLOCK + block_sectors(ch) * NS_SECTOR);
        return;
    }
    /* The last block's interrupt was the final one: there is none at the end. */
    ch->phase = PH_IDLE;
    ide_selected(ch)->status = ST_DRDY | ST_DSC;
}

void ata_block_out(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    uint32_t n = ch->len / IDE_SECTOR;

    if (disk_write(d->disk, ch->lba * IDE_SECTOR, ch->buf, ch->len) < 0) {
        fail_transfer(ch, ch->lba);
        return;
    }
    if (!d->write_cache)
        disk_through(d->disk, ch->lba * IDE_SECTOR, ch->len);
    ch->lba += n;
    ch->count -= n;
    if (ch->count) {
        request(ch, PH_PIO_OUT, block_sectors(ch) * IDE_SECTOR, true);
        return;
    }
    end_transfer(ch);
    ide_done(ch, 0);
}

static void transfer(struct ide_channel *ch)
{
    const struct ata_command *c = command_row(ch->command);
    struct ide_drive *d = ide_selected(ch);
    bool write = c->flags & C_WRITE;

    if (c->flags & C_MULTIPLE && !d->multiple) {
        abort_command(ch);
        return;
    }
    if (!take_range(ch, c->flags & C_EXT))
        return;
    d->power = POWER_ACTIVE;
    ch->block = c->flags & C_MULTIPLE ? d->multiple : 1;
    if (c->flags & C_DMA) {
        ch->ops->dma_ready(ch);
        return;
    }
    ide_event_transfer(ch, write, ch->command, c->name, ch->lba, ch->count, UINT64_MAX);
    if (write)
        request(ch, PH_PIO_OUT, block_sectors(ch) * IDE_SECTOR, false); /* no interrupt for the first block */
    else
        ata_block_in(ch);
}

void ata_dma_done(struct ide_channel *ch, bool moved)
{
    if (ch->command == ATA_TRIM) {
        ide_done(ch, moved ? 0 : ER_ABRT);
        return;
    }
    if (!moved) {
        fail_transfer(ch, ch->lba);
        return;
    }
    end_transfer(ch);
    ide_done(ch, 0);
}

/* ---------------------------------------------------------------- commands without data */

/* READ VERIFY reads the sectors and transfers nothing; so it is not reported as a read. */
static void verify(struct ide_channel *ch)
{
    struct disk *disk = ide_selected(ch)->disk;
    if (!take_range(ch, command_row(ch->command)->flags & C_EXT))
        return;
    if (disk_verify(disk, ch->lba * IDE_SECTOR, (uint64_t)ch->count * IDE_SECTOR) < 0) {
        fail_transfer(ch, disk_bad(disk) / IDE_SECTOR);
        return;
    }
    end_transfer(ch);
    ide_done(ch, 0);
}

static void seek(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    uint64_t lba;

    ide_done(ch, read_address(d, false, &lba) && lba < d->sectors ? 0 : ER_IDNF);
}

static void initialize_parameters(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    if (!d->reg[REG_COUNT]) {
        abort_command(ch);
        return;
    }
    d->heads = (d->reg[REG_DEVICE] & 15) + 1;
    d->spt = d->reg[REG_COUNT];
    ide_done(ch, 0);
}

static void set_multiple(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    unsigned n = d->reg[REG_COUNT];

    if (n > IDE_MULTIPLE_MAX || (n & (n - 1))) {
        abort_command(ch);
        return;
    }
    d->multiple = n;
    ide_done(ch, 0);
}

static void native_max(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    bool ext = ch->command == 0x27;
    uint64_t last = d->sectors ? d->sectors - 1 : 0;

    if (!(d->reg[REG_DEVICE] & DEV_LBA)) {
        abort_command(ch);
        return;
    }
    write_address(d, ext, ext || last < 0x0fffffff ? last : 0x0fffffff);
    ide_done(ch, 0);
}

static void standby(struct ide_channel *ch)
{
    ide_selected(ch)->power = POWER_STANDBY;
    ide_done(ch, 0);
}

static void idle(struct ide_channel *ch)
{
    ide_selected(ch)->power = POWER_IDLE;
    ide_done(ch, 0);
}

static void check_power(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    d->reg[REG_COUNT] = d->power;
    ide_done(ch, 0);
}

static bool set_transfer_mode(struct ide_drive *d)
{
    uint8_t mode = 1 << (d->reg[REG_COUNT] & 7);

    switch (d->reg[REG_COUNT] >> 3) {
    case 0: /* default PIO mode */
        break;
    case 1:
        d->pio_mode = mode;
        break;
    case 2:
        d->sdma_mode = mode;
        d->mdma_mode = d->udma_mode = 0;
        break;
    case 4:
        d->mdma_mode = mode;
        d->sdma_mode = d->udma_mode = 0;
        break;
    case 8:
        d->udma_mode = mode;
        d->sdma_mode = d->mdma_mode = 0;
        break;
    default:
        return false;
    }
    return true;
}

static void set_features(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);
    bool ok = true;

    switch (d->reg[REG_FEATURE]) {
    case 0x02: /* write cache on, off */
    case 0x82:
        d->write_cache = d->reg[REG_FEATURE] == 0x02;
        if (!d->write_cache && d->disk && !d->cdrom)
            disk_flush_all(d->disk);
        break;
    case 0x03:
        ok = set_transfer_mode(d);
        break;
    case 0x55: /* read look-ahead off, on */
    case 0xaa:
        d->look_ahead = d->reg[REG_FEATURE] == 0xaa;
        break;
    case 0x66: /* keep settings across a software reset, or not: this drive keeps all but the multiple mode */
    case 0xcc:
        break;
    /* power management, acoustic management, release interrupt …: IDENTIFY says that they are not
     * supported */
    default:
        ok = false;
    }
    ide_done(ch, ok ? 0 : ER_ABRT);
}

/* DEVICE RESET, CD-ROMs only: no interrupt, DRDY stays clear. */
static void device_reset(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    ide_signature(d);
    d->reg[REG_DEVICE] = ch->unit ? DEV_UNIT : 0;
    d->error = 0x01;
    d->status = 0;
    ch->phase = PH_IDLE;
}

/* ---------------------------------------------------------------- IDENTIFY */

/* Text in identify words: two characters per word, the first in the high byte, padded with blanks. */
void ata_identify_string(uint16_t *word, unsigned words, const char *text)
{
    for (unsigned i = 0; i < words; i++) {
        uint8_t first = *text ? *text++ : ' ';
        uint8_t second = *text ? *text++ : ' ';

        word[i] = first << 8 | second;
    }
}

void ata_identify_modes(const struct ide_drive *d, uint16_t *word)
{
    word[62] = d->sdma_mode << 8 | 0x07;                   /* single-word DMA 0-2 */
    word[63] = d->mdma_mode << 8 | 0x07;                   /* multiword DMA 0-2 */
    word[64] = 0x03;                                       /* PIO 3 and 4 */
    word[65] = word[66] = word[67] = word[68] = 120;       /* cycle times, ns */
    word[88] = d->udma_mode << 8 | 0x3f;                   /* ultra DMA 0-5 */
    word[93] = 0x6001 | (d->number & 1 ? 0x0600 : 0x0008); /* 80-conductor cable, diagnostics passed */
}

/* The words are little-endian in the buffer; the sum of all 512 bytes is 0. */
static void ata_identify_sum(uint16_t *word)
{
    uint8_t sum = 0xa5;

    for (unsigned i = 0; i < 255; i++)
        sum += (word[i] & 0xff) + (word[i] >> 8);
    word[255] = 0xa5 | (uint8_t)-sum << 8;
}

static void identify_geometry(const struct ide_drive *d, uint16_t *w)
{
    uint32_t track = d->heads * d->spt;
    uint64_t cylinders = track ? d->sectors / track : 0;
    uint32_t lba28 = d->sectors > 0x0fffffff ? 0x0fffffff : d->sectors;
    uint32_t chs;

    if (d->heads == 16 && d->spt == 63)
        cylinders = d->cylinders;
    if (cylinders > 65535)
        cylinders = 65535;
    chs = cylinders * track;
    w[1] = d->cylinders;
    w[3] = 16;
    w[6] = 63;
    w[54] = cylinders;
    w[55] = d->heads;
    w[56] = d->spt;
    w[57] = chs;
    w[58] = chs >> 16;
    w[60] = lba28;
    w[61] = lba28 >> 16;
    for (unsigned i = 0; i < 4; i++)
        w[100 + i] = d->sectors >> 16 * i;
}

static void identify_disk(struct ide_drive *d, uint16_t *w)
{
    char serial[] = "BR00001";

    serial[6] += d->number;
    w[0] = 0x0040; /* fixed */
    w[4] = IDE_SECTOR * 63;
    w[5] = IDE_SECTOR;
    ata_identify_string(w + 10, 10, *d->serial ? d->serial : serial);
    w[20] = 3;
    w[21] = 512; /* buffer of 256 KiB */
    w[22] = 4;
    ata_identify_string(w + 23, 4, "1.0");
    ata_identify_string(w + 27, 20, "BOOTREEL HARDDISK");
    w[47] = 0x8000 | IDE_MULTIPLE_MAX;
    w[48] = 1;      /* doubleword I/O */
    w[49] = 0x0f00; /* IORDY, may be disabled; LBA; DMA */
    w[50] = 0x4000;
    w[51] = w[52] = 0x0200;
    w[53] = 7; /* words 54-58, 64-70 and 88 are valid */
    w[59] = d->multiple ? 0x100 | d->multiple : 0;
    identify_geometry(d, w);
    ata_identify_modes(d, w);
    w[80] = 0x00f0; /* ATA-4 to ATA-7 */
    w[81] = 0x0016;
    w[82] = 0x4060; /* NOP, look-ahead, write cache */
    w[83] = 0x7400; /* FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses */
    w[84] = 0x4000;
    w[85] = 0x4000 | (d->write_cache ? 0x20 : 0) | (d->look_ahead ? 0x40 : 0);
    w[86] = 0x3400;
    w[87] = 0x4000;
    w[106] = 0x4000; /* one logical sector per physical sector */
}

/* Serial ATA Revision 3.1, 13.2.1: 1.5 and 3 Gb/s, native queueing with 32 commands; there is no cable to report. */
static void identify_sata(const struct ide_drive *d, uint16_t *w)
{
    w[93] = 0;
    w[76] = d->cdrom ? 0x0006 : 0x0106;
    w[75] = d->cdrom ? 0 : 31;
    w[77] = 0x0004; /* 3 Gb/s now */
    w[78] = w[79] = 0;
}

void ata_reply(struct ide_channel *ch)
{
    ch->count = 0;
    request(ch, PH_PIO_IN, IDE_SECTOR, true);
}

static void put_identify(struct ide_channel *ch, void (*fill)(struct ide_drive *, uint16_t *))
{
    uint16_t word[256] = {0};

    fill(ide_selected(ch), word);
    if (!ide_selected(ch)->cdrom)
        ata_identify_smart(ide_selected(ch), word);
    if (ch->sata)
        identify_sata(ide_selected(ch), word);
    ata_identify_sum(word);
    for (unsigned i = 0; i < 256; i++) {
        ch->buf[2 * i] = word[i];
        ch->buf[2 * i + 1] = word[i] >> 8;
    }
    ata_reply(ch);
}

static void identify(struct ide_channel *ch)
{
    if (ide_selected(ch)->cdrom) {
        /* A packet device identifies itself by its signature. */
        ide_signature(ide_selected(ch));
        ide_selected(ch)->reg[REG_DEVICE] |= ch->unit ? DEV_UNIT : 0;
        abort_command(ch);
        return;
    }
    put_identify(ch, identify_disk);
}

static void identify_packet(struct ide_channel *ch)
{
    put_identify(ch, atapi_identify);
}

/* ---------------------------------------------------------------- the table */

#define DATA(flags) transfer, C_DISK | C_DATA | (flags)
#define OPTIONAL    abort_command, C_BOTH | C_OPTIONAL

static const struct ata_command commands[256] = {
    [0x00] = {"NOP", abort_command, C_BOTH}, /* always ends with ABRT */
    [0x03] = {"CFA REQUEST EXTENDED ERROR", OPTIONAL},
    [ATA_TRIM] = {"DATA SET MANAGEMENT", ata_trim, C_DISK | C_DATA | C_WRITE | C_EXT | C_DMA},
    [0x08] = {"DEVICE RESET", device_reset, C_CD},
    [0x10] = {"RECALIBRATE", succeed, C_DISK}, /* 10h-1Fh */
    [0x20] = {"READ SECTORS", DATA(0)},
    [0x21] = {"READ SECTORS", DATA(0)},
    [0x24] = {"READ SECTORS EXT", DATA(C_EXT)},
    [0x25] = {"READ DMA EXT", DATA(C_EXT | C_DMA)},
    [0x27] = {"READ NATIVE MAX ADDRESS EXT", native_max, C_DISK},
    [0x29] = {"READ MULTIPLE EXT", DATA(C_EXT | C_MULTIPLE)},
    [0x2f] = {"READ LOG EXT", OPTIONAL},
    [0x30] = {"WRITE SECTORS", DATA(C_WRITE)},
    [0x31] = {"WRITE SECTORS", DATA(C_WRITE)},
    [0x34] = {"WRITE SECTORS EXT", DATA(C_WRITE | C_EXT)},
    [0x35] = {"WRITE DMA EXT", DATA(C_WRITE | C_EXT | C_DMA)},
    [0x37] = {"SET MAX ADDRESS EXT", OPTIONAL},
    [0x39] = {"WRITE MULTIPLE EXT", DATA(C_WRITE | C_EXT | C_MULTIPLE)},
    [0x3c] = {"WRITE VERIFY", DATA(C_WRITE)},
    [0x3d] = {"WRITE DMA FUA EXT", OPTIONAL},
    [0x40] = {"READ VERIFY SECTORS", verify, C_DISK},
    [0x41] = {"READ VERIFY SECTORS", verify, C_DISK},
    [0x42] = {"READ VERIFY SECTORS EXT", verify, C_DISK | C_EXT},
    [0x47] = {"READ LOG DMA EXT", OPTIONAL},
    [0x70] = {"SEEK", seek, C_DISK},                      /* 70h-7Fh */
    [0x90] = {"EXECUTE DEVICE DIAGNOSTIC", NULL, C_BOTH}, /* the channel executes it, for both drives */
    [0x91] = {"INITIALIZE DEVICE PARAMETERS", initialize_parameters, C_DISK},
    [0x94] = {"STANDBY IMMEDIATE", standby, C_BOTH},
    [0x95] = {"IDLE IMMEDIATE", idle, C_BOTH},
    [0x96] = {"STANDBY", standby, C_DISK},
    [0x97] = {"IDLE", idle, C_DISK},
    [0x98] = {"CHECK POWER MODE", check_power, C_BOTH},
    [0x99] = {"SLEEP", standby, C_BOTH},
    [0xa0] = {"PACKET", atapi_packet_start, C_CD | C_DATA}, /* reported with its packet */
    [0xa1] = {"IDENTIFY PACKET DEVICE", identify_packet, C_CD},
    [ATA_SMART] = {"SMART", ata_smart, C_DISK},
    [0xb1] = {"DEVICE CONFIGURATION", OPTIONAL},
    [0xc4] = {"READ MULTIPLE", DATA(C_MULTIPLE)},
    [0xc5] = {"WRITE MULTIPLE", DATA(C_WRITE | C_MULTIPLE)},
    [0xc6] = {"SET MULTIPLE MODE", set_multiple, C_DISK},
    [0xc8] = {"READ DMA", DATA(C_DMA)},
    [0xc9] = {"READ DMA", DATA(C_DMA)},
    [0xca] = {"WRITE DMA", DATA(C_WRITE | C_DMA)},
    [0xcb] = {"WRITE DMA", DATA(C_WRITE | C_DMA)},
    [0xce] = {"WRITE MULTIPLE FUA EXT", OPTIONAL},
    [0xda] = {"GET MEDIA STATUS", OPTIONAL},
    [0xde] = {"MEDIA LOCK", OPTIONAL},
    [0xdf] = {"MEDIA UNLOCK", OPTIONAL},
    [0xe0] = {"STANDBY IMMEDIATE", standby, C_BOTH},
    [0xe1] = {"IDLE IMMEDIATE", idle, C_BOTH},
    [0xe2] = {"STANDBY", standby, C_DISK},
    [0xe3] = {"IDLE", idle, C_DISK},
    [0xe5] = {"CHECK POWER MODE", check_power, C_BOTH},
    [0xe6] = {"SLEEP", standby, C_BOTH}, /* also wakes at the next command */
    [0xe7] = {"FLUSH CACHE", flush, C_BOTH},
    [0xea] = {"FLUSH CACHE EXT", flush, C_DISK},
    [0xec] = {"IDENTIFY DEVICE", identify, C_BOTH},
    [0xef] = {"SET FEATURES", set_features, C_BOTH},
    [0xf1] = {"SECURITY SET PASSWORD", OPTIONAL},
    [0xf5] = {"SECURITY FREEZE LOCK", OPTIONAL},
    [0xf8] = {"READ NATIVE MAX ADDRESS", native_max, C_DISK},
    [0xf9] = {"SET MAX ADDRESS", OPTIONAL},
};

static const struct ata_command *command_row(uint8_t command)
{
    /* RECALIBRATE and SEEK have sixteen opcodes each. */
    if (command >> 4 == 1 || command >> 4 == 7)
        command &= 0xf0;
    return &commands[command];
}

bool ata_takes_data(uint8_t command)
{
    unsigned flags = command_row(command)->flags;

    return (flags & C_WRITE && !(flags & C_DMA)) || (flags & (C_CD | C_DATA)) == (C_CD | C_DATA);
}

void ata_command(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);
    const struct ata_command *c = command_row(ch->command);
    uint8_t command = ch->command;
    const char *name =
        command == ATA_SMART && !d->cdrom ? ata_smart_name(d->reg[REG_FEATURE]) : ata_command_name(command);

    if (!c->name)
        board_unhandled(ch->board, ch->what, command, true, d->reg[REG_FEATURE]);
    if (c->run && c->flags & (d->cdrom ? C_CD : C_DISK))
        c->run(ch);
    else
        abort_command(ch);
    /* Transfers are reported elsewhere, unless they failed immediately. */
    if (!(c->flags & C_DATA) || d->status & ST_ERR)
        ide_event_command(ch, command, name);
}
