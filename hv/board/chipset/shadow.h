/* shadow.h - what the host bridges have in common: shadow RAM below 1 MiB (PAM) and memory for system
 * management mode (SMRAM). Private to hv/board.
 *
 * The registers are in the bridge's configuration space; each bridge says where. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_SHADOW_H
#define BOOTREEL_HV_BOARD_CHIPSET_SHADOW_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

#define PAM_REGISTERS 7u

enum {
    SMRAM_OPEN = 0x40,
    SMRAM_CLOSED = 0x20,
    SMRAM_LOCK = 0x10,
    SMRAM_ENABLE = 0x08,
    SMRAM_SEGMENT = 0x02, /* A0000h-BFFFFh, read-only */
    SMRAM_START = 0xa0000,
    SMRAM_SIZE = 0x20000,
    BIOS_LOW = 0xe0000,
    BIOS_LOW_SIZE = 0x20000,
};

struct shadow {
    struct board *board;
    struct pci_device *pci;
    const char *what;         /* "i440fx SMRAM D_CLS", for what is not implemented */
    uint8_t pam_at, smram_at; /* registers */
    /* Called when a processor enters or leaves system management mode; may be NULL. */
    void (*smm)(void *ctx);
    void *ctx;

    uint64_t smm_cpus; /* state: processors in system management mode, one bit each */
    uint8_t smram;     /* state: the register's value, which determines what a write may change */

    uint8_t pam[PAM_REGISTERS]; /* derived: how the memory is mapped now */
    bool smram_open;            /* derived */
    bool mapped;                /* derived: pam[] and smram_open are valid */
};

/* The rows of a bridge's field table. */
#define SHADOW_FIELDS(type, member)                                                                          \
    FIELD_AS("smm_cpus", type, member.smm_cpus), FIELD_AS("smram", type, member.smram)

/* `pci` must have its header already; its registers' writable bits are set here. */
void shadow_init(struct shadow *, struct board *, struct pci_device *pci, unsigned pam_at, unsigned smram_at,
                 const char *what);
/* Configuration bytes [reg, reg+size) were written. */
void shadow_written(struct shadow *, unsigned reg, unsigned size);
/* Sets the registers to their values after a reset. */
void shadow_reset(struct shadow *);
void shadow_loaded(struct shadow *);
/* Whether processors see system management memory: it is enabled, and open or used. */
bool shadow_visible(const struct shadow *);

#endif
