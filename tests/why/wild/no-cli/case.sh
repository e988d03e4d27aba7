# A boot sector goes to protected mode with interrupts enabled (after a BIOS call has returned so): the next tick of the timer is vector 8,
# and IDTR is still that of real mode.
build() {
    sector disk.img <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        cli
        # the memory map
        movw $0x1000, %di
        xorl %ebx, %ebx
1:      movl $0xe820, %eax
        movl $20, %ecx
        movl $0x534d4150, %edx
        int $0x15
        sti
        jc 2f
        addw $20, %di
        testl %ebx, %ebx
        jnz 1b
2:      lgdt gdtr
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
        # clears the screen and the kernel's memory
        movl $0xb8000, %edi
        movl $0x07200720, %eax
        movl $1000, %ecx
        rep stosl
        movl $0x100000, %edi
        xorl %eax, %eax
        movl $0x2000000, %ecx
3:      movl %eax, (%edi)
        addl $4, %edi
        decl %ecx
        jnz 3b
4:      hlt
        jmp 4b
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
S
}
BR=(--bios seabios --disk disk.img --until 2s)
QE=(-drive file=disk.img,format=raw)
