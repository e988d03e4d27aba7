/* start.S - where the kernel enters init.c. */
    .globl _start
_start:
    xor %ebp, %ebp
    and $-16, %rsp
    call init_main
    .section .note.GNU-stack,"",@progbits
