/* boot.S - a boot sector that does what FreeBSD's boot blocks and loader are told by, and nothing else: boot0's menu or, with
 * -DCD, what cdboot prints; BTX's interrupt table; the first line of the loader. Then it powers off.
 */
.code16
.globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    cld
    mov $first, %si
    call print
    cli
    lidt btx
    lidt bios
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    and $0xfe, %al
    mov %eax, %cr0
    sti
    mov $second, %si
    call print
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
1:  hlt
    jmp 1b

print:
    lodsb
    test %al, %al
    jz 1f
    mov $0x0e, %ah
    mov $7, %bx
    int $0x10
    jmp print
1:  ret

#ifdef CD
first: .asciz "CD Loader 1.2\r\n"
#else
first: .asciz "F1  FreeBSD\r\n\nBoot:  F1\r\n"
#endif
second: .asciz "BIOS drive C: is disk0\r\n"
btx: .word 0x197
    .long 0x5e00
bios: .word 0x3ff
    .long 0
    .org 510
    .word 0xaa55
