# HEALTHY: a game in a boot sector: it draws to the screen's memory, waits for the timer's word at 0040:006c, looks whether there is a key
# (INT 16h AH=01h), and goes on.
build() {
    sector disk.img <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $3, %ax
        int $0x10
        movw $0xb800, %ax
        movw %ax, %es
        movw $2000, %di
        movw $2, %bx
frame:  movw $0x0a40, %es:(%di)
        movw 0x46c, %dx
1:      cmpw %dx, 0x46c
        je 1b
        movb $1, %ah
        int $0x16
        jz 2f
        xorb %ah, %ah
        int $0x16
        cmpb $27, %al
        je quit
        negw %bx
2:      movw $0x0720, %es:(%di)
        addw %bx, %di
        cmpw $4000, %di
        jb frame
        xorw %di, %di
        jmp frame
quit:   int $0x19
S
}
BR=(--disk disk.img --until 600M)
QE=(-drive file=disk.img,format=raw)
