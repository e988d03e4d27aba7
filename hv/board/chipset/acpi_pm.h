/* acpi_pm.h - registers of the PIIX4 power management function: PCI configuration, I/O. Private to
 * hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_ACPI_PM_H
#define BOOTREEL_HV_BOARD_CHIPSET_ACPI_PM_H

#include "hv/board/chipset/pm1.h"

enum {
    REG_PMBASE = 0x40,
    REG_DEVACTB = 0x58,
    REG_PMREGMISC = 0x80,
    REG_SMBBASE = 0x90,
    REG_SMBCFG = 0xd2,
    PM_SIZE = 64,
    SMB_SIZE = 16,
    GPE_BASE = 0xafe0,
};
/* I/O registers beyond those of pm1.h, by offset. */
enum { GLBSTS = 0x18, GLBEN = 0x20, GLBCTL = 0x28 };
enum {
    APM_STS = 0x0020,
    SMI_EN = 0x0001,
    APMC_EN = 0x02, /* in byte DEVACTB + 3 */
    CMD_ACPI_ENABLE = 0xf1,
    CMD_ACPI_DISABLE = 0xf0,
};

/* acpi_pm.c: address of the power management registers, or if they are not mapped yet, where the board's own
 * firmware puts them. */
uint32_t acpi_pm_base(struct board *);
/* What power management keeps during S3: what wakes the board, and where its ports are. */
struct pm_kept {
    uint16_t may_wake; /* of PM1_EN */
    uint8_t base[4], on;
};
void acpi_keep(struct board *, struct pm_kept *);
void acpi_restore(struct board *, const struct pm_kept *);

#endif
