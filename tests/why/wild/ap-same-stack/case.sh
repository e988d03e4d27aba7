# All other processors are started at once (broadcast), and the trampoline gives them the same stack.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 online;
volatile u32 work[4];
extern void calibrate(void), count(void);
void ap_main(void)
{
    u32 id = *(volatile u32 *)0xfee00020 >> 24;
    if (id == 1)
        calibrate();
    else
        count();
    __asm__ volatile("lock incl %0" : "+m"(online));
    halt();
}
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    apic[0xf0 / 4] = 0x1ff;
    puts("smp: INIT, SIPI to all others\n");
    apic[0x300 / 4] = 0xc4500;
    for (volatile int i = 0; i < 200000; i++)
        ;
    apic[0x300 / 4] = 0xc4608;
    while (online < 2)
        __asm__ volatile("pause");
    puts("smp: all online\n");
    power_off();
    halt();
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
        movl $0x80000, %esp
        call ap_main
        .globl calibrate, count
        # the first waits in a function, the second keeps numbers on the stack
calibrate: movl $3000, %esi
1:      call wait
        decl %esi
        jnz 1b
        ret
wait:   movl $2000, %ecx
2:      loop 2b
        ret
count:  movl $6000000, %esi
3:      pushl %esi
        incl work
        popl %esi
        decl %esi
        jnz 3b
        ret
S
}
BR=(--kernel k.elf --cpus 3 --until 200M)
QE=(-kernel k.elf -smp 3)
