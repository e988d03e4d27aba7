# The next sector's number is a word, and is read as two: the word after it is not 0, so the loader reads far behind the end of the disk.
build() {
    sector disk.img 128K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movb %dl, drive
        movw $8, count
1:      movl lba, %edx
        movl %edx, packet + 8
        movw buffer, %bx
        movw %bx, packet + 4
        movb drive, %dl
        movw $packet, %si
        movb $0x42, %ah
        int $0x13
        jc err
        incw lba
        addw $512, buffer
        decw count
        jnz 1b
        ljmp $0, $0x8000
err:    movw $text, %si
2:      lodsb
        testb %al, %al
        jz 3f
        movb $0x0e, %ah
        int $0x10
        jmp 2b
3:      jmp 3b
text:   .asciz "hdd sectors exhausted\r\n"
drive:  .byte 0
lba:    .word 1
buffer: .word 0x8000
count:  .word 0
        .balign 4
packet: .byte 16, 0
        .word 1
        .word 0, 0
        .quad 0
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
