/* code32.c - code that changes: the processor must run what memory holds, also in the very next instruction (SDM volume 3, 11.6, 8.1.3). */
#include "sys.h"

#define FILL(address, bytes) "movl $" bytes ", " address "; "

void test_code(void)
{
    group("code that changes");
    T("the next instruction's operand", "movb $7, 1f + 1; 1: mov $1, %eax");
    T("the next instruction", "movw $0xc0ff, 1f; 1: .byte 0x66, 0x90"); /* inc %eax */
    T("an instruction before, in a loop", "mov $3, %ecx; 1: mov $0, %edx; add %edx, %eax; incl 1b + 1; loop 1b");
    T("by a string over what follows", "mov $1f, %edi; mov $0x40, %al; mov $4, %ecx; rep stosb; 1: .byte 0x90, 0x90, 0x90, 0x90");
    T("by a push", "mov %esp, %edx; mov $1f + 4, %esp; mov $0x40404040, %ecx; xor %eax, %eax; push %ecx; 1: .byte 0x90, 0x90, 0x90, 0x90; mov %edx, %esp");
    T("by a locked exchange", "mov $0xc0ff, %ecx; xchg %cx, 1f; jmp 1f; 1: .byte 0x66, 0x90");
    T("through another address", FILL("BUF", "0x40404040") FILL("BUF + 4", "0x000000c3") "call BUF; mov $BUF - 0x10000000, %ecx; "
                                 "movb $0x48, 0x10000000(%ecx); call BUF");
    T("called, changed, called", FILL("BUF", "0xc301b0") "call BUF; mov %eax, %edx; movb $2, BUF + 1; call BUF; shl $8, %edx; or %edx, %eax");
    T("an instruction across pages, its second page",
      FILL("BUF + 0xffe", "0x000001b8") "movw $0xc300, BUF + 0x1002; movl $0xc3000000, BUF + 0x1000; movl $0xc300, BUF + 0x1002; "
                                        "mov $BUF + 0xffe, %ecx; call *%ecx; mov %eax, %edx; movb $5, BUF + 0x1001; call *%ecx; xor %edx, %eax");
    T("an instruction across pages, its first page",
      FILL("BUF + 0xffe", "0x000001b8") "movl $0xc300, BUF + 0x1002; mov $BUF + 0xffe, %ecx; call *%ecx; mov %eax, %edx; movb $9, BUF + 0xfff; call *%ecx; "
                                        "xor %edx, %eax");
    T("a page full of NOPs, its last byte changed", "mov $BUF, %edi; mov $0x1000, %ecx; mov $0x90, %al; rep stosb; movb $0xc3, BUF + 0xfff; call BUF; "
                                                     "movb $0x40, BUF + 0xffe; xor %eax, %eax; call BUF");
    T("data beside code", FILL("BUF", "0xc390") "movb $0x40, BUF; mov $1000, %ecx; 1: mov %ecx, BUF + 16; call BUF; loop 1b");
    T("by DMA-like moves: REP MOVSB over itself", "mov $1f, %esi; mov $2f, %edi; mov $3f - 1f, %ecx; rep movsb; jmp 2f; 1: mov $11, %eax; 3: nop; "
                                                  "2: mov $22, %eax; nop");
    T("a jump into the middle of an instruction", "jmp 1f + 1; 1: .byte 0xb8, 0x40, 0x40, 0x40, 0x40");
    T("a prefix changed", "movb $0x66, 1f; 1: nop; mov $0x12345678, %eax; nop; nop");
    T("a conditional jump turned", "xor %ecx, %ecx; movb $0x75, 1f; 1: jz 2f; inc %eax; 2:");
    T("counted loop that rewrites its end", "mov $5, %ecx; 1: inc %eax; cmp $3, %eax; jne 2f; movb $0x40, 3f; 2: .byte 0x90; 3: .byte 0x90; loop 1b");
}
