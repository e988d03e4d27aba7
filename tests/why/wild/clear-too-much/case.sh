# A boot sector clears three page tables by `rep stosl` with a count of bytes: four times as much is cleared, from 0x1000 to 0xd000, and the boot
# sector itself is at 0x7c00.
build() {
    sector disk.img <<'S'
        .set TABLES, 0x1000
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
protected: movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x90000, %esp
        cld
        movl $TABLES, %edi
        xorl %eax, %eax
        movl $(3 * 4096), %ecx
        rep stosl
        movl $(TABLES + 0x1003), TABLES
        movl $(TABLES + 0x2003), TABLES + 0x1000
        movl $0x83, TABLES + 0x2000
        movl $TABLES, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x20, %eax
        movl %eax, %cr4
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
1:      hlt
        jmp 1b
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
}
BR=(--disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
