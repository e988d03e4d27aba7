/* pm1.h - what the power management of both boards has in common: the PM1 registers, the PM timer, the SCI,
 * and the SMI command port. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_PM1_H
#define BOOTREEL_HV_BOARD_CHIPSET_PM1_H

#include "hv/board/pci/function.h"
#include "hv/board/chip.h"

enum {
    PM_BASE_USUAL = 0x600, /* where every firmware of these boards puts the registers */
    APMC = 0xb2,
    APMS = 0xb3,
    SCI_LINE = 9,
    PM_HZ = 3579545,
};
/* I/O registers, by offset from PMBASE. */
enum { PMSTS = 0x00, PMEN = 0x02, PMCNTRL = 0x04, PMTMR = 0x08 };
enum {
    TMR_STS = 0x0001,
    GBL_STS = 0x0020,
    PWRBTN_STS = 0x0100,
    RTC_STS = 0x0400,
    WAK_STS = 0x8000,
    PM1_EVENTS = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS,
    PMSTS_BITS = 0x8d31, /* the bits of PMSTS; writing 1 clears them */
    SCI_EN = 0x0001,
    SLP_EN = 0x2000,
    SLEEP_S3 = 1,          /* sleep type */
    PMCNTRL_BITS = 0x1c03, /* GBL_RLS and SLP_EN read as 0 */
};

struct pm1 {
    struct board *board;
    const char *sleep_type;    /* "PIIX4 sleep type": for what is not implemented */
    struct pci_device *pci;    /* the function that it is part of, with where its ports are, */
    uint8_t base_at, on_at;    /* in these registers */
    uint8_t acpi_on, acpi_off; /* commands that set and clear SCI_EN without firmware, as on QEMU */
    /* Whether a general-purpose event is pending. */
    bool (*event)(void *ctx);
    /* Any other command. */
    void (*command)(void *ctx);
    void *ctx;

    /* state */
    uint16_t status, enable, control;
    uint8_t apm_command, apm_status;
    uint64_t toggle; /* the PM timer's tick at which bit 23 changes next and TMR_STS gets set */
    struct timer timer;

    uint32_t base;    /* derived: where the registers are mapped; 0 if they are not */
    uint8_t sci_line; /* derived */
};

/* Registers the timer and the ports APMC and APMS, and becomes the board's power management. */
void pm1_init(struct pm1 *, struct board *);
void pm1_reset(struct pm1 *);
/* Recomputes the SCI: to be called when a general-purpose event, or the line it goes to, has changed. */
void pm1_update(struct pm1 *);
/* A byte of the registers below PMTMR + 4; false if there is none at this offset. */
bool pm1_read(struct pm1 *, unsigned offset, uint8_t *value);
bool pm1_write(struct pm1 *, unsigned offset, uint8_t value);
/* Replaces one byte of a register. */
static inline void pm1_set_byte(uint16_t *reg, unsigned byte, uint8_t value)
{
    *reg = (uint16_t)((*reg & ~(0xffu << byte * 8)) | (unsigned)value << byte * 8);
}
/* Maps `size` ports at `to`, if that is not 0, instead of those at *at. */
void pm_move_ports(struct board *, uint32_t *at, uint32_t to, unsigned size, void *ctx, port_in_fn *,
                   port_out_fn *);

#endif
