/* msix.h - MSI-X of a PCI function: its capability, its table and its pending bits in a memory BAR. Private
 * to hv/board.
 *
 * Source: PCI Local Bus Specification 3.0, 6.8.2. A function that has it embeds a struct msix in its own struct, lists
 * msix_fields in its field table (FIELD_STRUCT), and passes on accesses to the table and to configuration space. */
#ifndef BOOTREEL_HV_BOARD_PCI_MSIX_H
#define BOOTREEL_HV_BOARD_PCI_MSIX_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

enum { MSIX_MOST = 66, MSIX_ENTRY = 16, MSIX_CAPABILITY = 0x11, MSIX_CAPABILITY_SIZE = 12 };

struct msix {
    struct board *board;
    struct pci_device *pci;
    unsigned capability; /* its offset in configuration space */
    unsigned vectors;
    unsigned table, pending_bits; /* offsets in the BAR */

    /* state; message control is in configuration space */
    uint32_t entry[MSIX_MOST * 4]; /* address, upper address, data, vector control */
    uint64_t pending[(MSIX_MOST + 63) / 64];
};
extern const struct field msix_fields[2];

/* Adds the capability at `capability` to the function's list: `vectors` (1 to MSIX_MOST) entries, whose table
 * is at offset `table` of BAR `bar`, the pending bits at offset `pending_bits`; both multiples of 8. */
void msix_init(struct msix *, struct board *, struct pci_device *, unsigned capability, unsigned bar,
               unsigned table, unsigned pending_bits, unsigned vectors);
void msix_reset(struct msix *);

/* Whether the function sends messages instead of its interrupt pin. */
bool msix_enabled(const struct msix *);
/* The function's interrupt `vector` happens: sends its message, or keeps it pending while it is masked.
 * Vectors beyond the table are ignored. */
void msix_notify(struct msix *, unsigned vector);
/* Drops the vector's pending message. */
void msix_clear(struct msix *, unsigned vector);

/* Whether the offset in the BAR is in the table or in the pending bits; then the accesses, of 1 to 8 bytes. */
bool msix_covers(const struct msix *, uint64_t offset);
uint64_t msix_read(const struct msix *, uint64_t offset, unsigned size);
void msix_write(struct msix *, uint64_t offset, unsigned size, uint64_t value);
/* For a BAR that has nothing but these, as board_mmio's functions; `msix`: the struct. Other offsets are 0,
 * and cannot be written. */
uint64_t msix_bar_read(void *msix, uint64_t offset, unsigned size);
void msix_bar_write(void *msix, uint64_t offset, unsigned size, uint64_t value);
/* For the function's `written`: message control may have changed. */
void msix_config_written(struct msix *, unsigned reg, unsigned size);

#endif
