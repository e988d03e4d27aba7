# start32.S - the beginning of a Multiboot kernel for 32 bits, with macros; it goes to main with flat segments and the stack below 0x90000.
        .code32
        .macro gate vector, handler, flags=0x8e, selector=0x08
        movl $\handler, %eax
        movw %ax, idt + 8 * \vector
        movw $\selector, idt + 8 * \vector + 2
        movb $\flags, idt + 8 * \vector + 5
        shrl $16, %eax
        movw %ax, idt + 8 * \vector + 6
        .endm
        .macro out port, value
        movb $\value, %al
        outb %al, $\port
        .endm
        # both 8259As from vector 0x20 on, with these masks
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
        pushl $9f
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
        .globl _start, print, idt, gdt, idtr, gdtr
        .text
_start: jmp 1f
        .balign 4
        .long 0x1BADB002, 0, -0x1BADB002
1:      cli
        movl $0x90000, %esp
        lgdt gdtr
        ljmp $0x08, $2f
2:      movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        jmp main
# A string at the serial port.
print:  pushl %esi
        pushl %eax
        pushl %edx
        movl 16(%esp), %esi
        movw $0x3f8, %dx
1:      lodsb
        testb %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      popl %edx
        popl %eax
        popl %esi
        ret $4
        .data
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0, 0, 0, 0, 0
gdtr:   .word 63
        .long gdt
idtr:   .word 2047
        .long idt
        .balign 8
idt:    .fill 2048, 1, 0
        .text
