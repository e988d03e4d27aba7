# A boot sector asks for a sector far behind the end of the disk, says that there is no kernel, and resets the machine.
build() {
    sector disk.img 128K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $packet, %si
        movb $0x42, %ah
        int $0x13
        jnc 9f
        movw $text, %si
2:      lodsb
        testb %al, %al
        jz 3f
        movb $0x0e, %ah
        int $0x10
        jmp 2b
3:      movw $0xcf9, %dx
        movb $0x06, %al
        outb %al, %dx
4:      hlt
        jmp 4b
9:      ljmp $0, $0x8000
text:   .asciz "kernel image missing\r\n"
        .balign 4
packet: .byte 16, 0
        .word 8
        .word 0x8000, 0
        .quad 0x400000
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
