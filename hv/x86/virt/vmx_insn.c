/* vmx_insn.c - Intel's instructions for virtual machines. SDM volume 3, chapter 30 (their pseudo-code), 23.7, 24.11.3; 30.2 how they fail. */
#include "hv/x86/virt/vmx.h"

#include "hv/x86/decode/decode.h"

/* Basic exit reasons of these instructions in a guest: appendix C. */
enum {
    BY_VMCALL = 18,
    BY_VMCLEAR,
    BY_VMLAUNCH,
    BY_VMPTRLD,
    BY_VMPTRST,
    BY_VMREAD,
    BY_VMRESUME,
    BY_VMWRITE,
    BY_VMXOFF,
    BY_VMXON,
    BY_INVEPT = 50,
    BY_INVVPID = 53,
};

/* ---------------------------------------------------------------- how they end */

static void set_arithmetic(struct x86 *cpu, uint64_t bits)
{
    eflags_set(cpu, (eflags_get(cpu) & ~(uint64_t)FLAGS_ARITH) | bits);
}

/* VMfail: with a current VMCS its error field says why. */
static void vm_fail(struct x86 *cpu, enum vmx_error error)
{
    const uint64_t v = error;
    if (cpu->vmx.vmcs == VMCS_NONE) {
        set_arithmetic(cpu, FLAG_CF);
        return;
    }
    set_arithmetic(cpu, FLAG_ZF);
    physmem_write(cpu->mem, cpu->vmx.vmcs + VMCS_DATA + 8 * VMCS_ERROR, &v, sizeof v);
}
static void vm_fail_invalid(struct x86 *cpu)
{
    set_arithmetic(cpu, FLAG_CF);
}
static void vm_succeed(struct x86 *cpu)
{
    set_arithmetic(cpu, 0);
}

/* ---------------------------------------------------------------- what comes first */

static void need_mode(struct x86 *cpu)
{
    if (!protected_mode(cpu) || v86_mode(cpu) || (long_mode(cpu) && !cpu->mode64))
        raise_fault(cpu, VEC_UD);
}

/* In SMM a processor is not in VMX operation (34.14). */
static bool in_operation(const struct x86 *cpu)
{
    return cpu->vmx.on && !cpu->in_smm;
}

/* The other register of VMREAD and VMWRITE, where their operand is none in memory: SDM volume 3, table 27-14. */
static uint32_t reg1(const struct op *op, unsigned reason)
{
    enum { REG1 = 3 };
    if (op->pfx & PFX_MEM || (reason != BY_VMREAD && reason != BY_VMWRITE))
        return 0;
    return (uint32_t)(reason == BY_VMREAD ? op->dst : op->src) << REG1;
}

/* The exit of a guest that is a hypervisor itself comes before the check of CPL. */
static void need_vmx(struct x86 *cpu, const struct op *op, unsigned reason, unsigned reg2)
{
    if (!in_operation(cpu))
        raise_fault(cpu, VEC_UD);
    need_mode(cpu);
    if (cpu->guest.runs) {
        const bool operand = reason < BY_VMLAUNCH
                                 ? reason == BY_VMCLEAR
                                 : reason != BY_VMLAUNCH && reason != BY_VMRESUME && reason != BY_VMXOFF;
        if (operand)
            cpu->virt.now.instruction = vmx_instruction(cpu, op, reg2) | reg1(op, reason);
        virt_exit_with(cpu, VIRT_VMX + reason, operand ? vmx_displacement(cpu, op) : 0);
    }
    need_cpl0(cpu);
}

static bool bad_region(const struct x86 *cpu, uint64_t pa)
{
    return pa & 0xfff || pa >> cpuid_physical_bits(cpu);
}

static uint64_t pointer(struct x86 *cpu, const struct op *op)
{
    return ld64(cpu, op, ea_any(cpu, op, 8, false));
}

static uint32_t word_at(struct x86 *cpu, uint64_t pa)
{
    uint32_t v;
    physmem_read(cpu->mem, pa, &v, sizeof v);
    return v;
}

/* ---------------------------------------------------------------- VMXON, VMXOFF */

static bool may_begin(struct x86 *cpu)
{
    return (cpu->cr0 & CR0_FIXED) == CR0_FIXED && physmem_a20_mask(cpu->mem) == UINT64_MAX;
}

static OP(op_vmxon)
{
    SYNC;
    if (!(cpu->cr4 & CR4_VMXE) || cpu->in_smm)
        raise_fault(cpu, VEC_UD);
    need_mode(cpu);
    if (cpu->vmx.on) {
        need_vmx(cpu, op, BY_VMXON, 0);
        vm_fail(cpu, ERROR_VMXON);
        LEAVE;
    }
    need_cpl0(cpu);
    if (!may_begin(cpu))
        raise_error(cpu, VEC_GP, 0);
    const uint64_t pa = pointer(cpu, op);
    if (bad_region(cpu, pa) || word_at(cpu, pa) != VMX_REVISION) {
        vm_fail_invalid(cpu);
        LEAVE;
    }
    cpu->vmx = (struct vmx){.on = true, .vmxon_pa = pa, .vmcs = VMCS_NONE};
    vm_succeed(cpu);
    LEAVE;
}

static OP(op_vmxoff)
{
    SYNC;
    need_vmx(cpu, op, BY_VMXOFF, 0);
    cpu->vmx = (struct vmx){0};
    vm_succeed(cpu);
    cpu->attention = true; /* an INIT may have waited */
    LEAVE;
}

/* ---------------------------------------------------------------- the current VMCS */

static OP(op_vmclear)
{
    SYNC;
    need_vmx(cpu, op, BY_VMCLEAR, 0);
    const uint64_t pa = pointer(cpu, op);
    if (bad_region(cpu, pa)) {
        vm_fail(cpu, ERROR_VMCLEAR_ADDRESS);
    } else if (pa == cpu->vmx.vmxon_pa) {
        vm_fail(cpu, ERROR_VMCLEAR_VMXON);
    } else {
        physmem_write(cpu->mem, pa + VMCS_LAUNCHED, &(uint32_t){0}, 4);
        if (cpu->vmx.vmcs == pa)
            cpu->vmx.vmcs = VMCS_NONE;
        vm_succeed(cpu);
    }
    LEAVE;
}

/* Bit 31 of the revision would make it a shadow VMCS, which this processor does not have. */
static OP(op_vmptrld)
{
    SYNC;
    need_vmx(cpu, op, BY_VMPTRLD, 0);
    const uint64_t pa = pointer(cpu, op);
    if (bad_region(cpu, pa)) {
        vm_fail(cpu, ERROR_VMPTRLD_ADDRESS);
    } else if (pa == cpu->vmx.vmxon_pa) {
        vm_fail(cpu, ERROR_VMPTRLD_VMXON);
    } else if (word_at(cpu, pa) != VMX_REVISION) {
        vm_fail(cpu, ERROR_VMPTRLD_REVISION);
    } else {
        cpu->vmx.vmcs = pa;
        vm_succeed(cpu);
    }
    LEAVE;
}

static OP(op_vmptrst)
{
    SYNC;
    need_vmx(cpu, op, BY_VMPTRST, 0);
    st64(cpu, op, ea_any(cpu, op, 8, true), cpu->vmx.vmcs);
    vm_succeed(cpu);
    LEAVE;
}

/* ---------------------------------------------------------------- its fields */

static uint64_t field_place(const struct x86 *cpu, int field, bool high)
{
    return cpu->vmx.vmcs + VMCS_DATA + 8 * (unsigned)field + (high ? 4 : 0);
}

static uint64_t register_of(const struct x86 *cpu, unsigned r)
{
    return cpu->mode64 ? R64(r) : R32(r);
}

static OP(op_vmread)
{
    uint64_t v = 0;
    bool high;
    SYNC;
    need_vmx(cpu, op, BY_VMREAD, op->src);
    if (cpu->vmx.vmcs == VMCS_NONE) {
        vm_fail_invalid(cpu);
        LEAVE;
    }
    const int field = vmcs_find(cpu, register_of(cpu, op->src), &high);
    if (field < 0) {
        vm_fail(cpu, ERROR_NO_FIELD);
        LEAVE;
    }
    physmem_read(cpu->mem, field_place(cpu, field, high), &v, high ? 4 : vmcs_width((enum vmcs_field)field));
    if (!(op->pfx & PFX_MEM))
        SET64(op->dst, cpu->mode64 ? v : (uint32_t)v);
    else if (cpu->mode64)
        st64(cpu, op, ea_any(cpu, op, 8, true), v);
    else
        st32(cpu, op, ea_any(cpu, op, 4, true), (uint32_t)v);
    vm_succeed(cpu);
    LEAVE;
}

static OP(op_vmwrite)
{
    bool high;
    SYNC;
    need_vmx(cpu, op, BY_VMWRITE, op->dst);
    if (cpu->vmx.vmcs == VMCS_NONE) {
        vm_fail_invalid(cpu);
        LEAVE;
    }
    const uint64_t v = !(op->pfx & PFX_MEM) ? register_of(cpu, op->src)
                       : cpu->mode64        ? ld64(cpu, op, ea_any(cpu, op, 8, false))
                                            : ld32(cpu, op, ea_any(cpu, op, 4, false));
    const int field = vmcs_find(cpu, register_of(cpu, op->dst), &high);
    if (field < 0) {
        vm_fail(cpu, ERROR_NO_FIELD);
    } else if (vmcs_read_only((enum vmcs_field)field)) {
        vm_fail(cpu, ERROR_READ_ONLY);
    } else {
        /* In 32-bit code the upper half of a field of 64 bits becomes 0. */
        const uint64_t place = field_place(cpu, field, high);
        physmem_write(cpu->mem, place, &v, high ? 4 : vmcs_width((enum vmcs_field)field));
        vm_succeed(cpu);
    }
    LEAVE;
}

/* ---------------------------------------------------------------- entries */

static const struct op *launch_or_resume(struct x86 *cpu, const struct op *op, bool launch)
{
    struct vmcs v;
    unsigned error;
    SYNC;
    need_vmx(cpu, op, launch ? BY_VMLAUNCH : BY_VMRESUME, 0);
    if (cpu->vmx.vmcs == VMCS_NONE) {
        vm_fail_invalid(cpu);
        LEAVE;
    }
    const bool launched = word_at(cpu, cpu->vmx.vmcs + VMCS_LAUNCHED);
    if (cpu->virt.now.shadow && cpu->vmx.by_ss) {
        vm_fail(cpu, ERROR_BLOCKED_SS);
        LEAVE;
    }
    if (launched == launch) {
        vm_fail(cpu, launch ? ERROR_LAUNCHED : ERROR_NOT_LAUNCHED);
        LEAVE;
    }
    vmcs_read(cpu, cpu->vmx.vmcs, &v);
    const char *why = vmx_refusal(cpu, &v, &error);
    if (why) {
        vmx_refused_event(cpu, launch, error, why);
        vm_fail(cpu, (enum vmx_error)error);
        LEAVE;
    }
    leave_to(cpu, op, rip_after(cpu, op));
    vmx_enter(cpu, &v, launch);
    return NULL;
}

static OP(op_vmlaunch)
{
    return launch_or_resume(cpu, op, true);
}
static OP(op_vmresume)
{
    return launch_or_resume(cpu, op, false);
}

/* ---------------------------------------------------------------- VMCALL */

/* True if it was one in VMX operation. */
bool vmx_call(struct x86 *cpu, const struct op *op)
{
    if (!cpu_has(cpu, FT_VMX) || !in_operation(cpu))
        return false;
    if (cpu->guest.runs)
        virt_exit_with(cpu, VIRT_VMX + BY_VMCALL, 0);
    need_mode(cpu);
    need_cpl0(cpu);
    (void)op;
    vm_fail(cpu, ERROR_VMCALL); /* there is no dual-monitor treatment of SMM */
    return true;
}

/* ---------------------------------------------------------------- INVEPT, INVVPID */

/* No stale translation is ever kept: only the checks remain. The descriptor is 128 bits in memory. */
static void descriptor(struct x86 *cpu, const struct op *op, uint64_t d[2])
{
    const uint64_t lin = ea_any(cpu, op, 16, false);
    d[0] = ld64(cpu, op, lin);
    d[1] = ld64(cpu, op, linear_on(cpu, lin, 8));
}

static OP(op_invept)
{
    enum { SINGLE = 1, ALL = 2 };
    uint64_t d[2];
    SYNC;
    need_vmx(cpu, op, BY_INVEPT, op->dst);
    const uint64_t type = register_of(cpu, op->dst);
    if (type != SINGLE && type != ALL) {
        vm_fail(cpu, ERROR_INVALIDATION);
        LEAVE;
    }
    descriptor(cpu, op, d);
    if ((type == SINGLE && !vmx_eptp_valid(cpu, d[0])) || d[1])
        vm_fail(cpu, ERROR_INVALIDATION);
    else
        vm_succeed(cpu);
    LEAVE;
}

static OP(op_invvpid)
{
    enum { ADDRESS = 0, SINGLE, ALL, KEEP_GLOBAL };
    uint64_t d[2];
    SYNC;
    need_vmx(cpu, op, BY_INVVPID, op->dst);
    const uint64_t type = register_of(cpu, op->dst);
    if (type > KEEP_GLOBAL) {
        vm_fail(cpu, ERROR_INVALIDATION);
        LEAVE;
    }
    descriptor(cpu, op, d);
    const bool bad =
        d[0] >> 16 || (type != ALL && !d[0]) || (type == ADDRESS && !may_be_canonical(cpu, d[1]));
    if (bad)
        vm_fail(cpu, ERROR_INVALIDATION);
    else
        vm_succeed(cpu);
    LEAVE;
}

FAMILY1(fam_vmxon, op_vmxon);
FAMILY1(fam_vmxoff, op_vmxoff);
FAMILY1(fam_vmclear, op_vmclear);
FAMILY1(fam_vmptrld, op_vmptrld);
FAMILY1(fam_vmptrst, op_vmptrst);
FAMILY1(fam_vmread, op_vmread);
FAMILY1(fam_vmwrite, op_vmwrite);
FAMILY1(fam_vmlaunch, op_vmlaunch);
FAMILY1(fam_vmresume, op_vmresume);
FAMILY1(fam_invept, op_invept);
FAMILY1(fam_invvpid, op_invvpid);
