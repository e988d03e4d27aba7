/* loader.S - a boot sector that loads a multiboot kernel from the sectors behind it. The protocol's number is a variable of its own, not a
 * constant in the code before the jump. The kernel: an ELF file of 32 bits whose first segment is all of it that has content. */
    .set FILE, 0x10000
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $packet, %si
    mov $0x42, %ah
    int $0x13
    jc 1f
    lgdt gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $8, $protected
1:  hlt
    jmp 1b

    .code32
protected:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    cld
    mov FILE + 0x1c, %ebx # e_phoff
    mov FILE + 4(%ebx), %esi # p_offset
    add $FILE, %esi
    mov FILE + 12(%ebx), %edi # p_paddr
    mov FILE + 20(%ebx), %ecx # p_memsz
    rep movsb
    mov $information, %ebx
    mov magic, %eax
    jmp *FILE + 0x18 # e_entry

    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
    .word 23
    .long gdt
packet:
    .byte 16, 0
    .word 64
    .word 0, FILE >> 4
    .quad 1
magic:
    .long 0x2badb002
information:
    .fill 64
    .org 510
    .word 0xaa55
