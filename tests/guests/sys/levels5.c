/* levels5.c - 5-level paging, on a processor that has it: what may be stored before it is in use, turning it on, addresses of 57 bits, walks
 * from the fifth level. */
#include "sys.h"

extern u64 pml4[];
static u64 pml5[512] __attribute__((aligned(4096)));
void use_pml5(void);
__asm__(".set PML5, pml5\n"
        ".pushsection .text\n"
        "use_pml5: lea 1f(%rip), %rax; push $SEL_CODE32; push %rax; lretq\n"
        ".code32\n"
        "1: mov %cr0, %ecx; btr $31, %ecx; mov %ecx, %cr0; mov %cr4, %eax; bts $12, %eax; mov %eax, %cr4\n"
        "mov $pml5, %eax; mov %eax, %cr3; bts $31, %ecx; mov %ecx, %cr0; ljmp $SEL_CODE, $2f\n"
        ".code64\n"
        "2: ret\n.popsection\n");

/* The same memory once more, where only 57 bits reach: bit 48, and from bit 56 upwards. BEYOND is not canonical in 57 bits either; the
 * PML4 has nothing at HALF, which is not canonical in 48 bits. */
__asm__(".set FAR, 1 << 48\n.set HIGH, 0xff00000000000000\n.set BEYOND, 1 << 56\n.set HALF, 1 << 47\n");
#define TO(place) "movabs $" #place " + 1f, %rbx; "

static void four_levels(void)
{
    group("four levels");
    T("CPUID has it", "mov $7, %eax; cpuid; bt $16, %ecx; setc %al; movzbl %al, %eax");
    T("CPUID's linear addresses", "mov $0x80000008, %eax; cpuid; movzbl %ah, %eax");
    T("LA57 set in long mode", "mov %cr4, %rax; bts $12, %rax; mov %rax, %cr4");
    T("read, 57 bits", "mov $FAR + BUF, %rbx; mov (%rbx), %eax");
    T("jump, 57 bits", TO(FAR) "jmp *%rbx; 1:");
    T("LSTAR, 57 bits", "mov $0xc0000082, %ecx; mov $0x10000, %edx; wrmsr; rdmsr; mov %edx, %eax");
    T("KERNEL_GS_BASE, 57 bits", "mov $0xc0000102, %ecx; mov $0xff000000, %edx; wrmsr; rdmsr; mov %edx, %eax");
    T("*LSTAR, not canonical in 57 bits", "mov $0xc0000082, %ecx; mov $0x1000000, %edx; wrmsr");
    T("LGDT, 57 bits", "sgdt BUF + 16; movq $-1, BUF; movl $0x00010000, BUF + 6; lgdt BUF; sgdt BUF; lgdt BUF + 16; movzwl BUF + 8, %eax");
    T("*LGDT, not canonical in 57 bits", "movq $-1, BUF; movl $0x01000000, BUF + 6; lgdt BUF");
    descriptor(SEL_T0, BUF, 0x67, 0x89);
    raw_descriptor(SEL_T1, 0x10000);
    T("LTR, 57 bits", "mov $SEL_T0, %eax; ltr %ax; str %eax");
    descriptor(SEL_T0, BUF, 0x67, 0x89);
    raw_descriptor(SEL_T1, 0x1000000);
    T("*LTR, not canonical in 57 bits", "mov $SEL_T0, %eax; ltr %ax");
}

static void addresses(void)
{
    group("addresses of 57 bits");
    T("LA57 cleared in long mode", "mov %cr4, %rax; btr $12, %rax; mov %rax, %cr4");
    T("*PAE cleared", "mov %cr4, %rax; btr $5, %rax; mov %rax, %cr4");
    T("read, lower half", "movl $0x11, BUF; mov $FAR + BUF, %rbx; mov (%rbx), %eax");
    T("read, upper half", "movl $0x12, BUF; mov $HIGH + BUF, %rbx; mov (%rbx), %eax");
    T("read, canonical in 57 bits only: absent", "mov $HALF, %rbx; mov (%rbx), %eax");
    T("read, not canonical", "mov $BEYOND, %rbx; mov (%rbx), %eax");
    T("read by RSP, not canonical", "mov $BEYOND, %rsp; mov (%rsp), %eax");
    T("read across the end of the lower half", "mov $BEYOND - 3, %rbx; mov (%rbx), %eax");
    T("written there, read here", "mov $FAR + BUF, %rbx; movl $0x13, (%rbx); mov BUF, %eax");
    T("across a page", "mov $FAR + BUF + 0xffd, %rbx; movl $0x14, (%rbx); mov BUF + 0xffd, %eax");
    T("string", "movl $0x15, BUF; mov $HIGH + BUF, %rsi; mov $FAR + BUF + 0x100, %rdi; mov $4, %ecx; rep movsb; mov BUF + 0x100, %eax");
    T("the stack", "mov %rsp, %rcx; mov $FAR + BUF + 0x800, %rsp; push $0x16; mov %rcx, %rsp; mov BUF + 0x7f8, %eax");
    T("jump", TO(FAR) "jmp *%rbx; 1: lea (%rip), %rax; shr $48, %rax");
    T("call and return", TO(HIGH) "call *%rbx; mov $1, %eax; jmp 2f; 1: ret; 2:");
    T("jump, not canonical", "mov $BEYOND, %rbx; jmp *%rbx");
    T("call, not canonical", "mov $BEYOND, %rbx; call *%rbx");
    T("return, not canonical", "mov $BEYOND, %rbx; push %rbx; ret");
    T("jump to what is absent", "mov $HALF, %rbx; jmp *%rbx");
    T("far return", TO(FAR) "push $SEL_CODE; push %rbx; lretq; 1: mov $2, %eax");
    T("far return, not canonical", "mov $BEYOND, %rbx; push $SEL_CODE; push %rbx; lretq");
    T("IRETQ", "mov %rsp, %rcx; push $SEL_DATA; push %rcx; pushf; push $SEL_CODE; " TO(FAR) "push %rbx; iretq; 1: mov $3, %eax");
    T("IRETQ, not canonical", "mov %rsp, %rcx; push $SEL_DATA; push %rcx; pushf; push $SEL_CODE; mov $BEYOND, %rbx; push %rbx; iretq");
    idt_gate(0x32, SEL_CODE, 0x100000000000000, 0x8e, 0);
    T("a gate that is not canonical", "int $0x32");
    idt_usual(0x32, 0x8e);
    T("a stack that is not canonical: double fault by IST", "mov $BEYOND, %rsp; int $0x32");
    T("FS.base", "movl $0x17, BUF; mov $0xc0000100, %ecx; mov $0x10000, %edx; wrmsr; mov %fs:BUF, %eax");
    T("the GDT", "sgdt BUF; movw $1, BUF + 8; lgdt BUF; mov $SEL_DATA, %ecx; mov %ecx, %es; mov %es, %eax");
    T("executed in ring 0, read by the processor", "sidt BUF; movb $1, BUF + 8; lidt BUF; int3");
    U("ring 3", TO(FAR) "jmp *%rbx; 1: lea (%rip), %rax; shr $48, %rax; int $0x80");
    T("a breakpoint of DR0", "mov $FAR + BUF, %rbx; mov %rbx, %dr0; mov $0xd0402, %eax; mov %rax, %dr7; mov %eax, (%rbx)");
    T("INVLPG", "mov $FAR + BUF, %rbx; invlpg (%rbx); mov $BEYOND, %rbx; invlpg (%rbx); mov $1, %eax");
    T("compatibility mode has 32 bits", "movl $0x18, BUF; mov $FAR + BUF, %rbx; lea 1f(%rip), %rax; push $SEL_CODE32; push %rax; lretq; .code32; 1: mov (%ebx), %eax; "
                                        "ljmp $SEL_CODE, $2f; .code64; 2:");
}

static void system_calls(void)
{
    group("SYSRET");
    wrmsr(0xc0000081, (u64)(SEL_T0 | 3) << 48 | (u64)SEL_CODE << 32);
    descriptor(SEL_T1, 0, 0xfffff, 0xc0f3);
    descriptor(SEL_T2, 0, 0xfffff, 0xa0fb);
    T("to 57 bits", "mov $2, %r11d; movabs $FAR + 1f, %rcx; sysretq; 1: lea (%rip), %rax; shr $48, %rax; int $0x80");
    T("*to what is not canonical", "mov $BEYOND, %rcx; sysretq");
}

/* Entry 1 maps FAR. */
static void with(u64 entry)
{
    pml5[1] = entry;
    set_cr3(cr3());
}

#define READ "movl $0x21, BUF; mov $FAR + BUF, %rbx; mov (%rbx), %eax"
static void walks(void)
{
    const u64 usual = (u64)(uptr)pml4 | 7;
    group("walks of five levels");
    with(usual);
    T("the accessed bit", READ "; mov PML5 + 8, %eax; and $0x60, %eax");
    with(0);
    T("absent PML5E", READ);
    U("absent PML5E, ring 3", READ);
    with(usual | 0x80);
    T("PS in a PML5E is reserved", READ);
    with(usual | 1ull << 51);
    T("reserved bit 51", READ);
    with(usual | 1ull << 52);
    T("bit 52 is free", READ);
    with(usual | 1ull << 63);
    T("no-execute by the PML5E, read", READ);
    T("no-execute by the PML5E, executed", TO(FAR) "jmp *%rbx; 1:");
    with(usual & ~4ull);
    U("supervisor PML5E, ring 3", READ);
    T("supervisor PML5E, ring 0", READ);
    with(usual & ~2ull);
    T("read-only PML5E, WP clear", "mov $FAR + BUF, %rbx; mov %eax, (%rbx); mov $1, %eax");
    T("read-only PML5E, WP set", "mov %cr0, %rcx; bts $16, %rcx; mov %rcx, %cr0; mov $FAR + BUF, %rbx; mov %eax, (%rbx)");
    with(usual);
    T("a PML5E that changes", READ "; movq $0, PML5 + 8; invlpg (%rbx); mov (%rbx), %eax");
    with(usual);
    T("CR3 with another PML5", READ "; movl $0x22, (%rbx); mov %cr3, %rcx; mov $TABLES, %edi; mov $PML5, %esi; mov $512, %ecx; rep movsq; movq $0, TABLES + 8; "
                                    "mov $TABLES, %ecx; mov %rcx, %cr3; mov BUF, %eax; mov (%rbx), %ecx");
}

void test_levels5(void)
{
    for (unsigned i = 0; i < 512; i++)
        pml5[i] = 0;
    pml5[0] = pml5[1] = pml5[256] = (u64)(uptr)pml4 | 7;
    four_levels();
    usual_cr4 |= 1 << 12;
    usual_cr3 = (uptr)pml5;
    use_pml5();
    addresses();
    system_calls();
    walks();
}
