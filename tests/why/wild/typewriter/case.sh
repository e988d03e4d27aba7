# HEALTHY: a real-mode program that echoes what is typed (nobody types), with the keyboard's BIOS function.
build() {
    sector disk.img <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        call show
        jmp 1b
2:      xorb %ah, %ah
        int $0x16
        call show
        cmpb $13, %al
        jne 2b
        movb $10, %al
        call show
        jmp 2b
show:   movb $0x0e, %ah
        movw $7, %bx
        int $0x10
        ret
text:   .asciz "typewriter 1.0, Esc does nothing\r\n>"
S
}
BR=(--bios seabios --disk disk.img --until 3s)
QE=(-drive file=disk.img,format=raw)
