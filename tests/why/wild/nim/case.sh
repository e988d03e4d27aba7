# HEALTHY: a game in a boot sector: it prints the board and waits for the number of a heap; each line is ended.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      movb $0, %ah
        int $0x16
        subb $0x31, %al
        cmpb $3, %al
        jae 2b
        movw $text, %si
        jmp 1b
text:   .ascii "NIM\r\n1: ***\r\n2: *****\r\n3: *******\r\nTake from heap 1, 2 or 3\r\n"
        .byte 0
S
}
BR=(--disk disk.img --until 100M)
QE=(-drive file=disk.img,format=raw)
