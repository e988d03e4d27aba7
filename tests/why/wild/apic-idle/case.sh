# HEALTHY: the local APIC's timer wakes an idle loop, which counts uptime in the screen's corner; the 8259As are masked.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 ticks;
void timer_handler(void)
{
    ticks++;
    *(volatile u32 *)0xfee000b0 = 0;
}
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    apic[0xf0 / 4] = 0x1ff;
    apic[0x3e0 / 4] = 3;
    apic[0x320 / 4] = 0x20040;
    apic[0x380 / 4] = 1000000;
    puts("tickless is for others\n");
    for (;;) {
        __asm__ volatile("sti; hlt; cli");
        *(volatile u16 *)0xb809e = (u16)(0x2f00 | ('0' + ticks / 10 % 10));
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x40, timer
        lidt idtr
        call kmain
timer:  pushal
        call timer_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
