# The frame allocator gives away the page at 8000h, where the start of the other processor has been copied to; it is cleared before that is started.
build() {
    cat >main.c <<'C'
#include "kernel.h"
extern volatile u32 cpus_online;
extern u8 smp_start[], smp_end[];
static u32 next = 0x8000;
__attribute__((noinline)) static u32 *map_frame_range(void)
{
    u32 at = next;
    next += 4096;
    __asm__ volatile("rep stosl" : : "D"(at), "c"(1024), "a"(0) : "memory");
    return (u32 *)at;
}
static void copy_trampoline(void)
{
    u8 *to = (u8 *)0x8000;
    for (u8 *from = smp_start; from < smp_end; from++)
        *to++ = *from;
}
__attribute__((noinline)) static void boot_processors(void)
{
    volatile u32 *icr = (u32 *)0xfee00300;
    *icr = 0x000c4500;
    for (volatile u32 i = 0; i < 100000; i++)
        ;
    *icr = 0x000c4608;
    while (cpus_online < 2)
        __asm__ volatile("pause");
}
void kmain(void)
{
    copy_trampoline();
    u32 *ghcb = map_frame_range();
    ghcb[0] = 1 << 31;
    ghcb[0] = 0;
    puts("smp: starting\n");
    boot_processors();
    puts("smp: 2 processors\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
        .globl smp_start, smp_end, cpus_online
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
        lock incl cpus_online
1:      cli
        hlt
        jmp 1b
        .balign 4
3:      .word 63
        .long gdt
smp_end:
        .data
cpus_online: .long 1
S
}
BR=(--kernel k.elf --cpus 2 --until 300M)
QE=(-kernel k.elf -smp 2)
