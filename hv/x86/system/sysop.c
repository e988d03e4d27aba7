/* sysop.c - the remaining system instructions: IF and EFLAGS, HLT, caches, time, ports. SDM volume 2. */
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- CLI, STI */

/* For use when IOPL does not allow IF to be changed: VIF takes its place (VME in virtual-8086 mode, PVI at
 * CPL 3), else #GP(0). */
static void need_virtual_if(struct x86 *cpu)
{
    bool virtual_if = v86_mode(cpu) ? cpu->cr4 & CR4_VME : cpu->cpl == 3 && cpu->cr4 & CR4_PVI;
    if (!virtual_if)
        raise_error(cpu, VEC_GP, 0);
}

/* The fields are the same for both kinds. */
_Static_assert((int)EVF_CPU_CLI_was == (int)EVF_CPU_STI_was && (int)EVF_CPU_CLI_cs == (int)EVF_CPU_STI_cs &&
                   (int)EVF_CPU_CLI_ip == (int)EVF_CPU_STI_ip,
               "CLI and STI differ");

/* Reports a CLI or STI that will not fault, before it changes `flag` (IF or VIF). */
static void cli_sti_event(struct x86 *cpu, uint16_t kind, uint64_t flag)
{
    struct event ev = {.kind = kind, .data = flag == FLAG_IF ? "IF" : "VIF"};
    ev.len = (uint32_t)strlen(ev.data);
    ev.f[EVF_CPU_CLI_was] = (cpu->flags & flag) != 0;
    ev.f[EVF_CPU_CLI_cs] = cpu->seg[CS].sel;
    ev.f[EVF_CPU_CLI_ip] = where_rip(cpu);
    cpu_event(cpu, &ev);
}

void if_event(struct x86 *cpu, uint64_t old, const char *by)
{
    struct event ev = {.kind = EV_CPU_IF, .data = by, .len = (uint32_t)strlen(by)};
    if (!((old ^ cpu->flags) & FLAG_IF))
        return;
    ev.f[EVF_CPU_IF_on] = (cpu->flags & FLAG_IF) != 0;
    ev.f[EVF_CPU_IF_cs] = cpu->seg[CS].sel;
    ev.f[EVF_CPU_IF_ip] = where_rip(cpu);
    cpu_event(cpu, &ev);
}

static OP(op_cli)
{
    SYNC;
    uint64_t flag = FLAG_IF;
    if (cpu->cpl > iopl(cpu)) {
        need_virtual_if(cpu);
        flag = FLAG_VIF;
    }
    cli_sti_event(cpu, EV_CPU_CLI, flag);
    cpu->flags &= ~flag;
    NEXT;
}

/* Is no interrupt pending? Then the dispatcher need not look for one when IF becomes set. */
static bool no_line_waits(const struct x86 *cpu)
{
    return !cpu->intr && !cpu->attention && !cpu->guest.v_irq;
}

/* STI holds interrupts off until the next instruction has been executed. That has no effect if none is pending and the run continues with
 * that instruction. (A guest's hypervisor sees it if it intercepts that instruction.) */
static bool shadow_unseen(const struct x86 *cpu, const struct op *op)
{
    return no_line_waits(cpu) && !cpu->guest.runs && op->idx + 1 < cpu->block->n && cpu->patched != op + 1;
}

static OP(op_sti)
{
    SYNC;
    if (cpu->cpl <= iopl(cpu)) {
        cli_sti_event(cpu, EV_CPU_STI, FLAG_IF);
        if (cpu->flags & FLAG_IF)
            NEXT;
        cpu->flags |= FLAG_IF;
        if (shadow_unseen(cpu, op))
            NEXT;
        cpu->inhibit = true;
        cpu->vmx.by_ss = false;
        LEAVE;
    }
    need_virtual_if(cpu);
    if (cpu->flags & FLAG_VIP)
        raise_error(cpu, VEC_GP, 0);
    cli_sti_event(cpu, EV_CPU_STI, FLAG_VIF);
    cpu->flags |= FLAG_VIF;
    NEXT;
}

/* ---------------------------------------------------------------- CLAC, STAC */

static void ac_write(struct x86 *cpu, bool set)
{
    if (cpu->cpl || v86_mode(cpu))
        raise_fault(cpu, VEC_UD);
    cpu->flags = set ? cpu->flags | FLAG_AC : cpu->flags & ~(uint64_t)FLAG_AC;
}

static OP(op_clac)
{
    SYNC;
    ac_write(cpu, false);
    NEXT;
}

static OP(op_stac)
{
    SYNC;
    ac_write(cpu, true);
    NEXT;
}

/* ---------------------------------------------------------------- PUSHF, POPF */

/* In virtual-8086 mode with IOPL below 3: with VME the 16-bit forms use VIF; everything else is #GP(0). */
static bool vme_flags(struct x86 *cpu, const struct op *op)
{
    if (!v86_mode(cpu) || iopl(cpu) == 3)
        return false;
    if (!(cpu->cr4 & CR4_VME) || op->osize != 1)
        raise_error(cpu, VEC_GP, 0);
    return true;
}

static OP(op_pushf)
{
    SYNC;
    virt_intercept(cpu, op, VIRT_PUSHF, 0);
    uint64_t f = eflags_get(cpu) & ~(uint64_t)(FLAG_VM | FLAG_RF);
    if (vme_flags(cpu, op))
        f = (f & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (f & FLAG_VIF ? FLAG_IF : 0);
    stack_push(cpu, op, 1u << op->osize, f);
    NEXT;
}

static uint64_t popf_vme(struct x86 *cpu, uint64_t f)
{
    if ((f & FLAG_IF && cpu->flags & FLAG_VIP) || f & FLAG_TF)
        raise_error(cpu, VEC_GP, 0);
    return f & FLAG_IF ? f | FLAG_VIF : f & ~(uint64_t)FLAG_VIF;
}

static OP(op_popf)
{
    SYNC;
    virt_intercept(cpu, op, VIRT_POPF, 0);
    bool vme = vme_flags(cpu, op);
    uint64_t f = stack_peek(cpu, op, 0, 1u << op->osize), old = eflags_get(cpu);
    uint64_t mask = flags_writable(cpu, op->osize) & ~(uint64_t)FLAG_RF;
    if (vme) {
        f = popf_vme(cpu, f);
        mask |= FLAG_VIF;
    }
    stack_adjust(cpu, 1 << op->osize);
    eflags_set(cpu, (old & ~(mask | FLAG_RF)) | (f & mask));
    if_event(cpu, old, "popf");
    if ((old ^ cpu->flags) & (FLAG_TF | FLAG_AC) || (cpu->flags & ~old & FLAG_IF && !no_line_waits(cpu)))
        LEAVE;
    NEXT;
}

/* ---------------------------------------------------------------- HLT, caches, TLB */

static OP(op_hlt)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_HLT, 0);
    cpu->halted = true;
    LEAVE;
}

/* VMCALL, VMMCALL: a call of the hypervisor that the board plays, with the registers as they are. A guest's hypervisor is another one. */
static OP(op_vmcall)
{
    enum { MODRM_VMMCALL = 0xd9 };
    SYNC;
    if (op->modrm == MODRM_VMMCALL)
        virt_intercept(cpu, op, VIRT_VMMCALL, 0);
    else if (vmx_call(cpu, op))
        LEAVE;
    if (!cpu->bus.hypercall || cpu->guest.runs)
        raise_fault(cpu, VEC_UD);
    cpu->bus.hypercall(cpu->bus.ctx);
    LEAVE;
}

/* The TLBs are coherent with the page tables (cpu.h), and caches are not emulated, so there is nothing to
 * do. */
static OP(op_invlpg)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_INVLPG,
                   ea_offset(cpu, op) + (cpu->mode64 && op->seg < FS ? 0 : cpu->seg[op->seg].base));
    NEXT;
}
static OP(op_invd)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_INVD, 0);
    NEXT;
}
static OP(op_wbinvd)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_WBINVD, 0);
    NEXT;
}

/* ---------------------------------------------------------------- time */

static void set_edx_eax(struct x86 *cpu, uint64_t v)
{
    SET32(RAX, v);
    SET32(RDX, v >> 32);
}

static void read_tsc(struct x86 *cpu, const struct op *op, unsigned reason)
{
    if (cpu->cr4 & CR4_TSD && cpu->cpl && !real_mode(cpu))
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, op, reason, 0);
    set_edx_eax(cpu, cpu->bus.time(cpu->bus.ctx) + cpu->msr.tsc_offset + cpu->guest.tsc_offset);
}

static OP(op_rdtsc)
{
    SYNC;
    read_tsc(cpu, op, VIRT_RDTSC);
    NEXT;
}

static OP(op_rdtscp)
{
    SYNC;
    if (virt_lacks(cpu, VIRT_HAS_RDTSCP))
        raise_fault(cpu, VEC_UD);
    read_tsc(cpu, op, VIRT_RDTSCP);
    SET32(RCX, cpu->msr.tsc_aux);
    NEXT;
}

static OP(op_rdpid)
{
    SYNC;
    if (virt_lacks(cpu, VIRT_HAS_RDTSCP))
        raise_fault(cpu, VEC_UD);
    SET64(op->dst, cpu->mode64 ? cpu->msr.tsc_aux : (uint32_t)cpu->msr.tsc_aux);
    NEXT;
}

/* The models have no performance counters, so every counter number is invalid. */
static OP(op_rdpmc)
{
    SYNC;
    if (!cpu->cpl || cpu->cr4 & CR4_PCE || real_mode(cpu))
        virt_intercept(cpu, op, VIRT_RDPMC, 0);
    raise_error(cpu, VEC_GP, 0);
}

/* ---------------------------------------------------------------- ports */

static unsigned port_width(const struct op *op)
{
    return op->osize == 0 ? 1 : op->osize == 1 ? 2 : 4;
}

static void port_in(struct x86 *cpu, const struct op *op, uint16_t port)
{
    unsigned size = port_width(op);
    if (!io_allowed(cpu, port, size))
        raise_error(cpu, VEC_GP, 0);
    virt_io(cpu, op, port, size, true, false);
    uint32_t v = cpu->bus.in(cpu->bus.ctx, port, size);
    note_port_break(cpu, port, size);
    /* AL is written with the rest: RAX is soon read, for which hosts would wait if only a part had been written. */
    if (size == 1)
        SET64(RAX, (R64(RAX) & ~(uint64_t)0xff) | v);
    else if (size == 2)
        SET16(RAX, v);
    else
        SET32(RAX, v);
}

static void port_out(struct x86 *cpu, const struct op *op, uint16_t port)
{
    unsigned size = port_width(op);
    if (!io_allowed(cpu, port, size))
        raise_error(cpu, VEC_GP, 0);
    virt_io(cpu, op, port, size, false, false);
    cpu->bus.out(cpu->bus.ctx, port, size, size == 1 ? R8(RAX * 8) : size == 2 ? R16(RAX) : R32(RAX));
    note_port_break(cpu, port, size);
}

static OP(op_in_imm)
{
    SYNC;
    port_in(cpu, op, (uint8_t)op->imm);
    NEXT;
}

static OP(op_in_dx)
{
    SYNC;
    port_in(cpu, op, R16(RDX));
    NEXT;
}

static OP(op_out_imm)
{
    SYNC;
    port_out(cpu, op, (uint8_t)op->imm);
    NEXT;
}

static OP(op_out_dx)
{
    SYNC;
    port_out(cpu, op, R16(RDX));
    NEXT;
}

FAMILY1(fam_cli, op_cli);
FAMILY1(fam_sti, op_sti);
FAMILY1(fam_clac, op_clac);
FAMILY1(fam_stac, op_stac);
FAMILY1(fam_pushf, op_pushf);
FAMILY1(fam_popf, op_popf);
FAMILY1(fam_hlt, op_hlt);
FAMILY1(fam_vmcall, op_vmcall);
FAMILY1(fam_invlpg, op_invlpg);
FAMILY1(fam_invd, op_invd);
FAMILY1(fam_wbinvd, op_wbinvd);
FAMILY1(fam_rdtsc, op_rdtsc);
FAMILY1(fam_rdtscp, op_rdtscp);
FAMILY1(fam_rdpid, op_rdpid);
FAMILY1(fam_rdpmc, op_rdpmc);
FAMILY1(fam_in_imm, op_in_imm);
FAMILY1(fam_in_dx, op_in_dx);
FAMILY1(fam_out_imm, op_out_imm);
FAMILY1(fam_out_dx, op_out_dx);
