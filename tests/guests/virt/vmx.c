/* vmx.c - a hypervisor for the tests of VMX: a guest a test, which is a few instructions. It prints on port E9h why each guest's run ended:
 *
 *   RDTSC: exit 10 rip + 0 length 2
 *
 * rip is counted from the guest's first instruction; after a run that ended by VMCALL only "ran", RAX and what the guest left. tests/cli/vmx.sh
 * compares the lines with vmx.golden, whose values were derived from the manual (SDM volume 3, chapters 23 to 30). */
#define BACK "vmcall"
#include "world.h"

/* 0: an exit; else the flags CF (1) and ZF (40h) of a VMLAUNCH or VMRESUME that failed. */
u64 vmx_switch(u64 resume);
__asm__(".text\n"
        "vmx_switch: push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov $0x6c14, %eax\nvmwrite %rsp, %rax\nlea 1f(%rip), %rdx\nmov $0x6c16, %eax\nvmwrite %rdx, %rax\n"
        "mov %rdi, %r8\nmov registers, %rax\nmov registers + 8, %rbx\nmov registers + 16, %rcx\nmov registers + 24, %rdx\n"
        "mov registers + 32, %rsi\nmov registers + 40, %rdi\n"
        "test %r8, %r8\njnz 2f\nvmlaunch\njmp 3f\n2: vmresume\n"
        "3: pushfq\npop %rax\nand $0x41, %eax\njmp 4f\n"
        "1: mov %rax, registers\nmov %rbx, registers + 8\nmov %rcx, registers + 16\nmov %rdx, registers + 24\nmov %rsi, registers + 32\n"
        "mov %rdi, registers + 40\nxor %eax, %eax\n"
        "4: pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n");

/* ---------------------------------------------------------------- the VMCS */

static u8 vmxon_page[4096] __attribute__((aligned(4096)));
static u8 vmcs[4096] __attribute__((aligned(4096)));
static u8 other_vmcs[4096] __attribute__((aligned(4096)));
static u8 io_a[4096] __attribute__((aligned(4096)));
static u8 io_b[4096] __attribute__((aligned(4096)));
static u8 msr_map[4096] __attribute__((aligned(4096)));
static u8 vapic[4096] __attribute__((aligned(4096)));
static u8 guest_stack[4096] __attribute__((aligned(4096)));
static u8 page[4096] __attribute__((aligned(4096)));
static u64 list[64] __attribute__((aligned(16)));
/* EPT: 512 pages of 4 KiB where `page` is, the rest of the first GiB in large pages; the local APIC. */
static u64 ept4[512] __attribute__((aligned(4096)));
static u64 ept3[512] __attribute__((aligned(4096)));
static u64 ept2[512] __attribute__((aligned(4096)));
static u64 ept1[512] __attribute__((aligned(4096)));
static u64 ept2_apic[512] __attribute__((aligned(4096)));

#define FLAGS "pushfq\npop %0\nand $0x41, %0"
static u64 vmxon(const void *at)
{
    u64 pa = (u64)at, f;
    __asm__ volatile("vmxon %1\n" FLAGS : "=r"(f) : "m"(pa) : "memory");
    return f;
}
static u64 vmclear_pa(u64 pa)
{
    u64 f;
    __asm__ volatile("vmclear %1\n" FLAGS : "=r"(f) : "m"(pa) : "memory");
    return f;
}
static u64 vmptrld_pa(u64 pa)
{
    u64 f;
    __asm__ volatile("vmptrld %1\n" FLAGS : "=r"(f) : "m"(pa) : "memory");
    return f;
}
static u64 vmwrite_flags(u64 field, u64 v)
{
    u64 f;
    __asm__ volatile("vmwrite %1, %2\n" FLAGS : "=&r"(f) : "r"(v), "r"(field));
    return f;
}
static u64 vmread_flags(u64 field, u64 *v)
{
    u64 f;
    __asm__ volatile("vmread %2, %1\n" FLAGS : "=&r"(f), "=&r"(*v) : "r"(field));
    return f;
}
static void W(u64 field, u64 v) { vmwrite_flags(field, v); }
static u64 R(u64 field)
{
    u64 v = 0;
    vmread_flags(field, &v);
    return v;
}
static u64 invalidate(int vpid, u64 type, u64 a, u64 b)
{
    u64 d[2] = {a, b}, f;
    if (vpid)
        __asm__ volatile("invvpid %1, %2\n" FLAGS : "=&r"(f) : "m"(d), "r"(type));
    else
        __asm__ volatile("invept %1, %2\n" FLAGS : "=&r"(f) : "m"(d), "r"(type));
    return f;
}

enum {
    PIN = 0x4000, FIRST = 0x4002, EXCEPTIONS = 0x4004, EXIT = 0x400c, ENTRY = 0x4012, EVENT = 0x4016, EVENT_ERROR = 0x4018, LENGTH = 0x401a,
    SECOND = 0x401e, CS = 0x802, CS_AR = 0x4816, SS_AR = 0x4818, CR0 = 0x6800, CR3 = 0x6802, CR4 = 0x6804, RFLAGS = 0x6820, RIP = 0x681e,
    RSP = 0x681c, IDT_LIMIT = 0x4812, BLOCKING = 0x4824, ACTIVITY = 0x4826, PENDING = 0x6822, EPTP = 0x201a, REASON = 0x4402, QUALIFICATION = 0x6400,
};
static u32 pin, first, second, exits, entry;
static void controls(void)
{
    W(PIN, pin);
    W(FIRST, first);
    W(SECOND, second);
    W(EXIT, exits);
    W(ENTRY, entry);
}
static void add_first(u32 bits) { W(FIRST, first |= bits); }
static void add_pin(u32 bits) { W(PIN, pin |= bits); }
static void add_second(u32 bits)
{
    W(SECOND, second |= bits);
    add_first(1u << 31);
}
static void want(unsigned vector) { W(EXCEPTIONS, R(EXCEPTIONS) | 1u << vector); }

/* A guest in 64-bit mode, with the hypervisor's own tables. */
static void fresh(const char *from)
{
    static const u16 selectors[8] = {0x10, 0x08, 0x10, 0x10, 0x10, 0x10, 0, 0x28};
    memset(registers, 0, sizeof registers);
    memset(io_a, 0, sizeof io_a);
    memset(io_b, 0, sizeof io_b);
    memset(msr_map, 0, sizeof msr_map);
    memset(vmcs, 0, sizeof vmcs);
    *(u32 *)vmcs = (u32)rdmsr(0x480);
    seen_vector = seen_error = seen_rip = seen_count = skip = 0;
    vmclear_pa((u64)vmcs);
    vmptrld_pa((u64)vmcs);
    pin = (u32)rdmsr(0x48d);
    first = (u32)rdmsr(0x48e) | 1u << 28;
    second = 0;
    exits = (u32)rdmsr(0x48f) | 1 << 9;
    entry = (u32)rdmsr(0x490) | 1 << 9;
    controls();
    W(0x2000, (u64)io_a);
    W(0x2002, (u64)io_b);
    W(0x2004, (u64)msr_map);
    W(0x2012, (u64)vapic);
    W(0x2800, ~0ul);
    for (unsigned i = 0; i < 8; i++) {
        W(0x800 + 2 * i, selectors[i]);
        W(0x4800 + 2 * i, i < 6 ? 0xffffffff : i == 7 ? 0x67 : 0);
        W(0x4814 + 2 * i, i == 1 ? 0xa09b : i < 6 ? 0xc093 : i == 6 ? 0x10000 : 0x8b);
        W(0x6806 + 2 * i, i == 7 ? (u64)tss : 0);
    }
    W(0x4810, 63);
    W(0x6816, (u64)gdt);
    W(IDT_LIMIT, sizeof idt - 1);
    W(0x6818, (u64)idt);
    W(CR0, cr(0));
    W(CR3, cr(3));
    W(CR4, cr(4));
    W(0x681a, 0x400);
    W(RFLAGS, 2);
    W(RIP, (u64)from);
    W(RSP, (u64)guest_stack + sizeof guest_stack);
    W(0x6c00, cr(0));
    W(0x6c02, cr(3));
    W(0x6c04, cr(4));
    for (unsigned i = 0; i < 6; i++)
        W(0xc00 + 2 * i, i == 1 ? 8 : 0x10);
    W(0xc0c, 0x28);
    W(0x6c0a, (u64)tss);
    W(0x6c0c, (u64)gdt);
    W(0x6c0e, (u64)idt);
}

/* ---------------------------------------------------------------- what came of it */

static const struct {
    const char *name;
    const void *at;
} known[] = {{"page", page}, {"stack", guest_stack}, {"PML4", pml4}, {"directory", directory}, {"beyond the page", page + 4096}, {"stubs", stubs}};
static void place(const char *word, u64 v, const char *from)
{
    if (v - (u64)from < 64) {
        put(' ');
        text(word);
        say("+", v - (u64)from);
        return;
    }
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (v - (u64)known[i].at < 4096) {
            put(' ');
            text(word);
            put(' ');
            text(known[i].name);
            say("+", v - (u64)known[i].at);
            return;
        }
    say(word, v);
}
static void nonzero(const char *word, u64 v)
{
    if (v)
        say(word, v);
}
static void show_exit(const char *from)
{
    const u64 reason = R(REASON), event = R(0x4404), vectoring = R(0x4408);
    say("exit", reason);
    if (R(QUALIFICATION))
        place("qualification", R(QUALIFICATION), from);
    if (event >> 31) {
        say("event", event);
        nonzero("error", event >> 11 & 1 ? R(0x4406) : 0);
    }
    if (vectoring >> 31) {
        say("during", vectoring);
        nonzero("error", vectoring >> 11 & 1 ? R(0x440a) : 0);
    }
    if (reason == 48 || reason == 49)
        place("at", R(0x2400), from);
    if (reason >> 31)
        return;
    place("rip", R(RIP), from);
    nonzero("length", R(0x440c));
    nonzero("instruction", R(0x440e));
    nonzero("blocking", R(BLOCKING));
    nonzero("activity", R(ACTIVITY));
    nonzero("pending", R(PENDING));
}
static void show(const char *name, const char *from, u64 failed)
{
    text(name);
    put(':');
    if (failed) {
        say("fails", failed);
        if (failed == 0x40)
            say("error", R(0x4400));
    } else if (R(REASON) == 18) {
        say("ran, rax", registers[0]);
    } else {
        show_exit(from);
    }
    if (seen_count) {
        say("vector", seen_vector);
        nonzero("error", seen_error);
        if (seen_rip - (u64)from < 64)
            say("at +", seen_rip - (u64)from);
        if (seen_count > 1)
            say("times", seen_count);
    }
    put('\n');
}
static void run(const char *name, const char *from) { show(name, from, vmx_switch(0)); }

/* ---------------------------------------------------------------- the tests */

static void instructions(void)
{
    text("== instructions\n");
    ONCE("CPUID", (void)0, "nop\ncpuid");
    ONCE("HLT", add_first(1 << 7), "nop\nhlt");
    ONCE("INVD", (void)0, "invd");
    BOTH("INVLPG", add_first(1 << 9), "invlpg 0x1234");
    ONCE("RDPMC", (add_first(1 << 11)), "rdpmc");
    BOTH("RDTSC", add_first(1 << 12), "rdtsc\nxor %eax, %eax");
    ONCE("RDTSCP", (add_first(1 << 12), add_second(8)), "rdtscp");
    ONCE("RDTSCP, which is not enabled", skip = 3, "rdtscp");
    BOTH("PAUSE", add_first(1 << 30), "pause");
    ONCE("PAUSE in a loop", (add_second(1 << 10), W(0x4020, 100), W(0x4022, 1000)), "mov $600, %ecx\n1: pause\ndec %ecx\njnz 1b\nmov $1, %eax");
    BOTH("WBINVD", add_second(1 << 6), "wbinvd");
    ONCE("MONITOR, which no model has", (skip = 3, add_first(1 << 29)), "monitor");
    ONCE("MWAIT", (skip = 3, add_first(1 << 10)), "mwait");
    ONCE("VMCALL in ring 3", (W(CS, 0x23), W(CS_AR, 0xa0fb), W(0x804, 0x1b), W(SS_AR, 0xc0f3)), "");
    ONCE("VMXON", (void)0, "vmxon 0x10(%rsi,%rdi,4)");
    ONCE("VMXOFF", (void)0, "vmxoff");
    ONCE("VMCLEAR", (void)0, "vmclear 8(%rsp)");
    ONCE("VMPTRLD", (void)0, "vmptrld 0x1234");
    ONCE("VMPTRST", (void)0, "vmptrst %fs:(%rax)");
    ONCE("VMREAD", (void)0, "vmread %rdx, %rbx");
    ONCE("VMWRITE", (void)0, "vmwrite 16(%rbp), %rcx");
    ONCE("VMLAUNCH", (void)0, "vmlaunch");
    ONCE("VMRESUME", (void)0, "vmresume");
    ONCE("INVEPT", (void)0, "invept (%rax), %r9");
    ONCE("INVVPID", (void)0, "invvpid (%rax,%rcx,8), %rsi");
    BOTH("SGDT", add_second(4), "sgdt -16(%rsp)");
    BOTH("LIDT", add_second(4), "sidt -16(%rsp)\nlidt -16(%rsp)");
    BOTH("SLDT", add_second(4), "sldt %ecx");
    BOTH("STR to memory", add_second(4), "str -16(%rsp)");
    BOTH("LLDT", add_second(4), "xor %ecx, %ecx\nlldt %cx");
    ONCE("XSETBV in ring 0", skip = 3, "xsetbv");
}

static void registers_of_control(void)
{
    text("== control and debug registers\n");
    BOTH("write of CR3", add_first(1 << 15), "mov %cr3, %rdx\nmov %rdx, %cr3");
    ONCE("write of CR3, a target", (add_first(1 << 15), W(0x400a, 2), W(0x600a, cr(3))), "mov %cr3, %rdx\nmov %rdx, %cr3");
    BOTH("read of CR3", add_first(1 << 16), "mov %cr3, %r9");
    BOTH("write of CR8", add_first(1 << 19), "mov %rcx, %cr8");
    BOTH("read of CR8", add_first(1 << 20), "mov %cr8, %r12");
    ONCE("CR0 under its mask", (W(0x6000, 0xffffffff), W(0x6004, 0x80000031)), "mov %cr0, %rax");
    ONCE("CR0, a bit as the shadow has it", (W(0x6000, 8), W(0x6004, 8)), "mov %cr0, %rcx\nmov %rcx, %cr0\nmov %cr0, %rax");
    ONCE("CR0, another bit than the shadow's", W(0x6000, 8), "mov %cr0, %rcx\nor $8, %ecx\nmov %rcx, %cr0");
    ONCE("CR0.PG that is not masked", skip = 3, "mov %cr0, %rcx\nbtr $31, %rcx\nmov %rcx, %cr0");
    ONCE("CR4, another bit than the shadow's", (W(0x6002, 0x2000), W(0x6006, 0)), "mov %cr4, %rcx\nor $0x2000, %ecx\nmov %rcx, %cr4");
    ONCE("CR4.VMXE hidden", (W(0x6002, 0x2000), W(0x6006, 0)), "mov %cr4, %rax\nmov %rax, %cr4\nand $0x2000, %eax");
    ONCE("CLTS, TS in the shadow", (W(0x6000, 8), W(0x6004, 8)), "clts");
    ONCE("CLTS, no TS in the shadow", (W(0x6000, 8), W(0x6004, 0), W(CR0, R(CR0) | 8)), "clts");
    say("  CR0", R(CR0) & 15);
    put('\n');
    ONCE("LMSW", (W(0x6000, 2), W(0x6004, 0)), "mov $0xf, %ecx\nlmsw %cx");
    ONCE("LMSW of memory", (W(0x6000, 8), W(0x6004, 0)), "movw $9, -8(%rsp)\nlmsw -8(%rsp)");
    ONCE("SMSW", (W(0x6000, 8), W(0x6004, 8)), "smsw %eax\nand $8, %eax");
    BOTH("read of DR6", add_first(1 << 23), "mov %db6, %rbx");
    BOTH("write of DR7", add_first(1 << 23), "mov $0x400, %esi\nmov %rsi, %db7");
    ONCE("CR8 is the TPR shadow", add_first(1 << 21), "mov $9, %ecx\nmov %rcx, %cr8\nmov %cr8, %rax");
    say("  VTPR", *(volatile u32 *)(vapic + 0x80));
    put('\n');
    ONCE("TPR below threshold", (add_first(1 << 21), W(0x401c, 5)), "xor %ecx, %ecx\nmov $4, %cl\nmov %rcx, %cr8\nnop");
}

static void ports_and_msrs(void)
{
    text("== ports and MSRs\n");
    ONCE("all ports", add_first(1 << 24), "outb %al, $0x80");
    BOTH("out 80h, 1 byte", (add_first(1 << 25), io_a[0x10] = 1), "outb %al, $0x80");
    ONCE("in dx, 4 bytes, the last is wanted", (add_first(1 << 25), io_a[0x1000 / 8] = 8), "mov $0x1000, %edx\ninl %dx, %eax");
    ONCE("a port of the second map", (add_first(1 << 25), io_b[0] = 1), "mov $0x8000, %edx\noutw %ax, %dx");
    ONCE("beyond FFFFh", add_first(1 << 25), "mov $0xffff, %edx\ninw %dx, %ax");
    ONCE("rep outsb", (add_first(1 << 25), io_a[0x10] = 1), "mov $0x80, %edx\nlea page(%rip), %rsi\nmov $3, %ecx\nrep outsb");
    say("  linear", R(0x640a) - (u64)page);
    put('\n');
    ONCE("insw %es", (add_first(1 << 25), io_a[0x10] = 1), "mov $0x80, %edx\nlea page(%rip), %rdi\ninsw");
    ONCE("RDMSR, no map", W(FIRST, first &= ~(1u << 28)), "mov $0x174, %ecx\nrdmsr");
    ONCE("RDMSR of SYSENTER_CS, not wanted", (void)0, "mov $0x174, %ecx\nrdmsr");
    ONCE("RDMSR of SYSENTER_CS", msr_map[0x174 / 8] = 1 << 4, "mov $0x174, %ecx\nrdmsr");
    ONCE("WRMSR of LSTAR", msr_map[3072 + 0x82 / 8] = 4, "mov $0xc0000082, %ecx\nwrmsr");
    ONCE("RDMSR of a number that no map has", (void)0, "mov $0x40000000, %ecx\nrdmsr");
}

static void exceptions(void)
{
    text("== exceptions\n");
    ONCE("#DE", want(0), "div %cl");
    ONCE("#DB by TF", want(1), "pushfq\norl $0x100, (%rsp)\npopfq\nnop\nnop");
    ONCE("#BP", want(3), "int3\nnop");
    ONCE("INT1", want(1), ".byte 0xf1");
    ONCE("#UD", want(6), "ud2");
    ONCE("#GP", want(13), "mov $0x1000000000000000, %rcx\nmov (%rcx), %cl");
    ONCE("#PF", want(14), "mov $0x7fffffff, %ecx\nmov %cl, (%rcx)");
    ONCE("#PF, error codes that are not wanted", (want(14), W(0x4006, 2), skip = 2), "mov $0x7fffffff, %ecx\nmov %cl, (%rcx)");
    ONCE("#PF, error codes that are", (want(14), W(0x4006, 2), W(0x4008, 2)), "mov $0x7fffffff, %ecx\nmov %cl, (%rcx)");
    ONCE("#PF, the map says no, but the error code does not match", (W(0x4006, 2), W(0x4008, 0)), "mov $0x7fffffff, %ecx\nmov %cl, (%rcx)");
    ONCE("#UD without the exit", skip = 2, "ud2");
    ONCE("triple fault", W(IDT_LIMIT, 0), "ud2");
    ONCE("#GP while #UD is delivered", (W(IDT_LIMIT, 0), want(13)), "ud2");
    ONCE("#GP while INT 80h is delivered", (W(IDT_LIMIT, 0), want(13)), "int $0x80");
    ONCE("#DF", (W(IDT_LIMIT, 0), want(8)), "mov $0x1000000000000000, %rcx\nmov (%rcx), %cl");
}

static void apic_write(unsigned reg, u32 v) { *(volatile u32 *)(0xfee00000ul + reg) = v; }
#define SEND(what) "mov $0xfee00300, %ecx\nmovl $" what ", (%rcx)\n"

static void interrupts(void)
{
    text("== interrupts\n");
    apic_write(0xf0, 0x1ff);
    ONCE("an interrupt of its own, IF clear", add_pin(1), SEND("0x44030") "nop\nnop");
    __asm__ volatile("sti\nnop\nnop\ncli");
    ONCE("the same, acknowledged", (add_pin(1), W(EXIT, exits | 1 << 15)), SEND("0x44030") "nop\nnop");
    apic_write(0xb0, 0);
    ONCE("the same without the exit", W(RFLAGS, 0x202), SEND("0x44030") "nop\nnop");
    ONCE("NMI", add_pin(8), SEND("0x44400") "nop\nnop");
    ONCE("  after which the host has NMIs blocked: IRET", (void)0, "mov $1, %eax");
    __asm__ volatile("mov %%rsp, %%rax\npush $0x10\npush %%rax\npushfq\npush $8\nlea 1f(%%rip), %%rax\npush %%rax\niretq\n1:" ::: "rax", "memory");
    ONCE("NMI without the exit", (void)0, SEND("0x44400") "nop\nnop");
    ONCE("interrupt window", add_first(4), "nop\nsti\nnop\nnop");
    ONCE("interrupt window, open", (add_first(4), W(RFLAGS, 0x202)), "nop");
    ONCE("interrupt window in HLT", (add_first(4), W(RFLAGS, 0x202), W(ACTIVITY, 1)), "nop");
    ONCE("NMI window", (add_pin(0x28), add_first(1 << 22)), "nop");
    ONCE("NMI window, after IRET", (add_pin(0x28), add_first(1 << 22), W(BLOCKING, 8)),
         "mov %rsp, %rcx\npush $0x10\npush %rcx\npushfq\npush $8\nlea 1f(%rip), %rcx\npush %rcx\niretq\n1: nop");
    ONCE("#PF of an IRET that unblocks NMIs", (add_pin(0x28), W(BLOCKING, 8), want(14), W(RSP, 0x7ffffff0)), "iretq");
    ONCE("preemption timer, 0", (add_pin(0x40), W(0x482e, 0)), "nop");
    ONCE("preemption timer", (add_pin(0x40), W(0x482e, 4)), "1: inc %eax\njmp 1b");
    ONCE("preemption timer in HLT", (add_pin(0x40), W(0x482e, 1000), W(ACTIVITY, 1)), "nop");
    ONCE("preemption timer, what is left", (add_pin(0x40), W(0x482e, 1000000), W(EXIT, exits | 1 << 22)), "cpuid");
    text(R(0x482e) <= 1000000 && R(0x482e) > 999900 ? "  almost all\n" : "  wrong\n");
    ONCE("monitor trap flag", add_first(1 << 27), "nop\nnop");
    ONCE("monitor trap flag, an interrupt", (add_first(1 << 27), W(EVENT, 0x80000030), W(RFLAGS, 0x202)), "nop");
    ONCE("monitor trap flag, a fault", (add_first(1 << 27)), "ud2");
    ONCE("monitor trap flag that is injected", W(EVENT, 0x80000700), "nop");
    ONCE("HLT and blocking by STI", (add_first(1 << 7), W(RFLAGS, 2)), "sti\nhlt");
    ONCE("CPUID and blocking by MOV SS", (void)0, "mov %ss, %ecx\nmov %ecx, %ss\ncpuid");
    ONCE("INIT is the guest's", W(0x4826, 0), SEND("0x44500") "nop\nnop");
}

static void injections(void)
{
    text("== injected events\n");
    ONCE("interrupt 30h", (W(EVENT, 0x80000030), W(RFLAGS, 0x202)), "nop\nnop");
    say("  valid bit", R(EVENT) >> 31);
    put('\n');
    ONCE("NMI", W(EVENT, 0x80000202), "nop\nnop");
    ONCE("#GP(1234)", (W(EVENT, 0x80000b0d), W(EVENT_ERROR, 0x1234)), "nop\nnop");
    ONCE("INT 80h", (W(EVENT, 0x80000480), W(LENGTH, 2)), "nop\nnop\nnop");
    ONCE("INT3", (W(EVENT, 0x80000603), W(LENGTH, 1)), "nop\nnop\nnop");
    ONCE("INT1", (W(EVENT, 0x80000501), W(LENGTH, 1)), "nop\nnop\nnop");
    ONCE("#UD through an empty IDT, #GP wanted", (W(EVENT, 0x80000306), W(IDT_LIMIT, 0), want(13)), "nop");
    ONCE("#UD, although it is wanted", (W(EVENT, 0x80000306), want(6), skip = 1), "nop\nnop");
    ONCE("a pending single step", (W(PENDING, 0x4000), W(RFLAGS, 2)), "nop\nnop");
}

static u64 *ept_entry(const void *at) { return &ept1[(u64)at >> 12 & 511]; }
static void use_ept(u64 flags)
{
    for (unsigned i = 0; i < 512; i++) {
        ept2[i] = (u64)i << 21 | 0xb7;
        ept1[i] = ((u64)page & ~0x1ffffful) + ((u64)i << 12) + 0x37;
    }
    ept4[0] = (u64)ept3 + 7;
    ept3[0] = (u64)ept2 + 7;
    ept3[3] = (u64)ept2_apic + 7;
    ept2_apic[0xfee00000 >> 21 & 511] = 0xfee00087;
    ept2[(u64)page >> 21] = (u64)ept1 + 7;
    W(EPTP, (u64)ept4 | 0x1e | flags);
    add_second(2);
}
static void bits(const char *what, u64 v)
{
    text(what);
    put(' ');
    hex(v & 0xfff);
    put('\n');
}
static void paging(void)
{
    text("== EPT\n");
    ONCE("a read", use_ept(0), "mov page(%rip), %al\nxor %eax, %eax");
    bits("  page", *ept_entry(page));
    ONCE("a read, flags", use_ept(64), "mov page(%rip), %al\nxor %eax, %eax");
    bits("  page", *ept_entry(page));
    ONCE("a write, flags", use_ept(64), "mov %al, page(%rip)\nxor %eax, %eax");
    bits("  page", *ept_entry(page));
    bits("  the guest's own directory", *ept_entry(directory));
    ONCE("a read of what is not mapped", (use_ept(0), *ept_entry(page) = 0), "mov page(%rip), %al");
    say("  linear", R(0x640a) - (u64)page);
    put('\n');
    ONCE("a write of what is read-only", (use_ept(0), *ept_entry(page) &= ~2ul), "mov %al, page(%rip)");
    ONCE("a read of what is only executed", (use_ept(0), *ept_entry(page) &= ~3ul), "mov page(%rip), %al");
    ONCE("a fetch from what is not to be executed", (use_ept(0), *ept_entry(page) &= ~4ul), "jmp page");
    ONCE("misconfigured: write only", (use_ept(0), *ept_entry(page) &= ~5ul), "mov page(%rip), %al");
    ONCE("misconfigured: memory type 2", (use_ept(0), *ept_entry(page) = ((u64)page & ~0xffful) | 0x17), "mov page(%rip), %al");
    ONCE("misconfigured: an address beyond", (use_ept(0), *ept_entry(page) |= 1ul << 45), "mov page(%rip), %al");
    ONCE("misconfigured: a reserved bit of a table", (use_ept(0), ept3[0] |= 8), "nop");
    ept3[0] = 0;
    ONCE("the guest's tables read-only", (use_ept(0), *ept_entry(directory) &= ~2ul), "mov page(%rip), %al\nxor %eax, %eax");
    ONCE("the same, flags", (use_ept(64), *ept_entry(directory) &= ~2ul), "nop");
    ONCE("no guest's tables", (use_ept(0), *ept_entry(pml4) = 0), "nop");
    ONCE("a push of an injected event", (use_ept(0), *ept_entry(guest_stack) = 0, W(EVENT, 0x80000b0d), W(EVENT_ERROR, 0x1234)), "nop");
    ONCE("two pages, the second is not mapped", (use_ept(0), *ept_entry(page + 4096) = 0), "mov page + 4095(%rip), %ax");
    CODE(remap, "mov %al, page(%rip)\ncpuid\nmov %al, page(%rip)");
    fresh(remap);
    use_ept(0);
    run("before the page goes away", remap);
    *ept_entry(page) = 0;
    W(RIP, R(RIP) + 2);
    invalidate(0, 1, R(EPTP), 0);
    show("after it", remap, vmx_switch(1));
    /* Real mode, which an unrestricted guest may be in: addresses are guest-physical. */
    CODE(real, ".code16\nmov %cs, %ax\nint $0x20\nnop\n.code64");
    fresh(real);
    use_ept(0);
    add_second(0x80);
    W(ENTRY, entry & ~(1u << 9));
    W(CS, (u64)real >> 4);
    W(0x6808, (u64)real & ~15ul);
    for (unsigned i = 0; i < 6; i++)
        W(0x4800 + 2 * i, 0xffff), W(0x4814 + 2 * i, i == 1 ? 0x9b : 0x93);
    W(RIP, 0);
    W(CR0, 0x30);
    W(0x6818, 0);
    W(IDT_LIMIT, 0);
    want(13);
    run("real mode: INT without vectors", (const char *)0);
}

static void lists(void)
{
    text("== lists of MSRs\n");
    list[0] = 0xc0000102;
    list[1] = 0x1234567;
    ONCE("loaded by the entry", (W(0x4014, 1), W(0x200a, (u64)list)), "mov $0xc0000102, %ecx\nrdmsr");
    list[2] = 0xc0000100;
    ONCE("FS_BASE cannot be", (W(0x4014, 2), W(0x200a, (u64)list)), "nop");
    list[2] = 0xc0000082;
    list[3] = 1ul << 60;
    ONCE("a value that is #GP", (W(0x4014, 2), W(0x200a, (u64)list)), "nop");
    list[1] = list[5] = 0;
    list[4] = 0xc0000102;
    ONCE("stored and loaded by the exit", (W(0x400e, 1), W(0x2006, (u64)list), W(0x4010, 1), W(0x2008, (u64)(list + 4))),
         "mov $0xc0000102, %ecx\nmov $0x777, %eax\nxor %edx, %edx\nwrmsr");
    say("  stored", list[1]);
    say("the host's", rdmsr(0xc0000102));
    put('\n');
}

/* A field that is set, by OR, or by AND with the complement, and the check that refuses it. */
static const struct bad {
    const char *name;
    u16 field;
    char how;
    u64 value;
} bads[] = {
    {"pin, a bit of another world", PIN, '|', 1 << 7}, {"pin, a default bit", PIN, '&', 2},
    {"first, tertiary controls", FIRST, '|', 1 << 17}, {"first, a default bit", FIRST, '&', 2},
    {"APIC-register virtualization", SECOND, '|', 1 << 8}, {"virtual-interrupt delivery", SECOND, '|', 1 << 9},
    {"virtualized APIC accesses", SECOND, '|', 1}, {"x2APIC mode", SECOND, '|', 1 << 4}, {"VM functions", SECOND, '|', 1 << 13},
    {"VMCS shadowing", SECOND, '|', 1 << 14}, {"page-modification log", SECOND, '|', 1 << 17}, {"posted interrupts", PIN, '|', 1 << 7},
    {"CR3 targets", 0x400a, '=', 5}, {"I/O bitmap", 0x2000, '=', 0x1001}, {"MSR bitmap", 0x2004, '=', 1ul << 41},
    {"virtual NMIs", PIN, '|', 0x20}, {"NMI window", FIRST, '|', 1 << 22}, {"VPID 0", SECOND, '|', 0x20}, {"EPTP", SECOND, '|', 2},
    {"unrestricted without EPT", SECOND, '|', 0x80}, {"exit controls", EXIT, '|', 1 << 12}, {"saved timer", EXIT, '|', 1 << 22},
    {"MSR-store address", 0x2006, '=', 8}, {"MSR-load address", 0x2008, '=', 8}, {"entry controls", ENTRY, '|', 1 << 10},
    {"event of type 1", EVENT, '=', 0x80000101}, {"NMI of vector 3", EVENT, '=', 0x80000203}, {"exception 32", EVENT, '=', 0x80000320},
    {"#GP without an error code", EVENT, '=', 0x8000030d}, {"#UD with one", EVENT, '=', 0x80000b06},
    {"event, a reserved bit", EVENT, '=', 0x80001306}, {"INT n of length 0", EVENT, '=', 0x80000480},
    {"entry's MSR-load address", 0x200a, '=', 8},
    {"host CR0.PG", 0x6c00, '&', 1ul << 31}, {"host CR4.VMXE", 0x6c04, '&', 0x2000}, {"host CR4, a reserved bit", 0x6c04, '|', 1 << 30},
    {"host CR3", 0x6c02, '|', 1ul << 45}, {"host SYSENTER_EIP", 0x6c12, '=', 1ul << 60}, {"host CS", 0xc02, '=', 0}, {"host TR", 0xc0c, '=', 0},
    {"host DS, RPL", 0xc06, '=', 3}, {"host FS base", 0x6c06, '=', 1ul << 60}, {"host size", EXIT, '&', 1 << 9},
    {"host CR4.PAE", 0x6c04, '&', 0x20},
    {"CR0.PE", CR0, '&', 1}, {"CR0.NE", CR0, '&', 0x20}, {"CR0 above 32 bits", CR0, '|', 1ul << 32}, {"CR4.VMXE", CR4, '&', 0x2000},
    {"CR4, a reserved bit", CR4, '|', 1 << 30}, {"CR4.PAE", CR4, '&', 0x20}, {"CR3", CR3, '|', 1ul << 45}, {"SYSENTER_ESP", 0x6824, '=', 1ul << 60},
    {"TI of TR", 0x80e, '=', 0x2c}, {"RPL of SS", 0x804, '=', 3}, {"base of TR", 0x6814, '=', 1ul << 60}, {"base of CS", 0x6808, '=', 1ul << 40},
    {"type of CS", CS_AR, '=', 0xa093}, {"type of SS", SS_AR, '=', 0xc09b}, {"type of DS", 0x481a, '=', 0xc092}, {"S of ES", 0x4814, '=', 0xc083},
    {"DPL of CS", CS_AR, '=', 0xa0fb}, {"DPL of SS", SS_AR, '=', 0xc0f3}, {"RPL of DS", 0x806, '=', 0x13}, {"P of FS", 0x481c, '=', 0xc013},
    {"reserved rights of GS", 0x481e, '=', 0xc193}, {"CS.L and CS.D", CS_AR, '|', 0x4000}, {"G of DS", 0x4806, '=', 0x123456},
    {"type of TR", 0x4822, '=', 0x89}, {"TR unusable", 0x4822, '|', 0x10000}, {"type of LDTR", 0x4820, '=', 0x83}, {"base of GDTR", 0x6816, '=', 1ul << 60},
    {"limit of IDTR", IDT_LIMIT, '=', 0x10000}, {"RIP", RIP, '=', 1ul << 60}, {"RFLAGS, bit 1", RFLAGS, '=', 0}, {"RFLAGS, bit 3", RFLAGS, '|', 8},
    {"RFLAGS.VM", RFLAGS, '|', 1 << 17}, {"an interrupt, IF clear", EVENT, '=', 0x80000030}, {"activity: shutdown", ACTIVITY, '=', 2},
    {"activity: 4", ACTIVITY, '=', 4}, {"blocking, a reserved bit", BLOCKING, '=', 32}, {"blocking by both", BLOCKING, '=', 3},
    {"blocking by STI, IF clear", BLOCKING, '=', 1}, {"blocking by SMI", BLOCKING, '=', 4}, {"pending, a reserved bit", PENDING, '=', 1 << 20},
    {"link pointer", 0x2800, '=', 0x1000},
};

static void checks(void)
{
    extern const char checked[];
    __asm__(".pushsection .text.pieces, \"ax\"\n.balign 64\nchecked: vmcall\n.popsection\n");
    text("== checks of entries\n");
    fresh(checked);
    run("none", checked);
    for (unsigned i = 0; i < sizeof bads / sizeof *bads; i++) {
        const struct bad *b = &bads[i];
        fresh(checked);
        /* What makes the field count: bitmaps, lists, secondary controls. */
        add_first(1 << 25 | 1u << 31);
        W(0x400e, b->field == 0x2006);
        W(0x4010, b->field == 0x2008);
        W(0x4014, b->field == 0x200a);
        W(b->field, b->how == '=' ? b->value : b->how == '|' ? R(b->field) | b->value : R(b->field) & ~b->value);
        run(b->name, checked);
    }
    fresh(checked);
    W(BLOCKING, 8);
    add_pin(0x28);
    W(EVENT, 0x80000202);
    run("an NMI, virtual NMIs blocked", checked);
    fresh(checked);
    add_first(1 << 21);
    W(0x401c, 5);
    *(u32 *)(vapic + 0x80) = 0x40;
    run("TPR threshold above VTPR", checked);
    W(0x401c, 0x10);
    run("TPR threshold, a reserved bit", checked);
    *(u32 *)(vapic + 0x80) = 0;
    fresh(checked);
    W(ENTRY, entry | 1 << 15);
    W(0x2806, 0x501);
    run("EFER", checked);
    W(0x2806, 0x100);
    show("EFER without LMA", checked, vmx_switch(1));
    W(0x2806, 0x502);
    show("EFER, a reserved bit", checked, vmx_switch(1));
    fresh(checked);
    W(ENTRY, entry | 1 << 14);
    W(0x2804, 2);
    run("PAT", checked);
    fresh(checked);
    W(EXIT, exits | 1 << 19);
    W(0x2c00, 2);
    run("host PAT", checked);
    W(EXIT, exits | 1 << 21);
    W(0x2c02, 0x100);
    run("host EFER", checked);
    fresh(checked);
    W(ENTRY, entry | 4);
    W(0x681a, 1ul << 32);
    run("DR7", checked);
    W(0x681a, 0x400);
    W(0x2802, 1);
    run("DEBUGCTL", checked);
    fresh(checked);
    W(BLOCKING, 2);
    W(RFLAGS, 0x202);
    W(EVENT, 0x80000030);
    run("an interrupt, blocked by MOV SS", checked);
    fresh(checked);
    W(ACTIVITY, 1);
    W(BLOCKING, 2);
    run("HLT, blocked by MOV SS", checked);
    W(BLOCKING, 0);
    W(EVENT, 0x80000306);
    run("HLT and #UD", checked);
    fresh(checked);
    W(BLOCKING, 2);
    W(RFLAGS, 0x102);
    run("a single step that is not pending", checked);
}

static u64 fault_of(void (*f)(void))
{
    seen_count = 0;
    f();
    return seen_count ? seen_vector : 0;
}
static void try_vmread(void) { __asm__ volatile("vmread %%rax, %%rax" ::: "rax"); }
static void try_cr4(void) { __asm__ volatile("mov %0, %%cr4" ::"r"(cr(4) & ~0x2000ul)); }
static void try_cr0(void) { __asm__ volatile("mov %0, %%cr0" ::"r"(cr(0) & ~0x20ul)); }
static void try_control(void) { __asm__ volatile("wrmsr" ::"c"(0x3a), "a"(0), "d"(0)); }
static void try_vmrun(void) { __asm__ volatile(".byte 0x0f, 0x01, 0xd8"); }

static void begin(void)
{
    static u64 base = 0x100001;
    u64 v = 0;
    text("== VMX operation\n");
    skip = 3;
    say("VMREAD before VMXON", fault_of(try_vmread));
    skip = 2;
    say("FEATURE_CONTROL", rdmsr(0x3a));
    say("written", fault_of(try_control));
    skip = 3;
    say("VMRUN", fault_of(try_vmrun));
    put('\n');
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr(4) | 0x2000));
    say("VMXON, not aligned", vmxon((void *)base));
    say("no revision", vmxon(vmxon_page));
    *(u32 *)vmxon_page = *(u32 *)other_vmcs = (u32)rdmsr(0x480);
    say("right", vmxon(vmxon_page));
    put('\n');
    skip = 3;
    say("CR4.VMXE", fault_of(try_cr4));
    say("CR0.NE", fault_of(try_cr0));
    put('\n');
    say("VMREAD, no VMCS", vmread_flags(PIN, &v));
    say("VMLAUNCH", vmx_switch(0));
    say("VMPTRLD, no revision", vmptrld_pa((u64)vmcs));
    say("VMPTRLD", vmptrld_pa((u64)other_vmcs));
    put('\n');
    say("VMXON again", vmxon(vmxon_page));
    say("error", R(0x4400));
    say("VMCLEAR, not aligned", vmclear_pa(1));
    say("error", R(0x4400));
    say("VMCLEAR of VMXON's", vmclear_pa((u64)vmxon_page));
    say("error", R(0x4400));
    say("VMPTRLD, beyond", vmptrld_pa(1ul << 45));
    say("error", R(0x4400));
    say("VMPTRLD of VMXON's", vmptrld_pa((u64)vmxon_page));
    say("error", R(0x4400));
    say("VMPTRLD, no revision", vmptrld_pa((u64)vmcs));
    say("error", R(0x4400));
    put('\n');
    say("a field that is not there", vmread_flags(0x4022 + 0x100, &v));
    say("error", R(0x4400));
    say("PML address", vmwrite_flags(0x200e, 0));
    say("error", R(0x4400));
    say("a field that is only read", vmwrite_flags(REASON, 0));
    say("error", R(0x4400));
    say("widths", (W(0x800, ~0ul), R(0x800)));
    say("", (W(0x4004, ~0ul), R(0x4004)));
    say("", (W(0x2805, 0x11111111ffffffff), R(0x2804)));
    say("", R(0x2805));
    put('\n');
    __asm__ volatile("vmptrst %0" : "=m"(v));
    say("VMPTRST", v - (u64)other_vmcs);
    u64 f;
    __asm__ volatile("vmcall\n" FLAGS : "=r"(f));
    say("VMCALL", f);
    say("error", R(0x4400));
    say("VMRESUME", vmx_switch(1));
    say("error", R(0x4400));
    put('\n');
    say("INVEPT", invalidate(0, 2, 0, 0));
    say("type 3", invalidate(0, 3, 0, 0));
    say("error", R(0x4400));
    say("EPTP", invalidate(0, 1, 7, 0));
    say("INVVPID", invalidate(1, 1, 5, 0));
    say("VPID 0", invalidate(1, 1, 0, 0));
    say("not canonical", invalidate(1, 0, 5, 1ul << 60));
    say("type 4", invalidate(1, 4, 5, 0));
    put('\n');
    for (u32 i = 0x480; i <= 0x490; i++) {
        hex(i);
        say("", rdmsr(i));
        put('\n');
    }
}

static void time_and_state(void)
{
    text("== time and state\n");
    ONCE("TSC offset", (add_first(8), W(0x2010, 1ul << 40)), "rdtsc\nmov %rdx, %rax");
    CODE(again, "nop");
    fresh(again);
    run("a run", again);
    show("VMLAUNCH of what was launched", again, vmx_switch(0));
    W(RIP, (u64)again);
    show("VMRESUME", again, vmx_switch(1));
    /* 10,000 exits, in a guest that computes meanwhile. */
    CODE(loop, "1: imul $5, %ebx, %ebx\nadd $3, %ebx\nmov %ebx, page(%rip)\ncpuid\njmp 1b");
    fresh(loop);
    use_ept(64);
    vmx_switch(0);
    for (unsigned i = 0; i < 9999; i++) {
        W(RIP, R(RIP) + R(0x440c));
        vmx_switch(1);
    }
    show("after 10,000 exits", loop, 0);
    say("  rbx", registers[1]);
    put('\n');
}

static void end(void)
{
    u64 f;
    text("== the end\n");
    __asm__ volatile("vmxoff\n" FLAGS : "=r"(f));
    say("VMXOFF", f);
    skip = 3;
    say("VMREAD", fault_of(try_vmread));
    say("CR4.VMXE", fault_of(try_cr4));
    put('\n');
}

int main(void)
{
    make_idt();
    *(u64 *)(tss + 4) = (u64)guest_stack + 2048; /* RSP0 */
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    begin();
    instructions();
    registers_of_control();
    ports_and_msrs();
    exceptions();
    interrupts();
    injections();
    paging();
    lists();
    checks();
    time_and_state();
    end();
    return 0;
}
