# start64.S - the beginning of a Multiboot kernel for 64 bits, with macros; it goes to main with 1 GiB mapped by pages of 2 MiB.
        .code32
        .macro out port, value
        movb $\value, %al
        outb %al, $\port
        .endm
        .macro gate vector, handler, flags=0x8e, ist=0
        leaq \handler(%rip), %rax
        movw %ax, idt + 16 * \vector
        movw $8, idt + 16 * \vector + 2
        movb $\ist, idt + 16 * \vector + 4
        movb $\flags, idt + 16 * \vector + 5
        shrq $16, %rax
        movw %ax, idt + 16 * \vector + 6
        shrq $16, %rax
        movl %eax, idt + 16 * \vector + 8
        .endm
        .macro pics master, slave
        out 0x20, 0x11
        out 0xa0, 0x11
        out 0x21, 0x20
        out 0xa1, 0x28
        out 0x21, 4
        out 0xa1, 2
        out 0x21, 1
        out 0xa1, 1
        out 0x21, \master
        out 0xa1, \slave
        .endm
        .macro pit count=11932
        out 0x43, 0x34
        out 0x40, (\count & 0xff)
        out 0x40, (\count >> 8)
        .endm
        .macro say text
        leaq 9f(%rip), %rdi
        call print
        jmp 8f
9:      .asciz "\text"
8:
        .endm
        .macro power_off
        movw $0x604, %dx
        movw $0x2000, %ax
        outw %ax, %dx
        .endm
        .globl _start, print, idt, gdt, idtr, gdtr, pml4
        .text
_start: jmp 1f
        .balign 4
        .long 0x1BADB002, 0, -0x1BADB002
1:      cli
        movl $0x90000, %esp
        movl $pdpt + 3, pml4
        movl $pd + 3, pdpt
        movl $0x83, %eax
        xorl %ecx, %ecx
2:      movl %eax, pd(,%ecx,8)
        addl $0x200000, %eax
        incl %ecx
        cmpl $512, %ecx
        jne 2b
        movl $pml4, %eax
        movl %eax, %cr3
        movl $0x20, %eax
        movl %eax, %cr4
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl $0x80000011, %eax
        movl %eax, %cr0
        lgdt gdtr
        ljmp $8, $3f
        .code64
3:      movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        jmp main
# A string (RDI) at the serial port.
print:  pushq %rax
        pushq %rdx
        movw $0x3f8, %dx
1:      movb (%rdi), %al
        testb %al, %al
        jz 2f
        outb %al, %dx
        incq %rdi
        jmp 1b
2:      popq %rdx
        popq %rax
        ret
        .data
        .balign 8
gdt:    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff, 0, 0, 0, 0, 0
gdtr:   .word 63
        .quad gdt
idtr:   .word 4095
        .quad idt
        .balign 4096
pml4:   .fill 4096, 1, 0
pdpt:   .fill 4096, 1, 0
pd:     .fill 4096, 1, 0
idt:    .fill 4096, 1, 0
        .text
