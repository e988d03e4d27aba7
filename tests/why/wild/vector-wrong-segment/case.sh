# A boot sector takes over INT 13h for a log, by a vector whose segment is 07c0 although its code was made for offset 7c00h, and then reads a sector.
build() {
    sector disk.img 64K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $log, %ax
        movw %ax, 0x4c
        movw $0x07c0, 0x4e
        sti
        movw $0x0201, %ax
        movw $2, %cx
        movw $0x0080, %dx
        xorw %bx, %bx
        movw $0x0800, %si
        movw %si, %es
        int $0x13
        ljmp $0x0800, $0
log:    iret
S
}
BR=(--disk disk.img --until 2s)
QE=(-drive file=disk.img,format=raw)
