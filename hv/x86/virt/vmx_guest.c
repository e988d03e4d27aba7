/* vmx_guest.c - what a guest's instructions do under Intel's controls, and what ends its run between them. SDM volume 3, 25.1 to 25.6. */
#include "hv/x86/virt/vmx_guest.h"

#include "hv/x86/virt/vmx.h"

#include "hv/x86/decode/decode.h"

/* Basic exit reasons (appendix C) that are of Intel only. */
enum {
    EXIT_SIPI = VIRT_VMX + 4,
    EXIT_NMI_WINDOW = VIRT_VMX + 8,
    EXIT_CR = VIRT_VMX + 28,
    EXIT_DR = VIRT_VMX + 29,
    EXIT_IO = VIRT_VMX + 30,
    EXIT_MTF = VIRT_VMX + 37,
    EXIT_PAUSE = VIRT_VMX + 40,
    EXIT_TPR = VIRT_VMX + 43,
    EXIT_TIMER = VIRT_VMX + 52,
};

static bool may_exit(const struct x86 *cpu)
{
    return cpu->guest.runs && cpu_has(cpu, FT_VMX);
}

/* ---------------------------------------------------------------- ports, MSRs, PAUSE */

/* The two maps have a bit for each port; an access to several ports ends the run if one of them is set, or if it goes beyond FFFFh. */
static bool port_wanted(const struct x86 *cpu, uint16_t port, unsigned size)
{
    if (!(cpu->vmx.first & VMX_FIRST_IO_BITMAPS))
        return true;
    for (unsigned p = port; p < port + size; p++) {
        uint8_t bits;
        if (p > 0xffff)
            return true;
        physmem_read(cpu->mem, (p < 0x8000 ? cpu->guest.iopm : cpu->vmx.io_b) + (p & 0x7fff) / 8, &bits, 1);
        if (bits >> p % 8 & 1)
            return true;
    }
    return false;
}

static bool has_immediate_port(const struct op *op)
{
    enum { IN_IMM = 0xe4, OUT_IMM_END = 0xe7 };
    const struct insn_row *r = op_row(op);
    return r && r->opcode >= IN_IMM && r->opcode <= OUT_IMM_END;
}

static void string_operand(struct x86 *cpu, const struct op *op, bool in)
{
    static const uint64_t masks[] = {0xffff, 0xffffffff, UINT64_MAX};
    enum { ASIZE = 7, SEGMENT = 15 };
    const unsigned seg = in ? ES : op->seg == SEG_NONE ? DS : op->seg;
    const uint64_t offset = R64(in ? RDI : RSI) & masks[op->asize];
    const uint64_t linear = cpu->mode64 && seg < FS ? offset : cpu->seg[seg].base + offset;
    cpu->virt.now.linear = cpu->mode64 ? linear : (uint32_t)linear;
    cpu->virt.now.instruction = (uint32_t)op->asize << ASIZE | seg << SEGMENT;
}

void vmx_io_look(struct x86 *cpu, const struct op *op, uint16_t port, unsigned size, bool in, bool string)
{
    enum { IN = 3, STRING = 4, REP = 5, IMMEDIATE = 6, PORT = 16 };
    if (!port_wanted(cpu, port, size))
        return;
    SYNC;
    uint64_t q = (size - 1) | (uint64_t)in << IN | (uint64_t)string << STRING | (uint64_t)port << PORT;
    if (string) {
        q |= op->pfx & (PFX_REP | PFX_REPNE) ? 1u << REP : 0;
        string_operand(cpu, op, in);
    } else if (has_immediate_port(op)) {
        q |= 1u << IMMEDIATE;
    }
    virt_exit_with(cpu, EXIT_IO, q);
}

/* 24.6.9: four maps of 1 KiB, for reading and writing of two ranges. Others always end the run. */
static bool msr_wanted(const struct x86 *cpu, uint32_t msr, bool write)
{
    enum { RANGE = 0x2000, HIGH = 0xc0000000u, MAP = 1024 };
    const bool high = msr - HIGH < RANGE;
    uint8_t bits;
    if (!(cpu->vmx.first & VMX_FIRST_MSR_BITMAPS) || (!high && msr >= RANGE))
        return true;
    physmem_read(cpu->mem, cpu->guest.msrpm + (write * 2u + high) * MAP + (msr & (RANGE - 1)) / 8, &bits, 1);
    return bits >> msr % 8 & 1;
}

void vmx_msr_look(struct x86 *cpu, const struct op *op, uint32_t msr, bool write)
{
    if (!msr_wanted(cpu, msr, write))
        return;
    SYNC;
    virt_exit(cpu, VIRT_MSR, write, 0);
}

/* 25.1.3. A loop: each PAUSE comes within PLE_Gap after the last one; it ends the run when the first one is PLE_Window ago. */
void vmx_pause_look(struct x86 *cpu, const struct op *op)
{
    struct vmx *x = &cpu->vmx;
    SYNC;
    if (x->first & VMX_FIRST_PAUSE)
        virt_exit_with(cpu, EXIT_PAUSE, 0);
    if (cpu->cpl)
        return;
    const uint64_t now = cpu->bus.time(cpu->bus.ctx), last = cpu->guest.pause_at;
    cpu->guest.pause_at = now;
    if (!last || now - last > x->ple_gap)
        x->ple_first = now;
    else if (now - x->ple_first > x->ple_window)
        virt_exit_with(cpu, EXIT_PAUSE, 0);
}

/* ---------------------------------------------------------------- control registers: 25.1.3, 25.3 */

enum { CR_MOV_TO, CR_MOV_FROM, CR_CLTS, CR_LMSW };
enum { CR_TYPE = 4, CR_MEMORY = 6, CR_REGISTER = 8, CR_SOURCE = 16 };

static void leave_for_cr(struct x86 *cpu, unsigned cr, unsigned type, unsigned reg)
{
    virt_exit_with(cpu, EXIT_CR, cr | type << CR_TYPE | reg << CR_REGISTER);
}

uint64_t vmx_cr_read(const struct x86 *cpu, unsigned cr, uint64_t v)
{
    const struct vmx *x = &cpu->vmx;
    if (cr == 0)
        return (v & ~x->cr0_mask) | (x->cr0_shadow & x->cr0_mask);
    return cr == 4 ? (v & ~x->cr4_mask) | (x->cr4_shadow & x->cr4_mask) : v;
}

void vmx_mov_from_cr(struct x86 *cpu, unsigned cr, unsigned reg)
{
    const uint32_t f = cpu->vmx.first;
    if ((cr == 3 && f & VMX_FIRST_CR3_STORE) || (cr == 8 && f & VMX_FIRST_CR8_STORE))
        leave_for_cr(cpu, cr, CR_MOV_FROM, reg);
}

static bool is_cr3_target(const struct vmx *x, uint64_t v)
{
    for (unsigned i = 0; i < x->cr3_targets && i < VMX_CR3_TARGETS; i++)
        if (x->cr3_target[i] == v)
            return true;
    return false;
}

/* Bits of the mask keep their values, and the guest cannot give them others than its shadow has. */
uint64_t vmx_mov_to_cr(struct x86 *cpu, unsigned cr, unsigned reg, uint64_t v)
{
    const struct vmx *x = &cpu->vmx;
    const bool leaves = cr == 0   ? (v ^ x->cr0_shadow) & x->cr0_mask
                        : cr == 4 ? (v ^ x->cr4_shadow) & x->cr4_mask
                        : cr == 3 ? x->first & VMX_FIRST_CR3_LOAD && !is_cr3_target(x, v)
                        : cr == 8 ? x->first & VMX_FIRST_CR8_LOAD
                                  : false;
    if (leaves)
        leave_for_cr(cpu, cr, CR_MOV_TO, reg);
    return cr == 0   ? (v & ~x->cr0_mask) | (cpu->cr0 & x->cr0_mask)
           : cr == 4 ? (v & ~x->cr4_mask) | (cpu->cr4 & x->cr4_mask)
                     : v;
}

/* PE can only be set, so only that ends the run. */
uint16_t vmx_lmsw(struct x86 *cpu, const struct op *op, uint16_t v)
{
    const struct vmx *x = &cpu->vmx;
    const uint64_t differs = (v ^ x->cr0_shadow) & x->cr0_mask;
    const bool memory = op->pfx & PFX_MEM;
    if (differs & (CR0_MP | CR0_EM | CR0_TS) || (differs & CR0_PE && v & CR0_PE)) {
        if (memory)
            cpu->virt.now.linear = ea_any(cpu, op, 2, false);
        virt_exit_with(cpu, EXIT_CR,
                       CR_LMSW << CR_TYPE | (uint64_t)memory << CR_MEMORY | (uint64_t)v << CR_SOURCE);
    }
    return (uint16_t)((v & ~x->cr0_mask) | (cpu->cr0 & x->cr0_mask));
}

/* Whether TS is the guest's to clear. */
bool vmx_clts(struct x86 *cpu)
{
    const struct vmx *x = &cpu->vmx;
    if (!(x->cr0_mask & CR0_TS))
        return true;
    if (x->cr0_shadow & CR0_TS)
        leave_for_cr(cpu, 0, CR_CLTS, 0);
    return false;
}

void vmx_mov_dr(struct x86 *cpu, unsigned dr, bool from, unsigned reg)
{
    enum { FROM = 4, REGISTER = 8 };
    if (cpu->vmx.first & VMX_FIRST_MOV_DR)
        virt_exit_with(cpu, EXIT_DR, (dr & 7) | (unsigned)from << FROM | reg << REGISTER);
}

/* The TPR shadow: bits 7:4 of VTPR, at 80h in the virtual-APIC page (29.3). */
enum { VTPR = 0x80 };

uint64_t vmx_cr8_get(const struct x86 *cpu)
{
    uint8_t v;
    if (!(cpu->vmx.first & VMX_FIRST_TPR_SHADOW))
        return cpu->bus.get_cr8(cpu->bus.ctx);
    physmem_read(cpu->mem, cpu->vmx.vapic + VTPR, &v, 1);
    return v >> 4;
}

void vmx_cr8_set(struct x86 *cpu, uint64_t v)
{
    const uint32_t tpr = (uint32_t)(v & 15) << 4;
    if (!(cpu->vmx.first & VMX_FIRST_TPR_SHADOW)) {
        cpu->bus.set_cr8(cpu->bus.ctx, v);
        return;
    }
    physmem_write(cpu->mem, cpu->vmx.vapic + VTPR, &tpr, sizeof tpr);
    cpu->vmx.tpr_due = (v & 15) < cpu->vmx.tpr_threshold;
}

/* ---------------------------------------------------------------- exceptions */

/* Of page faults the mask and the match decide which are those of the exception bitmap: 25.2. */
bool vmx_wants_fault(const struct x86 *cpu, const struct fault *f)
{
    const bool bit = virt_wants(cpu, VIRT_EXCEPTION + f->vector);
    const uint32_t error = f->has_error ? f->error : 0;
    if (f->vector != VEC_PF)
        return bit;
    return bit == ((error & cpu->vmx.pf_mask) == cpu->vmx.pf_match);
}

/* ---------------------------------------------------------------- between instructions */

static bool timer_expired(const struct x86 *cpu)
{
    return cpu->vmx.pin & VMX_PIN_TIMER && cpu->bus.time(cpu->bus.ctx) >= cpu->vmx.timer_end;
}

static bool nmi_window(const struct x86 *cpu)
{
    return cpu->vmx.first & VMX_FIRST_NMI_WINDOW && !cpu->nmi_blocked;
}

/* With virtual NMIs what is blocked are those of the guest. */
static bool nmi_comes(const struct x86 *cpu)
{
    const bool blocked = cpu->nmi_blocked && !(cpu->vmx.pin & VMX_PIN_VIRTUAL_NMIS);
    return cpu->nmi_pending && cpu->vmx.pin & VMX_PIN_NMI && !blocked;
}

unsigned vmx_exit_line(const struct x86 *cpu)
{
    const bool by_ss = cpu->inhibit && cpu->vmx.by_ss;
    if (cpu->init_pending)
        return VIRT_INIT;
    if (cpu->wait_sipi)
        return cpu->sipi_pending ? EXIT_SIPI : 0;
    if (cpu->smi_pending)
        return 0; /* SMM comes first */
    if (cpu->vmx.tpr_due)
        return EXIT_TPR;
    if (timer_expired(cpu))
        return EXIT_TIMER;
    if (nmi_window(cpu) && !by_ss)
        return EXIT_NMI_WINDOW;
    if (nmi_comes(cpu) && !by_ss)
        return VIRT_NMI;
    if (cpu->guest.v_irq && cpu->flags & FLAG_IF && !cpu->inhibit)
        return VIRT_VINTR;
    return cpu->intr && cpu->vmx.pin & VMX_PIN_INTR && !cpu->inhibit ? VIRT_INTR : 0;
}

uint64_t vmx_line_qualification(const struct x86 *cpu, unsigned reason)
{
    return reason == EXIT_SIPI ? cpu->sipi_vector : 0;
}

void vmx_take_mtf(struct x86 *cpu)
{
    if (!cpu->vmx.mtf_due || cpu->init_pending || (cpu->smi_pending && !cpu->in_smm))
        return;
    cpu->vmx.mtf_due = false;
    cpu->virt.now.next_rip = 0;
    virt_exit_with(cpu, EXIT_MTF, 0);
}

bool vmx_single(struct x86 *cpu)
{
    if (!may_exit(cpu) || !(cpu->vmx.first & VMX_FIRST_MTF))
        return false;
    cpu->vmx.mtf_due = true;
    return true;
}

int64_t vmx_steps(const struct x86 *cpu)
{
    const uint64_t now = cpu->bus.time(cpu->bus.ctx);
    if (!may_exit(cpu) || !(cpu->vmx.pin & VMX_PIN_TIMER))
        return INT64_MAX;
    return cpu->vmx.timer_end > now ? (int64_t)(cpu->vmx.timer_end - now) : 0;
}

uint64_t x86_guest_deadline(const struct x86 *cpu)
{
    const bool ends = cpu->halted && !cpu->wait_sipi && may_exit(cpu) && cpu->vmx.pin & VMX_PIN_TIMER;
    return ends ? cpu->vmx.timer_end : UINT64_MAX;
}

bool virt_ends_halt(const struct x86 *cpu)
{
    return may_exit(cpu) && cpu->vmx.pin & (VMX_PIN_INTR | VMX_PIN_TIMER);
}

/* CR0.PE and CR0.PG are an unrestricted guest's to clear (23.8). */
uint64_t virt_cr_fixed(const struct x86 *cpu, unsigned cr)
{
    const bool free = cpu->guest.runs && cpu->vmx.second & VMX_SECOND_UNRESTRICTED;
    if (likely(!cpu->vmx.on) || cpu->in_smm)
        return 0;
    return cr == 4 ? CR4_FIXED : free ? CR0_NE : (unsigned)CR0_FIXED;
}

bool virt_lacks(const struct x86 *cpu, enum virt_instruction which)
{
    static const uint32_t bits[] = {[VIRT_HAS_RDTSCP] = VMX_SECOND_RDTSCP,
                                    [VIRT_HAS_INVPCID] = VMX_SECOND_INVPCID,
                                    [VIRT_HAS_XSAVES] = VMX_SECOND_XSAVES};
    return unlikely(cpu->guest.runs) && may_exit(cpu) && !(cpu->vmx.second & bits[which]);
}
