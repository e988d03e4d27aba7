/* direct.c - what firmware does to the board before it boots, for a kernel that is loaded without firmware.
 *
 * Everything goes through the chips' own registers, as firmware would. Sources: the datasheets named in the
 * chips' files; the BIOS data area after IBM's PC/AT technical reference; mode 3's VGA registers from the IBM
 * VGA reference; the values that a BIOS leaves in registers from SeaBIOS (PIRQs on IRQ 10 and 11, PMBASE
 * 600h, COM and interrupt set-up). */
#include "hv/board/bus.h"
#include "hv/board/firmware/tables.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/irq.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/internal.h"
#include "hv/board/kinds.h"

#include <string.h>

enum {
    EBDA = 0x9fc00,
    ROM_AREA = 0xe0000, /* where the loader puts ACPI tables and SMBIOS */
};

/* ---------------------------------------------------------------- memory map */

size_t board_e820_ram(struct board *b, struct e820_entry *map, size_t max)
{
    const struct e820_entry all[] = {{0, b->ram_low, 1}, {0x100000000ull, b->ram_high, 1}};
    size_t n = b->ram_high ? 2 : 1;
    for (size_t i = 0; i < n && i < max; i++)
        map[i] = all[i];
    return n;
}

size_t board_e820(struct board *b, struct e820_entry *map, size_t max)
{
    const struct e820_entry all[] = {
        {0, EBDA, 1},
        {EBDA, 0xa0000 - EBDA, 2},
        {ROM_AREA, 0x100000 - ROM_AREA, 2},
        {0x100000, b->ram_low - 0x100000, 1},
        {0xfffc0000, 0x40000, 2},
        {0x100000000ull, b->ram_high, 1},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].length)
            continue;
        if (n < max)
            map[n] = all[i];
        n++;
    }
    return n;
}

/* ---------------------------------------------------------------- ports */

struct port_write {
    uint16_t port;
    uint8_t value;
};

static void out(struct board *b, uint16_t port, unsigned size, uint32_t value)
{
    bool handled;
    bus_port_write(b, port, size, value, &handled);
}

static void out_all(struct board *b, const struct port_write *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out(b, w[i].port, 1, w[i].value);
}

static void setup_legacy(struct board *b)
{
    static const struct port_write writes[] = {
        /* 8259s: vectors 08h and 70h; all masked except the timer, keyboard and cascade */
        {0x20, 0x11},
        {0xa0, 0x11},
        {0x21, 0x08},
        {0xa1, 0x70},
        {0x21, 0x04},
        {0xa1, 0x02},
        {0x21, 0x01},
        {0xa1, 0x01},
        {0x21, 0xb8},
        {0xa1, 0xff},
        /* PCI interrupts 10 and 11 are level-triggered */
        {0x4d0, 0x00},
        {0x4d1, 0x0c},
        /* 8254 counter 0: 18.2 Hz, mode 2 */
        {0x43, 0x34},
        {0x40, 0x00},
        {0x40, 0x00},
        /* port 92h: A20 on */
        {0x92, 0x02},
    };
    out_all(b, writes, sizeof writes / sizeof writes[0]);
}

/* Intel SDM volume 3, 11.6.2.2 and MP specification 3.6.2.2: virtual wire mode through the local APIC. */
static void setup_lapic(struct board *b)
{
    enum { SVR = 0xf0, LINT0 = 0x350, LINT1 = 0x360 };
    lapic_mmio_write(b, 0, SVR, 4, 0x1ff);
    lapic_mmio_write(b, 0, LINT0, 4, 0x8700);
    lapic_mmio_write(b, 0, LINT1, 4, 0x8400);
}

static void setup_bda(struct board *b)
{
    uint8_t bda[256] = {0};
    static const uint16_t com[4] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    for (unsigned i = 0; i < 4; i++) {
        bda[2 * i] = (uint8_t)com[i];
        bda[2 * i + 1] = (uint8_t)(com[i] >> 8);
    }
    bda[0x0e] = EBDA >> 4 & 0xff;
    bda[0x0f] = EBDA >> 12;
    bda[0x10] = 0x26; /* equipment: coprocessor, mouse, 80x25 colour; 4 serial ports */
    bda[0x11] = 0x08;
    bda[0x13] = (EBDA >> 10) & 0xff;
    bda[0x14] = EBDA >> 18;
    bda[0x49] = 3; /* video mode, columns */
    bda[0x4a] = 80;
    bda[0x4c] = 0x00; /* page size 1000h */
    bda[0x4d] = 0x10;
    bda[0x60] = 0x0e; /* cursor shape */
    bda[0x61] = 0x0d;
    bda[0x63] = 0xd4; /* CRTC */
    bda[0x64] = 0x03;
    bda[0x84] = 24;
    bda[0x85] = 16;
    physmem_write(b->mem, 0x400, bda, sizeof bda);
    physmem_write(b->mem, EBDA, "\1", 1); /* its size in KiB */
}

/* ---------------------------------------------------------------- VGA: text mode 3 */

static void setup_vga(struct board *b)
{
    static const uint8_t sequencer[] = {0x03, 0x00, 0x03, 0x00, 0x02};
    static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                   0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                   0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
    static const uint8_t graphics[] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff};
    static const uint8_t attribute[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
                                        0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};
    bool handled;
    if (!board_slot(b, SLOT_VGA))
        return;
    out(b, 0x3c2, 1, 0x67);
    for (unsigned i = 0; i < sizeof sequencer; i++)
        out(b, 0x3c4, 1, i), out(b, 0x3c5, 1, sequencer[i]);
    out(b, 0x3d4, 1, 0x11), out(b, 0x3d5, 1, 0x0e); /* CRTC registers 0-7 are unlocked */
    for (unsigned i = 0; i < sizeof crtc; i++)
        out(b, 0x3d4, 1, i), out(b, 0x3d5, 1, crtc[i]);
    for (unsigned i = 0; i < sizeof graphics; i++)
        out(b, 0x3ce, 1, i), out(b, 0x3cf, 1, graphics[i]);
    bus_port_read(b, 0x3da, 1, &handled); /* the next write to the attribute port is an index */
    for (unsigned i = 0; i < sizeof attribute; i++)
        out(b, 0x3c0, 1, i), out(b, 0x3c0, 1, attribute[i]);
    out(b, 0x3c0, 1, 0x20); /* turn the display on */
    out(b, 0x3c6, 1, 0xff);
    out(b, 0x3c8, 1, 0);
    for (unsigned i = 0; i < 64; i++) /* 6-bit EGA colours: rgbRGB, a third and two thirds */
        for (int c = 2; c >= 0; c--)
            out(b, 0x3c9, 1, (i >> c & 1) * 0x2a + (i >> (c + 3) & 1) * 0x15);
}

static void clear_screen(struct board *b)
{
    if (!board_slot(b, SLOT_VGA))
        return;
    for (unsigned i = 0; i < 80 * 25; i++)
        if (physmem_mapped(b->mem, 0xb8000 + i * 2, 2) == 2)
            physmem_write(b->mem, 0xb8000 + i * 2, "\x20\x07", 2);
        else
            bus_device_write(b, 0xb8000 + i * 2, 2, 0x0720);
}

/* ---------------------------------------------------------------- PCI */

struct windows {
    uint32_t io;     /* next free port, allocated upwards */
    uint32_t memory; /* end of the free range, allocated downwards */
};

static void place_bar(struct board *b, const struct pci_device *d, unsigned bar, struct windows *w)
{
    const struct pci_bar *r = &d->bar[bar];
    uint32_t at;
    if (!r->size)
        return;
    if (r->io) {
        at = (w->io + r->size - 1) & ~(r->size - 1);
        w->io = at + r->size;
    } else {
        at = w->memory = (w->memory - r->size) & ~(r->size - 1);
    }
    pci_config_write(b, d->devfn, 0x10 + bar * 4, 4, at);
}

/* SeaBIOS: PIRQA and B on 10, C and D on 11, and so on. */
static uint8_t pirq_irq(unsigned pirq)
{
    return pirq & 2 ? 11 : 10;
}

static void setup_function(struct board *b, const struct pci_device *d, struct windows *w)
{
    unsigned pin = d->config[0x3d];
    for (unsigned bar = 0; bar < 6; bar++)
        place_bar(b, d, bar, w);
    if (pin)
        pci_config_write(b, d->devfn, 0x3c, 1, pirq_irq(b->kind->pirq_of(d->devfn >> 3, pin - 1)));
    pci_config_write(b, d->devfn, 0x04, 2, pci_config_read(b, d->devfn, 0x04, 2) | 0x103);
}

static void setup_pci(struct board *b)
{
    struct windows w = {.io = 0xc000, .memory = 0xfeb00000};
    for (unsigned i = 0; i < PIRQS && b->kind->pirq[i]; i++)
        pci_config_write(b, b->kind->isa_devfn, b->kind->pirq[i], 1, pirq_irq(i));
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (pci_function(b, devfn))
            setup_function(b, pci_function(b, devfn), &w);
    for (size_t i = 0; i < b->kind->nsetup; i++) {
        const struct setup_write *r = &b->kind->setup[i];
        pci_config_write(b, r->devfn, r->reg, r->size, r->value);
    }
}

void board_direct_setup(struct board *b)
{
    setup_pci(b);
    setup_legacy(b);
    setup_lapic(b);
    setup_bda(b);
    setup_vga(b);
    clear_screen(b);
}
