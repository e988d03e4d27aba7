/* ide.h - registers of an IDE channel, for ide.c, ata.c and atapi.c. */
#ifndef BIOS_IDE_H
#define BIOS_IDE_H

enum {
    IDE_DATA = 0,
    IDE_FEATURE = 1, /* read: error */
    IDE_COUNT = 2,
    IDE_LOW = 3,
    IDE_MID = 4,
    IDE_HIGH = 5,
    IDE_DEVICE = 6,
    IDE_COMMAND = 7, /* read: status */
    ST_ERR = 0x01,
    ST_DRQ = 0x08,
    ST_DF = 0x20,
    ST_BSY = 0x80,
    CTL_RESET = 0x04,
    CTL_NO_IRQ = 0x02,
};

#endif
