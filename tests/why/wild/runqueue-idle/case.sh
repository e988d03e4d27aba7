# HEALTHY: a kernel whose idle loop looks at its run queue and halts; a timer at 50 Hz wakes it, and it shows a spinner on the screen.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 runnable __attribute__((aligned(64)));
static volatile u32 ticks;
void timer_handler(void)
{
    ticks++;
    runnable = 1;
    outb(0x20, 0x20);
}
static void spinner(void) { *(volatile u16 *)0xb809e = (u16)(0x0e00 | "|/-\\"[ticks & 3]); }
void kmain(void)
{
    puts("idle: waiting on the run queue\n");
    __asm__ volatile("sti");
    for (;;) {
        while (!runnable)
            __asm__ volatile("hlt");
        runnable = 0;
        spinner();
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit 23863
        call kmain
timer:  pushal
        call timer_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
