# A kernel for 64 bits was compiled with a red zone: an interrupt overwrites a local variable of a leaf function.
build() {
    kernel64 k.elf <<'S'
        .set high, 0xffff800000000000
main:   movq $pdpt + 3, pml4 + 256 * 8
        movabsq $high, %rbx
        leaq 1f(%rip), %rax
        addq %rbx, %rax
        jmp *%rax
1:      addq %rbx, %rsp
        gate 0x20, timer
        pics 0xfe, 0xff
        pit
        addq %rbx, gdtr + 2
        addq %rbx, idtr + 2
        lgdt gdtr
        lidt idtr
        say "mm: dropping the identity mapping"
        leaq pd(%rip), %rax
        movq $0, pml4
        movq %cr3, %rax
        movq %rax, %cr3
        sti
        leaq words(%rip), %rdi
        call sum
        cli
        hlt
# a leaf function as compilers make it: its local variable is in the red zone
sum:    movq %rdi, -16(%rsp)
        xorl %eax, %eax
2:      movq -16(%rsp), %rdx
        addl (%rdx), %eax
        jmp 2b
timer:  pushq %rax
        movb $0x20, %al
        outb %al, $0x20
        popq %rax
        iretq
        .data
words:  .long 1, 2, 3
S
}
BR=(--kernel k.elf --until 1s)
