/* rtc.h - registers of the MC146818 and of the CMOS RAM, by index. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_TIMERS_RTC_H
#define BOOTREEL_HV_BOARD_TIMERS_RTC_H

enum { R_SECOND = 0, R_MINUTE = 2, R_HOUR = 4, R_WEEKDAY = 6, R_DAY, R_MONTH, R_YEAR, R_A, R_B, R_C, R_D };
enum { R_CENTURY = 0x32, R_CENTURY_PS2 = 0x37 };
enum { A_UIP = 0x80, A_RATE = 15, B_SET = 0x80, B_24H = 2, B_BINARY = 4 };
enum { C_IRQ = 0x80, C_PERIODIC = 0x40, C_ALARM = 0x20, C_UPDATE = 0x10, C_SOURCES = 0x70 };

#endif
