# The stage that should open A20 by port 92h writes 0 there, which closes it. The kernel is copied to 1 MiB by a flat segment, and so comes to 0,
# over the interrupt vectors; the next BIOS call goes astray.
build() {
    sector disk.img 64K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x0210, %ax
        movw $0x0002, %cx
        movw $0x0080, %dx
        movw $0x8000, %bx
        int $0x13
        jc 9f
        movb $0, %al
        outb %al, $0x92
        # flat segments in real mode
        lgdt gdtr
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        movw $8, %bx
        movw %bx, %ds
        movw %bx, %es
        andb $0xfe, %al
        movl %eax, %cr0
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movl $0x8000, %esi
        movl $0x100000, %edi
        movl $2048, %ecx
        addr32 rep movsl
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      hlt
9:      hlt
        jmp 9b
text:   .asciz "Kernel copied to 1 MiB\r\n"
        .balign 8
gdt:    .quad 0, 0x00cf92000000ffff
gdtr:   .word 15
        .long gdt
S
    for _ in $(seq 2048); do printf '\216\330\277\100'; done >kern
    put disk.img 1 kern
}
BR=(--bios seabios --disk disk.img --until 200M)
QE=(-drive file=disk.img,format=raw)
