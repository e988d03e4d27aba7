/* ahci.c - the AHCI controller: the SATA function of the ICH9, or a card with it. Six ports, with 32 command slots each.
 *
 * Sources: Serial ATA AHCI 1.3.1, 2 (configuration space), 3 (registers); Intel ICH9 datasheet (316972), chapter 14 (the function). */
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/storage/ahci.h"
#include "base/memory.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/pci/msi.h"

#include <stdio.h>
#include <string.h>

enum { PCI_COMMAND_HIGH = 0x05, PCI_INTX_OFF = 4 };
enum { MSI_AT = 0x80, SATA_AT = 0xa8, SATA_CAPABILITY = 0x12, SATA_BAR4 = 8, MAP = 0x90, MAP_AHCI = 0x40 };

#define CAP_VALUE                                                                                            \
    (1u << 31 /* 64-bit addresses */ | 1u << 30 /* NCQ */ | 1u << 24 /* CLO */ | 2u << 20 /* 3 Gb/s */ |     \
     1u << 18 /* AHCI only */ | (AHCI_SLOTS - 1u) << 8 | (AHCI_PORTS - 1u))
#define VERSION 0x00010301u

/* ---------------------------------------------------------------- interrupts */

/* `fresh`: there is a new reason, which a message has to tell even if an old one is still there. */
static void update(struct ahci *h, bool fresh)
{
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (h->port[i].is & h->port[i].ie)
            h->is |= 1u << i;
    bool on = h->ghc & GHC_IE && h->is, messages = msi_enabled(&h->pci, MSI_AT);
    if (messages && on && (fresh || !h->line))
        msi_notify(h->board, &h->pci, MSI_AT);
    h->line = on;
    board_pci_irq(h->board, h->pci.devfn, 0,
                  on && !messages && !(h->pci.config[PCI_COMMAND_HIGH] & PCI_INTX_OFF));
}

void ahci_interrupt(struct ahci_port *p, uint32_t bits)
{
    p->is |= bits;
    update(p->hba, p->is & p->ie & bits);
}

/* ---------------------------------------------------------------- a port's registers */

/* Bits that follow from others. */
static uint32_t command_of(const struct ahci_port *p)
{
    uint32_t v = p->cmd;
    if (v & CMD_FRE)
        v |= CMD_FR;
    if (v & CMD_ST)
        v |= CMD_CR | (uint32_t)(p->slot < AHCI_SLOTS ? p->slot : 0) << 8;
    return v;
}

static uint32_t port_read(const struct ahci_port *p, unsigned reg)
{
    switch (reg) {
    case PX_CLB:
        return p->clb;
    case PX_CLBU:
        return p->clbu;
    case PX_FB:
        return p->fb;
    case PX_FBU:
        return p->fbu;
    case PX_IS:
        return p->is;
    case PX_IE:
        return p->ie;
    case PX_CMD:
        return command_of(p);
    case PX_TFD:
        return p->tfd;
    case PX_SIG:
        return p->sig;
    case PX_SSTS:
        return p->ssts;
    case PX_SCTL:
        return p->sctl;
    case PX_SERR:
        return p->serr;
    case PX_SACT:
        return p->sact;
    case PX_CI:
        return p->ci;
    default: /* no port multipliers, no device sleep */
        return 0;
    }
}

static void write_command(struct ahci_port *p, uint32_t value)
{
    uint32_t old = p->cmd;
    if (value & CMD_CLO && !(old & CMD_ST))
        p->tfd &= ~(uint32_t)(ST_BSY | ST_DRQ);
    p->cmd = value & CMD_WRITE;
    if (old & CMD_ST && !(value & CMD_ST))
        ahci_port_stop(p);
    ahci_port_work(p);
}

/* DET (3.3.11): 1 resets the drive for as long as it is there, 4 takes the interface down. */
static void write_control(struct ahci_port *p, uint32_t value)
{
    unsigned old = p->sctl & 15, now = value & 15;
    bool present = p->ch.drive[0].present;
    p->sctl = value & 0xfff;
    if (now == old || !present)
        return;
    ahci_port_stop(p);
    ahci_port_reset_drive(p);
    p->ssts = now ? now == 4 ? 4 : 0 : SSTS_PRESENT;
    if (now)
        timer_stop(p->hba->board, &p->ch.timer);
    else
        p->serr |= SERR_DIAG_X;
    if (!now)
        ahci_interrupt(p, IS_PC);
}

/* Commands can only be given while ST is set. */
static void issue(struct ahci_port *p, uint32_t bits)
{
    if (!(p->cmd & CMD_ST))
        return;
    p->ci |= bits;
    ahci_port_work(p);
}

static void port_write(struct ahci_port *p, unsigned reg, uint32_t v)
{
    switch (reg) {
    case PX_CLB:
        p->clb = v & ~0x3ffu;
        break;
    case PX_CLBU:
        p->clbu = v;
        break;
    case PX_FB:
        p->fb = v & ~0xffu;
        break;
    case PX_FBU:
        p->fbu = v;
        break;
    case PX_IS: /* PCS follows SERR.DIAG.X */
        p->is &= ~v | (p->serr & SERR_DIAG_X ? IS_PC : 0);
        break;
    case PX_IE:
        p->ie = v & IE_BITS;
        break;
    case PX_CMD:
        write_command(p, v);
        break;
    case PX_SCTL:
        write_control(p, v);
        break;
    case PX_SERR:
        p->serr &= ~v;
        if (v & SERR_DIAG_X)
            p->is &= ~IS_PC;
        break;
    case PX_SACT:
        p->sact |= p->cmd & CMD_ST ? v : 0;
        break;
    case PX_CI:
        issue(p, v);
        break;
    }
}

/* ---------------------------------------------------------------- the controller's registers */

static void reset_port(struct ahci_port *p)
{
    bool present = p->ch.drive[0].present;
    ahci_port_stop(p);
    p->clb = p->clbu = p->fb = p->fbu = p->is = p->ie = p->sctl = p->serr = 0;
    p->cmd = CMD_SUD | CMD_POD | (p->ch.drive[0].cdrom ? CMD_ATAPI : 0);
    p->ssts = present ? SSTS_PRESENT : 0;
    p->sig = UINT32_MAX;
    p->tfd = 0x7f;
    p->ch.control = 0;
    timer_stop(p->hba->board, &p->ch.timer);
    p->ch.phase = PH_IDLE;
    ide_forget_transfer(&p->ch);
    if (present)
        ahci_port_reset_drive(p);
}

static void reset_all(struct ahci *h)
{
    h->ghc = GHC_ENABLE;
    h->is = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        reset_port(&h->port[i]);
    update(h, false);
}

static uint32_t read_register(const struct ahci *h, unsigned at)
{
    if (at >= AHCI_PORT_AT) {
        unsigned i = (at - AHCI_PORT_AT) / AHCI_PORT_SIZE;
        return i < AHCI_PORTS ? port_read(&h->port[i], at % AHCI_PORT_SIZE) : 0;
    }
    switch (at) {
    case AHCI_CAP:
        return CAP_VALUE;
    case AHCI_GHC:
        return h->ghc;
    case AHCI_IS:
        return h->is;
    case AHCI_PI:
        return (1u << AHCI_PORTS) - 1;
    case AHCI_VS:
        return VERSION;
    default:
        return 0;
    }
}

static void write_register(struct ahci *h, unsigned at, uint32_t v)
{
    unsigned i = (at - AHCI_PORT_AT) / AHCI_PORT_SIZE;
    if (at >= AHCI_PORT_AT && i < AHCI_PORTS)
        port_write(&h->port[i], at % AHCI_PORT_SIZE, v);
    else if (at == AHCI_GHC && v & GHC_RESET)
        reset_all(h);
    else if (at == AHCI_GHC)
        h->ghc = GHC_ENABLE | (v & GHC_IE);
    else if (at == AHCI_IS)
        h->is &= ~v;
    update(h, false);
}

/* Registers are of 32 bits; wider accesses are two, narrower ones read a part, and write nothing (3: "undefined"). */
static uint64_t mmio_read(void *ctx, uint64_t offset, unsigned size)
{
    unsigned at = (unsigned)offset & ~3u;
    uint64_t value = read_register(ctx, at);
    if (size == 8)
        value |= (uint64_t)read_register(ctx, at + 4) << 32;
    return value >> (offset & 3) * 8;
}

static void mmio_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    if (size < 4 || offset & 3)
        return;
    write_register(ctx, (unsigned)offset, (uint32_t)value);
    if (size == 8)
        write_register(ctx, (unsigned)offset + 4, (uint32_t)(value >> 32));
}

/* AHCI 1.3.1, 10.2.1: the registers by two ports, for firmware in real mode. Both are of 32 bits. */
static uint32_t ports_in(void *ctx, uint16_t port, unsigned size)
{
    struct ahci *h = ctx;
    unsigned at = (unsigned)(port - h->io);
    if ((at & ~3u) == AHCI_IO_INDEX)
        return h->index >> (at & 3) * 8;
    return (at & ~3u) == AHCI_IO_DATA ? (uint32_t)mmio_read(h, h->index + (at & 3), size) : 0;
}

static void ports_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct ahci *h = ctx;
    unsigned at = (unsigned)(port - h->io);
    if (at == AHCI_IO_INDEX && size == 4)
        h->index = value & (AHCI_BAR - 4);
    else if (at == AHCI_IO_DATA)
        mmio_write(h, h->index, size, value);
}

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct ahci *h = ctx;
    if (bar == 5)
        board_mmio_move(h->board, h->mmio, base);
    else
        board_ports_move(h->board, &h->io, base, AHCI_IO, false, h, ports_in, ports_out);
}

/* Bus mastering may have been allowed. */
static void config_written(void *ctx, unsigned reg, unsigned size)
{
    struct ahci *h = ctx;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        ahci_port_work(&h->port[i]);
    update(h, false);
}

/* ---------------------------------------------------------------- state */

#define AP struct ahci_port
static const struct field port_fields[] = {
    FIELD_STRUCT_AS("channel", AP, ch, ide_channel_fields),
    FIELD_STRUCT_AS("drive", AP, ch.drive[0], ide_drive_fields),
    FIELD(AP, clb),
    FIELD(AP, clbu),
    FIELD(AP, fb),
    FIELD(AP, fbu),
    FIELD(AP, is),
    FIELD(AP, ie),
    FIELD(AP, cmd),
    FIELD(AP, tfd),
    FIELD(AP, sig),
    FIELD(AP, ssts),
    FIELD(AP, sctl),
    FIELD(AP, serr),
    FIELD(AP, sact),
    FIELD(AP, ci),
    FIELD(AP, slot),
    FIELD(AP, last),
    FIELD(AP, failed),
    FIELD(AP, queued),
    FIELD(AP, next),
    FIELD(AP, region),
    FIELD(AP, used),
    FIELD(AP, moved),
    FIELD(AP, queue_timer.deadline),
    FIELD_STRUCT_AS("drive.smart", AP, ch.drive[0].smart, ata_smart_fields),
};
#undef AP
static const struct field ahci_fields[] = {
    FIELDS(struct ahci, pci.config), FIELD(struct ahci, ghc),   FIELD(struct ahci, is),
    FIELD(struct ahci, line),        FIELD(struct ahci, index),
};

static void reset(void *state)
{
    struct ahci *h = state;
    h->line = 0;
    h->index = 0;
    msi_reset(&h->pci, MSI_AT);
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        ide_drive_reset(&h->port[i].ch.drive[0]);
    reset_all(h);
}

static void loaded(void *state)
{
    struct ahci *h = state;
    h->index &= AHCI_BAR - 4;
    pci_loaded(h->board, &h->pci);
}

/* The state may come from a damaged file: nothing in it may cause an access outside of a buffer or of a disk. */
static void port_loaded(void *state)
{
    struct ahci_port *p = state;
    p->ch.unit = 0;
    ide_channel_loaded(&p->ch);
    ide_drive_loaded(&p->ch.drive[0]);
    if (p->slot > AHCI_SLOTS)
        p->slot = AHCI_SLOTS;
    p->last %= AHCI_SLOTS;
    p->next %= AHCI_SLOTS;
    p->ch.entry = p->slot < AHCI_SLOTS ? p->slot + 1u : 0;
}

static void keep(void *state) {}

/* ---------------------------------------------------------------- creation */

static int attach(struct ahci *h, struct error *err)
{
    struct drive drives[AHCI_PORTS];
    int n = drives_of(board_config(h->board), DRIVE_AHCI, drives, AHCI_PORTS, err);
    for (int i = 0; i < n; i++)
        ide_attach(h->board, &h->port[i].ch.drive[0], &drives[i]);
    return n < 0 ? -1 : 0;
}

static void add_port(struct ahci *h, unsigned i)
{
    struct ahci_port *p = &h->port[i];
    p->hba = h;
    p->index = i;
    p->ch.drive[0].number = DRIVE_NUMBER_AHCI + i;
    snprintf(p->name, sizeof p->name, "ahci.port%u", i & 7);
    ahci_port_init(p);
    board_add_chip(h->board, &(struct chip){.name = p->name,
                                            .fields = port_fields,
                                            .nfields = FIELD_COUNT(port_fields),
                                            .state = p,
                                            .loaded = port_loaded,
                                            .destroy = keep});
}

static void init_pci(struct ahci *h, unsigned devfn)
{
    pci_init(&h->pci, "ahci", devfn, 0x8086, 0x2922, 0x010601, 2, 1);
    msi_init(&h->pci, MSI_AT);
    pci_add_capability(&h->pci, SATA_CAPABILITY, SATA_AT);
    h->pci.config[SATA_AT + 2] = 0x10;
    /* Serial ATA 3.1, 13.1: where the ports are. */
    h->pci.config[SATA_AT + 4] = SATA_BAR4 | (AHCI_IO_INDEX / 4) << 4;
    h->pci.bar[4] = (struct pci_bar){.size = AHCI_IO, .io = true, .map = map};
    h->pci.config[MAP] = MAP_AHCI;
    h->pci.bar[5] = (struct pci_bar){.size = AHCI_BAR, .map = map};
    h->pci.ctx = h;
    h->pci.written = config_written;
}

int ahci_create(struct board *b, const struct card *card, struct error *err)
{
    struct ahci *h = mem_zero(1, sizeof *h);
    h->board = b;
    h->io = UINT64_MAX;
    init_pci(h, card->devfn);
    h->mmio = board_mmio_bar(b, AHCI_BAR, h, mmio_read, mmio_write);
    board_add_chip(b, &(struct chip){.name = "ahci",
                                     .fields = ahci_fields,
                                     .nfields = FIELD_COUNT(ahci_fields),
                                     .state = h,
                                     .reset = reset,
                                     .loaded = loaded});
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        add_port(h, i);
    board_add_pci(b, &h->pci);
    return attach(h, err);
}
