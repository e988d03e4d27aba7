# The boot sector saves DL with DS = 07c0h, and reads it back with DS = 0: the drive is 0, a floppy that the machine does not have.
build() {
    sector disk.img 64K <<'S'
_start: movw $0x07c0, %ax
        movw %ax, %ds
        movb %dl, drive
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $text, %si
        call print
        movw $0x0204, %ax
        movw $0x0002, %cx
        xorb %dh, %dh
        movb drive, %dl
        movw $0x8000, %bx
        int $0x13
        jc failed
        ljmp $0, $0x8000
failed: movw $error, %si
        call print
1:      jmp 1b
print:  lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp print
2:      ret
text:   .asciz "NOS boot\r\n"
error:  .asciz "Could not read the disk!"
drive:  .byte 0
S
}
BR=(--bios seabios --disk disk.img --until 200M)
QE=(-drive file=disk.img,format=raw)
