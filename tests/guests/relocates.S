/* relocates.S - does as SeaBIOS with the code of its initialization: says from where to where it moves it, moves it, and goes on there. */
        .code16
        .globl _start, maininit, code32init_start, code32init_end, part
_start: cli
        xor %ax, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $0x7000, %sp
        mov $text, %si
        mov $0x402, %dx
        cld
1:      lodsb
        test %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      mov $code32init_start, %si
        mov $0x9000, %di
        mov $code32init_end - code32init_start, %cx
        rep movsb
        ljmp $0, $0x9000 + maininit - code32init_start
text:   .asciz "Relocating init from 0x00001100 to 0x00009000 (size 32)\n"
        .org 0x100
code32init_start:
part:   nop
        ret
        .type part, @function
        .size part, . - part
maininit:
        call part
        hlt
        jmp maininit
        .type maininit, @function
        .size maininit, . - maininit
        .org 0x120
code32init_end:
