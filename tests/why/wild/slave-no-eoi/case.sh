# The real-time clock is on the second 8259A (IRQ 8). The handler sends its EOI to the first one only.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 rtc_ticks;
static u8 cmos(u8 index)
{
    outb(0x70, index);
    return inb(0x71);
}
static void cmos_set(u8 index, u8 value)
{
    outb(0x70, index);
    outb(0x71, value);
}
void rtc_handler(void)
{
    rtc_ticks++;
    cmos(0x0c);
    outb(0x20, 0x20);
}
static void rtc_sleep(u32 n)
{
    u32 end = rtc_ticks + n;
    while (rtc_ticks < end)
        __asm__ volatile("hlt");
}
void kmain(void)
{
    cmos_set(0x8a, 0x26);
    cmos_set(0x8b, cmos(0x8b) | 0x40);
    cmos(0x0c);
    puts("rtc: 1024 Hz\n");
    __asm__ volatile("sti");
    rtc_sleep(100);
    puts("rtc: works\n");
    power_off();
    halt();
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   gate 0x28, rtc
        lidt idtr
        pics 0xfb, 0xfe
        call kmain
rtc:    pushal
        call rtc_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 4s)
QE=(-kernel k.elf)
