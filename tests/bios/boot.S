/* boot.S - the services' test: a boot sector that loads the test program behind it, and how that calls interrupts.
 *
 * The program is real-mode C (gcc -m16), code, data and stack in segment 1000h. It boots from disk 80h.
 */
        .code16
        .section .boot, "ax"
        .globl  start
start:
        ljmp    $0, $1f + 0x7c00
1:      cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        sti
        movw    $packet + 0x7c00, %si
        movb    $0x42, %ah
        movb    $0x80, %dl
        int     $0x13
        jc      2f
        movw    $0x1000, %ax
        movw    %ax, %ds
        movw    %ax, %es
        cli
        movw    %ax, %ss
        movl    $0xfff0, %esp
        sti
        ljmp    $0x1000, $program_entry
2:      movb    $'!', %al
        movw    $0x402, %dx
        outb    %al, %dx
3:      hlt
        jmp     3b
        .balign 4
packet: .byte   16, 0
        .word   96                      /* sectors */
        .word   0, 0x1000
        .quad   1
        .org    510
        .word   0xaa55

        .code16gcc
        .text
        .globl  program_entry
program_entry:
        cld
        calll   test_main
1:      hlt
        jmp     1b

/* void call_interrupt(u8 number, struct regs *r): eax, edx. Everything in *r goes in and comes out. */
        .globl  call_interrupt
call_interrupt:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movb    %al, %cs:2f + 1
        pushl   %edx
        movl    %edx, %esi
        pushw   %es
        pushw   %ds
        movl    (%esi), %eax
        movl    4(%esi), %ebx
        movl    8(%esi), %ecx
        movl    12(%esi), %edx
        movl    20(%esi), %edi
        movl    24(%esi), %ebp
        movw    30(%esi), %es
        pushw   34(%esi)                /* flags */
        pushl   16(%esi)
        pushw   28(%esi)
        popw    %ds
        popl    %esi
        popfw
2:      int     $0
        pushfw
        pushw   %ds
        pushw   %es
        pushl   %esi
        movw    %cs, %si
        movw    %si, %ds
        movl    %ss:14(%esp), %esi      /* r: above ESI, ES, DS, flags, and the saved DS, ES */
        movl    %eax, (%esi)
        movl    %ebx, 4(%esi)
        movl    %ecx, 8(%esi)
        movl    %edx, 12(%esi)
        movl    %edi, 20(%esi)
        movl    %ebp, 24(%esi)
        popl    %eax
        movl    %eax, 16(%esi)
        popw    %ax
        movw    %ax, 30(%esi)
        popw    %ax
        movw    %ax, 28(%esi)
        popw    %ax
        movw    %ax, 34(%esi)
        popw    %ds
        popw    %es
        popl    %edx
        cld
        sti
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        retl

        .section .note.GNU-stack, "", @progbits
