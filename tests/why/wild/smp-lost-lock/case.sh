# The second processor takes the console's lock, and halts for good in its panic; the first waits for the lock.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 lock, ready;
static void acquire(void)
{
    while (__sync_lock_test_and_set(&lock, 1))
        __asm__ volatile("pause");
}
void ap_main(void)
{
    acquire();
    puts("ap: bad stack, stopping\n");
    ready = 1;
    halt();
}
void kmain(void)
{
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    apic[0xf0 / 4] = 0x1ff;
    apic[0x300 / 4] = 0xc4500;
    for (volatile int i = 0; i < 200000; i++)
        ;
    apic[0x300 / 4] = 0xc4608;
    while (!ready)
        __asm__ volatile("pause");
    acquire();
    puts("bsp: up\n");
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
S
}
BR=(--kernel k.elf --cpus 2 --until 200M)
QE=(-kernel k.elf -smp 2)
