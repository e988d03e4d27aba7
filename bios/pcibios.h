/* pcibios.h - the PCI BIOS, for 16-bit and 32-bit callers. */
#ifndef BIOS_PCIBIOS_H
#define BIOS_PCIBIOS_H

struct regs;

/* INT 1Ah AH=B1h. */
void pci_service(struct regs *r);

#endif
