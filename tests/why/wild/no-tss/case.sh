# Ring 3 is entered by IRET, with interrupts on, and no TSS was ever loaded: the first tick of the timer has no stack to go to.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 jiffies;
void timer_handler(void)
{
    jiffies++;
    outb(0x20, 0x20);
}
static volatile u32 work;
void user_main(void)
{
    for (;;)
        work = work * 3 + 1;
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        gate 13, stop
        gate 8, stop
        lidt idtr
        movl $0x00cffa00, gdt + 0x1c
        movl $0xffff, gdt + 0x18
        movl $0x00cff200, gdt + 0x24
        movl $0xffff, gdt + 0x20
        pics 0xfe, 0xff
        pit
        say "switching to user mode\n"
        movw $0x23, %ax
        movw %ax, %ds
        movw %ax, %es
        pushl $0x23
        pushl $0x80000
        pushl $0x202
        pushl $0x1b
        pushl $user_main
        iret
timer:  pushal
        call timer_handler
        popal
        iret
stop:   cli
        hlt
        jmp stop
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
