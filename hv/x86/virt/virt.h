/* virt.h - hardware virtualization, as the rest of the processor sees it. Private to hv/x86.
 *
 * A guest runs in the same struct x86 as its hypervisor: an entry exchanges the registers, an exit exchanges them back. The state is
 * struct virt and struct vmx (cpu.h). Whose extension it is only the files behind these functions know: svm*.c have AMD's, vmx*.c Intel's.
 *
 * Positions: an entry and an exit are one step each, and so is the delivery of an injected event. An instruction that is intercepted does
 * not retire. */
#ifndef BOOTREEL_HV_X86_VIRT_VIRT_H
#define BOOTREEL_HV_X86_VIRT_VIRT_H

#include "hv/x86/exec.h"

/* What can end a guest's run. The numbers are AMD's exit codes (APM volume 2, appendix C), of which those below VIRT_WANTED are also bits
 * of `wants`. */
enum virt_reason {
    VIRT_CR_READ = 0x00,
    VIRT_CR_WRITE = 0x10,
    VIRT_DR_READ = 0x20,
    VIRT_DR_WRITE = 0x30,
    VIRT_EXCEPTION = 0x40,
    VIRT_INTR = 0x60,
    VIRT_NMI,
    VIRT_SMI,
    VIRT_INIT,
    VIRT_VINTR,
    VIRT_CR0_SELECTIVE,
    VIRT_IDTR_READ,
    VIRT_GDTR_READ,
    VIRT_LDTR_READ,
    VIRT_TR_READ,
    VIRT_IDTR_WRITE,
    VIRT_GDTR_WRITE,
    VIRT_LDTR_WRITE,
    VIRT_TR_WRITE,
    VIRT_RDTSC,
    VIRT_RDPMC,
    VIRT_PUSHF,
    VIRT_POPF,
    VIRT_CPUID,
    VIRT_RSM,
    VIRT_IRET,
    VIRT_INT,
    VIRT_INVD,
    VIRT_PAUSE,
    VIRT_HLT,
    VIRT_INVLPG,
    VIRT_INVLPGA,
    VIRT_IO,
    VIRT_MSR,
    VIRT_TASK,
    VIRT_FERR,
    VIRT_SHUTDOWN,
    VIRT_VMRUN,
    VIRT_VMMCALL,
    VIRT_VMLOAD,
    VIRT_VMSAVE,
    VIRT_STGI,
    VIRT_CLGI,
    VIRT_SKINIT,
    VIRT_RDTSCP,
    VIRT_ICEBP,
    VIRT_WBINVD,
    VIRT_MONITOR,
    VIRT_MWAIT,
    VIRT_MWAIT_ARMED,
    VIRT_XSETBV,
    VIRT_RDPRU,
    VIRT_EFER_TRAP,
    VIRT_CR_TRAP = 0x90,
    VIRT_INVLPGB = 0xa0,
    VIRT_INVPCID = 0xa2,
    VIRT_WANTED = 0xc0,
    VIRT_NESTED_FAULT = 0x400,
};
#define VIRT_INVALID UINT64_MAX
/* Intel's exit reasons that AMD does not have begin here; in the events all of Intel's do. */
#define VIRT_VMX 0x1000000u
/* In info1 of VIRT_NESTED_FAULT, which has the qualification of an EPT violation: it is a misconfiguration. */
#define VMX_MISCONFIGURED (1u << 31)
/* EXITINFO1 of a nested page fault, from bit 32 on: shifted down to bit 30, beside the error code. */
enum { NPF_FINAL = 1 << 30, NPF_TABLE = 1u << 31 };
/* EXITINFO1 of MOV to and from control registers: it is one, and not CLTS, LMSW or SMSW. */
#define VIRT_IS_MOV (1ull << 63)

/* Whether the guest's hypervisor wants to know of it. */
static inline bool virt_wants(const struct x86 *cpu, unsigned reason)
{
    return unlikely(cpu->guest.wants[reason / 32] >> reason % 32 & 1);
}
/* The guest's run ends here, before anything of the current instruction is done, or of what the dispatcher does. Counts as one step.
 * cpu->op is the instruction, if there is one. */
__attribute__((noreturn)) void virt_exit(struct x86 *, uint64_t reason, uint64_t info1, uint64_t info2);
/* One of Intel's, with its qualification. */
__attribute__((noreturn)) static inline void virt_exit_with(struct x86 *cpu, uint64_t reason,
                                                            uint64_t qualification)
{
    virt_exit(cpu, reason, qualification, 0);
}
/* At an instruction, after the checks that come before it: ends the guest's run if it is wanted. */
static inline void virt_intercept(struct x86 *cpu, const struct op *op, unsigned reason, uint64_t info1)
{
    if (!virt_wants(cpu, reason))
        return;
    SYNC;
    virt_exit(cpu, reason, info1, 0);
}

/* ---- instructions whose intercepts depend on more ---- */

/* MOV to CR0 or LMSW (`always`: it counts as a change of other bits than TS and MP): `v` is the new value. */
void virt_cr0_write(struct x86 *, const struct op *, uint64_t v, bool always, uint64_t info1);
/* A port is about to be accessed; the processor's own permission is checked. */
void virt_io_look(struct x86 *, const struct op *, uint16_t port, unsigned size, bool in, bool string);
static inline void virt_io(struct x86 *cpu, const struct op *op, uint16_t port, unsigned size, bool in,
                           bool string)
{
    if (virt_wants(cpu, VIRT_IO))
        virt_io_look(cpu, op, port, size, in, string);
}
void virt_msr_look(struct x86 *, const struct op *, uint32_t msr, bool write);
static inline void virt_msr(struct x86 *cpu, const struct op *op, uint32_t msr, bool write)
{
    if (virt_wants(cpu, VIRT_MSR))
        virt_msr_look(cpu, op, msr, write);
}
/* EXITINFO2 of a task switch. */
uint64_t virt_task_info(const struct x86 *, bool iret, bool jmp);
void virt_pause_look(struct x86 *, const struct op *);
static inline void virt_pause(struct x86 *cpu, const struct op *op)
{
    if (virt_wants(cpu, VIRT_PAUSE))
        virt_pause_look(cpu, op);
}
/* Control and debug registers under Intel's masks and shadows; nothing happens under AMD's extension. virt_mov_to_cr() comes before all checks
 * but those of CPL, and returns what is to be written. virt_clts(): whether TS is to be cleared. */
bool virt_is_vmx_guest(const struct x86 *);
uint64_t vmx_cr_read(const struct x86 *, unsigned cr, uint64_t v);
void vmx_mov_from_cr(struct x86 *, unsigned cr, unsigned reg);
uint64_t vmx_mov_to_cr(struct x86 *, unsigned cr, unsigned reg, uint64_t v);
uint16_t vmx_lmsw(struct x86 *, const struct op *, uint16_t v);
bool vmx_clts(struct x86 *);
void vmx_mov_dr(struct x86 *, unsigned dr, bool from, unsigned reg);
static inline uint64_t virt_cr_read(const struct x86 *cpu, unsigned cr, uint64_t v)
{
    return unlikely(cpu->guest.runs) && virt_is_vmx_guest(cpu) ? vmx_cr_read(cpu, cr, v) : v;
}
static inline void virt_mov_from_cr(struct x86 *cpu, unsigned cr, unsigned reg)
{
    if (unlikely(cpu->guest.runs) && virt_is_vmx_guest(cpu))
        vmx_mov_from_cr(cpu, cr, reg);
}
static inline uint64_t virt_mov_to_cr(struct x86 *cpu, unsigned cr, unsigned reg, uint64_t v)
{
    return unlikely(cpu->guest.runs) && virt_is_vmx_guest(cpu) ? vmx_mov_to_cr(cpu, cr, reg, v) : v;
}
static inline uint16_t virt_lmsw(struct x86 *cpu, const struct op *op, uint16_t v)
{
    return unlikely(cpu->guest.runs) && virt_is_vmx_guest(cpu) ? vmx_lmsw(cpu, op, v) : v;
}
static inline bool virt_clts(struct x86 *cpu)
{
    return likely(!cpu->guest.runs) || !virt_is_vmx_guest(cpu) || vmx_clts(cpu);
}
static inline void virt_mov_dr(struct x86 *cpu, unsigned dr, bool from, unsigned reg)
{
    if (unlikely(cpu->guest.runs) && virt_is_vmx_guest(cpu))
        vmx_mov_dr(cpu, dr, from, reg);
}
/* Bits of CR0 and CR4 that must be 1 in VMX operation; 0 outside of it. */
uint64_t virt_cr_fixed(const struct x86 *, unsigned cr);
/* Whether the guest has no such instruction, as its hypervisor has not enabled it: #UD. (XSAVES and XRSTORS never end its run by the
 * XSS-exiting bitmap, since IA32_XSS has no bits here.) */
enum virt_instruction { VIRT_HAS_RDTSCP, VIRT_HAS_INVPCID, VIRT_HAS_XSAVES };
bool virt_lacks(const struct x86 *, enum virt_instruction);
/* VMCALL; false if it was none of Intel's in VMX operation. */
bool vmx_call(struct x86 *, const struct op *);
/* The MSRs that say what of VMX there is: 480h to 490h. */
uint64_t vmx_capability(const struct x86 *, uint32_t msr);
/* CR8 in a guest is the virtual task priority, if its hypervisor says so. */
uint64_t virt_cr8_get(const struct x86 *);
void virt_cr8_set(struct x86 *, uint64_t v);

/* ---- exceptions and interrupts ---- */

/* From now until interrupt_deliver() returns, this event is being delivered: an exit names it. `type` as in EXITINTINFO. */
enum virt_event {
    VIRT_EVENT_INTR = 0,
    VIRT_EVENT_NMI = 2,
    VIRT_EVENT_FAULT = 3,
    VIRT_EVENT_SOFT = 4,
    VIRT_EVENT_INT1 = 5, /* these two are VIRT_EVENT_FAULT in AMD's extension */
    VIRT_EVENT_TRAP = 6, /* INT3, INTO */
};
void virt_event_begin(struct x86 *, enum virt_event, uint8_t vector, bool has_error, uint32_t error);
/* Whether an exception ends the guest's run. */
bool virt_wants_fault(const struct x86 *, const struct fault *);
/* An exception is about to be delivered: ends the guest's run if it is wanted. */
void virt_fault(struct x86 *, const struct fault *);
/* The same for one of the delivery of another, which the dispatcher has caught: notes the exit, for virt_leave(). */
void virt_note_fault(struct x86 *, const struct fault *);
/* An INIT is about to be taken: raises #SX instead if VM_CR says so. */
void virt_redirect_init(struct x86 *);
/* A nested page fault at a guest-physical address; `error` with NPF_FINAL or NPF_TABLE, or, of Intel's, the qualification. `linear`: the address
 * that led there. */
__attribute__((noreturn)) void virt_nested_fault(struct x86 *, uint64_t gpa, uint64_t linear, uint32_t error,
                                                 bool fetch);
/* Completes an exit that virt_exit() has begun: back in the hypervisor, one step later. Outside of blocks. */
void virt_leave(struct x86 *);
/* Both, for what the dispatcher does itself. */
void virt_leave_for(struct x86 *, uint64_t reason, uint64_t info1, uint64_t info2);
/* Whether one of the following two would do something. */
bool virt_line_waits(const struct x86 *);
/* Ends the guest's run if a line is up that its hypervisor wants to know of. */
void virt_take_exit_line(struct x86 *);
/* Delivers a virtual interrupt, or ends the run for it; false if there is none to take. */
bool virt_take_virtual_line(struct x86 *);
/* Delivers the event that an entry injects; one step. */
void virt_inject(struct x86 *);
/* IRET ends the blocking of NMIs, unless they are not the guest's matter. */
void virt_unblock_nmis(struct x86 *);
/* An INIT waits: AMD's global interrupt flag, or VMX root operation. */
bool virt_holds_init(const struct x86 *);
/* Intel's monitor trap flag: ends the run if it is due; whether only one instruction may run now. */
void virt_take_mtf(struct x86 *);
bool virt_single(struct x86 *);
/* Whether a guest that is halted may be left, although it takes no interrupts: its hypervisor takes them, or its time ends. */
bool virt_ends_halt(const struct x86 *);
/* In how many steps the dispatcher has to look again, for the preemption timer; INT64_MAX if it need not. */
int64_t virt_steps(const struct x86 *);
/* Whether physical interrupts are let through: IF, or that of the hypervisor. */
static inline bool virt_if(const struct x86 *cpu)
{
    return (cpu->guest.masking ? cpu->virt.host.flags : cpu->flags) & FLAG_IF;
}

/* ---- state ---- */

void virt_reset(struct x86 *, bool init);
/* After a load: makes what a file may hold harmless. */
void virt_loaded(struct x86 *);
/* An SMI interrupts a guest, RSM goes on with it. */
void virt_suspend(struct x86 *);
void virt_resume(struct x86 *);
/* The registers are those of another world: derives what follows from them. dr7: the old one. */
void virt_world_changed(struct x86 *, uint64_t old_dr7);
/* MSRs: VM_CR and VM_HSAVE_PA; false if the value is refused. */
bool virt_cr_write(struct x86 *, uint64_t v);
bool virt_hsave_write(struct x86 *, uint64_t v);
/* Whether EFER.SVME cannot be set. */
bool virt_disabled(const struct x86 *);
/* CPUID 8000000Ah. */
void virt_cpuid(const struct x86 *, uint32_t result[4]);

#endif
