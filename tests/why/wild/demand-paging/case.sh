# HEALTHY: a kernel maps its pages when they are touched: thousands of page faults, each handled, and then its prompt.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u32 directory[1024] __attribute__((aligned(4096)));
static u32 tables[8][1024] __attribute__((aligned(4096)));
static u32 next_frame = 0x400000, faults;
void page_fault(void)
{
    u32 address;
    __asm__ volatile("movl %%cr2, %0" : "=r"(address));
    u32 t = (address >> 22) - 0x40 * 4;
    directory[address >> 22] = (u32)tables[t & 7] | 3;
    tables[t & 7][address >> 12 & 1023] = next_frame | 3;
    next_frame += 4096;
    faults++;
}
void kmain(void)
{
    directory[0] = 0x83;
    directory[1] = 0x400083;
    directory[2] = 0x800083;
    __asm__ volatile("movl %%cr4, %%eax; orl $0x10, %%eax; movl %%eax, %%cr4; movl %0, %%cr3; movl %%cr0, %%eax; orl $0x80000000, %%eax; movl %%eax, %%cr0" ::"r"(directory)
                     : "eax", "memory");
    for (u32 a = 0x40000000; a < 0x40800000; a += 4096)
        *(volatile u32 *)a = a;
    puts("vm: 8 MiB touched\n$ ");
    for (;;) {
        while (!(inb(0x3fd) & 1))
            ;
        put((char)inb(0x3f8));
    }
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 14, fault
        lidt idtr
        call kmain
fault:  pushal
        call page_fault
        popal
        addl $4, %esp
        iret
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
