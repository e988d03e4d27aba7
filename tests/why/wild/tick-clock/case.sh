# HEALTHY: a boot sector that shows the time of the BIOS's clock in the corner of the screen, and looks for a key between.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $0xb800, %ax
        movw %ax, %es
1:      movb $0, %ah
        int $0x1a
        movw %dx, %bx
        movw $140, %di
        movw $4, %cx
2:      rolw $4, %bx
        movw %bx, %ax
        andw $0x000f, %ax
        addb $0x30, %al
        cmpb $0x39, %al
        jbe 3f
        addb $7, %al
3:      movb $0x1e, %ah
        stosw
        loop 2b
        movb $1, %ah
        int $0x16
        jz 1b
        int $0x19
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
