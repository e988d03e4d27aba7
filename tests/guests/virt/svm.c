/* svm.c - a hypervisor for the tests of SVM: a guest a test, which is a few instructions. It prints on port E9h why each guest's run ended:
 *
 *   RDTSC: exit 6e info 0 and 0 rip + 0 next + 2
 *
 * rip and next (NRIP) are counted from the guest's first instruction; after a run that ended by VMMCALL only "ran", RAX and what the guest
 * left. tests/cli/svm.sh compares the lines with svm.golden, whose values were derived from the manual (AMD APM volume 2, chapter 15). */
#define BACK "vmmcall"
#include "world.h"

void world_switch(u64 vmcb);

/* ---------------------------------------------------------------- guests */

static u8 vmcb[4096] __attribute__((aligned(4096)));
static u8 hsave[4096] __attribute__((aligned(4096)));
static u8 iopm[3 * 4096] __attribute__((aligned(4096)));
static u8 msrpm[2 * 4096] __attribute__((aligned(4096)));
static u8 guest_stack[4096] __attribute__((aligned(4096)));
static u8 page[4096] __attribute__((aligned(4096)));
/* Tables of a guest of its own, and nested ones: 512 pages of 4 KiB from 2 MiB on, the rest of the first GiB in large pages. */
static u64 npml4[512] __attribute__((aligned(4096)));
static u64 npdpt[512] __attribute__((aligned(4096)));
static u64 ndir[512] __attribute__((aligned(4096)));
static u64 npt[512] __attribute__((aligned(4096)));
static u64 ndir4[512] __attribute__((aligned(4096)));

#define V8(at)  (*(volatile u8 *)(vmcb + (at)))
#define V16(at) (*(volatile u16 *)(vmcb + (at)))
#define V32(at) (*(volatile u32 *)(vmcb + (at)))
#define V64(at) (*(volatile u64 *)(vmcb + (at)))
enum {
    EXITCODE = 0x70, INFO1 = 0x78, INFO2 = 0x80, INTINFO = 0x88, NP = 0x90, INJECT = 0xa8, NCR3 = 0xb0, NRIP = 0xc8,
    BYTES = 0xd0, CS = 0x410, EFER = 0x4d0, CR4 = 0x548, CR3 = 0x550, CR0 = 0x558, DR7 = 0x560, DR6 = 0x568, FLAGS = 0x570,
    RIP = 0x578, RSP = 0x5d8, RAX = 0x5f8, CR2 = 0x640, PAT = 0x668, IDT_LIMIT = 0x484,
};
static void want(unsigned code) { V32(code / 32 * 4) |= 1u << code % 32; }
static void segment(unsigned at, u16 sel, u16 attr)
{
    V16(at) = sel;
    V16(at + 2) = attr;
    V32(at + 4) = 0xffffffff;
    V64(at + 8) = 0;
}

/* A guest in 64-bit mode, with the hypervisor's own tables. */
static void fresh(const char *from)
{
    memset(vmcb, 0, sizeof vmcb);
    memset(registers, 0, sizeof registers);
    seen_vector = seen_error = seen_rip = seen_count = skip = 0;
    want(0x80);
    want(0x81);
    want(0x7f);
    V64(0x40) = (u64)iopm;
    V64(0x48) = (u64)msrpm;
    V32(0x58) = 1;
    segment(0x400, 0x10, 0xc93);
    segment(CS, 0x08, 0xa9b);
    segment(0x420, 0x10, 0xc93);
    segment(0x430, 0x10, 0xc93);
    segment(0x440, 0x10, 0xc93);
    segment(0x450, 0x10, 0xc93);
    V16(0x470) = 0;
    V16(0x472) = 0x82;
    V16(0x490) = 0x28;
    V16(0x492) = 0x8b;
    V32(0x494) = 0x67;
    V64(0x498) = (u64)tss;
    V32(0x464) = 63;
    V64(0x468) = (u64)gdt;
    V32(IDT_LIMIT) = sizeof idt - 1;
    V64(0x488) = (u64)idt;
    V64(EFER) = rdmsr(0xc0000080);
    V64(CR4) = cr(4);
    V64(CR3) = cr(3);
    V64(CR0) = cr(0);
    V64(DR6) = 0xffff0ff0;
    V64(DR7) = 0x400;
    V64(FLAGS) = 2;
    V64(RIP) = (u64)from;
    V64(RSP) = (u64)guest_stack + sizeof guest_stack;
    V64(PAT) = 0x0007040600070406;
}

/* An address by what is there: where things lie depends on the compiler. */
static void place(const char *word, u64 v, const char *from)
{
    const struct {
        const char *name;
        u64 at;
    } known[] = {{"+", (u64)from}, {"page +", (u64)page}, {"stack +", (u64)guest_stack}, {"PML4 +", (u64)pml4}, {"directory +", (u64)directory}};
    for (unsigned i = 0; from && i < sizeof known / sizeof *known; i++)
        if (v - known[i].at < (i ? 4096 : 64)) {
            put(' ');
            text(word);
            say(known[i].name, v - known[i].at);
            return;
        }
    say(word, v == (u64)page + 4096 ? 0x1000 : v);
}

static void show(const char *name, const char *from)
{
    text(name);
    put(':');
    if (V64(EXITCODE) == 0x81)
        say("ran, rax", V64(RAX));
    else {
        say("exit", V64(EXITCODE));
        say("info", V64(INFO1));
        place("and", V64(INFO2), from);
        place("rip", V64(RIP), from);
        if (V64(NRIP))
            place("next", V64(NRIP), from);
    }
    if (V32(INTINFO) >> 31) {
        say("during", V32(INTINFO));
        say("error", V32(INTINFO + 4));
    }
    if (V64(0x68))
        say("shadow", V64(0x68));
    if (seen_count) {
        say("vector", seen_vector);
        if (seen_error)
            say("error", seen_error);
        if (seen_rip >= (u64)from && seen_rip < (u64)from + 64)
            say("at +", seen_rip - (u64)from);
        if (seen_count > 1)
            say("times", seen_count);
    }
    put('\n');
}
static void run(const char *name, const char *from)
{
    world_switch((u64)vmcb);
    show(name, from);
}

/* The same of code that faults without the intercept, at an instruction of n bytes. */
#define BOTH_FAULT(name, setting, n, code)                                                                                     \
    do {                                                                                                                       \
        CODE(PASTE(code_, __LINE__), code);                                                                                    \
        fresh(PASTE(code_, __LINE__));                                                                                         \
        setting;                                                                                                               \
        skip = n;                                                                                                              \
        run(name, PASTE(code_, __LINE__));                                                                                     \
        fresh(PASTE(code_, __LINE__));                                                                                         \
        skip = n;                                                                                                              \
        run("  without", PASTE(code_, __LINE__));                                                                              \
    } while (0)
/* ---------------------------------------------------------------- the tests */

static void instructions(void)
{
    text("== instructions\n");
    BOTH("read of CR0", want(0x00), "mov %cr0, %rcx");
    BOTH("read of CR3", want(0x03), "mov %cr3, %rdx");
    BOTH("read of CR4", want(0x04), "mov %cr4, %rbx");
    BOTH("read of CR8", want(0x08), "mov %cr8, %r9");
    BOTH("write of CR0", want(0x10), "mov %cr0, %rcx\nmov %rcx, %cr0");
    BOTH("write of CR3", want(0x13), "mov %cr3, %rdx\nmov %rdx, %cr3");
    BOTH("write of CR4", want(0x14), "mov %cr4, %rbx\nmov %rbx, %cr4");
    BOTH("write of CR8", want(0x18), "mov %rcx, %cr8");
    BOTH("CLTS", want(0x10), "clts");
    BOTH("SMSW", want(0x00), "smsw %ecx");
    BOTH("LMSW", want(0x10), "smsw %ecx\nlmsw %cx");
    BOTH("selective CR0: TS", want(0x65), "mov %cr0, %rcx\nor $8, %ecx\nmov %rcx, %cr0");
    BOTH("selective CR0: AM", want(0x65), "mov %cr0, %rcx\nor $0x40000, %ecx\nmov %rcx, %cr0");
    BOTH("selective CR0: LMSW", want(0x65), "smsw %ecx\nlmsw %cx");
    BOTH_FAULT("CR0: a bad value before the intercept", want(0x10), 3, "xor %ecx, %ecx\nmov $1, %cl\nshl $40, %rcx\nmov %rcx, %cr0");
    BOTH("read of DR0", want(0x20), "mov %db0, %rcx");
    BOTH("write of DR7", want(0x37), "mov $0x400, %esi\nmov %rsi, %db7");
    BOTH("SIDT", want(0x66), "sidt -16(%rsp)");
    BOTH("SGDT", want(0x67), "sgdt -16(%rsp)");
    BOTH("SLDT", want(0x68), "sldt %ecx");
    BOTH("STR", want(0x69), "str %ecx");
    BOTH("LIDT", want(0x6a), "sidt -16(%rsp)\nlidt -16(%rsp)");
    BOTH("LGDT", want(0x6b), "sgdt -16(%rsp)\nlgdt -16(%rsp)");
    BOTH("LLDT", want(0x6c), "xor %ecx, %ecx\nlldt %cx");
    BOTH("LTR", want(0x6d), "mov $0x28, %ecx\nmovb $0x89, gdt + 0x28 + 5\nltr %cx");
    BOTH("RDTSC", want(0x6e), "rdtsc\nxor %eax, %eax");
    BOTH_FAULT("RDPMC", want(0x6f), 2, "rdpmc");
    BOTH("PUSHF", want(0x70), "pushfq");
    BOTH("POPF", want(0x71), "pushfq\npopfq");
    BOTH("CPUID", want(0x72), "mov $0x80000000, %eax\ncpuid\nxor %eax, %eax");
    BOTH("IRET", want(0x74), "mov %rsp, %rcx\npush $0x10\npush %rcx\npushfq\npush $8\nlea 1f(%rip), %rcx\npush %rcx\niretq\n1:");
    BOTH("INT 80h", want(0x75), "int $0x80\n");
    BOTH("INVD", want(0x76), "invd");
    BOTH("PAUSE", want(0x77), "pause");
    ONCE("PAUSE, the third", (want(0x77), V16(0x3e) = 2), "pause\npause\npause\npause");
    ONCE("HLT", want(0x78), "nop\nhlt");
    BOTH("INVLPG", want(0x79), "invlpg 0x1234");
    BOTH("INVLPGA", want(0x7a), "mov $0x5000, %eax\nxor %ecx, %ecx\ninvlpga\nxor %eax, %eax");
    ONCE("VMRUN", (void)0, "mov $0x3000, %eax\nvmrun");
    BOTH("VMLOAD", want(0x82), "lea vmcb_copy(%rip), %rax\nvmsave\nvmload\nxor %eax, %eax");
    BOTH("VMSAVE", want(0x83), "lea vmcb_copy(%rip), %rax\nvmsave\nxor %eax, %eax");
    BOTH("STGI", want(0x84), "stgi");
    BOTH("CLGI", want(0x85), "clgi\nstgi");
    BOTH_FAULT("SKINIT", want(0x86), 3, "skinit");
    BOTH("RDTSCP", want(0x87), "rdtscp\nxor %eax, %eax");
    BOTH("INT1", want(0x88), ".byte 0xf1");
    BOTH("WBINVD", want(0x89), "wbinvd");
    ONCE("ring 3: RDTSC that CR4.TSD forbids", (want(0x6e), skip = 2, V8(0x4cb) = 3, V64(CR4) |= 4, segment(CS, 0x23, 0xafb), segment(0x420, 0x1b, 0xcf3)),
         "rdtsc");
    ONCE("ring 3: RDTSC", (want(0x6e), V8(0x4cb) = 3, segment(CS, 0x23, 0xafb), segment(0x420, 0x1b, 0xcf3)), "rdtsc");
}

static void exceptions(void)
{
    text("== exceptions\n");
    BOTH_FAULT("#DE", want(0x40), 2, "div %cl");
    BOTH("#BP", want(0x43), "int3\nnop");
    BOTH_FAULT("#UD", want(0x46), 2, "ud2");
    BOTH_FAULT("#GP", want(0x4d), 2, "mov $0x1000000000000000, %rcx\nmov (%rcx), %cl");
    BOTH_FAULT("#PF", want(0x4e), 2, "mov $0x7fffffff, %ecx\n mov (%rcx), %cl\nnop");
    BOTH_FAULT("#PF, a write", want(0x4e), 2, "mov $0x7fffffff, %ecx\n mov %cl, (%rcx)\nnop");
    BOTH("#DB by TF", want(0x41), "pushfq\norl $0x100, (%rsp)\npopfq\nnop\nnop");
    ONCE("triple fault", V32(IDT_LIMIT) = 0, "ud2");
    ONCE("#DF of a triple fault", (V32(IDT_LIMIT) = 0, want(0x48)), "ud2");
    ONCE("#GP of the delivery of #UD", (V32(IDT_LIMIT) = 0, want(0x4d)), "ud2");
    ONCE("#GP of the delivery of INT 80h", (V32(IDT_LIMIT) = 0x7ff, want(0x4d)), "int $0x80");
    ONCE("STI, then an intercepted HLT: the shadow", want(0x78), "sti\nhlt");
    ONCE("STI, then CPUID after it: no shadow", want(0x72), "sti\nnop\ncpuid");
}

static void ports_and_msrs(void)
{
    text("== ports and MSRs\n");
    iopm[0x80 / 8] |= 1;
    iopm[0x1f7 / 8] |= 0x80;
    iopm[65535 / 8] |= 0x80;
    ONCE("out to a port that is let through", want(0x7b), "outb %al, $0x81");
    ONCE("out 80h", want(0x7b), "outb %al, $0x80");
    ONCE("in 80h, 32 bits", want(0x7b), "mov $0x80, %edx\ninl %dx, %eax");
    ONCE("in 7eh, 32 bits, touches it", want(0x7b), "inl $0x7e, %eax");
    ONCE("in ffffh, 16 bits", want(0x7b), "mov $0xffff, %edx\ninw %dx, %ax");
    ONCE("insb", want(0x7b), "mov $0x1f7, %edx\nlea page(%rip), %rdi\ninsb");
    ONCE("rep outsw with FS, 32-bit addresses", want(0x7b), "mov $0x1f7, %edx\nlea page(%rip), %rsi\nmov $3, %ecx\n.byte 0x67, 0x64, 0xf3, 0x66, 0x6f");
    ONCE("rep outsb, none", want(0x7b), "mov $0x1f7, %edx\nxor %ecx, %ecx\nrep outsb");
    msrpm[0x174 / 4] |= 1; /* SYSENTER_CS: reads */
    msrpm[0x800 + 0x82 / 4] |= 2 << 4; /* LSTAR: writes */
    msrpm[0x1000 + 0x15 / 4] |= 3 << 2; /* HWCR */
    ONCE("rdmsr of SYSENTER_CS", want(0x7c), "mov $0x174, %ecx\nrdmsr");
    ONCE("wrmsr of SYSENTER_CS", want(0x7c), "mov $0x174, %ecx\nwrmsr");
    ONCE("rdmsr of LSTAR", want(0x7c), "mov $0xc0000082, %ecx\nrdmsr\nxor %eax, %eax");
    ONCE("wrmsr of LSTAR", want(0x7c), "mov $0xc0000082, %ecx\nwrmsr");
    ONCE("rdmsr of HWCR", want(0x7c), "mov $0xc0010015, %ecx\nrdmsr");
    ONCE("rdmsr beyond the map", want(0x7c), "mov $0x40000000, %ecx\nrdmsr");
}

static void apic_write(unsigned reg, u32 v) { *(volatile u32 *)(0xfee00000ul + reg) = v; }

static void interrupts(void)
{
    text("== interrupts\n");
    apic_write(0xf0, 0x1ff);
    ONCE("NMI of its own", want(0x61), "mov $0xfee00300, %ecx\nmovl $0x44400, (%rcx)\nnop\nnop");
    BOTH("an interrupt of its own, IF clear", want(0x60), "mov $0xfee00300, %ecx\nmovl $0x44030, (%rcx)\nnop\nnop");
    __asm__ volatile("sti\nnop\nnop\ncli"); /* take what is left */
    ONCE("the same, masked in the guest, IF of the hypervisor clear", (want(0x60), V8(0x63) = 1), "sti\nmov $0xfee00300, %ecx\nmovl $0x44030, (%rcx)\nnop\nnop");
    __asm__ volatile("sti\nnop\nnop\ncli");
    __asm__ volatile("sti");
    ONCE("the same, IF of the hypervisor set", (want(0x60), V8(0x63) = 1), "cli\nmov $0xfee00300, %ecx\nmovl $0x44030, (%rcx)\nnop\nnop");
    __asm__ volatile("nop\nnop\ncli");
    ONCE("a virtual interrupt", (V32(0x60) = 0x01000100 | 5 << 16, V8(0x64) = 0x41), "nop\nsti\nnop\nnop");
    ONCE("a virtual interrupt below the virtual TPR", (V32(0x60) = 0x01000106 | 5 << 16, V8(0x64) = 0x41), "sti\nnop\nnop\nxor %ecx, %ecx\nmov %rcx, %cr8\nnop");
    ONCE("a virtual interrupt whatever the TPR is", (V32(0x60) = 0x01100106 | 5 << 16, V8(0x64) = 0x41), "sti\nnop\nnop\nnop");
    ONCE("its window", (want(0x64), V32(0x60) = 0x01000100 | 5 << 16, V8(0x64) = 0x41), "nop\nsti\nnop\nnop");
    ONCE("CR8 is virtual", V8(0x63) = 1, "mov $9, %ecx\nmov %rcx, %cr8\nmov %cr8, %rax");
    say("V_TPR", V8(0x60));
    u64 cr8;
    __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
    say("CR8", cr8);
    put('\n');
}

static void injections(void)
{
    text("== injected events\n");
    ONCE("interrupt 30h, IF clear", V64(INJECT) = 0x80000030, "nop\nnop");
    ONCE("NMI", V64(INJECT) = 0x80000202, "nop\nnop");
    ONCE("#GP(1234)", V64(INJECT) = 0x123480000b0d, "nop\nnop");
    ONCE("INT 80h", (V64(INJECT) = 0x80000480, V64(NRIP) = V64(RIP) + 1), "nop\nnop");
    ONCE("#UD through an empty IDT, #GP wanted", (V64(INJECT) = 0x80000306, V32(IDT_LIMIT) = 0, want(0x4d)), "nop");
    say("EVENTINJ", V64(INJECT));
    put('\n');
    ONCE("#UD, although it is wanted", (V64(INJECT) = 0x80000306, want(0x46)), "nop\nnop");
}

static u64 *nested_entry(const void *at) { return &npt[(u64)at >> 12 & 511]; }
static void nested(void)
{
    for (unsigned i = 0; i < 512; i++) {
        ndir[i] = (u64)i << 21 | 0x87;
        npt[i] = ((u64)page & ~0x1ffffful) + ((u64)i << 12) + 7;
    }
    npml4[0] = (u64)npdpt + 7;
    npdpt[0] = (u64)ndir + 7;
    npdpt[3] = (u64)ndir4 + 7;
    ndir[(u64)page >> 21] = (u64)npt + 7;
    V64(NP) = 1;
    V64(NCR3) = (u64)npml4;
}
static void bits(const char *what, u64 entry)
{
    text(what);
    put(' ');
    hex(entry & 0x8000000000000fff);
    put('\n');
}

/* A guest in real mode, whose addresses are guest-physical: 64 bytes of code are put where a real mode segment can be. */
static void real_mode(const char *from)
{
    volatile char *low = (volatile char *)0x8000;
    for (unsigned i = 0; i < 64; i++)
        low[i] = from[i];
    fresh(from);
    nested();
    segment(CS, 0x800, 0x9b);
    V64(CS + 8) = (u64)low;
    V32(CS + 4) = 0xffff;
    segment(0x420, (u16)((u64)guest_stack >> 4), 0x93);
    V64(0x428) = (u64)guest_stack;
    V32(0x424) = 0xffff;
    V64(RSP) = sizeof guest_stack;
    V64(RIP) = 0;
    V64(CR0) = 0x10;
    V64(CR4) = 0;
    V64(EFER) = 0x1000;
}

static void nested_paging(void)
{
    text("== nested paging\n");
    ONCE("a read", nested(), "mov page(%rip), %al\nxor %eax, %eax");
    bits("  page", *nested_entry(page));
    ONCE("a write", nested(), "mov %al, page(%rip)\nxor %eax, %eax");
    bits("  page", *nested_entry(page));
    bits("  the guest's own directory", *nested_entry(directory));
    ONCE("a read of what is not mapped", (nested(), *nested_entry(page) = 0), "mov page(%rip), %al");
    say("bytes", V8(BYTES));
    say("first", V8(BYTES + 1));
    put('\n');
    ONCE("a write of what is read-only", (nested(), *nested_entry(page) &= ~2ul), "mov %al, page(%rip)");
    ONCE("an access to what is the supervisor's", (nested(), *nested_entry(page) &= ~4ul), "mov page(%rip), %al");
    ONCE("a reserved bit", (nested(), *nested_entry(page) |= 1ul << 51), "mov page(%rip), %al");
    ONCE("a fetch from what is not to be executed", (nested(), *nested_entry(page) |= 1ul << 63), "jmp page");
    ONCE("the guest's tables read-only", (nested(), *nested_entry(directory) &= ~2ul), "nop");
    ONCE("no guest's tables", (nested(), *nested_entry(pml4) = 0), "nop");
    ONCE("a push", (nested(), *nested_entry(guest_stack) &= ~2ul), "nop\npush %rax");
    ONCE("a push of an injected event", (nested(), *nested_entry(guest_stack) = 0, V64(INJECT) = 0x80000030), "nop\nnop");
    ONCE("two pages, the second is not mapped", (nested(), *nested_entry(page + 4096) = 0), "mov page + 4095(%rip), %ax");
    /* The tables follow at once. */
    CODE(remap, "mov %al, page(%rip)\ncpuid\nmov %al, page(%rip)");
    fresh(remap);
    nested();
    want(0x72);
    run("before the page goes away", remap);
    *nested_entry(page) = 0;
    V64(RIP) += 2;
    run("after it", remap);
    CODE(real, ".code16\nmov %cs, %ax\ninc %ax\nint $0x20\nnop\n.byte 0x0f, 0x01, 0xd9\n.code64");
    real_mode(real);
    V64(0x488) = 0;
    V32(IDT_LIMIT) = 0;
    want(0x4d);
    run("real mode: INT without vectors", (const char *)0);
    /* An IRET in real mode opens the window at once, also where it leads to code that ran before. */
    CODE(window, ".code16\n1: pushf\npop %ax\nor $0x200, %ax\npush %ax\npush %cs\npushw $(2f - 1b)\niret\n2: inc %cx\ninc %cx\n.byte 0x0f, 0x01, 0xd9\n.code64");
    real_mode(window);
    V32(0x60) = 0x01000000;
    run("real mode: IRET", (const char *)0);
    real_mode(window);
    V32(0x60) = 0x01000100 | 5 << 16;
    V8(0x64) = 0x41;
    want(0x64);
    run("real mode: IRET with a virtual interrupt", (const char *)0);
}

static void checks(void)
{
    static const char *const names[] = {
        "none", "no SVME", "CR0.NW", "CR0 above 32 bits", "CR3", "CR4", "DR6", "DR7", "EFER", "LME, PG, no PAE", "LME, PG, no PE", "CS.L and CS.D",
        "VMRUN not wanted", "IOPM", "MSRPM", "event type 1", "exception 2", "exception 32", "ASID 0", "nCR3", "G_PAT", "TLB_CONTROL 2", "SEV", "V_GIF",
        "AVIC", "LBR virtualization", "virtual VMLOAD"};
    extern const char checked[];
    __asm__(".pushsection .text.pieces, \"ax\"\n.balign 64\nchecked: vmmcall\n.popsection\n");
    text("== consistency checks\n");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        fresh(checked);
        switch (i) {
        case 1: V64(EFER) &= ~0x1000ul; break;
        case 2: V64(CR0) |= 1 << 29; break;
        case 3: V64(CR0) |= 1ul << 32; break;
        case 4: V64(CR3) |= 1ul << 45; break;
        case 5: V64(CR4) |= 1 << 30; break;
        case 6: V64(DR6) |= 1ul << 32; break;
        case 7: V64(DR7) |= 1ul << 32; break;
        case 8: V64(EFER) |= 2; break;
        case 9: V64(CR4) &= ~0x20ul; break;
        case 10: V64(CR0) &= ~1ul; break;
        case 11: V16(CS + 2) |= 0x400; break;
        case 12: V32(0x10) &= ~1u; break;
        case 13: V64(0x40) = 0xfffffff000; break;
        case 14: V64(0x48) = 0xfffffff000; break;
        case 15: V64(INJECT) = 0x80000101; break;
        case 16: V64(INJECT) = 0x80000302; break;
        case 17: V64(INJECT) = 0x80000320; break;
        case 18: V32(0x58) = 0; break;
        case 19: nested(), V64(NCR3) |= 1ul << 45; break;
        case 20: nested(), V64(PAT) = 2; break;
        case 21: V8(0x5c) = 2; break;
        case 22: V64(NP) = 2; break;
        case 23: V32(0x60) = 1 << 25; break;
        case 24: V32(0x60) = 1u << 31; break;
        case 25: V8(0xb8) = 1; break;
        case 26: V8(0xb8) = 2; break;
        }
        run(names[i], checked);
    }
}

static u64 fault_of(void (*f)(void))
{
    seen_count = 0;
    f();
    return seen_count ? seen_vector : 0;
}
static void vmrun_odd(void) { __asm__ volatile("mov $0x1001, %%eax\nvmrun" ::: "rax"); }
static void vmrun_far(void) { __asm__ volatile("mov $1, %%eax\nshl $41, %%rax\nvmrun" ::: "rax"); }
static void vmmcall(void) { __asm__ volatile("vmmcall"); }
static void no_svme(void) { wrmsr(0xc0000080, rdmsr(0xc0000080) & ~0x1000ul); }
static void hsave_odd(void) { __asm__ volatile("wrmsr" ::"c"(0xc0010117), "a"(1), "d"(0)); }
static void svmdis(void) { __asm__ volatile("wrmsr" ::"c"(0xc0010114), "a"(16), "d"(0)); }
static void svme(void) { __asm__ volatile("wrmsr" ::"c"(0xc0000080), "a"(rdmsr(0xc0000080) | 0x1000), "d"(0)); }

static void faults(void)
{
    text("== faults of the hypervisor\n");
    skip = 3;
    say("VMRUN, rAX not aligned", fault_of(vmrun_odd));
    say("VMRUN, rAX beyond", fault_of(vmrun_far));
    say("VMMCALL", fault_of(vmmcall));
    skip = 2;
    say("VM_HSAVE_PA", fault_of(hsave_odd));
    say("SVMDIS with SVME", fault_of(svmdis));
    no_svme();
    skip = 3;
    say("without SVME", fault_of(vmrun_far));
    skip = 2;
    say("SVMDIS", fault_of(svmdis));
    say("SVME then", fault_of(svme));
    wrmsr(0xc0010114, 0);
    say("SVME", fault_of(svme));
    put('\n');
}

static void time_and_state(void)
{
    text("== time and state\n");
    ONCE("TSC offset", V64(0x50) = 1ul << 40, "rdtsc\nmov %rdx, %rax");
    ONCE("the same by RDMSR", V64(0x50) = 1ul << 40, "mov $0x10, %ecx\nrdmsr\nmov %rdx, %rax");
    say("the hypervisor's", rdtsc() >> 40);
    put('\n');
    ONCE("CR2, DR6, DR7 of the guest", (V64(CR2) = 0x1234567, V64(DR7) = 0x401, V64(DR6) = 0xffff0ff1), "mov %cr2, %rax\nmov %db7, %rcx\nmov %db6, %rdx");
    say("rcx", registers[2]);
    say("rdx", registers[3]);
    u64 dr7;
    __asm__ volatile("mov %%db7, %0" : "=r"(dr7));
    say("DR7 after it", dr7);
    put('\n');
    /* 10,000 exits, in a guest that computes meanwhile. */
    CODE(loop, "1: imul $5, %ebx, %ebx\nadd $3, %ebx\nmov %ebx, page(%rip)\ncpuid\njmp 1b");
    fresh(loop);
    nested();
    want(0x72);
    for (unsigned i = 0; i < 10000; i++) {
        world_switch((u64)vmcb);
        V64(RIP) = V64(NRIP);
    }
    show("after 10,000 exits", loop);
    say("rbx", registers[1]);
    put('\n');
}

__asm__(".pushsection .bss\n.balign 4096\nvmcb_copy: .skip 4096\n.popsection\n");

int main(void)
{
    u32 a = 0x8000000a, b, c = 0, d;
    make_idt();
    *(u64 *)(tss + 4) = (u64)guest_stack + 2048; /* RSP0 */
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    say("CPUID 8000000Ah", a);
    say("ASIDs", b);
    say("features", d);
    put('\n');
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x1000);
    wrmsr(0xc0010117, (u64)hsave);
    instructions();
    exceptions();
    ports_and_msrs();
    interrupts();
    injections();
    nested_paging();
    checks();
    faults();
    time_and_state();
    return 0;
}
