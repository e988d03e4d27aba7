/* msr.c - RDMSR and WRMSR. SDM volume 4; AMD BKDG for family 0Fh (26094) for the registers of its models.
 * There is one row per register or sequence of registers. Registers without a row go to the board (local
 * APIC); if it does not know one either, the access is #GP(0) and reported as an event. */
#include <stdio.h>
#include <string.h>

#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

enum kind {
    KEEP,      /* any value */
    CANONICAL, /* a linear address: #GP unless may_be_canonical() */
    LOW32,     /* the upper half is dropped */
    CONSTANT,  /* `value`; writes are #GP */
    ZERO,      /* 0; writes of anything else are #GP */
    IGNORE,    /* reads `value`; writes do nothing */
    PAT,
    MTRR_TYPES,
    MTRR_RANGE,
    MTRR_DEFAULT,
    MC_BANK, /* four per bank: control, status, address, miscellaneous */
    TSC,
    EFER,
    VM_CR,
    VM_HSAVE,
    FEATURE_CONTROL,
    VMX,
};

struct msr_row {
    uint32_t first, count;
    uint8_t kind, feature;
    bool report;     /* writes are reported as EV_CPU_MSR */
    uint32_t offset; /* in struct x86, of an uint64_t (an array if count > 1) */
    uint64_t value;
    /* Of a sequence: the names separated by "/"; "#" stands for a number that counts up when they repeat. */
    const char *name;
};

/* What a processor does not suffer from (SDM volume 4, table 2-2, 10AH): see cpuid.c. */
enum {
    RDCL_NO = 1 << 0,
    SKIP_L1DFL_VMENTRY = 1 << 3,
    SSB_NO = 1 << 4,
    MDS_NO = 1 << 5,
    PSCHANGE_MC_NO = 1 << 6,
    TAA_NO = 1 << 8,
    SBDR_SSDP_NO = 1 << 13,
    FBSDP_NO = 1 << 14,
    PSDP_NO = 1 << 15,
    BHI_NO = 1 << 20,
    PBRSB_NO = 1 << 24,
    GDS_NO = 1 << 26,
    RFDS_NO = 1 << 27,
    ARCH_CAPABILITIES = RDCL_NO | SKIP_L1DFL_VMENTRY | SSB_NO | MDS_NO | PSCHANGE_MC_NO | TAA_NO |
                        SBDR_SSDP_NO | FBSDP_NO | PSDP_NO | BHI_NO | PBRSB_NO | GDS_NO | RFDS_NO,
};
enum { FEATURE_CONTROL_LOCK = 1, FEATURE_CONTROL_VMX = 4, /* outside of SMX */ AMD_MSRS = 0xc0010000u };

#define AT(member) offsetof(struct x86, member)
static const struct msr_row rows[] = {
    {0x10, 1, TSC, FT_BASE, false, 0, 0, "IA32_TIME_STAMP_COUNTER"},
    {0x17, 1, CONSTANT, FT_INTEL, false, 0, 0, "IA32_PLATFORM_ID"},
    {0x3a, 1, FEATURE_CONTROL, FT_INTEL, false, 0, 0, "IA32_FEATURE_CONTROL"},
    {0x8b, 1, KEEP, FT_BASE, false, AT(msr.bios_sign), 0, "IA32_BIOS_SIGN_ID"},
    /* ratio 10, of 100 MHz: the greatest without turbo, and the least */
    {0xce, 1, CONSTANT, FT_INTEL, false, 0, 10ull << 40 | 10 << 8, "MSR_PLATFORM_INFO"},
    /* 8 variable ranges, fixed ranges, write-combining */
    {0xfe, 1, CONSTANT, FT_BASE, false, 0, 0x508, "IA32_MTRRCAP"},
    {0x10a, 1, CONSTANT, FT_INTEL, false, 0, ARCH_CAPABILITIES, "IA32_ARCH_CAPABILITIES"},
    {0x140, 1, ZERO, FT_INTEL, false, 0, 0,
     "MISC_FEATURE_ENABLES"}, /* no faulting of CPUID, no ring 3 MWAIT */
    {0x174, 1, KEEP, FT_SYSENTER, true, AT(msr.sysenter_cs), 0, "IA32_SYSENTER_CS"},
    {0x175, 1, CANONICAL, FT_SYSENTER, true, AT(msr.sysenter_esp), 0, "IA32_SYSENTER_ESP"},
    {0x176, 1, CANONICAL, FT_SYSENTER, true, AT(msr.sysenter_eip), 0, "IA32_SYSENTER_EIP"},
    {0x179, 1, CONSTANT, FT_BASE, false, 0, 0x10a, "IA32_MCG_CAP"}, /* 10 banks, MCG_CTL */
    {0x17a, 1, KEEP, FT_BASE, false, AT(msr.mcg_status), 0, "IA32_MCG_STATUS"},
    {0x17b, 1, KEEP, FT_BASE, false, AT(msr.mcg_ctl), 0, "IA32_MCG_CTL"},
    {0x1a0, 1, KEEP, FT_BASE, false, AT(msr.misc_enable), 0, "IA32_MISC_ENABLE"},
    {0x1d9, 1, IGNORE, FT_BASE, false, 0, 0, "IA32_DEBUGCTL"}, /* no branch records */
    {0x200, 16, MTRR_RANGE, FT_BASE, false, AT(msr.mtrr_var), 0, "IA32_MTRR_PHYSBASE#/IA32_MTRR_PHYSMASK#"},
    {0x250, 1, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[0]), 0, "IA32_MTRR_FIX64K_00000"},
    {0x258, 2, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[1]), 0,
     "IA32_MTRR_FIX16K_80000/IA32_MTRR_FIX16K_A0000"},
    {0x268, 8, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[3]), 0,
     "IA32_MTRR_FIX4K_C0000/IA32_MTRR_FIX4K_C8000/IA32_MTRR_FIX4K_D0000/IA32_MTRR_FIX4K_D8000/IA32_MTRR_FIX4K_E0000/"
     "IA32_MTRR_FIX4K_E8000/IA32_MTRR_FIX4K_F0000/IA32_MTRR_FIX4K_F8000"},
    {0x277, 1, PAT, FT_BASE, false, AT(msr.pat), 0, "IA32_PAT"},
    {0x2ff, 1, MTRR_DEFAULT, FT_BASE, false, AT(msr.mtrr_def), 0, "IA32_MTRR_DEF_TYPE"},
    {0x400, 40, MC_BANK, FT_BASE, false, AT(msr.mc), 0,
     "IA32_MC#_CTL/IA32_MC#_STATUS/IA32_MC#_ADDR/IA32_MC#_MISC"},
    {0x480, 17, VMX, FT_VMX, false, 0, 0,
     "IA32_VMX_BASIC/IA32_VMX_PINBASED_CTLS/IA32_VMX_PROCBASED_CTLS/IA32_VMX_EXIT_CTLS/IA32_VMX_ENTRY_CTLS/IA32_VMX_MISC/"
     "IA32_VMX_CR0_FIXED0/IA32_VMX_CR0_FIXED1/IA32_VMX_CR4_FIXED0/IA32_VMX_CR4_FIXED1/IA32_VMX_VMCS_ENUM/"
     "IA32_VMX_PROCBASED_CTLS2/IA32_VMX_EPT_VPID_CAP/IA32_VMX_TRUE_PINBASED_CTLS/IA32_VMX_TRUE_PROCBASED_CTLS/"
     "IA32_VMX_TRUE_EXIT_CTLS/IA32_VMX_TRUE_ENTRY_CTLS"},
    {0xda0, 1, ZERO, FT_XSAVES, false, 0, 0, "IA32_XSS"}, /* no supervisor components */
    {0xc0000080, 1, EFER, FT_SYSCALL, true, 0, 0, "EFER"},
    {0xc0000081, 1, KEEP, FT_SYSCALL, true, AT(msr.star), 0, "STAR"},
    {0xc0000082, 1, CANONICAL, FT_LM, true, AT(msr.lstar), 0, "LSTAR"},
    {0xc0000083, 1, CANONICAL, FT_LM, true, AT(msr.cstar), 0, "CSTAR"},
    {0xc0000084, 1, LOW32, FT_LM, true, AT(msr.fmask), 0, "FMASK"},
    {0xc0000100, 1, CANONICAL, FT_LM, true, AT(seg[FS].base), 0, "FS_BASE"},
    {0xc0000101, 1, CANONICAL, FT_LM, true, AT(seg[GS].base), 0, "GS_BASE"},
    {0xc0000102, 1, CANONICAL, FT_LM, true, AT(msr.kernel_gs_base), 0, "KERNEL_GS_BASE"},
    {0xc0000103, 1, LOW32, FT_RDTSCP, false, AT(msr.tsc_aux), 0, "TSC_AUX"},
    {0xc0010000, 8, IGNORE, FT_BASE, false, 0, 0,
     /* the performance counters exist, but count nothing */
     "PERF_CTL/PERF_CTL/PERF_CTL/PERF_CTL/PERF_CTR/PERF_CTR/PERF_CTR/PERF_CTR"},
    {0xc0010010, 1, IGNORE, FT_LM, false, 0, 0, "SYSCFG"},
    {0xc0010015, 1, IGNORE, FT_BASE, false, 0, 0, "HWCR"},
    {0xc001001a, 1, IGNORE, FT_LM, false, 0, 0, "TOP_MEM"}, /* 0, as SYSCFG does not enable it */
    {0xc001001d, 1, IGNORE, FT_LM, false, 0, 0, "TOP_MEM2"},
    {0xc001001f, 1, IGNORE, FT_LM, false, 0, 0, "NB_CFG"},
    {0xc0010055, 1, IGNORE, FT_LM, false, 0, 0, "INT_PENDING"}, /* never in C1E */
    {0xc0010114, 1, VM_CR, FT_SVM, true, AT(virt.vm_cr), 0, "VM_CR"},
    {0xc0010117, 1, VM_HSAVE, FT_SVM, true, AT(virt.hsave_pa), 0, "VM_HSAVE_PA"},
};
enum {
    NROWS = sizeof rows / sizeof rows[0],
    APIC_BASE_X2APIC = 1 << 10,
};

static const struct msr_row *find(const struct x86 *cpu, uint32_t msr)
{
    for (unsigned i = 0; i < NROWS; i++)
        if (msr - rows[i].first < rows[i].count)
            return cpu_has(cpu, rows[i].feature) && (msr < AMD_MSRS || cpu_has(cpu, FT_AMD)) ? &rows[i]
                                                                                             : NULL;
    return NULL;
}

/* The board's registers that only some models have. */
static bool is_apic_register(uint32_t msr)
{
    return msr == MSR_TSC_DEADLINE || msr - MSR_X2APIC < MSR_X2APIC_COUNT;
}

static bool has_apic_register(const struct x86 *cpu, uint32_t msr)
{
    return is_apic_register(msr) && cpu_has(cpu, msr == MSR_TSC_DEADLINE ? FT_TSC_DEADLINE : FT_X2APIC);
}

uint64_t x86_tsc(const struct x86 *cpu)
{
    return cpu->bus.time(cpu->bus.ctx) + cpu->msr.tsc_offset;
}

static uint64_t *storage(struct x86 *cpu, const struct msr_row *r, uint32_t msr)
{
    return (uint64_t *)((char *)cpu + r->offset) + (msr - r->first);
}

/* ---------------------------------------------------------------- checks */

/* Eight types, one per byte; `types` has one bit per type that exists. */
static bool types_valid(uint64_t v, unsigned types)
{
    for (unsigned i = 0; i < 8; i++, v >>= 8)
        if ((v & 0xff) > 7 || !(types >> (v & 0xff) & 1))
            return false;
    return true;
}
enum { TYPES_MTRR = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6, TYPES_PAT = TYPES_MTRR | 1 << 7 };

static bool mtrr_range_valid(const struct x86 *cpu, uint32_t msr, uint64_t v)
{
    if (v >> cpuid_physical_bits(cpu))
        return false;
    return msr & 1 ? !(v & 0x7ff) : !(v & 0xf00) && types_valid(v & 0xff, TYPES_MTRR);
}

static bool valid(const struct x86 *cpu, const struct msr_row *r, uint32_t msr, uint64_t v)
{
    switch (r->kind) {
    case CANONICAL:
        return may_be_canonical(cpu, v);
    case CONSTANT:
    case FEATURE_CONTROL: /* locked */
    case VMX:
        return false;
    case ZERO:
        return !v;
    case PAT:
        return types_valid(v, TYPES_PAT);
    case MTRR_TYPES:
        return types_valid(v, TYPES_MTRR);
    case MTRR_RANGE:
        return mtrr_range_valid(cpu, msr, v);
    case MTRR_DEFAULT:
        return !(v & ~0xcffull) && types_valid(v & 0xff, TYPES_MTRR);
    /* the status can only be cleared (SDM volume 3, 15.3.2.2; AMD: while HWCR.McStatusWrEn is clear) */
    case MC_BANK:
        return (msr & 3) != 1 || !v;
    default:
        return true;
    }
}

/* ---------------------------------------------------------------- EFER */

uint64_t efer_allowed(const struct x86 *cpu)
{
    return (cpu_has(cpu, FT_SYSCALL) ? EFER_SCE : 0) | (cpu_has(cpu, FT_LM) ? EFER_LME : 0) |
           (cpu_has_nx(cpu) ? EFER_NXE : 0) | (cpu_has(cpu, FT_SVM) ? EFER_SVME : 0);
}

static bool efer_write(struct x86 *cpu, uint64_t v)
{
    uint64_t old = cpu->efer, can = efer_allowed(cpu);
    if (v & ~(can | EFER_LMA))
        return false;
    if ((old ^ v) & EFER_LME && cpu->cr0 & CR0_PG)
        return false;
    if (v & EFER_SVME && virt_disabled(cpu))
        return false;
    cpu->efer = (v & can) | (old & EFER_LMA);
    tlb_switch(cpu);
    return true;
}

/* ---------------------------------------------------------------- reading and writing */

static bool msr_read(struct x86 *cpu, uint32_t msr, uint64_t *v)
{
    const struct msr_row *r = find(cpu, msr);
    if (!r && is_apic_register(msr) && !has_apic_register(cpu, msr))
        return false;
    if (!r)
        return cpu->bus.rdmsr(cpu->bus.ctx, msr, v);
    switch (r->kind) {
    case TSC:
        *v = x86_tsc(cpu) + cpu->guest.tsc_offset;
        break;
    case EFER:
        *v = cpu->efer;
        break;
    case FEATURE_CONTROL:
        *v = FEATURE_CONTROL_LOCK | (cpu_has(cpu, FT_VMX) ? FEATURE_CONTROL_VMX : 0);
        break;
    case VMX:
        *v = vmx_capability(cpu, msr);
        break;
    case CONSTANT:
    case ZERO:
    case IGNORE:
        *v = r->value;
        break;
    default:
        *v = *storage(cpu, r, msr);
        break;
    }
    return true;
}

static bool msr_write(struct x86 *cpu, uint32_t msr, uint64_t v)
{
    const struct msr_row *r = find(cpu, msr);
    /* the board does not know what the model has */
    if (!r && is_apic_register(msr) && !has_apic_register(cpu, msr))
        return false;
    if (msr == MSR_APIC_BASE &&
        (v >> cpuid_physical_bits(cpu) || (v & APIC_BASE_X2APIC && !cpu_has(cpu, FT_X2APIC))))
        return false;
    if (!r)
        return cpu->bus.wrmsr(cpu->bus.ctx, msr, v);
    if (!valid(cpu, r, msr, v))
        return false;
    switch (r->kind) {
    case TSC:
        cpu->msr.tsc_offset = v - cpu->bus.time(cpu->bus.ctx);
        if (cpu_has(cpu, FT_TSC_DEADLINE))
            cpu->bus.wrmsr(cpu->bus.ctx, MSR_TSC, v); /* a deadline comes at another time now */
        break;
    case EFER:
        return efer_write(cpu, v);
    case VM_CR:
        return virt_cr_write(cpu, v);
    case VM_HSAVE:
        return virt_hsave_write(cpu, v);
    case ZERO:
    case IGNORE:
        break;
    case LOW32:
        *storage(cpu, r, msr) = (uint32_t)v;
        break;
    default:
        *storage(cpu, r, msr) = v;
        break;
    }
    return true;
}

bool msr_get(struct x86 *cpu, uint32_t msr, uint64_t *v)
{
    return msr_read(cpu, msr, v);
}

bool msr_put(struct x86 *cpu, uint32_t msr, uint64_t v)
{
    return msr_write(cpu, msr, v);
}

/* ---------------------------------------------------------------- events */

void unhandled_event(struct x86 *cpu, const char *what, uint64_t number, bool write, uint64_t value)
{
    struct event ev = {.kind = EV_UNHANDLED, .data = what, .len = (uint32_t)strlen(what)};
    ev.f[EVF_UNHANDLED_number] = number;
    ev.f[EVF_UNHANDLED_write] = write;
    ev.f[EVF_UNHANDLED_value] = value;
    ev.f[EVF_UNHANDLED_ip] = where_rip(cpu);
    ev.f[EVF_UNHANDLED_count] = 1;
    cpu_event(cpu, &ev);
}

/* An existing register that refuses a value is not "unhandled". */
static void refuse(struct x86 *cpu, uint32_t msr, bool write, uint64_t v)
{
    uint64_t old;
    if (!find(cpu, msr) && !has_apic_register(cpu, msr) &&
        !(write && cpu->bus.rdmsr(cpu->bus.ctx, msr, &old)))
        unhandled_event(cpu, "msr", msr, write, v);
    raise_error(cpu, VEC_GP, 0);
}

static void written_event(struct x86 *cpu, uint32_t msr, uint64_t v)
{
    const struct msr_row *r = find(cpu, msr);
    struct event ev = {.kind = EV_CPU_MSR};
    if (r ? !r->report : msr != MSR_APIC_BASE)
        return;
    ev.f[EVF_CPU_MSR_msr] = msr;
    ev.f[EVF_CPU_MSR_value] = v;
    ev.f[EVF_CPU_MSR_ip] = where_rip(cpu);
    cpu_event(cpu, &ev);
}

/* ---------------------------------------------------------------- instructions */

static OP(op_rdmsr)
{
    uint64_t v = 0;
    SYNC;
    need_cpl0(cpu);
    virt_msr(cpu, op, R32(RCX), false);
    if (!msr_read(cpu, R32(RCX), &v))
        refuse(cpu, R32(RCX), false, 0);
    SET32(RAX, v);
    SET32(RDX, v >> 32);
    LEAVE;
}

static OP(op_wrmsr)
{
    uint32_t msr = R32(RCX);
    uint64_t v = (uint64_t)R32(RDX) << 32 | R32(RAX);
    SYNC;
    need_cpl0(cpu);
    virt_msr(cpu, op, msr, true);
    if (!msr_write(cpu, msr, v))
        refuse(cpu, msr, true, v);
    written_event(cpu, msr, v);
    LEAVE;
}

FAMILY1(fam_rdmsr, op_rdmsr);
FAMILY1(fam_wrmsr, op_wrmsr);

/* ---------------------------------------------------------------- names */

/* MSRs of the board (IA32_APIC_BASE, IA32_TSC_DEADLINE), and those that some processors have, but none of these. */
static const struct {
    uint32_t msr;
    const char *name;
} others[] = {
    {0x1b, "IA32_APIC_BASE"},
    {0x2a, "EBL_CR_POWERON"},
    {0x33, "TEST_CTL"},
    {0x34, "SMI_COUNT"},
    {0x3b, "IA32_TSC_ADJUST"},
    {0x48, "IA32_SPEC_CTRL"},
    {0x49, "IA32_PRED_CMD"},
    {0x79, "IA32_BIOS_UPDT_TRIG"},
    {0xc1, "IA32_PMC0"},
    {0xcd, "FSB_FREQ"},
    {0xcf, "IA32_CORE_CAPABILITIES"},
    {0xe7, "IA32_MPERF"},
    {0xe8, "IA32_APERF"},
    {0x10b, "IA32_FLUSH_CMD"},
    {0x122, "IA32_TSX_CTRL"},
    {0x186, "IA32_PERFEVTSEL0"},
    {0x198, "IA32_PERF_STATUS"},
    {0x199, "IA32_PERF_CTL"},
    {0x19a, "IA32_CLOCK_MODULATION"},
    {0x19b, "IA32_THERM_INTERRUPT"},
    {0x19c, "IA32_THERM_STATUS"},
    {0x1ad, "TURBO_RATIO_LIMIT"},
    {0x1b0, "IA32_ENERGY_PERF_BIAS"},
    {0x1d7, "LER_FROM_LIP"},
    {0x1d8, "LER_TO_LIP"},
    {0x1fc, "POWER_CTL"},
    {0x345, "IA32_PERF_CAPABILITIES"},
    {0x38d, "IA32_FIXED_CTR_CTRL"},
    {0x38f, "IA32_PERF_GLOBAL_CTRL"},
    {0x4e0, "SMM_FEATURE_CONTROL"},
    {0x606, "RAPL_POWER_UNIT"},
    {0x611, "PKG_ENERGY_STATUS"},
    {0x639, "PP0_ENERGY_STATUS"},
    {0x641, "PP1_ENERGY_STATUS"},
    {0x619, "DRAM_ENERGY_STATUS"},
    {0x64d, "PLATFORM_ENERGY_STATUS"},
    {0x6e0, "IA32_TSC_DEADLINE"},
    {0xc80, "IA32_DEBUG_INTERFACE"},
    {0xda0, "IA32_XSS"},
    {0xc0000104, "TSC_RATIO"},
    {0xc0010020, "PATCH_LOADER"},
    {0xc0010058, "MMIO_CONF_BASE"},
    {0xc0010061, "PSTATE_CUR_LIMIT"},
    {0xc0010062, "PSTATE_CTL"},
    {0xc0010063, "PSTATE_STATUS"},
    {0xc0010064, "PSTATE_0"},
    {0xc0010112, "SMM_ADDR"},
    {0xc0010113, "SMM_MASK"},
    {0xc0010130, "SEV_ES_GHCB"},
    {0xc0010131, "SEV_STATUS"},
    {0xc0010140, "OSVW_ID_LENGTH"},
    {0xc0010141, "OSVW_STATUS"},
    {0xc0010200, "PERF_CTL0"},
    {0xc0010299, "RAPL_PWR_UNIT"},
    {0xc001029a, "CORE_ENERGY_STAT"},
    {0xc001029b, "PKG_ENERGY_STAT"},
    {0xc0011020, "LS_CFG"},
    {0xc0011022, "DC_CFG"},
    {0xc0011023, "BU_CFG"},
    {0xc0011029, "DE_CFG"},
    {0xc001102a, "BU_CFG2"},
    {0xc0011005, "CPUID_FEATURES"},
    {0xc0011030, "IBS_FETCH_CTL"},
    {0x40000000, "HV_GUEST_OS_ID"},
    {0x4b564d00, "KVM_WALL_CLOCK_NEW"},
    {0x4b564d01, "KVM_SYSTEM_TIME_NEW"},
};

/* SDM volume 3, table 10-6, from 800h on; the rest is reserved. */
static const char *const x2apic_names[0x40] = {
    [0x02] = "IA32_X2APIC_APICID",    [0x03] = "IA32_X2APIC_VERSION",    [0x08] = "IA32_X2APIC_TPR",
    [0x0a] = "IA32_X2APIC_PPR",       [0x0b] = "IA32_X2APIC_EOI",        [0x0d] = "IA32_X2APIC_LDR",
    [0x0f] = "IA32_X2APIC_SIVR",      [0x10] = "IA32_X2APIC_ISR0",       [0x11] = "IA32_X2APIC_ISR1",
    [0x12] = "IA32_X2APIC_ISR2",      [0x13] = "IA32_X2APIC_ISR3",       [0x14] = "IA32_X2APIC_ISR4",
    [0x15] = "IA32_X2APIC_ISR5",      [0x16] = "IA32_X2APIC_ISR6",       [0x17] = "IA32_X2APIC_ISR7",
    [0x18] = "IA32_X2APIC_TMR0",      [0x19] = "IA32_X2APIC_TMR1",       [0x1a] = "IA32_X2APIC_TMR2",
    [0x1b] = "IA32_X2APIC_TMR3",      [0x1c] = "IA32_X2APIC_TMR4",       [0x1d] = "IA32_X2APIC_TMR5",
    [0x1e] = "IA32_X2APIC_TMR6",      [0x1f] = "IA32_X2APIC_TMR7",       [0x20] = "IA32_X2APIC_IRR0",
    [0x21] = "IA32_X2APIC_IRR1",      [0x22] = "IA32_X2APIC_IRR2",       [0x23] = "IA32_X2APIC_IRR3",
    [0x24] = "IA32_X2APIC_IRR4",      [0x25] = "IA32_X2APIC_IRR5",       [0x26] = "IA32_X2APIC_IRR6",
    [0x27] = "IA32_X2APIC_IRR7",      [0x28] = "IA32_X2APIC_ESR",        [0x2f] = "IA32_X2APIC_LVT_CMCI",
    [0x30] = "IA32_X2APIC_ICR",       [0x32] = "IA32_X2APIC_LVT_TIMER",  [0x33] = "IA32_X2APIC_LVT_THERMAL",
    [0x34] = "IA32_X2APIC_LVT_PMI",   [0x35] = "IA32_X2APIC_LVT_LINT0",  [0x36] = "IA32_X2APIC_LVT_LINT1",
    [0x37] = "IA32_X2APIC_LVT_ERROR", [0x38] = "IA32_X2APIC_INIT_COUNT", [0x39] = "IA32_X2APIC_CUR_COUNT",
    [0x3e] = "IA32_X2APIC_DIV_CONF",  [0x3f] = "IA32_X2APIC_SELF_IPI",
};

/* The `index`-th name of a sequence. */
static void run_name(const char *names, unsigned index, char *buf, size_t size)
{
    unsigned n = 1, at = 0;
    for (const char *p = names; *p; p++)
        n += *p == '/';
    for (unsigned skip = index % n; skip; skip--)
        names = strchr(names, '/') + 1;
    for (; *names && *names != '/' && at + 12 < size; names++)
        if (*names == '#')
            at += (unsigned)snprintf(buf + at, size - at, "%u", index / n);
        else
            buf[at++] = *names;
    buf[at] = 0;
}

bool x86_msr_name(uint32_t msr, char *buf, size_t size)
{
    for (unsigned i = 0; i < NROWS; i++)
        if (msr - rows[i].first < rows[i].count) {
            run_name(rows[i].name, msr - rows[i].first, buf, size);
            return true;
        }
    if (msr - MSR_X2APIC < 0x40 && x2apic_names[msr - MSR_X2APIC]) {
        snprintf(buf, size, "%s", x2apic_names[msr - MSR_X2APIC]);
        return true;
    }
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].msr == msr) {
            snprintf(buf, size, "%s", others[i].name);
            return true;
        }
    return false;
}
