/* i440fx.h - registers of the i440FX host bridge, by offset. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_I440FX_H
#define BOOTREEL_HV_BOARD_CHIPSET_I440FX_H

enum { REG_PAM0 = 0x59, REG_SMRAM = 0x72 };

#endif
