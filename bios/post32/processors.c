/* processors.c - memory types, local APICs; application processors are started once, set up the same and
 * parked.
 *
 * Sources: Intel SDM volume 3: 8.4.4 (INIT-SIPI-SIPI), 10.4 (local APIC), 11.11 (MTRRs); MP
 * specification 1.4, 3.6.2.2 (virtual wire mode).
 */
#include "bios/post32/post32.h"

extern char ap_start[];

enum {
    MSR_MTRR_CAP = 0xfe,
    MSR_MTRR_BASE0 = 0x200,
    MSR_MTRR_MASK0 = 0x201,
    MSR_MTRR_FIXED_64K = 0x250,
    MSR_MTRR_FIXED_16K = 0x258, /* 80000h; 259h: A0000h */
    MSR_MTRR_FIXED_4K = 0x268,  /* C0000h and on */
    MSR_MTRR_DEFAULT = 0x2ff,
    MTRR_ENABLE = 0x800,
    MTRR_FIXED = 0x400,
    WRITE_BACK = 6,
    CAP_FIXED = 0x100,
    HOLE_START = 0xe0000000, /* as in pci.c */
    CPUID_APIC = 1 << 9,
    CPUID_MTRR = 1 << 12,
    CPUID_MSR = 1 << 5,
};

/* Local APIC registers. */
#define LAPIC(reg) (*(volatile u32 *)(0xfee00000 + (reg)))
enum { SPURIOUS = 0xf0, ICR_LOW = 0x300, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360 };

static volatile u32 counted;
volatile u32 ap_lock;

static void cpuid(u32 leaf, u32 *a, u32 *d)
{
    u32 b, c;
    asm volatile("cpuid" : "=a"(*a), "=b"(b), "=c"(c), "=d"(*d) : "a"(leaf), "c"(0));
}

static bool has_cpuid(void)
{
    u32 before, after;
    asm volatile(
        "pushfl\n\tpopl %0\n\tmovl %0, %1\n\txorl $0x200000, %1\n\tpushl %1\n\tpopfl\n\tpushfl\n\tpopl %1"
        : "=&r"(before), "=&r"(after));
    return (before ^ after) & 0x200000;
}

static u32 features(void)
{
    u32 a, d;
    if (!has_cpuid())
        return 0;
    cpuid(1, &a, &d);
    return d;
}

static void wrmsr(u32 msr, u64 value)
{
    asm volatile("wrmsr" : : "c"(msr), "A"(value));
}

static u64 rdmsr(u32 msr)
{
    u64 value;
    asm volatile("rdmsr" : "=A"(value) : "c"(msr));
    return value;
}

static u32 physical_bits(void)
{
    u32 a, d, bits = 36;
    cpuid(0x80000000, &a, &d);
    if (a >= 0x80000008) {
        cpuid(0x80000008, &a, &d);
        bits = a & 0xff;
    }
    return bits;
}

/* All memory write-back but the display's window, ROMs (as SeaBIOS and most: write-protect) and the PCI hole.
 */
static void set_memory_types(void)
{
    static const u64 write_back = 0x0606060606060606, protect = 0x0505050505050505;
    u64 cap;
    if ((features() & (CPUID_MTRR | CPUID_MSR)) != (CPUID_MTRR | CPUID_MSR))
        return;
    cap = rdmsr(MSR_MTRR_CAP);
    if (!(cap & CAP_FIXED) || (cap & 0xff) < 1)
        return;
    wrmsr(MSR_MTRR_DEFAULT, 0);
    wrmsr(MSR_MTRR_FIXED_64K, write_back);
    wrmsr(MSR_MTRR_FIXED_16K, write_back);
    wrmsr(MSR_MTRR_FIXED_16K + 1, 0);
    for (u32 i = 0; i < 8; i++)
        wrmsr(MSR_MTRR_FIXED_4K + i, protect);
    wrmsr(MSR_MTRR_BASE0, HOLE_START);
    wrmsr(MSR_MTRR_MASK0, (((u64)1 << physical_bits()) - ((u64)1 << 32)) | HOLE_START | MTRR_ENABLE);
    wrmsr(MSR_MTRR_DEFAULT, MTRR_ENABLE | MTRR_FIXED | WRITE_BACK);
}

/* Called by start32.S for each application processor, one at a time. Its local APIC's LINT1 is for NMI. */
void ap_main(void)
{
    set_memory_types();
    LAPIC(SPURIOUS) = LAPIC(SPURIOUS) | 0x100;
    LAPIC(LVT_LINT1) = 0x400;
    counted++;
}

/* A far jump to ap_start in the services' segment. */
static void write_trampoline(void)
{
    u8 *page = (u8 *)AP_PAGE;
    page[0] = 0xea;
    *(u16 *)(page + 1) = (u16)(u32)ap_start;
    *(u16 *)(page + 3) = CODE_SEG;
}

/* The number comes from fw_cfg or CMOS. The wait is bounded in case one does not answer. */
static void start_others(void)
{
    u32 expected = fwcfg_number(5, 2, cmos_read(0x5f) + 1u);
    counted = 1;
    SHARED.processors = 1;
    if (expected < 2)
        return;
    write_trampoline();
    LAPIC(ICR_LOW) = 0x000c4500; /* INIT to all others */
    LAPIC(ICR_LOW) = 0x000c4600 | AP_PAGE >> 12;
    for (u32 wait = 0; wait < 50000000 && counted < expected; wait++)
        asm volatile("pause");
    SHARED.processors = counted;
}

/* Virtual wire mode: the 8259s' interrupts come through LINT0 of this processor. */
void processors_resume(void)
{
    set_memory_types();
    if (!(features() & CPUID_APIC))
        return;
    LAPIC(SPURIOUS) = 0x1ff;
    LAPIC(LVT_LINT0) = 0x8700;
    LAPIC(LVT_LINT1) = 0x8400;
}

void processors_init(void)
{
    processors_resume();
    SHARED.processors = 1;
    if (!(features() & CPUID_APIC))
        return;
    start_others();
    log("%u processors\n", SHARED.processors);
}
