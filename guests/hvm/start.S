# start.S - the entry of an image that is given with --hvmloader: 32-bit flat protected mode, paging and interrupts off, EBX the
# address of the start information. There is no stack yet.
        .section .text.start, "ax"
        .globl  _start
_start: mov     $stack_top, %esp
        push    %ebx
        call    main
1:      cli
        hlt
        jmp     1b

# A hypercall: number and up to five arguments, in the registers of Xen's 32-bit interface.
        .globl  hypercall
hypercall:
        push    %ebx
        push    %esi
        push    %edi
        mov     16(%esp), %eax
        mov     20(%esp), %ebx
        mov     24(%esp), %ecx
        mov     28(%esp), %edx
        mov     32(%esp), %esi
        mov     36(%esp), %edi
        shl     $5, %eax
        add     $hypercall_page, %eax
        call    *%eax
        pop     %edi
        pop     %esi
        pop     %ebx
        ret

        .bss
        .balign 4096
        .globl  hypercall_page
hypercall_page:
        .skip   4096
        .skip   4096
stack_top:

        .section .note.GNU-stack, "", @progbits
