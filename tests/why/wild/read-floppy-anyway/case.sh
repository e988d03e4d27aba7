# A boot sector on a disk reads its second stage from drive 0, a floppy that is not there, does not look at the carry flag, and calls it.
build() {
    sector disk.img <<'S'
_start: movw $0x07c0, %ax
        addw $288, %ax
        movw %ax, %ss
        movw $4096, %sp
        movw $0x07c0, %ax
        movw %ax, %ds
        movw $loading - _start, %si
        call print
        xorw %cx, %cx
        xorw %dx, %dx
        movb $2, %ah
        movb $1, %al
        movb $0, %ch
        movb $2, %cl
        movb $0, %dh
        movb $0, %dl
        movw $0x09c0, %bx
        movw %bx, %es
        xorw %bx, %bx
        int $0x13
        movw $jumping - _start, %si
        call print
        lcall $0x09c0, $0
print:  lodsb
        testb %al, %al
        jz 1f
        movb $0x0e, %ah
        int $0x10
        jmp print
1:      ret
loading: .asciz "Loading stage 2\r\n"
jumping: .asciz "Jumping\r\n"
S
}
BR=(--bios seabios --disk disk.img --until 3s)
QE=(-drive file=disk.img,format=raw)
