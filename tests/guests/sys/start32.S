/* start32.S - multiboot header, entry, exception stubs and the ways in and out of test pieces, for the 32-bit image. */
    .set SEL_CODE, 0x08
    .set SEL_DATA, 0x10
    .set SEL_UDATA, 0x23
    .set SEL_CODE16, 0x48
    .set SEL_DATA16, 0x50
    .set LOW, 0x7000

    .section .text.start, "ax"
    .code32
    .globl start
header:
    .long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    .long header, image_begin, image_end, bss_end, start
start:
    cli
    mov $stack_top, %esp
    call load_gdt
    push %ebx
    call main
    mov $0x10, %al
1:  outb %al, $0xf4
    cli
    hlt
    jmp 1b

/* The flat segments that the loader left may be anywhere: our own at once. */
load_gdt:
    lgdt first_gdtr
    ljmp $SEL_CODE, $1f
1:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    ret

    .balign 8
first_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
first_gdtr:
    .word 23
    .long first_gdt

/* ---- exceptions: stubs of 16 bytes each ---- */
    .globl stubs
    .balign 16
stubs:
    .set n, 0
    .rept 256
    .if n != 8 && (n < 10 || n > 14) && n != 17
    push $0
    .endif
    pushl $n
    jmp common
    .balign 16
    .set n, n + 1
    .endr

common:
    cld
    pusha
    mov %ss, %eax
    cmp $SEL_DATA, %ax
    jne 2f
    push %ds
    push %es
    mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    push %esp
    call trap_taken
    add $4, %esp
    pop %es
    pop %ds
    popa
    add $8, %esp
    iret
/* On a test's stack segment: what was pushed is copied to a frame of ours. */
2:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %ss, %eax
    lar %eax, %ecx
    mov %esp, %esi
    test $0x400000, %ecx
    jnz 3f
    movzwl %si, %esi
3:  mov $odd_frame + 8, %edi
    mov $13, %ecx
4:  mov %ss:(%esi), %eax
    stosl
    add $4, %esi
    loop 4b
    mov $SEL_DATA, %eax
    mov %eax, %ss
    mov $fault_stack_top, %esp
    push $odd_frame
    call trap_taken
    ud2

/* Exceptions that are tasks of their own; the error code is on their stack. */
    .globl double_fault_task, fault_tasks
double_fault_task:
    push $8
    call task_fault
    .balign 16
fault_tasks:
    .set n, 10
    .rept 4
    push $n
    call task_fault
    .balign 16
    .set n, n + 1
    .endr

/* ---- running a piece ---- */
    .globl call_guarded, guard_return
call_guarded:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, guard_esp
    call *20(%esp)
    mov $SEL_DATA, %edx
    mov %edx, %ds
    mov %edx, %es
    mov %edx, %ss
    mov guard_esp, %esp
    mov %eax, piece_ax
    mov $-1, %eax
5:  pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
guard_return:
    mov $SEL_DATA, %eax
    mov %eax, %ss
    mov guard_esp, %esp
    mov %eax, %ds
    mov %eax, %es
    mov trap + 40, %eax
    jmp 5b

    .globl enter_ring0, enter_ring3, enter_v86, enter_real
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
    ret

/* In ring 3 a piece returns to int 80h. */
enter_ring3:
    movl $user_end, user_stack_top - 4
    mov $SEL_UDATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    push $SEL_UDATA
    push $user_stack_top - 4
    pushl %cs:user_flags
    pushl %cs:user_code
    pushl %cs:piece_address
    call zero
    iret
user_end:
    int $0x80
    ud2

enter_v86:
    pushl $0x400 /* gs fs ds es */
    pushl $0x300
    pushl $0x200
    pushl $0x100
    pushl $LOW / 16
    pushl $0xf00
    pushl v86_flags
    pushl $LOW / 16
    pushl $0
    call zero
    iret

/* Real mode: interrupts go to a handler that comes back as an exception of ours would. */
enter_real:
    push %ebp
    mov %esp, real_esp
    mov $real_code_size, %ecx
    mov $real_code, %esi
    mov $0x6000, %edi
    rep movsb
    xor %edi, %edi
    xor %eax, %eax
6:  lea 0x6000(%eax,%eax,2), %edx
    lea (real_vectors - real_code)(%edx,%eax), %edx
    mov %edx, (%edi)
    add $4, %edi
    inc %eax
    cmp $256, %eax
    jb 6b
    sidt saved_idtr
    lidt real_idtr
    ljmp $SEL_CODE16, $0x6000

real_back:
    mov $SEL_DATA, %edx
    mov %edx, %ds
    mov %edx, %es
    mov %edx, %fs
    mov %edx, %gs
    mov %edx, %ss
    mov real_esp, %esp
    lidt saved_idtr
    mov 0x6ff0, %eax /* what the piece, or the interrupt, left */
    movzwl 0x6ff4, %ecx
    pop %ebp
    cmp $0xffff, %cx
    jne 7f
    ret
7:  mov %eax, trap + 36
    mov %ecx, trap + 40
    movl $0, trap + 44
    movzwl 0x6ff8, %eax
    movzwl 0x6ffa, %ecx
    mov %ecx, trap + 52
    shl $4, %ecx
    add %ecx, %eax
    mov %eax, trap + 48
    movzwl 0x6ffc, %eax
    mov %eax, trap + 56
    jmp guard_return

/* Copied to 6000h. */
    .code16
real_code:
    mov $SEL_DATA16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %fs
    mov %ax, %gs
    mov %cr0, %eax
    and $0x7ffffffe, %eax
    mov %eax, %cr0
    ljmp $0, $(8f - real_code + 0x6000)
8:  xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %fs
    mov %ax, %gs
    movl $0x6e00, %esp
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    lcall $0, $LOW
    cli
    push %ds
    push $0
    pop %ds
    mov %eax, 0x6ff0
    movw $0xffff, 0x6ff4
real_leave:
    lgdtl %cs:(real_gdtr - real_code + 0x6000)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $SEL_CODE, $real_back
/* 256 calls of four bytes: the return address tells the vector. */
real_vectors:
    .rept 256
    .byte 0xe8
    .word real_common - . - 2
    nop
    .endr
real_common:
    cli
    push %ds
    push $0
    pop %ds
    mov %eax, 0x6ff0
    pop %ax /* ds */
    pop %ax
    sub $(real_vectors - real_code + 0x6003), %ax
    shr $2, %ax
    mov %ax, 0x6ff4
    pop %ax
    mov %ax, 0x6ff8
    pop %ax
    mov %ax, 0x6ffa
    pop %ax
    mov %ax, 0x6ffc
    jmp real_leave
real_gdtr:
    .word 255
    .long gdt
    .set real_code_size, . - real_code
    .code32

    .data
    .balign 4
real_idtr:
    .word 0x3ff
    .long 0
    .balign 4
saved_idtr:
    .skip 8
    .globl piece_address, piece_ax
piece_address: .long 0
piece_ax: .long 0
guard_esp: .long 0
real_esp: .long 0

    .bss
    .balign 16
odd_frame: .skip 128
    .skip 16384
stack_top:
    .skip 8192
    .globl interrupt_stack_top, fault_stack_top
interrupt_stack_top:
    .skip 8192
fault_stack_top:
    .skip 8192
user_stack_top:
