/* real.c - real mode: addresses, limits, interrupts through the vector table. */
#include "sys.h"

void test_real(void)
{
    group("real mode");
    R("moves", "mov $0x1234, %ax; mov %ax, %ds; mov %ds, %bx; mov %bx, %ax; push $0; pop %ds");
    R("addresses", "mov $0x5678, %ax; mov $0x2000, %bx; mov %bx, %ds; mov %ax, 0x10; mov $0x2001, %bx; mov %bx, %ds; xor %ax, %ax; mov 0, %ax");
    R("64 KiB wrap of an address", "mov $0x1000, %bx; mov %bx, %ds; mov $0xffff, %bx; mov $0x42, %al; mov %al, 1(%bx); xor %ax, %ax; mov 0, %al");
    R("FFFF:0010 is 1 MiB", "mov $0xffff, %bx; mov %bx, %ds; movw 0x10, %ax; mov $1, %eax");
    R("*word at FFFFh", "mov 0xffff, %ax");
    R("*dword at FFFDh", "mov 0xfffd, %eax");
    R("*beyond 64 KiB by a 32-bit address", "mov $0x10000, %ebx; mov (%ebx), %al");
    R("*word at FFFFh of the stack", "mov $0xffff, %bp; mov (%bp), %ax");
    R("push wraps", "mov %sp, %cx; mov $0x2000, %bx; mov %bx, %ss; mov $0, %sp; push $0x77; mov %sp, %ax; xor %bx, %bx; mov %bx, %ss; mov %cx, %sp");
#define ODD_STACK(sp) "mov $0x2000, %bx; mov %bx, %ss; mov $" sp ", %esp; "
    R("*PUSHA at 15", ODD_STACK("15") "pusha");
    R("*PUSHA at 13", ODD_STACK("13") "pusha");
    R("*PUSHA at 14 wraps", "mov %sp, %cx; " ODD_STACK("14") "pusha; mov %sp, %ax; xor %bx, %bx; mov %bx, %ss; mov %cx, %sp");
    R("PUSHA at 17", "mov %sp, %cx; " ODD_STACK("17") "pusha; mov %sp, %ax; xor %bx, %bx; mov %bx, %ss; mov %cx, %sp");
    R("*PUSHAD at 15", ODD_STACK("15") "pushal");
    R("*PUSHAD at 14", ODD_STACK("14") "pushal");
    R("INT n", "int $0x55");
    R("INT3", "int3");
    R("INTO", "mov $0x7fff, %ax; inc %ax; into");
    R("#DE", "xor %cx, %cx; div %cx");
    R("#BR", "movl $0x20001, 0x6f00; mov $3, %ax; bound %ax, 0x6f00");
    R("#UD", "ud2");
    R("LAR is undefined", "lar %ax, %bx");
    R("VERR is undefined", "verr %ax");
    R("LTR is undefined", "ltr %ax");
    R("STR is undefined", "str %ax");
    R("ARPL is undefined", "arpl %ax, %bx");
    R("#NM", "mov %cr0, %ecx; or $8, %cl; mov %ecx, %cr0; fld1");
    R("CLTS", "mov %cr0, %ecx; or $8, %cl; mov %ecx, %cr0; clts; mov $1, %ax");
    R("SMSW", "smsw %ax; and $9, %ax");
    R("PUSHF keeps IOPL", "pushf; pop %ax; or $0x3000, %ax; push %ax; popf; pushf; pop %ax; push $2; popf");
    R("INT clears IF and TF", "push $0x202; popf; int $0x21");
    R("far call", "lcall $LOW / 16, $1f - piece_" STRING(__LINE__) "; jmp 2f; 1: mov %cs, %ax; lret; 2:");
    R("IRET", "pushf; push %cs; push $1f - piece_" STRING(__LINE__) " + LOW; iret; 1: mov $3, %ax");
    R("32-bit operands", "mov $0x12345678, %eax; rol $16, %eax; push %eax; pop %ebx; mov %ebx, %eax");
    R("LGDT of 24 bits", "sgdt 0x6f00; movl 0x6f02, %eax; push %eax; movb $0x99, 0x6f05; lgdt 0x6f00; sgdt 0x6f08; mov 0x6f0d, %al; pop %ebx; mov %ebx, 0x6f02; "
                         "lgdtl 0x6f00; and $0xff, %eax");
    R("unreal: a limit of 4 GiB stays",
      "mov %cr0, %eax; or $1, %al; mov %eax, %cr0; mov $SEL_DATA, %bx; mov %bx, %fs; and $0xfe, %al; mov %eax, %cr0; xor %bx, %bx; mov %bx, %fs; "
      "mov $BUF, %ebx; movl $0x1357, %fs:(%ebx); mov %fs:(%ebx), %eax; "
      "mov %cr0, %ecx; or $1, %cl; mov %ecx, %cr0; mov $SEL_DATA16, %bx; mov %bx, %fs; and $0xfe, %cl; mov %ecx, %cr0; xor %bx, %bx; mov %bx, %fs");
    R("XLAT", "mov $0x6f00, %bx; movb $0x31, 0x6f05; mov $5, %al; xlat");
    R("LOOP counts CX", "mov $0x10003, %ecx; 1: inc %ax; loop 1b");
    R("JCXZ looks at CX", "mov $0x10000, %ecx; jcxz 1f; inc %ax; 1:");
    R("a string in 16-bit addresses", "mov $0x10002, %ecx; mov $0x16f00, %edi; mov $0x41, %al; rep stosb; mov %di, %ax");
}
