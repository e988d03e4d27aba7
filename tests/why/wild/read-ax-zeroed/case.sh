# A boot sector sets AH and AL for the read, and then clears AX to load ES: INT 13h is called with AH=0, which resets the drive and succeeds.
build() {
    sector disk.img 1440K <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      movb $2, %ah
        movb $1, %al
        movb $0, %ch
        movb $2, %cl
        movb $0, %dh
        movb $0, %dl
        xorw %ax, %ax
        movw %ax, %es
        movw $0x7e00, %bx
        int $0x13
        jc 3f
        ljmp $0, $0x7e00
3:      hlt
        jmp 3b
text:   .asciz "Loading...\r\n"
S
    printf '_start: movw $0x0e4b, %%ax\nint $0x10\n1: hlt\njmp 1b\n' | boot16 second 0x7e00
    put disk.img 1 second
}
BR=(--bios seabios --floppy disk.img --boot a --until 300M)
QE=(-drive file=disk.img,format=raw,if=floppy -boot a)
