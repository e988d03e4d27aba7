# The descriptors of the boot loader's GDT have a limit of 0xffff and no G bit: the code segment ends at 64 KiB, and the kernel is at 1 MiB.
build() {
    sector disk.img 64K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        inb $0x92, %al
        orb $2, %al
        outb %al, $0x92
        lgdt gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected
        .code32
protected: movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x9000, %esp
        movl $0x7e00, %esi
        movl $0x100000, %edi
        movl $128, %ecx
        cld
        rep movsl
        movl $0x100000, %eax
        jmp *%eax
        .balign 8
gdt:    .quad 0, 0x00409a000000ffff, 0x004092000000ffff
gdtr:   .word 23
        .long gdt
S
}
BR=(--disk disk.img --until 1s)
QE=(-drive file=disk.img,format=raw)
