# A recursive function runs down its stack into a guard page; the page fault's handler has no stack of its own.
build() {
    cat >main.c <<'C'
#include "kernel.h"
__attribute__((noinline)) u64 walk_tree(u64 node)
{
    volatile u64 path[40];
    path[0] = node;
    if (!node)
        return 1;
    return walk_tree(node - 1) + path[0];
}
void kmain(void)
{
    puts("fs: walking\n");
    u64 n = walk_tree(100000);
    puts(n ? "fs: done\n" : "fs: empty\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   leaq stack_top(%rip), %rsp
        gate 14, fault
        gate 8, fault
        lidt idtr
        xorl %ecx, %ecx
        movl $3, %eax
1:      movl %eax, low(,%ecx,8)
        addl $4096, %eax
        incl %ecx
        cmpl $512, %ecx
        jne 1b
        xorl %ecx, %ecx
2:      movl %eax, low2(,%ecx,8)
        addl $4096, %eax
        incl %ecx
        cmpl $512, %ecx
        jne 2b
        movl $low + 3, pd
        movl $low2 + 3, pd + 8
        leaq guard(%rip), %rax
        shrq $12, %rax
        movq $0, low(,%rax,8)
        movq %cr3, %rax
        movq %rax, %cr3
        call kmain
fault:  say "page fault"
1:      cli
        hlt
        jmp 1b
        .bss
        .balign 4096
low:    .fill 4096, 1, 0
low2:   .fill 4096, 1, 0
guard:  .fill 4096, 1, 0
stack:  .fill 32768, 1, 0
stack_top:
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
