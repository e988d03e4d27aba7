# A second stage reads its GDT's pseudo-descriptor through DS, where it is linked for CS = 0; its segment is 0800h now.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x0203, %ax
        movw $0x0002, %cx
        xorb %dh, %dh
        movw $0x8000, %bx
        int $0x13
        jc 1f
        ljmp $0x0800, $0
1:      hlt
        jmp 1b
S
    boot16 loader 0x8000 <<'S'
_start: cli
        lgdt %cs:gdtr
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $protected
        .code32
protected:
        movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %ss
        movl $0x7c00, %esp
        movw $0x0f50, 0xb8000
1:      hlt
        jmp 1b
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
    put disk.img 1 loader
}
BR=(--disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
