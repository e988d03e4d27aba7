# The stub of an interrupt pops the segment registers and the general ones in the wrong order: DS gets what was EAX, and the exception that follows is
# reported by the kernel's panic.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static const char *const names[] = {[11] = "Segment Not Present", [13] = "General Protection Fault", [14] = "Page Fault"};
static void hex(u32 n)
{
    for (int i = 28; i >= 0; i -= 4)
        put("0123456789abcdef"[n >> i & 15]);
}
void panic(u32 vector, u32 error, u32 eip)
{
    puts("Unhandled Exception: ");
    puts(names[vector] ? names[vector] : "?");
    puts("\n  EIP=");
    hex(eip);
    puts(" Error=");
    hex(error);
    puts("\nKERNEL PANIC!\n");
    halt();
}
void irq_handler(void) { outb(0x20, 0x20); }
void kmain(void)
{
    puts("Hello World From Kernel!\n");
    __asm__ volatile("sti");
    for (;;)
        __asm__ volatile("nop" ::"a"(0x402));
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        gate 11, np
        gate 13, gp
        lidt idtr
        pics 0xfe, 0xff
        pit
        call kmain
timer:  pushal
        pushl %ds
        call irq_handler
        popal
        popl %ds
        iret
np:     pushl $11
        call panic
gp:     pushl $13
        call panic
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
