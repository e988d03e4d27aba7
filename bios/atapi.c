/* atapi.c - CD-ROM drives.
 *
 * Sources: ATA/ATAPI-6, 9.9-9.10 (packet protocol); SFF-8020i and MMC (commands, sense codes).
 */
#include "bios/disk.h"
#include "bios/ide.h"

enum {
    PACKET = 0xa0,
    TEST_UNIT_READY = 0x00,
    REQUEST_SENSE = 0x03,
    START_STOP = 0x1b,
    PREVENT_ALLOW = 0x1e,
    READ_CAPACITY = 0x25,
    READ_10 = 0x28,
    NO_ANSWER = 0xff0000,
    MOST_BLOCKS = 32, /* a command: 64 KiB */
    SENSE_NOT_READY = 2,
    SENSE_ATTENTION = 6,
    CODE_BECOMING_READY = 0x04,
    CODE_NO_MEDIUM = 0x3a,
};

static void put32(u8 *p, u32 v)
{
    p[0] = v >> 24;
    p[1] = v >> 16;
    p[2] = v >> 8;
    p[3] = (u8)v;
}

static u32 get32(const u8 *p)
{
    return (u32)p[0] << 24 | (u32)p[1] << 16 | p[2] << 8 | p[3];
}

/* The drive says how much data it gives; any excess is dropped. */
static u8 data_in(const struct channel *ch, u32 address, u32 bytes)
{
    for (;;) {
        u8 status = ide_wait(ch);
        u32 offered, part;
        if (status == 0xff || status & (ST_ERR | ST_DF) || !(status & ST_DRQ))
            return status;
        offered = inb(ch->command + IDE_MID) | inb(ch->command + IDE_HIGH) << 8;
        part = (offered < bytes ? offered : bytes) & ~1u;
        ide_data_in(ch, address, part);
        for (u32 i = part; i < offered; i += 2)
            inw(ch->command);
        address += part;
        bytes -= part;
    }
}

/* Sends the packet and moves its data. Returns the drive's status. */
static u8 run_packet(struct drive *d, const u8 packet[12], u32 address, u32 bytes, u16 block)
{
    const struct channel *ch = &channels[d->channel];
    bool dma = bytes && d->dma && packet[0] == READ_10 && ide_dma_prepare(ch, address, bytes, false);
    u8 status;
    if (!ide_select(ch, 0xa0 | d->unit << 4))
        return 0xff;
    outb(ch->control, 0);
    outb(ch->command + IDE_FEATURE, dma);
    outb(ch->command + IDE_MID, (u8)block);
    outb(ch->command + IDE_HIGH, block >> 8);
    outb(ch->command + IDE_COMMAND, PACKET);
    status = ide_wait_short(ch);
    if (status == 0xff || status & (ST_ERR | ST_DF) || !(status & ST_DRQ))
        return status;
    ide_data_out(ch, DATA_LINEAR + (u32)packet, 12);
    if (!dma)
        return data_in(ch, address, bytes);
    ide_dma_start(ch, false);
    return ide_dma_finish(ch);
}

static u32 sense(struct drive *d)
{
    u8 packet[12] = {REQUEST_SENSE, 0, 0, 0, 18}, data[18] = {0};
    u8 status = run_packet(d, packet, DATA_LINEAR + (u32)data, sizeof data, sizeof data);
    if (status == 0xff || status & (ST_ERR | ST_DF))
        return NO_ANSWER;
    return (u32)(data[2] & 15) << 16 | data[12] << 8 | data[13];
}

u32 atapi_command(struct drive *d, const u8 packet[12], u32 address, u32 bytes, u16 block)
{
    u8 status = run_packet(d, packet, address, bytes, block);
    if (status == 0xff)
        return NO_ANSWER;
    return status & (ST_ERR | ST_DF) ? sense(d) : 0;
}

/* Converts sense data to INT 13h's status. */
static u8 error_of(u32 s)
{
    if (!s)
        return DISK_OK;
    if (s == NO_ANSWER)
        return DISK_TIMEOUT;
    switch (s >> 16) {
    case SENSE_NOT_READY:
        return (u8)(s >> 8) == CODE_NO_MEDIUM ? DISK_NO_MEDIUM : DISK_NOT_READY;
    case 3:
        return DISK_CRC;
    case 5:
        return (u8)(s >> 8) == 0x21 ? DISK_NO_SECTOR : DISK_BAD_COMMAND;
    case SENSE_ATTENTION:
        return DISK_CHANGED;
    default:
        return DISK_CONTROLLER;
    }
}

static u32 test_ready(struct drive *d)
{
    static const u8 packet[12] = {TEST_UNIT_READY};
    u32 s = 0;
    for (unsigned tries = 0; tries < 100; tries++) {
        s = atapi_command(d, packet, 0, 0, 0);
        if (!s || s == NO_ANSWER)
            return s;
        if (s >> 16 == SENSE_ATTENTION)
            continue; /* it was reset, or the medium is new; reported once */
        if (s >> 16 != SENSE_NOT_READY || (u8)(s >> 8) != CODE_BECOMING_READY)
            return s;
        delay_us(100000);
    }
    return s;
}

u8 atapi_ready(struct drive *d)
{
    static const u8 packet[12] = {READ_CAPACITY};
    u8 data[8];
    u32 s = test_ready(d);
    if (!s)
        s = atapi_command(d, packet, DATA_LINEAR + (u32)data, sizeof data, sizeof data);
    if (s)
        return error_of(s);
    d->sectors = get32(data) + 1;
    d->block = (u16)get32(data + 4);
    return d->block == CD_SECTOR ? DISK_OK : DISK_UNKNOWN_MEDIUM;
}

u8 atapi_eject(struct drive *d, bool load)
{
    const u8 packet[12] = {START_STOP, 0, 0, 0, load ? 3 : 2};
    return error_of(atapi_command(d, packet, 0, 0, 0));
}

static u8 read_blocks(struct drive *d, u32 lba, u16 count, u32 address)
{
    u8 packet[12] = {READ_10}, error = DISK_OK;
    put32(packet + 2, lba);
    packet[7] = count >> 8;
    packet[8] = (u8)count;
    for (unsigned tries = 0; tries < 3; tries++) {
        error = error_of(atapi_command(d, packet, address, (u32)count * CD_SECTOR, CD_SECTOR));
        if (error != DISK_CHANGED && error != DISK_TIMEOUT)
            return error;
        if (error == DISK_TIMEOUT) {
            d->dma = false;
            ide_reset(&channels[d->channel]);
        }
    }
    return error;
}

u8 atapi_transfer(struct request *q)
{
    struct drive *d = q->drive;
    u32 lba = q->lba, address = q->address;
    q->done = 0;
    if (q->direction == DISK_WRITE)
        return DISK_WRITE_PROTECTED;
    if (q->direction == DISK_VERIFY)
        return atapi_ready(d);
    if (q->lba_high)
        return DISK_NO_SECTOR;
    while (q->done < q->count) {
        u16 left = q->count - q->done, n = left > MOST_BLOCKS ? MOST_BLOCKS : left;
        u8 error = read_blocks(d, lba, n, address);
        if (error)
            return error;
        q->done += n;
        lba += n;
        address += (u32)n * CD_SECTOR;
    }
    return DISK_OK;
}
