# Stage 2 is linked for 0x7e00, and is read to ES:BX = 07e0:7e00.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movb %dl, drive
        movw $0x07e0, %ax
        movw %ax, %es
        movw $0x7e00, %bx
        movw $0x0204, %ax
        movw $0x0002, %cx
        xorb %dh, %dh
        movb drive, %dl
        int $0x13
        jc failed
        movb drive, %dl
        ljmp $0, $0x7e00
failed: movw $0x0e45, %ax
        int $0x10
1:      hlt
        jmp 1b
drive:  .byte 0
S
    boot16 stage2 0x7e00 <<'S'
_start: movw $0x0e32, %ax
        int $0x10
1:      hlt
        jmp 1b
S
    put disk.img 1 stage2
}
BR=(--disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
