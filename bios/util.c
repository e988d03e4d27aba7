/* util.c - memory, waiting, interrupt masks. */
#include "bios/bios.h"

/* ---------------------------------------------------------------- memory: the compiler may call the first
 * three */

void *memcpy(void *to, const void *from, size_t n)
{
    void *at = to;
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a, *q = b;
    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

void far_put(u16 segment, u16 offset, const void *from, u16 n)
{
    u32 to = offset, count = n;
    asm volatile("pushw %%es\n\tmovw %w3, %%es\n\trep movsb\n\tpopw %%es"
                 : "+D"(to), "+S"(from), "+c"(count)
                 : "r"(segment)
                 : "memory");
}

void far_get(void *to, u16 segment, u16 offset, u16 n)
{
    u32 from = offset, count = n;
    asm volatile("pushw %%ds\n\tmovw %w3, %%ds\n\trep movsb\n\tpopw %%ds"
                 : "+D"(to), "+S"(from), "+c"(count)
                 : "r"(segment)
                 : "memory");
}

void far_copy(u16 to_segment, u16 to, u16 from_segment, u16 from, u16 n)
{
    u32 di = to, si = from, count = n;
    asm volatile(
        "pushw %%ds\n\tpushw %%es\n\tmovw %w3, %%es\n\tmovw %w4, %%ds\n\trep movsb\n\tpopw %%es\n\tpopw %%ds"
        : "+D"(di), "+S"(si), "+c"(count)
        : "r"(to_segment), "r"(from_segment)
        : "memory");
}

void far_fill16(u16 segment, u16 offset, u16 value, u16 count)
{
    u32 di = offset, n = count;
    asm volatile("pushw %%es\n\tmovw %w2, %%es\n\trep stosw\n\tpopw %%es"
                 : "+D"(di), "+c"(n)
                 : "r"(segment), "a"(value)
                 : "memory");
}

/* ---------------------------------------------------------------- interrupts and waiting */

static u16 irq_masks(void)
{
    return inb(PIC1_MASK) | inb(PIC2_MASK) << 8;
}

void irq_unmask(u8 irq)
{
    u16 port = irq < 8 ? PIC1_MASK : PIC2_MASK;
    outb(port, inb(port) & ~(1 << (irq & 7)));
}

void idle(u8 irq)
{
    u16 needed = 1 | 1 << irq | (irq >= 8 ? 1 << 2 : 0);
    if (!(irq_masks() & needed))
        wait_for_interrupt();
    else
        take_interrupts();
}

struct limit limit_start(u16 ticks)
{
    return (struct limit){.start = bda->ticks, .ticks = ticks};
}

/* A poll takes about a microsecond: it reads a port. */
bool limit_over(struct limit *limit)
{
    u32 now = bda->ticks, passed = now >= limit->start ? now - limit->start : now;
    return passed > limit->ticks || ++limit->looks > limit->ticks * 55000u;
}

/* Counter 2 of the PIT, gate on and speaker off; 1193182 Hz, in pieces that 16 bits hold. */
static void delay_counter2(u16 count)
{
    u8 before = inb(PORT_B);
    outb(PORT_B, (before & ~2) | 1);
    outb(0x43, 0xb0);
    outb(0x42, (u8)count);
    outb(0x42, count >> 8);
    while (!(inb(PORT_B) & 0x20))
        ;
    outb(PORT_B, before);
}

void delay_us(u32 microseconds)
{
    while (microseconds) {
        u32 part = microseconds > 50000 ? 50000 : microseconds;
        delay_counter2((u16)(part + part / 5));
        microseconds -= part;
    }
}
