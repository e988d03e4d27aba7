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

#endif
