# direct.S - a multiboot image, which tells what it finds. Linked as a flat binary at its load address.
#   --defsym AT=n    the load address
#   --defsym ROOM=n  bytes of the image, filled with a pattern that must be whole when it runs
#   --defsym HOW=n   0: look, and end  1: INIT to this processor  2: triple fault  3: reset by port CF9h  4: by the keyboard controller
#                    5: call the BIOS from real mode  6: jump to FFFF:0000 in real mode
# What resets is booted again, and says so. AT must be below 64 KiB for 5 and 6.
        .set    MAGIC, 0x1badb002
        .set    FLAGS, 0x10003
        .code32
        .globl  _start
_start: jmp     main
        .balign 4
header: .long   MAGIC, FLAGS, -(MAGIC + FLAGS), header, _start, end, 0, _start

main:   cmpl    $0x2badb002, %eax
        jne     bad
        testl   $0xffc, %esp            # the stack that it is given is no part of the image: use it
        call    check_image
        cmpl    $0x5aa5, 0x600          # memory is kept by a reset
        movl    $second, %esi
        je      finish
        movl    $0x5aa5, 0x600
        movl    16(%ebx), %esi          # the command line
        call    line
        movl    20(%ebx), %ecx          # the first module's text
        jecxz   1f
        movl    24(%ebx), %esi
        movl    (%esi), %esi
        call    line
1:
        .if HOW == 0
        movl    $whole, %esi
        jmp     finish
        .elseif HOW == 1
        movl    $0, 0xfee00310          # destination: APIC id 0
        movl    $0x4500, 0xfee00300     # INIT, assert
        .elseif HOW == 2
        lidt    no_idt
        int3
        .elseif HOW == 3
        movw    $0xcf9, %dx
        movb    $6, %al
        outb    %al, %dx
        .elseif HOW == 4
        movb    $0xfe, %al
        outb    %al, $0x64
        .else
        jmp     to_real
        .endif
2:      jmp     2b

bad:    movl    $no_magic, %esi
finish: call    line
        movb    $0x10, %al              # isa-debug-exit
        outb    %al, $0xf4
        hlt

# The filler, from `filler` on, is what it was; neither the information nor what it points to lies in the image.
check_image:
        movl    $filler, %esi
        movl    $(end - filler), %ecx
3:      cmpb    $0xa5, (%esi)
        jne     4f
        incl    %esi
        loop    3b
        movl    %ebx, %eax
        call    outside
        movl    16(%ebx), %eax
        call    outside
        movl    48(%ebx), %eax
        call    outside
        ret
outside:
        cmpl    $_start, %eax
        jb      5f
        cmpl    $end, %eax
        jb      4f
5:      ret
4:      movl    $damaged, %esi
        jmp     finish

line:   lodsb
        testb   %al, %al
        jz      6f
        call    put
        jmp     line
6:      movb    $'\n', %al
put:    movw    $0x3f8, %dx
        outb    %al, %dx
        ret

        .if HOW >= 5
to_real:
        cli
        lgdt    gdt_pointer
        ljmp    $8, $7f
        .code16
7:      movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %cr0, %eax
        andl    $~1, %eax
        movl    %eax, %cr0
        ljmpw   $0, $8f
8:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7000, %sp
        lidtl   real_idt
        .if HOW == 6
        ljmpw   $0xffff, $0
        .endif
        sti
        movb    $'k', %al
        int     $0x12                   # memory size
        call    hex
        int     $0x11                   # equipment
        call    hex
        movw    $0x0f00, %ax            # video mode
        int     $0x10
        call    hex
        movw    $0x0e41, %ax            # a character on the screen
        int     $0x10
        movb    $0x03, %ah              # the cursor
        movb    $0, %bh
        int     $0x10
        movw    %dx, %ax
        call    hex
        movw    $0x0201, %ax            # a sector of the disk
        movw    $0x0001, %cx
        movw    $0x0080, %dx
        movw    $0x6000, %bx
        int     $0x13
        sbbb    %al, %al
        call    hex
        movw    0x61fe, %ax
        call    hex
        movb    $0x02, %ah              # the shift state, and the tick that comes
        int     $0x16
        movb    $0, %ah
        call    hex
        movw    0x46c, %bx
9:      hlt
        cmpw    0x46c, %bx
        je      9b
        movb    $0x10, %al
        outb    %al, $0xf4
        hlt

hex:    movw    %ax, %bx                # AX and a new line
        movw    $4, %cx
10:     rolw    $4, %bx
        movb    %bl, %al
        andb    $15, %al
        cmpb    $10, %al
        sbbb    $0x69, %al
        das
        movw    $0x3f8, %dx
        outb    %al, %dx
        loop    10b
        movb    $'\n', %al
        outb    %al, %dx
        ret
        .balign 8
gdt:    .quad   0, 0x00009b000000ffff, 0x000093000000ffff
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt
real_idt:
        .word   0x3ff
        .long   0
        .endif

no_idt: .word   0
        .long   0
second: .asciz  "second boot"
whole:  .asciz  "whole"
damaged: .asciz "damaged"
no_magic: .asciz "no multiboot magic"
filler: .fill   ROOM - (filler - _start), 1, 0xa5
end:
