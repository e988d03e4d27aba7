# A boot sector wants a VESA mode that the video BIOS does not have, does not know what to do, and waits in a loop.
build() {
    sector disk.img <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0x4f02, %ax
        movw $0x45ff, %bx
        int $0x10
        cmpw $0x004f, %ax
        je 5f
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      cli
3:      jmp 3b
5:      ljmp $0, $0x8000
text:   .asciz "VESA: no 1024x768x32\r\n"
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
