/* vmx_exit.c - what the fields of an exit say: basic reason, qualification, events, the instruction. SDM volume 3, 27.2, appendix C. */
#include "hv/x86/virt/vmx.h"

#include "hv/x86/decode/decode.h"

/* Basic exit reasons by what ended the guest's run; those above VIRT_VMX are the reasons themselves. */
enum { BY_EVENT = 0, BY_INTERRUPT = 1, BY_TASK = 9, BY_VIOLATION = 48, BY_MISCONFIGURATION = 49 };
static const struct {
    uint8_t from, reason;
} reasons[] = {
    {VIRT_INTR, BY_INTERRUPT}, {VIRT_NMI, BY_EVENT}, {VIRT_INIT, 3},       {VIRT_VINTR, 7},
    {VIRT_TASK, BY_TASK},      {VIRT_CPUID, 10},     {VIRT_HLT, 12},       {VIRT_INVD, 13},
    {VIRT_INVLPG, 14},         {VIRT_RDPMC, 15},     {VIRT_RDTSC, 16},     {VIRT_MWAIT, 36},
    {VIRT_MONITOR, 39},        {VIRT_IDTR_READ, 46}, {VIRT_GDTR_READ, 46}, {VIRT_IDTR_WRITE, 46},
    {VIRT_GDTR_WRITE, 46},     {VIRT_LDTR_READ, 47}, {VIRT_TR_READ, 47},   {VIRT_LDTR_WRITE, 47},
    {VIRT_TR_WRITE, 47},       {VIRT_RDTSCP, 51},    {VIRT_WBINVD, 54},    {VIRT_XSETBV, 55},
    {VIRT_INVPCID, 58},        {VIRT_SHUTDOWN, 2},
};

static uint32_t reason_of(const struct virt_now *n)
{
    if (n->reason >= VIRT_VMX)
        return (uint32_t)(n->reason - VIRT_VMX);
    if (n->reason == VIRT_NESTED_FAULT)
        return n->info1 & VMX_MISCONFIGURED ? BY_MISCONFIGURATION : BY_VIOLATION;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].from == n->reason)
            return reasons[i].reason;
    if (n->reason == VIRT_MSR)
        return n->info1 & 1 ? 32 : 31;
    return BY_EVENT; /* an exception */
}

/* ---------------------------------------------------------------- instructions */

enum {
    INFO_ASIZE = 7,
    INFO_IS_REGISTER = 10,
    INFO_OSIZE = 11,
    INFO_SEGMENT = 15,
    INFO_INDEX = 18,
    INFO_NO_INDEX = 22
};
enum { INFO_BASE = 23, INFO_NO_BASE = 27, INFO_REG2 = 28, INFO_REG1 = 3 };

uint32_t vmx_instruction(const struct x86 *cpu, const struct op *op, unsigned reg2)
{
    const bool stack = op->base == RSP || op->base == RBP;
    const unsigned seg = op->seg != SEG_NONE ? op->seg : stack ? SS : DS;
    (void)cpu;
    if (!(op->pfx & PFX_MEM))
        return 1u << INFO_IS_REGISTER | reg2 << INFO_REG2;
    return op->scale | (uint32_t)op->asize << INFO_ASIZE | seg << INFO_SEGMENT |
           (op->index < 16 ? (uint32_t)op->index << INFO_INDEX : 1u << INFO_NO_INDEX) |
           (op->base < 16 ? (uint32_t)op->base << INFO_BASE : 1u << INFO_NO_BASE) | reg2 << INFO_REG2;
}

uint64_t vmx_displacement(const struct x86 *cpu, const struct op *op)
{
    const uint64_t block = cpu->block ? cpu->gpr[REG_RIP] : cpu->gpr[REG_RIP] - op->off;
    if (!(op->pfx & PFX_MEM))
        return 0;
    return op->base == REG_RIP ? block + (uint64_t)(int64_t)op->disp : (uint64_t)(int64_t)op->disp;
}

/* Table registers, and INVPCID: tables 27-11 to 27-13. */
static const struct {
    uint8_t from, which;
} tables[] = {
    {VIRT_GDTR_READ, 0}, {VIRT_IDTR_READ, 1}, {VIRT_GDTR_WRITE, 2}, {VIRT_IDTR_WRITE, 3},
    {VIRT_LDTR_READ, 0}, {VIRT_TR_READ, 1},   {VIRT_LDTR_WRITE, 2}, {VIRT_TR_WRITE, 3},
};

static bool table_instruction(const struct x86 *cpu, const struct op *op, uint64_t reason, struct vmx_exit *x)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (tables[i].from == reason) {
            x->instruction = vmx_instruction(cpu, op, tables[i].which);
            if (!(op->pfx & PFX_MEM))
                x->instruction |= (uint32_t)op->dst << INFO_REG1;
            else if (i < 4 && op->osize > 1)
                x->instruction |= 1u << INFO_OSIZE;
            x->qualification = vmx_displacement(cpu, op);
            return true;
        }
    if (reason != VIRT_INVPCID)
        return false;
    x->instruction = vmx_instruction(cpu, op, op->dst);
    x->qualification = vmx_displacement(cpu, op);
    return true;
}

/* ---------------------------------------------------------------- qualifications: 27.2.1 */

static uint64_t task_qualification(const struct virt_now *n)
{
    enum { SOURCE = 30, CALL = 0, IRET, JMP, GATE, BY_IRET = 36, BY_JMP = 38 };
    const uint64_t source = n->info2 >> BY_IRET & 1  ? IRET
                            : n->info2 >> BY_JMP & 1 ? JMP
                            : n->event               ? GATE
                                                     : CALL;
    return (n->info1 & 0xffff) | source << SOURCE;
}

static uint64_t qualification_of(const struct virt_now *n, uint32_t reason)
{
    enum { UNBLOCKED = 1 << 12, DR6_BITS = 0x600f };
    switch (n->reason) {
    case VIRT_TASK:
        return task_qualification(n);
    case VIRT_INVLPG:
        return n->info1;
    case VIRT_NESTED_FAULT:
        return reason == BY_MISCONFIGURATION ? 0 : n->info1 | (n->unblocked ? UNBLOCKED : 0);
    case VIRT_EXCEPTION + VEC_PF:
        return n->info2;
    case VIRT_EXCEPTION + VEC_DB:
        return n->info2 & DR6_BITS;
    default:
        return n->reason >= VIRT_VMX ? n->info1 : 0;
    }
}

/* ---------------------------------------------------------------- events: 27.2.2, 27.2.4 */

/* INT1, which is #DB of another type. */
static bool by_int1(const struct x86 *cpu)
{
    enum { INT1 = 0xf1 };
    const struct insn_row *r = cpu->op ? op_row(cpu->op) : NULL;
    return r && r->map == M1 && r->opcode == INT1;
}

static bool has_error_code(unsigned vector)
{
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

static void exception_event(const struct x86 *cpu, struct vmx_exit *x)
{
    const struct virt_now *n = &cpu->virt.now;
    const unsigned vector = (unsigned)(n->reason - VIRT_EXCEPTION);
    const bool error = has_error_code(vector) && cpu->cr0 & CR0_PE;
    const unsigned type = vector == VEC_BP || vector == VEC_OF ? VIRT_EVENT_TRAP
                          : vector == VEC_DB && by_int1(cpu)   ? VIRT_EVENT_INT1
                                                               : VIRT_EVENT_FAULT;
    x->event = VMX_EVENT_VALID | vector | type << 8 | (error ? VMX_EVENT_ERROR : 0) |
               (n->unblocked && vector != VEC_DF ? VMX_EVENT_UNBLOCKED : 0);
    x->error = error ? (uint32_t)n->info1 : 0;
}

/* An interrupt is acknowledged here if the control says so, and its vector told. */
static void interrupt_event(struct x86 *cpu, struct vmx_exit *x)
{
    unsigned source = 0;
    uint64_t exit;
    physmem_read(cpu->mem, cpu->vmx.vmcs + VMCS_DATA + 8 * VMCS_EXIT, &exit, sizeof exit);
    if (exit & VMX_EXIT_ACKNOWLEDGE)
        x->event = VMX_EVENT_VALID | cpu->bus.acknowledge(cpu->bus.ctx, &source);
}

static bool is_exception(uint64_t reason)
{
    return reason >= VIRT_EXCEPTION && reason < VIRT_EXCEPTION + 32;
}

static void event_of(struct x86 *cpu, struct vmx_exit *x)
{
    struct virt_now *n = &cpu->virt.now;
    if (n->reason == VIRT_INTR) {
        interrupt_event(cpu, x);
    } else if (n->reason == VIRT_NMI) {
        x->event = VMX_EVENT_VALID | VEC_NMI | VIRT_EVENT_NMI << 8;
        x->by_nmi = true;
        cpu->nmi_pending = false;
    } else if (is_exception(n->reason)) {
        exception_event(cpu, x);
    } else if (n->reason == VIRT_INIT) {
        cpu->init_pending = false; /* nothing of what an INIT does happens: 25.2 */
    }
    /* What has led to a double fault or to a shutdown is not told. */
    if (n->event && n->reason != VIRT_EXCEPTION + VEC_DF && n->reason != VIRT_SHUTDOWN) {
        x->vectoring = n->event;
        x->vectoring_error = n->event_error;
    }
}

/* ---------------------------------------------------------------- all of it */

/* RFLAGS.RF is stored as the event's own frame would have it (27.3.3). */
static void note_resume(struct x86 *cpu)
{
    const struct virt_now *n = &cpu->virt.now;
    const uint64_t vector = n->reason - VIRT_EXCEPTION;
    const bool fault = is_exception(n->reason) && vector != VEC_BP && vector != VEC_OF && vector != VEC_DF &&
                       (vector != VEC_DB || cpu->flags & FLAG_RF);
    if (fault || n->reason == VIRT_NESTED_FAULT || n->reason == VIRT_TASK)
        cpu->flags |= FLAG_RF;
}

void vmx_exit_of(struct x86 *cpu, struct vmx_exit *x)
{
    struct virt_now *n = &cpu->virt.now;
    const bool soft = (n->event >> 8 & 7) >= VIRT_EVENT_SOFT;
    x->reason = reason_of(n);
    x->qualification = qualification_of(n, x->reason);
    x->instruction = n->instruction;
    if (cpu->op && !table_instruction(cpu, cpu->op, n->reason, x) && n->reason == VIRT_NESTED_FAULT)
        x->instruction = 0;
    if (n->next_rip && (!n->event || soft || n->reason == VIRT_TASK))
        x->length = (uint32_t)(n->next_rip - cpu->gpr[REG_RIP]) & 15;
    event_of(cpu, x);
    note_resume(cpu);
}
