# two-copies.S - a boot sector that keeps a record in two copies: sector 16 and 17. Sector 8 says which one counts. A boot that finds version 1
# writes version 2 to the other copy, flushes the drive's cache, writes the sector that says which, and flushes again. It prints the version that
# it found, and ends by isa-debug-exit: with 0, or with 3 if the copy that counts is no record. The planted fault, with --defsym WRONG=1: there is
# no flush between the copy and the sector that names it. --defsym FLAG_FIRST=1: the two are written in the wrong order, with all flushes.
# With --defsym BETWEEN=N, another sector is written N times between them. --defsym HALTS=1: a boot that finds version 2 halts for good.
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    %dl, drive
        movb    $9, %cl                 # sectors of INT 13h begin with 1
        movw    $0x8000, %bx
        call    read
        movb    0x8000, %al             # 0 or 1
        andb    $1, %al
        movb    %al, which
        movb    $17, %cl
        addb    %al, %cl
        movw    $0x8200, %bx
        call    read
        cmpl    $0x41544144, 0x8200     # "DATA"
        movb    $3, %al
        jne     exit
        movb    0x8204, %al
        addb    $'0', %al
        call    put
        movb    $'\n', %al
        call    put
        .ifdef  HALTS
        cmpb    $1, 0x8204
        je      1f
        cli
        hlt
1:
        .endif
        movb    $0, %al
        cmpb    $1, 0x8204
        jne     exit
        # the update
        movb    $2, 0x8204
        .ifdef  FLAG_FIRST
        call    write_flag
        call    flush
        .ifdef  BETWEEN
        movw    $BETWEEN, %bp
3:      movw    %bp, 0x8400
        movb    $21, %cl
        movw    $0x8400, %bx
        call    write
        call    flush
        decw    %bp
        jnz     3b
        .endif
        call    write_copy
        .else
        call    write_copy
        .ifndef WRONG
        call    flush
        .endif
        call    write_flag
        .endif
        call    flush
        movb    $0, %al
exit:   movw    $0xf4, %dx
        outb    %al, %dx
        hlt

write_copy:
        movb    $18, %cl
        subb    which, %cl
        movw    $0x8200, %bx
        jmp     write
write_flag:
        movb    which, %al
        xorb    $1, %al
        movb    %al, 0x8000
        movb    $9, %cl
        movw    $0x8000, %bx
        jmp     write
read:   movw    $0x0201, %ax
        jmp     move
write:  movw    $0x0301, %ax
move:   movb    $0, %ch
        movb    $0, %dh
        movb    drive, %dl
        int     $0x13
        jnc     1f
        movb    $4, %al
        jmp     exit
1:      ret
flush:  movw    $0x1f6, %dx             # FLUSH CACHE: ATA-7, 6.15
        movb    $0xe0, %al
        outb    %al, %dx
        movw    $0x1f7, %dx
        movb    $0xe7, %al
        outb    %al, %dx
2:      inb     %dx, %al
        testb   $0x80, %al
        jnz     2b
        ret
put:    movw    $0x3f8, %dx
        outb    %al, %dx
        ret
drive:  .byte   0
which:  .byte   0
        .org    510
        .word   0xaa55
        .org    8 * 512
        .byte   0
        .org    16 * 512
        .ascii  "DATA"
        .byte   1
        .org    128 * 512
