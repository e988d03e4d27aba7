# HEALTHY: a boot menu of its own in a boot sector: it draws, and polls INT 16h AH=01h until a digit comes.
build() {
    sector disk.img <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $3, %ax
        int $0x10
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        movw $7, %bx
        int $0x10
        jmp 1b
2:      movb $1, %ah
        int $0x16
        jz 2b
        xorb %ah, %ah
        int $0x16
        cmpb $0x31, %al
        jb 2b
        cmpb $0x33, %al
        ja 2b
        int $0x19
text:   .asciz "BOOT MANAGER\r\n\r\n 1  DOS\r\n 2  Linux\r\n 3  Setup\r\n\r\nYour choice (1-3): "
S
}
BR=(--disk disk.img --until 400M)
QE=(-drive file=disk.img,format=raw)
