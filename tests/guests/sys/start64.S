/* start64.S - as start32.S, for the 64-bit image. */
    .set SEL_CODE, 0x08
    .set SEL_DATA, 0x10
    .set SEL_UDATA, 0x23

    .section .text.start, "ax"
    .code32
    .globl start
header:
    .long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    .long header, image_begin, image_end, bss_end, start
start:
    cli
    mov $stack_top, %esp
    mov %ebx, %esi
    /* The first GiB one to one, in 2 MiB pages, for all rings. */
    movl $pdpt + 7, pml4
    movl $directory + 7, pdpt
    xor %ecx, %ecx
    mov $0x87, %eax
1:  mov %eax, directory(,%ecx,8)
    add $0x200000, %eax
    inc %ecx
    cmp $512, %ecx
    jb 1b
    mov %cr4, %eax
    or $0x620, %eax
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* LME, NXE, SCE */
    wrmsr
    mov $0x80000033, %eax
    mov %eax, %cr0
    lgdt first_gdtr
    ljmp $SEL_CODE, $2f
    .code64
2:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $stack_top, %esp
    mov %esi, %edi
    call main
    mov $0x10, %al
3:  outb %al, $0xf4
    cli
    hlt
    jmp 3b

    .balign 8
first_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
first_gdtr:
    .word 23
    .long first_gdt

    .globl stubs
    .balign 16
stubs:
    .set n, 0
    .rept 256
    .if n != 8 && (n < 10 || n > 14) && n != 17
    push $0
    .endif
    push $n
    jmp common
    .balign 16
    .set n, n + 1
    .endr

common:
    cld
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rsp
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    call trap_taken
    mov %rbp, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx /* rsp's place */
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

    .globl call_guarded, guard_return
call_guarded:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, guard_sp
    call *%rdi
    mov guard_sp, %rsp
    mov %rax, piece_ax
    mov $-1, %eax
5:  mov $SEL_DATA, %edx
    mov %edx, %ss
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
guard_return:
    mov guard_sp, %rsp
    mov trap + 128, %eax /* the vector */
    jmp 5b

    .globl enter_ring0, enter_ring3, enter_v86, enter_real
enter_v86:
enter_real:
    ud2
enter_ring0:
    call zero
    jmp *piece_address

zero:
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %r8, %r8
    xor %r9, %r9
    xor %r10, %r10
    xor %r11, %r11
    xor %r12, %r12
    xor %r13, %r13
    xor %r14, %r14
    xor %r15, %r15
    ret

enter_ring3:
    movq $user_end, user_stack_top - 8
    mov $SEL_UDATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    push $SEL_UDATA
    push $user_stack_top - 8
    mov user_flags, %eax
    push %rax
    mov user_code, %eax
    push %rax
    push piece_address
    call zero
    iretq
user_end:
    int $0x80
    ud2

    .data
    .balign 8
    .globl piece_address, piece_ax
piece_address: .quad 0
piece_ax: .quad 0
guard_sp: .quad 0

    .bss
    .balign 4096
pml4: .skip 4096
pdpt: .skip 4096
directory: .skip 4096
    .globl interrupt_stack_top, fault_stack_top, pml4, pdpt, directory
    .skip 16384
stack_top:
    .skip 8192
interrupt_stack_top:
    .skip 8192
fault_stack_top:
    .skip 8192
user_stack_top:
