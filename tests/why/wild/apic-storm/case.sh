# The local APIC's timer is started with a count of 16 (a wrong calibration): each interrupt is followed by the next, and the main program
# makes no step forward.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 ticks;
static u32 tasks[64];
void timer_handler(void)
{
    ticks++;
    for (int i = 0; i < 64; i++)
        tasks[i] += ticks & 1;
    *(volatile u32 *)0xfee000b0 = 0;
}
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    apic[0xf0 / 4] = 0x1ff;
    apic[0x3e0 / 4] = 0xb;
    apic[0x320 / 4] = 0x20040;
    puts("scheduler: timeslice set\n");
    apic[0x380 / 4] = 16;
    __asm__ volatile("sti");
    for (int i = 0; i < 100; i++)
        puts("init: starting services ...\n");
    puts("shell> ");
    for (;;)
        __asm__ volatile("hlt");
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
BR=(--kernel k.elf --until 60M)
QE=(-kernel k.elf)
