/* mch.h - registers of the Q35's host bridge (memory controller hub), by offset. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_MCH_H
#define BOOTREEL_HV_BOARD_CHIPSET_MCH_H

#include <stdint.h>

enum {
    MCH_EXT_TSEG = 0x50, /* QEMU's: the size of an extended TSEG in MiB, after FFFFh was written */
    MCH_PCIEXBAR = 0x60,
    MCH_PAM0 = 0x90,
    MCH_SMBASE = 0x9c, /* QEMU's: SMRAM at 30000h; 0: there is none */
    MCH_SMRAM = 0x9d,
    MCH_ESMRAMC = 0x9e,
};
enum { PCIEXBAR_ENABLE = 1, PCIEXBAR_LENGTH = 6 }; /* length: 0 256 MiB, 1 128 MiB, 2 64 MiB */
enum {
    ESMRAMC_TSEG = 0x01,
    ESMRAMC_SIZE = 0x06, /* 0 1 MiB, 1 2 MiB, 2 8 MiB; 3: the extended size */
    ESMRAMC_CACHE = 0x38,
    ESMRAMC_ERROR = 0x40,
    ESMRAMC_HIGH = 0x80,
};
#define MCH_ECAM_USUAL     0xb0000000u /* where SeaBIOS and our own firmware put configuration space */
#define MCH_EXT_TSEG_QUERY 0xffff
#define MCH_EXT_TSEG_MIB   16

/* The window of configuration space, by the register's lower half; 0 if it is off. *size is set if it is on. */
static inline uint32_t mch_window(uint32_t pciexbar, uint32_t *size)
{
    static const uint32_t sizes[4] = {256u << 20, 128u << 20, 64u << 20, 0};
    uint32_t length = sizes[pciexbar >> 1 & 3];
    if (!(pciexbar & PCIEXBAR_ENABLE) || !length)
        return 0;
    *size = length;
    return pciexbar & ~(length - 1);
}

#endif
