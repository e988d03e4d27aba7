/* lapic_timer.c - the local APIC's timer.
 *
 * Source: Intel SDM volume 3, 10.5.4 (APIC timer), 10.5.4.1 (TSC-deadline mode). The bus clock that it counts is 1 GHz: one tick per
 * nanosecond before the divider. The TSC runs at 1 GHz as well. */
#include "hv/board/interrupts/lapic_impl.h"

static uint64_t divisor(const struct lapic *s)
{
    unsigned code = (s->divide & 3) | (s->divide >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

static bool periodic(const struct lapic *s)
{
    return s->lvt[LVT_TIMER] & LVT_PERIODIC;
}

bool lapic_timer_waits_for_tsc(const struct lapic *s)
{
    return s->lvt[LVT_TIMER] & LVT_TSC_DEADLINE;
}

/* Updates `zero` to the current time: the next expiry, or 0 if the timer has run out. */
void lapic_timer_sync(struct lapic *s)
{
    uint64_t now = board_now(s->board);
    if (!s->zero || now < s->zero)
        return;
    uint64_t period = s->initial * divisor(s);
    if (!lapic_timer_waits_for_tsc(s) && periodic(s) && period)
        s->zero += ((now - s->zero) / period + 1) * period;
    else
        s->zero = s->deadline = 0;
}

uint32_t lapic_timer_count(struct lapic *s)
{
    lapic_timer_sync(s);
    if (!s->zero || lapic_timer_waits_for_tsc(s))
        return 0;
    return (s->zero - board_now(s->board) + divisor(s) - 1) / divisor(s);
}

void lapic_timer_arm(struct lapic *s)
{
    if (s->zero && !(s->lvt[LVT_TIMER] & LVT_MASKED) && lapic_hw_enabled(s))
        timer_set(s->board, &s->t, s->zero);
    else
        timer_stop(s->board, &s->t);
}

void lapic_timer_fire(void *ctx)
{
    struct lapic *s = ctx;
    lapic_timer_sync(s);
    lapic_timer_arm(s);
    lapic_deliver_lvt(s, LVT_TIMER);
}

void lapic_timer_start(struct lapic *s, uint32_t count)
{
    s->zero = count ? board_now(s->board) + count * divisor(s) : 0;
    lapic_timer_arm(s);
}

void lapic_timer_divide(struct lapic *s, uint32_t value)
{
    if ((value & 11) == s->divide)
        return;
    uint32_t left = lapic_timer_count(s);
    s->divide = value & 11;
    if (!lapic_timer_waits_for_tsc(s))
        lapic_timer_start(s, left);
}

void lapic_timer_mode_changed(struct lapic *s)
{
    s->zero = s->deadline = 0;
}

/* One in the past has come now. One that no guest can live to see is as far away as guest time can be. */
void lapic_timer_deadline(struct lapic *s, uint64_t tsc)
{
    uint64_t now = board_now(s->board), is = x86_tsc(board_cpu(s->board, s->index)),
             wait = tsc > is ? tsc - is : 0;
    s->deadline = tsc;
    s->zero = !tsc ? 0 : wait < TIMER_OFF - 1 - now ? now + wait : TIMER_OFF - 1;
    if (tsc && !s->zero)
        s->zero = 1; /* guest time 0: there, 0 would mean that nothing is armed */
    lapic_timer_arm(s);
}
