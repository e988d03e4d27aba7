/* segments32.c - segment limits, types and loads (SDM volume 3, chapters 3 and 5). */
#include "sys.h"

/* Runs with T0 as the stack segment, and comes back from it. */
#define ODD_STACK(esp, code) "mov %esp, %esi; mov $SEL_T0, %eax; mov %eax, %ss; mov $" esp ", %esp; " code "; mov $SEL_DATA, %ecx; " \
                             "mov %ecx, %ss; mov %esi, %esp"

static void limits(void)
{
    group("segment limits");
    descriptor(SEL_T0, BUF, 0xfff, 0x4093);
    T("byte at the limit", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0xfff, %al");
    T("*byte beyond the limit", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x1000, %al");
    T("*word across the limit", "mov $SEL_T0, %eax; mov %eax, %es; movw %es:0xfff, %ax");
    T("dword below the limit", "mov $SEL_T0, %eax; mov %eax, %es; movl %es:0xffc, %eax");
    T("*dword across the limit", "mov $SEL_T0, %eax; mov %eax, %es; movl %es:0xffd, %eax");
    T("*qword across the limit", "mov $SEL_T0, %eax; mov %eax, %es; fildll %es:0xff9");
    T("*write beyond the limit", "mov $SEL_T0, %eax; mov %eax, %es; movb %al, %es:0x1000");
    T("*dword that wraps", "mov $SEL_T0, %eax; mov %eax, %es; movl %es:0xfffffffd, %eax");
    T("*push beyond SS's limit", ODD_STACK("0x2000", "push %eax"));
    T("*read by EBP beyond SS's limit", ODD_STACK("0x800", "mov 0x1000(%ebp), %eax"));
    descriptor(SEL_T0, BUF, 0, 0xc093);
    T("page granular, last byte", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0xfff, %al");
    T("*page granular, beyond", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x1000, %al");
    descriptor(SEL_T0, BUF, 0xfffff, 0xc093);
    T("4 GiB, dword at the end", "mov $SEL_T0, %eax; mov %eax, %es; movl %es:0xfffffffc, %eax; mov $1, %eax");
}

static void expand_down(void)
{
    group("expand-down segments");
    descriptor(SEL_T0, BUF - 0x1000, 0xfff, 0x4097);
    T("at the limit + 1", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x1000, %al");
    T("*at the limit", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0xfff, %al");
    T("*across the limit", "mov $SEL_T0, %eax; mov %eax, %es; movw %es:0xfff, %ax");
    T("above 64 KiB, B set", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x10000, %al");
    T("*at the end of 4 GiB, B set", "mov $SEL_T0, %eax; mov %eax, %es; movw %es:0xffffffff, %ax");
    descriptor(SEL_T0, BUF - 0x1000, 0xfff, 0x0097);
    T("at 64 KiB - 1, B clear", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0xffff, %al");
    T("*at 64 KiB, B clear", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x10000, %al");
    T("*across 64 KiB, B clear", "mov $SEL_T0, %eax; mov %eax, %es; movw %es:0xffff, %ax");
    descriptor(SEL_T0, 0, 0, 0xc097);
    T("*page granular, in the first page", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0xfff, %al");
    T("page granular, above", "mov $SEL_T0, %eax; mov %eax, %es; movb %es:0x1000, %al; mov $2, %eax");
}

static void types(void)
{
    group("segment types");
    descriptor(SEL_T0, BUF, 0xfff, 0x4091);
    T("read of read-only data", "mov $SEL_T0, %eax; mov %eax, %es; mov %es:0, %eax");
    T("*write to read-only data", "mov $SEL_T0, %eax; mov %eax, %es; mov %eax, %es:0");
    T("*add to read-only data", "mov $SEL_T0, %eax; mov %eax, %es; addl $0, %es:0");
    descriptor(SEL_T0, BUF, 0xfff, 0x409b);
    T("read of readable code", "mov $SEL_T0, %eax; mov %eax, %es; mov %es:0, %eax");
    T("*write to code", "mov $SEL_T0, %eax; mov %eax, %es; mov %eax, %es:0");
    T("readable code as SS", "mov $SEL_T0, %eax; mov %eax, %ss");
    T("write through CS", "mov %eax, %cs:BUF");
    descriptor(SEL_T0, 0, 0xfffff, 0xc099);
    T("execute-only code as ES", "mov $SEL_T0, %eax; mov %eax, %es");
    T("*read of execute-only code", "ljmp $SEL_T0, $1f; 1: mov %cs:BUF, %eax");
    descriptor(SEL_T0, BUF, 0xfff, 0x4089);
    T("a TSS as ES", "mov $SEL_T0, %eax; mov %eax, %es");
    T("an LDT's selector with no LDT", "mov $SEL_T0 + 4, %eax; mov %eax, %es");
    T("a selector beyond the GDT", "mov $0x108, %eax; mov %eax, %es");
    T("a selector beyond the GDT, RPL 3", "mov $0x10b, %eax; mov %eax, %fs");
    T("null as DS", "xor %eax, %eax; mov %eax, %ds");
    T("null with RPL 3 as DS", "mov $3, %eax; mov %eax, %ds");
    T("*read by a null DS", "mov %eax, %ds; mov BUF, %eax");
    T("*write by a null ES", "mov %eax, %es; mov %eax, %es:BUF");
    T("null as SS", "mov %eax, %ss");
    T("null popped to SS", "push %eax; pop %ss");
    descriptor(SEL_T0, BUF, 0xfff, 0x4013);
    T("not present as DS", "mov $SEL_T0, %eax; mov %eax, %ds");
    T("not present as SS", "mov $SEL_T0, %eax; mov %eax, %ss");
    T("not present by LGS", "push $SEL_T0; push $0; lgs (%esp), %eax");
    descriptor(SEL_T0, BUF, 0xfff, 0x40f3);
    T("DPL 3 data as DS", "mov $SEL_T0, %eax; mov %eax, %ds");
    T("DPL 3 data as SS in ring 0", "mov $SEL_T0, %eax; mov %eax, %ss");
    T("RPL 3 selector as SS in ring 0", "mov $SEL_DATA + 3, %eax; mov %eax, %ss");
    T("RPL 3 selector of DPL 0 data as DS", "mov $SEL_DATA + 3, %eax; mov %eax, %ds");
    U("DPL 0 data as DS in ring 3", "mov $SEL_DATA, %eax; mov %eax, %ds");
    U("DPL 3 data with RPL 0 as DS in ring 3", "mov $SEL_T0, %eax; mov %eax, %ds");
    U("DPL 3 data with RPL 0 as SS in ring 3", "mov $SEL_T0, %eax; mov %eax, %ss");
    descriptor(SEL_T0, 0, 0xfffff, 0xc09f);
    U("conforming code of ring 0 as DS in ring 3", "mov $SEL_T0, %eax; mov %eax, %ds; mov BUF, %eax");
    T("mov to CS", ".byte 0x8e, 0xc8");
    T("mov from segment register 6", ".byte 0x8c, 0xf0");
    T("mov from DS zeroes the upper half", "mov $-1, %eax; mov %ds, %eax");
    T("push DS", "push %ds; pop %eax; movzwl %ax, %eax");
}

static void accessed(void)
{
    group("accessed bits");
    descriptor(SEL_T0, BUF, 0xfff, 0x4092);
    T("set by a load", "mov $SEL_T0, %eax; mov %eax, %es; movzbl gdt + SEL_T0 + 5, %eax");
    descriptor(SEL_T0, BUF, 0xfff, 0x4092);
    T("not by LAR", "mov $SEL_T0, %eax; lar %eax, %ecx; movzbl gdt + SEL_T0 + 5, %eax");
    descriptor(SEL_T0, 0, 0xfffff, 0xc09a);
    T("set by a far jump", "ljmp $SEL_T0, $1f; 1: movzbl gdt + SEL_T0 + 5, %eax");
}

static void lar_lsl(void)
{
    static const u16 attrs[] = {0x4093, 0x0091, 0xc097, 0xc09b, 0x409f, 0x40f3, 0x0082, 0x0089, 0x008b, 0x008c, 0x0084, 0x0085,
                                0x0086, 0x0087, 0x008e, 0x008f, 0x0080, 0x0088, 0x008a, 0x008d, 0x0081, 0x0083, 0x4013};
    group("LAR LSL VERR VERW"); /* LAR leaves bits 16-19 undefined */
    for (unsigned i = 0; i < sizeof attrs / sizeof attrs[0]; i++) {
        descriptor(SEL_T0, BUF, 0x12345, attrs[i]);
        print("type %x\n", (uptr)attrs[i]);
        T("LAR", "mov $SEL_T0, %ecx; lar %ecx, %eax; jz 1f; mov $-1, %eax; 1: and $0xfff0ffff, %eax");
        T("LSL", "mov $SEL_T0, %ecx; lsl %ecx, %eax; jz 1f; mov $-1, %eax; 1:");
        T("VERR VERW", "mov $SEL_T0, %ecx; verr %cx; setz %al; verw %cx; setz %ah");
        U("LAR from ring 3", "mov $SEL_T0 + 3, %ecx; lar %ecx, %eax; jz 1f; mov $-1, %eax; 1: and $0xfff0ffff, %eax");
        U("VERR VERW from ring 3", "mov $SEL_T0, %ecx; verr %cx; setz %al; verw %cx; setz %ah");
    }
    T("LAR of null", "lar %ecx, %eax; setz %al");
    T("LSL beyond the GDT", "mov $0x200, %ecx; lsl %ecx, %eax; setz %al");
    T("16-bit LAR", "mov $-1, %eax; mov $SEL_T0, %ecx; lar %cx, %ax");
}

static void stacks(void)
{
    group("stack segments");
#define STACK16 "mov %esp, %ebx; mov $SEL_DATA16, %edx; mov %edx, %ss; mov $0x10000, %esp; mov $0x1ffec, %ebp; "
#define STACK32 "mov %esp, %ecx; mov $SEL_DATA, %edx; mov %edx, %ss; mov %ebx, %esp; "
    T("*ENTER on a 16-bit stack: EBP", STACK16 "enter $8, $0x24; " STACK32 "mov %ebp, %eax");
    T("ENTER on a 16-bit stack: ESP", STACK16 "enter $8, $0x24; " STACK32 "mov %ecx, %eax");
    T("*ENTER on a 16-bit stack: what is pushed", STACK16 "enter $8, $0x24; mov -16(%bp), %eax; " STACK32);
    T("ENTER with 16-bit operands", STACK16 ".byte 0x66; enter $8, $0; " STACK32 "mov %ebp, %eax");
    descriptor(SEL_T0, BUF, 0xffff, 0x0093);
    T("B clear: push uses SP", ODD_STACK("0x12340100", "push %eax; mov %esp, %eax"));
    T("B clear: SP wraps", ODD_STACK("0x12340002", "pushw %ax; pushw %ax; mov %esp, %eax"));
    T("B clear: pusha", ODD_STACK("0x56780100", "pusha; popa; mov %esp, %eax"));
    T("B clear: leave takes SP from BP", ODD_STACK("0x56780100", "mov $0x1111005c, %ebp; leave; mov %esp, %eax"));
    T("B clear: ESP as a base", "movl $77, BUF + 0x100; " ODD_STACK("0x100", "mov (%esp), %eax"));
    T("B clear: pop ESP", ODD_STACK("0x12340100", "push $0x5678; pop %esp; mov %esp, %eax"));
    T("B clear: call and ret", ODD_STACK("0x12340000", "call 2f; 2: mov %esp, %eax; pop %edx; lea 3f, %edx; push %edx; ret; 3:"));
    T("push ESP", "push %esp; pop %eax; sub %esp, %eax");
    T("pop ESP", "mov %esp, %ecx; push $0x1234; pop %esp; mov %esp, %eax; mov %ecx, %esp");
    T("pop into memory by ESP", "movl $0, -4(%esp); push $99; push $98; popl (%esp); pop %eax");
    T("push by DS override is on SS", "push %eax; pop %ds:BUF; mov BUF, %eax");
    T("call pushes what comes next", "call 1f; 1: pop %eax; sub $1b, %eax");
    T("ret n", "push $0; push $0; push $1f; ret $8; 1: mov $3, %eax");
    T("enter with nesting", "mov %esp, %ebp; mov %esp, %ecx; push %ebp; push %ebp; enter $16, $3; mov %ecx, %eax; sub %esp, %eax; "
                            "mov %ecx, %esp");
}

void test_segments(void)
{
    limits();
    expand_down();
    types();
    accessed();
    lar_lsl();
    stacks();
}
