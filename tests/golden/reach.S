/* reach.S - an operand that lies 2 GB or more behind the start of its block. */
    .globl _start
_start:
    .fill 16, 1, 0x90
    lea 0x7fffffff(%rip), %rax
    mov $231, %eax /* exit_group */
    xor %edi, %edi
    syscall
