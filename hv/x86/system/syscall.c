/* syscall.c - SYSCALL, SYSRET, SYSENTER, SYSEXIT. SDM volume 2; AMD64 APM volume 3 for SYSCALL outside 64-bit
 * mode.
 *
 * CS and SS get fixed hidden parts; no descriptor is read. */
#include "hv/x86/flow.h"
#include "hv/x86/system/sys.h"

enum {
    CODE32 = SEG_CODE | SEG_READABLE | SEG_DB | SEG_G,
    CODE64 = SEG_CODE | SEG_READABLE | SEG_L | SEG_G,
    DATA32 = SEG_WRITABLE | SEG_DB | SEG_G,
};

/* Load CS and SS for privilege `cpl` and continue at rip. */
static const struct op *enter(struct x86 *cpu, const struct op *op, uint16_t cs, uint16_t ss, unsigned cpl,
                              bool to64, uint64_t rip)
{
    const struct flow_start s = flow_begin(cpu, op);
    uint16_t dpl = (uint16_t)(cpl << 5);
    struct seg code = seg_flat((uint16_t)((cs & 0xfffc) | cpl), (to64 ? CODE64 : CODE32) | dpl);
    cpu->seg[SS] = seg_flat((uint16_t)((ss & 0xfffc) | cpl), DATA32 | dpl);
    cs_commit(cpu, &code, cpl, rip);
    const struct op *next = leave_to(cpu, op, rip);
    flow_end(cpu, cpl ? FLOW_SYSRET : FLOW_SYSCALL, &s);
    return next;
}

/* Intel's processors have SYSCALL and SYSRET in 64-bit code only. */
static bool has_syscall(const struct x86 *cpu)
{
    return cpu->efer & EFER_SCE && (cpu->mode64 || !cpu_has(cpu, FT_INTEL));
}

static OP(op_syscall)
{
    SYNC;
    if (cpu->hosted)
        return hosted_syscall(cpu, op);
    if (!has_syscall(cpu))
        raise_fault(cpu, VEC_UD);
    uint16_t cs = cpu->msr.star >> 32 & 0xffff;
    uint64_t flags = eflags_get(cpu), rip;
    bool lm = long_mode(cpu);
    SET64(RCX, rip_after(cpu, op));
    if (lm) {
        SET64(R11, flags & ~(uint64_t)FLAG_RF);
        rip = cpu->mode64 ? cpu->msr.lstar : cpu->msr.cstar;
        eflags_set(cpu, flags & ~(cpu->msr.fmask | FLAG_RF));
    } else {
        rip = (uint32_t)cpu->msr.star;
        eflags_set(cpu, flags & ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF));
    }
    if_event(cpu, flags, "syscall");
    cpu->tf_pending = cpu->flags & FLAG_TF; /* the new value of TF decides about the trap */
    return enter(cpu, op, cs & 0xfffc, (uint16_t)((cs & 0xfffc) + 8), 0, lm, rip);
}

static OP(op_sysret)
{
    SYNC;
    if (!has_syscall(cpu))
        raise_fault(cpu, VEC_UD);
    if (!protected_mode(cpu) || cpu->cpl)
        raise_error(cpu, VEC_GP, 0);
    uint16_t sel = cpu->msr.star >> 48 & 0xffff;
    bool to64 = op->osize == 3;
    uint64_t rip = to64 ? R64(RCX) : R32(RCX);
    if (!is_canonical(cpu, rip))
        raise_error(cpu, VEC_GP, 0);
    const uint64_t old = eflags_get(cpu);
    eflags_set(cpu, long_mode(cpu) ? R64(R11) & 0x3c7fd7 : old | FLAG_IF);
    if_event(cpu, old, "sysret");
    cpu->tf_pending = cpu->flags & FLAG_TF;
    return enter(cpu, op, (uint16_t)(sel + (to64 ? 16 : 0)), (uint16_t)(sel + 8), 3, to64, rip);
}

static OP(op_sysenter)
{
    SYNC;
    uint16_t cs = cpu->msr.sysenter_cs & 0xfffc;
    if (real_mode(cpu) || !cs)
        raise_error(cpu, VEC_GP, 0);
    bool lm = long_mode(cpu);
    uint64_t rip = lm ? cpu->msr.sysenter_eip : (uint32_t)cpu->msr.sysenter_eip;
    const uint64_t old = cpu->flags;
    cpu->flags &= ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF);
    if_event(cpu, old, "sysenter");
    SET64(RSP, lm ? cpu->msr.sysenter_esp : (uint32_t)cpu->msr.sysenter_esp);
    return enter(cpu, op, cs, (uint16_t)(cs + 8), 0, lm, rip);
}

static OP(op_sysexit)
{
    SYNC;
    uint16_t cs = cpu->msr.sysenter_cs & 0xfffc;
    if (!protected_mode(cpu) || cpu->cpl || !cs)
        raise_error(cpu, VEC_GP, 0);
    bool to64 = op->osize == 3;
    uint64_t rip = to64 ? R64(RDX) : R32(RDX), rsp = to64 ? R64(RCX) : R32(RCX);
    if (!is_canonical(cpu, rip) || !is_canonical(cpu, rsp))
        raise_error(cpu, VEC_GP, 0);
    SET64(RSP, rsp);
    unsigned add = to64 ? 32 : 16;
    return enter(cpu, op, (uint16_t)(cs + add), (uint16_t)(cs + add + 8), 3, to64, rip);
}

FAMILY1(fam_syscall, op_syscall);
FAMILY1(fam_sysret, op_sysret);
FAMILY1(fam_sysenter, op_sysenter);
FAMILY1(fam_sysexit, op_sysexit);
