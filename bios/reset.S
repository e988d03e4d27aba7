/* reset.S - the reset vector, and the switches between the services' real mode and the POST's 32-bit mode.
 *
 * After a reset the processor fetches at FFFFFFF0h with the code segment's base at FFFF0000h: the services' code segment as
 * it is in the ROM. A jump to F000:FFF0 or FFFF:0000 by a program finds the same code in shadow RAM. (Intel SDM volume 3, 9.1.4.)
 * So the first instruction is a far jump: whatever CS was, execution continues in segment F000h, which is the ROM while shadow RAM is off,
 * and the copy later.
 */
#include "bios/layout.h"

        .cfi_sections .debug_frame
        .code16
        .section .fixed.fff0, "ax"
        .globl reset_vector
        .type reset_vector, @function
reset_vector:
        .cfi_startproc
        .cfi_undefined %eip             /* a debugger's frames end here */
        ljmpw   $CODE_SEG, $power_on
        .cfi_endproc
        .size reset_vector, . - reset_vector

        .section .text.reset, "ax"
        .type power_on, @function
power_on:
        .cfi_startproc
        .cfi_undefined %eip
        cli
        cld
        inb     $0x92, %al              /* A program that jumps here may have A20 off: the ROM is not to be found then */
        orb     $2, %al
        andb    $~1, %al
        outb    %al, $0x92
        xorl    %esi, %esi              /* the boot processor */
        jmp     enter32
        .cfi_endproc
        .size power_on, . - power_on

/* 0 in the ROM; POST sets it in the copy. */
        .globl in_shadow_ram
in_shadow_ram:
        .byte   0

/* An application processor arrives here from the far jump at AP_PAGE. */
        .globl ap_start
ap_start:
        cli
        cld
        movl    $1, %esi

/* Switches to flat 32-bit mode and continues at post32_start in the ROM. */
        .type enter32, @function
enter32:
        .cfi_startproc
        .cfi_undefined %eip
        addr32 lgdtl %cs:gdt_pointer
        movl    %cr0, %eax
        andl    $0x1fffffff, %eax       /* caches on: CD and NW off */
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $SEL_CODE32, $post32_start
        .cfi_endproc
        .size enter32, . - enter32

        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      /* 08h: code, flat */
        .quad   0x00cf93000000ffff      /* 10h: data, flat */
        .quad   0x00009b0f0000ffff      /* 18h: code, 16-bit, the services' segment */
        .quad   0x000093000000ffff      /* 20h: data, as in real mode */
        .quad   0x008f93000000ffff      /* 28h: data, 16-bit, 4 GiB */
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt + CODE_LINEAR       /* while this runs in the ROM, shadow RAM shows the ROM too */

/* From 32-bit mode (to_real16) with segments for real mode loaded: leave protected mode, and begin the POST's second part. */
        .globl leave32
        .type leave32, @function
leave32:
        .cfi_startproc
        .cfi_undefined %eip
        addr32 lidtl %cs:real_idt
        movl    %cr0, %eax
        andl    $~1, %eax
        movl    %eax, %cr0
        ljmpl   $CODE_SEG, $1f
1:      movw    $DATA_SEG, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $stack_top, %esp
        movw    $BDA_SEG, %ax
        movw    %ax, %fs
        xorw    %ax, %ax
        movw    %ax, %gs
        calll   *%ebx                   /* post16, or resume_real: they do not return */
        .cfi_endproc
        .size leave32, . - leave32

/* void data_limits(u32 selector): sets the limits of DS, ES, FS and GS in real mode. Loads in real mode change a segment's
 * base, but not its limit. (Intel SDM volume 3, 9.9.2.) */
        .globl data_limits
        .type data_limits, @function
data_limits:
        .cfi_startproc
        pushfl
        .cfi_undefined %eip
        cli
        pushw   %ds
        pushw   %es
        pushw   %fs
        pushw   %gs
        addr32 lgdtl %cs:gdt_pointer
        movl    %cr0, %edx
        orb     $1, %dl
        movl    %edx, %cr0
        jmp     1f
1:      movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        andb    $~1, %dl
        movl    %edx, %cr0
        jmp     2f
2:      popw    %gs
        popw    %fs
        popw    %es
        popw    %ds
        popfl
        retl
        .cfi_endproc
        .size data_limits, . - data_limits

/* void call32(u32 call): drive_call() in flat 32-bit mode, with the linear address of its argument. Only from real mode. The caller's
 * GDTR is kept, and A20 is on meanwhile. */
        .globl call32
        .type call32, @function
call32:
        .cfi_startproc
        pushfl
        .cfi_undefined %eip
        cli
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %ebp
        pushw   %fs
        pushw   %gs
        subw    $8, %sp
        sgdtl   (%esp)
        movl    %eax, %ebx
        inb     $0x92, %al
        movb    %al, 6(%esp)
        testb   $2, %al
        jnz     1f
        orb     $2, %al
        outb    %al, $0x92
1:      movl    %ebx, %eax
        addr32 lgdtl %cs:gdt_pointer
        movl    %cr0, %ecx
        orb     $1, %cl
        movl    %ecx, %cr0
        ljmpl   $SEL_CODE32, $drive_call32

        .globl call32_end
call32_end:
        movl    %cr0, %ecx
        andb    $~1, %cl
        movl    %ecx, %cr0
        ljmpl   $CODE_SEG, $1f
1:      movw    $DATA_SEG, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        addr32 lgdtl (%esp)
        movb    6(%esp), %al
        testb   $2, %al
        jnz     2f
        outb    %al, $0x92
2:      addw    $8, %sp
        popw    %gs
        popw    %fs
        popl    %ebp
        popl    %edi
        popl    %esi
        popl    %ebx
        popfl
        retl
        .cfi_endproc
        .size call32, . - call32

real_idt:
        .word   0x3ff
        .long   0

/* CMOS shutdown codes 05h and 0Ah: continue at the address in 40:67. */
        .globl resume_real
resume_real:
        pushl   %fs:0x67
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        lretw

/* A suspend to RAM is over: continue at the operating system's real-mode address. */
        .globl resume_s3
resume_s3:
        pushl   wake_vector
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        lretw

        .section .note.GNU-stack, "", @progbits
