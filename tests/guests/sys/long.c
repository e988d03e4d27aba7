/* long.c - 64-bit mode: addresses, segments, system registers, fast system calls, the IDT, gates, compatibility mode, paging. */
#include "sys.h"

extern char stubs[], interrupt_stack_top[], fault_stack_top[];
extern u64 pml4[], pdpt[], directory[];

/* A piece of 32-bit code in ring 3, in compatibility mode. */
#define C(name, code)                                                                                                               \
    do {                                                                                                                            \
        user_code = SEL_UCODE32;                                                                                                    \
        PIECE(name, code, RING3, ".code32\n", ".code64\n");                                                                         \
        user_code = SEL_UCODE;                                                                                                      \
    } while (0)

#define FAR_ADDRESS "mov $0x0000800000000000, %rbx; "

static void addresses(void)
{
    group("addresses");
    T("read, not canonical", FAR_ADDRESS "mov (%rbx), %eax");
    T("write, not canonical", FAR_ADDRESS "mov %eax, (%rbx)");
    T("read by RBP, not canonical", "mov $0x0000800000000000, %rbp; mov (%rbp), %eax");
    T("read by RSP, not canonical", "mov %rsp, %r12; mov $0x0000800000000000, %rsp; mov (%rsp), %eax");
    T("push, not canonical", "mov $0x0000800000000008, %rsp; push %rax");
    T("read across the end of the lower half", "mov $0x00007ffffffffffd, %rbx; mov (%rbx), %eax");
    T("jump, not canonical", FAR_ADDRESS "jmp *%rbx");
    T("call, not canonical", FAR_ADDRESS "call *%rbx");
    T("return, not canonical", FAR_ADDRESS "push %rbx; ret");
    T("LEA does not check", FAR_ADDRESS "lea (%rbx), %rax");
    T("INVLPG does not check", FAR_ADDRESS "invlpg (%rbx); mov $1, %eax");
    T("prefetch does not check", FAR_ADDRESS "prefetcht0 (%rbx); mov $1, %eax");
    T("address size 32 wraps", "movl $77, BUF; mov $0xffffffff80000000, %rbx; mov $0x80200000, %eax; mov %eax, %ebx; mov -0x80000000(%ebx), %eax");
    T("RIP-relative", "mov 1f(%rip), %eax; jmp 2f; 1: .long 0x4711; 2:");
    T("64-bit offset", "movl $0x99, BUF; movabs 0x200000, %eax");
    T("32-bit results clear the upper half", "mov $-1, %rax; mov %ecx, %eax");
    T("16-bit results do not", "mov $-1, %rax; mov %cx, %ax");
    T("push of an immediate is extended", "push $-2; pop %rax");
    T("16-bit push", "mov %rsp, %rbx; pushw $5; sub %rsp, %rbx; mov %rbx, %rax; add $2, %rsp");
    T("ENTER and LEAVE", "mov %rsp, %rbx; enter $16, $0; mov %rbx, %rax; sub %rsp, %rax; leave; sub %rsp, %rbx; add %rbx, %rax");
    T("MOVSXD", "mov $0x80000000, %ecx; movslq %ecx, %rax");
    T("string with 32-bit addresses", "mov $0xffffffff00200000, %rdi; mov $0x100000002, %rcx; addr32 rep stosb; mov %rdi, %rax");
    T("LOOP with 32-bit count", "mov $0x100000003, %rcx; 1: inc %eax; addr32 loop 1b");
}

static void opcodes(void)
{
    group("instructions that are gone");
#define GONE(n) U("opcode " #n, ".byte 0x" #n ", 0, 0, 0, 0, 0, 0, 0")
    GONE(06);
    GONE(07);
    GONE(0e);
    GONE(16);
    GONE(17);
    GONE(1e);
    GONE(1f);
    GONE(27);
    GONE(2f);
    GONE(37);
    GONE(3f);
    GONE(60);
    GONE(61);
    GONE(82);
    GONE(9a);
    GONE(ce);
    GONE(d4);
    GONE(d5);
    GONE(d6);
    GONE(ea);
    T("LAHF and SAHF are there", "mov $0xd5, %ah; sahf; xor %eax, %eax; lahf");
    T("ARPL is MOVSXD", "mov $-1, %ecx; .byte 0x63, 0xc1");
    T("SYSENTER with no selector", "sysenter");
}

static void segments(void)
{
    group("segments");
    T("null DS reads", "movl $5, BUF; xor %ecx, %ecx; mov %ecx, %ds; mov BUF, %eax");
    descriptor(SEL_T0, 0x1000, 0xfff, 0x4093);
    T("DS has no base and no limit", "movl $6, BUF; mov $SEL_T0, %ecx; mov %ecx, %ds; mov BUF, %eax");
    T("FS has a base, and no limit", "movl $7, BUF; mov $SEL_T0, %ecx; mov %ecx, %fs; mov %fs:BUF - 0x1000, %eax");
    T("loading FS clears the base's upper half", "mov $0xc0000100, %ecx; mov $0x1234, %edx; wrmsr; mov $SEL_T0, %ecx; mov %ecx, %fs; mov $0xc0000100, %ecx; rdmsr; "
                                                 "mov %edx, %eax");
    descriptor(SEL_T0, BUF, 0xfff, 0x4091);
    T("read-only DS writes", "mov $SEL_T0, %ecx; mov %ecx, %ds; mov %eax, BUF");
    T("read-only data as SS", "mov $SEL_T0, %ecx; mov %ecx, %ss");
    T("null SS in ring 0", "mov %eax, %ss; push %rax; pop %rax");
    T("null SS with RPL 1 in ring 0", "mov $1, %eax; mov %eax, %ss");
    U("null SS in ring 3", "mov $3, %eax; mov %eax, %ss");
    T("SS of ring 3 in ring 0", "mov $SEL_UDATA, %eax; mov %eax, %ss");
    descriptor(SEL_T0, BUF, 0xfff, 0x4013);
    T("absent FS", "mov $SEL_T0, %eax; mov %eax, %fs");
    T("far jump to compatibility mode and back",
      "lea 1f(%rip), %rax; push $SEL_CODE32; push %rax; lretq; .code32; 1: mov %cs, %ebx; ljmp $SEL_CODE, $2f; .code64; 2: mov %ebx, %eax");
    T("far call by memory, 64-bit offset", "lea 1f(%rip), %rax; mov %rax, BUF; movw $SEL_CODE, BUF + 8; mov %rsp, %rbx; rex.w lcall *BUF; 1: sub %rsp, %rbx; "
                                           "mov %rbx, %rax; add $16, %rsp");
    T("far jump by memory, 32-bit offset", "movl $1f, BUF; movw $SEL_CODE, BUF + 4; ljmp *BUF; 1: mov $3, %eax");
    descriptor(SEL_T0, 0, 0xfffff, 0xe09b);
    T("code with both L and D", "lea 1f(%rip), %rcx; push $SEL_T0; push %rcx; lretq; 1: mov $1, %eax");
    T("far return to ring 3", "push $SEL_UDATA; push $BUF + 0x800; push $SEL_UCODE; lea 1f(%rip), %rcx; push %rcx; lretq; 1: mov %cs, %eax; int $0x80");
    T("far return to ring 3 with a null SS", "push $3; push $BUF + 0x800; push $SEL_UCODE; lea 1f(%rip), %rcx; push %rcx; lretq; 1: mov %ss, %eax; int $0x80");
    T("far return, not canonical", FAR_ADDRESS "push $SEL_CODE; push %rbx; lretq");
    group("LAR and LSL of system types");
    for (unsigned type = 0; type < 16; type++) {
        descriptor(SEL_T0, BUF, 0x1234, 0x80 | type);
        raw_descriptor(SEL_T1, 0);
        print("type %x\n", (uptr)type);
        T("LAR", "mov $SEL_T0, %ecx; lar %ecx, %eax; jz 1f; mov $-1, %eax; 1: and $0xfff0ffff, %eax");
        T("LSL", "mov $SEL_T0, %ecx; lsl %ecx, %eax; jz 1f; mov $-1, %eax; 1:");
    }
}

static void registers(void)
{
    group("system registers");
    T("paging off in 64-bit mode", "mov %cr0, %rax; btr $31, %rax; mov %rax, %cr0");
    T("protection off", "mov %cr0, %rax; btr $0, %rax; mov %rax, %cr0");
    T("CR0's upper half", "mov %cr0, %rax; bts $32, %rax; mov %rax, %cr0");
    T("NW without CD", "mov %cr0, %rax; bts $29, %rax; mov %rax, %cr0");
    T("PAE off", "mov %cr4, %rax; btr $5, %rax; mov %rax, %cr4");
    T("CR4's upper half", "mov %cr4, %rax; bts $32, %rax; mov %rax, %cr4");
    T("CR4's reserved bit 15", "mov %cr4, %rax; bts $15, %rax; mov %rax, %cr4");
    T("CR3's reserved bits", "mov %cr3, %rcx; bts $60, %rcx; mov %rcx, %cr3");
    T("CR8", "mov $9, %eax; mov %rax, %cr8; mov %cr8, %rax; xor %ecx, %ecx; mov %rcx, %cr8");
    T("CR8's reserved bits", "mov $16, %eax; mov %rax, %cr8");
    U("CR8 in ring 3", "mov %cr8, %rax");
    T("DR7's upper half", "mov $0x100000400, %rax; mov %rax, %dr7");
    T("LME off with paging on", "mov $0xc0000080, %ecx; rdmsr; btr $8, %eax; wrmsr");
    T("EFER's reserved bits", "mov $0xc0000080, %ecx; rdmsr; bts $1, %eax; wrmsr");
    T("LMA is not written", "mov $0xc0000080, %ecx; rdmsr; btr $10, %eax; wrmsr; rdmsr; and $0x500, %eax");
    T("*an unknown MSR is read", "mov $0x12345678, %ecx; rdmsr");
    T("*an unknown MSR is written", "mov $0x12345678, %ecx; wrmsr");
    T("FS.base, not canonical", "mov $0xc0000100, %ecx; mov $0x8000, %edx; wrmsr");
    T("LSTAR, not canonical", "mov $0xc0000082, %ecx; mov $0x8000, %edx; wrmsr");
    T("SYSENTER_EIP, not canonical", "mov $0x176, %ecx; mov $0x8000, %edx; wrmsr");
    T("PAT, a reserved type", "mov $0x277, %ecx; mov $2, %eax; wrmsr");
    T("a machine check's status is cleared", "mov $0x401, %ecx; wrmsr; mov $1, %eax");
    T("*a machine check's status is written", "mov $0x409, %ecx; mov $1, %eax; wrmsr");
    T("a machine check's address is written", "mov $0x402, %ecx; mov $5, %eax; wrmsr; rdmsr");
    T("*APIC_BASE beyond the physical address", "mov $0x80000008, %eax; cpuid; sub $32, %al; movzbl %al, %ebx; mov $0x1b, %ecx; rdmsr; bts %ebx, %edx; wrmsr");
    T("APIC_BASE below it", "mov $0x80000008, %eax; cpuid; sub $33, %al; movzbl %al, %ebx; mov $0x1b, %ecx; rdmsr; mov %edx, %edi; bts %ebx, %edx; wrmsr; "
                            "rdmsr; mov %edx, %ebp; mov %edi, %edx; wrmsr; bt %ebx, %ebp; setc %al; movzbl %al, %eax");
    T("KERNEL_GS_BASE and SWAPGS", "mov $0xc0000102, %ecx; mov $0x1111, %eax; wrmsr; mov $0xc0000101, %ecx; mov $0x2222, %eax; xor %edx, %edx; wrmsr; swapgs; rdmsr; "
                                   "mov %eax, %ebx; swapgs; rdmsr; shl $16, %eax; or %ebx, %eax");
    U("SWAPGS in ring 3", "swapgs");
    T("SGDT stores ten bytes", "movq $-1, BUF + 8; sgdt BUF; mov BUF + 8, %rax; shr $16, %rax");
    T("LGDT, not canonical", "movq $-1, BUF; movl $0x80000000, BUF + 6; lgdt BUF");
    T("SMSW takes 64 bits", "mov $-1, %rax; smsw %rax; shr $31, %rax");
    T("STR and SLDT clear the upper half", "mov $-1, %rax; str %rax; mov $-1, %rcx; sldt %rcx; add %rcx, %rax");
    T("RDTSCP's aux", "mov $0xc0000103, %ecx; mov $0x77, %eax; wrmsr; rdtscp; mov %ecx, %eax");
}

void fast_entry64(void);
__asm__(".pushsection .text\n"
        "fast_entry64: mov %cs, %eax; mov %ss, %edx; shl $16, %edx; or %edx, %eax; mov %eax, SEEN; pushf; pop %rdx; mov %edx, SEEN + 4; mov %r11d, SEEN + 8; "
        "mov %rcx, %rdx; sub piece_address, %rdx; mov %edx, SEEN + 12; cmp $1, %esi; je 1f; sysretq; 1: sysretl\n"
        "to_fast: mov %rsp, %r14\n.popsection\n");

extern uptr piece_address;
static u32 entries, steps, stepped[8];
static int step_fast(struct frame *f)
{
    uptr at = f->ip - piece_address;
    if (f->vector != 1)
        return 0;
    entries += f->ip == (uptr)fast_entry64;
    if (at < 16 && steps < 8)
        stepped[steps++] = (u32)at;
    if (at == 3)
        f->flags &= ~0x100ull;
    set_dr6(0xffff0ff0);
    return 1;
}

static void show_steps(const char *when)
{
    print("    %s: %d at the entry, then", when, (uptr)entries);
    for (unsigned i = 0; i < steps; i++)
        print(" +%x", (uptr)stepped[i]);
    print("\n");
    entries = steps = 0;
}

/* Whether there is a trap goes by TF as SYSCALL and SYSRET leave it. */
static void fast_steps(void)
{
    user_flags = 0x102;
    hook = step_fast;
    U("SYSCALL that keeps TF", "syscall; nop; mov $1, %eax");
    show_steps("traps");
    wrmsr(0xc0000084, 0x40700);
    hook = step_fast;
    U("SYSCALL that clears TF, SYSRET that sets it", "syscall; nop; mov $1, %eax");
    show_steps("traps");
    user_flags = 2;
    wrmsr(0xc0000084, 0x40600);
}

static void fast(void)
{
    group("SYSCALL SYSRET");
    wrmsr(0xc0000081, (u64)(SEL_T0 | 3) << 48 | (u64)SEL_CODE << 32); /* SYSRET: CS T0+16, SS T0+8; SYSCALL: CS, CS+8 */
    wrmsr(0xc0000082, (uptr)fast_entry64);
    wrmsr(0xc0000083, (uptr)fast_entry64);
    wrmsr(0xc0000084, 0x40600);
    descriptor(SEL_T0, 0, 0xfffff, 0xc0fb);
    descriptor(SEL_T1, 0, 0xfffff, 0xc0f3);
    descriptor(SEL_T2, 0, 0xfffff, 0xa0fb);
    user_flags = 0x40602;
    /* The stack stays ring 3's: the entry pushes on it. */
    U("there and back", "syscall; mov %cs, %eax; mov %ss, %ecx; shl $16, %ecx; or %ecx, %eax");
    user_flags = 2;
    print("    cs and ss %x, flags %x, r11 %x, rcx +%x\n", (uptr)seen[0], (uptr)(seen[1] & 0x40602), (uptr)(seen[2] & 0x50602), (uptr)seen[3]);
    U("SYSRET to 32 bits", "mov $1, %esi; syscall; .code32; mov %cs, %eax; mov %ss, %ecx; shl $16, %ecx; or %ecx, %eax; int $0x80; .code64");
    fast_steps();
    U("SYSRET in ring 3", "sysretq");
    C("*SYSCALL from compatibility mode", "mov $1, %esi; syscall; mov %cs, %eax; mov %ss, %ecx; shl $16, %ecx; or %ecx, %eax");
    print("    cs and ss %x, rcx +%x\n", (uptr)seen[0], (uptr)seen[3]);
    T("SYSCALL with SCE clear", "mov $0xc0000080, %ecx; rdmsr; btr $0, %eax; wrmsr; syscall");
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1);
}

static int frame_facts(struct frame *f)
{
    print("[sp&15 %x ss %x cs %x", (uptr)((uptr)f & 15), (uptr)f->ss, (uptr)f->cs);
    uptr at = (uptr)f;
    print(" on %s] ", at > (uptr)fault_stack_top - 8192 && at < (uptr)fault_stack_top           ? "IST"
                      : at > (uptr)interrupt_stack_top - 8192 && at < (uptr)interrupt_stack_top ? "ring 0's"
                                                                                                 : "the same");
    return 0;
}

static void interrupts(void)
{
    group("interrupts");
    hook = frame_facts;
    T("the frame is aligned", "sub $3, %rsp; int $0x30");
    hook = frame_facts;
    U("from ring 3", "int $0x80");
    idt_gate(0x31, SEL_CODE, (uptr)stubs + 0x31 * 16, 0xee, 1);
    hook = frame_facts;
    T("by the IST", "int $0x31");
    hook = frame_facts;
    U("by the IST from ring 3", "int $0x31");
    idt_gate(0x32, SEL_CODE, (uptr)stubs + 0x32 * 16, 0x86, 0);
    T("a 16-bit gate", "int $0x32");
    idt_gate(0x32, SEL_TSS, 0, 0x85, 0);
    T("a task gate", "int $0x32");
    idt_gate(0x32, SEL_CODE32, (uptr)stubs + 0x32 * 16, 0x8e, 0);
    T("a gate to 32-bit code", "int $0x32");
    idt_gate(0x32, SEL_CODE, 0x800000000000, 0x8e, 0);
    T("a gate that is not canonical", "int $0x32");
    idt_usual(0x32, 0x8e);
    idt_limit(0x32 * 16 + 14);
    T("beyond the IDT's limit", "int $0x32");
    idt_limit(0x32 * 16 + 15);
    T("at the IDT's limit", "int $0x32");
    T("a stack that is not canonical: double fault by IST", "mov $0x0000900000000000, %rsp; int $0x32");
    tss.rsp[0] = 0x0000900000000000;
    U("ring 0's stack is not canonical", "int $0x80");
    tss.rsp[0] = (uptr)interrupt_stack_top;
    group("IRETQ");
    T("to the same ring takes SS:RSP", "mov %rsp, %rbx; push $SEL_DATA; push %rbx; pushf; push $SEL_CODE; lea 1f(%rip), %rcx; push %rcx; iretq; 1: mov $1, %eax");
    T("to a null SS in ring 0", "mov %rsp, %rbx; push $0; push %rbx; pushf; push $SEL_CODE; lea 1f(%rip), %rcx; push %rcx; iretq; 1: mov %ss, %eax");
    T("to a null SS in ring 3", "push $3; push $BUF; pushf; push $SEL_UCODE; lea 1f(%rip), %rcx; push %rcx; iretq; 1: int $0x80");
    T("to a null SS in 32-bit ring 3", "push $3; push $BUF; pushf; push $SEL_UCODE32; lea 1f(%rip), %rcx; push %rcx; iretq; 1: int $0x80");
    T("to an address that is not canonical", FAR_ADDRESS "push $SEL_DATA; push $BUF; pushf; push $SEL_CODE; push %rbx; iretq");
    T("to ring 3", "push $SEL_UDATA; push $BUF + 0x800; push $0x202; push $SEL_UCODE; lea 1f(%rip), %rcx; push %rcx; iretq; 1: pushf; pop %rax; int $0x80");
    T("to compatibility mode", "push $SEL_UDATA; push $BUF + 0x800; push $0x2; push $SEL_UCODE32; lea 1f(%rip), %rcx; push %rcx; iretq; .code32; 1: mov $-1, %eax; inc %eax; "
                               "int $0x80; .code64");
    T("32-bit IRET in 64-bit mode", "mov %esp, %ebx; sub $20, %rsp; movl $1f, (%rsp); movl $SEL_CODE, 4(%rsp); movl $2, 8(%rsp); mov %ebx, 12(%rsp); movl $SEL_DATA, 16(%rsp); "
                                    "iretl; 1: mov $4, %eax");
    T("with NT", "push $SEL_DATA; push %rsp; pushf; orl $0x4000, (%rsp); popf; iretq");
    T("VM is not set", "mov %rsp, %rbx; push $SEL_DATA; push %rbx; push $0x20002; push $SEL_CODE; lea 1f(%rip), %rcx; push %rcx; iretq; 1: pushf; pop %rax; and $0x20000, %eax");
}

static void compat(void)
{
    group("compatibility mode");
    C("ring 3", "mov %cs, %eax");
    C("opcodes of 32 bits", "pusha; popa; xor %eax, %eax; .byte 0x40; .byte 0x40; aaa");
    C("addresses are of 32 bits", "movl $9, BUF; mov $0xfff00000, %ebx; mov BUF + 0x100000(%ebx), %eax");
    descriptor(SEL_T0, BUF, 0xfff, 0x40f3);
    C("limits count", "mov $SEL_T0 + 3, %eax; mov %eax, %es; mov %es:0xffd, %eax");
    C("an exception", "ud2");
    C("a system call", "mov $0x1234, %eax; int $0x80");
    C("*SYSRET", ".byte 0x0f, 0x07");
    C("a far jump to 64 bits", "ljmp $SEL_UCODE, $1f; .code64; 1: mov $0x123456789a, %rax; int $0x80; .code32");
    C("the stack is of 32 bits", "push $-1; pop %eax; mov %esp, %ecx; call 1f; 1: pop %eax; sub $1b, %eax");
    C("no RIP-relative addresses", "movl $3, BUF; .byte 0x8b, 0x05, 0x00, 0x00, 0x20, 0x00");
    C("LAHF of old", "lahf; and $0xff, %eax");
    C("ARPL", "mov $3, %ecx; xor %eax, %eax; arpl %cx, %ax");
}

void gate64(void);
__asm__(".pushsection .text\n"
        "gate64: mov %cs, %eax; mov %ss, %ecx; shl $16, %ecx; or %ecx, %eax; mov %eax, SEEN; mov %rsp, SEEN + 8; lretq\n"
        ".popsection\n");

static void gates(void)
{
    group("call gates");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate64, 0xec, 0);
    U("from ring 3", "movl $0, BUF; movw $SEL_T0 + 3, BUF + 4; lcall *BUF; mov %cs, %eax; mov %ss, %ecx; shl $16, %ecx; or %ecx, %eax");
    print("    cs and ss %x, rsp %x below the top\n", (uptr)seen[0], (uptr)interrupt_stack_top - ((uptr)seen[2] | (uptr)seen[3] << 32));
    T("from ring 0", "movl $0, BUF; movw $SEL_T0, BUF + 4; lcall *BUF");
    C("from compatibility mode", "lcall $SEL_T0 + 3, $0; mov %cs, %eax");
    gate_descriptor(SEL_T0, SEL_CODE32, (uptr)gate64, 0xec, 0);
    U("to 32-bit code", "movl $0, BUF; movw $SEL_T0 + 3, BUF + 4; lcall *BUF");
    gate_descriptor(SEL_T0, SEL_CODE, 0x800000000000, 0xec, 0);
    T("that is not canonical", "movl $0, BUF; movw $SEL_T0, BUF + 4; lcall *BUF");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate64, 0xec, 0);
    raw_descriptor(SEL_T1, 0x1f0000000000);
    T("with a type in the upper half", "movl $0, BUF; movw $SEL_T0, BUF + 4; lcall *BUF");
    raw_descriptor(SEL_T1, 0);
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate64, 0xe4, 0);
    T("a 16-bit gate", "movl $0, BUF; movw $SEL_T0, BUF + 4; lcall *BUF");
    T("a task switch", "movl $0, BUF; movw $SEL_TSS, BUF + 4; ljmp *BUF");
    group("LTR LLDT");
    descriptor(SEL_T0, BUF, 0x67, 0x89);
    raw_descriptor(SEL_T1, 0);
    T("LTR", "mov $SEL_T0, %eax; ltr %ax; str %eax");
    T("busy", "mov $SEL_T0, %eax; ltr %ax");
    descriptor(SEL_T0, BUF, 0x67, 0x89);
    raw_descriptor(SEL_T1, 0x8000);
    T("LTR, not canonical", "mov $SEL_T0, %eax; ltr %ax");
    descriptor(SEL_T0, BUF, 0xff, 0x82);
    T("LLDT, not canonical", "mov $SEL_T0, %eax; lldt %ax");
    raw_descriptor(SEL_T1, 0);
    T("LLDT", "mov $SEL_T0, %eax; lldt %ax; sldt %eax");
}

/* A page of our own at 1 GiB. */
enum { VIRT = 0x40000000 };
__asm__(".set VIRT, 0x40000000\n.set MINE, TABLES\n.set LEAF, TABLES + 0x1000\n");
static u64 *const mine = (u64 *)TABLES, *const leaf = (u64 *)(TABLES + 0x1000);

static void fresh_page(u64 attributes)
{
    for (unsigned i = 0; i < 512; i++)
        mine[i] = 0, leaf[i] = (BUF + ((u64)i << 12)) | 7;
    leaf[0] = BUF | attributes;
    mine[0] = (TABLES + 0x1000) | 7;
    pdpt[1] = TABLES | 7;
    set_cr3(cr3());
}

#define WP "mov %cr0, %rcx; bts $16, %rcx; mov %rcx, %cr0; "

static void pages(void)
{
    group("paging");
    fresh_page(7);
    T("read", "movl $0x11, BUF; mov VIRT, %eax");
    T("write, A and D", "mov %eax, VIRT; mov LEAF, %eax; and $0x60, %eax");
    fresh_page(0);
    T("absent, read", "mov VIRT, %eax");
    T("absent, written in ring 0", "mov %eax, VIRT + 8");
    U("absent, written in ring 3", "mov %eax, VIRT + 8");
    U("absent, executed in ring 3", "mov $VIRT, %eax; jmp *%rax");
    T("absent PDPTE", "mov $0x80000000, %ebx; mov (%rbx), %eax");
    T("absent PML4E", "mov $0x8000000000, %rbx; mov (%rbx), %eax");
    T("absent, upper half", "mov $-8, %rbx; mov (%rbx), %eax");
    fresh_page(5);
    U("read-only, written in ring 3", "mov %eax, VIRT");
    T("read-only, written in ring 0, WP clear", "mov %eax, VIRT; mov $1, %eax");
    fresh_page(5);
    T("read-only, written in ring 0, WP set", WP "mov %eax, VIRT");
    fresh_page(3);
    U("supervisor, read in ring 3", "mov VIRT, %eax");
    fresh_page(7);
    pdpt[1] = TABLES | 3;
    set_cr3(cr3());
    U("supervisor PDPTE, read in ring 3", "mov VIRT, %eax");
    fresh_page(7);
    leaf[0] |= 1ull << 63;
    T("no-execute, executed", "mov $VIRT, %eax; jmp *%rax");
    U("no-execute, executed in ring 3", "mov $VIRT, %eax; jmp *%rax");
    T("no-execute, read", "mov VIRT, %eax; mov $1, %eax");
    fresh_page(7);
    mine[0] |= 1ull << 63;
    T("no-execute by the directory", "mov $VIRT, %eax; jmp *%rax");
    fresh_page(7);
    leaf[0] |= 1ull << 51;
    T("reserved bit 51", "mov VIRT, %eax");
    U("reserved bit 51, written in ring 3", "mov %eax, VIRT");
    fresh_page(7);
    leaf[0] |= 1ull << 52;
    T("bit 52 is free", "mov VIRT, %eax; mov $1, %eax");
    fresh_page(7);
    mine[1] = 0x87 | 0x2000;
    T("2 MiB page, reserved bit 13", "mov VIRT + 0x200000, %eax");
    mine[1] = 0x87;
    set_cr3(cr3());
    T("2 MiB page", "movl $0x22, BUF; mov $VIRT + 0x400000, %ebx; mov %eax, VIRT + 0x200000 + 0x1000; mov TABLES + 8, %eax; and $0x60, %eax");
    pml4[1] = 0x87;
    set_cr3(cr3());
    T("PS in a PML4E is reserved", "mov $0x8000000000, %rbx; mov (%rbx), %eax");
    pml4[1] = 0;
    fresh_page(7);
    T("across pages, second absent", "movq $0, LEAF + 8; invlpg VIRT + 0x1000; mov VIRT + 0xffd, %rax");
    T("code changed by another address", "movl $0xc301b0, BUF; mov $VIRT, %ecx; call *%rcx; movb $9, BUF + 1; call *%rcx");
    T("a frame changed, INVLPG", "movl $0x33, BUF; movl $0x44, BUF + 0x1000; mov VIRT, %ebx; movl $BUF + 0x1007, LEAF; invlpg VIRT; mov VIRT, %eax");
    pdpt[1] = 0;
    set_cr3(cr3());
}

void test_long(void)
{
    addresses();
    opcodes();
    segments();
    registers();
    fast();
}
void test_long_gates(void)
{
    interrupts();
    gates();
}
void test_long_pages(void) { pages(); }
void test_compat(void) { compat(); }
