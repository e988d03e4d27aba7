/* reset.S - a multiboot kernel that takes a variable outside of what the loader clears for zero. If it is not, the first boot ends with a triple
 * fault, and the second one is good: for tests of bootreel hunt. */
    .set MAGIC, 0x1badb002
    .section .boot, "ax"
    .code32
    .globl _start
    .balign 8
    .long MAGIC, 3, -(MAGIC + 3)
_start:
.Lbegin:
    cli
    cmpl $0, 0x600000
    je 1f
    movl $0, 0x600000
    lidt no_idt
    ud2
1:  mov $0xf4, %dx
    xor %eax, %eax
    out %al, %dx
2:  hlt
    jmp 2b
    .balign 8
no_idt:
    .word 0
    .long 0
    .section .note.GNU-stack, "", @progbits
