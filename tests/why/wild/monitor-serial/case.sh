# HEALTHY: a machine monitor on the serial port, driven by interrupts: the handler puts what came into a ring buffer, and the main loop
# waits by HLT for a whole line; it has printed its prompt.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile char ring[256];
static volatile u8 head, tail;
void serial_handler(void)
{
    while (inb(0x3fd) & 1)
        ring[head++] = (char)inb(0x3f8);
    outb(0x20, 0x20);
}
static char get(void)
{
    for (;;) {
        __asm__ volatile("cli");
        if (head != tail) {
            char c = ring[tail++];
            __asm__ volatile("sti");
            return c;
        }
        __asm__ volatile("sti; hlt");
    }
}
void kmain(void)
{
    char line[80];
    outb(0x3f9, 1);
    outb(0x3fc, 0x0b);
    for (;;) {
        int n = 0;
        char c;
        puts("mon> ");
        while ((c = get()) != '\r' && n < 79)
            line[n++] = c;
        line[n] = 0;
        puts(line);
        puts("?\n");
    }
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   gate 0x24, serial
        lidt idtr
        pics 0xef, 0xff
        call kmain
serial: pushal
        call serial_handler
        popal
        iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
