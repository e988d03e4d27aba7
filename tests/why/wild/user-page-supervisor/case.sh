# A teaching kernel goes to ring 3 in a function of its own, whose page has no U bit: the first fetch faults, and its handler panics.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct trapframe { u32 edi, esi, ebp, oesp, ebx, edx, ecx, eax, err, eip, cs, eflags; };
static void hex(u32 n)
{
    for (int i = 28; i >= 0; i -= 4)
        put("0123456789abcdef"[n >> i & 15]);
}
void page_fault(struct trapframe *tf)
{
    u32 cr2;
    __asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
    puts("page fault at 0x");
    hex(cr2);
    puts(tf->err & 4 ? ": U/" : ": K/");
    puts(tf->err & 2 ? "W" : "R");
    puts(tf->err & 1 ? " [protection fault].\n" : " [no page found].\n");
    puts("kernel panic at kern/trap/trap.c:209:\n    handle pgfault failed. invalid parameter\n");
    for (;;)
        ;
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 14, fault
        lidt idtr
        movl $0x00cffa00, gdt + 0x1c
        movl $0xffff, gdt + 0x18
        movl $0x00cff200, gdt + 0x24
        movl $0xffff, gdt + 0x20
        # TSS at 0x28
        movl $tss, %eax
        movw $103, gdt + 0x28
        movw %ax, gdt + 0x2a
        shrl $16, %eax
        movb %al, gdt + 0x2c
        movb $0x89, gdt + 0x2d
        movb %ah, gdt + 0x2f
        movl $0x8f000, tss + 4
        movl $0x10, tss + 8
        movw $0x28, %ax
        ltr %ax
        movl $0x301003, 0x300000
        movl $3, %eax
        xorl %ecx, %ecx
1:      movl %eax, 0x301000(,%ecx,4)
        addl $0x1000, %eax
        incl %ecx
        cmpl $1024, %ecx
        jb 1b
        movl $0x300000, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80010000, %eax
        movl %eax, %cr0
        say "+++ switch to  user  mode +++\n"
        pushl $0x23
        pushl $0x80000
        pushl $0x3002
        pushl $0x1b
        pushl $user
        iret
user:   movw $0x23, %ax
        movw %ax, %ds
        int $0x80
2:      jmp 2b
fault:  pushal
        movw $0x10, %ax
        movw %ax, %ds
        pushl %esp
        call page_fault
        .data
        .balign 8
tss:    .fill 104, 1, 0
        .text
S
}
BR=(--kernel k.elf --until 200M)
QE=(-kernel k.elf)
