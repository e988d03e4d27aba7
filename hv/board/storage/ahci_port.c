/* ahci_port.c - a port of the AHCI controller: fetches commands, moves their data, stores the drive's answers.
 *
 * Sources: AHCI 1.3.1, 4.2 (memory structures), 5.3 (the port's states), 5.5 (system software's part), 6.2 (errors); Serial ATA 3.1,
 * 10.3 (FIS), 13.6 (native command queueing). Guest times are the drive's (ide.h); queued commands end one after the other. */
#include <assert.h>

#include "base/byte_order.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/ahci.h"

#include <string.h>

enum { HEADER = 32, TABLE_PACKET = 0x40, TABLE_REGIONS = 0x80, REGION = 16 };
enum { READ_QUEUED = 0x60, WRITE_QUEUED = 0x61, QUEUED_FUA = 0x80 /* of the device register */ };

static struct physmem *mem(const struct ahci_port *p)
{
    return board_mem(p->hba->board);
}

/* ---------------------------------------------------------------- a command in memory */

struct header {
    uint64_t at, table;
    uint32_t regions;
};

static struct header header_of(const struct ahci_port *p, unsigned slot)
{
    uint8_t b[HEADER];
    struct header h = {.at = ((uint64_t)p->clbu << 32 | p->clb) + slot * HEADER};
    physmem_read(mem(p), h.at, b, sizeof b);
    h.regions = get_le(b + 2, 2);
    h.table = get_le(b + 8, 8) & ~0x7full;
    return h;
}

/* A place in the command's table of regions. */
struct prdt_place {
    struct header h;
    uint32_t region, used, moved;
};

/* The rest of the current region; its length is 0 at the end of the table. */
static uint64_t region_of(const struct ahci_port *p, struct prdt_place *at, uint32_t *length)
{
    for (; at->region < at->h.regions; at->region++, at->used = 0) {
        uint8_t b[REGION];
        physmem_read(mem(p), at->h.table + TABLE_REGIONS + (uint64_t)at->region * REGION, b, sizeof b);
        *length = ((uint32_t)get_le(b + 12, 4) & 0x3fffff) + 1 - at->used;
        if (*length)
            return get_le(b, 8) + at->used;
    }
    *length = 0;
    return UINT64_MAX;
}

static uint32_t move(const struct ahci_port *p, struct prdt_place *at, uint8_t *buf, uint32_t n,
                     bool to_memory)
{
    uint32_t done = 0, length;
    while (done < n) {
        uint64_t address = region_of(p, at, &length);
        uint32_t part = n - done < length ? n - done : length;
        if (!part)
            break;
        if (to_memory)
            physmem_write(mem(p), address, buf + done, part);
        else
            physmem_read(mem(p), address, buf + done, part);
        at->used += part;
        done += part;
    }
    at->moved += done;
    return done;
}

static struct prdt_place place_of(const struct ahci_port *p)
{
    return (struct prdt_place){header_of(p, p->slot), p->region, p->used, p->moved};
}

static void keep_place(struct ahci_port *p, const struct prdt_place *at)
{
    p->region = at->region;
    p->used = at->used;
    p->moved = at->moved;
}

/* ---------------------------------------------------------------- answers */

static void store(const struct ahci_port *p, unsigned at, const uint8_t *fis, size_t n)
{
    if (p->cmd & CMD_FRE)
        physmem_write(mem(p), ((uint64_t)p->fbu << 32 | p->fb) + at, fis, n);
}

static void fill_registers(const struct ahci_port *p, uint8_t fis[FIS_LENGTH])
{
    const struct ide_drive *d = &p->ch.drive[0];
    fis[2] = d->status;
    fis[3] = d->error;
    fis[4] = d->reg[REG_LOW];
    fis[5] = d->reg[REG_MID];
    fis[6] = d->reg[REG_HIGH];
    fis[7] = d->reg[REG_DEVICE];
    fis[8] = d->hob[REG_LOW];
    fis[9] = d->hob[REG_MID];
    fis[10] = d->hob[REG_HIGH];
    fis[12] = d->reg[REG_COUNT];
    fis[13] = d->hob[REG_COUNT];
}

static void set_task_file(struct ahci_port *p, uint8_t status, uint8_t error)
{
    p->tfd = (uint32_t)error << 8 | status;
}

static void send_registers(struct ahci_port *p, bool interrupt)
{
    uint8_t fis[FIS_LENGTH] = {FIS_DEVICE, interrupt ? FIS_INTERRUPT : 0};
    const struct ide_drive *d = &p->ch.drive[0];
    fill_registers(p, fis);
    store(p, RECEIVED_DEVICE, fis, sizeof fis);
    set_task_file(p, d->status, d->error);
    if (interrupt)
        ahci_interrupt(p, IS_DHR | (d->status & ST_ERR ? IS_TFE : 0));
}

/* The drive is ready to move `n` bytes by PIO; `end` is its status afterwards. */
static void send_pio_setup(struct ahci_port *p, bool to_host, uint32_t n, uint8_t end, bool interrupt)
{
    uint8_t fis[FIS_LENGTH] = {FIS_PIO, (to_host ? 0x20 : 0) | (interrupt ? FIS_INTERRUPT : 0)};
    fill_registers(p, fis);
    fis[2] = ST_DRDY | ST_DSC | ST_DRQ;
    fis[15] = end;
    fis[16] = (uint8_t)n;
    fis[17] = (uint8_t)(n >> 8);
    store(p, RECEIVED_PIO, fis, sizeof fis);
    if (interrupt)
        ahci_interrupt(p, IS_PS);
}

static void send_bits(struct ahci_port *p, uint32_t done, uint8_t status, uint8_t error)
{
    assert((!done || !(status & ST_ERR)) && "the failed command is not among those that are done");
    uint8_t fis[8] = {FIS_BITS, FIS_INTERRUPT, status & 0x77, error};
    put_le(fis + 4, done, 4);
    store(p, RECEIVED_BITS, fis, sizeof fis);
    set_task_file(p, status, error);
    p->sact &= ~done;
    ahci_interrupt(p, IS_SDB | (status & ST_ERR ? IS_TFE : 0));
}

/* ---------------------------------------------------------------- commands one at a time */

static void write_count(const struct ahci_port *p, unsigned slot, uint32_t bytes)
{
    uint8_t b[4];
    put_le(b, bytes, 4);
    physmem_write(mem(p), header_of(p, slot).at + 4, b, sizeof b);
}

/* The drive has finished. After an error the command's bit stays, and nothing more is fetched (6.2.2.1). */
static void finish(struct ahci_port *p, bool by_pio)
{
    assert(p->slot < AHCI_SLOTS && "a command is being executed");
    const struct ide_drive *d = &p->ch.drive[0];
    unsigned slot = p->slot;
    bool error = d->status & ST_ERR;
    write_count(p, slot, p->moved);
    p->slot = AHCI_SLOTS;
    p->ch.entry = 0;
    p->failed = error;
    if (!error)
        p->ci &= ~(1u << slot);
    if (by_pio && !error)
        set_task_file(p, d->status, d->error);
    else
        send_registers(p, true);
}

/* The drive's data is in its buffer. Returns whether that was the last of it. */
static bool take_block(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    struct prdt_place at = place_of(p);
    uint32_t n = ch->len;
    bool more;
    if (move(p, &at, ch->buf, n, true) < n)
        ahci_interrupt(p, IS_OF);
    keep_place(p, &at);
    ch->pos = ch->len;
    ata_block_read(ch);
    more = ch->phase != PH_IDLE;
    send_pio_setup(p, true, n, more ? ST_BSY : ST_DRDY | ST_DSC, !more);
    return !more;
}

static void give_block(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    struct prdt_place at = place_of(p);
    memset(ch->buf, 0, ch->len);
    if (move(p, &at, ch->buf, ch->len, false) < ch->len)
        ahci_interrupt(p, IS_OF);
    keep_place(p, &at);
    ch->pos = ch->len;
    send_pio_setup(p, false, ch->len, ST_BSY, false);
    ide_busy(ch, PH_OUT_NEXT, NS_BLOCK + ch->len / IDE_SECTOR * NS_SECTOR);
}

static void give_packet(struct ahci_port *p)
{
    physmem_read(mem(p), header_of(p, p->slot).table + TABLE_PACKET, p->ch.packet, ATAPI_PACKET);
    send_pio_setup(p, false, ATAPI_PACKET, ST_BSY, false);
    ide_busy(&p->ch, PH_PACKET, NS_COMMAND);
}

static void take_packet_block(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    struct prdt_place at = place_of(p);
    uint32_t total = ch->block_left;
    while (ch->block_left && ch->phase == PH_CD_IN) {
        uint8_t bytes[4];
        unsigned n = ch->block_left < 4 ? ch->block_left : 4;
        put_le(bytes, atapi_data_in(ch, n), 4);
        if (move(p, &at, bytes, n, true) < n)
            ahci_interrupt(p, IS_OF);
    }
    keep_place(p, &at);
    send_pio_setup(p, true, total, ST_BSY, false);
}

/* Does what the drive asks for, until it is busy or has finished. */
static void serve(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    if (p->slot >= AHCI_SLOTS)
        return;
    switch (ch->phase) {
    case PH_PIO_IN:
        if (take_block(p))
            finish(p, true);
        break;
    case PH_PIO_OUT:
        give_block(p);
        break;
    case PH_PACKET_IN:
        give_packet(p);
        break;
    case PH_CD_IN:
        take_packet_block(p);
        if (ch->phase == PH_IDLE) /* the medium is unreadable */
            finish(p, false);
        break;
    case PH_IDLE:
        finish(p, false);
        break;
    }
}

static void line(struct ide_channel *ch) {} /* the port looks at the phase */

static void dma_ready(struct ide_channel *ch)
{
    ide_busy(ch, PH_DMA, ide_transfer_ns(ch));
}

static uint32_t dma_move(struct ide_channel *ch, void *walk, uint8_t *buf, uint32_t n, bool to_memory)
{
    return move(ch->owner, walk, buf, n, to_memory);
}

static void dma_run(struct ide_channel *ch)
{
    struct ahci_port *p = ch->owner;
    struct prdt_place at = place_of(p);
    uint32_t length;
    enum dma_outcome how = ide_dma_transfer(ch, &at, region_of(p, &at, &length));
    keep_place(p, &at);
    if (how == DMA_SHORT_TABLE) {
        ahci_interrupt(p, IS_OF);
        ch->left = ch->count = 0;
    }
    ide_dma_done(ch, how != DMA_BAD_MEDIUM);
}

/* ---------------------------------------------------------------- queued commands */

static unsigned next_of(uint32_t set, unsigned from)
{
    assert(set && "there is one to find");
    unsigned i = from % AHCI_SLOTS;
    while (!(set >> i & 1))
        i = (i + 1) % AHCI_SLOTS;
    return i;
}

static uint32_t queued_count(const uint8_t *fis)
{
    uint32_t n = fis[3] | fis[11] << 8;
    return n ? n : 65536;
}

static uint64_t queued_lba(const uint8_t *fis)
{
    return le24(fis + 4) | (uint64_t)le24(fis + 8) << 24;
}

static void read_fis(const struct ahci_port *p, unsigned slot, uint8_t fis[FIS_LENGTH])
{
    physmem_read(mem(p), header_of(p, slot).table, fis, FIS_LENGTH);
}

static void start_queued(struct ahci_port *p)
{
    uint8_t fis[FIS_LENGTH];
    p->next = (uint8_t)next_of(p->queued, p->next);
    read_fis(p, p->next, fis);
    timer_set(p->hba->board, &p->queue_timer,
              board_now(p->hba->board) + NS_COMMAND + (uint64_t)queued_count(fis) * NS_SECTOR +
                  board_late(p->hba->board));
}

/* Returns the error register: 0 if all is well. */
static uint8_t transfer_queued(struct ahci_port *p, const uint8_t *fis, struct prdt_place *at)
{
    struct ide_channel *ch = &p->ch;
    const struct ide_drive *d = &ch->drive[0];
    uint64_t lba = queued_lba(fis);
    uint32_t count = queued_count(fis);
    bool write = fis[2] == WRITE_QUEUED, through = write && (fis[7] & QUEUED_FUA || !d->write_cache);
    while (count) {
        uint32_t n = count < IDE_MULTIPLE_MAX ? count : IDE_MULTIPLE_MAX, bytes = n * IDE_SECTOR;
        if (!write && disk_read(d->disk, lba * IDE_SECTOR, ch->buf, bytes) < 0)
            return ER_UNC;
        uint32_t done = move(p, at, ch->buf, bytes, !write);
        if (write && disk_write(d->disk, lba * IDE_SECTOR, ch->buf, done / IDE_SECTOR * IDE_SECTOR) < 0)
            return ER_UNC;
        if (through)
            disk_through(d->disk, lba * IDE_SECTOR, done / IDE_SECTOR * IDE_SECTOR);
        if (done < bytes) {
            ahci_interrupt(p, IS_OF);
            break;
        }
        lba += n;
        count -= n;
    }
    return 0;
}

static uint8_t run_queued(struct ahci_port *p, unsigned slot, const uint8_t *fis)
{
    const struct ide_drive *d = &p->ch.drive[0];
    struct prdt_place at = {.h = header_of(p, slot)};
    uint32_t length, count = queued_count(fis);
    struct drive_transfer t = {.drive = d->number,
                               .write = fis[2] == WRITE_QUEUED,
                               .command = fis[2],
                               .name = fis[2] == WRITE_QUEUED ? "WRITE FPDMA QUEUED" : "READ FPDMA QUEUED",
                               .lba = queued_lba(fis),
                               .count = count,
                               .address = region_of(p, &at, &length),
                               .place = {0, slot + 1}};
    bool fits = count <= d->sectors && t.lba <= d->sectors - count;
    if (fits)
        drive_report(p->hba->board, &t);
    else
        drive_report_command(p->hba->board, d->number, fis[2], t.name, ST_DRDY | ST_ERR, t.place);
    uint8_t error = fits ? transfer_queued(p, fis, &at) : ER_IDNF;
    if (fits && error)
        drive_report_command(p->hba->board, d->number, fis[2], t.name, ST_DRDY | ST_ERR, t.place);
    write_count(p, slot, at.moved);
    return error;
}

static void queue_fire(void *ctx)
{
    struct ahci_port *p = ctx;
    uint8_t fis[FIS_LENGTH];
    if (!p->queued)
        return;
    unsigned slot = p->next = (uint8_t)next_of(p->queued, p->next);
    read_fis(p, slot, fis);
    uint8_t error = run_queued(p, slot, fis);
    if (error) { /* the drive drops the others as well; the host asks which it was, or tries again */
        p->failed = 1;
        p->queued = 0;
        send_bits(p, 0, ST_DRDY | ST_DSC | ST_ERR, error);
        return;
    }
    p->queued &= ~(1u << slot);
    p->next = (uint8_t)((slot + 1) % AHCI_SLOTS);
    send_bits(p, 1u << slot, ST_DRDY | ST_DSC, 0);
    if (p->queued)
        start_queued(p);
    ahci_port_work(p);
}

/* ---------------------------------------------------------------- fetching */

/* A change of device control: SRST's two edges reset the drive. */
static void control(struct ahci_port *p, uint8_t value)
{
    struct ide_channel *ch = &p->ch;
    uint8_t old = ch->control;
    ch->control = value;
    if (!(old & CTL_SRST) && value & CTL_SRST) {
        ahci_port_reset_drive(p);
        timer_stop(p->hba->board, &ch->timer);
    } else if (old & CTL_SRST && !(value & CTL_SRST)) {
        ahci_port_reset_drive(p);
    }
}

static void load_registers(struct ahci_port *p, const uint8_t *fis)
{
    struct ide_drive *d = &p->ch.drive[0];
    d->reg[REG_FEATURE] = fis[3];
    d->hob[REG_FEATURE] = fis[11];
    d->reg[REG_LOW] = fis[4];
    d->reg[REG_MID] = fis[5];
    d->reg[REG_HIGH] = fis[6];
    d->reg[REG_DEVICE] = fis[7] & (uint8_t)~DEV_UNIT;
    d->hob[REG_LOW] = fis[8];
    d->hob[REG_MID] = fis[9];
    d->hob[REG_HIGH] = fis[10];
    d->reg[REG_COUNT] = fis[12];
    d->hob[REG_COUNT] = fis[13];
    p->ch.control = fis[15];
}

static bool is_queued(const struct ahci_port *p, const uint8_t *fis)
{
    return (fis[2] == READ_QUEUED || fis[2] == WRITE_QUEUED) && !p->ch.drive[0].cdrom;
}

static void accept_queued(struct ahci_port *p, unsigned slot)
{
    assert(p->ci >> slot & 1 && "what is accepted was issued");
    p->ci &= ~(1u << slot);
    p->queued |= 1u << slot;
    set_task_file(p, ST_DRDY | ST_DSC, 0);
    if (p->queued == 1u << slot)
        start_queued(p);
}

static void accept(struct ahci_port *p, unsigned slot, const uint8_t *fis)
{
    assert(p->slot == AHCI_SLOTS && slot < AHCI_SLOTS && "commands are executed one at a time");
    p->slot = (uint8_t)slot;
    p->region = p->used = p->moved = 0;
    p->ch.entry = slot + 1;
    load_registers(p, fis);
    set_task_file(p, ST_BSY, 0);
    ide_start_command(&p->ch, fis[2]);
}

/* Returns whether the next command may be looked at. */
static bool fetch(struct ahci_port *p, unsigned slot)
{
    uint8_t fis[FIS_LENGTH];
    read_fis(p, slot, fis);
    if (fis[0] != FIS_HOST) {
        board_unhandled(p->hba->board, "ahci FIS", fis[0], true, slot);
        p->failed = 1;
        ahci_interrupt(p, IS_HBF);
        return false;
    }
    bool command = fis[1] & FIS_HOST_COMMAND;
    if (p->queued && (!command || !is_queued(p, fis)))
        return false; /* it waits for the queue to become empty */
    if (command && p->ch.phase != PH_IDLE)
        return false; /* it waits for the end of the reset */
    p->last = (uint8_t)((slot + 1) % AHCI_SLOTS);
    if (!command) {
        p->ci &= ~(1u << slot);
        control(p, fis[15]);
    } else if (is_queued(p, fis)) {
        accept_queued(p, slot);
        return true;
    } else {
        accept(p, slot, fis);
    }
    return false;
}

static bool may_fetch(const struct ahci_port *p)
{
    bool srst = p->ch.phase == PH_RESET && p->ch.control & CTL_SRST; /* only its end can follow */
    return p->cmd & CMD_ST && !p->failed && p->slot >= AHCI_SLOTS && p->ch.drive[0].present &&
           (p->ch.phase == PH_IDLE || srst) && p->hba->pci.config[0x04] & 4;
}

void ahci_port_work(struct ahci_port *p)
{
    while (p->ci && may_fetch(p) && fetch(p, next_of(p->ci, p->last)))
        ;
}

static void fire(void *ctx)
{
    struct ahci_port *p = ctx;
    bool reset = p->ch.phase == PH_RESET && p->slot >= AHCI_SLOTS;
    ide_fire(&p->ch);
    if (reset) {
        const struct ide_drive *d = &p->ch.drive[0];
        p->sig = (uint32_t)d->reg[REG_HIGH] << 24 | d->reg[REG_MID] << 16 | d->reg[REG_LOW] << 8 |
                 d->reg[REG_COUNT];
        send_registers(p, false);
    }
    serve(p);
    ahci_port_work(p);
}

/* ---------------------------------------------------------------- the port */

void ahci_port_stop(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    p->ci = p->sact = p->queued = 0;
    p->failed = 0;
    p->last = p->next = 0;
    timer_stop(p->hba->board, &p->queue_timer);
    if (p->slot < AHCI_SLOTS) { /* the drive still executes it, and its answer is lost */
        timer_stop(p->hba->board, &ch->timer);
        ch->phase = PH_IDLE;
        ide_forget_transfer(ch);
    }
    p->slot = AHCI_SLOTS;
    ch->entry = 0;
}

void ahci_port_reset_drive(struct ahci_port *p)
{
    struct ide_channel *ch = &p->ch;
    ide_forget_transfer(ch);
    ch->phase = PH_RESET;
    ch->command = 0;
    ch->drive[0].status = ST_BSY;
    p->queued = 0;
    p->sig = UINT32_MAX;
    set_task_file(p, ST_BSY, 0);
    timer_stop(p->hba->board, &p->queue_timer);
    timer_set(p->hba->board, &ch->timer, board_now(p->hba->board) + NS_RESET);
}

void ahci_port_init(struct ahci_port *p)
{
    static const struct ata_ops ops = {line, dma_ready, dma_run, dma_move};
    struct board *b = p->hba->board;
    p->ch.board = b;
    p->ch.ops = &ops;
    p->ch.owner = p;
    p->ch.what = "ahci command";
    p->ch.sata = true;
    p->slot = AHCI_SLOTS;
    board_timer(b, &p->ch.timer, fire, p);
    board_timer(b, &p->queue_timer, queue_fire, p);
}
