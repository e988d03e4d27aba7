# An interrupt comes in user mode, and its handler reads the processor's data through GS without a SWAPGS: GS is the program's.
build() {
    kernel64 k.elf <<'S'
main:   movq $user_pd + 7, pdpt + 8
        movq $0x2000e7, user_pd
        orq $4, pml4
        movq $0x00affa000000ffff, %rax
        movq %rax, gdt + 32
        movq $0x00cff2000000ffff, %rax
        movq %rax, gdt + 24
        movq $tss, %rax
        movw %ax, gdt + 42
        shrq $16, %rax
        movb %al, gdt + 44
        movb %ah, gdt + 47
        movw $103, gdt + 40
        movb $0x89, gdt + 45
        movq $0x8f000, tss + 4
        movw $40, %ax
        ltr %ax
        gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        movl $0xc0000101, %ecx
        movl $percpu, %eax
        xorl %edx, %edx
        wrmsr
        movl $0xc0000102, %ecx
        movl $0x1000, %eax
        movl $0x7000, %edx
        wrmsr
        say "percpu: gs is set"
        movq $program, %rsi
        movq $0x40000000, %rdi
        movq $16, %rcx
        rep movsb
        swapgs
        pushq $0x1b
        pushq $0x40001000
        pushq $0x202
        pushq $0x23
        pushq $0x40000000
        iretq
timer:  pushq %rax
        movq %gs:8, %rax
        incq (%rax)
        movb $0x20, %al
        outb %al, $0x20
        popq %rax
        iretq
program: incl %ecx
        jmp program
        .data
        .balign 16
percpu: .quad 0, ticks
ticks:  .quad 0
tss:    .fill 104, 1, 0
        .bss
        .balign 4096
user_pd: .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
