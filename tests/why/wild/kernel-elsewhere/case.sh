# The kernel is read to 1000:0, and the 32-bit jump goes to 0x100000.
build() {
    sector disk.img 64K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x1000, %ax
        movw %ax, %es
        xorw %bx, %bx
        movw $0x0208, %ax
        movw $2, %cx
        xorb %dh, %dh
        int $0x13
        jc 1f
        movw $0x2401, %ax
        int $0x15
        lgdtl gdtr
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $8, $pm
1:      hlt
        jmp 1b
        .code32
pm:     movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x90000, %esp
        ljmp $8, $0x100000
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
    printf '.code32\n_start: movw $0x0f4b, 0xb8000\n1: jmp 1b\n' | boot16 kern 0x10000
    put disk.img 1 kern
}
BR=(--disk disk.img --until 5s)
QE=(-drive file=disk.img,format=raw)
