# A handler of 64-bit code calls a compiled function with a stack that is not aligned to 16 bytes: its MOVAPS is refused.
build() {
    cat >main.c <<'C'
#include "kernel.h"
extern void gates(void);
typedef float v4 __attribute__((vector_size(16)));
__attribute__((target("sse2"), noinline)) void breakpoint(u64 *frame)
{
    volatile v4 zero = {0, 0, 0, 0};
    v4 copy = zero;
    puts(((u8 *)&copy)[3] ? "?" : "EXCEPTION: BREAKPOINT\n");
    (void)frame;
}
void kmain(void)
{
    gates();
    puts("kernel: trying a breakpoint\n");
    __asm__ volatile("int3");
    puts("kernel: it did not crash\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   movq %cr4, %rax
        orq $0x600, %rax
        movq %rax, %cr4
        movq %cr0, %rax
        andq $~4, %rax
        orq $2, %rax
        movq %rax, %cr0
        call kmain
        .globl gates
gates:  gate 3, int3
        lidt idtr
        ret
int3:   pushq %rax
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %r8
        pushq %r9
        pushq %r10
        movq %rsp, %rdi
        call breakpoint
        popq %r10
        popq %r9
        popq %r8
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rax
        iretq
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
