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

/* void call_flat(u32 offset, struct regs *r, u32 base): calls 32-bit code, far, from protected mode; its code and data
 * segment begin at `base`. The flags come back, too. */
        .text
        .globl  call_flat
call_flat:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        cli
        movl    %eax, flat_function
        movl    %edx, flat_regs
        movl    %esp, flat_stack
        movw    %cx, flat_gdt + 42
        movw    %cx, flat_gdt + 50
        shrl    $16, %ecx
        movb    %cl, flat_gdt + 44
        movb    %cl, flat_gdt + 52
        lgdtl   flat_gdt_pointer
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $8, $flat_code + 0x10000
        .code32
flat_code:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        addl    $0x10000, %esp
        movl    flat_regs + 0x10000, %esi
        addl    $0x10000, %esi
        movl    (%esi), %eax
        movl    4(%esi), %ebx
        movl    8(%esi), %ecx
        movl    12(%esi), %edx
        movl    20(%esi), %edi
        movl    16(%esi), %esi
        pushl   $48
        popl    %ds
        lcall   *%ss:flat_function + 0x10000
        pushfl
        pushl   %esi
        pushl   $16
        popl    %ds
        movl    flat_regs + 0x10000, %esi
        addl    $0x10000, %esi
        movl    %eax, (%esi)
        movl    %ebx, 4(%esi)
        movl    %ecx, 8(%esi)
        movl    %edx, 12(%esi)
        movl    %edi, 20(%esi)
        popl    16(%esi)
        popl    %eax
        movw    %ax, 34(%esi)
        ljmp    $24, $1f
        .code16gcc
1:      movw    $32, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %cr0, %eax
        andl    $~1, %eax
        movl    %eax, %cr0
        ljmpl   $0x1000, $1f
1:      movw    $0x1000, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        movl    flat_stack, %esp
        sti
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        retl

        .data
        .balign 8
flat_gdt:
        .quad   0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00009b010000ffff      /* 16-bit code and data at 10000h */
        .quad   0x000093010000ffff
        .quad   0x00cf9b000000ffff      /* the caller's base */
        .quad   0x00cf93000000ffff
flat_gdt_pointer:
        .word   . - flat_gdt - 1
        .long   flat_gdt + 0x10000
flat_function:
        .long   0
        .word   40
flat_regs:
        .long   0
flat_stack:
        .long   0

        .section .note.GNU-stack, "", @progbits
