# A handler takes the word where the frame's SS is for a pointer to the registers, and follows what it finds there.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct registers { u64 ip, cs, flags, sp, ss; };
extern void gates(void);
void breakpoint(struct registers *r)
{
    const u8 *code = (const u8 *)r->ip;
    puts("breakpoint: the instruction is ");
    put("0123456789abcdef"[code[0] >> 4]);
    put("0123456789abcdef"[code[0] & 15]);
    put('\n');
}
void kmain(void)
{
    gates();
    puts("kernel: int3\n");
    __asm__ volatile("int3");
    puts("kernel: on\n");
    power_off();
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   call kmain
        .globl gates
gates:  gate 3, int3
        lidt idtr
        ret
int3:   movq 32(%rsp), %rdi
        call breakpoint
        iretq
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
