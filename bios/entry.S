/* entry.S - how the services are entered: from INT and IRQ to a C function with the caller's registers.
 *
 * C code here is compiled for a stack, data and constants in one segment, so a service runs on the firmware's own stack:
 * the caller's registers are copied to it and, with the service's changes, copied back. The code segment is F000h, the data
 * segment E800h, FS the BIOS data area.
 *
 * Interrupts are off while the firmware's stack is in use. Where a service waits, and where it calls a program's code
 * (INT 1Ch, a mouse handler), it goes back to the caller's stack first: the program's interrupt handlers find the stack
 * segment that they expect, and may leave the service for good by setting SP. A service that is entered meanwhile uses the
 * firmware's stack below stack_next.
 *
 * A debugger's frames end where code is entered from outside, because the caller is on another stack, in another segment.
 */
#include "bios/layout.h"

        .cfi_sections .debug_frame
        .code16gcc

/* A function that C calls, and its end. A debugger finds its caller (so as to step over the call) at its first
 * instruction, but not while it changes stacks. */
.macro function name
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
.endm
.macro caller_lost
        .cfi_undefined %eip
.endm
.macro end_function name
        .cfi_endproc
        .size   \name, . - \name
.endm

        .section .text.entry, "ax"

/* One level of services on the firmware's stack: the caller's registers at stack_frame, and below them these. stack_frame is 0
 * in the POST, in INT 19h, and in a service that these call (or an NMI enters): their caller is on the firmware's stack itself. */
#define FRAME_OUTER_NEXT  -4    /* stack_next and stack_frame before this level */
#define FRAME_OUTER       -8
#define FRAME_CALLER_ESP  -12
#define FRAME_CALLER_SS   -16
#define FRAME_OWN_ESP     -20   /* while the caller's stack is in use: the firmware's */

/* To the caller's stack and back, with interrupts off. Between the two every register but SS and SP may change. Without a caller
 * on another stack, both leave SS and ESP alone. They use ECX and EDX. */
.macro to_callers_stack
        movl    stack_frame, %ecx
        testl   %ecx, %ecx
        jz      10f
        movl    %esp, FRAME_OWN_ESP(%ecx)
        movl    %esp, stack_next
        movl    FRAME_CALLER_ESP(%ecx), %edx
        movw    FRAME_CALLER_SS(%ecx), %ss
        movl    %edx, %esp
10:
.endm
.macro to_own_stack
        movw    $DATA_SEG, %dx
        movw    %dx, %ds
        movw    %dx, %es
        movl    stack_frame, %ecx
        testl   %ecx, %ecx
        jz      11f
        movw    %dx, %ss
        movl    FRAME_OWN_ESP(%ecx), %esp
        leal    -STACK_LEVEL(%ecx), %ecx
        movl    %ecx, stack_next
11:     movw    $BDA_SEG, %dx
        movw    %dx, %fs
        cld
.endm

/* On the caller's stack: handler (4 bytes), IP, CS, flags. */
        function service_call
        caller_lost
        cli
        cld
        pushw   %gs
        pushw   %fs
        pushw   %es
        pushw   %ds
        pushal
        movl    %esp, %edx
        movw    %ss, %bx
        movzwl  %sp, %esi
        movw    $DATA_SEG, %ax
        movw    %ax, %es
        movl    %esi, %edi
        cmpw    %ax, %bx
        movl    $0, %eax                /* the level's stack_frame */
        jne     1f
        cmpl    $stack_bottom, %esi     /* a program's stack may be anywhere else in this segment */
        jb      1f
        cmpl    $stack_top, %esi
        jb      3f
1:      movl    %es:stack_next, %edi
        cmpl    $stack_least, %edi      /* services that never returned used it up: start over */
        jae     2f
        movl    $stack_top, %edi
2:      leal    -REGS_ROOM(%edi), %eax
3:      subl    $REGS_ROOM, %edi
        movl    %edi, %ebp
        movw    %bx, %ds
        movw    $REGS_SIZE / 2, %cx
        rep movsw
        movw    $DATA_SEG, %cx
        movw    %cx, %ds
        movw    %cx, %ss
        movl    %ebp, %esp
        pushl   stack_next
        pushl   stack_frame
        pushl   %edx
        pushl   %ebx
        pushl   %ebp                    /* FRAME_OWN_ESP */
        movl    %eax, stack_frame
        leal    -STACK_LEVEL(%ebp), %eax
        movl    %eax, stack_next
        movw    $BDA_SEG, %ax
        movw    %ax, %fs
        movl    %ebp, %eax
        calll   *REGS_HANDLER(%ebp)
        cli
        popl    %ebx
        popl    %ebx
        popl    %edx
        popl    stack_frame
        popl    stack_next
        movl    %esp, %esi
        movzwl  %dx, %edi
        movw    %bx, %es
        movw    $REGS_SIZE / 2, %cx
        rep movsw
        movw    %bx, %ss
        movl    %edx, %esp
        popal
        popw    %ds
        popw    %es
        popw    %fs
        popw    %gs
        addw    $4, %sp
        iretw
        end_function service_call

/* void take_interrupts(void): serves the interrupts that are pending.
 * void wait_for_interrupt(void): halts until one has been served, and none is missed in between.
 * void wait_for_key(void): the same, under a name that tells a debugger what is awaited.
 * All on the caller's stack; interrupts are off before and after. */
.macro window name, instructions:vararg
        function \name
        pushl   %ebp
        caller_lost
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        to_callers_stack
        sti
        \instructions
        cli
        to_own_stack
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        retl
        end_function \name
.endm
        window take_interrupts, nop     /* the instruction after STI is executed first */
        window wait_for_interrupt, hlt
        window wait_for_key, hlt

.macro service name, handler
        .globl \name
\name:  pushl   $\handler
        jmp     service_call
.endm

        service entry_02, nmi
        service entry_05, int05_print_screen
        service entry_08, irq0_timer
        service entry_09, irq1_keyboard
        service entry_0e, irq6_floppy
        service entry_10, int10_video
        service entry_11, int11_equipment
        service entry_12, int12_memory
        service entry_13, int13_disk
        service entry_14, int14_serial
        service entry_15, int15_system
        service entry_16, int16_keyboard
        service entry_17, int17_printer
        service entry_1a, int1a_clock
        service entry_70, irq8_rtc
        service entry_74, irq12_mouse
        service entry_75, irq13_coprocessor
        service entry_76, irq14_ide
        service entry_77, irq15_ide
        service entry_irq_master, irq_unused_master
        service entry_irq_slave, irq_unused_slave

/* INT 18h, INT 19h: they do not return, so the stack starts over. */
        function entry_18
        caller_lost
        movl    $boot_next, %ebx
        jmp     3f
        end_function entry_18
        function entry_19
        caller_lost
        movl    $boot_first, %ebx
3:      cli
        cld
        movw    $DATA_SEG, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $stack_top, %esp
        movl    $stack_top - STACK_LEVEL, stack_next
        movl    $0, stack_frame
        movw    $BDA_SEG, %ax
        movw    %ax, %fs
        sti
        calll   *%ebx
4:      cli
        hlt
        jmp     4b
        end_function entry_19

/* void launch(u32 where, u32 drive): jumps to a boot sector at segment:offset, with the stack below 0:7C00. If it returns: INT 18h. */
        function launch
        cli
        caller_lost
        xorw    %cx, %cx
        movw    %cx, %ss
        movl    $0x7c00, %esp
        pushw   $CODE_SEG
        pushw   $0xff57                 /* fixed.S: INT 18h */
        pushl   %eax
        movw    %cx, %ds
        movw    %cx, %es
        movw    %cx, %fs
        movw    %cx, %gs
        movl    $0xaa55, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        sti
        lretw
        end_function launch

/* void far_call(struct regs *r, u32 where, bool interrupt): calls real-mode code at segment:offset, on the caller's stack, with the
 * registers and the carry flag of *r, which get the registers and flags afterwards. The code returns by IRET if `interrupt`, else by
 * a far RET; it begins with interrupts off. */
        function far_call
        pushl   %ebp
        caller_lost
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %eax
        movl    %eax, %esi
        movl    %edx, %edi
        movl    %ecx, %ebp
        pushfw                          /* the present flags, but the carry flag is the program's */
        popw    %bx
        andb    $~1, %bl
        movb    REGS_FLAGS(%esi), %al
        andb    $1, %al
        orb     %al, %bl
        to_callers_stack
        testl   %ebp, %ebp
        jz      1f
        pushw   %bx
1:      pushw   %cs
        callw   2f                      /* pushes the code's return address */
        jmp     3f
2:      andb    $~2, %bh                /* interrupts off: for IRETW */
        pushw   %bx
        pushl   %edi
        pushw   REGS_DS(%esi)
        pushw   REGS_ES(%esi)
        pushl   REGS_EAX(%esi)
        pushl   REGS_ECX(%esi)
        pushl   REGS_EDX(%esi)
        pushl   REGS_EBX(%esi)
        pushl   REGS_EBP(%esi)
        pushl   REGS_EDI(%esi)
        pushl   REGS_ESI(%esi)
        popl    %esi
        popl    %edi
        popl    %ebp
        popl    %ebx
        popl    %edx
        popl    %ecx
        popl    %eax
        popw    %es
        popw    %ds
        iretw
3:      pushfw
        pushal
        pushw   %ds
        pushw   %es
        cld
        movw    $DATA_SEG, %ax
        movw    %ax, %es
        movw    %ss, %ax
        movw    %ax, %ds
        movzwl  %sp, %esi
        leal    38(%esi), %ebx          /* where `r` is, in the firmware's segment */
        movl    %es:stack_frame, %ecx
        testl   %ecx, %ecx
        jz      4f
        cli
        movl    %es:FRAME_OWN_ESP(%ecx), %ebx
4:      movl    %es:(%ebx), %edi
        movl    %edi, %ebp
        lodsw
        movw    %ax, %es:REGS_ES(%ebp)
        lodsw
        movw    %ax, %es:REGS_DS(%ebp)
        movw    $8, %cx
        rep movsl
        lodsw
        movw    %ax, %es:REGS_FLAGS(%ebp)
        to_own_stack
        movl    %ebx, %esp
        popl    %eax
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        retl
        end_function far_call

/* void block_move(u32 table, u32 words): INT 15h AH=87h. `table` is the linear address of the caller's descriptor table
 * (all filled in): 10h source, 18h destination, 20h the services' code, 28h data as in real mode. */
        function block_move
        pushl   %ebx
        caller_lost
        pushl   %esi
        pushl   %edi
        pushl   %eax                    /* pointer for LGDT: limit, base */
        pushw   $0x2f
        lgdtl   (%esp)
        movl    %edx, %ecx
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x20, $1f
1:      movw    $0x10, %ax
        movw    %ax, %ds
        movw    $0x18, %ax
        movw    %ax, %es
        xorl    %esi, %esi
        xorl    %edi, %edi
        addr32 rep movsw
        movw    $0x28, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movl    %cr0, %eax
        andl    $~1, %eax
        movl    %eax, %cr0
        ljmpl   $CODE_SEG, $2f
2:      movw    $DATA_SEG, %ax
        movw    %ax, %ds
        movw    %ax, %es
        addw    $6, %sp
        popl    %edi
        popl    %esi
        popl    %ebx
        retl
        end_function block_move

/* Plug and Play BIOS: it has no functions, but ROMs expect one to exist. */
        .globl  pnp_entry
pnp_entry:
        movw    $0x82, %ax              /* function not supported */
        lretw

        .bss
        .balign 16
        .globl  stack_top
stack_bottom:
        .fill   STACK_SIZE
stack_top:
        .set    stack_least, stack_bottom + STACK_LEVEL

        .data
        .balign 4
        .globl  stack_next
stack_next:
        .long   stack_top - STACK_LEVEL
stack_frame:
        .long   0

/* void mouse_call(u32 handler, u32 status, u32 x, u32 y): pushes status, X, Y and 0 as words on the caller's stack, makes a far call
 * with interrupts on, and pops them. */
        .section .text.entry
        function mouse_call
        pushl   %ebp
        caller_lost
        movl    8(%esp), %ebp           /* y, the fourth argument */
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %edx, %esi
        movl    %ecx, %edi
        to_callers_stack
        pushw   %si
        pushw   %di
        pushw   %bp
        pushw   $0
        pushw   %cs
        callw   1f
        cli
        addw    $8, %sp
        to_own_stack
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        retl
1:      pushl   %eax
        sti
        lretw
        end_function mouse_call

        .section .note.GNU-stack, "", @progbits

/* VBE's window function: a far call with the registers of AX=4F05h. */
        .section .text.entry
        .globl  vbe_window_entry
vbe_window_entry:
        pushw   %ax
        movw    $0x4f05, %ax
        pushfw
        pushw   %cs
        callw   1f
        popw    %ax
        lretw
1:      jmp     entry_10
