/* start32.S - the first 32-bit instructions, in the ROM; the way to the services' real mode; block move by paging-free copy. */
#include "bios/layout.h"

        .code32
        .text
        .globl post32_start
post32_start:
        movl    $SEL_DATA32, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        testl   %esi, %esi
        jnz     ap_turn
        movl    $POST_STACK, %esp
        jmp     post32

/* Application processors come one at a time: they share a stack. */
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

/* void to_real16(u32 entry): never returns. The entry is an offset in the services' code segment. */
        .globl to_real16
to_real16:
        movl    %eax, %ebx
        movl    $SEL_DATA16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        ljmp    $SEL_CODE16, $leave32

        .section .note.GNU-stack, "", @progbits
