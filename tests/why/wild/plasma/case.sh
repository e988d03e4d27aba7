# HEALTHY: a demo in mode 13h that draws without end, and looks at the keyboard only by its status port.
build() {
    sector disk.img <<'S'
_start: movw $0x13, %ax
        int $0x10
        pushw $0xa000
        popw %es
        xorw %bx, %bx
1:      xorw %di, %di
2:      movw %di, %ax
        addw %bx, %ax
        xorb %ah, %al
        stosb
        cmpw $64000, %di
        jne 2b
        incw %bx
        inb $0x60, %al
        cmpb $1, %al
        jne 1b
        int $0x19
S
}
BR=(--disk disk.img --until 3s)
QE=(-drive file=disk.img,format=raw)
