# HEALTHY: three processors: two idle in HLT with interrupts on, the first gets the timer's and prints a heartbeat.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 online;
void ap_main(void)
{
    __sync_fetch_and_add(&online, 1);
    for (;;)
        __asm__ volatile("sti; hlt");
}
extern volatile u32 ticks;
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    apic[0xf0 / 4] = 0x1ff;
    apic[0x300 / 4] = 0xc4500;
    for (volatile int i = 0; i < 200000; i++)
        ;
    apic[0x300 / 4] = 0xc4608;
    while (online < 2)
        __asm__ volatile("pause");
    puts("smp: 3 processors\n");
    u32 next = 50;
    for (;;) {
        __asm__ volatile("sti; hlt");
        if (ticks < next)
            continue;
        next += 50;
        puts("heartbeat\n");
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   pics 0xfe, 0xff
        pit
        gate 0x20, timer
        lidt idtr
        movl $trampoline, %esi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        call kmain
timer:  pushl %eax
        incl ticks
        out 0x20, 0x20
        popl %eax
        iret
        .code16
trampoline: cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl gdtr16 - trampoline + 0x8000
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $ap32
gdtr16: .word 23
        .long gdt
trampoline_end:
        .code32
ap32:   movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        lidt idtr
        movl $4096, %eax
        lock xaddl %eax, stacks
        movl %eax, %esp
        call ap_main
        .data
        .globl ticks
ticks:  .long 0
stacks: .long 0x60000
S
}
BR=(--kernel k.elf --cpus 3 --until 2s)
QE=(-kernel k.elf -smp 3)
