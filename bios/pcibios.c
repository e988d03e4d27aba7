/* pcibios.c - the PCI BIOS: INT 1Ah AH=B1h.
 *
 * Source: PCI SIG, PCI BIOS Specification 2.1. pcibios_service.h has the functions; start here from real mode, in pcibios32.c
 * from 32-bit code.
 */
#include "bios/bios.h"
#include "bios/pcibios.h"

void pci_service(struct regs *r)
{
    set_carry(r, true);
}
