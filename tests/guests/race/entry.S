/* entry.S - a multiboot kernel for two processors: descriptor tables, interrupt entries, and where the second processor starts. */
    .set MAGIC, 0x1badb002
    .section .boot, "ax"
    .code32
    .globl _start, idt, second_begin, second_end, second_ready_gdt
    .balign 8
    .long MAGIC, 3, -(MAGIC + 3)
_start:
.Lbegin:
    cli
    mov $stack_top, %esp
    lgdt gdtr
    ljmp $8, $1f
1:  mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    push 16(%ebx)          /* the command line */
    call kmain
2:  hlt
    jmp 2b

/* Copied to 8000h. */
    .code16
second_begin:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl second_gdtr - second_begin + 0x8000
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $second32
second_gdtr:
    .word 23
    .long gdt
second_end:
    .code32
second32:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $stack2_top, %esp
    call second_main
3:  hlt
    jmp 3b

    .globl entry_timer, entry_call, entry_fault
entry_timer:
    pusha
    call on_timer
    popa
    iret
entry_call:
    pusha
    call on_call
    popa
    iret
entry_fault:
    call on_fault

    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
    .word 23
    .long gdt

    .section .bss, "aw", @nobits
    .balign 16
    .skip 8192
stack_top:
    .skip 8192
stack2_top:

    .section .note.GNU-stack, "", @progbits
