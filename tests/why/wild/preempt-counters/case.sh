# HEALTHY: a 64-bit kernel that switches between two tasks by the timer; each counts on the screen.
build() {
    kernel64 k.elf <<'S'
main:   gate 0x20, timer
        lidt idtr
        leaq stack_b(%rip), %rax
        leaq task_b(%rip), %rbx
        movq $0x10, -8(%rax)
        movq %rax, -16(%rax)
        movq $0x202, -24(%rax)
        movq $8, -32(%rax)
        movq %rbx, -40(%rax)
        subq $40 + 64, %rax
        movq %rax, other
        pics 0xfe, 0xff
        pit
        sti
task_a: incq a
        movq a, %rcx
        shrq $12, %rcx
        andb $15, %cl
        addb $0x41, %cl
        movb %cl, 0xb8000
        jmp task_a
task_b: incq b
        movq b, %rcx
        shrq $12, %rcx
        andb $15, %cl
        addb $0x61, %cl
        movb %cl, 0xb8004
        jmp task_b
timer:  pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        movq %rsp, %rax
        xchgq other, %rax
        movq %rax, %rsp
        movb $0x20, %al
        outb %al, $0x20
        popq %r8
        popq %rbp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rbx
        popq %rax
        iretq
        .data
        .balign 8
a:      .quad 0
b:      .quad 0
other:  .quad 0
        .bss
        .balign 16
        .fill 4096, 1, 0
stack_b:
S
}
BR=(--kernel k.elf --until 150M)
QE=(-kernel k.elf)
