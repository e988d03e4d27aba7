# The first stage's reading function has an error path that leaves a register on the stack; the read fails, and its RET goes astray.
build() {
    sector disk.img 64K <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        movw $banner, %si
        call print
        movl $0x4000, %eax
        movw $0x8000, %bx
        call disk_read
        jc 1f
        ljmp $0, $0x8000
1:      movw $error, %si
        call print
2:      cli
        hlt
        jmp 2b
disk_read:
        pushw %si
        pushw %dx
        movl %eax, packet + 8
        movw %bx, packet + 4
        movb $0x42, %ah
        movw $packet, %si
        int $0x13
        jc 3f
        popw %dx
        popw %si
        ret
3:      popw %dx
        stc
        ret
print:  lodsb
        testb %al, %al
        jz 4f
        movb $0x0e, %ah
        int $0x10
        jmp print
4:      ret
banner: .asciz "stage1\r\n"
error:  .asciz "Disk error\r\n"
        .balign 4
packet: .byte 16, 0
        .word 8
        .word 0, 0
        .quad 0
S
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
