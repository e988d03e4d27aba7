# crt0.S - a program's first instructions: the kernel left a pointer to the argument on the stack.
        .section .start, "ax"
        .globl  start
start:  mov     4(%esp), %eax
        push    %eax
        call    main
        push    %eax
        call    exit
