/* pcibios.c - the PCI BIOS: INT 1Ah AH=B1h. The functions themselves are in pcibios_functions.h.
 *
 * Source: PCI SIG, PCI BIOS Specification 2.1: 4.3.5 (interrupt routing options), 4.3.6 (set interrupt).
 */
#include "bios/bios.h"
#include "bios/pcibios.h"
#include "bios/pcibios_functions.h"

enum {
    GET_ROUTING = 0x0e,
    SET_INTERRUPT = 0x0f,
    BUFFER_TOO_SMALL = 0x89,
    SET_FAILED = 0x88,
    PIR_HEADER = 32,
    PIR_SLOT = 16
};

/* The caller's buffer: its size, then where it is. */
static u8 routing(struct regs *r)
{
    u16 size = far_read16(CODE_SEG, shared.pir + 6) - PIR_HEADER, room = far_read16(r->es, r->di);
    u32 to = far_read32(r->es, r->di + 2);
    far_write16(r->es, r->di, size);
    if (room < size)
        return BUFFER_TOO_SMALL;
    far_copy(to >> 16, (u16)to, CODE_SEG, shared.pir + PIR_HEADER, size);
    r->bx = 0; /* no interrupt is exclusive to PCI */
    return PCI_OK;
}

/* Pin CL (0Ah: INTA#) of function BX gets interrupt CH: by the bridge's routing register of its link. */
static u8 set_interrupt(struct regs *r)
{
    u16 count = (far_read16(CODE_SEG, shared.pir + 6) - PIR_HEADER) / PIR_SLOT;
    u8 pin = r->cl - 0x0a, irq = r->ch;
    for (u16 i = 0; pin < 4 && i < count; i++) {
        u16 slot = shared.pir + PIR_HEADER + i * PIR_SLOT;
        if (far_read8(CODE_SEG, slot) != r->bh || far_read8(CODE_SEG, slot + 1) >> 3 != r->bl >> 3)
            continue;
        u16 allowed = far_read16(CODE_SEG, slot + 2 + pin * 3 + 1);
        if (irq > 15 || !(allowed >> irq & 1))
            return SET_FAILED;
        pci_write8(far_read8(CODE_SEG, shared.pir + 9), far_read8(CODE_SEG, slot + 2 + pin * 3), irq);
        pci_write8(r->bx, PCI_IRQ_LINE, irq);
        u16 elcr = irq < 8 ? 0x4d0 : 0x4d1;
        outb(elcr, inb(elcr) | 1 << (irq & 7));
        return PCI_OK;
    }
    return SET_FAILED;
}

void pci_service(struct regs *r)
{
    u8 function = r->al & 0x7f;
    r->al = function;
    if (function == GET_ROUTING && shared.pir)
        answer(r, routing(r));
    else if (function == SET_INTERRUPT && shared.pir)
        answer(r, set_interrupt(r));
    else
        answer(r, pci_call((struct pci_regs *)r));
}
