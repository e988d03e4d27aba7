# HEALTHY: a boot sector that shows the size of memory and switches the machine off by APM.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        int $0x12
        movw %ax, %bx
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      movw $0x5301, %ax
        xorw %bx, %bx
        int $0x15
        jc 3f
        movw $0x530e, %ax
        xorw %bx, %bx
        movw $0x0102, %cx
        int $0x15
        jc 3f
        movw $0x5307, %ax
        movw $1, %bx
        movw $3, %cx
        int $0x15
3:      movw $off, %si
4:      lodsb
        testb %al, %al
        jz 5f
        movb $0x0e, %ah
        int $0x10
        jmp 4b
5:      hlt
        jmp 5b
text:   .asciz "640K ought to be there\r\n"
off:    .asciz "It is now safe to turn off your computer.\r\n"
S
}
BR=(--bios seabios --disk disk.img --until 400M)
QE=(-drive file=disk.img,format=raw)
