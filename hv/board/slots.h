/* slots.h - slots in which the board keeps the chips' state, for chips to find it. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_SLOTS_H
#define BOOTREEL_HV_BOARD_SLOTS_H

#include "hv/board/board.h"

/* Slots in which the board keeps the chips' state, for chips to find it. */
enum chip_slot {
    SLOT_PCI,
    SLOT_SHADOW,
    SLOT_MCH,
    SLOT_PIC,
    SLOT_PIT,
    SLOT_IOAPIC,
    SLOT_HPET,
    SLOT_RTC,
    SLOT_PS2,
    SLOT_IDE,
    SLOT_FLOPPY,
    SLOT_DMA,
    SLOT_VGA,
    SLOT_FWCFG,
    SLOT_ACPI,
    SLOT_DEBUG,
    SLOT_XEN,
    SLOT_XHCI,
    SLOT_CONSOLE,
    SLOT_INTR_DELAY,
    SLOT_NIC0,
    SLOT_NIC_LAST = SLOT_NIC0 + ENGINE_NICS - 1,
    SLOT_SHARE0,
    SLOT_SHARE_LAST = SLOT_SHARE0 + ENGINE_SHARES - 1,
    SLOT_UART0,
    SLOT_UART3 = SLOT_UART0 + 3,
    SLOT_LAPIC0,
    SLOT_LAPIC_LAST = SLOT_LAPIC0 + 63,
    SLOT_COUNT
};
void *board_slot(const struct board *, enum chip_slot);
void board_set_slot(struct board *, enum chip_slot, void *state);

#endif
