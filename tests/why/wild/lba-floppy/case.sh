# A first stage that reads by LBA packets (INT 13h AH=42h) is started from a floppy, for which the firmware has none of these functions.
build() {
    sector floppy.img 1440K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movb %dl, drive
        movw $booting, %si
        call print
        movb $0x41, %ah
        movw $0x55aa, %bx
        int $0x13
        jc unsupported
        movw $packet, %si
        movb $0x42, %ah
        movb drive, %dl
        int $0x13
        jc unsupported
        ljmp $0, $0x7e00
unsupported: movw $error, %si
        call print
1:      hlt
        jmp 1b
print:  lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp print
2:      ret
booting: .asciz "Booting (first stage)...\r\n"
error:  .asciz "Int 13h extensions not supported"
drive:  .byte 0
packet: .byte 16, 0
        .word 4, 0x7e00, 0
        .long 1, 0
S
}
BR=(--bios seabios --floppy floppy.img --boot a --until 5s)
QE=(-drive file=floppy.img,format=raw,if=floppy -boot a)
