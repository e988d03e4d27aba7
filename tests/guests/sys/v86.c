/* v86.c - virtual-8086 mode (SDM volume 3, chapter 20). */
#include "sys.h"

static int show_segments(struct frame *f)
{
    if (f->flags & 0x20000)
        print("[es %x ds %x fs %x gs %x ss %x sp %x now es %x] ", (uptr)(u16)f->ves, (uptr)(u16)f->vds, (uptr)(u16)f->vfs, (uptr)(u16)f->vgs,
              (uptr)(u16)f->ss, (uptr)f->sp, (uptr)(u16)f->es);
    return 0;
}

static void instructions(u32 flags)
{
    v86_flags = flags;
    V("moves", "mov $0x1234, %ax; mov %ax, %ds; mov %ds, %bx; mov %bx, %ax");
    V("addresses are 8086's", "mov $0x5678, %ax; mov $0x2000, %bx; mov %bx, %ds; mov %ax, 0x10; mov $0x2001, %bx; mov %bx, %ds; xor %ax, %ax; mov 0, %ax");
    hook = show_segments;
    V("CLI", "cli; mov $1, %ax");
    V("STI", "sti; mov $1, %ax");
    V("PUSHF", "pushf; pop %ax");
    V("POPF", "push $0x3202; popf; pushf; pop %ax");
    V("PUSHFD", "pushfl; popl %eax");
    V("INT n by a gate of ring 3", "int $0x80");
    V("INT n by a gate of ring 0", "int $0x30");
    V("INT3", "int3");
    V("INTO", "mov $0x7fff, %ax; inc %ax; into");
    V("IRET", "pushf; push %cs; push $1f - piece_" STRING(__LINE__) "; iret; 1: mov $3, %ax");
    V("*PUSHA at 7", "mov $7, %esp; pusha");
    V("*PUSHA at 5", "mov $5, %esp; pusha");
    V("HLT", "hlt");
    V("IN, no map", "in $0x80, %al");
    V("LGDT", "lgdt 0");
    V("MOV from CR0", "mov %cr0, %eax");
    V("SMSW", "smsw %ax; and $1, %ax");
    V("LAR", "lar %ax, %bx");
    V("VERR", "verr %ax");
    V("STR", "str %ax");
    V("SLDT", "sldt %ax");
    V("ARPL", "arpl %ax, %bx");
    V("far call and return", "lcall $LOW / 16, $1f - piece_" STRING(__LINE__) "; jmp 2f; 1: mov $7, %ax; lret; 2:");
    V("offset beyond 64 KiB", "mov $0x10000, %ebx; movb (%ebx), %al");
    V("*word at FFFFh", "mov 0xffff, %ax");
    V("push at SP 1", "mov $1, %sp; push %ax");
    V("32-bit operands", "mov $0x12345678, %eax; rol $16, %eax");
    V("#DE", "xor %cx, %cx; div %cx");
    V("#UD", "ud2");
}

void test_v86(void)
{
    group("virtual-8086 mode, IOPL 0");
    instructions(0x20002);
    group("virtual-8086 mode, IOPL 3");
    instructions(0x23202);
    group("virtual-8086 mode, I/O");
    v86_flags = 0x23002;
    tss.iomap = (u16)((uptr)tss.io - (uptr)&tss);
    for (unsigned i = 0; i < sizeof tss.io; i++)
        tss.io[i] = 0xff;
    tss.io[0x80 / 8] = 0xfe;
    V("allowed by the map", "in $0x80, %al; mov $1, %ax");
    V("refused by the map, IOPL 3", "in $0x81, %al; mov $1, %ax");
    tss.iomap = sizeof tss;
    group("the extensions of virtual-8086 mode");
#define VME "mov %cr4, %ecx; or $1, %cl; mov %ecx, %cr4; "
    /* The redirection map lies below the I/O map: 32 bytes of zeros send INT n to the program's own vectors. */
    tss.iomap = (u16)((uptr)tss.io - (uptr)&tss + 32);
    for (unsigned i = 0; i < sizeof tss.io; i++)
        tss.io[i] = i < 32 ? i == 16 : 0xff; /* but INT 80h */
    ((u16 *)0)[0x60 * 2] = 0x40, ((u16 *)0)[0x60 * 2 + 1] = LOW / 16;
    set_cr4(cr4() | 1);
    v86_flags = 0x20202;
#define KEEP_VME set_cr4(cr4() | 1)
    V("*INT n by the program's vector", "movb $0xcf, %cs:0x40; mov $5, %ax; int $0x60; inc %ax");
    KEEP_VME;
    V("*CLI clears VIF", "sti; cli; pushf; pop %ax");
    KEEP_VME;
    V("*STI sets VIF", "cli; sti; mov $2, %ax");
    KEEP_VME;
    V("*PUSHF shows VIF as IF, and IOPL 3", "sti; pushf; pop %ax");
    tss.iomap = sizeof tss;
    v86_flags = 0x20002;
}
