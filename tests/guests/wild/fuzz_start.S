/* fuzz_start.S - entry, exceptions and the ways into random code, for fuzz.c. Flat, at 1 MiB; the seed is at byte 4.
 *
 * After each deed, and after each exception, the image is copied from where it was kept at the start, and the main loop begins anew on an
 * empty stack: what a deed has spoilt of it does not last.
 */
    .set KEPT_IMAGE, 0x600000
    .code32
    .section .text.start, "ax"
    .globl start, seed
start:
    jmp 1f
    .balign 4
seed:
    .long 1
1:  cli
    mov $image_begin, %esi
    mov $KEPT_IMAGE, %edi
    mov $image_end, %ecx
    sub $image_begin, %ecx
    shr $2, %ecx
    cld
    rep movsl
    lgdt gdtr
    ljmp $8, $2f
    .globl again
again:
    mov $KEPT_IMAGE, %esi
    mov $image_begin, %edi
    mov $image_end, %ecx
    sub $image_begin, %ecx
    shr $2, %ecx
    cld
    rep movsl
2:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $stack_top, %esp
    call main
    jmp again

    .globl gdt, gdtr
    .data
    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
    .quad 0x00009b000000ffff, 0x000093000000ffff, 0x00af9b000000ffff
    .skip 64
gdtr:
    .word . - gdt - 1
    .long gdt

    .text
/* 256 entries of 8 bytes: back to the main loop, whatever happened. */
    .globl vectors
    .balign 8
vectors:
    .rept 256
    jmp caught
    .balign 8
    .endr
caught:
    cli
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $stack_top, %esp
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    pushl $2 /* an IRET ends the blocking of NMIs */
    push $8
    pushl $again
    iret

/* void run(void (*code)(void), unsigned how): 0 ring 0, 1 ring 3, 2 16-bit code, 3 virtual-8086 mode, 4 single steps */
    .globl run
run:
    mov 4(%esp), %ebx
    mov 8(%esp), %ecx
    cmp $1, %ecx
    je 4f
    cmp $2, %ecx
    je 5f
    cmp $3, %ecx
    je 6f
    cmp $4, %ecx
    je 7f
    jmp *%ebx
4:  push $0x23
    push $user_stack_top
    pushf
    orl $0x200, (%esp)
    push $0x1b
    push %ebx
    mov $0x23, %eax
    mov %eax, %ds
    mov %eax, %es
    iret
5:  pushf
    push $0x28
    and $0xffff, %ebx
    push %ebx
    iret
6:  push $0
    push $0x1000
    push $0x2000
    push $0x3000
    push $0x4000
    push $0xfff0
    pushf
    orl $0x23200, (%esp)
    push $0x8000
    push $0
    iret
7:  pushf
    orl $0x100, (%esp)
    push $8
    push %ebx
    iret

    .bss
    .balign 16
    .skip 16384
stack_top:
    .skip 4096
    .globl user_stack_top
user_stack_top:
