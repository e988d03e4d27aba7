# HEALTHY: a protected-mode program has written "Press any key to continue" into the screen's memory, and halts until the keyboard's interrupt.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 keys;
void keyboard_handler(void)
{
    inb(0x60);
    keys++;
    outb(0x20, 0x20);
}
static void screen(int row, const char *text)
{
    volatile u16 *to = (volatile u16 *)0xb8000 + row * 80;
    while (*text)
        *to++ = (u16)(0x1f00 | (u8)*text++);
}
void kmain(void)
{
    screen(10, "  Setup 1.0 has found 1 disk.");
    screen(12, "  Press any key to continue ");
    __asm__ volatile("sti");
    while (!keys)
        __asm__ volatile("hlt");
    screen(14, "  Thank you.");
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x21, keyboard
        lidt idtr
        pics 0xfd, 0xff
        call kmain
keyboard: pushal
        call keyboard_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
