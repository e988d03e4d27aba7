/* debug_ports.h - ports for developers. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_PORTS_DEBUG_PORTS_H
#define BOOTREEL_HV_BOARD_PORTS_DEBUG_PORTS_H

enum { PORT_POST = 0x80, PORT_BOCHS = 0xe9, PORT_EXIT = 0xf4, PORT_LOG = 0x402 };

#endif
