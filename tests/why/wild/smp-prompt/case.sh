# HEALTHY: three more processors wait for work in a spin loop (a word of their own), and the first one is at its prompt, polling the keyboard.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static volatile u32 online, work[8];
void ap_main(void)
{
    u32 id = *(volatile u32 *)0xfee00020 >> 24;
    __asm__ volatile("lock incl %0" : "+m"(online));
    for (;;) {
        while (!work[id])
            __asm__ volatile("pause");
        work[id] = 0;
    }
}
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    apic[0xf0 / 4] = 0x1ff;
    apic[0x300 / 4] = 0xc4500;
    for (volatile int i = 0; i < 100000; i++)
        ;
    apic[0x300 / 4] = 0xc4608;
    while (online < 3)
        __asm__ volatile("pause");
    puts("4 processors\ncmd> ");
    for (;;) {
        while (!(inb(0x64) & 1))
            __asm__ volatile("pause");
        if (!(inb(0x60) & 0x80))
            put('.');
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   movl $trampoline, %esi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        call kmain
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
        movl 0xfee00020, %eax
        shrl $24, %eax
        shll $12, %eax
        movl $0x80000, %esp
        subl %eax, %esp
        call ap_main
S
}
BR=(--kernel k.elf --cpus 4 --until 60M)
QE=(-kernel k.elf -smp 4)
