/* ioapic.h - registers of the I/O APIC. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_INTERRUPTS_IOAPIC_H
#define BOOTREEL_HV_BOARD_INTERRUPTS_IOAPIC_H

/* The memory range and its registers. */
enum { IOAPIC_BASE = 0xfec00000, IOAPIC_SIZE = 0x1000, IOAPIC_PINS = 24, IOAPIC_PINS_DOMAIN = 48 };
enum { IOREGSEL = 0x00, IOWIN = 0x10, IOEOI = 0x40 };
/* Registers by index. */
enum { IOAPIC_ID, IOAPIC_VERSION, IOAPIC_ARBITRATION, IOAPIC_RTE = 0x10 };
/* The pin to which the PIC's INTR is wired, where it is. */
enum { IOAPIC_PIC_PIN = 0 };

/* Redirection entry. */
#define RTE_VECTOR      0xffu
#define RTE_DELIVERY(e) ((e) >> 8 & 7)
#define RTE_LOGICAL     (1u << 11)
#define RTE_REMOTE_IRR  (1u << 14)
#define RTE_LEVEL       (1u << 15)
#define RTE_MASKED      (1u << 16)
#define RTE_WRITABLE    (0xff00000000000000u | 0x1afffu)

#endif
