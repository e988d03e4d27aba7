/* drive_call.h - drives that the ROM's 32-bit code serves (drives32/), as INT 13h sees them. Used by 16-bit and 32-bit code. */
#ifndef BIOS_DRIVE_CALL_H
#define BIOS_DRIVE_CALL_H

#include "bios/types.h"

/* INT 13h status, AH. */
enum {
    DISK_OK = 0x00,
    DISK_BAD_COMMAND = 0x01,
    DISK_NO_ADDRESS_MARK = 0x02,
    DISK_WRITE_PROTECTED = 0x03,
    DISK_NO_SECTOR = 0x04,
    DISK_CHANGED = 0x06,
    DISK_DMA_OVERRUN = 0x08,
    DISK_DMA_BOUNDARY = 0x09,
    DISK_UNKNOWN_MEDIUM = 0x0c,
    DISK_CRC = 0x10,
    DISK_CONTROLLER = 0x20,
    DISK_SEEK = 0x40,
    DISK_TIMEOUT = 0x80,
    DISK_LOCKED = 0xb1,
    DISK_NOT_REMOVABLE = 0xb2,
    DISK_NO_MEDIUM = 0x31,
    DISK_NOT_READY = 0xaa,
};

/* What POST has found. */
struct far_drive {
    u32 state; /* the driver's own, in reserved memory at the top of RAM */
    u32 sectors, sectors_high;
    u16 block; /* bytes of a sector */
    u16 bdf;
    bool cd;
    char interface[9]; /* as in EDD's device path: 8 characters */
    char model[41];
    char path[48]; /* in the boot order; '*' is any text */
};
enum { FAR_DRIVES = 8 };

/* A controller that may have drives, but has no driver here. */
struct unknown_controller {
    u16 bdf;
    u16 class;     /* base class and subclass */
    u8 interface;  /* programming interface */
    bool too_many; /* it has a driver, but there is no room for its drives */
};
enum { UNKNOWN_MAX = 4 };

enum drive_wish { WISH_READ, WISH_WRITE, WISH_VERIFY, WISH_READY, WISH_EJECT, WISH_LOAD };
struct drive_call {
    u32 drive; /* index of far_drive */
    u32 lba, lba_high;
    u32 address; /* physical */
    u16 count, done;
    u8 wish;
    u8 status; /* INT 13h's */
};

#endif
