/* ich9.h - registers of the ICH9's LPC bridge: configuration space, root complex registers, power management,
 * TCO. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_ICH9_H
#define BOOTREEL_HV_BOARD_CHIPSET_ICH9_H

#include "hv/board/chipset/pm1.h"

enum { ICH9_LPC = 31 << 3, ICH9_SATA = 31 << 3 | 2, ICH9_SMBUS = 31 << 3 | 3 };

/* Configuration space. */
enum {
    LPC_PMBASE = 0x40,
    LPC_ACPI_CNTL = 0x44,
    LPC_PIRQA = 0x60, /* A-D */
    LPC_PIRQE = 0x68, /* E-H */
    LPC_GEN_PMCON_1 = 0xa0,
    LPC_RCBA = 0xf0,
    ACPI_CNTL_ENABLE = 0x80,
    ACPI_CNTL_SCI = 0x07,
    GEN_PMCON_1_SMI_LOCK = 0x10,
};

/* Root complex registers, by offset from RCBA. */
enum {
    RCBA_SIZE = 0x4000,
    RCBA_D31IP = 0x3100,
    RCBA_D30IP = 0x3104,
    RCBA_D29IP = 0x3108,
    RCBA_D28IP = 0x310c,
    RCBA_D27IP = 0x3110,
    RCBA_D26IP = 0x3114,
    RCBA_D25IP = 0x3118,
    RCBA_D31IR = 0x3140,
    RCBA_D30IR = 0x3142,
    RCBA_D29IR = 0x3144,
    RCBA_D28IR = 0x3146,
    RCBA_D27IR = 0x3148,
    RCBA_D26IR = 0x314c,
    RCBA_D25IR = 0x3150,
    RCBA_GCS = 0x3410,
    GCS_NO_REBOOT = 0x20,
};

/* Power management I/O beyond the registers of pm1.h, by offset from PMBASE. */
enum {
    ICH9_PM_SIZE = 128,
    ICH9_GPE_STS = 0x20,
    ICH9_GPE_EN = 0x28,
    ICH9_GPE_BYTES = 8,
    ICH9_SMI_EN = 0x30,
    ICH9_SMI_STS = 0x34,
    ICH9_TCO = 0x60,
    ICH9_TCO_SIZE = 0x20,
    SMI_EN_GLOBAL = 0x01,
    SMI_EN_APMC = 0x20,
    SMI_EN_TCO = 0x2000,
    SMI_STS_APM = 0x20,
    SMI_STS_TCO = 0x2000,
    ICH9_ACPI_ENABLE = 2,
    ICH9_ACPI_DISABLE = 3,
};

/* TCO I/O, by offset from PMBASE + 60h. */
enum {
    TCO_RLD = 0x00,
    TCO_DAT_IN = 0x02,
    TCO_DAT_OUT = 0x03,
    TCO1_STS = 0x04,
    TCO2_STS = 0x06,
    TCO1_CNT = 0x08,
    TCO2_CNT = 0x0a,
    TCO_MESSAGE1 = 0x0c,
    TCO_MESSAGE2 = 0x0d,
    TCO_WDCNT = 0x0e,
    TCO_SW_IRQ = 0x10,
    TCO_TMR = 0x12,
    TCO1_STS_SW_SMI = 0x0002,
    TCO1_STS_TIMEOUT = 0x0008,
    TCO1_STS_BITS = 0x17ff,
    TCO2_STS_SECOND = 0x0002,
    TCO2_STS_BOOT = 0x0004,
    TCO2_STS_BITS = 0x0017,
    TCO1_CNT_HALT = 0x0800,
    TCO1_CNT_LOCK = 0x1000,
    TCO1_CNT_BITS = 0x1b00,
    TCO_TIMER_BITS = 0x3ff,
};
#define ICH9_RCBA_USUAL 0xfed1c000u  /* where every firmware puts the root complex registers */
#define TCO_TICK_NS     600000000ull /* 0.6 s */

/* The TCO timer, a watchdog. (ich9_tco.c) */
struct tco {
    struct board *board;
    /* The first timeout: sends an SMI where it is enabled. */
    void (*timeout)(void *ctx);
    /* Whether a second timeout does not reset the machine. */
    bool (*no_reboot)(void *ctx);
    void *ctx;

    /* state */
    uint16_t reload, status1, status2, control1, control2, period;
    uint8_t data_in, data_out, message[2], boot_status, software_irq;
    uint8_t timeouts; /* since it was reloaded */
    struct timer timer;
};
extern const struct field tco_fields[13];
void tco_init(struct tco *, struct board *);
void tco_reset(struct tco *);
uint8_t tco_read(struct tco *, unsigned offset);
void tco_write(struct tco *, unsigned offset, uint8_t value);

#endif
