# The allocator of page frames hands out the frame of the page table that is in use, and the kernel clears it.
build() {
    cat >main.c <<'C'
#include "kernel.h"
#define PAGE 4096ull
static u64 next_frame;
extern u64 pml4[512];
static u64 alloc_frame(void)
{
    u64 f = next_frame;
    next_frame += PAGE;
    return f;
}
static void zero_page(u64 address)
{
    volatile u64 *p = (volatile u64 *)address;
    for (int i = 0; i < 512; i++)
        p[i] = 0;
}
static u64 mapped;
static void new_table(void)
{
    u64 f = alloc_frame();
    zero_page(f);
    mapped++;
}
static void flush(void)
{
    u64 cr3;
    __asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(cr3)::"memory");
}
void kmain(void)
{
    puts("memory: frames from the end of .text\n");
    next_frame = (u64)pml4;
    for (int i = 0; i < 2; i++)
        new_table();
    flush();
    puts("memory: paging is up\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   gate 14, fault
        gate 8, fault
        lidt idtr(%rip)
        call kmain
fault:  cli
        hlt
        jmp fault
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
