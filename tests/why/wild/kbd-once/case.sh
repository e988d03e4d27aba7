# The keyboard's handler prints a message and sends EOI, but does not read port 60h: the controller keeps its byte, and raises no further
# interrupt. The kernel waits for three keys; "ab" and Enter are typed.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 keys;
void keyboard_handler(void)
{
    keys++;
    puts("key\n");
    outb(0x20, 0x20);
}
void kmain(void)
{
    puts("keyboard: ready, press three keys> ");
    __asm__ volatile("sti");
    while (keys < 3)
        __asm__ volatile("hlt");
    puts("three keys\n");
    power_off();
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
keys() { printf 'ab\n'; }
BR=(--kernel k.elf --until 40s -i --vga-console)
QE=(-kernel k.elf)
