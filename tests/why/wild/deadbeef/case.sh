# A kernel tries its page fault handler with a write to 0xdeadbeef; the handler prints, and stops.
build() {
    cat >main.c <<'C'
#include "kernel.h"
extern void gates(void);
struct frame { u64 code, ip, cs, flags, sp, ss; };
static void hex(u64 v)
{
    for (int i = 60; i >= 0; i -= 4)
        put("0123456789abcdef"[v >> i & 15]);
}
void page_fault(struct frame *f)
{
    u64 cr2;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    puts("EXCEPTION: PAGE FAULT\n");
    puts("Accessed Address: VirtAddr(");
    hex(cr2);
    puts(")\nInstructionPointer: ");
    hex(f->ip);
    puts("\n");
    halt();
}
void kmain(void)
{
    gates();
    puts("Hello World!\n");
    *(volatile u32 *)0xdeadbeef = 42;
    puts("It did not crash!\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   call kmain
        .globl gates
gates:  gate 14, fault
        lidt idtr
        ret
fault:  movq %rsp, %rdi
        call page_fault
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
