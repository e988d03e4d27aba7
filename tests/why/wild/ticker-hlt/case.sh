# HEALTHY: a hobby system with a timer at 100 Hz, which prints "tick" each second, and a shell of its own that waits for keys by interrupt.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 jiffies, keys;
void timer_handler(void)
{
    if (++jiffies % 100 == 0)
        puts("tick\n");
    outb(0x20, 0x20);
}
void keyboard_handler(void)
{
    inb(0x60);
    keys++;
    outb(0x20, 0x20);
}
void kmain(void)
{
    puts("hobby-os 0.1\n# ");
    __asm__ volatile("sti");
    for (;;)
        __asm__ volatile("hlt");
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        gate 0x21, keyboard
        lidt idtr
        pics 0xfc, 0xff
        pit
        call kmain
timer:  pushal
        call timer_handler
        popal
        iret
keyboard: pushal
        call keyboard_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 4s)
QE=(-kernel k.elf)
