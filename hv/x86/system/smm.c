/* smm.c - system management mode: SMI entry, the state save map, RSM.
 *
 * The map of processors with long mode is AMD's (AMD64 APM volume 2, 10.2.3; revision 0x20064), that of
 * others the 32-bit one (SDM volume 3, 34.4.1; revision 0x20000), with the hidden parts of segments where
 * processors of that time kept them. Offsets are from SMBASE + 8000h. */
#include "hv/x86/flow.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

enum {
    MAP_AT = 0x8000,
    MAP_SIZE = 0x8000,
    REVISION = 0x7efc,
    REVISION64 = 0x20064,
    REVISION32 = 0x20000,
};

/* One value in the map: `width` bytes in the map, `size` bytes in struct x86. */
struct slot {
    uint16_t at;
    uint8_t width, size;
    uint32_t member;
};
#define SLOT(at, width, member)                                                                              \
    {                                                                                                        \
        at, width, sizeof(((struct x86 *)0)->member), offsetof(struct x86, member)                           \
    }
#define SEG64(at, n)                                                                                         \
    SLOT(at, 2, seg[n].sel), SLOT((at) + 2, 2, seg[n].attr), SLOT((at) + 4, 4, seg[n].limit),                \
        SLOT((at) + 8, 8, seg[n].base)
/* Selector, then (elsewhere) attributes, limit, base. */
#define SEG32(sel_at, at, n)                                                                                 \
    SLOT(sel_at, 4, seg[n].sel), SLOT(at, 4, seg[n].attr), SLOT((at) + 4, 4, seg[n].limit),                  \
        SLOT((at) + 8, 4, seg[n].base)

static const struct slot map64[] = {
    SEG64(0x7e00, ES),          SEG64(0x7e10, CS),           SEG64(0x7e20, SS),
    SEG64(0x7e30, DS),          SEG64(0x7e40, FS),           SEG64(0x7e50, GS),
    SEG64(0x7e70, LDTR),        SEG64(0x7e90, TR),           SLOT(0x7e64, 2, gdtr.limit),
    SLOT(0x7e68, 8, gdtr.base), SLOT(0x7e84, 2, idtr.limit), SLOT(0x7e88, 8, idtr.base),
    SLOT(0x7ed0, 8, efer),      SLOT(0x7f00, 4, msr.smbase), SLOT(0x7f48, 8, cr4),
    SLOT(0x7f50, 8, cr3),       SLOT(0x7f58, 8, cr0),        SLOT(0x7f60, 8, dr[7]),
    SLOT(0x7f68, 8, dr[6]),     SLOT(0x7f70, 8, flags),      SLOT(0x7f78, 8, gpr[REG_RIP]),
    SLOT(0x7f80, 8, gpr[R15]),  SLOT(0x7f88, 8, gpr[R14]),   SLOT(0x7f90, 8, gpr[R13]),
    SLOT(0x7f98, 8, gpr[R12]),  SLOT(0x7fa0, 8, gpr[R11]),   SLOT(0x7fa8, 8, gpr[R10]),
    SLOT(0x7fb0, 8, gpr[R9]),   SLOT(0x7fb8, 8, gpr[R8]),    SLOT(0x7fc0, 8, gpr[RDI]),
    SLOT(0x7fc8, 8, gpr[RSI]),  SLOT(0x7fd0, 8, gpr[RBP]),   SLOT(0x7fd8, 8, gpr[RSP]),
    SLOT(0x7fe0, 8, gpr[RBX]),  SLOT(0x7fe8, 8, gpr[RDX]),   SLOT(0x7ff0, 8, gpr[RCX]),
    SLOT(0x7ff8, 8, gpr[RAX]),
};

static const struct slot map32[] = {
    SEG32(0x7fa8, 0x7f84, ES),     SEG32(0x7fac, 0x7f90, CS),   SEG32(0x7fb0, 0x7f9c, SS),
    SEG32(0x7fb4, 0x7f2c, DS),     SEG32(0x7fb8, 0x7f38, FS),   SEG32(0x7fbc, 0x7f44, GS),
    SEG32(0x7fc0, 0x7f78, LDTR),   SEG32(0x7fc4, 0x7f5c, TR),   SLOT(0x7f70, 4, gdtr.limit),
    SLOT(0x7f74, 4, gdtr.base),    SLOT(0x7f54, 4, idtr.limit), SLOT(0x7f58, 4, idtr.base),
    SLOT(0x7ef8, 4, msr.smbase),   SLOT(0x7f14, 4, cr4),        SLOT(0x7fc8, 4, dr[7]),
    SLOT(0x7fcc, 4, dr[6]),        SLOT(0x7fd0, 4, gpr[RAX]),   SLOT(0x7fd4, 4, gpr[RCX]),
    SLOT(0x7fd8, 4, gpr[RDX]),     SLOT(0x7fdc, 4, gpr[RBX]),   SLOT(0x7fe0, 4, gpr[RSP]),
    SLOT(0x7fe4, 4, gpr[RBP]),     SLOT(0x7fe8, 4, gpr[RSI]),   SLOT(0x7fec, 4, gpr[RDI]),
    SLOT(0x7ff0, 4, gpr[REG_RIP]), SLOT(0x7ff4, 4, flags),      SLOT(0x7ff8, 4, cr3),
    SLOT(0x7ffc, 4, cr0),
};

/* A model's map. */
struct map {
    const struct slot *slot;
    unsigned n;
    uint32_t revision;
    /* Offsets of two bytes in the map: whether the processor was halted when the SMI came (the handler may
     * change this), and whether NMIs were blocked (reserved for the processor). */
    uint16_t halt, nmi;
};

static struct map map_of(const struct x86 *cpu)
{
    if (cpu_has(cpu, FT_LM))
        return (struct map){map64, sizeof map64 / sizeof map64[0], REVISION64, 0x7ec9, 0x7ecb};
    return (struct map){map32, sizeof map32 / sizeof map32[0], REVISION32, 0x7f02, 0x7f04};
}

static uint64_t map_address(const struct x86 *cpu)
{
    return (uint32_t)cpu->msr.smbase + (uint64_t)MAP_AT;
}

static void smm_event(struct x86 *cpu, bool entering)
{
    struct event ev = {.kind = EV_CPU_SMM};
    ev.f[EVF_CPU_SMM_enter] = entering;
    ev.f[EVF_CPU_SMM_smbase] = cpu->msr.smbase;
    cpu_event(cpu, &ev);
}

/* ---------------------------------------------------------------- entry */

static void map_save(struct x86 *cpu)
{
    struct map m = map_of(cpu);
    uint64_t base = map_address(cpu), system_flags = cpu->flags;
    uint8_t halted = cpu->halted, nmi = cpu->nmi_blocked;
    cpu->flags = eflags_get(cpu);
    for (unsigned i = 0; i < m.n; i++) {
        uint64_t v = 0;
        memcpy(&v, (char *)cpu + m.slot[i].member, m.slot[i].size);
        physmem_write(cpu->mem, base + m.slot[i].at, &v, m.slot[i].width);
    }
    cpu->flags = system_flags;
    physmem_write(cpu->mem, base + REVISION, &m.revision, 4);
    physmem_write(cpu->mem, base + m.halt, &halted, 1);
    physmem_write(cpu->mem, base + m.nmi, &nmi, 1);
}

void smm_enter(struct x86 *cpu)
{
    const struct flow_start s = flow_begin(cpu, NULL);
    smm_event(cpu, true);
    cpu->in_smm = true;
    cpu->bus.smm(cpu->bus.ctx, true);
    map_save(cpu);
    virt_suspend(cpu);
    cpu->halted = false;
    cpu->nmi_blocked = true;
    cpu->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    cpu->cr4 = 0;
    cpu->efer = 0;
    cpu->dr[7] = 0x400;
    cpu->cpl = 0;
    eflags_set(cpu, FLAG_1);
    for (unsigned i = ES; i <= GS; i++)
        cpu->seg[i] = (struct seg){.limit = 0xffffffff, .attr = 0x93 | SEG_G};
    cpu->seg[CS].base = (uint32_t)cpu->msr.smbase;
    cpu->seg[CS].sel = (uint16_t)(cpu->msr.smbase >> 4);
    cpu->gpr[REG_RIP] = 0x8000;
    tlb_flush(cpu);
    mode_update(cpu, 0x8000);
    flow_end(cpu, FLOW_SMI, &s);
}

/* ---------------------------------------------------------------- RSM */

static void map_load(struct x86 *cpu)
{
    struct map m = map_of(cpu);
    uint64_t base = map_address(cpu);
    uint8_t halted, nmi;
    for (unsigned i = 0; i < m.n; i++) {
        uint64_t v = 0;
        physmem_read(cpu->mem, base + m.slot[i].at, &v, m.slot[i].width);
        memcpy((char *)cpu + m.slot[i].member, &v, m.slot[i].size);
    }
    physmem_read(cpu->mem, base + m.halt, &halted, 1);
    physmem_read(cpu->mem, base + m.nmi, &nmi, 1);
    cpu->halted = halted & 1;
    cpu->nmi_blocked = nmi & 1;
    eflags_set(cpu, cpu->flags & 0x3f7fd7);
    if (cpu->efer & EFER_LMA || real_mode(cpu)) /* virtual-8086 mode exists only in legacy protected mode */
        cpu->flags &= ~(uint64_t)FLAG_VM;
    cpu->dr[6] = dr_fixed(6, cpu->dr[6]);
    cpu->dr[7] = dr_fixed(7, cpu->dr[7]);
    for (unsigned i = 0; i < NSEG; i++)
        cpu->seg[i].attr &= 0xf0ff; /* the rest is part of a descriptor's limit */
    for (unsigned i = 0; i < NSEG; i++)
        cpu->seg[i].null = i != SEG_NONE && !(cpu->seg[i].attr & SEG_P);
}

/* The conditions of SDM volume 3, 34.10, for which RSM shuts down, as far as the map holds the values. */
static bool state_valid(const struct x86 *cpu)
{
    uint64_t cr0 = cpu->cr0, lme = cpu->efer & EFER_LME, lma = cpu->efer & EFER_LMA;
    if ((cr0 & CR0_PG && !(cr0 & CR0_PE)) || (cr0 & CR0_NW && !(cr0 & CR0_CD)) ||
        cpu->cr4 & ~cr4_allowed(cpu))
        return false;
    if (cpu->efer & ~(efer_allowed(cpu) | EFER_LMA) || !lma != !(lme && cr0 & CR0_PG))
        return false;
    return !lma || cpu->cr4 & CR4_PAE;
}

static OP(op_rsm)
{
    SYNC;
    virt_intercept(cpu, op, VIRT_RSM, 0);
    if (!cpu->in_smm)
        raise_fault(cpu, VEC_UD);
    const struct flow_start s = flow_begin(cpu, op);
    leave_to(cpu, op, 0); /* this counts the step; changing the memory map below may drop the block */
    map_load(cpu);
    virt_resume(cpu);
    cpu->in_smm = false;
    cpu->cpl = real_mode(cpu) ? 0 : v86_mode(cpu) ? 3 : (uint8_t)dpl_of(cpu->seg[SS].attr);
    if (!state_valid(cpu) || (uses_pdptes(cpu) && !pdpte_load(cpu, cpu->cr3))) {
        cpu->shutdown = true;
        cpu->cr0 &= ~(uint64_t)CR0_PG;
        cpu->efer &= ~(uint64_t)EFER_LMA;
    }
    tlb_flush(cpu);
    cpu->bus.smm(cpu->bus.ctx, false);
    smm_event(cpu, false);
    mode_update(cpu, cpu->gpr[REG_RIP]);
    flow_end(cpu, FLOW_RSM, &s);
    return NULL;
}

FAMILY1(fam_rsm, op_rsm);
