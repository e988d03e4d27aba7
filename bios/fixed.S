/* fixed.S - what programs expect at fixed addresses of the BIOS segment: the entry points of IBM's BIOS. Some programs
 * jump to these addresses or compare them. (IBM PC/AT Technical Reference, BIOS listing; bios.ld puts each section at its offset.)
 */
#include "bios/layout.h"

        .code16

.macro fixed where, target
        .section .fixed.\where, "ax"
        .globl  fixed_\where
fixed_\where:
        jmp     \target
.endm

        fixed   e05b, reset_vector
        fixed   e2c3, entry_02
        fixed   e3fe, entry_13
        fixed   e6f2, entry_19
        fixed   e739, entry_14
        fixed   e82e, entry_16
        fixed   e987, entry_09
        fixed   ec59, entry_13
        fixed   ef57, entry_0e
        fixed   efd2, entry_17
        fixed   f065, entry_10
        fixed   f841, entry_12
        fixed   f84d, entry_11
        fixed   f859, entry_15
        fixed   fe6e, entry_1a
        fixed   fea5, entry_08

        .section .fixed.ff53, "ax"
        .globl  fixed_ff53
fixed_ff53:                             /* an interrupt without a handler */
        iretw
        jmp     entry_05                /* FF54h: print screen */
        .org    4
        int     $0x18                   /* FF57h: a boot sector returned */

/* INT 15h AH=C0h: the system configuration. */
        .section .fixed.e6f5, "ax"
        .word   8
        .byte   0xfc                    /* model: AT */
        .byte   0x00
        .byte   0x01                    /* BIOS revision */
        .byte   0x74                    /* second 8259, RTC, keyboard intercept (4Fh), extended BIOS data area */
        .byte   0x40                    /* INT 16h AH=09h */
        .byte   0, 0, 0

/* Divisors for INT 14h AH=00h: 110 to 9600 bit/s. */
        .section .fixed.e729, "ax"
        .word   1047, 768, 384, 192, 96, 48, 24, 12

/* Diskette parameters, INT 1Eh: step rate, head times, motor off delay, 512 bytes, 18 sectors, gaps, motor start; then the
 * highest track and the data rate as the PS/2 has them. */
        .section .fixed.efc7, "ax"
        .byte   0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08

/* The CGA's and MDA's 6845 registers for 40 and 80 columns, graphics, monochrome; memory, columns and mode register of modes 0-7:
 * INT 1Dh. */
        .section .fixed.f0a4, "ax"
        .byte   0x38, 0x28, 0x2d, 0x0a, 0x1f, 0x06, 0x19, 0x1c, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
        .byte   0x71, 0x50, 0x5a, 0x0a, 0x1f, 0x06, 0x19, 0x1c, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
        .byte   0x38, 0x28, 0x2d, 0x0a, 0x7f, 0x06, 0x64, 0x70, 0x02, 0x01, 0x06, 0x07, 0, 0, 0, 0
        .byte   0x61, 0x50, 0x52, 0x0f, 0x19, 0x06, 0x19, 0x19, 0x02, 0x0d, 0x0b, 0x0c, 0, 0, 0, 0
        .word   0x0800, 0x1000, 0x4000, 0x4000
        .byte   40, 40, 80, 80, 40, 40, 80, 80
        .byte   0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29

        .section .fixed.fff5, "ax"
        .ascii  "01/01/20"              /* the release, not the build */
        .byte   0
        .byte   0xfc                    /* FFFEh: model */
        .byte   0

        .section .note.GNU-stack, "", @progbits
