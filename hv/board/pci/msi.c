/* msi.c - see msi.h. */
#include "hv/board/interrupts/controllers.h"
#include "hv/board/pci/function.h"
#include "hv/board/pci/msi.h"

#include <string.h>

/* Offsets in the capability. */
enum { CONTROL = 2, ADDRESS = 4, UPPER = 8, DATA = 12, LENGTH = 14, CONTROL_ENABLE = 1, CONTROL_64 = 0x80 };

void msi_init(struct pci_device *pci, unsigned capability)
{
    pci_add_capability(pci, MSI_CAPABILITY, capability);
    pci->config[capability + CONTROL] = CONTROL_64;
    pci->wmask[capability + CONTROL] = CONTROL_ENABLE;
    memset(pci->wmask + capability + ADDRESS, 0xff, LENGTH - ADDRESS);
    pci->wmask[capability + ADDRESS] = 0xfc;
}

void msi_reset(struct pci_device *pci, unsigned capability)
{
    pci->config[capability + CONTROL] &= (uint8_t)~CONTROL_ENABLE;
    memset(pci->config + capability + ADDRESS, 0, LENGTH - ADDRESS);
}

bool msi_enabled(const struct pci_device *pci, unsigned capability)
{
    return pci->config[capability + CONTROL] & CONTROL_ENABLE;
}

static uint32_t get(const struct pci_device *pci, unsigned at, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)pci->config[at + i] << i * 8;
    return v;
}

void msi_notify(struct board *b, const struct pci_device *pci, unsigned capability)
{
    if (msi_enabled(pci, capability))
        lapic_msi(b, (uint64_t)get(pci, capability + UPPER, 4) << 32 | get(pci, capability + ADDRESS, 4),
                  get(pci, capability + DATA, 2));
}
