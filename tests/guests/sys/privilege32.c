/* privilege32.c - what ring 3 may not do, the I/O permission bitmap, fast system calls. */
#include "sys.h"

static void instructions(void)
{
    group("instructions in ring 3");
    U("CLI", "cli");
    U("STI", "sti");
    U("HLT", "hlt");
    U("IN", "in $0x80, %al");
    U("OUT", "out %al, $0x80");
    U("INS", "mov $0x80, %edx; mov $BUF, %edi; insb");
    U("OUTS", "mov $0x80, %edx; mov $BUF, %esi; outsb");
    U("MOV from CR0", "mov %cr0, %eax");
    U("MOV to CR3", "mov %eax, %cr3");
    U("MOV from DR7", "mov %dr7, %eax");
    U("CLTS", "clts");
    U("LMSW", "lmsw %ax");
    U("SMSW", "smsw %eax; and $1, %eax");
    U("LGDT", "lgdt BUF");
    U("LIDT", "lidt BUF");
    U("SGDT", "sgdt BUF; movzwl BUF, %eax");
    U("SLDT", "sldt %eax");
    U("STR", "str %eax");
    U("LLDT", "lldt %ax");
    U("LTR", "ltr %ax");
    U("INVLPG", "invlpg BUF");
    U("INVD", "invd");
    U("WBINVD", "wbinvd");
    U("RDMSR", "rdmsr");
    U("WRMSR", "wrmsr");
    U("RDTSC", "rdtsc; mov $1, %eax");
    U("RDPMC", "rdpmc");
    U("SYSEXIT", "sysexit");
    U("CPUID", "cpuid; mov $1, %eax");
    U("UD2", "ud2");
    T("RDTSC with TSD", "mov %cr4, %ecx; or $4, %cl; mov %ecx, %cr4; rdtsc; mov $2, %eax");
    T("RDTSC with TSD in ring 3", "mov %cr4, %ecx; or $4, %cl; mov %ecx, %cr4; push $SEL_UDATA; push $BUF + 0x800; push $2; push $SEL_UCODE; "
                                  "push $1f; iret; 1: rdtsc");
    U("POPF leaves IF and IOPL", "push $0x3202; popf; pushf; pop %eax");
    user_flags = 0x3002;
    U("IOPL 3: CLI and STI", "sti; pushf; pop %eax; cli");
    U("IOPL 3: IN", "in $0x80, %al; mov $1, %eax");
    U("IOPL 3: HLT", "hlt");
    U("IOPL 3: POPF changes IF, not IOPL", "push $0x202; popf; pushf; pop %eax");
    user_flags = 2;
}

static void bitmap(void)
{
    group("I/O permission bitmap");
    tss.iomap = (u16)((uptr)tss.io - (uptr)&tss);
    for (unsigned i = 0; i < sizeof tss.io; i++)
        tss.io[i] = 0xff;
    tss.io[0x80 / 8] = 0xfe;
    tss.io[0x88 / 8] = 0x7f; /* 8fh */
    tss.io[0x90 / 8] = 0xfe; /* 90h */
    U("byte, allowed", "in $0x80, %al; mov $1, %eax");
    U("next byte, refused", "in $0x81, %al; mov $1, %eax");
    U("word across, refused", "in $0x80, %ax; mov $1, %eax");
    U("word across two bytes of the map, allowed", "in $0x8f, %ax; mov $1, %eax");
    U("dword, refused", "in $0x8f, %eax; mov $1, %eax");
    U("by DX, allowed", "mov $0x80, %edx; out %al, %dx; mov $1, %eax");
    tss.io[0x1fff] = 0;
    U("the last ports", "mov $0xfffe, %edx; in %dx, %ax; mov $1, %eax");
    U("a word beyond the last port", "mov $0xffff, %edx; in %dx, %ax; mov $1, %eax");
    tss.iomap = sizeof tss - 12;
    for (unsigned i = sizeof tss - 12; i < sizeof tss; i++)
        ((u8 *)&tss)[i] = 0;
    U("a map that the limit cuts: within", "mov $0x50, %edx; in %dx, %al; mov $1, %eax");
    U("a map that the limit cuts: beyond", "mov $0x60, %edx; in %dx, %al; mov $1, %eax");
    U("a map that the limit cuts: the byte behind is needed", "mov $0x58, %edx; in %dx, %al; mov $1, %eax");
    tss.iomap = sizeof tss;
    U("a map beyond the limit", "in $0x80, %al; mov $1, %eax");
}

void fast_entry(void);
__asm__(".pushsection .text\nfast_entry: mov %cs, %ecx; mov %ss, %edx; shl $16, %edx; or %ecx, %edx; mov %edx, SEEN; pushf; pop SEEN + 4; "
        "mov %esp, SEEN + 8; mov %esi, %edx; mov $BUF + 0x800, %ecx; sysexit\n.popsection\n");

static void fast(void)
{
    group("SYSENTER SYSEXIT");
    wrmsr(0x174, 0);
    T("SYSENTER without a selector", "sysenter");
    T("SYSEXIT without a selector", "sysexit");
    /* CS, then CS+8, CS+16, CS+24: a set of its own. */
    descriptor(SEL_T0, 0, 0xfffff, 0xc09b);
    descriptor(SEL_T1, 0, 0xfffff, 0xc093);
    descriptor(SEL_T2, 0, 0xfffff, 0xc0fb);
    descriptor(SEL_T3, 0, 0xfffff, 0xc0f3);
    wrmsr(0x174, SEL_T0);
    wrmsr(0x175, BUF + 0x400);
    wrmsr(0x176, (uptr)fast_entry);
    user_flags = 0x202;
    U("there and back", "mov $1f, %esi; sysenter; 1: mov %cs, %eax; shl $16, %eax; mov %ss, %ecx; or %ecx, %eax; int $0x80");
    user_flags = 2;
    print("    in ring 0: cs and ss %x, flags %x, esp %x\n", (uptr)seen[0], (uptr)(seen[1] & 0x20202), (uptr)seen[2]);
    wrmsr(0x174, 0);
}

void test_privilege(void)
{
    instructions();
    bitmap();
    fast();
}
