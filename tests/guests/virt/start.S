/* start.S - 64-bit start of the hypervisor of the tests (svm.c), which --flat puts at 1 MiB; its entries for exceptions; the world switch. */
    .section .text.start, "ax"
    .code32
    .globl start
start:
    cli
    mov $stack_top, %esp
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
    /* The local APIC's page. */
    movl $apic_directory + 7, pdpt + 24
    movl $0xfee00087, apic_directory + (0xfee00000 >> 21 & 511) * 8
    mov %cr4, %eax
    or $0x6a0, %eax
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax
    wrmsr
    mov $0x80000033, %eax
    mov %eax, %cr0
    lgdt gdtr
    ljmp $0x08, $2f
    .code64
2:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $stack_top, %esp
    mov $tss, %eax
    mov %ax, gdt + 0x28 + 2
    shr $16, %eax
    mov %al, gdt + 0x28 + 4
    mov %ah, gdt + 0x28 + 7
    mov $0x28, %eax
    ltr %ax
    call main
    mov $0x10, %al
    outb %al, $0xf4
3:  hlt
    jmp 3b

    /* void world_switch(u64 vmcb): the guest's general registers are in `registers`. */
    .globl world_switch
world_switch:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
    clgi
    mov %rdi, %rax
    vmload
    mov registers + 8, %rbx
    mov registers + 16, %rcx
    mov registers + 24, %rdx
    mov registers + 32, %rsi
    mov registers + 40, %rdi
    vmrun
    mov %rbx, registers + 8
    mov %rcx, registers + 16
    mov %rdx, registers + 24
    mov %rsi, registers + 32
    mov %rdi, registers + 40
    vmsave
    pop %rdi
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    stgi
    ret

    /* Exceptions and interrupts, of the hypervisor and of its guests: told to `trapped`. */
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
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov 72(%rsp), %rdi
    mov 80(%rsp), %rsi
    lea 88(%rsp), %rdx
    call trapped
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

    .data
    .balign 16
    .globl gdt
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
    .quad 0x0000890000000067, 0, 0
gdtr:
    .word 63
    .quad gdt
    .globl registers
registers:
    .skip 48

    .bss
    .balign 4096
    .globl pml4, pdpt, directory
pml4:
    .skip 4096
pdpt:
    .skip 4096
directory:
    .skip 4096
apic_directory:
    .skip 4096
    .skip 16384
stack_top:
    .globl tss
tss:
    .skip 4096
