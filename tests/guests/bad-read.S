# bad-read.S - a boot sector that reads the next sector, and tries three times. It ends by isa-debug-exit with 0 if it was read, with 1 if
# something else is there, and with the status of the BIOS otherwise. It resets the drive after an error, as it should. The planted fault: the
# retry does not set AX again, which held the answer of the reset, so it is no read. --defsym GOOD=1: without the fault.
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    %dl, drive
        movw    $3, %si
        movw    $0x0201, %ax
again:  movw    $0x0002, %cx
        movw    $0x7e00, %bx
        movb    $0, %dh
        movb    drive, %dl
        int     $0x13
        jnc     done
        movb    %ah, status
        decw    %si
        jz      failed
        movb    $0, %ah
        movb    drive, %dl
        int     $0x13
        .ifdef  GOOD
        movw    $0x0201, %ax
        .endif
        jmp     again
done:   movb    $0, %al
        cmpw    $0x4b4f, 0x7e00
        je      exit
        incb    %al
        jmp     exit
failed: movb    status, %al
exit:   movw    $0xf4, %dx
        outb    %al, %dx
        hlt
drive:  .byte   0
status: .byte   0
        .org    510
        .word   0xaa55
        .ascii  "OK"
        .org    128 * 512
