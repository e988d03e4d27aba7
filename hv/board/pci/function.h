/* function.h - a function of the PCI bus: its configuration space, its BARs, and how the bus reaches it. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_PCI_FUNCTION_H
#define BOOTREEL_HV_BOARD_PCI_FUNCTION_H

#include "hv/board/board.h"

struct pci_bar {
    uint32_t size; /* power of two, or 0 if there is no BAR */
    bool io;
    bool prefetch;
    bool wide; /* of 64 bits: its upper half takes the place of the next BAR, which must be left empty */
    /* The BAR is now decoded at `base`, or no longer decoded (base UINT64_MAX). */
    void (*map)(void *ctx, unsigned bar, uint64_t base);
};
struct pci_device {
    const char *name;
    uint8_t devfn;
    uint8_t config[256]; /* belongs in the chip's field table: FIELDS(struct x, pci.config) */
    uint8_t wmask[256];  /* writable bits */
    uint8_t w1c[256];    /* write-1-to-clear bits */
    struct pci_bar bar[6];
    struct pci_bar rom;      /* bar number 6 */
    uint64_t mapped[7];      /* derived: where each is mapped now */
    uint8_t last_capability; /* where the list of capabilities ends; 0: there are none */
    uint8_t power, express;  /* where these capabilities are (express.h); 0: there is none */
    void *ctx;
    /* Before config bytes [reg, reg+size) are read by the guest, which may change them; may be NULL. */
    void (*reading)(void *ctx, unsigned reg, unsigned size);
    /* After config bytes [reg, reg+size) were written by the guest; may be NULL. */
    void (*written)(void *ctx, unsigned reg, unsigned size);
};
/* Standard header: ids, class (24 bits), header type, command register's writable bits, interrupt pin (1-4, 0
 * none). */
void pci_init(struct pci_device *, const char *name, unsigned devfn, uint16_t vendor, uint16_t device,
              uint32_t class_code, uint8_t revision, uint8_t pin);
/* Adds a capability of `size` bytes at `offset` (a multiple of 4, 40h or more) to the end of the list (PCI
 * Local Bus Specification 3.0, 6.7); its registers are the caller's to fill. */
void pci_add_capability(struct pci_device *, uint8_t id, unsigned offset);
/* On bus 0. The device must outlive the board. The bus resets the command register, BARs and interrupt
 * line. */
void board_add_pci(struct board *, struct pci_device *);
/* Resets what a function's configuration space holds, as the bus does. */
void pci_reset_function(struct board *, struct pci_device *);
/* Map the BARs again after a chip's fields were loaded. */
void pci_loaded(struct board *, struct pci_device *);

/* Configuration space as through CF8h/CFCh, size 1, 2 or 4, not crossing a dword. */
uint32_t pci_config_read(struct board *, unsigned devfn, unsigned reg, unsigned size);
void pci_config_write(struct board *, unsigned devfn, unsigned reg, unsigned size, uint32_t value);
/* Configuration space through memory (ECAM). `offset`: the register in bits 0-11, the function in bits 12-19,
 * the bus above. */
uint32_t pci_express_read(struct board *, uint32_t offset, unsigned size);
void pci_express_write(struct board *, uint32_t offset, unsigned size, uint32_t value);
struct pci_device *pci_function(struct board *, unsigned devfn);

#endif
