/* reach.S - a program of an operand that is 2 GB or more from the beginning of its block. Until behaviour 9 of the Linux host it was
 * undefined. */
    .globl _start
_start:
    .fill 16, 1, 0x90
    lea 0x7fffffff(%rip), %rax
    mov $231, %eax /* exit_group */
    xor %edi, %edi
    syscall
