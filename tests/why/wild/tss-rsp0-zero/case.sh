# The TSS has no stack for ring 0: the first interrupt in the process pushes its frame below address 0.
build() {
    kernel64 k.elf <<'S'
main:
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
        orq $4, pml4
        movq $user_pd + 7, pdpt + 8
        movq $0x2000e7, user_pd
        movw $40, %ax
        ltr %ax
        gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        say "proc: entering the first process"
        movb $0xeb, 0x200000
        movb $0xfe, 0x200001
        pushq $0x1b
        pushq $0x40001000
        pushq $0x202
        pushq $0x23
        pushq $0x40000000
        iretq
timer:  pushq %rax
        movb $0x20, %al
        outb %al, $0x20
        popq %rax
        iretq
        .data
        .balign 16
tss:    .fill 104, 1, 0
        .bss
        .balign 4096
user_pd: .fill 4096, 1, 0
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
