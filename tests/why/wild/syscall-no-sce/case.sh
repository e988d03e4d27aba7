# A kernel sets STAR and LSTAR and not EFER.SCE; its first program makes a system call.
build() {
    kernel64 k.elf <<'S'
main:   movl $0xc0000082, %ecx
        leaq entry(%rip), %rax
        xorl %edx, %edx
        wrmsr
        movl $0xc0000081, %ecx
        xorl %eax, %eax
        movl $0x00100008, %edx
        wrmsr
        gate 13, panic
        lidt idtr
        say "init: starting"
        call program
        say "init: done"
        power_off
1:      hlt
        jmp 1b
        .globl program, entry
program:
        movl $1, %eax
        syscall
        ret
entry:  movq %rcx, %rbx
        jmp *%rbx
panic:  cli
        hlt
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
