# The boot stack has 4 KiB, and a function has a buffer of 8: clearing it clears the IDT, which lies below the stack. The next interrupt has no gate.
build() {
    cat >main.c <<'C'
#include "kernel.h"
extern volatile u32 ticks;
static void *set(void *to, int c, u32 n)
{
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return to;
}
__attribute__((noinline)) static u32 list_devices(u32 n)
{
    char line[8064];
    set(line, 0, sizeof line);
    for (u32 i = 0; i < n; i++)
        line[i] = (char)('a' + i);
    return (u32)line[n / 2];
}
void kmain(void)
{
    puts("timer: on\n");
    while (ticks < 2)
        ;
    puts("devices: listing\n");
    u32 sum = list_devices(20);
    while (ticks < 6)
        ;
    puts(sum ? "done\n" : "none\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   movl $stack_top, %esp
        gate 0x20, timer
        movl $table, idtr + 2
        movl $idt, %esi
        movl $table, %edi
        movl $512, %ecx
        rep movsl
        lidt idtr
        pics 0xfe, 0xff
        pit
        sti
        call kmain
timer:  pushl %eax
        incl ticks
        out 0x20, 0x20
        popl %eax
        iret
        .globl ticks
        .data
ticks:  .long 0
        .bss
        .balign 4096
table:  .fill 4096, 1, 0
stack:  .fill 4096, 1, 0
stack_top:
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
