/* pcibios32.c - the PCI BIOS for 32-bit callers: see entry32.S. */
#include "bios/pcibios_functions.h"

/* What AH and, if it is not 0, the carry flag become. */
u8 pci32_call(struct pci_regs *r)
{
    r->al &= 0x7f;
    r->ah = pci_call(r);
    return r->ah;
}
