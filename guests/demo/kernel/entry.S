# entry.S - interrupts and exceptions: all come together in one place with the registers saved; and the switch between two
# processes in the kernel.

#include "guests/demo/layout.h"

        .text
# 256 entries. Some exceptions push an error code; for all else a 0 stands in its place.
        .macro  entry_of n
        .if     \n == 8 || (\n >= 10 && \n <= 14) || \n == 17
        .else
        push    $0
        .endif
        push    $\n
        jmp     common
        .balign 16
        .endm

        .balign 16
        .globl  entries
entries:
        .altmacro
        .set    n, 0
        .rept   256
        entry_of %n
        .set    n, n + 1
        .endr
        .noaltmacro

common: push    %es
        push    %ds
        pushal
        cld
        mov     $SEL_KERNEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        push    %esp                    # struct frame *
        call    interrupt
        add     $4, %esp

# Also the first thing that a new process executes: process.c has made its frame.
        .globl  back
back:   popal
        pop     %ds
        pop     %es
        add     $8, %esp                # vector, error code
        iret

# void switch_to(u32 *save_esp, u32 new_esp)
        .globl  switch_to
switch_to:
        mov     4(%esp), %eax
        mov     8(%esp), %edx
        push    %ebp
        push    %ebx
        push    %esi
        push    %edi
        mov     %esp, (%eax)
        mov     %edx, %esp
        pop     %edi
        pop     %esi
        pop     %ebx
        pop     %ebp
        ret
