/* isa_bridge.h - what the ISA bridges have in common: the reset control register and the coprocessor's error
 * port. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_ISA_BRIDGE_H
#define BOOTREEL_HV_BOARD_CHIPSET_ISA_BRIDGE_H

#include "hv/board/chip.h"

struct isa_bridge {
    struct board *board;
    uint8_t writable;      /* bits of the reset control register that are kept */
    uint8_t reset_control; /* state */
};

/* Registers the ports CF9h and F0h. `writable`: the bits of the reset control register that can be read back. */
void isa_bridge_init(struct isa_bridge *, struct board *, uint8_t writable);

#endif
