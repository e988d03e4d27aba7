/* io.h - ports, CMOS, PCI configuration mechanism #1, POST codes. Used by 16-bit and 32-bit code. */
#ifndef BIOS_IO_H
#define BIOS_IO_H

#include "bios/types.h"

static inline void outb(u16 port, u8 value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(u16 port, u16 value)
{
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(u16 port, u32 value)
{
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u16 inw(u16 port)
{
    u16 value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u32 inl(u16 port)
{
    u32 value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void cli(void)
{
    asm volatile("cli" : : : "memory");
}
static inline void sti(void)
{
    asm volatile("sti" : : : "memory");
}

/* ---- POST codes: bios/README.md lists them ---- */

static inline void post_code(u8 code)
{
    outb(0x80, code);
}

/* ---- CMOS ---- */

enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71 };

/* Bit 7 of the index would mask NMI, which stays enabled. */
static inline u8 cmos_read(u8 index)
{
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

static inline void cmos_write(u8 index, u8 value)
{
    outb(CMOS_INDEX, index);
    outb(CMOS_DATA, value);
}

/* ---- PCI: bdf is bus << 8 | device << 3 | function ---- */

enum { PCI_ADDRESS = 0xcf8, PCI_DATA = 0xcfc };

static inline void pci_select(u16 bdf, unsigned reg)
{
    outl(PCI_ADDRESS, 0x80000000u | (u32)bdf << 8 | (reg & 0xfc));
}

static inline u32 pci_read32(u16 bdf, unsigned reg)
{
    pci_select(bdf, reg);
    return inl(PCI_DATA);
}

static inline u16 pci_read16(u16 bdf, unsigned reg)
{
    pci_select(bdf, reg);
    return inw(PCI_DATA + (reg & 2));
}

static inline u8 pci_read8(u16 bdf, unsigned reg)
{
    pci_select(bdf, reg);
    return inb(PCI_DATA + (reg & 3));
}

static inline void pci_write32(u16 bdf, unsigned reg, u32 value)
{
    pci_select(bdf, reg);
    outl(PCI_DATA, value);
}

static inline void pci_write16(u16 bdf, unsigned reg, u16 value)
{
    pci_select(bdf, reg);
    outw(PCI_DATA + (reg & 2), value);
}

static inline void pci_write8(u16 bdf, unsigned reg, u8 value)
{
    pci_select(bdf, reg);
    outb(PCI_DATA + (reg & 3), value);
}

enum {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04,
    PCI_CLASS = 0x08, /* revision in the low byte */
    PCI_HEADER = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_ROM = 0x30,
    PCI_IRQ_LINE = 0x3c,
    PCI_IRQ_PIN = 0x3d,
    PCI_CMD_IO = 1,
    PCI_CMD_MEMORY = 2,
    PCI_CMD_MASTER = 4,
};

/* The next function after bdf that exists, up to the last bus; -1 if there is none. Begin with -1. */
static inline int pci_next(int bdf, unsigned last_bus)
{
    for (;;) {
        bool single = bdf >= 0 && !(bdf & 7) && !(pci_read8(bdf, PCI_HEADER) & 0x80);
        bdf = bdf < 0 ? 0 : single || pci_read16(bdf & ~7, PCI_ID) == 0xffff ? (bdf | 7) + 1 : bdf + 1;
        if (bdf > (int)(last_bus << 8 | 0xff))
            return -1;
        if (pci_read16(bdf, PCI_ID) != 0xffff)
            return bdf;
    }
}

#endif
