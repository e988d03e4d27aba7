/* acpi_pm.h - registers of the PIIX4 power management function: PCI configuration, I/O. Private to
 * hv/board. */
#ifndef BOOTREEL_HV_BOARD_ACPI_PM_H
#define BOOTREEL_HV_BOARD_ACPI_PM_H

enum {
    REG_PMBASE = 0x40,
    REG_DEVACTB = 0x58,
    REG_PMREGMISC = 0x80,
    REG_SMBBASE = 0x90,
    REG_SMBCFG = 0xd2,
    PM_BASE_USUAL = 0x600, /* where every firmware of this board puts the registers */
    PM_SIZE = 64,
    SMB_SIZE = 16,
    GPE_BASE = 0xafe0,
    APMC = 0xb2,
    APMS = 0xb3,
    SCI_LINE = 9,
    PM_HZ = 3579545,
};
/* I/O registers, by offset. */
enum {
    PMSTS = 0x00,
    PMEN = 0x02,
    PMCNTRL = 0x04,
    PMTMR = 0x08,
    GLBSTS = 0x18,
    GLBEN = 0x20,
    GLBCTL = 0x28,
};
enum {
    TMR_STS = 0x0001,
    GBL_STS = 0x0020,
    PWRBTN_STS = 0x0100,
    RTC_STS = 0x0400,
    PM1_EVENTS = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS,
    PMSTS_BITS = 0x8d31, /* the bits of PMSTS; writing 1 clears them */
    SCI_EN = 0x0001,
    SLP_EN = 0x2000,
    PMCNTRL_BITS = 0x1c03, /* GBL_RLS and SLP_EN read as 0 */
    APM_STS = 0x0020,
    SMI_EN = 0x0001,
    APMC_EN = 0x02, /* in byte DEVACTB + 3 */
    CMD_ACPI_ENABLE = 0xf1,
    CMD_ACPI_DISABLE = 0xf0,
};

#endif
