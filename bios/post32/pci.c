/* pci.c - PCI: numbers the buses, gives every function its addresses and interrupt, sets up the chipset.
 *
 * Sources: PCI Local Bus Specification 2.1, 6.2.5 (base addresses); PCI-to-PCI Bridge Architecture 1.1, 3.2;
 * Intel 82371SB (PIIX3) datasheet, PIRQRC 60h-63h and IDETIM 40h; 82371AB (PIIX4), PMBASE 40h, SMBBA 90h;
 * 8259 ELCR 4D0h-4D1h; Intel 3 Series Express Chipset datasheet, PCIEXBAR 60h; ICH9 datasheet, 13.1 (PMBASE 40h, ACPI_CNTL 44h,
 * PIRQx_ROUT 60h and 68h, RCBA F0h), 20.1 (HOSTC 40h). Addresses are given out upwards, bus by bus, the largest first; a bridge's window is
 * what its bus has used.
 */
#include "bios/drives32/drives.h"

enum {
    IO_START = 0xc000,
    IO_END = 0x10000,
    MEMORY_START = 0xe0000000,
    MEMORY_END = 0xfec00000, /* I/O APIC */
    PM_BASE = 0x600,         /* the FADT says so too */
    SMB_BASE = 0x700,
    ECAM = 0xb0000000, /* configuration space in memory, as the MCFG says */
    ECAM_SIZE = 0x10000000,
    RCBA = 0xfed1c000, /* the ICH9's root complex registers */
    RCBA_SIZE = 0x4000,
    BAR_MAX = 64, /* base addresses on one bus that are handled */
    CLASS_BRIDGE = 0x0604,
    CLASS_IDE = 0x0101,
    CLASS_VGA = 0x0300,
};

struct bar {
    u16 bdf;
    u8 reg;
    bool io, wide;
    u32 size;
};

static struct {
    u32 io, memory; /* the next free address */
} next;
static u8 last_bus;

static u16 class_of(u16 bdf)
{
    return (u16)(pci_read32(bdf, PCI_CLASS) >> 16);
}

static bool is_bridge(u16 bdf)
{
    return (pci_read8(bdf, PCI_HEADER) & 0x7f) == 1;
}

/* The next function on the same bus. */
static int next_on_bus(int bdf, u8 bus)
{
    bdf = pci_next(bdf < 0 ? bus ? (bus << 8) - 1 : -1 : bdf, bus);
    return bdf >= 0 && bdf >> 8 == bus ? bdf : -1;
}

/* ---------------------------------------------------------------- buses */

static void number_buses(u8 bus)
{
    for (int bdf = next_on_bus(-1, bus); bdf >= 0; bdf = next_on_bus(bdf, bus)) {
        if (!is_bridge(bdf))
            continue;
        u8 secondary = ++last_bus;
        pci_write8(bdf, 0x18, bus);
        pci_write8(bdf, 0x19, secondary);
        pci_write8(bdf, 0x1a, 0xff);
        number_buses(secondary);
        pci_write8(bdf, 0x1a, last_bus);
    }
}

/* ---------------------------------------------------------------- base addresses */

static void size_bar(u16 bdf, u8 reg, struct bar *b)
{
    u32 keep = pci_read32(bdf, reg), mask;
    bool rom = reg == PCI_ROM || reg == 0x38;
    pci_write32(bdf, reg, rom ? 0xfffff800 : 0xffffffff);
    mask = pci_read32(bdf, reg);
    pci_write32(bdf, reg, keep);
    *b = (struct bar){.bdf = bdf, .reg = reg};
    if (!mask || mask == 0xffffffff)
        return;
    b->io = !rom && mask & 1;
    b->wide = !rom && !b->io && (mask & 6) == 4;
    mask &= rom ? 0xfffff800 : b->io ? ~3u : ~15u;
    b->size = b->io ? (~(mask | 0xffff0000) + 1) & 0xffff : ~mask + 1;
}

static unsigned collect(u8 bus, struct bar *list)
{
    unsigned n = 0;
    for (int bdf = next_on_bus(-1, bus); bdf >= 0; bdf = next_on_bus(bdf, bus)) {
        bool bridge = is_bridge(bdf);
        for (unsigned i = 0; i < 7; i++) {
            u8 reg = i == 6 ? (bridge ? 0x38 : PCI_ROM) : PCI_BAR0 + 4 * i;
            if ((bridge && i >= 2 && i < 6) || n == BAR_MAX)
                continue;
            size_bar(bdf, reg, &list[n]);
            i += list[n].wide;
            n += list[n].size != 0;
        }
    }
    return n;
}

static void sort(struct bar *list, unsigned n)
{
    for (unsigned i = 1; i < n; i++)
        for (unsigned k = i; k && list[k].size > list[k - 1].size; k--) {
            struct bar t = list[k];
            list[k] = list[k - 1];
            list[k - 1] = t;
        }
}

static void place(const struct bar *b)
{
    u32 *at = b->io ? &next.io : &next.memory, end = b->io ? IO_END : MEMORY_END;
    u32 where = (*at + b->size - 1) & ~(b->size - 1);
    if (where < *at || where > end || b->size > end - where) {
        log("PCI %02x:%02x.%x: no room for %x bytes at register %02x\n", b->bdf >> 8, b->bdf >> 3 & 31,
            b->bdf & 7, b->size, b->reg);
        return;
    }
    *at = where + b->size;
    pci_write32(b->bdf, b->reg, where);
    if (b->wide)
        pci_write32(b->bdf, b->reg + 4, 0);
    log("PCI %02x:%02x.%x register %02x: %s %08x-%08x\n", b->bdf >> 8, b->bdf >> 3 & 31, b->bdf & 7, b->reg,
        b->io ? "I/O" : "memory", where, where + b->size - 1);
}

/* A window that is empty has its base above its limit. */
static void set_windows(u16 bdf, u32 io, u32 memory)
{
    u32 io_last = next.io - 1, memory_last = next.memory - 1;
    pci_write8(bdf, 0x1c, io >> 8 & 0xf0);
    pci_write8(bdf, 0x1d, io_last >> 8 & 0xf0);
    if (io == next.io)
        pci_write16(bdf, 0x1c, 0x00f0);
    pci_write16(bdf, 0x20, memory >> 16 & 0xfff0);
    pci_write16(bdf, 0x22, memory == next.memory ? 0 : memory_last >> 16 & 0xfff0);
    pci_write16(bdf, 0x24, 0xfff0); /* prefetchable: none */
    pci_write16(bdf, 0x26, 0x0000);
}

static u32 round_up(u32 n, u32 unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

static void assign_bus(u8 bus)
{
    struct bar list[BAR_MAX];
    unsigned n = collect(bus, list);
    sort(list, n);
    for (unsigned i = 0; i < n; i++)
        place(&list[i]);
    for (int bdf = next_on_bus(-1, bus); bdf >= 0; bdf = next_on_bus(bdf, bus)) {
        if (!is_bridge(bdf))
            continue;
        u32 io = next.io = round_up(next.io, 0x1000), memory = next.memory = round_up(next.memory, 0x100000);
        assign_bus(pci_read8(bdf, 0x19));
        next.io = round_up(next.io, 0x1000);
        next.memory = round_up(next.memory, 0x100000);
        set_windows(bdf, io, memory);
    }
}

/* ---------------------------------------------------------------- interrupts and functions */

bool is_q35(void)
{
    return pci_read32(0, PCI_ID) == 0x29c08086;
}

/* With an i440FX, slot 1 pin A is PIRQ A, and so on around. A Q35's slots are wired to PIRQ E-H, the ICH9's own functions to A-D. */
u8 pirq_of(u8 slot, u8 pin)
{
    if (!is_q35())
        return (slot + 3 + pin) & 3;
    if (slot == 30)
        return 4 + pin;
    return slot > 24 ? pin : 4 + ((slot + pin) & 3);
}

/* PIRQ A, B, E and F are IRQ 10, the others 11; behind a bridge the pins
 * are rotated again by the slot (PCI-to-PCI Bridge Architecture, 9.1). */
static u8 irq_of(u16 bdf, u8 pin)
{
    for (u8 bus = bdf >> 8; bus;) {
        int up = -1;
        for (u8 upper = 0; upper < bus && up < 0; upper++)
            for (int b = next_on_bus(-1, upper); b >= 0; b = next_on_bus(b, upper))
                if (is_bridge(b) && pci_read8(b, 0x19) == bus)
                    up = b;
        if (up < 0)
            break;
        pin = (pin + (bdf >> 3 & 31)) & 3;
        bdf = up;
        bus = bdf >> 8;
    }
    return pirq_of(bdf >> 3 & 31, pin) & 2 ? 11 : 10;
}

static void route(u16 bdf, u8 reg)
{
    for (unsigned i = 0; i < 4; i++)
        pci_write8(bdf, reg + i, i < 2 ? 10 : 11);
}

static void init_isa_bridge(u16 bdf)
{
    route(bdf, 0x60);
    outb(0x4d0, 0x00); /* IRQ 10 and 11 are levels */
    outb(0x4d1, 0x0c);
}

static void init_power_management(u16 bdf)
{
    pci_write8(bdf, PCI_IRQ_LINE, 9);
    pci_write32(bdf, 0x40, PM_BASE | 1);
    pci_write8(bdf, 0x80, 1);
    pci_write32(bdf, 0x90, SMB_BASE | 1);
    pci_write8(bdf, 0xd2, 9);
}

static void init_mch(u16 bdf)
{
    pci_write32(bdf, 0x64, 0);
    pci_write32(bdf, 0x60, ECAM | 1);
    e820_set(ECAM, ECAM + (u64)ECAM_SIZE, E820_RESERVED);
}

static void init_lpc(u16 bdf)
{
    init_isa_bridge(bdf);
    route(bdf, 0x68);
    pci_write32(bdf, 0x40, PM_BASE | 1);
    pci_write8(bdf, 0x44, 0x80);
    pci_write32(bdf, 0xf0, RCBA | 1);
    e820_set(RCBA, RCBA + RCBA_SIZE, E820_RESERVED);
}

static void init_function(u16 bdf)
{
    u8 pin = pci_read8(bdf, PCI_IRQ_PIN);
    u16 command = PCI_CMD_IO | PCI_CMD_MEMORY | 0x100, class = class_of(bdf);
    if (pin)
        pci_write8(bdf, PCI_IRQ_LINE, irq_of(bdf, pin - 1));
    switch (pci_read32(bdf, PCI_ID)) {
    case 0x70008086: /* PIIX3 */
    case 0x71108086: /* PIIX4 */
        init_isa_bridge(bdf);
        break;
    case 0x70108086:
    case 0x71118086:
        pci_write32(bdf, 0x40, 0x80008000); /* both channels decoded */
        break;
    case 0x71138086:
        init_power_management(bdf);
        break;
    case 0x29c08086:
        init_mch(bdf);
        break;
    case 0x29188086:
        init_lpc(bdf);
        break;
    case 0x29308086:
        pci_write8(bdf, 0x40, 1); /* the SMBus controller on */
        break;
    }
    if (class == CLASS_IDE && !SHARED.ide)
        SHARED.ide = bdf;
    drives_note(bdf, class);
    if (class == CLASS_VGA && !SHARED.vga)
        SHARED.vga = bdf;
    if (class == CLASS_IDE || is_bridge(bdf))
        command |= PCI_CMD_MASTER;
    pci_write16(bdf, PCI_COMMAND, pci_read16(bdf, PCI_COMMAND) | command);
    log("PCI %02x:%02x.%x: %08x class %04x irq %u\n", bdf >> 8, bdf >> 3 & 31, bdf & 7,
        pci_read32(bdf, PCI_ID), class, pin ? pci_read8(bdf, PCI_IRQ_LINE) : 0);
}

void pci_init(void)
{
    next.io = IO_START;
    next.memory = MEMORY_START;
    number_buses(0);
    assign_bus(0);
    for (int bdf = pci_next(-1, last_bus); bdf >= 0; bdf = pci_next(bdf, last_bus))
        init_function(bdf);
    SHARED.last_bus = last_bus;
}
