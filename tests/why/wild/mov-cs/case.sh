# A second stage loads CS by `mov cs, ax`, after the far jump that had loaded it already.
build() {
    sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        lgdt gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected
        .code32
protected: movw $8, %ax
        .byte 0x8e, 0xc8
        movw $16, %ax
        movw %ax, %ds
        movw %ax, %ss
        movl $0x90000, %esp
        movw $0x0f4b, 0xb8000
1:      hlt
        jmp 1b
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
}
BR=(--disk disk.img --until 1s)
QE=(-drive file=disk.img,format=raw)
