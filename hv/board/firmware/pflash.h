/* pflash.h - commands and status bits of parallel flash (pflash.c). Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_FIRMWARE_PFLASH_H
#define BOOTREEL_HV_BOARD_FIRMWARE_PFLASH_H

enum pflash_command {
    PFLASH_PROGRAM_ALIAS = 0x10,
    PFLASH_ERASE = 0x20,
    PFLASH_PROGRAM = 0x40,
    PFLASH_CLEAR_STATUS = 0x50,
    PFLASH_LOCK = 0x60,
    PFLASH_READ_STATUS = 0x70,
    PFLASH_READ_ID = 0x90,
    PFLASH_QUERY = 0x98,
    PFLASH_CONFIRM = 0xd0,
    PFLASH_WRITE_BUFFER = 0xe8,
    PFLASH_RESET_AMD = 0xf0,
    PFLASH_READ_ARRAY = 0xff,
};

enum pflash_status {
    PFLASH_PROGRAM_ERROR = 0x10,
    PFLASH_ERASE_ERROR = 0x20,
    PFLASH_READY = 0x80,
};

#endif
