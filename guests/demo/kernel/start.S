# start.S - the kernel's first instructions, at 1 MiB in 32-bit protected mode without paging. EBX points to struct boot_info.
#
# The kernel is linked at C0100000h, so it first needs paging: two 4 MiB pages that both map the first 4 MiB of memory, at 0
# for the few instructions that are executed there, and at C0000000h permanently.

#include "guests/demo/layout.h"

        .cfi_sections .debug_frame
        .section .start, "ax"
        .globl  start
        .type   start, @function
start:  .cfi_startproc
        .cfi_undefined %eip                             # a debugger's frames end here
        mov     %cr4, %eax
        or      $0x10, %eax                             # PSE: 4 MiB pages
        mov     %eax, %cr4
        mov     $(start_directory - KERNEL_BASE), %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $0x80010000, %eax                       # PG, and WP: the kernel must not write to read-only pages
        mov     %eax, %cr0
        mov     $1f, %eax
        jmp     *%eax
1:      mov     $start_stack_top, %esp
        xor     %ebp, %ebp
        add     $KERNEL_BASE, %ebx
        push    %ebx
        call    kernel_main
        .cfi_endproc
        .size   start, . - start

        .data
        .balign 4096
start_directory:
        .long   0x83                                    # 4 MiB page, writable, present
        .fill   767, 4, 0
        .long   0x83
        .fill   255, 4, 0

        .bss
        .balign 16
        .skip   8192
start_stack_top:
