# All gates lead to a handler that prints "unhandled interrupt" and stops; the serial port's transmitter interrupt was left on.
build() {
    cat >main.c <<'C'
#include "kernel.h"
void unhandled(u32 vector)
{
    puts("Interrupt: unhandled vector ");
    put("0123456789abcdef"[vector >> 4]);
    put("0123456789abcdef"[vector & 15]);
    puts(", system halted.\n");
    halt();
}
void kmain(void)
{
    puts("console: interrupts on\n");
    outb(0x3fc, 0x0b);
    outb(0x3f9, 0x03);
    __asm__ volatile("sti");
    for (;;)
        __asm__ volatile("hlt");
}
C
    kernel32 k.elf main.c <<'S'
        .altmacro
        .macro stub n
stub\n: pushl $\n
        call unhandled
        .endm
        .macro set n
        gate \n, stub\n
        .endm
main:   .set i, 32
        .rept 16
        set %i
        .set i, i + 1
        .endr
        lidt idtr
        pics 0xef, 0xff
        call kmain
        .set i, 32
        .rept 16
        stub %i
        .set i, i + 1
        .endr
S
}
BR=(--kernel k.elf --until 2s)
QE=(-kernel k.elf)
