/* debug32.c - single steps and debug registers (SDM volume 3, chapter 17). */
#include "sys.h"

static u32 steps, last_dr6;
static uptr addresses[32];
static int step(struct frame *f)
{
    if (f->vector != 1)
        return f->vector == 0x30;
    if (steps < 32)
        addresses[steps] = f->ip;
    steps++;
    last_dr6 |= (u32)dr6();
    set_dr6(0xffff0ff0);
    f->flags |= 0x10000; /* RF: over an execution breakpoint */
    return 1;
}

/* The same, but what is in DR6 stays for the next trap; the last one's is shown. */
static int step_keeping(struct frame *f)
{
    addresses[steps++ & 31] = f->ip;
    last_dr6 = (u32)dr6();
    return f->vector == 1;
}

extern uptr piece_address;

static void show_steps(void)
{
    print("    %d traps, dr6 bits %x:", (uptr)steps, (uptr)(last_dr6 & 0xe00f));
    for (unsigned i = 0; i < steps && i < 32; i++)
        print(" +%x", addresses[i] - piece_address);
    print("\n");
    steps = last_dr6 = 0;
}

#define TF_ON  "pushf; orl $0x100, (%esp); popf; "
#define TF_OFF "pushf; andl $~0x100, (%esp); popf; "
#define STEPPED(name, code)                                                                                                         \
    do {                                                                                                                            \
        hook = step;                                                                                                                \
        T(name, code);                                                                                                              \
        show_steps();                                                                                                               \
    } while (0)

#define KEEPING(name, code)                                                                                                         \
    do {                                                                                                                            \
        hook = step_keeping;                                                                                                        \
        T(name, code);                                                                                                              \
        show_steps();                                                                                                               \
    } while (0)

static void single(void)
{
    group("single steps");
    STEPPED("three NOPs", TF_ON "nop; nop; nop; " TF_OFF);
    STEPPED("a REP steps each iteration", "mov $3, %ecx; mov $BUF, %edi; cld; " TF_ON "rep stosb; " TF_OFF);
    STEPPED("a REP of none", "mov $BUF, %edi; " TF_ON "rep stosb; " TF_OFF);
    STEPPED("MOV SS holds it back", "mov %ss, %ecx; " TF_ON "mov %ecx, %ss; nop; nop; " TF_OFF);
    STEPPED("STI does not", TF_ON "sti; nop; cli; " TF_OFF);
    STEPPED("INT does not step into its handler", TF_ON "int $0x30; nop; " TF_OFF);
    STEPPED("a jump", TF_ON "jmp 1f; nop; 1: nop; " TF_OFF);
    STEPPED("POPF that clears TF", TF_ON TF_OFF "nop");
    show_flags = 1;
    T("flags of the step", TF_ON "nop; nop");
    show_flags = 0;
    T("ICEBP", ".byte 0xf1");
    T("a fault instead of a step", TF_ON "ud2");
    STEPPED("IRET that sets TF", "pushf; orl $0x100, (%esp); push %cs; push $1f; iret; 1: nop; nop; " TF_OFF);
}

#define DR(n, address) "mov $" address ", %ecx; mov %ecx, %dr" #n "; "
#define DR7(value)     "mov $" value ", %ecx; mov %ecx, %dr7; xor %ecx, %ecx; "

static void breakpoints(void)
{
    group("breakpoints");
    STEPPED("execution", DR(0, "1f") DR7("0x402") "nop; 1: nop; nop");
    STEPPED("execution, local", DR(1, "1f") DR7("0x404") "nop; 1: nop; nop");
    T("execution is a fault", DR(0, "1f") DR7("0x402") "nop; 1: mov $3, %eax; nop");
    STEPPED("execution, not on a later byte", DR(0, "1f + 1") DR7("0x402") "nop; 1: mov $3, %eax; nop");
    STEPPED("write of 4, written", DR(2, "BUF") DR7("0xd000420") "mov %eax, BUF; nop; mov BUF, %eax");
    STEPPED("write of 4, a byte of it written", DR(2, "BUF") DR7("0xd000420") "movb $1, BUF + 3; nop; movb $1, BUF + 4; movb $1, BUF - 1");
    STEPPED("write of 1, a dword over it", DR(3, "BUF + 2") DR7("0x10000480") "mov %eax, BUF; nop");
    STEPPED("access of 2, read", DR(0, "BUF") DR7("0x70402") "mov BUF, %al; mov BUF + 1, %ah; mov BUF + 2, %al");
    STEPPED("write, read only", DR(0, "BUF") DR7("0xd0402") "mov BUF, %eax");
    STEPPED("write by a string", DR(0, "BUF + 8") DR7("0xd0402") "mov $4, %ecx; mov $BUF, %edi; rep stosl; nop");
    STEPPED("write by a push", "mov %esp, %edx; sub $4, %edx; mov %edx, %dr0; " DR7("0xd0402") "push %eax; pop %eax; nop");
    STEPPED("disabled: DR6 is not set", DR(0, "BUF") DR7("0xd0400") "mov %eax, BUF; mov %dr6, %eax");
    STEPPED("two at once", DR(0, "BUF") DR(1, "BUF") DR7("0xdd040a") "mov %eax, BUF; nop");
    STEPPED("an unaligned range is aligned", DR(0, "BUF + 1") DR7("0xd0402") "movb $1, BUF; nop");
    T("MOV DR with GD", "mov %dr7, %ecx; or $0x2000, %ecx; mov %ecx, %dr7; mov %dr0, %eax");
    T("DR4 is DR6", "mov %dr4, %eax");
    T("DR4 with DE", "mov %cr4, %ecx; or $8, %ecx; mov %ecx, %cr4; mov %dr4, %eax");
    T("DR7 as written", "mov $0xffff2fff & ~0x2000, %ecx; mov %ecx, %dr7; mov %dr7, %eax; and $~0x800, %eax; mov $0x400, %ecx; mov %ecx, %dr7");
    T("DR6 as written", "xor %ecx, %ecx; mov %ecx, %dr6; mov %dr6, %eax");
    STEPPED("an I/O breakpoint", "mov %cr4, %ecx; or $8, %ecx; mov %ecx, %cr4; mov $0x80, %ecx; mov %ecx, %dr0; " DR7("0x20402") "out %al, $0x80; nop; out %al, $0x81");
    STEPPED("with a step", DR(0, "BUF") DR7("0xd0402") TF_ON "mov %eax, BUF; nop; " TF_OFF);
    STEPPED("MOV SS holds it back for an instruction", "mov %ss, BUF; " DR(0, "BUF") DR7("0xf0402") "mov BUF, %ss; nop; nop");
    STEPPED("ICEBP after MOV SS: one trap", "mov %ss, BUF; " DR(0, "BUF") DR7("0xf0402") "mov BUF, %ss; .byte 0xf1; nop");
    KEEPING("a later one replaces B0", DR(0, "BUF") DR(1, "BUF + 4") DR7("0xdd040a") "mov %eax, BUF; mov %eax, BUF + 4");
    KEEPING("a step after it", DR(0, "BUF") DR7("0xd0402") "mov %eax, BUF; " TF_ON TF_OFF);
    KEEPING("the step's bit stays", DR(0, "BUF") DR7("0xd0402") TF_ON TF_OFF "mov %eax, BUF");
    KEEPING("*ICEBP replaces B0", DR(0, "BUF") DR7("0xd0402") "mov %eax, BUF; .byte 0xf1");
    STEPPED("the general detect bit", "mov %dr6, %eax; and $0xe00f, %eax");
}

void test_debug(void)
{
    single();
    breakpoints();
}
