# The boot processor holds the scheduler's lock while it waits until the other one is ready, which first wants that lock.
build() {
    cat >main.c <<'C'
#include "kernel.h"
extern u8 smp_start[], smp_end[];
volatile u32 scheduler_lock, aps_ready;
__attribute__((noinline)) static void acquire(volatile u32 *lock)
{
    u32 was;
    do {
        was = 1;
        __asm__ volatile("xchgl %0, %1" : "+r"(was), "+m"(*lock) : : "memory");
    } while (was);
}
__attribute__((noinline)) void ap_main(void)
{
    acquire(&scheduler_lock);
    aps_ready++;
    scheduler_lock = 0;
    halt();
}
__attribute__((noinline)) static void start_scheduler(void)
{
    acquire(&scheduler_lock);
    puts("scheduler: waiting for APs\n");
    while (!aps_ready)
        __asm__ volatile("pause");
    scheduler_lock = 0;
}
void kmain(void)
{
    u8 *to = (u8 *)0x8000;
    for (u8 *from = smp_start; from < smp_end; from++)
        *to++ = *from;
    volatile u32 *icr = (u32 *)0xfee00300;
    *icr = 0x000c4500;
    for (volatile u32 i = 0; i < 100000; i++)
        ;
    *icr = 0x000c4608;
    start_scheduler();
    puts("scheduler: started\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
        .globl smp_start, smp_end
        .code16
smp_start:
        cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl 0x8000 + 3f - smp_start
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $0x8000 + 2f - smp_start
        .code32
2:      movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x70000, %esp
        movl $ap_main, %eax
        jmp *%eax
        .balign 4
3:      .word 63
        .long gdt
smp_end:
S
}
BR=(--kernel k.elf --cpus 2 --until 300M)
QE=(-kernel k.elf -smp 2)
