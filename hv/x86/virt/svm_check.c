/* svm_check.c - what VMRUN checks before a guest runs: a row a check, in the order and nearly in the words of AMD APM volume 2, 15.5.1. */
#include "hv/x86/virt/svm.h"

enum {
    AT_CS_ATTR = 0x412,
    AT_EFER = 0x4d0,
    AT_CR4 = 0x548,
    AT_CR3 = 0x550,
    AT_CR0 = 0x558,
    AT_DR7 = 0x560,
    AT_DR6 = 0x568
};
/* In a VMCB's attributes of a segment. */
enum { VMCB_SEG_L = 1 << 9, VMCB_SEG_DB = 1 << 10 };

struct subject {
    const struct x86 *cpu;
    const struct vmcb *v;
    uint64_t cr0, cr3, cr4, efer, dr6, dr7;
};

static bool long_paging(const struct subject *s)
{
    return s->efer & EFER_LME && s->cr0 & CR0_PG;
}

static bool no_svme(const struct subject *s)
{
    return !(s->efer & EFER_SVME);
}
static bool bad_cache(const struct subject *s)
{
    return !(s->cr0 & CR0_CD) && s->cr0 & CR0_NW;
}
static bool wide_cr0(const struct subject *s)
{
    return s->cr0 >> 32;
}
static bool bad_cr3(const struct subject *s)
{
    return s->cr3 >> cpuid_physical_bits(s->cpu);
}
static bool bad_cr4(const struct subject *s)
{
    return s->cr4 & ~cr4_allowed(s->cpu);
}
static bool wide_dr6(const struct subject *s)
{
    return s->dr6 >> 32;
}
static bool wide_dr7(const struct subject *s)
{
    return s->dr7 >> 32;
}
static bool bad_efer(const struct subject *s)
{
    return s->efer & ~(efer_allowed(s->cpu) | EFER_LMA);
}
static bool long_without_pae(const struct subject *s)
{
    return long_paging(s) && !(s->cr4 & CR4_PAE);
}
static bool long_without_pe(const struct subject *s)
{
    return long_paging(s) && !(s->cr0 & CR0_PE);
}
static bool two_sizes(const struct subject *s)
{
    const uint64_t attr = vmcb_get(s->v, AT_CS_ATTR, 2);
    return long_paging(s) && s->cr4 & CR4_PAE && attr & VMCB_SEG_L && attr & VMCB_SEG_DB;
}
static bool vmrun_free(const struct subject *s)
{
    return !(vmcb_get(s->v, VMCB_WANTS + VIRT_VMRUN / 32 * 4, 4) >> VIRT_VMRUN % 32 & 1);
}
/* The tables have 12 KB and 8 KB. The end of a table must be below the last address, except that processors let the last three bytes of the
 * ports' be beyond (KVM's nested_svm_check_bitmap_pa() and its unit tests have it so). */
static bool far_tables(const struct subject *s)
{
    enum { IOPM_SIZE = 0x2000, MSRPM_SIZE = 0x2000 };
    const uint64_t end = 1ull << cpuid_physical_bits(s->cpu), mask = ~0xfffull;
    return (vmcb_get(s->v, VMCB_IOPM, 8) & mask) + IOPM_SIZE >= end ||
           (vmcb_get(s->v, VMCB_MSRPM, 8) & mask) + MSRPM_SIZE >= end;
}
static bool bad_event(const struct subject *s)
{
    const uint64_t e = vmcb_get(s->v, VMCB_EVENTINJ, 8);
    const unsigned type = e >> 8 & 7, vector = e & 0xff;
    if (!(e & EVENT_VALID))
        return false;
    return type == 1 || type > VIRT_EVENT_SOFT ||
           (type == VIRT_EVENT_FAULT && (vector > 31 || vector == VEC_NMI));
}
static bool no_asid(const struct subject *s)
{
    return !vmcb_get(s->v, VMCB_ASID, 4);
}
static bool bad_ncr3(const struct subject *s)
{
    return vmcb_get(s->v, VMCB_FEATURES, 8) & FEATURE_NESTED &&
           vmcb_get(s->v, VMCB_NCR3, 8) >> cpuid_physical_bits(s->cpu);
}
static bool bad_pat(const struct subject *s)
{
    enum { AT_PAT = 0x668, TYPES = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 };
    bool bad = false;
    for (unsigned i = 0; i < 8; i++) {
        const unsigned type = (unsigned)vmcb_get(s->v, AT_PAT + i, 1);
        bad |= type > 7 || !(TYPES >> type & 1);
    }
    return bad && vmcb_get(s->v, VMCB_FEATURES, 8) & FEATURE_NESTED;
}
static bool absent_paging(const struct subject *s)
{
    return vmcb_get(s->v, VMCB_FEATURES, 8) & FEATURE_ABSENT;
}
static bool absent_interrupts(const struct subject *s)
{
    return vmcb_get(s->v, VMCB_INT, 8) & INT_ABSENT;
}
static bool absent_more(const struct subject *s)
{
    return vmcb_get(s->v, VMCB_MORE_FEATURES, 8) & MORE_ABSENT;
}
static bool bad_tlb_control(const struct subject *s)
{
    const uint64_t t = vmcb_get(s->v, VMCB_TLB_CONTROL, 1);
    return t != TLB_NOTHING && t != TLB_ALL && t != TLB_GUEST && t != TLB_NOT_GLOBAL;
}
static bool asleep(const struct subject *s)
{
    return s->cpu->virt.asleep.runs;
}
static bool bad_pdptes(const struct subject *s)
{
    const bool nested = vmcb_get(s->v, VMCB_FEATURES, 8) & FEATURE_NESTED;
    uint64_t entry[4];
    if (nested || !(s->cr0 & CR0_PG) || !(s->cr4 & CR4_PAE) || s->efer & EFER_LME)
        return false;
    return !pdptes_read(s->cpu, s->cr3, entry);
}

static const struct {
    bool (*refuses)(const struct subject *);
    const char *words;
} checks[] = {
    {no_svme, "EFER.SVME is zero"},
    {bad_cache, "CR0.CD is zero and CR0.NW is set"},
    {wide_cr0, "CR0[63:32] are not zero"},
    {bad_cr3, "an MBZ bit of CR3 is set"},
    {bad_cr4, "an MBZ bit of CR4 is set"},
    {wide_dr6, "DR6[63:32] are not zero"},
    {wide_dr7, "DR7[63:32] are not zero"},
    {bad_efer, "an MBZ bit of EFER is set"},
    {long_without_pae, "EFER.LME and CR0.PG are set and CR4.PAE is zero"},
    {long_without_pe, "EFER.LME and CR0.PG are set and CR0.PE is zero"},
    {two_sizes, "EFER.LME, CR0.PG, CR4.PAE, CS.L and CS.D are all set"},
    {vmrun_free, "the VMRUN intercept bit is clear"},
    {far_tables, "the MSR or IOIO intercept tables extend beyond the physical addresses"},
    {bad_event, "the event injection is illegal"},
    {no_asid, "the ASID is zero"},
    {bad_ncr3, "an MBZ bit of nCR3 is set"},
    {bad_pat, "G_PAT has a type that does not exist"},
    {bad_pdptes, "a reserved bit of a PDPE is set"},
    {bad_tlb_control, "TLB_CONTROL has an encoding that does not exist"},
    {absent_paging,
     "the VMCB asks for SEV or for another extension of nested paging, which this processor lacks"},
    {absent_interrupts, "the VMCB asks for V_GIF, V_NMI or AVIC, which this processor lacks"},
    {absent_more,
     "the VMCB asks for LBR virtualization or virtual VMLOAD and VMSAVE, which this processor lacks"},
    {asleep, "an SMI has interrupted a guest, and another one cannot run before RSM"},
};

const char *svm_refusal(const struct x86 *cpu, const struct vmcb *v)
{
    const struct subject s = {
        .cpu = cpu,
        .v = v,
        .cr0 = vmcb_get(v, AT_CR0, 8),
        .cr3 = vmcb_get(v, AT_CR3, 8),
        .cr4 = vmcb_get(v, AT_CR4, 8),
        .efer = vmcb_get(v, AT_EFER, 8),
        .dr6 = vmcb_get(v, AT_DR6, 8),
        .dr7 = vmcb_get(v, AT_DR7, 8),
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].refuses(&s))
            return checks[i].words;
    return NULL;
}
