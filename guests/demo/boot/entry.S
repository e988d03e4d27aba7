# entry.S - the loader's assembly: its first instructions, calls of the BIOS from C, and the way into protected mode.

#include "guests/demo/layout.h"

        .cfi_sections .debug_frame
        .section .entry, "ax"
        .code16
        .long   LOADER_MAGIC
        .globl  entry
        .type   entry, @function
entry:  .cfi_startproc
        .cfi_undefined %eip             # a debugger's frames end here
        cli
        mov     $LOADER_STACK, %sp      # segments are 0 already
        sti
        movzbl  %dl, %eax
        calll   loader_main             # (drive)
        .cfi_endproc
        .size   entry, . - entry

# void bios(u32 number, struct bios_regs *): INT number with these registers. See bios.h.
        .text
        .globl  bios
        .type   bios, @function
bios:   .cfi_startproc
        pushal
        .cfi_adjust_cfa_offset 32
        push    %ds
        push    %es
        mov     %al, interrupt + 1
        mov     %dx, %bp                # SS is 0, so BP can point at it
        push    %bp
        mov     0(%bp), %eax
        mov     4(%bp), %ebx
        mov     8(%bp), %ecx
        mov     12(%bp), %edx
        mov     16(%bp), %esi
        mov     20(%bp), %edi
        mov     24(%bp), %ds
        mov     26(%bp), %es
        jmp     1f                      # the processor must see the changed instruction
1:
interrupt:
        int     $0
        mov     %sp, %bp
        mov     (%bp), %bp
        mov     %eax, 0(%bp)
        mov     %ebx, 4(%bp)
        mov     %ecx, 8(%bp)
        mov     %edx, 12(%bp)
        mov     %esi, 16(%bp)
        mov     %edi, 20(%bp)
        mov     %ds, 24(%bp)
        mov     %es, 26(%bp)
        pushf
        pop     28(%bp)
        pop     %bp
        pop     %es
        pop     %ds
        popal
        cld
        retl
        .cfi_endproc
        .size   bios, . - bios

# void protected_mode(void): continues in 32 bits at load_kernel() of load.c. Never returns.
        .globl  protected_mode
        .type   protected_mode, @function
protected_mode:
        .cfi_startproc
        cli
        lgdtl   gdt_pointer
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $SEL_KERNEL_CODE, $1f
        .code32
1:      mov     $SEL_KERNEL_DATA, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %fs
        mov     %ax, %gs
        mov     %ax, %ss
        .cfi_undefined %eip             # a debugger's frames end here
        mov     $LOADER_STACK, %esp
        call    load_kernel             # the kernel's entry
        mov     $BOOT_INFO, %ebx
        jmp     *%eax
        .cfi_endproc
        .size   protected_mode, . - protected_mode

        .section .rodata
        .balign 8
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      # code: 4 GiB from 0
        .quad   0x00cf92000000ffff      # data
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt
