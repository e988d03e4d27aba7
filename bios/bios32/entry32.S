/* entry32.S - what 32-bit code may call with far calls: the BIOS32 service directory and the PCI BIOS that it names.
 *
 * Source: Phoenix, Standard BIOS 32-bit Service Directory 0.4; PCI BIOS Specification 2.1, 3.3. The caller's code
 * and data segments begin at the base that the directory returned, or are flat: the code runs anywhere and has no data.
 */
#include "bios/layout.h"

        .code32
        .text

/* EAX: the service. Returns AL: 0 if present, 80h if not; EBX: base, ECX: length, EDX: entry. */
        .globl  bios32_entry
bios32_entry:
        testb   %bl, %bl
        jnz     2f
        cmpl    $0x49435024, %eax       /* "$PCI" */
        jne     1f
        movl    $CODE_LINEAR, %ebx
        movl    $0x10000, %ecx
        movl    $pci32_entry, %edx      /* the services' segment is linked at 0: an offset */
        movb    $0, %al
        lret
1:      movb    $0x80, %al
        lret
2:      movb    $0x81, %al              /* BL is not a function */
        lret

pci32_entry:
        pushfl
        cli
        cld
        pushl   %ds
        pushl   %es
        pushal
        pushl   %ss                     /* C code uses the stack's segment for data */
        popl    %ds
        pushl   %ss
        popl    %es
        movl    %esp, %eax
        call    pci32_call
        popal
        popl    %es
        popl    %ds
        andl    $~1, (%esp)
        testb   %ah, %ah
        jz      3f
        orl     $1, (%esp)
3:      popfl
        lret

        .section .note.GNU-stack, "", @progbits
