# modes.S - a flat guest for the debugger's tests: from real mode through protected mode to long mode, then a little
# program at high addresses, as a kernel would be. Run at 0:7C00h (bootreel record --flat); it ends by isa-debug-exit.
#
#   as -g -o modes.o tests/guests/modes.S && ld -T tests/guests/modes.ld -o modes.elf modes.o
#   objcopy -O binary modes.elf modes.bin

        .section .low, "awx"
        .code16
        .globl  _start
_start: cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7000, %sp
        call    real_call
        movb    $0x52, %al              # 'R'
        outb    %al, $0xe9
        lgdtl   gdt_pointer
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x08, $protected

        .globl  real_call
real_call:
        incw    real_count
        ret
real_count:
        .word   0

        .code32
        .globl  protected
protected:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x7000, %esp
        # The first 2 MiB, there and at ffffffff80000000h.
        movl    $0x11003, 0x10000
        movl    $0x13003, 0x10ff8
        movl    $0x12003, 0x11000
        movl    $0x12003, 0x13ff0
        movl    $0x83, 0x12000
        movl    $0x10000, %eax
        movl    %eax, %cr3
        movl    %cr4, %eax
        orl     $0x20, %eax
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        ljmp    $0x18, $long_mode

        .code64
        .globl  long_mode
long_mode:
        movabsq $high_entry, %rax
        jmp     *%rax

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      # code, 32 bits
        .quad   0x00cf93000000ffff      # data
        .quad   0x00af9b000000ffff      # code, 64 bits
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt

        .section .high, "awx"
        .globl  high_entry
high_entry:
        movabsq $stack_top, %rsp
        call    main
        xorl    %eax, %eax
        outb    %al, $0xf4
hang:   hlt
        jmp     hang

        .globl  main
        .type   main, @function
main:   pushq   %rbp
        movq    %rsp, %rbp
        movl    $5, %ebx
again:  movl    %ebx, %edi
        call    tick
        decl    %ebx
        jnz     again
        popq    %rbp
        ret
        .size   main, . - main

        .globl  tick
        .type   tick, @function
tick:   pushq   %rbp
        movq    %rsp, %rbp
        incq    counter(%rip)
        call    leaf
        popq    %rbp
        ret
        .size   tick, . - tick

        .globl  leaf
        .type   leaf, @function
leaf:   movq    counter(%rip), %rax
        ret
        .size   leaf, . - leaf

        .balign 8
        .globl  counter
        .type   counter, @object
        .size   counter, 8
counter:
        .quad   0
        .fill   256
stack_top:
