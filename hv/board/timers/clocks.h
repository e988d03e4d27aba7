/* clocks.h - what other chips ask of the clock (MC146818) and the timer (8254). Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_TIMERS_CLOCKS_H
#define BOOTREEL_HV_BOARD_TIMERS_CLOCKS_H

#include "hv/board/board.h"

/* The clock's alarm: wakes the board if it may (PM1_EN). */
void acpi_rtc_alarm(struct board *);
/* S3 begins: the clock goes on, but of its interrupts only the alarm's stays enabled, and the CMOS's shutdown
 * byte says that the next reset is a resume. */
void rtc_suspend(struct board *);

bool rtc_nmi_masked(struct board *);
/* What the clock says at guest time 0: seconds since 1970. */
int64_t rtc_power_on_time(struct board *);
/* HPET legacy replacement: whether the PIT drives IRQ 0, and the RTC IRQ 8. While disabled, the chip drives
 * its line low. */
void pit_irq_enable(struct board *, bool on);
void rtc_irq_enable(struct board *, bool on);

#endif
