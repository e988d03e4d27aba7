/* uart.h - bits of the 16550A registers. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_PORTS_UART_H
#define BOOTREEL_HV_BOARD_PORTS_UART_H

enum { IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LINE = 6, IIR_TIMEOUT = 12 };
enum { LSR_READY = 1, LSR_OVERRUN = 2, LSR_ERRORS = 0x1e, LSR_EMPTY = 0x60 };
enum { LCR_DLAB = 0x80, MCR_LOOP = 0x10 };

#endif
