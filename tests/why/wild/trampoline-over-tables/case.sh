# The early page tables are at 0x8000, and the code for the other processors is copied there.
build() {
    kernel64 k.elf <<'S'
main:   movl $0x8000, %edi
        movl $0x9000, %ebx
        movq $0x9003, (%rdi)
        movq $0xa003, (%rbx)
        movl $0xa000, %edi
        movl $0x83, %eax
        xorl %ecx, %ecx
1:      movq %rax, (%rdi,%rcx,8)
        addl $0x200000, %eax
        incl %ecx
        cmpl $512, %ecx
        jne 1b
        movl $0x8000, %eax
        movq %rax, %cr3
        say "paging: own tables"
        call start_others
        call new_space
        say "kernel: up"
        power_off
1:      hlt
        jmp 1b
start_others:
        say "smp: copying the trampoline"
        leaq trampoline(%rip), %rsi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        ret
new_space:
        movq %cr3, %rax
        movq %rax, %cr3
        ret
        .code16
trampoline: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw $1, 0x8ff0
1:      hlt
        jmp 1b
trampoline_end:
        .code64
S
}
BR=(--kernel k.elf --cpus 2 --until 1s)
QE=(-kernel k.elf -smp 2)
