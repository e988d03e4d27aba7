# HEALTHY: a boot sector that plays notes on the speaker for ever; it waits by the refresh bit of port 61h.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
1:      movw $notes, %si
2:      lodsw
        testw %ax, %ax
        jz 1b
        movw %ax, %bx
        movb $0xb6, %al
        outb %al, $0x43
        movb %bl, %al
        outb %al, $0x42
        movb %bh, %al
        outb %al, $0x42
        inb $0x61, %al
        orb $3, %al
        outb %al, $0x61
        movw $6600, %cx
3:      inb $0x61, %al
        andb $0x10, %al
        cmpb %ah, %al
        je 3b
        movb %al, %ah
        loop 3b
        jmp 2b
notes:  .word 4560, 4063, 3619, 3416, 3043, 0
S
}
BR=(--disk disk.img --until 600M)
QE=(-drive file=disk.img,format=raw)
