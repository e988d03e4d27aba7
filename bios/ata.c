/* ata.c - reading and writing disks.
 *
 * Source: ATA/ATAPI-6 (T13/1410D), clause 8 (commands), 9.5-9.8 (protocols), 6.2 (addresses).
 */
#include "bios/disk.h"
#include "bios/ide.h"

enum {
    READ_SECTORS = 0x20,
    READ_SECTORS_EXT = 0x24,
    READ_DMA_EXT = 0x25,
    WRITE_SECTORS = 0x30,
    WRITE_SECTORS_EXT = 0x34,
    WRITE_DMA_EXT = 0x35,
    READ_VERIFY = 0x40,
    READ_VERIFY_EXT = 0x42,
    READ_DMA = 0xc8,
    WRITE_DMA = 0xca,
    MOST_SECTORS = 128, /* a command: 64 KiB */
    ERR_ICRC = 0x80,
    ERR_UNC = 0x40,
    ERR_IDNF = 0x10,
    ERR_ABRT = 0x04,
};

/* Converts the error register to INT 13h's status. */
static u8 error_of(const struct channel *ch, u8 status)
{
    if (status == 0xff)
        return DISK_TIMEOUT;
    if (!(status & (ST_ERR | ST_DF)))
        return DISK_OK;
    if (status & ST_DF)
        return DISK_CONTROLLER;
    u8 error = inb(ch->command + IDE_FEATURE);
    return error & ERR_UNC    ? DISK_CRC
           : error & ERR_IDNF ? DISK_NO_SECTOR
           : error & ERR_ABRT ? DISK_BAD_COMMAND
                              : DISK_CONTROLLER;
}

/* Three kinds of addresses: 48 bits, 28 bits, cylinder-head-sector. */
static u8 put_address(const struct request *q, u16 count)
{
    const struct drive *d = q->drive;
    const struct channel *ch = &channels[d->channel];
    u32 lba = q->lba;
    u8 unit = d->unit << 4;
    bool wide = d->lba48 && (q->lba_high || lba + count > 0x0fffffff || lba + count < lba);
    if (!d->lba) {
        u32 track = lba / d->physical.sectors;
        outb(ch->command + IDE_COUNT, (u8)count);
        outb(ch->command + IDE_LOW, lba % d->physical.sectors + 1);
        outb(ch->command + IDE_MID, (u8)(track / d->physical.heads));
        outb(ch->command + IDE_HIGH, track / d->physical.heads >> 8);
        outb(ch->command + IDE_DEVICE, 0xa0 | unit | track % d->physical.heads);
        return false;
    }
    if (wide) {
        outb(ch->command + IDE_COUNT, count >> 8);
        outb(ch->command + IDE_LOW, lba >> 24);
        outb(ch->command + IDE_MID, q->lba_high);
        outb(ch->command + IDE_HIGH, q->lba_high >> 8);
    }
    outb(ch->command + IDE_COUNT, (u8)count);
    outb(ch->command + IDE_LOW, (u8)lba);
    outb(ch->command + IDE_MID, lba >> 8);
    outb(ch->command + IDE_HIGH, lba >> 16);
    outb(ch->command + IDE_DEVICE, 0xe0 | unit | (wide ? 0 : lba >> 24 & 15));
    return wide;
}

static u8 by_dma(const struct request *q, u16 count)
{
    const struct channel *ch = &channels[q->drive->channel];
    bool write = q->direction == DISK_WRITE, wide = put_address(q, count);
    outb(ch->command + IDE_COMMAND, write  ? wide ? WRITE_DMA_EXT : WRITE_DMA
                                    : wide ? READ_DMA_EXT
                                           : READ_DMA);
    ide_dma_start(ch, write);
    return error_of(ch, ide_dma_finish(ch));
}

/* One interrupt per sector: before each sector read, and after each sector
 * written. There is none after the last sector read. */
static u8 by_pio(const struct request *q, u16 count)
{
    const struct channel *ch = &channels[q->drive->channel];
    bool write = q->direction == DISK_WRITE, wide = put_address(q, count);
    u32 address = q->address;
    u8 status;
    outb(ch->command + IDE_COMMAND, write  ? wide ? WRITE_SECTORS_EXT : WRITE_SECTORS
                                    : wide ? READ_SECTORS_EXT
                                           : READ_SECTORS);
    for (bool first = true; count--; first = false) {
        status = first && write ? ide_wait_short(ch) : ide_wait(ch);
        if (status == 0xff || status & (ST_ERR | ST_DF))
            return error_of(ch, status);
        if (!(status & ST_DRQ))
            return DISK_CONTROLLER;
        if (write)
            ide_data_out(ch, address, SECTOR);
        else
            ide_data_in(ch, address, SECTOR);
        address += SECTOR;
    }
    return error_of(ch, write ? ide_wait(ch) : ide_wait_short(ch));
}

static u8 verify(const struct request *q, u16 count)
{
    const struct channel *ch = &channels[q->drive->channel];
    bool wide = put_address(q, count);
    outb(ch->command + IDE_COMMAND, wide ? READ_VERIFY_EXT : READ_VERIFY);
    return error_of(ch, ide_wait(ch));
}

static u8 transfer(const struct request *q, u16 count)
{
    struct drive *d = q->drive;
    const struct channel *ch = &channels[d->channel];
    u8 error;
    if (!ide_select(ch, (d->lba ? 0xe0 : 0xa0) | d->unit << 4))
        return DISK_TIMEOUT;
    outb(ch->control, 0);
    if (q->direction == DISK_VERIFY)
        return verify(q, count);
    if (!d->dma || !d->lba ||
        !ide_dma_prepare(ch, q->address, (u32)count * SECTOR, q->direction == DISK_WRITE))
        return by_pio(q, count);
    error = by_dma(q, count);
    if (error != DISK_TIMEOUT && error != DISK_CONTROLLER)
        return error;
    log("ide%u.%u: no DMA any more\n", d->channel, d->unit);
    d->dma = false;
    ide_reset(ch);
    return ide_select(ch, 0xe0 | d->unit << 4) ? by_pio(q, count) : DISK_TIMEOUT;
}

u8 ata_transfer(struct request *q)
{
    struct request part = *q;
    q->done = 0;
    while (q->done < q->count) {
        u16 left = q->count - q->done, n = left > MOST_SECTORS ? MOST_SECTORS : left;
        u8 error = transfer(&part, n);
        if (error)
            return error;
        q->done += n;
        part.address += (u32)n * SECTOR;
        part.lba += n;
        part.lba_high += part.lba < n;
    }
    return DISK_OK;
}
