# boot.S - boot sectors of bench/rows, which power off by the port at which SeaBIOS puts ACPI's power management.
#   --defsym POLLS=n    asks the BIOS n * 65536 times whether a key was pressed (INT 16h, AH = 1)
#   --defsym RESETS=n   resets the machine n times by a triple fault; the count is in the CMOS memory, which resets leave alone
# Loops of 16-bit code, n times each: --defsym REGISTERS=n, MEMORY=n, CALLS=n, BYTES=n (strings, second bytes), POINTERS=n (far ones),
# WIDE=n (operands and addresses of 32 bits, as gcc -m16 has them)
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7000, %sp
        cld
        .ifdef POLLS
        movw    $POLLS, %si
1:      xorw    %di, %di
2:      movb    $1, %ah
        int     $0x16
        decw    %di
        jnz     2b
        decw    %si
        jnz     1b
        .endif
        .macro  times   n
        movl    $\n, %ebp
        movw    $0x1000, %ax
        movw    %ax, %ds
        movw    $0x2000, %ax
        movw    %ax, %es
1:
        .endm
        .macro  again
        decl    %ebp
        jnz     1b
        .endm
        .ifdef REGISTERS
        times   REGISTERS
        addw    %bx, %ax
        xorw    %ax, %dx
        addw    $3, %bx
        shrw    $1, %dx
        incw    %si
        cmpw    $100, %si
        jb      2f
        xorw    %si, %si
2:      again
        .endif
        .ifdef MEMORY
        times   MEMORY
        movw    (%bx,%si), %ax
        addw    %ax, %dx
        movw    %dx, %es:(%di)
        movb    3(%bx), %cl
        addw    $2, %si
        andw    $0x3fe, %si
        addw    $2, %di
        andw    $0x7fe, %di
        again
        .endif
        .ifdef CALLS
        times   CALLS
        pushw   %ax
        callw   2f
        popw    %ax
        jmp     3f
2:      pushw   %bp
        movw    %sp, %bp
        movw    4(%bp), %ax
        incw    %ax
        popw    %bp
        retw
3:      again
        .endif
        .ifdef BYTES
        times   BYTES
        lodsb
        stosb
        andw    $0x7fff, %si
        andw    $0x7fff, %di
        movb    %al, %ah
        rolb    $1, %ah
        mulb    %ah
        loop    2f
2:      again
        .endif
        .ifdef POINTERS
        times   POINTERS
        movw    $0x3000, %ax
        movw    %ax, %es
        movw    %es:(%si), %ax
        addw    $2, %si
        andw    $0x7ff, %si
        lesw    (%bx), %di
        addw    %es:4(%si), %dx
        again
        .endif
        .ifdef WIDE
        times   WIDE
        movl    (%ebx,%esi,4), %eax
        addl    %eax, %edx
        movl    %edx, %es:8(%edi)
        leal    1(%esi), %esi
        andl    $255, %esi
        pushl   %eax
        calll   2f
        popl    %eax
        jmp     3f
2:      movzwl  %ax, %ecx
        addl    %ecx, %ebx
        andl    $0xfff, %ebx
        retl
3:      again
        .endif
        .ifdef RESETS
        movb    $0x7e, %al
        outb    %al, $0x70
        inb     $0x71, %al
        incb    %al
        outb    %al, $0x71
        cmpb    $RESETS, %al
        ja      3f
        lidt    none
        int3
3:
        .endif
        movw    $0x604, %dx
        movw    $0x2000, %ax
        outw    %ax, %dx
4:      hlt
        jmp     4b
none:   .word   0
        .long   0
        .org    510
        .word   0xaa55
