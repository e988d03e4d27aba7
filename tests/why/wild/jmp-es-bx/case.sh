# A boot sector loads its kernel to 1000:0000 and goes there by `jmp [es:bx]`, which is a near jump to the address in the kernel's first word.
build() {
    boot16 kernel 0 <<'S'
_start: movw %cs, %ax
        movw %ax, %ds
        movb $0x0e, %ah
        movb $'K', %al
        int $0x10
1:      hlt
        jmp 1b
        .org 512
S
    sector disk.img <<'S'
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        movb %dl, drive
        movw $message, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        int $0x10
        jmp 1b
2:      movw $0x1000, %ax
        movw %ax, %es
        xorw %bx, %bx
        movw $0x0201, %ax
        movw $2, %cx
        movb $0, %dh
        movb drive, %dl
        int $0x13
        jc 3f
        jmp *%es:(%bx)
3:      hlt
        jmp 3b
message: .asciz "Loading kernel\r\n"
drive:  .byte 0
S
    put disk.img 1 kernel
}
BR=(--disk disk.img --until 2s)
QE=(-drive file=disk.img,format=raw)
