/* hpet.h - registers of the HPET. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_TIMERS_HPET_H
#define BOOTREEL_HV_BOARD_TIMERS_HPET_H

enum { HPET_BASE = 0xfed00000, HPET_SIZE = 0x400 };

#define HPET_ID                                                                                              \
    (10000000ull << 32 | 0x8086a201u) /* 10 ns in fs; vendor; legacy route, 64 bits, 3 timers, revision 1 */
#define GENERAL_ENABLE   1u
#define GENERAL_LEGACY   2u
#define TN_LEVEL         (1u << 1)
#define TN_ENABLE        (1u << 2)
#define TN_PERIODIC      (1u << 3)
#define TN_SET_VALUE     (1u << 6)
#define TN_32BIT         (1u << 8)
#define TN_ROUTE(config) ((config) >> 9 & 31)
#define TN_CAPS          (0x00f00000ull << 32 | 1u << 4 | 1u << 5) /* pins 20-23; periodic; 64-bit */
#define TN_WRITABLE      (TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET_VALUE | TN_32BIT | 31u << 9)

#endif
