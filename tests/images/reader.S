# reader.S - a boot sector that reads SECTORS sectors of its disk (or of DISK, up to its end), 64 at a time, adds them up, prints the sum, and
# switches the machine off.
.code16
.globl _start
_start: xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov %dl, drive
.ifdef DISK
    movb $DISK, drive
.endif
1:  mov $0x42, %ah
    mov drive, %dl
    mov $packet, %si
    int $0x13
    jc 3f
    push %ds
    mov $0x1000, %ax
    mov %ax, %ds
    xor %si, %si
    mov $8192, %cx
    cld
2:  lodsl
    add %eax, %ebx
    rol %ebx
    loop 2b
    pop %ds
    addl $64, lba
    cmpl $SECTORS, lba
    jb 1b
3:  mov $8, %cx
4:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    add $65, %al
    mov $0x3f8, %dx
    out %al, %dx
    loop 4b
    mov $10, %al
    out %al, %dx
    mov $0x2000, %ax # power off, by PIIX4's and by another board's register
    mov $0x604, %dx
    out %ax, %dx
    mov $0xb004, %dx
    out %ax, %dx
    hlt
drive: .byte 0
    .balign 4
packet: .byte 16, 0
    .word 64, 0, 0x1000
lba: .quad 0
    .org 510
    .word 0xaa55
