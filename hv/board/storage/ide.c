/* ide.c - the IDE function of the 82371SB (PIIX3): two channels in compatibility mode, four drives.
 *
 * Sources: Intel 82371FB/82371SB (PIIX/PIIX3) datasheet, section 2.3 and 3.3; ATA/ATAPI-6 (T13/1410D) clauses
 * 7 (registers) and 9 (protocols). Absent drives answer as on QEMU: their status reads 0. A command takes a
 * fixed guest time (NS_COMMAND and so on), so that a driver sees BSY, then its interrupt. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/drives.h"
#include "hv/board/storage/ide.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- interrupts, timing, events */

static void update_line(struct ide_channel *ch)
{
    bool level = ch->intrq && !(ch->control & CTL_NIEN);

    /* The bus master's interrupt bit latches the line's rising edge, whatever the command was. */
    if (level && !ch->line)
        ch->bm_status |= 0x04;
    ch->line = level;
    board_irq(ch->board, ch->irq_line, level);
}

void ide_intrq(struct ide_channel *ch, bool level)
{
    ch->intrq = level;
    ch->ops->line(ch);
}

void ide_busy(struct ide_channel *ch, enum ide_phase phase, uint64_t ns)
{
    struct ide_drive *d = ide_selected(ch);

    ch->phase = phase;
    d->status = (d->status & (ST_DRDY | ST_DSC)) | ST_BSY;
    timer_set(ch->board, &ch->timer, board_now(ch->board) + ns + board_late(ch->board));
}

void ide_done(struct ide_channel *ch, uint8_t error)
{
    struct ide_drive *d = ide_selected(ch);

    ch->phase = PH_IDLE;
    d->error = error;
    d->status = ST_DRDY | ST_DSC | (error ? ST_ERR : 0);
    ide_intrq(ch, true);
}

void ide_event_command(struct ide_channel *ch, uint8_t command, const char *name)
{
    const struct ide_drive *d = ide_selected(ch);
    struct event ev = {.kind = EV_DISK_COMMAND, .data = name, .len = strlen(name)};

    ev.f[EVF_DISK_COMMAND_drive] = d->number;
    ev.f[EVF_DISK_COMMAND_command] = command;
    ev.f[EVF_DISK_COMMAND_status] = d->status;
    ev.f[EVF_DISK_COMMAND_entry] = ch->entry;
    board_event(ch->board, &ev);
}

static void note_boot_sector(struct ide_channel *ch, uint64_t lba, uint32_t count)
{
    const struct ide_drive *d = ide_selected(ch);
    /* A CD's boot record volume descriptor is at sector 17 (El Torito, section 2.0). */
    uint64_t boot = d->cdrom ? 17 : 0;

    if (lba <= boot && lba + count > boot)
        board_boot_sector(ch->board, d->number, boot);
}

void ide_event_transfer(struct ide_channel *ch, bool write, uint8_t command, const char *name, uint64_t lba,
                        uint32_t count, uint64_t address)
{
    struct event ev = {.kind = write ? EV_DISK_WRITE : EV_DISK_READ, .data = name, .len = strlen(name)};

    /* Both kinds have the same fields. */
    ev.f[EVF_DISK_READ_drive] = ide_selected(ch)->number;
    ev.f[EVF_DISK_READ_command] = command;
    ev.f[EVF_DISK_READ_lba] = lba;
    ev.f[EVF_DISK_READ_count] = count;
    ev.f[EVF_DISK_READ_address] = address;
    ev.f[EVF_DISK_READ_entry] = ch->entry;
    board_event(ch->board, &ev);
    if (!write)
        note_boot_sector(ch, lba, count);
}

/* ---------------------------------------------------------------- reset */

void ide_signature(struct ide_drive *d)
{
    d->reg[REG_COUNT] = 1;
    d->reg[REG_LOW] = 1;
    d->reg[REG_MID] = !d->present ? 0xff : d->cdrom ? 0x14 : 0;
    d->reg[REG_HIGH] = !d->present ? 0xff : d->cdrom ? 0xeb : 0;
    d->reg[REG_DEVICE] &= DEV_UNIT;
    memset(d->hob, 0, sizeof d->hob);
}

static void end_reset(struct ide_channel *ch)
{
    bool diagnostic = ch->command == ATA_DIAGNOSTIC;

    ch->phase = PH_IDLE;
    ch->unit = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *d = &ch->drive[i];

        ide_signature(d);
        d->reg[REG_DEVICE] = 0;
        d->error = 0x01; /* diagnostics passed (and no error of device 1) */
        d->multiple = 0;
        d->status = !d->present || d->cdrom ? 0 : ST_DRDY | ST_DSC;
    }
    ch->command = 0;
    if (diagnostic) {
        ide_event_command(ch, ATA_DIAGNOSTIC, ata_command_name(ATA_DIAGNOSTIC));
        ide_intrq(ch, true);
    }
}

void ide_forget_transfer(struct ide_channel *ch)
{
    ch->lba = ch->first_lba = ch->left = 0;
    ch->count = ch->total = ch->block_left = 0;
    ch->block = 1;
    ch->pos = ch->len = 0;
    ch->cd_medium = 0;
}

static void begin_reset(struct ide_channel *ch)
{
    ide_forget_transfer(ch);
    timer_stop(ch->board, &ch->timer);
    ch->phase = PH_RESET;
    ch->command = 0;
    ch->bm_status &= ~1;
    ch->bm_command &= ~1;
    ide_intrq(ch, false);
    for (unsigned i = 0; i < 2; i++)
        ch->drive[i].status = ST_BSY;
}

static void write_control(struct ide_channel *ch, uint8_t value)
{
    uint8_t old = ch->control;

    ch->control = value;
    if (!(old & CTL_SRST) && (value & CTL_SRST))
        begin_reset(ch);
    else if ((old & CTL_SRST) && !(value & CTL_SRST))
        timer_set(ch->board, &ch->timer, board_now(ch->board) + NS_RESET);
    update_line(ch);
}

/* ---------------------------------------------------------------- the data register */

static uint32_t data_in(struct ide_channel *ch, unsigned size)
{
    uint32_t value = 0;

    if (ch->phase == PH_CD_IN)
        return atapi_data_in(ch, size);
    if (ch->phase != PH_PIO_IN)
        return 0;
    assert(ch->pos <= ch->len && ch->len <= sizeof ch->buf);
    if (size > ch->len - ch->pos)
        size = ch->len - ch->pos;
    memcpy(&value, ch->buf + ch->pos, size);
    ch->pos += size;
    if (ch->pos == ch->len)
        ata_block_read(ch);
    return value;
}

/* Some drivers write data at once, without waiting for DRQ (xv6's). Real drives and QEMU's take it: the time before
 * DRQ ends as the data comes. */
static void end_waiting(struct ide_channel *ch)
{
    if (ch->phase == PH_COMMAND && ata_takes_data(ch->command)) {
        timer_stop(ch->board, &ch->timer);
        ata_command(ch);
    } else if (ch->phase == PH_OUT_NEXT && ch->count > ch->len / IDE_SECTOR) {
        timer_stop(ch->board, &ch->timer);
        ata_block_out(ch);
    }
}

static void data_out(struct ide_channel *ch, unsigned size, uint32_t value)
{
    end_waiting(ch);
    if (ch->phase != PH_PIO_OUT && ch->phase != PH_PACKET_IN)
        return;
    assert(ch->pos <= ch->len && ch->len <= sizeof ch->buf);
    if (size > ch->len - ch->pos)
        size = ch->len - ch->pos;
    memcpy(ch->buf + ch->pos, &value, size);
    ch->pos += size;
    if (ch->pos < ch->len)
        return;
    if (ch->phase == PH_PACKET_IN) {
        memcpy(ch->packet, ch->buf, ATAPI_PACKET);
        ide_busy(ch, PH_PACKET, NS_COMMAND);
    } else {
        ide_busy(ch, PH_OUT_NEXT, ch->len / IDE_SECTOR * NS_SECTOR + NS_BLOCK);
    }
}

/* ---------------------------------------------------------------- the other registers */

static uint8_t read_status(struct ide_channel *ch)
{
    const struct ide_drive *d = ide_selected(ch);

    return d->present ? d->status : 0;
}

static uint8_t read_register(struct ide_channel *ch, unsigned reg)
{
    const struct ide_drive *d = ide_selected(ch);
    uint8_t status;

    if (!ch->drive[0].present && !ch->drive[1].present)
        return 0;
    switch (reg) {
    case REG_FEATURE:
        return d->present ? d->error : 0;
    case REG_DEVICE:
        return d->reg[REG_DEVICE] | DEV_FIXED;
    case REG_COMMAND:
        status = read_status(ch);
        ide_intrq(ch, false);
        return status;
    default:
        return ch->control & CTL_HOB ? d->hob[reg] : d->reg[reg];
    }
}

static void write_command(struct ide_channel *ch, uint8_t command)
{
    struct ide_drive *d = ide_selected(ch);
    bool device_reset = command == 0x08 && d->cdrom;

    ch->control &= ~CTL_HOB;
    /* EXECUTE DEVICE DIAGNOSTIC addresses both drives, whichever is selected. */
    if (!d->present && (command != ATA_DIAGNOSTIC || (!ch->drive[0].present && !ch->drive[1].present)))
        return;
    if (device_reset || (ch->phase == PH_IDLE && !(ch->control & CTL_SRST)))
        ide_start_command(ch, command);
}

void ide_start_command(struct ide_channel *ch, uint8_t command)
{
    struct ide_drive *d = ide_selected(ch);

    timer_stop(ch->board, &ch->timer);
    ide_intrq(ch, false);
    ide_forget_transfer(ch);
    ch->command = command;
    d->error = 0;
    if (command == ATA_DIAGNOSTIC) {
        ide_busy(ch, PH_RESET, NS_RESET);
        ch->drive[0].status = ch->drive[1].status = ST_BSY;
    } else {
        ide_busy(ch, PH_COMMAND, NS_COMMAND);
    }
}

static void write_register(struct ide_channel *ch, unsigned reg, uint8_t value)
{
    if (reg == REG_COMMAND) {
        write_command(ch, value);
        return;
    }
    ch->control &= ~CTL_HOB;
    /* A busy drive does not accept parameters. */
    if (ch->phase != PH_IDLE)
        return;
    /* Both drives see every write. */
    for (unsigned i = 0; i < 2; i++) {
        ch->drive[i].hob[reg] = ch->drive[i].reg[reg];
        ch->drive[i].reg[reg] = value;
    }
    if (reg == REG_DEVICE)
        ch->unit = value >> 4 & 1;
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned size)
{
    struct ide_channel *ch = ctx;
    unsigned reg = port & 7;
    uint32_t value = 0;

    if (reg == REG_DATA)
        return data_in(ch, size);
    for (unsigned i = 0; i < size && reg + i < REG_BLOCK; i++)
        value |= (uint32_t)read_register(ch, reg + i) << 8 * i;
    return value;
}

static void port_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ide_channel *ch = ctx;
    unsigned reg = port & 7;

    if (reg == REG_DATA) {
        data_out(ch, size, value);
        return;
    }
    for (unsigned i = 0; i < size && reg + i < REG_BLOCK; i++)
        write_register(ch, reg + i, value >> 8 * i);
}

static uint32_t control_in(void *ctx, uint16_t port, unsigned size)
{
    return read_status(ctx);
}

static void control_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    write_control(ctx, value);
}

/* ---------------------------------------------------------------- the timer */

void ide_fire(void *ctx)
{
    static void (*const handler[PH_COUNT])(struct ide_channel *) = {
        [PH_COMMAND] = ata_command, [PH_IN_NEXT] = ata_block_in, [PH_OUT_NEXT] = ata_block_out,
        [PH_PACKET] = atapi_packet, [PH_CD_NEXT] = atapi_next,   [PH_RESET] = end_reset,
    };
    struct ide_channel *ch = ctx;

    if (ch->phase == PH_DMA)
        ch->ops->dma_run(ch);
    else if (ch->phase < PH_COUNT && handler[ch->phase])
        handler[ch->phase](ch);
}

/* ---------------------------------------------------------------- state */

#define CH struct ide_channel
const struct field ide_channel_fields[IDE_CHANNEL_FIELDS] = {
    FIELD(CH, timer.deadline), FIELD(CH, control),    FIELD(CH, unit),      FIELD(CH, intrq),
    FIELD(CH, line),           FIELD(CH, phase),      FIELD(CH, command),   FIELD(CH, lba),
    FIELD(CH, count),          FIELD(CH, block),      FIELD(CH, first_lba), FIELD(CH, total),
    FIELDS(CH, packet),        FIELD(CH, cd_medium),  FIELD(CH, cd_parts),  FIELD(CH, cd_unit),
    FIELD(CH, left),           FIELD(CH, block_left), FIELD(CH, pos),       FIELD(CH, len),
    FIELDS(CH, buf),           FIELD(CH, bm_command), FIELD(CH, bm_status), FIELD(CH, bm_prd),
};
#undef CH

#define DR struct ide_drive
#define DRIVE_ROWS                                                                                           \
    FIELDS(DR, reg), FIELDS(DR, hob), FIELD(DR, status), FIELD(DR, error), FIELD(DR, multiple),              \
        FIELD(DR, heads), FIELD(DR, spt), FIELD(DR, pio_mode), FIELD(DR, mdma_mode), FIELD(DR, sdma_mode),   \
        FIELD(DR, udma_mode), FIELD(DR, write_cache), FIELD(DR, look_ahead), FIELD(DR, power),               \
        FIELD_STRUCT_AS("", DR, scsi, scsi_fields)
const struct field ide_drive_fields[IDE_DRIVE_FIELDS] = {DRIVE_ROWS};
const struct field ata_smart_fields[ATA_SMART_FIELDS] = {
    FIELD(struct ata_smart, off), FIELD(struct ata_smart, manual), FIELD(struct ata_smart, last),
    FIELDS(struct ata_smart, test), FIELDS(struct ata_smart, hours)};
static const struct field ide_drive_all[] = {DRIVE_ROWS, FIELD_STRUCT(DR, smart, ata_smart_fields)};
#undef DRIVE_ROWS
#undef DR

static const struct field ide_fields[] = {FIELDS(struct ide, pci.config)};

/* The state may come from a damaged file: nothing in it may cause an access outside a buffer or a disk. A
 * state that the channel can really have is not changed; ide_forget_transfer() makes sure of that. */
void ide_channel_loaded(void *state)
{
    struct ide_channel *ch = state;
    const struct ide_drive *d = &ch->drive[ch->unit &= 1];
    /* Its count is one of blocks with ranges. */
    const bool trims = ch->command == ATA_TRIM && (ch->phase == PH_DMA || ch->phase == PH_DMA_WAIT);

    if (ch->len > IDE_BUFFER)
        ch->len = IDE_BUFFER;
    if (ch->pos > ch->len)
        ch->pos = ch->len;
    if (!ch->block || ch->block > (ch->command == 0xa0 ? 0xfffeu : IDE_MULTIPLE_MAX))
        ch->block = 1;
    if (ch->phase != PH_IDLE && !trims && ch->count &&
        (ch->lba > d->sectors || ch->count > d->sectors - ch->lba))
        ch->lba = ch->count = 0;
    if (!d->present && ch->phase != PH_RESET)
        ch->phase = PH_IDLE;
}

void ide_drive_loaded(void *state)
{
    struct ide_drive *d = state;

    if (!d->heads || d->heads > 16)
        d->heads = 16;
    if (!d->spt)
        d->spt = 63;
    if (d->multiple > IDE_MULTIPLE_MAX)
        d->multiple = 0;
    if (d->smart.last > SMART_TESTS)
        d->smart.last = 0;
}

void ide_drive_reset(void *state)
{
    struct ide_drive *d = state;

    d->error = 0x01;
    ide_signature(d);
    d->reg[REG_FEATURE] = d->reg[REG_DEVICE] = 0;
    d->status = !d->present || d->cdrom ? 0 : ST_DRDY | ST_DSC;
    d->multiple = 0;
    d->heads = 16;
    d->spt = 63;
    d->pio_mode = d->sdma_mode = d->mdma_mode = 0;
    d->udma_mode = 1 << 5;
    d->write_cache = d->look_ahead = 1;
    d->power = POWER_ACTIVE;
    atapi_reset(d);
}

static void channel_reset(void *state)
{
    struct ide_channel *ch = state;

    timer_stop(ch->board, &ch->timer);
    ch->control = ch->unit = ch->phase = ch->command = 0;
    ide_forget_transfer(ch);
    ide_dma_reset(ch);
    ide_intrq(ch, false);
}

static void ide_reset(void *state)
{
    struct ide *ide = state;

    /* Both channels' decoders on, as firmware leaves them: a kernel started without firmware finds its
     * drives. */
    memset(ide->pci.config + PCI_IDETIM, 0, 8);
    ide->pci.config[PCI_IDETIM + 1] = ide->pci.config[PCI_IDETIM + 3] = 0x80;
}

static void ide_loaded(void *state)
{
    struct ide *ide = state;

    pci_loaded(ide->board, &ide->pci);
}

static void keep(void *state) {}

/* ---------------------------------------------------------------- creation */

void ide_attach(struct board *b, struct ide_drive *d, const struct drive *drive)
{
    d->cdrom = drive->cdrom;
    d->disk = board_disk(b, drive->role);
    d->present = true;
    if (drive->serial_given)
        snprintf(d->serial, sizeof d->serial, "%s", drive->serial);
    d->sectors = disk_size(d->disk) / (d->cdrom ? CD_SECTOR : IDE_SECTOR);
    d->scsi = (struct scsi_unit){.disk = d->disk, .cdrom = d->cdrom, .atapi = d->cdrom, .blocks = d->sectors};
    d->cylinders = d->sectors / (16 * 63) > 16383 ? 16383 : d->sectors / (16 * 63);
    if (d->cylinders < 2)
        d->cylinders = 2;
}

static void attach(struct ide *ide, unsigned number, const struct drive *drive)
{
    ide_attach(ide->board, &ide->channel[number / 2].drive[number % 2], drive);
    board_boot_path(ide->board, drive->role, "/pci@i0cf8/ide@1,1/drive@%u/disk@%u", number / 2, number % 2);
}

static int find_drives(struct ide *ide, struct error *err)
{
    struct drive place[IDE_PLACES];
    const int rc = drives_at_ide(board_config(ide->board), place, err);
    for (unsigned i = 0; i < IDE_PLACES; i++) {
        ide->channel[i / 2].drive[i % 2].number = i;
        if (*place[i].role)
            attach(ide, i, &place[i]);
    }
    return rc;
}

static void add_channel(struct ide *ide, unsigned index)
{
    static const char *const channel_name[2] = {"ide0", "ide1"};
    static const char *const drive_name[4] = {"ide0.master", "ide0.slave", "ide1.master", "ide1.slave"};
    static const uint16_t base[2] = {0x1f0, 0x170};
    struct ide_channel *ch = &ide->channel[index];

    static const struct ata_ops ops = {update_line, ide_dma_ready, ide_dma_run, ide_dma_move};
    ch->board = ide->board;
    ch->ops = &ops;
    ch->what = index ? "ide1 command" : "ide0 command";
    ch->ide = ide;
    ch->index = index;
    ch->irq_line = 14 + index;
    board_timer(ide->board, &ch->timer, ide_fire, ch);
    board_ports(ide->board, base[index], REG_BLOCK, false, ch, port_in, port_out);
    board_ports(ide->board, base[index] + 0x206, 1, true, ch, control_in, control_out);
    for (unsigned i = 0; i < 2; i++) {
        struct chip drive = {drive_name[2 * index + i],
                             ide_drive_all,
                             FIELD_COUNT(ide_drive_all),
                             &ch->drive[i],
                             ide_drive_reset,
                             ide_drive_loaded,
                             keep};
        board_add_chip(ide->board, &drive);
        ide_drive_reset(&ch->drive[i]);
    }
    struct chip channel = {channel_name[index],
                           ide_channel_fields,
                           IDE_CHANNEL_FIELDS,
                           ch,
                           channel_reset,
                           ide_channel_loaded,
                           keep};
    board_add_chip(ide->board, &channel);
    channel_reset(ch);
}

int ide_create(struct board *board, struct error *err)
{
    struct ide *ide = mem_zero(1, sizeof *ide);

    ide->board = board;
    ide->bm_base = UINT64_MAX;
    board_set_slot(board, SLOT_IDE, ide);
    /* Function 1 of the PIIX3; programming interface 80h: bus master, both channels in compatibility mode. */
    pci_init(&ide->pci, "piix3-ide", 1 << 3 | 1, 0x8086, 0x7010, 0x010180, 0, 0);
    memset(ide->pci.wmask + PCI_IDETIM, 0xff, 5);
    ide->pci.bar[4] = (struct pci_bar){.size = 16, .io = true, .map = ide_dma_map};
    ide->pci.ctx = ide;
    ide->pci.written = ide_dma_written;

    struct chip chip = {"ide", ide_fields, FIELD_COUNT(ide_fields), ide, ide_reset, ide_loaded, NULL};
    board_add_chip(board, &chip);
    ide_reset(ide);
    board_add_pci(board, &ide->pci);
    if (find_drives(ide, err))
        return -1;
    add_channel(ide, 0);
    add_channel(ide, 1);
    return 0;
}
