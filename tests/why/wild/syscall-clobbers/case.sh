# The handler of INT 80h does not save ESI. The program keeps a pointer to its table of commands there.
build() {
    cat >main.c <<'C'
#include "kernel.h"
volatile u32 calls;
u32 syscall_handler(u32 n, const char *text)
{
    calls++;
    if (n == 4)
        puts(text);
    return calls;
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x80, syscall
        lidt idtr
        movl $commands, %esi
1:      movl $4, %eax
        movl $prompt, %ebx
        int $0x80
        call *(%esi)
        addl $4, %esi
        cmpl $commands_end, %esi
        jb 1b
        power_off
2:      hlt
        jmp 2b
syscall: pushl %ecx
        pushl %edx
        movl calls, %esi
        imull $0x01010101, %esi, %esi
        pushl %ebx
        pushl %eax
        call syscall_handler
        addl $8, %esp
        popl %edx
        popl %ecx
        iret
hello:  say "hello\n"
        ret
bye:    say "bye\n"
        ret
        .data
prompt: .asciz "$ "
        .balign 4
commands: .long hello, bye
commands_end:
        .text
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)
