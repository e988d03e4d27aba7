# HEALTHY: a small command interpreter in real mode: it waits for keys with INT 16h AH=01h and HLT in between, and keeps a clock in the corner.
build() {
    sector disk.img <<'S'
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
2:      movw $0xb800, %ax
        movw %ax, %es
3:      sti
        hlt
        movw 0x46c, %ax
        shrw $4, %ax
        andb $7, %al
        addb $'0', %al
        movb %al, %es:158
        movb $1, %ah
        int $0x16
        jz 3b
        xorb %ah, %ah
        int $0x16
        movb $0x0e, %ah
        int $0x10
        jmp 3b
text:   .asciz "mini command\r\nA:\\>"
S
}
BR=(--disk disk.img --until 4s)
QE=(-drive file=disk.img,format=raw)
