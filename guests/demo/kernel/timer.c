/* timer.c - the interval timer's first counter interrupts once a millisecond (8254 datasheet). */
#include "guests/demo/kernel/kernel.h"

enum { PIT_COUNTER0 = 0x40, PIT_CONTROL = 0x43, PIT_RATE_GENERATOR = 0x34, PIT_HZ = 1193182, HZ = 1000 };

static u32 ticks;

static void tick(struct frame *f)
{
    ticks++;
    if (process_tick() && from_program(f))
        process_yield();
}

u32 uptime(void)
{
    return ticks;
}

void timer_init(void)
{
    const u16 divisor = PIT_HZ / HZ;
    out8(PIT_CONTROL, PIT_RATE_GENERATOR);
    out8(PIT_COUNTER0, divisor & 0xff);
    out8(PIT_COUNTER0, divisor >> 8);
    irq_handle(0, tick);
}
