# The 8259As are at 0x20 and 0x28, and the gates for the second one's interrupts were put at 0x70 on. The clock's first interrupt (IRQ 8) has no gate.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static void cmos_set(u8 index, u8 value)
{
    outb(0x70, index);
    outb(0x71, value);
}
void kmain(void)
{
    cmos_set(0x8a, 0x26);
    cmos_set(0x8b, 0x42);
    outb(0x70, 0x0c);
    inb(0x71);
    puts("rtc: on\n");
    __asm__ volatile("sti");
    for (;;)
        __asm__ volatile("hlt");
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, other
        gate 0x70, clock
        gate 13, fault
        lidt idtr
        pics 0xfb, 0xfe
        call kmain
clock:  pushal
        out 0xa0, 0x20
        out 0x20, 0x20
        popal
        iret
other:  iret
fault:  say "PANIC: general protection fault\n"
1:      cli
        hlt
        jmp 1b
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
