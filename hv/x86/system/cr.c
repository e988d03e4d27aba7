/* cr.c - control and debug registers. SDM volume 2, MOV CR, MOV DR, LMSW, SMSW, CLTS; volume
 * 3, 2.5, 4.1, 4.4.1, 9.8.5, 17.2. */
#include "hv/x86/memory/walk.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

enum { CR0_BITS = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD };

uint64_t cr4_allowed(const struct x86 *cpu)
{
    static const struct {
        enum feature feature;
        uint32_t cr4;
    } bits[] = {
        {FT_FXSR, CR4_OSFXSR},   {FT_SSE, CR4_OSXMMEXCPT}, {FT_UMIP, CR4_UMIP}, {FT_FSGSBASE, CR4_FSGSBASE},
        {FT_INVPCID, CR4_PCIDE}, {FT_XSAVE, CR4_OSXSAVE},  {FT_SMEP, CR4_SMEP}, {FT_SMAP, CR4_SMAP},
        {FT_LA57, CR4_LA57},     {FT_VMX, CR4_VMXE},
    };
    uint64_t v = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (cpu_has(cpu, bits[i].feature))
            v |= bits[i].cr4;
    return v;
}

static void cr_event(struct x86 *cpu, unsigned reg, uint64_t old, uint64_t new)
{
    struct event ev = {.kind = EV_CPU_CR};
    if (old == new)
        return;
    ev.f[EVF_CPU_CR_reg] = reg;
    ev.f[EVF_CPU_CR_old] = old;
    ev.f[EVF_CPU_CR_new] = new;
    ev.f[EVF_CPU_CR_ip] = where_rip(cpu);
    cpu_event(cpu, &ev);
}

/* ---------------------------------------------------------------- CR3 */

bool pdptes_read(const struct x86 *cpu, uint64_t cr3, uint64_t entry[4])
{
    uint64_t e[4], reserved = 0x1e6 | ~(uint64_t)0 << cpuid_physical_bits(cpu);
    physmem_read(cpu->mem, cr3 & 0xffffffe0 & physmem_a20_mask(cpu->mem), e, sizeof e);
    for (unsigned i = 0; i < 4; i++)
        if (e[i] & 1 && e[i] & reserved)
            return false;
    memcpy(entry, e, sizeof e);
    return true;
}

bool pdpte_load(struct x86 *cpu, uint64_t cr3)
{
    if (cpu->guest.nested)
        return walk_pdptes(cpu, cr3 & CR3_PAE, cpu->pdpte);
    return pdptes_read(cpu, cr3, cpu->pdpte);
}

void cr3_load(struct x86 *cpu, uint64_t value)
{
    if (uses_pdptes(cpu) && !pdpte_load(cpu, value))
        raise_error(cpu, VEC_GP, 0);
    uint64_t old = cpu->cr3;
    cpu->cr3 = value;
    tlb_switch(cpu);
    cr_event(cpu, 3, old, value);
}

/* With process-context identifiers, bit 63 says that translations of the new one may be kept. None are kept
 * by identifier, which the architecture permits (SDM volume 3, 4.10.4.1). */
static void cr3_write(struct x86 *cpu, uint64_t v)
{
    v = virt_mov_to_cr(cpu, 3, cpu->op->src, v);
    if (cpu->cr4 & CR4_PCIDE)
        v &= ~(1ull << 63);
    if (long_mode(cpu) && v >> cpuid_physical_bits(cpu))
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, cpu->op, VIRT_CR_WRITE + 3, VIRT_IS_MOV | cpu->op->src);
    cr3_load(cpu, v);
}

/* ---------------------------------------------------------------- CR0 */

/* Whether TR keeps the processor from activating long mode: the check is Intel's (SDM volume 2, MOV to control registers). AMD's processors have
 * none (APM volume 2, 14.6): KVM's guests begin there with a 16-bit TSS. */
static bool has_narrow_task(const struct x86 *cpu)
{
    return sys_type(cpu->seg[TR].attr) == SYS_TSS16_BUSY && (cpu_has(cpu, FT_INTEL) || cpu->as_before_16);
}

/* The value of EFER when CR0 becomes v; raises for forbidden transitions. */
static uint64_t efer_after(struct x86 *cpu, uint64_t v)
{
    if (!((cpu->cr0 ^ v) & CR0_PG))
        return cpu->efer;
    if (!(v & CR0_PG)) {
        if (cpu->mode64 || cpu->cr4 & CR4_PCIDE)
            raise_error(cpu, VEC_GP, 0);
        return cpu->efer & ~(uint64_t)EFER_LMA;
    }
    if (!(cpu->efer & EFER_LME))
        return cpu->efer;
    if (!(cpu->cr4 & CR4_PAE) || cpu->seg[CS].attr & SEG_L || has_narrow_task(cpu))
        raise_error(cpu, VEC_GP, 0);
    return cpu->efer | EFER_LMA;
}

/* `mov`: the instruction is MOV, and not LMSW. */
static void cr0_write(struct x86 *cpu, uint64_t v, bool mov)
{
    uint64_t old = cpu->cr0, fixed = virt_cr_fixed(cpu, 0);
    if (mov)
        v = virt_mov_to_cr(cpu, 0, cpu->op->src, v);
    if (v >> 32 || (v & fixed) != fixed || (v & CR0_PG && !(v & CR0_PE)) || (v & CR0_NW && !(v & CR0_CD)))
        raise_error(cpu, VEC_GP, 0);
    v = (v & ((uint64_t)CR0_BITS | CR0_PG)) | CR0_ET;
    uint64_t efer = efer_after(cpu, v), changed = old ^ v;
    bool pae = v & CR0_PG && cpu->cr4 & CR4_PAE && !(efer & EFER_LMA) && keeps_pdptes(cpu);
    virt_cr0_write(cpu, cpu->op, v, !mov, mov ? VIRT_IS_MOV | cpu->op->src : 0);
    if (pae && changed & (CR0_PG | CR0_CD | CR0_NW) && !pdpte_load(cpu, cpu->cr3))
        raise_error(cpu, VEC_GP, 0);
    if ((changed & ~(uint64_t)CR0_TS) != 0)
        cr_event(cpu, 0, old, v);
    if (changed & v & CR0_PG && cpu->bus.hooks.paging)
        cpu->bus.hooks.paging(cpu->bus.hooks.ctx, cpu->index);
    cpu->cr0 = v;
    cpu->efer = efer;
    if (!(v & CR0_PE))
        cpu->cpl = 0;
    tlb_switch(cpu);
    mode_changed(cpu);
}

/* ---------------------------------------------------------------- CR4 */

static void cr4_write(struct x86 *cpu, uint64_t v)
{
    v = virt_mov_to_cr(cpu, 4, cpu->op->src, v);
    uint64_t old = cpu->cr4, changed = old ^ v, fixed = virt_cr_fixed(cpu, 4),
             tables = CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP;
    if (v & ~cr4_allowed(cpu) || (v & fixed) != fixed ||
        (long_mode(cpu) && (!(v & CR4_PAE) || changed & CR4_LA57)))
        raise_error(cpu, VEC_GP, 0);
    if (changed & v & CR4_PCIDE && (!long_mode(cpu) || cpu->cr3 & 0xfff))
        raise_error(cpu, VEC_GP, 0);
    bool pae = cpu->cr0 & CR0_PG && v & CR4_PAE && !long_mode(cpu) && keeps_pdptes(cpu);
    virt_intercept(cpu, cpu->op, VIRT_CR_WRITE + 4, VIRT_IS_MOV | cpu->op->src);
    if (pae && changed & tables && !pdpte_load(cpu, cpu->cr3))
        raise_error(cpu, VEC_GP, 0);
    cr_event(cpu, 4, old, v);
    cpu->cr4 = v;
    tlb_switch(cpu);
}

/* ---------------------------------------------------------------- MOV CR */

/* The general operand: 64 bits in 64-bit code, else 32, whatever the prefix. */
static uint64_t gpr_get(const struct x86 *cpu, unsigned r)
{
    return cpu->mode64 ? R64(r) : R32(r);
}
static void gpr_set(struct x86 *cpu, unsigned r, uint64_t v)
{
    SET64(r, cpu->mode64 ? v : (uint32_t)v);
}

/* Only CR0, CR2 to CR4 and CR8 exist. */
static void need_cr(struct x86 *cpu, unsigned n)
{
    if (n > 8 || !(0x11d >> n & 1))
        raise_fault(cpu, VEC_UD);
    need_cpl0(cpu);
}

static OP(op_mov_from_cr)
{
    uint64_t v = 0;
    SYNC;
    need_cr(cpu, op->src);
    virt_intercept(cpu, op, VIRT_CR_READ + op->src, VIRT_IS_MOV | op->dst);
    virt_mov_from_cr(cpu, op->src, op->dst);
    switch (op->src) {
    case 0:
        v = cpu->cr0;
        break;
    case 2:
        v = cpu->cr2;
        break;
    case 3:
        v = cpu->cr3;
        break;
    case 4:
        v = cpu->cr4;
        break;
    case 8:
        v = virt_cr8_get(cpu);
        break;
    }
    gpr_set(cpu, op->dst, virt_cr_read(cpu, op->src, v));
    NEXT;
}

static void cr8_write(struct x86 *cpu, uint64_t v)
{
    v = virt_mov_to_cr(cpu, 8, cpu->op->src, v);
    if (v > 15)
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, cpu->op, VIRT_CR_WRITE + 8, VIRT_IS_MOV | cpu->op->src);
    virt_cr8_set(cpu, v);
}

static OP(op_mov_to_cr)
{
    uint64_t v = gpr_get(cpu, op->src);
    SYNC;
    need_cr(cpu, op->dst);
    switch (op->dst) {
    case 0:
        cr0_write(cpu, v, true);
        break;
    case 2:
        virt_intercept(cpu, op, VIRT_CR_WRITE + 2, VIRT_IS_MOV | op->src);
        cpu->cr2 = v;
        break;
    case 3:
        cr3_write(cpu, v);
        break;
    case 4:
        cr4_write(cpu, v);
        break;
    case 8:
        cr8_write(cpu, v);
        break;
    }
    LEAVE;
}

/* INVPCID: no stale translation is ever kept, so only the checks remain. SDM volume 2, INVPCID. */
static OP(op_invpcid)
{
    enum { INDIVIDUAL, SINGLE, ALL, ALL_BUT_GLOBAL };
    SYNC;
    if (virt_lacks(cpu, VIRT_HAS_INVPCID))
        raise_fault(cpu, VEC_UD);
    uint64_t type = cpu->mode64 ? R64(op->dst) : R32(op->dst), lin = ea_any(cpu, op, 16, false);
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_INVPCID, lin);
    uint64_t pcid = ld64(cpu, op, lin), address = ld64(cpu, op, linear_on(cpu, lin, 8));
    bool bad = type > ALL_BUT_GLOBAL || pcid >> 12 ||
               (type == INDIVIDUAL && !may_be_canonical(cpu, address)) ||
               (type <= SINGLE && pcid && !(cpu->cr4 & CR4_PCIDE));
    if (bad)
        raise_error(cpu, VEC_GP, 0);
    NEXT;
}

static OP(op_lmsw)
{
    SYNC;
    need_cpl0(cpu);
    uint16_t v = op->pfx & PFX_MEM ? ld16(cpu, op, ea_any(cpu, op, 2, false)) : R16(op->dst);
    v = virt_lmsw(cpu, op, v);
    cr0_write(cpu, (cpu->cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | (v & 15),
              false); /* PE can only be set */
    LEAVE;
}

static OP(op_smsw)
{
    SYNC;
    if (cpu->cr4 & CR4_UMIP && cpu->cpl)
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, op, VIRT_CR_READ, 0);
    if (op->pfx & PFX_MEM)
        st16(cpu, op, ea_any(cpu, op, 2, true), (uint16_t)virt_cr_read(cpu, 0, cpu->cr0));
    else
        reg_set_sized(cpu, op->dst, op->osize, virt_cr_read(cpu, 0, cpu->cr0));
    NEXT;
}

static OP(op_clts)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_CR_WRITE, 0);
    if (virt_clts(cpu))
        cpu->cr0 &= ~(uint64_t)CR0_TS;
    NEXT;
}

/* ---------------------------------------------------------------- MOV DR */

enum { DR7_GD = 1 << 13, DR6_BD = 1 << 13 };

/* The register's number after aliasing; raises the faults of an access. */
static unsigned dr_number(struct x86 *cpu, unsigned n)
{
    if (n > 7 || ((n == 4 || n == 5) && cpu->cr4 & CR4_DE))
        raise_fault(cpu, VEC_UD);
    need_cpl0(cpu);
    if (cpu->dr[7] & DR7_GD)
        raise_debug(cpu, DR6_BD);
    return n == 4 || n == 5 ? n + 2 : n;
}

static OP(op_mov_from_dr)
{
    SYNC;
    virt_mov_dr(cpu, op->src, true, op->dst);
    const unsigned n = dr_number(cpu, op->src);
    virt_intercept(cpu, op, VIRT_DR_READ + op->src, op->dst);
    gpr_set(cpu, op->dst, cpu->dr[n]);
    NEXT;
}

uint64_t dr_fixed(unsigned n, uint64_t v)
{
    return n == 6 ? (v & 0xe00f) | 0xffff0ff0 : n == 7 ? (v & 0xffff23ff) | 0x400 : v;
}

static OP(op_mov_to_dr)
{
    SYNC;
    virt_mov_dr(cpu, op->dst, false, op->src);
    unsigned n = dr_number(cpu, op->dst);
    uint64_t v = gpr_get(cpu, op->src);
    if (n >= 6 && v >> 32)
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, op, VIRT_DR_WRITE + op->dst, op->src);
    cpu->dr[n] = dr_fixed(n, v);
    if (n != 6)
        tlb_flush(cpu); /* pages with data breakpoints must not be in the TLB */
    LEAVE;
}

FAMILY1(fam_invpcid, op_invpcid);
FAMILY1(fam_mov_from_cr, op_mov_from_cr);
FAMILY1(fam_mov_to_cr, op_mov_to_cr);
FAMILY1(fam_mov_from_dr, op_mov_from_dr);
FAMILY1(fam_mov_to_dr, op_mov_to_dr);
FAMILY1(fam_lmsw, op_lmsw);
FAMILY1(fam_smsw, op_smsw);
FAMILY1(fam_clts, op_clts);
