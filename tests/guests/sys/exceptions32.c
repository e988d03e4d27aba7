/* exceptions32.c - exceptions and interrupts: which, with what code, where they lead (SDM volume 3, chapter 6). */
#include "sys.h"

static void each(void)
{
    group("exceptions");
    T("#DE by DIV 0", "mov $1, %eax; div %ecx");
    T("#DE by overflow", "mov $1, %edx; mov $1, %ecx; div %ecx");
    T("#DE by IDIV of the least number", "mov $0x80000000, %eax; cltd; mov $-1, %ecx; idiv %ecx");
    T("#DE by AAM 0", ".byte 0xd4, 0");
    T("INT3", "int3");
    T("INT 3, two bytes", ".byte 0xcd, 3");
    T("INTO, OF clear", "into; mov $1, %eax");
    T("INTO, OF set", "mov $0x7fffffff, %eax; inc %eax; into");
    T("BOUND within", "movl $5, BUF; movl $9, BUF + 4; mov $9, %eax; bound %eax, BUF");
    T("BOUND below", "movl $5, BUF; movl $9, BUF + 4; mov $4, %eax; bound %eax, BUF");
    T("BOUND, signed", "movl $-5, BUF; movl $9, BUF + 4; mov $-4, %eax; bound %eax, BUF");
    T("UD2", "ud2");
    T("UD1", ".byte 0x0f, 0xb9, 0xc0");
    T("LOCK without memory", ".byte 0xf0, 0x01, 0xc0");
    T("LOCK of an instruction that cannot", ".byte 0xf0, 0x8b, 0x00");
    T("LOCK NOP", ".byte 0xf0, 0x90");
    T("MOV to CR1", ".byte 0x0f, 0x22, 0xc8");
    T("MOV from CR5", ".byte 0x0f, 0x20, 0xe8");
    T("LEA of a register", ".byte 0x8d, 0xc0");
    T("LES of a register", ".byte 0xc4, 0xc0");
    T("far call of a register", ".byte 0xff, 0xd8");
    T("opcode FF /7", ".byte 0xff, 0xf8");
    T("opcode 8F /1", ".byte 0x8f, 0xc8");
    T("opcode C6 /1", ".byte 0xc6, 0xc8, 0");
    T("opcode 0F 04", ".byte 0x0f, 0x04");
    T("CMPXCHG8B of a register", ".byte 0x0f, 0xc7, 0xc8");
    T("15 bytes", ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90; mov $1, %eax");
    T("16 bytes", ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90; mov $1, %eax");
    T("#NM by TS, x87", "mov %cr0, %ecx; or $8, %ecx; mov %ecx, %cr0; fld1");
    T("#NM by EM, x87", "mov %cr0, %ecx; or $4, %ecx; mov %ecx, %cr0; fld1");
    T("#NM by TS, SSE", "mov %cr0, %ecx; or $8, %ecx; mov %ecx, %cr0; xorps %xmm0, %xmm0");
    T("#UD by EM, SSE", "mov %cr0, %ecx; or $4, %ecx; mov %ecx, %cr0; xorps %xmm0, %xmm0");
    T("#UD by OSFXSR clear", "mov %cr4, %ecx; and $~0x200, %ecx; mov %ecx, %cr4; xorps %xmm0, %xmm0");
    T("#UD by EM, MMX", "mov %cr0, %ecx; or $4, %ecx; mov %ecx, %cr0; pxor %mm0, %mm0");
    T("WAIT with TS alone", "mov %cr0, %ecx; and $~2, %ecx; or $8, %ecx; mov %ecx, %cr0; fwait; mov $1, %eax");
    T("WAIT with MP and TS", "mov %cr0, %ecx; or $10, %ecx; mov %ecx, %cr0; fwait");
    T("CLTS", "mov %cr0, %ecx; or $8, %ecx; mov %ecx, %cr0; clts; fld1; mov $1, %eax");
    T("#MF comes with the next instruction", "fninit; movw $0x037b, BUF; fldcw BUF; fldz; fld1; fdivp; nop; nop; fld1");
    T("#MF by WAIT", "fninit; movw $0x037b, BUF; fldcw BUF; fld1; fldz; fdivrp; fwait");
    T("FNSTSW does not wait", "fninit; movw $0x037b, BUF; fldcw BUF; fld1; fldz; fdivrp; fnstsw %ax; fnclex");
    T("#XM", "movl $0x1f00, BUF; ldmxcsr BUF; xorps %xmm0, %xmm0; divps %xmm0, %xmm0");
    T("#UD for #XM without OSXMMEXCPT", "mov %cr4, %ecx; and $~0x400, %ecx; mov %ecx, %cr4; movl $0x1f00, BUF; ldmxcsr BUF; xorps %xmm0, %xmm0; "
                                        "divps %xmm0, %xmm0");
    T("mxcsr", "movl $0x1f80, BUF; ldmxcsr BUF; mov $1, %eax");
    T("LDMXCSR of reserved bits", "movl $0x10000, BUF; ldmxcsr BUF");
    T("MOVAPS unaligned", "movaps BUF + 4, %xmm0");
    T("MOVUPS unaligned", "movups BUF + 4, %xmm0; mov $1, %eax");
    T("FXSAVE unaligned", "fxsave BUF + 8");
    user_flags = 0x40002;
    U("AC set, AM clear", "mov BUF + 1, %eax; mov $1, %eax");
    T("AM set, AC set, ring 0", "mov %cr0, %ecx; or $0x40000, %ecx; mov %ecx, %cr0; pushf; orl $0x40000, (%esp); popf; mov BUF + 1, %eax; mov $1, %eax");
    user_flags = 2;
#define AM "mov %cr0, %ecx; or $0x40000, %ecx; mov %ecx, %cr0; push $SEL_UDATA; push $BUF + 0x800; push $0x40002; push $SEL_UCODE; push $9f; iret; 9: mov $SEL_UDATA, %edi; mov %edi, %ds; "
    T("#AC of a dword", AM "mov BUF + 2, %eax");
    T("#AC of a word", AM "mov BUF + 1, %ax");
    T("#AC of a qword", AM "fldl BUF + 4");
    T("no #AC of a byte", AM "mov BUF + 1, %al; int $0x80");
    T("#AC of a push", AM "mov $BUF + 0x801, %esp; push %eax");
    T("no #AC aligned", AM "mov BUF + 4, %eax; mov $2, %eax; int $0x80");
}

static void table(void)
{
    group("the IDT");
    U("INT to a gate of ring 0", "int $0x30");
    T("INT in ring 0", "int $0x30");
    U("INT3 by a gate of ring 3", "int3");
    idt_usual(3, 0x8e);
    U("INT3 by a gate of ring 0", "int3");
    idt_usual(3, 0xee);
    idt_usual(0x30, 0x0e);
    T("a gate that is not present", "int $0x30");
    idt_usual(0x30, 0x8d);
    T("a gate of type 13", "int $0x30");
    idt_usual(0x30, 0x8c);
    T("a call gate", "int $0x30");
    idt_gate(0x30, 0, 0, 0x8e, 0);
    T("a gate to null", "int $0x30");
    idt_gate(0x30, SEL_DATA, 0, 0x8e, 0);
    T("a gate to data", "int $0x30");
    idt_gate(0x30, 0x400, 0, 0x8e, 0);
    T("a gate beyond the GDT", "int $0x30");
    descriptor(SEL_T0, 0, 0xfffff, 0xc01b);
    idt_gate(0x30, SEL_T0, 0, 0x8e, 0);
    T("a gate to absent code", "int $0x30");
    idt_gate(0x30, SEL_UCODE, 0, 0x8e, 0);
    T("a gate to ring 3 in ring 0", "int $0x30");
    descriptor(SEL_T0, 0, 0xfff, 0x409b);
    idt_gate(0x30, SEL_T0, 0x2000, 0x8e, 0);
    T("a gate beyond its code's limit", "int $0x30");
    idt_usual(0x30, 0x8e);
    idt_limit(0x30 * 8 + 6);
    T("beyond the IDT's limit", "int $0x30");
    idt_usual(6, 0x0e);
    T("#UD by an absent gate: the code says external", "ud2");
    idt_usual(11, 0x0e);
    T("and #NP by an absent gate: double fault", "ud2");
    idt_usual(11, 0x8e);
    idt_usual(6, 0x8e);
    show_flags = 1;
    idt_usual(0x30, 0x8f);
    T("flags by a trap gate", "push $0x202; popf; int $0x30");
    T("flags of a fault: RF is set", "ud2");
    T("flags of INT3: RF is not", "int3");
    show_flags = 0;
    idt_usual(0x30, 0x8e);
    fault_tasks_on(1);
    tss.ss0 = 0;
    U("an interrupt to ring 0 with a null stack", "int $0x80");
    tss.ss0 = SEL_UDATA;
    U("an interrupt to ring 0 with a stack of ring 3", "int $0x80");
    tss.ss0 = SEL_DATA;
    fault_tasks_on(0);
}

extern u32 ticks;
u32 ticks;
static int count(struct frame *f)
{
    if (f->vector != 0x40)
        return 0;
    ticks++;
    f->bx = f->ip;
    seen[0] = f->cx && f->cx < 0x40000 ? 0x100 : 0;
    f->flags &= ~0x200u;
    out8(0x20, 0x20);
    return 1;
}

/* The timer, once, as soon as it can: mode 0 with a short count. */
#define TICK "mov $0x30, %al; out %al, $0x43; mov $20, %al; out %al, $0x40; mov $0, %al; out %al, $0x40; "

static void interrupts(void)
{
    static const u8 init[][2] = {{0x20, 0x11}, {0x21, 0x40}, {0x21, 4}, {0x21, 1}, {0xa0, 0x11}, {0xa1, 0x48}, {0xa1, 2}, {0xa1, 1},
                                 {0x21, 0xfe}, {0xa1, 0xff}};
    for (unsigned i = 0; i < sizeof init / sizeof init[0]; i++)
        out8(init[i][0], init[i][1]);
    group("external interrupts");
    hook = count;
    T("HLT is left", TICK "sti; hlt; cli; mov $1, %eax");
    hook = count;
    T("STI HLT: not before the HLT", TICK "mov $100000, %ecx; 1: loop 1b; sti; 2: hlt; 3: cli; mov %ebx, %eax; sub $3b, %eax");
    hook = count;
    T("STI CLI: not between", TICK "mov $100000, %ecx; 1: loop 1b; mov ticks, %esi; sti; cli; mov ticks, %eax; sub %esi, %eax; sti; nop; nop; cli");
    hook = count;
    T("after MOV SS, one later", TICK "mov $100000, %ecx; 1: loop 1b; mov %ss, %edx; sti; mov %edx, %ss; 2: nop; 3: nop; cli; mov %ebx, %eax; sub $3b, %eax");
    hook = count;
    T("POPF sets IF at once", TICK "mov $100000, %ecx; 1: loop 1b; push $0x202; popf; 2: nop; nop; cli; mov %ebx, %eax; sub $2b, %eax");
    hook = count;
    T("IRET sets IF at once", TICK "mov $100000, %ecx; 1: loop 1b; push $0x202; push %cs; push $2f; iret; 2: nop; nop; cli; mov %ebx, %eax; sub $2b, %eax");
    hook = count;
    T("within REP: registers say how far", "mov $0x40000, %ecx; mov $BUF, %edi; mov $0x30, %al; out %al, $0x43; mov $60, %al; out %al, $0x40; mov $0, %al; out %al, $0x40; sti; 2: rep stosb; cli; sub $2b, %ebx; mov %ebx, %eax; add SEEN, %eax");
    print("    ticks %d\n", (uptr)ticks);
    out8(0x21, 0xff);
}

void test_exceptions(void)
{
    each();
    table();
    interrupts();
}
