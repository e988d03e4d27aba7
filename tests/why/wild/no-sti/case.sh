# A kernel waits for a line from the keyboard's handler, and nobody has turned interrupts on.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile int ready;
static volatile char line[80];
static volatile u32 used;
void keyboard(void)
{
    u8 code = inb(0x60);
    if (code == 0x1c)
        ready = 1;
    else if (used < 80)
        line[used++] = (char)code;
    outb(0x20, 0x20);
}
void kmain(void)
{
    puts("Type something, it will go through the kernel\n> ");
    while (!ready)
        ;
    puts("you typed a line\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x21, irq1
        lidt idtr
        pics 0xfd, 0xff
        call kmain
irq1:   pushal
        call keyboard
        popal
        iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
