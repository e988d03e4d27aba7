/* ide_dma.c - the bus master of the IDE function.
 *
 * Source: Programming Interface for Bus Master IDE Controller, revision 1.0 (SFF-8038i); PIIX3 datasheet,
 * section 2.7. A transfer is executed as a whole when its guest time has passed; until then the drive is
 * busy. */
#include "base/byte_order.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/ide.h"

#include <string.h>

enum { PCI_COMMAND = 0x04, PCI_MASTER = 0x04 };

/* The position of a transfer in the table of physical region descriptors. */
struct walk {
    uint32_t entry;   /* address of the next descriptor */
    uint32_t address; /* of the current region */
    uint32_t left;    /* bytes left in it */
    bool last;
};

static uint32_t read32(struct ide_channel *ch, uint32_t address)
{
    uint8_t b[4];

    physmem_read(board_mem(ch->board), address, b, sizeof b);
    return le32(b);
}

/* Goes to the next region if the current one is used up; false at the end of the table. */
static bool next_region(struct ide_channel *ch, struct walk *w)
{
    uint32_t count;

    if (w->left)
        return true;
    if (w->last)
        return false;
    w->address = read32(ch, w->entry) & ~1u;
    count = read32(ch, w->entry + 4);
    w->left = count & 0xfffe ? count & 0xfffe : 65536;
    w->last = count >> 31;
    w->entry += 8;
    return true;
}

/* Moves n bytes between buf and the regions; returns how many fitted. */
uint32_t ide_dma_move(struct ide_channel *ch, void *walk, uint8_t *buf, uint32_t n, bool to_memory)
{
    struct walk *w = walk;
    struct physmem *mem = board_mem(ch->board);
    uint32_t done = 0;

    while (done < n && next_region(ch, w)) {
        uint32_t part = n - done < w->left ? n - done : w->left;

        if (to_memory)
            physmem_write(mem, w->address, buf + done, part);
        else
            physmem_read(mem, w->address, buf + done, part);
        w->address += part;
        w->left -= part;
        done += part;
    }
    return done;
}

/* Transfers a disk's sectors. A chunk that does not fit in the table ends the transfer before it reaches the
 * disk. */
static enum dma_outcome run_disk(struct ide_channel *ch, void *w, bool write)
{
    struct disk *disk = ide_selected(ch)->disk;
    const bool through = write && !ide_selected(ch)->write_cache;

    while (ch->count) {
        uint32_t n = ch->count < IDE_MULTIPLE_MAX ? ch->count : IDE_MULTIPLE_MAX;
        uint32_t bytes = n * IDE_SECTOR;

        if (!write && disk_read(disk, ch->lba * IDE_SECTOR, ch->buf, bytes) < 0) {
            ch->lba = disk_bad(disk) / IDE_SECTOR;
            return DMA_BAD_MEDIUM;
        }
        uint32_t done = ch->ops->move(ch, w, ch->buf, bytes, !write);
        if (write && done >= IDE_SECTOR &&
            disk_write(disk, ch->lba * IDE_SECTOR, ch->buf, done / IDE_SECTOR * IDE_SECTOR) < 0)
            return DMA_BAD_MEDIUM;
        if (through)
            disk_through(disk, ch->lba * IDE_SECTOR, done / IDE_SECTOR * IDE_SECTOR);
        if (done < bytes)
            return DMA_SHORT_TABLE;
        ch->lba += n;
        ch->count -= n;
    }
    return DMA_MOVED;
}

/* Transfers an ATAPI reply or a CD's sectors, always to memory. */
static enum dma_outcome run_cd(struct ide_channel *ch, void *w)
{
    while (ch->left) {
        if (ch->pos == ch->len && atapi_fill(ch) < 0)
            return DMA_BAD_MEDIUM;
        uint32_t n = ch->len - ch->pos < ch->left ? ch->len - ch->pos : ch->left;

        if (ch->ops->move(ch, w, ch->buf + ch->pos, n, true) < n)
            return DMA_SHORT_TABLE;
        ch->pos += n;
        ch->left -= n;
    }
    return DMA_MOVED;
}

/* 06h, 35h, CAh, CBh: the only commands that read data from memory. */
bool ide_dma_writes(uint8_t command)
{
    return command == ATA_TRIM || command == 0x35 || command == 0xca || command == 0xcb;
}

enum dma_outcome ide_dma_transfer(struct ide_channel *ch, void *walk, uint64_t address)
{
    bool packet = ch->command == 0xa0, write = ide_dma_writes(ch->command);
    enum dma_outcome how;

    if (ch->command == ATA_TRIM)
        return ata_trim_run(ch, walk);
    if (packet)
        atapi_event(ch, address);
    else
        ide_event_transfer(ch, write, ch->command, ata_command_name(ch->command), ch->lba, ch->count,
                           address);
    how = packet ? run_cd(ch, walk) : run_disk(ch, walk, write);
    ch->pos = ch->len = 0;
    return how;
}

void ide_dma_done(struct ide_channel *ch, bool moved)
{
    if (ch->command == 0xa0)
        atapi_dma_done(ch, moved);
    else
        ata_dma_done(ch, moved);
}

void ide_dma_run(struct ide_channel *ch)
{
    struct walk w = {.entry = ch->bm_prd};
    enum dma_outcome how = ide_dma_transfer(ch, &w, ide_dma_address(ch));

    /* If the table is longer than the transfer, the bus master stays active, which is a valid end (SFF-8038i,
     * section 3.1). */
    if (how != DMA_MOVED || (w.last && !w.left))
        ch->bm_status &= ~BMS_ACTIVE;
    if (how == DMA_SHORT_TABLE) {
        /* The drive waits for a bus master that has stopped: there is no interrupt, and the driver finds
         * ACTIVE clear. */
        ch->phase = PH_IDLE;
        ide_selected(ch)->status = ST_DRDY | ST_DSC;
        return;
    }
    ide_dma_done(ch, how == DMA_MOVED);
}

uint64_t ide_dma_address(struct ide_channel *ch)
{
    return read32(ch, ch->bm_prd) & ~1u;
}

/* ---------------------------------------------------------------- starting and stopping */

static bool may_run(const struct ide_channel *ch)
{
    return ch->bm_command & CMD_START && ch->ide->pci.config[PCI_COMMAND] & PCI_MASTER;
}

uint64_t ide_transfer_ns(const struct ide_channel *ch)
{
    return NS_BLOCK + (ch->command == 0xa0 ? ch->left / IDE_SECTOR : ch->count) * NS_SECTOR;
}

void ide_dma_ready(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    if (may_run(ch)) {
        ide_busy(ch, PH_DMA, ide_transfer_ns(ch));
        return;
    }
    ch->phase = PH_DMA_WAIT;
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
}

/* The guest enabled bus mastering, perhaps after it had started the transfer. */
void ide_dma_written(void *ctx, unsigned reg, unsigned size)
{
    struct ide *ide = ctx;

    for (unsigned i = 0; i < 2; i++)
        if (ide->channel[i].phase == PH_DMA_WAIT && may_run(&ide->channel[i]))
            ide_busy(&ide->channel[i], PH_DMA, ide_transfer_ns(&ide->channel[i]));
}

static void write_bm_command(struct ide_channel *ch, uint8_t value)
{
    uint8_t changed = ch->bm_command ^ value;

    ch->bm_command = value & (CMD_START | CMD_TO_MEMORY);
    if (!(changed & CMD_START))
        return;
    if (value & CMD_START) {
        ch->bm_status |= BMS_ACTIVE;
        if (ch->phase == PH_DMA_WAIT && may_run(ch))
            ide_busy(ch, PH_DMA, ide_transfer_ns(ch));
        return;
    }
    ch->bm_status &= ~BMS_ACTIVE;
    if (ch->phase == PH_DMA) {
        /* Stopped before the end: nothing has been moved yet, and the drive keeps requesting. */
        timer_stop(ch->board, &ch->timer);
        ide_dma_ready(ch);
    }
}

/* ---------------------------------------------------------------- registers */

static uint32_t port_in(void *ctx, uint16_t port, unsigned size)
{
    struct ide *ide = ctx;
    unsigned reg = (port - ide->bm_base) & 15;
    const struct ide_channel *ch = &ide->channel[reg >> 3];

    switch (reg & 7) {
    case BM_COMMAND:
        return ch->bm_command;
    case BM_STATUS:
        return ch->bm_status;
    case BM_PRD ... BM_PRD + 3:
        return ch->bm_prd >> 8 * (reg & 3) & 0xff;
    default:
        return 0;
    }
}

static void port_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ide *ide = ctx;
    unsigned reg = (port - ide->bm_base) & 15;
    struct ide_channel *ch = &ide->channel[reg >> 3];
    unsigned shift = 8 * (reg & 3);

    switch (reg & 7) {
    case BM_COMMAND:
        write_bm_command(ch, value);
        break;
    case BM_STATUS: /* interrupt and error: cleared by writing ones; "drive capable" bits are plain bits */
        ch->bm_status = (ch->bm_status & BMS_ACTIVE) |
                        (ch->bm_status & ~value & (BMS_ERROR | BMS_INTERRUPT)) | (value & BMS_CAPABLE);
        break;
    case BM_PRD ... BM_PRD + 3:
        ch->bm_prd = ((ch->bm_prd & ~(0xffu << shift)) | (value & 0xff) << shift) & ~3u;
        break;
    }
}

void ide_dma_reset(struct ide_channel *ch)
{
    ch->bm_command = 0;
    ch->bm_status = 0;
    ch->bm_prd = 0;
}

void ide_dma_map(void *ctx, unsigned bar, uint64_t base)
{
    struct ide *ide = ctx;

    board_ports_move(ide->board, &ide->bm_base, base, 16, true, ide, port_in, port_out);
}
