/* pci.h - registers of PCI configuration space, by offset. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_PCI_PCI_H
#define BOOTREEL_HV_BOARD_PCI_PCI_H

enum {
    REG_COMMAND = 0x04,
    REG_STATUS = 0x06,
    REG_CACHE_LINE = 0x0c,
    REG_LATENCY = 0x0d,
    REG_BAR0 = 0x10,
    REG_ROM = 0x30,
    REG_CAPABILITIES = 0x34,
    REG_LINE = 0x3c,
    STATUS_CAPABILITIES = 0x10,
    CMD_IO = 1,
    CMD_MEMORY = 2,
    BAR_ROM = 6,
};
/* Offsets in the capabilities for power management and of PCI Express. */
enum {
    POWER_CONTROL = 4,
    POWER_STATE_BITS = 3,
    POWER_D3 = 3,
    EXPRESS_CONTROL = 8,
    EXPRESS_LINK_CONTROL = 16
};
/* What device control is after a reset: relaxed ordering, no snoop, reads of 512 bytes. */
enum { EXPRESS_DEFAULT = 0x2810 };

/* "IDE controller": a base class and subclass (pci_words.c); NULL if there are no words for it. */
const char *pci_class_words(uint16_t code);

#endif
