/* start32.S - the first 32-bit instructions, in the ROM, and the switch to the services' real mode. */
#include "bios/layout.h"

        .cfi_sections .debug_frame
        .code32
        .text
        .globl post32_start
        .type post32_start, @function
post32_start:
        .cfi_startproc
        .cfi_undefined %eip             /* a debugger's frames end here */
        movl    $SEL_DATA32, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        testl   %esi, %esi
        jnz     ap_turn
        movl    $POST_STACK, %esp
        movb    $0x0f, %al              /* after a suspend to RAM, memory is the operating system's: the services' stack is free */
        outb    %al, $0x70
        inb     $0x71, %al
        cmpb    $RESUME_S3, %al
        jne     1f
        movl    $stack_top + DATA_LINEAR, %esp
1:      call    post32                  /* it does not return */

/* Application processors come one at a time, because they share a stack. */
ap_turn:
        lock btsl $0, ap_lock
        jnc     1f
        pause
        jmp     ap_turn
1:      movl    $POST_STACK - 0x1000, %esp
        call    ap_main
        lock btrl $0, ap_lock
2:      cli
        hlt
        jmp     2b
        .cfi_endproc
        .size post32_start, . - post32_start

/* void to_real16(u32 entry): never returns. The entry is an offset in the services' code segment. */
        .globl to_real16
        .type to_real16, @function
to_real16:
        .cfi_startproc
        movl    %eax, %ebx
        movl    $SEL_DATA16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        ljmp    $SEL_CODE16, $leave32
        .cfi_endproc
        .size to_real16, . - to_real16

/* From real mode (call32 in reset.S): the services' segment is the stack's, and EAX is the argument's linear address. */
        .globl drive_call32
        .type drive_call32, @function
drive_call32:
        .cfi_startproc
        .cfi_undefined %eip
        movl    $SEL_DATA32, %ecx
        movl    %ecx, %ds
        movl    %ecx, %es
        movl    %ecx, %ss
        addl    $DATA_LINEAR, %esp
        movl    %ecx, %fs
        movl    %ecx, %gs
        call    drive_call
        movl    $SEL_BIG16, %ecx        /* a caller may have made its segments larger than 64 KiB: they stay so */
        movl    %ecx, %ds
        movl    %ecx, %es
        movl    %ecx, %fs
        movl    %ecx, %gs
        movl    $SEL_DATA16, %ecx
        subl    $DATA_LINEAR, %esp
        movl    %ecx, %ss
        ljmp    $SEL_CODE16, $call32_end
        .cfi_endproc
        .size drive_call32, . - drive_call32

        .section .note.GNU-stack, "", @progbits
