/* ide.c - IDE channels: registers, waiting, PIO and bus-master transfers; which drives there are.
 *
 * Sources: ATA/ATAPI-6 (T13/1410D), clauses 7 to 9 and 8.16 (IDENTIFY DEVICE); SFF-8038i (bus master); PCI
 * IDE Controller Specification 1.0 (compatibility and native mode).
 *
 * Waiting halts the processor until the drive's interrupt, where the interrupt controller lets it through.
 */
#include "bios/disk.h"
#include "bios/ide.h"

enum { BM_COMMAND = 0, BM_STATUS = 2, BM_PRD = 4, BM_START = 1, BM_TO_MEMORY = 8 };
enum { BMS_ACTIVE = 1, BMS_ERROR = 2, BMS_INTERRUPT = 4 };
enum { PRD_LAST = 0x8000, PRD_MAX = 5, TIMEOUT_TICKS = 18 * 20 };

struct drive drives[DRIVES];
struct channel channels[2];

/* A region of a bus-master transfer: it does not cross 64 KiB. */
static struct prd {
    u32 address;
    u16 bytes, flags;
} prds[PRD_MAX] __attribute__((aligned(8)));

/* ---------------------------------------------------------------- waiting */

/* Waits 400 ns, until the drive's status is valid. */
static void settle(const struct channel *ch)
{
    for (unsigned i = 0; i < 4; i++)
        inb(ch->control);
}

static u8 wait(const struct channel *ch, bool halt)
{
    struct limit limit = limit_start(TIMEOUT_TICKS);
    settle(ch);
    cli();
    while (inb(ch->control) & ST_BSY) {
        if (limit_over(&limit))
            return 0xff;
        if (halt)
            idle(ch->irq);
    }
    return inb(ch->command + IDE_COMMAND);
}

u8 ide_wait(const struct channel *ch)
{
    return wait(ch, true);
}

u8 ide_wait_short(const struct channel *ch)
{
    return wait(ch, false);
}

bool ide_select(const struct channel *ch, u8 device)
{
    if (inb(ch->control) & ST_BSY && ide_wait_short(ch) == 0xff)
        return false;
    outb(ch->command + IDE_DEVICE, device);
    settle(ch);
    return !(inb(ch->control) & ST_BSY) || ide_wait_short(ch) != 0xff;
}

/* INT 76h, 77h: IRQ 14, 15. The code that waits for the drive reads its status. */
static void interrupt(void)
{
    bda->disk_irq = 0xff;
    eoi2();
}

void irq14_ide(struct regs *r)
{
    interrupt();
}

void irq15_ide(struct regs *r)
{
    interrupt();
}

/* ---------------------------------------------------------------- PIO */

void ide_data_in(const struct channel *ch, u32 address, u32 bytes)
{
    u16 segment = (u16)(address >> 4);
    u32 offset = address & 15, count = bytes / 2;
    if (!(bytes & 3)) {
        count = bytes / 4;
        asm volatile("pushw %%es\n\tmovw %w2, %%es\n\trep insl\n\tpopw %%es"
                     : "+D"(offset), "+c"(count)
                     : "r"(segment), "d"(ch->command)
                     : "memory");
    } else {
        asm volatile("pushw %%es\n\tmovw %w2, %%es\n\trep insw\n\tpopw %%es"
                     : "+D"(offset), "+c"(count)
                     : "r"(segment), "d"(ch->command)
                     : "memory");
    }
}

void ide_data_out(const struct channel *ch, u32 address, u32 bytes)
{
    u16 segment = (u16)(address >> 4);
    u32 offset = address & 15, count = bytes / 2;
    asm volatile("pushw %%ds\n\tmovw %w2, %%ds\n\trep outsw\n\tpopw %%ds"
                 : "+S"(offset), "+c"(count)
                 : "r"(segment), "d"(ch->command)
                 : "memory");
}

/* ---------------------------------------------------------------- bus master */

bool ide_dma_prepare(const struct channel *ch, u32 address, u32 bytes, bool write)
{
    unsigned n = 0;
    if (!ch->master || address & 1 || !bytes || !real_mode())
        return false;
    while (bytes) {
        u32 part = 0x10000 - (address & 0xffff);
        if (n == PRD_MAX)
            return false;
        if (part > bytes)
            part = bytes;
        prds[n++] = (struct prd){address, (u16)part, bytes == part ? PRD_LAST : 0};
        address += part;
        bytes -= part;
    }
    outb(ch->master + BM_COMMAND, write ? 0 : BM_TO_MEMORY);
    outl(ch->master + BM_PRD, DATA_LINEAR + (u32)prds);
    outb(ch->master + BM_STATUS, inb(ch->master + BM_STATUS) | BMS_ERROR | BMS_INTERRUPT);
    return true;
}

void ide_dma_start(const struct channel *ch, bool write)
{
    outb(ch->master + BM_COMMAND, (write ? 0 : BM_TO_MEMORY) | BM_START);
}

/* The drive's interrupt is the end; the bus master's status shows it when all data is in memory. */
u8 ide_dma_finish(const struct channel *ch)
{
    struct limit limit = limit_start(TIMEOUT_TICKS);
    u8 status, master;
    bool late = false;
    cli();
    while (!((master = inb(ch->master + BM_STATUS)) & BMS_INTERRUPT) && master & BMS_ACTIVE && !late) {
        late = limit_over(&limit);
        if (!late)
            idle(ch->irq);
    }
    outb(ch->master + BM_COMMAND, 0);
    status = late ? 0xff : ide_wait_short(ch);
    outb(ch->master + BM_STATUS, inb(ch->master + BM_STATUS) | BMS_ERROR | BMS_INTERRUPT);
    return master & BMS_ERROR ? 0xff : status;
}

/* ---------------------------------------------------------------- finding drives */

void ide_reset(const struct channel *ch)
{
    outb(ch->control, CTL_RESET);
    delay_us(10);
    outb(ch->control, 0);
    delay_us(2000);
    ide_wait_short(ch);
}

/* The identification's text has its bytes swapped. */
static void copy_model(char *to, const u16 *words)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 20; i++) {
        to[n++] = words[i] >> 8;
        to[n++] = (char)words[i];
    }
    while (n && (to[n - 1] == ' ' || !to[n - 1]))
        n--;
    to[n] = 0;
}

static u32 words32(const u16 *words, unsigned i)
{
    return words[i] | (u32)words[i + 1] << 16;
}

static void take_identity(struct drive *d, const u16 *id)
{
    copy_model(d->model, id + 27);
    d->version = id[80] == 0xffff ? 0 : id[80];
    /* Whether the drive's own firmware has already enabled a DMA mode. */
    d->dma = id[49] & 0x100 && ((id[53] & 4 && id[88] & 0x7f00) || id[63] & 0x0700 || d->kind == DRIVE_ATAPI);
    if (d->kind == DRIVE_ATAPI) {
        d->block = CD_SECTOR;
        return;
    }
    d->block = SECTOR;
    d->lba = id[49] & 0x200;
    d->lba48 = d->lba && id[83] & 0x400;
    d->physical = (struct geometry){id[1], id[3], id[6]};
    d->sectors = d->lba ? words32(id, 60) : (u32)id[1] * id[3] * id[6];
    if (d->lba48 && (id[102] || id[103] || words32(id, 100) > d->sectors)) {
        d->sectors = words32(id, 100);
        d->sectors_high = words32(id, 102);
    }
}

static bool identify(struct drive *d, u8 command, u16 *id)
{
    const struct channel *ch = &channels[d->channel];
    outb(ch->command + IDE_COMMAND, command);
    u8 status = ide_wait(ch);
    if (status == 0xff || status & (ST_ERR | ST_DF) || !(status & ST_DRQ))
        return false;
    ide_data_in(ch, DATA_LINEAR + (u32)id, 512);
    ide_wait_short(ch);
    return true;
}

/* If a register keeps what is written, a drive is present. */
static bool answers(const struct channel *ch)
{
    outb(ch->command + IDE_COUNT, 0x55);
    outb(ch->command + IDE_LOW, 0xaa);
    return inb(ch->command + IDE_COUNT) == 0x55 && inb(ch->command + IDE_LOW) == 0xaa;
}

/* An ATAPI drive refuses IDENTIFY DEVICE, and shows its signature. */
static void find_drive(struct drive *d, u16 *id)
{
    const struct channel *ch = &channels[d->channel];
    if (inb(ch->control) == 0xff || !ide_select(ch, d->unit ? 0xb0 : 0xa0) || !answers(ch))
        return;
    outb(ch->control, 0);
    if (identify(d, 0xec, id)) {
        d->kind = DRIVE_ATA;
    } else if (inb(ch->command + IDE_MID) == 0x14 && inb(ch->command + IDE_HIGH) == 0xeb &&
               identify(d, 0xa1, id)) {
        d->kind = DRIVE_ATAPI;
    } else {
        return;
    }
    take_identity(d, id);
}

static void find_channels(void)
{
    u16 bdf = shared.ide, master = 0;
    u8 interface = bdf ? pci_read8(bdf, 0x09) : 0;
    if (bdf && interface & 0x80 && pci_read32(bdf, 0x20) & 1)
        master = pci_read32(bdf, 0x20) & 0xfffc;
    channels[0] = (struct channel){0x1f0, 0x3f6, master, 14};
    channels[1] = (struct channel){0x170, 0x376, master ? master + 8 : 0, 15};
    for (unsigned i = 0; bdf && i < 2; i++)
        if (interface >> 2 * i & 1) { /* native mode */
            channels[i].command = pci_read32(bdf, 0x10 + 8 * i) & 0xfffc;
            channels[i].control = (pci_read32(bdf, 0x14 + 8 * i) & 0xfffc) + 2;
            channels[i].irq = pci_read8(bdf, PCI_IRQ_LINE);
        }
}

void ide_init(void)
{
    u16 id[256];
    find_channels();
    irq_unmask(14);
    irq_unmask(15);
    for (unsigned i = 0; i < IDE_DRIVES; i++) {
        struct drive *d = &drives[i];
        d->channel = i / 2;
        d->unit = i % 2;
        find_drive(d, id);
        if (d->kind)
            log("ide%u.%u: %s%s%s\n", i / 2, i % 2, d->model, d->kind == DRIVE_ATAPI ? ", ATAPI" : "",
                d->dma ? ", DMA" : "");
    }
    sti();
}
