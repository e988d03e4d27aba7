/* msi.h - MSI of a PCI function with one message: its capability of 14 bytes, all in configuration space.
 * Private to hv/board.
 *
 * Source: PCI Local Bus Specification 3.0, 6.8.1. */
#ifndef BOOTREEL_HV_BOARD_PCI_MSI_H
#define BOOTREEL_HV_BOARD_PCI_MSI_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

enum { MSI_CAPABILITY = 0x05 };

/* Adds the capability, with an address of 64 bits, at `capability` to the function's list. */
void msi_init(struct pci_device *, unsigned capability);
void msi_reset(struct pci_device *, unsigned capability);
/* Whether the function sends messages instead of its interrupt pin. */
bool msi_enabled(const struct pci_device *, unsigned capability);
/* Sends the message, if they are enabled. */
void msi_notify(struct board *, const struct pci_device *, unsigned capability);

#endif
