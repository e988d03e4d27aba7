/* lapic.h - registers of the local APIC. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_INTERRUPTS_LAPIC_H
#define BOOTREEL_HV_BOARD_INTERRUPTS_LAPIC_H

#include "hv/x86/x86.h"

/* Where the registers are after reset. */
enum { LAPIC_BASE = 0xfee00000, LAPIC_SIZE = 0x1000 };
/* In x2APIC mode the registers are the MSRs from MSR_X2APIC on; those behind the last that has a number do
 * not exist. */
enum { MSR_X2APIC_END = MSR_X2APIC + 0x40 };
enum { FIXED, LOWEST, SMI, NMI = 4, INIT, SIPI, EXTINT };
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };
enum {
    LVT_MASKED = 1 << 16,
    LVT_PERIODIC = 1 << 17,
    LVT_TSC_DEADLINE = 1 << 18,
    LVT_LEVEL = 1 << 15,
    LVT_REMOTE_IRR = 1 << 14,
    LVT_PENDING = 1 << 12
};
/* The bits of the interrupt command register below the destination; delivery status is always idle. */
enum { ICR_BITS = 0xccfff };
enum { SVR_ENABLE = 1 << 8, ESR_SEND_VECTOR = 1 << 5, ESR_RECEIVE_VECTOR = 1 << 6, ESR_REGISTER = 1 << 7 };

/* Register numbers are the offset / 16. */
enum {
    R_ID = 0x02,
    R_VERSION,
    R_TPR = 0x08,
    R_APR,
    R_PPR,
    R_EOI,
    R_RRD,
    R_LDR,
    R_DFR,
    R_SVR,
    R_ISR,
    R_TMR = 0x18,
    R_IRR = 0x20,
    R_ESR = 0x28,
    R_ICR = 0x30,
    R_LVT = 0x32,
    R_INITIAL = 0x38,
    R_CURRENT,
    R_DIVIDE = 0x3e,
    R_SELF_IPI, /* only in x2APIC mode */
};

#endif
