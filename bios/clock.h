/* clock.h - waiting by the real-time clock, for INT 15h. */
#ifndef BIOS_CLOCK_H
#define BIOS_CLOCK_H

#include "bios/types.h"

/* Sets bit 7 of the byte at segment:offset after that many microseconds. False if a wait is already active. */
bool clock_wait_start(u32 microseconds, u16 segment, u16 offset);
void clock_wait_cancel(void);

#endif
