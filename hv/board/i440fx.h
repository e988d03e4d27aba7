/* i440fx.h - registers of the host bridge, by offset. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_I440FX_H
#define BOOTREEL_HV_BOARD_I440FX_H

enum {
    REG_PAM0 = 0x59,
    REG_SMRAM = 0x72,
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

#endif
