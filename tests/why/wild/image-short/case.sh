# The image is as long as boot sector and kernel, but the boot sector asks for more sectors than there are.
build() {
    sector disk.img 512 <<'S'
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x9000, %bp
        movw %bp, %sp
        movw $real, %bx
        call print
        movw $0x021f, %ax
        movw $0x0002, %cx
        xorb %dh, %dh
        movw $0x1000, %bx
        int $0x13
        jc disk_error
        cmpb $0x1f, %al
        jne sectors_error
        ljmp $0, $0x1000
disk_error: movw $error, %bx
        pushw %ax
        call print
        popw %ax
        movb %ah, %al
        call hex
        jmp disk_loop
sectors_error: movw $sectors, %bx
        call print
disk_loop: jmp disk_loop
hex:    pushw %ax
        shrb $4, %al
        call 1f
        popw %ax
        andb $15, %al
1:      addb $0x30, %al
        cmpb $0x3a, %al
        jb 2f
        addb $7, %al
2:      movb $0x0e, %ah
        int $0x10
        ret
print:  movb (%bx), %al
        testb %al, %al
        jz 3f
        movb $0x0e, %ah
        int $0x10
        incw %bx
        jmp print
3:      ret
real:   .asciz "Started in 16-bit Real Mode\r\nLoading kernel into memory\r\n"
error:  .asciz "Disk read error "
sectors: .asciz "Incorrect number of sectors read"
S
    head -c 2048 /dev/zero | tr '\0' '\220' >kern
    put disk.img 1 kern
}
BR=(--bios seabios --disk disk.img --until 300M)
QE=(-drive file=disk.img,format=raw)
