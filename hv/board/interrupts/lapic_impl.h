/* lapic_impl.h - the local APIC's state, and what its files share: lapic.c (interrupts, messages, registers),
 * lapic_timer.c, and lapic_msr.c (IA32_APIC_BASE, the registers of x2APIC mode, IA32_TSC_DEADLINE). Private
 * to these. */
#ifndef BOOTREEL_HV_BOARD_INTERRUPTS_LAPIC_IMPL_H
#define BOOTREEL_HV_BOARD_INTERRUPTS_LAPIC_IMPL_H

#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/interrupts/lapic.h"

enum { BASE_BSP = 1 << 8, BASE_X2APIC = 1 << 10, BASE_ENABLE = 1 << 11 };

struct lapic {
    struct board *board;
    char name[12];
    uint8_t index;
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t id;   /* in x2APIC mode 32 bits, else 8 */
    uint32_t ldr, dfr, svr, tpr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t esr, esr_new; /* the value read; errors collected since the last write */
    uint32_t icr[2];
    uint32_t lvt[LVTS];
    uint32_t divide, initial;
    /* guest time at which the timer's count reaches 0 (next or last time); 0 if never started */
    uint64_t zero;
    uint64_t deadline; /* IA32_TSC_DEADLINE; 0: not armed */
    bool lint0;        /* the PIC's INTR as seen at the pin */
    bool extint;       /* an ExtINT message has arrived */
    struct timer t;
};

static inline struct lapic *lapic_of(const struct board *board, unsigned cpu)
{
    return cpu <= SLOT_LAPIC_LAST - SLOT_LAPIC0 ? board_slot(board, SLOT_LAPIC0 + cpu) : NULL;
}
static inline bool lapic_hw_enabled(const struct lapic *s)
{
    return s->base & BASE_ENABLE;
}
static inline bool lapic_in_x2apic_mode(const struct lapic *s)
{
    return s->base & BASE_X2APIC;
}

/* ---- lapic.c ---- */

/* Recomputes the processor's INTR line. */
void lapic_recompute(struct lapic *);
/* Resets what INIT resets: everything but the id and IA32_APIC_BASE. */
void lapic_init_reset(struct lapic *);
/* The id that it has after power-on. */
uint8_t lapic_first_id(const struct lapic *);
/* A register by its number, as in memory. */
uint32_t lapic_register_read(struct lapic *, unsigned reg);
void lapic_register_write(struct lapic *, unsigned reg, uint32_t value);
/* Sends the message that `low` (the lower half of ICR) describes; `dest` has the width of the mode. */
void lapic_send(struct lapic *, uint32_t low, uint32_t dest);
void lapic_deliver_lvt(struct lapic *, unsigned which);
uint32_t lapic_lvt_writable(const struct lapic *, unsigned which);

/* ---- lapic_timer.c ---- */

void lapic_timer_fire(void *ctx);
/* Updates `zero` and the deadline to the current time. */
void lapic_timer_sync(struct lapic *);
void lapic_timer_arm(struct lapic *);
void lapic_timer_start(struct lapic *, uint32_t count);
uint32_t lapic_timer_count(struct lapic *);
void lapic_timer_divide(struct lapic *, uint32_t value);
/* The mode in the LVT was `old`, and is another now. */
void lapic_timer_mode_changed(struct lapic *);
bool lapic_timer_waits_for_tsc(const struct lapic *);
void lapic_timer_deadline(struct lapic *, uint64_t tsc);

#endif
