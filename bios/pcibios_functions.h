/* pcibios_functions.h - the PCI BIOS's functions, for the real-mode interrupt (pcibios.c) and the 32-bit
 * entry (pcibios32.c).
 *
 * Source: PCI SIG, PCI BIOS Specification 2.1. Code only, no data: the 32-bit copy runs wherever its caller's
 * segments are.
 */
#ifndef BIOS_PCIBIOS_FUNCTIONS_H
#define BIOS_PCIBIOS_FUNCTIONS_H

#include "bios/io.h"

/* In the order of PUSHAL; struct regs begins in the same way. */
struct pci_regs {
    u32 edi, esi, ebp, esp;
    union {
        u32 ebx;
        struct {
            u8 bl, bh;
        };
    };
    union {
        u32 edx;
        u16 dx;
    };
    union {
        u32 ecx;
        u16 cx;
        u8 cl;
    };
    union {
        u32 eax;
        struct {
            u8 al, ah;
        };
    };
};

enum {
    PCI_OK = 0x00,
    PCI_UNSUPPORTED = 0x81,
    PCI_BAD_VENDOR = 0x83,
    PCI_NOT_FOUND = 0x86,
    PCI_BAD_REGISTER = 0x87
};

/* Buses are numbered depth-first, so the bridges of bus 0 know the last one. */
static inline u8 pci_last_bus(void)
{
    u8 last = 0;
    for (int bdf = pci_next(-1, 0); bdf >= 0; bdf = pci_next(bdf, 0))
        if ((pci_read8(bdf, PCI_HEADER) & 0x7f) == 1 && pci_read8(bdf, 0x1a) > last)
            last = pci_read8(bdf, 0x1a);
    return last;
}

static inline u8 pci_present(struct pci_regs *r)
{
    r->al = 0x01; /* configuration mechanism #1 */
    r->bh = 0x02;
    r->bl = 0x10;
    r->cl = pci_last_bus();
    r->edx = 0x20494350; /* "PCI " */
    return PCI_OK;
}

/* The SI-th function whose masked register is the value. */
static inline u8 pci_find(struct pci_regs *r, unsigned reg, unsigned shift, u32 value)
{
    u16 index = (u16)r->esi;
    u8 last = pci_last_bus();
    for (int bdf = pci_next(-1, last); bdf >= 0; bdf = pci_next(bdf, last)) {
        if (pci_read32(bdf, reg) >> shift != value || index--)
            continue;
        r->bh = (u8)(bdf >> 8);
        r->bl = (u8)bdf;
        return PCI_OK;
    }
    return PCI_NOT_FOUND;
}

static inline u8 pci_access(struct pci_regs *r)
{
    u16 bdf = (u16)r->ebx, reg = (u16)r->edi;
    u8 size = 1 << ((r->al - 0x08) % 3);
    if (reg > 0xff || reg & (size - 1))
        return PCI_BAD_REGISTER;
    if (r->al == 0x08)
        r->cl = pci_read8(bdf, reg);
    else if (r->al == 0x09)
        r->cx = pci_read16(bdf, reg);
    else if (r->al == 0x0a)
        r->ecx = pci_read32(bdf, reg);
    else if (r->al == 0x0b)
        pci_write8(bdf, reg, r->cl);
    else if (r->al == 0x0c)
        pci_write16(bdf, reg, r->cx);
    else
        pci_write32(bdf, reg, r->ecx);
    return PCI_OK;
}

/* Executes function AL. Returns the new AH. */
static inline u8 pci_call(struct pci_regs *r)
{
    if (r->al == 0x01)
        return pci_present(r);
    if (r->al == 0x02)
        return r->dx == 0xffff ? PCI_BAD_VENDOR : pci_find(r, PCI_ID, 0, (u32)r->cx << 16 | r->dx);
    if (r->al == 0x03)
        return pci_find(r, PCI_CLASS, 8, r->ecx & 0xffffff);
    if (r->al >= 0x08 && r->al <= 0x0d)
        return pci_access(r);
    return PCI_UNSUPPORTED;
}

#endif
