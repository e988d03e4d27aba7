# HEALTHY: a game in a boot sector: it looks for keys, draws to the screen, and waits for the timer's tick.
build() {
    sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $3, %ax
        int $0x10
        movw $0xb800, %ax
        movw %ax, %es
        movw $2000, %di
1:      movb $1, %ah
        int $0x16
        jz 2f
        movb $0, %ah
        int $0x16
        movb %ah, key
2:      movw $0x0720, %es:(%di)
        addw step, %di
        cmpw $4000, %di
        jb 3f
        xorw %di, %di
3:      movw $0x0a02, %es:(%di)
        movb $0, %ah
        int $0x1a
        movw %dx, last
4:      movb $0, %ah
        int $0x1a
        cmpw last, %dx
        je 4b
        jmp 1b
key:    .byte 0
step:   .word 2
last:   .word 0
S
}
BR=(--disk disk.img --until 5s)
QE=(-drive file=disk.img,format=raw)
