/* fuzz_start.S - entry, exceptions and the ways into random code, for the fuzz guest. Flat, at 1 MiB; the seed is at byte 4.
 *
 * After each deed, and after each exception, the main loop begins anew on an empty stack, now and then with the image copied from where
 * it was kept at the start: what a deed has spoilt of it does not last.
 */
    .set KEPT_IMAGE, 0x600000

/* Each processor has 4 KiB of stack; changes eax, ebx, ecx, edx. */
    .macro own_stack
    mov $1, %eax
    cpuid
    shr $12, %ebx
    and $0x3000, %ebx
    mov $stack_top, %esp
    sub %ebx, %esp
    .endm

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
    rdtsc
    test $6, %al
    jnz 2f
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
    own_stack
    call main
    jmp again

/* 16-bit code that is copied to LOW_START (fuzz.h): where other processors start, and real mode's interrupts lead. It joins in the deeds. */
    .globl other_start, other_end
    .code16
other_start:
    cli
    lgdtl %cs:(9f - other_start)
    mov $0x11, %eax
    mov %eax, %cr0
    ljmpl $8, $again
9:  .word gdt_end - gdt - 1
    .long gdt
other_end:
    .code32

    .globl gdt, gdtr
    .data
    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
    .quad 0x00009b000000ffff, 0x000093000000ffff, 0x00af9b000000ffff
    .skip 64
gdt_end:
gdtr:
    .word gdt_end - gdt - 1
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
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    xor %eax, %eax
    mov %eax, %dr7
    own_stack
    lidt idtr32
    pushl $2 /* an IRET ends the blocking of NMIs */
    push $8
    pushl $again
    iret

/* From 64-bit mode. */
    .globl vector64
    .code64
vector64:
    mov $16, %eax
    mov %eax, %ss
    mov $stack_top, %esp
    push $8
    mov $caught, %ecx
    push %rcx
    lretq
    .code32

/* 64-bit mode with the tables that fuzz.c has made; random numbers in the upper registers. */
    .globl run64
run64:
    mov 4(%esp), %ebx
    mov 8(%esp), %esi
    lidt idtr64
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $tables64, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax
    wrmsr
    mov $0x80000011, %eax
    mov %eax, %cr0
    ljmp $0x38, $8f
    .code64
8:  mov %rsi, %r8
    imul $0x5bd1e995, %r8, %r8
    mov %r8, %r9
    shl $20, %r9
    mov %r9, %r10
    imul $0x1b873593, %r10, %r10
    xor %r8, %r10
    mov %r10, %r15
    not %r15
    mov %ebx, %edi
    lea 0x400(%rbx), %rsi
    mov %r15d, %ecx
    and $0xfff, %ecx
    jmp *%rbx
    .code32

/* void run(deed_fn *code, enum how how), see fuzz.h */
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
    .skip 4 * 4096
stack_top:
    .skip 4096
    .globl user_stack_top
user_stack_top:
