/* msr.c - RDMSR and WRMSR. SDM volume 4; AMD BKDG for family 0Fh (26094) for what its models have.
 *
 * One row a register or a run of them. What no row names goes to the board (local APIC), then is #GP(0) and
 * an event.
 */
#include "hv/x86/sys.h"

enum kind {
    KEEP,      /* any value */
    CANONICAL, /* a linear address: #GP if not canonical */
    LOW32,     /* the upper half is dropped */
    CONSTANT,  /* `value`; writes are #GP */
    IGNORE,    /* reads `value`; writes do nothing */
    PAT,
    MTRR_TYPES,
    MTRR_RANGE,
    MTRR_DEFAULT,
    MC_BANK, /* four a bank: control, status, address, miscellaneous */
    TSC,
    EFER,
};

struct msr_row {
    uint32_t first, count;
    uint8_t kind, feature;
    bool report;     /* writes make an EV_CPU_MSR */
    uint32_t offset; /* in struct x86, of an uint64_t (an array if count > 1) */
    uint64_t value;
};

#define AT(member) offsetof(struct x86, member)
static const struct msr_row rows[] = {
    {0x10, 1, TSC, FT_BASE, false, 0, 0},
    {0x8b, 1, KEEP, FT_BASE, false, AT(msr.bios_sign), 0},
    {0xfe, 1, CONSTANT, FT_BASE, false, 0,
     0x508}, /* MTRRCAP: 8 variable ranges, fixed ranges, write-combining */
    {0x174, 1, KEEP, FT_SYSENTER, true, AT(msr.sysenter_cs), 0},
    {0x175, 1, CANONICAL, FT_SYSENTER, true, AT(msr.sysenter_esp), 0},
    {0x176, 1, CANONICAL, FT_SYSENTER, true, AT(msr.sysenter_eip), 0},
    {0x179, 1, CONSTANT, FT_BASE, false, 0, 0x10a}, /* MCG_CAP: 10 banks, MCG_CTL */
    {0x17a, 1, KEEP, FT_BASE, false, AT(msr.mcg_status), 0},
    {0x17b, 1, KEEP, FT_BASE, false, AT(msr.mcg_ctl), 0},
    {0x1a0, 1, KEEP, FT_BASE, false, AT(msr.misc_enable), 0},
    {0x1d9, 1, IGNORE, FT_BASE, false, 0, 0}, /* DEBUGCTL: no branch records */
    {0x200, 16, MTRR_RANGE, FT_BASE, false, AT(msr.mtrr_var), 0},
    {0x250, 1, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[0]), 0},
    {0x258, 2, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[1]), 0},
    {0x268, 8, MTRR_TYPES, FT_BASE, false, AT(msr.mtrr_fix[3]), 0},
    {0x277, 1, PAT, FT_BASE, false, AT(msr.pat), 0},
    {0x2ff, 1, MTRR_DEFAULT, FT_BASE, false, AT(msr.mtrr_def), 0},
    {0x400, 40, MC_BANK, FT_BASE, false, AT(msr.mc), 0},
    {0xc0000080, 1, EFER, FT_SYSCALL, true, 0, 0},
    {0xc0000081, 1, KEEP, FT_SYSCALL, true, AT(msr.star), 0},
    {0xc0000082, 1, CANONICAL, FT_LM, true, AT(msr.lstar), 0},
    {0xc0000083, 1, CANONICAL, FT_LM, true, AT(msr.cstar), 0},
    {0xc0000084, 1, LOW32, FT_LM, true, AT(msr.fmask), 0},
    {0xc0000100, 1, CANONICAL, FT_LM, true, AT(seg[FS].base), 0},
    {0xc0000101, 1, CANONICAL, FT_LM, true, AT(seg[GS].base), 0},
    {0xc0000102, 1, CANONICAL, FT_LM, true, AT(msr.kernel_gs_base), 0},
    {0xc0000103, 1, LOW32, FT_RDTSCP, false, AT(msr.tsc_aux), 0},
    {0xc0010000, 8, IGNORE, FT_BASE, false, 0, 0}, /* performance counters: they are there, and count nothing */
    {0xc0010010, 1, IGNORE, FT_LM, false, 0, 0},   /* SYSCFG */
    {0xc0010015, 1, IGNORE, FT_BASE, false, 0, 0}, /* HWCR */
    {0xc001001a, 1, IGNORE, FT_LM, false, 0, 0},   /* TOP_MEM: 0, as SYSCFG does not enable it */
    {0xc001001d, 1, IGNORE, FT_LM, false, 0, 0},   /* TOP_MEM2 */
    {0xc001001f, 1, IGNORE, FT_LM, false, 0, 0},   /* NB_CFG */
    {0xc0010055, 1, IGNORE, FT_LM, false, 0, 0},   /* interrupt pending and C1E: never in C1E */
};
enum { NROWS = sizeof rows / sizeof rows[0], MSR_APIC_BASE = 0x1b };

static const struct msr_row *find(const struct x86 *cpu, uint32_t msr)
{
    for (unsigned i = 0; i < NROWS; i++)
        if (msr - rows[i].first < rows[i].count)
            return cpu_has(cpu, rows[i].feature) ? &rows[i] : NULL;
    return NULL;
}

static uint64_t *storage(struct x86 *cpu, const struct msr_row *r, uint32_t msr)
{
    return (uint64_t *)((char *)cpu + r->offset) + (msr - r->first);
}

/* ---------------------------------------------------------------- checks */

/* Eight types, one a byte; `types`: a bit a type that exists. */
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
        return is_canonical(v);
    case CONSTANT:
        return false;
    case PAT:
        return types_valid(v, TYPES_PAT);
    case MTRR_TYPES:
        return types_valid(v, TYPES_MTRR);
    case MTRR_RANGE:
        return mtrr_range_valid(cpu, msr, v);
    case MTRR_DEFAULT:
        return !(v & ~0xcffull) && types_valid(v & 0xff, TYPES_MTRR);
    case MC_BANK: /* the status can only be cleared (SDM volume 3, 15.3.2.2; AMD: while HWCR.McStatusWrEn is clear) */
        return (msr & 3) != 1 || !v;
    default:
        return true;
    }
}

/* ---------------------------------------------------------------- EFER */

uint64_t efer_allowed(const struct x86 *cpu)
{
    return (cpu_has(cpu, FT_SYSCALL) ? EFER_SCE : 0) | (cpu_has(cpu, FT_LM) ? EFER_LME : 0) |
           (cpu_has_nx(cpu) ? EFER_NXE : 0);
}

static bool efer_write(struct x86 *cpu, uint64_t v)
{
    uint64_t old = cpu->efer, can = efer_allowed(cpu);
    if (v & ~(can | EFER_LMA))
        return false;
    if ((old ^ v) & EFER_LME && cpu->cr0 & CR0_PG)
        return false;
    cpu->efer = (v & can) | (old & EFER_LMA);
    tlb_switch(cpu);
    return true;
}

/* ---------------------------------------------------------------- reading and writing */

static bool msr_read(struct x86 *cpu, uint32_t msr, uint64_t *v)
{
    const struct msr_row *r = find(cpu, msr);
    if (!r)
        return cpu->bus.rdmsr(cpu->bus.ctx, msr, v);
    switch (r->kind) {
    case TSC:
        *v = cpu->bus.time(cpu->bus.ctx) + cpu->msr.tsc_offset;
        break;
    case EFER:
        *v = cpu->efer;
        break;
    case CONSTANT:
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
    if (!r && msr == MSR_APIC_BASE && v >> cpuid_physical_bits(cpu))
        return false; /* the board does not know how wide addresses are */
    if (!r)
        return cpu->bus.wrmsr(cpu->bus.ctx, msr, v);
    if (!valid(cpu, r, msr, v))
        return false;
    switch (r->kind) {
    case TSC:
        cpu->msr.tsc_offset = v - cpu->bus.time(cpu->bus.ctx);
        break;
    case EFER:
        return efer_write(cpu, v);
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

/* A register that is there refuses a value without being "unhandled". */
static void refuse(struct x86 *cpu, uint32_t msr, bool write, uint64_t v)
{
    uint64_t old;
    if (!find(cpu, msr) && !(write && cpu->bus.rdmsr(cpu->bus.ctx, msr, &old)))
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
    if (!msr_write(cpu, msr, v))
        refuse(cpu, msr, true, v);
    written_event(cpu, msr, v);
    LEAVE;
}

FAMILY1(fam_rdmsr, op_rdmsr);
FAMILY1(fam_wrmsr, op_wrmsr);
