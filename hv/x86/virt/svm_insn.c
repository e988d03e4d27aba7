/* svm_insn.c - AMD's instructions for virtual machines but for the entry itself, the MSRs, CPUID. AMD APM volume 3; volume 2, 15.4, 15.30. */
#include "hv/x86/virt/svm.h"

/* The checks that come before the intercept. */
static void need_svm(struct x86 *cpu)
{
    if (!(cpu->efer & EFER_SVME) || !protected_mode(cpu))
        raise_fault(cpu, VEC_UD);
    need_cpl0(cpu);
}

/* rAX, as wide as addresses are: the physical address of a page. */
static uint64_t vmcb_operand(struct x86 *cpu, const struct op *op)
{
    const uint64_t pa = op->asize == 2 ? R64(RAX) : op->asize == 1 ? R32(RAX) : R16(RAX);
    if (pa & 0xfff || pa >> cpuid_physical_bits(cpu))
        raise_error(cpu, VEC_GP, 0);
    return pa;
}

static OP(op_vmrun)
{
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_VMRUN, 0);
    const uint64_t pa = vmcb_operand(cpu, op);
    if (cpu->guest.runs) /* VMRUN in a guest is always intercepted: svm_check.c */
        raise_fault(cpu, VEC_UD);
    leave_to(cpu, op, rip_after(cpu, op));
    svm_enter(cpu, pa);
    return NULL;
}

static OP(op_vmload)
{
    struct vmcb v;
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_VMLOAD, 0);
    vmcb_read(cpu, vmcb_operand(cpu, op), &v);
    vmcb_load_more(cpu, &v);
    mode_derive(cpu);
    LEAVE;
}

static OP(op_vmsave)
{
    enum { SEGS = 0x440, SEGS_END = 0x4a0, MSRS = 0x600, MSRS_END = 0x640 };
    struct vmcb v;
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_VMSAVE, 0);
    const uint64_t pa = vmcb_operand(cpu, op);
    vmcb_read(cpu, pa, &v);
    vmcb_store_more(cpu, &v);
    vmcb_write(cpu, pa, &v, SEGS, SEGS_END);
    vmcb_write(cpu, pa, &v, MSRS, MSRS_END);
    LEAVE;
}

static OP(op_stgi)
{
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_STGI, 0);
    cpu->virt.held = false;
    LEAVE;
}

static OP(op_clgi)
{
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_CLGI, 0);
    cpu->virt.held = true;
    LEAVE;
}

/* The models have no secure start (CPUID 80000001h ECX.SKINIT is clear). */
static OP(op_skinit)
{
    SYNC;
    raise_fault(cpu, VEC_UD);
}

/* No stale translation is ever kept: there is nothing to do. */
static OP(op_invlpga)
{
    SYNC;
    need_svm(cpu);
    virt_intercept(cpu, op, VIRT_INVLPGA, op->asize == 2 ? R64(RAX) : R32(RAX));
    NEXT;
}

FAMILY1(fam_vmrun, op_vmrun);
FAMILY1(fam_vmload, op_vmload);
FAMILY1(fam_vmsave, op_vmsave);
FAMILY1(fam_stgi, op_stgi);
FAMILY1(fam_clgi, op_clgi);
FAMILY1(fam_skinit, op_skinit);
FAMILY1(fam_invlpga, op_invlpga);

/* ---------------------------------------------------------------- MSRs */

/* Once LOCK is set, it and SVMDIS keep their values. DPD has no effect, as there is no external debugger. DIS_A20M is not there. */
bool virt_cr_write(struct x86 *cpu, uint64_t v)
{
    const uint64_t fixed = cpu->virt.vm_cr & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_SVMDIS : 0;
    if (v & ~(uint64_t)(VM_CR_DPD | VM_CR_R_INIT | VM_CR_LOCK | VM_CR_SVMDIS))
        return false;
    if (v & ~fixed & VM_CR_SVMDIS && cpu->efer & EFER_SVME)
        return false;
    cpu->virt.vm_cr = (cpu->virt.vm_cr & fixed) | (v & ~fixed);
    return true;
}

bool virt_disabled(const struct x86 *cpu)
{
    return cpu->virt.vm_cr & VM_CR_SVMDIS;
}

bool virt_hsave_write(struct x86 *cpu, uint64_t v)
{
    if (v & 0xfff || v >> cpuid_physical_bits(cpu))
        return false;
    cpu->virt.hsave_pa = v;
    return true;
}

/* ---------------------------------------------------------------- CPUID */

void virt_cpuid(const struct x86 *cpu, uint32_t result[4])
{
    enum {
        REVISION = 1,
        ASIDS = 0x8000,
        NESTED_PAGING = 1 << 0,
        SVM_LOCK = 1 << 2,
        NEXT_RIP = 1 << 3,
        CLEAN_BITS = 1 << 5, /* the processor keeps nothing of a VMCB, and ignores them */
        FLUSH_BY_ASID = 1 << 6,
        DECODE_ASSISTS = 1 << 7,
        PAUSE_FILTER = 1 << 10,
        PAUSE_WINDOW = 1 << 12,
    };
    if (!cpu_has(cpu, FT_SVM))
        return;
    result[0] = REVISION;
    result[1] = ASIDS;
    result[3] = NESTED_PAGING | SVM_LOCK | NEXT_RIP | CLEAN_BITS | FLUSH_BY_ASID | DECODE_ASSISTS |
                PAUSE_FILTER | PAUSE_WINDOW;
}
