/* virt.c - a guest's instructions, exceptions and interrupts: what its hypervisor wants to know, and whose extension it is. AMD APM volume 2,
 * 15.9 to 15.14, 15.20, 15.21; vmx_guest.c has what differs in Intel's. */
#include "hv/x86/virt/virt.h"

#include "hv/x86/decode/decode.h"
#include "hv/x86/memory/walk.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/svm.h"
#include "hv/x86/virt/vmx_guest.h"

static bool is_vmx(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_VMX);
}

bool virt_is_vmx_guest(const struct x86 *cpu)
{
    return cpu->guest.runs && is_vmx(cpu);
}

/* ---------------------------------------------------------------- an exit */

/* What is pending is Intel's "pending debug exceptions": BS, the breakpoints, and that one is enabled. */
static uint64_t pending_debug(const struct x86 *cpu)
{
    enum { BS = 14, ENABLED = 12 };
    if (cpu->block)
        return 0;
    return cpu->data_breaks | (uint64_t)cpu->tf_pending << BS | (uint64_t) !!cpu->data_breaks << ENABLED;
}

void virt_exit(struct x86 *cpu, uint64_t reason, uint64_t info1, uint64_t info2)
{
    struct virt_now *n = &cpu->virt.now;
    n->exiting = true;
    n->fetch = false;
    n->reason = reason;
    n->info1 = info1;
    n->info2 = info2;
    n->pending = pending_debug(cpu);
    raise_again(cpu);
}

void virt_leave_for(struct x86 *cpu, uint64_t reason, uint64_t info1, uint64_t info2)
{
    cpu->virt.now.reason = reason;
    cpu->virt.now.info1 = info1;
    cpu->virt.now.info2 = info2;
    cpu->virt.now.next_rip = 0;
    virt_leave(cpu);
}

void virt_nested_fault(struct x86 *cpu, uint64_t gpa, uint64_t linear, uint32_t error, bool fetch)
{
    struct virt_now *n = &cpu->virt.now;
    n->exiting = true;
    n->fetch = fetch;
    n->reason = VIRT_NESTED_FAULT;
    n->info1 = is_vmx(cpu) ? error : (error & 0xffff) | (uint64_t)(error >> 30) << 32;
    n->info2 = gpa;
    n->linear = linear;
    raise_again(cpu);
}

void virt_leave(struct x86 *cpu)
{
    if (is_vmx(cpu))
        vmx_leave(cpu);
    else
        svm_leave(cpu);
}

/* Pages with data breakpoints must not be in the TLB. */
static void breakpoints_changed(struct x86 *cpu, uint64_t dr7)
{
    if ((dr7 | cpu->dr[7]) & 0xff)
        tlb_flush(cpu);
}

/* The events of a world's own changes of mode do not tell of this; EV_VIRT_ENTER and EV_VIRT_EXIT do. */
void virt_world_changed(struct x86 *cpu, uint64_t old_dr7)
{
    cpu->halted = false;
    cpu->op = NULL;
    cpu->stops.said = 0;
    debug_taken(cpu);
    breakpoints_changed(cpu, old_dr7);
    tlb_switch(cpu);
    mode_derive(cpu);
}

/* ---------------------------------------------------------------- what others ask */

bool x86_inner(const struct x86 *cpu, struct engine_inner *in)
{
    const struct virt_host *h = &cpu->virt.host;
    const unsigned levels = h->efer & EFER_LMA ? (h->cr4 & CR4_LA57 ? 5 : 4) : h->cr4 & CR4_PAE ? 3 : 2;
    if (cpu->guest.runs)
        *in = (struct engine_inner){.control = cpu->guest.vmcb,
                                    .tables = cpu->guest.nested ? cpu->guest.ncr3 : 0,
                                    .levels = is_vmx(cpu) ? 4 : levels,
                                    .ept = is_vmx(cpu)};
    return cpu->guest.runs;
}

bool x86_inner_physical(const struct x86 *cpu, uint64_t address, uint64_t *outer)
{
    return cpu->guest.nested && walk_nested_peek(cpu, address, outer);
}

/* ---------------------------------------------------------------- instructions */

void virt_cr0_write(struct x86 *cpu, const struct op *op, uint64_t v, bool always, uint64_t info1)
{
    virt_intercept(cpu, op, VIRT_CR_WRITE, info1);
    if (always || (cpu->cr0 ^ v) & ~(uint64_t)(CR0_TS | CR0_MP))
        virt_intercept(cpu, op, VIRT_CR0_SELECTIVE, info1);
}

/* Bits of EXITINFO1: 15.10.2. */
enum {
    IO_IN = 1 << 0,
    IO_STRING = 1 << 2,
    IO_REP = 1 << 3,
    IO_SIZE = 4,    /* one bit for 1, 2 or 4 bytes from here on */
    IO_ADDRESS = 7, /* and one for 16, 32 or 64 bits */
    IO_SEGMENT = 10,
    IO_PORT = 16,
};

static uint64_t io_info(const struct x86 *cpu, const struct op *op, uint16_t port, unsigned size, bool in,
                        bool string)
{
    const unsigned address = string ? op->asize : cpu->code_bits / 32u, seg = in                    ? ES
                                                                              : op->seg == SEG_NONE ? DS
                                                                                                    : op->seg;
    uint64_t v = (uint64_t)port << IO_PORT |
                 (size == 1   ? 1u
                  : size == 2 ? 2u
                              : 4u)
                     << IO_SIZE |
                 1u << (IO_ADDRESS + address);
    v |= in ? IO_IN : 0;
    if (string)
        v |= IO_STRING | seg << IO_SEGMENT | (op->pfx & (PFX_REP | PFX_REPNE) ? IO_REP : 0);
    return v;
}

/* The map has a bit for each port; an access to several ports is intercepted if one of them is. */
void virt_io_look(struct x86 *cpu, const struct op *op, uint16_t port, unsigned size, bool in, bool string)
{
    uint16_t bits;
    if (is_vmx(cpu)) {
        vmx_io_look(cpu, op, port, size, in, string);
        return;
    }
    physmem_read(cpu->mem, (cpu->guest.iopm + port / 8) & physmem_a20_mask(cpu->mem), &bits, sizeof bits);
    if (!(bits >> port % 8 & ((1u << size) - 1)))
        return;
    SYNC;
    virt_exit(cpu, VIRT_IO, io_info(cpu, op, port, size, in, string), rip_after(cpu, op));
}

/* The map has two bits for each register, of three ranges (15.11). Others are always intercepted. */
static bool msr_wanted(const struct x86 *cpu, uint32_t msr, bool write)
{
    static const uint32_t first[] = {0, 0xc0000000, 0xc0010000};
    enum { RANGE = 0x2000, RANGE_BYTES = 0x800 };
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t n = msr - first[i];
        uint8_t bits;
        if (n >= RANGE)
            continue;
        physmem_read(cpu->mem, (cpu->guest.msrpm + i * RANGE_BYTES + n / 4) & physmem_a20_mask(cpu->mem),
                     &bits, 1);
        return bits >> (n % 4 * 2 + write) & 1;
    }
    return true;
}

void virt_msr_look(struct x86 *cpu, const struct op *op, uint32_t msr, bool write)
{
    if (is_vmx(cpu)) {
        vmx_msr_look(cpu, op, msr, write);
        return;
    }
    if (!msr_wanted(cpu, msr, write))
        return;
    SYNC;
    virt_exit(cpu, VIRT_MSR, write, 0);
}

uint64_t virt_task_info(const struct x86 *cpu, bool iret, bool jmp)
{
    enum { BY_IRET = 36, BY_JMP = 38, HAS_ERROR = 44, RESUME = 48 };
    const bool error = cpu->virt.now.event & EVENT_ERROR;
    return (error ? cpu->virt.now.event_error | 1ull << HAS_ERROR : 0) | (uint64_t)iret << BY_IRET |
           (uint64_t)jmp << BY_JMP | (uint64_t) !!(cpu->flags & FLAG_RF) << RESUME;
}

/* 15.14.4: so many are let through, and with a window only if each follows the last one within so many cycles. */
void virt_pause_look(struct x86 *cpu, const struct op *op)
{
    struct virt_guest *g = &cpu->guest;
    if (is_vmx(cpu)) {
        vmx_pause_look(cpu, op);
        return;
    }
    SYNC;
    const uint64_t now = cpu->bus.time(cpu->bus.ctx);
    if (g->pause_window && now - g->pause_at > g->pause_window)
        g->pause_left = g->pause_filter;
    g->pause_at = now;
    if (!g->pause_left)
        virt_exit(cpu, VIRT_PAUSE, 0, 0);
    g->pause_left--;
}

uint64_t virt_cr8_get(const struct x86 *cpu)
{
    if (virt_is_vmx_guest(cpu))
        return vmx_cr8_get(cpu);
    return cpu->guest.masking ? cpu->guest.v_tpr : cpu->bus.get_cr8(cpu->bus.ctx);
}

void virt_cr8_set(struct x86 *cpu, uint64_t v)
{
    if (virt_is_vmx_guest(cpu))
        vmx_cr8_set(cpu, v);
    else if (cpu->guest.masking)
        cpu->guest.v_tpr = v & 15;
    else
        cpu->bus.set_cr8(cpu->bus.ctx, v);
}

/* ---------------------------------------------------------------- exceptions */

void virt_event_begin(struct x86 *cpu, enum virt_event type, uint8_t vector, bool has_error, uint32_t error)
{
    if (!cpu->guest.runs)
        return;
    if (!is_vmx(cpu) && type > VIRT_EVENT_SOFT)
        type = VIRT_EVENT_FAULT;
    cpu->virt.now.event = EVENT_VALID | vector | (uint32_t)type << 8 | (has_error ? EVENT_ERROR : 0);
    cpu->virt.now.event_error = has_error ? error : 0;
}

bool virt_wants_fault(const struct x86 *cpu, const struct fault *f)
{
    if (!cpu->guest.runs)
        return false;
    return is_vmx(cpu) ? vmx_wants_fault(cpu, f) : virt_wants(cpu, VIRT_EXCEPTION + f->vector);
}

/* Under Intel's extension an exit does not change DR6: its qualification has the bits. */
void virt_note_fault(struct x86 *cpu, const struct fault *f)
{
    struct virt_now *n = &cpu->virt.now;
    if (f->vector == VEC_DB && !is_vmx(cpu))
        debug_note(cpu, f->dr6);
    n->exiting = true;
    n->fetch = false;
    n->reason = VIRT_EXCEPTION + f->vector;
    n->info1 = f->has_error ? f->error : 0;
    n->info2 = f->vector == VEC_PF ? f->cr2 : f->vector == VEC_DB && is_vmx(cpu) ? f->dr6 : 0;
}

void virt_fault(struct x86 *cpu, const struct fault *f)
{
    if (!virt_wants_fault(cpu, f))
        return;
    virt_note_fault(cpu, f);
    raise_again(cpu);
}

void virt_redirect_init(struct x86 *cpu)
{
    enum { SECURITY = 30, BY_INIT = 1 };
    if (!(cpu->virt.vm_cr & VM_CR_R_INIT))
        return;
    cpu->init_pending = false;
    raise_error(cpu, SECURITY, BY_INIT);
}

/* ---------------------------------------------------------------- interrupts */

/* The line that ends the guest's run, in the order of their priorities; 0 if there is none. Intercepted interrupts do not wait for the end of
 * an interrupt shadow. */
static unsigned exit_line(const struct x86 *cpu)
{
    if (!cpu->guest.runs || cpu->virt.held)
        return 0;
    if (is_vmx(cpu))
        return vmx_exit_line(cpu);
    if (cpu->init_pending && virt_wants(cpu, VIRT_INIT))
        return VIRT_INIT;
    if (cpu->smi_pending && !cpu->in_smm && virt_wants(cpu, VIRT_SMI))
        return VIRT_SMI;
    if (cpu->nmi_pending && !cpu->nmi_blocked && virt_wants(cpu, VIRT_NMI))
        return VIRT_NMI;
    return cpu->intr && virt_if(cpu) && virt_wants(cpu, VIRT_INTR) ? VIRT_INTR : 0;
}

static bool virtual_line(const struct x86 *cpu)
{
    const struct virt_guest *g = &cpu->guest;
    return g->v_irq && !is_vmx(cpu) && !cpu->virt.held && !cpu->inhibit && cpu->flags & FLAG_IF &&
           (g->v_any_tpr || g->v_priority > virt_cr8_get(cpu));
}

bool virt_line_waits(const struct x86 *cpu)
{
    return exit_line(cpu) || virtual_line(cpu);
}

void virt_take_exit_line(struct x86 *cpu)
{
    const unsigned reason = exit_line(cpu);
    if (reason)
        cpu->virt.now.next_rip = 0; /* no instruction is its cause */
    if (reason)
        virt_exit(cpu, reason, is_vmx(cpu) ? vmx_line_qualification(cpu, reason) : 0, 0);
}

bool virt_holds_init(const struct x86 *cpu)
{
    return cpu->virt.held || (cpu->vmx.on && !cpu->guest.runs && !cpu->in_smm);
}

void virt_unblock_nmis(struct x86 *cpu)
{
    enum { VMX_NMI_EXITING = 1 << 3, VMX_VIRTUAL_NMIS = 1 << 5 };
    if (virt_is_vmx_guest(cpu)) {
        if ((cpu->vmx.pin & (VMX_NMI_EXITING | VMX_VIRTUAL_NMIS)) == VMX_NMI_EXITING)
            return;
        cpu->virt.now.unblocked = cpu->nmi_blocked;
    }
    cpu->nmi_blocked = false;
}

void virt_take_mtf(struct x86 *cpu)
{
    if (virt_is_vmx_guest(cpu))
        vmx_take_mtf(cpu);
}

bool virt_single(struct x86 *cpu)
{
    return cpu->guest.runs && vmx_single(cpu);
}

int64_t virt_steps(const struct x86 *cpu)
{
    return virt_is_vmx_guest(cpu) ? vmx_steps(cpu) : INT64_MAX;
}

enum { INJECTED, VIRTUAL };

static void inject_event(struct x86 *cpu, unsigned how, unsigned type, uint8_t vector, uint32_t error)
{
    struct event ev = {.kind = EV_VIRT_INJECT};
    ev.f[EVF_VIRT_INJECT_virtual] = how;
    ev.f[EVF_VIRT_INJECT_type] = type;
    ev.f[EVF_VIRT_INJECT_vector] = vector;
    ev.f[EVF_VIRT_INJECT_error] = error;
    ev.f[EVF_VIRT_INJECT_vmcb] = cpu->guest.vmcb;
    ev.f[EVF_VIRT_INJECT_cs] = cpu->seg[CS].sel;
    ev.f[EVF_VIRT_INJECT_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

static void deliver(struct x86 *cpu, unsigned type, uint8_t vector, bool has_error, uint32_t error,
                    uint64_t next_rip)
{
    const enum int_kind kind = type == VIRT_EVENT_SOFT || type == VIRT_EVENT_TRAP    ? INT_SOFT
                               : type == VIRT_EVENT_FAULT || type == VIRT_EVENT_INT1 ? INT_EXCEPTION
                                                                                     : INT_HARDWARE;
    cpu->halted = false;
    cpu->op = NULL;
    cpu->stops.said = 0;
    virt_event_begin(cpu, (enum virt_event)type, vector, has_error, error);
    interrupt_deliver(cpu, kind, vector, has_error && kind == INT_EXCEPTION && !real_mode(cpu), error,
                      next_rip);
    cpu->inhibit = false;
    cpu->left--;
}

bool virt_take_virtual_line(struct x86 *cpu)
{
    if (!virtual_line(cpu))
        return false;
    if (virt_wants(cpu, VIRT_VINTR))
        virt_exit(cpu, VIRT_VINTR, 0, 0);
    cpu->guest.v_irq = false;
    inject_event(cpu, VIRTUAL, VIRT_EVENT_INTR, cpu->guest.v_vector, 0);
    deliver(cpu, VIRT_EVENT_INTR, cpu->guest.v_vector, false, 0, cpu->gpr[REG_RIP]);
    return true;
}

/* Where INT n, INT3 and INTO return to is in the VMCB, since the guest's RIP is still theirs (15.20). */
void virt_inject(struct x86 *cpu)
{
    const uint32_t e = cpu->guest.inject;
    const unsigned type = e >> 8 & 7;
    const uint8_t vector = e & 0xff;
    const bool soft = type >= VIRT_EVENT_SOFT ||
                      (!is_vmx(cpu) && type == VIRT_EVENT_FAULT && (vector == VEC_BP || vector == VEC_OF));
    cpu->guest.inject = 0;
    inject_event(cpu, INJECTED, type, vector, e & EVENT_ERROR ? cpu->guest.inject_error : 0);
    if (type == VIRT_EVENT_NMI)
        cpu->nmi_blocked = true;
    cpu->virt.now.next_rip = soft ? cpu->guest.inject_rip : 0;
    deliver(cpu, type, vector, e & EVENT_ERROR, cpu->guest.inject_error,
            soft ? cpu->guest.inject_rip : cpu->gpr[REG_RIP]);
}

/* ---------------------------------------------------------------- state */

void virt_reset(struct x86 *cpu, bool init)
{
    const uint64_t hsave_pa = cpu->virt.hsave_pa, vm_cr = cpu->virt.vm_cr;
    cpu->guest = (struct virt_guest){0};
    cpu->virt = (struct virt){0};
    cpu->vmx = (struct vmx){0};
    if (init) {
        cpu->virt.hsave_pa = hsave_pa;
        cpu->virt.vm_cr = vm_cr;
    }
}

static void guest_loaded(struct virt_guest *g)
{
    const struct virt_guest none = {0};
    if (!g->runs)
        *g = none;
    g->v_tpr &= 15;
    g->v_priority &= 15;
    if (!(g->inject & EVENT_VALID) || (g->inject >> 8 & 7) > VIRT_EVENT_TRAP)
        g->inject = 0;
}

void virt_loaded(struct x86 *cpu)
{
    guest_loaded(&cpu->guest);
    guest_loaded(&cpu->virt.asleep);
    for (unsigned i = 0; i < 4; i++)
        cpu->virt.host.seg[i].attr &= 0xf0ff;
    cpu->vmx.tpr_threshold &= 15;
    cpu->virt.now = (struct virt_now){0};
}

void virt_suspend(struct x86 *cpu)
{
    if (!cpu->guest.runs)
        return;
    cpu->virt.asleep = cpu->guest;
    cpu->guest = (struct virt_guest){0};
}

void virt_resume(struct x86 *cpu)
{
    if (!cpu->virt.asleep.runs)
        return;
    cpu->guest = cpu->virt.asleep;
    cpu->virt.asleep = (struct virt_guest){0};
}
