# entry.S - the entries of interrupts and exceptions, which all lead to one place with the registers saved; and the switch
# between two processes in the kernel.

#include "guests/demo/layout.h"

        .cfi_sections .debug_frame
        .text
# 256 entries. Some exceptions push an error code; all others push a 0 in its place.
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

        .type   common, @function
common: .cfi_startproc
        .cfi_undefined %eip             # a debugger's frames end here
        push    %es
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
        .cfi_endproc
        .size   common, . - common

# void switch_to(u32 *save_esp, u32 new_esp)
        .globl  switch_to
        .type   switch_to, @function
switch_to:
        .cfi_startproc
        mov     4(%esp), %eax
        mov     8(%esp), %edx
        push    %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %ebp, 0
        push    %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %ebx, 0
        push    %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %esi, 0
        push    %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %edi, 0
        mov     %esp, (%eax)
        mov     %edx, %esp
        pop     %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore %edi
        pop     %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore %esi
        pop     %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore %ebx
        pop     %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore %ebp
        ret
        .cfi_endproc
        .size   switch_to, . - switch_to
