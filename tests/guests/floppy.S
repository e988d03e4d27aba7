# floppy.S - a floppy's boot sector, which reads sectors through the BIOS and tells the first byte of the last one it read.
#   --defsym AX=n --defsym CX=n --defsym DX=n  the registers for INT 13h, which must succeed
#   --defsym PAST=n   a sector number that its tracks do not have; 0: not tried
#   --defsym RESET=1  before that a reset of the controller with polling disabled, which must interrupt (as T-DOS expects)
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movw    $0x1000, %ax
        movw    %ax, %es
        .if RESET
        movb    $0x1c, %al              # motor on
        call    reset
        movw    $configure, %si
        movw    $5, %cx                 # and LOCK
1:      movw    $0x3f4, %dx
        inb     %dx, %al
        testb   $0x80, %al
        jz      1b
        incw    %dx
        outsb
        loop    1b
2:      movw    $0x3f4, %dx             # the answer to LOCK
        inb     %dx, %al
        testb   $0x40, %al
        jz      2b
        incw    %dx
        inb     %dx, %al
        call    reset
        .endif
        movw    $AX, %ax
        movw    $CX, %cx
        movw    $DX, %dx
        xorw    %bx, %bx
        int     $0x13
        jc      bad
        .if PAST
        movw    $0x0201, %ax
        movw    $PAST, %cx
        xorw    %dx, %dx
        movw    $0x8000, %bx
        int     $0x13
        jnc     bad
        .endif
        movb    %es:(((AX & 0xff) - 1) * 512), %al
        jmp     end
bad:    movb    $'!', %al
end:    movw    $0x3f8, %dx
        outb    %al, %dx
        movb    $'\n', %al
        outb    %al, %dx
        movb    $0x10, %al              # isa-debug-exit
        outb    %al, $0xf4
        hlt

        .if RESET
# By the digital output register, until the BIOS has noted IRQ 6; then its four results are read.
reset:  cli
        andb    $0x7f, 0x43e
        movw    $0x3f2, %dx
        movb    $0x18, %al
        outb    %al, %dx
        movb    $0x1c, %al
        outb    %al, %dx
3:      sti
        hlt
        cli
        testb   $0x80, 0x43e
        jz      3b
        sti
        movb    $4, %bl
4:      movw    $0x3f5, %dx
        movb    $0x08, %al              # SENSE INTERRUPT
        outb    %al, %dx
        decw    %dx
5:      inb     %dx, %al
        testb   $0x40, %al
        jz      5b
        incw    %dx
        inb     %dx, %al
        inb     %dx, %al
        decb    %bl
        jnz     4b
        ret
configure:
        .byte   0x13, 0, 0x57, 0, 0x94  # implied seek, no polling; LOCK
        .endif
        .org    510
        .word   0xaa55
