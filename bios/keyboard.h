/* keyboard.h - the 8042 controller, for keyboard and mouse. */
#ifndef BIOS_KEYBOARD_H
#define BIOS_KEYBOARD_H

#include "bios/types.h"

enum {
    KBC_DATA = 0x60,
    KBC_STATUS = 0x64,
    KBC_OUTPUT_FULL = 0x01,
    KBC_INPUT_FULL = 0x02,
    KBC_FROM_MOUSE = 0x20,
};

void kbc_command(u8 command);
void kbc_data(u8 data);
/* The next byte from the controller, from the keyboard or the mouse; -1 after that many polls. */
int kbc_read(u32 looks);

#endif
