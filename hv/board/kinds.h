/* kinds.h - the kinds of board that there are, and what is where on each. Which chips each has is in chips.c.
 * Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_KINDS_H
#define BOOTREEL_HV_BOARD_KINDS_H

#include "hv/board/storage/drives.h"

/* What the ACPI tables say of a board. */
struct acpi_facts {
    const uint8_t *dsdt;
    size_t dsdt_size;
    uint8_t pm_ports;          /* the length of the PM registers, as in the DSDT */
    uint8_t acpi_on, acpi_off; /* SMI commands */
    uint32_t gpe;              /* GPE block 0: a port, or if gpe_in_pm an offset from PMBASE */
    bool gpe_in_pm;
    uint8_t gpe_length;
    bool ecam; /* there is an MCFG */
};

/* A configuration register that firmware sets before it boots. */
struct setup_write {
    uint8_t devfn, reg, size;
    uint32_t value;
};

enum board_id { BOARD_PC, BOARD_Q35, BOARDS };

struct board_kind {
    enum board_id id;
    const char *name;    /* the setting "machine" */
    const char *product; /* in SMBIOS */
    /* Memory below 4 GiB: all of it up to `ram_most`, else `ram_split`. */
    uint32_t ram_most, ram_split;
    uint8_t vga_devfn;
    uint8_t ahci_devfn;          /* of the AHCI controller that is part of the board; 0: there is none */
    enum drive_interface drives; /* of drives for which no interface is given */
    const struct acpi_facts *acpi;
    /* What firmware sets, after it has placed the BARs. */
    const struct setup_write *setup;
    size_t nsetup;
    uint8_t isa_devfn, pirq[8]; /* the ISA bridge, and its routing registers: 0 ends the list */
    /* The PIRQ (0 = A) of a slot's pin (0 = INTA) after a reset. */
    unsigned (*pirq_of)(unsigned slot, unsigned pin);
};

/* The kind that a configuration asks for; without the setting, "pc". NULL with err if there is none of that name. */
const struct board_kind *board_kind_of(const struct engine_config *, struct error *);

#endif
