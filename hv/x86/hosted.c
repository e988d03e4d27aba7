/* hosted.c - programs in user mode under a host: system calls and exceptions leave x86_run() instead of
 * entering a kernel (x86.h, x86_host()).
 *
 * The area of FXSAVE64: SDM volume 1, 10.5.1. System calls: SDM volume 2, SYSCALL; AMD64 APM volume 2, 6.1. */
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/x87/x87.h"

enum {
    USER_CODE = 0xa0fb,
    USER_DATA = 0xc0f3,
    FLAGS_USER = 0x250dd5,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160
};

void x86_host(struct x86 *cpu)
{
    cpu->hosted = true;
    cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_has(cpu, FT_AVX)) { /* as Linux does */
        cpu->cr4 |= CR4_OSXSAVE;
        cpu->xcr0 = 7;
    }
    cpu->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpu->seen_ring3 = 1;
    cpu->gdtr = cpu->idtr = (struct dtable){0};
    tlb_flush(cpu);
}

void x86_host_fsgsbase(struct x86 *cpu)
{
    if (cpu_has(cpu, FT_FSGSBASE))
        cpu->cr4 |= CR4_FSGSBASE;
}

bool x86_user_fsgsbase(const struct x86 *cpu)
{
    return cpu->cr4 & CR4_FSGSBASE;
}

/* ---------------------------------------------------------------- leaving the program */

void hosted_trap(struct x86 *cpu, enum x86_trap_kind kind, uint8_t vector)
{
    cpu->trap = (struct x86_trap){.kind = kind, .vector = vector};
    cpu->trap_hit = true;
}

void hosted_fault(struct x86 *cpu)
{
    const struct fault *f = &cpu->fault;
    hosted_trap(cpu, X86_TRAP_FAULT, f->vector);
    cpu->trap.error = f->has_error ? f->error : 0;
    cpu->trap.address = f->vector == VEC_PF ? f->cr2 : 0;
    cpu->trap.debug = f->vector == VEC_DB ? f->dr6 : 0;
    cpu->op = NULL;
    cpu->stops.said = 0;
    cpu->inhibit = cpu->halted = false;
    cpu->left--;
}

const struct op *hosted_syscall(struct x86 *cpu, const struct op *op)
{
    SET64(RCX, rip_after(cpu, op));
    SET64(R11, eflags_get(cpu) & ~(uint64_t)FLAG_RF);
    cpu->tf_pending = false; /* the host reports the step, when the call is done */
    hosted_trap(cpu, X86_TRAP_SYSCALL, 0);
    return leave_to(cpu, op, rip_after(cpu, op));
}

const struct op *hosted_int(struct x86 *cpu, const struct op *op, uint8_t vector)
{
    bool open =
        vector == VEC_DB || vector == VEC_BP || vector == VEC_OF || vector == 0x80; /* gates with DPL 3 */
    if (!open)
        raise_error(cpu, VEC_GP, vector * 8u | 2);
    cpu->tf_pending = false;
    hosted_trap(cpu, X86_TRAP_INT, vector);
    return leave_to(cpu, op, rip_after(cpu, op));
}

void x86_trap_info(const struct x86 *cpu, struct x86_trap *t)
{
    *t = cpu->trap;
}

/* ---------------------------------------------------------------- registers */

void x86_user_get(const struct x86 *cpu, struct x86_user *u)
{
    for (unsigned i = 0; i < 16; i++)
        u->gpr[i] = cpu->gpr[i];
    u->rip = cpu->gpr[REG_RIP];
    u->rflags = eflags_get(cpu) & ~(uint64_t)FLAG_RF;
    u->fs_base = cpu->seg[FS].base;
    u->gs_base = cpu->seg[GS].base;
    u->cs = cpu->seg[CS].sel;
    u->ss = cpu->seg[SS].sel;
    u->ds = cpu->seg[DS].sel;
    u->es = cpu->seg[ES].sel;
    u->fs = cpu->seg[FS].sel;
    u->gs = cpu->seg[GS].sel;
}

static void flat(struct x86 *cpu, unsigned n, uint16_t sel, uint64_t base, uint16_t attr)
{
    cpu->seg[n] = (struct seg){.base = base, .limit = UINT32_MAX, .attr = attr & 0xf0ff, .sel = sel};
}

void x86_user_set(struct x86 *cpu, const struct x86_user *u)
{
    for (unsigned i = 0; i < 16; i++)
        cpu->gpr[i] = u->gpr[i];
    cpu->gpr[REG_RIP] = u->rip;
    eflags_set(cpu, (u->rflags & (FLAGS_USER | FLAG_RF)) | FLAG_IF);
    flat(cpu, CS, u->cs, 0, USER_CODE);
    flat(cpu, SS, u->ss, 0, USER_DATA);
    flat(cpu, DS, u->ds, 0, USER_DATA);
    flat(cpu, ES, u->es, 0, USER_DATA);
    flat(cpu, FS, u->fs, u->fs_base, USER_DATA);
    flat(cpu, GS, u->gs, u->gs_base, USER_DATA);
    cpu->cpl = 3;
    cpu->inhibit = cpu->halted = false;
    debug_taken(cpu);
    mode_derive(cpu);
}

void x86_user_debug_set(struct x86 *cpu, const uint64_t address[4], uint64_t dr7)
{
    dr7 = dr_fixed(7, dr7);
    if (cpu->dr[7] == dr7 && !memcmp(cpu->dr, address, 4 * sizeof *address))
        return;
    memcpy(cpu->dr, address, 4 * sizeof *address);
    cpu->dr[7] = dr7;
    tlb_flush(cpu); /* pages with data breakpoints must not be in the TLB */
}

void x86_user_space(struct x86 *cpu, uint64_t cr3)
{
    cpu->cr3 = cr3;
    tlb_switch(cpu);
}

static void put(uint8_t *p, uint64_t v, unsigned n)
{
    memcpy(p, &v, n);
}
static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

void x86_user_fx_get(const struct x86 *cpu, uint8_t b[X86_FX_SIZE])
{
    const struct fpu *f = &cpu->fpu;
    memset(b, 0, X86_FX_SIZE);
    put(b, f->cw, 2);
    put(b + 2, f->sw, 2);
    put(b + 4, (uint8_t)~f->empty, 1);
    put(b + 6, f->fop, 2);
    put(b + 8, f->fip, 8);
    put(b + 16, f->fdp, 8);
    put(b + FX_MXCSR, f->mxcsr, 4);
    put(b + FX_MXCSR + 4, 0xffff, 4);
    for (unsigned i = 0; i < 8; i++) {
        struct fpreg r = fpu_st(f, i);
        put(b + FX_ST + 16 * i, r.sig, 8);
        put(b + FX_ST + 16 * i + 8, r.exp, 2);
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(b + FX_XMM + 16 * i, cpu->xmm[i].b, 16);
}

bool x86_user_has_ymm(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_AVX);
}

void x86_user_ymm_get(const struct x86 *cpu, uint8_t b[X86_YMM_SIZE])
{
    memcpy(b, cpu->ymmh, X86_YMM_SIZE);
}

void x86_user_ymm_set(struct x86 *cpu, const uint8_t b[X86_YMM_SIZE])
{
    memcpy(cpu->ymmh, b, X86_YMM_SIZE);
}

bool x86_user_fx_set(struct x86 *cpu, const uint8_t b[X86_FX_SIZE])
{
    struct fpu *f = &cpu->fpu;
    if (get(b + FX_MXCSR, 4) & ~0xffffull)
        return false;
    fpu_set_cw(f, (uint16_t)get(b, 2));
    fpu_set_sw(f, (uint16_t)get(b + 2, 2));
    f->empty = (uint8_t)~b[4];
    f->fop = get(b + 6, 2) & 0x7ff;
    f->fip = get(b + 8, 8);
    f->fdp = get(b + 16, 8);
    f->fcs = f->fds = 0;
    f->mxcsr = (uint32_t)get(b + FX_MXCSR, 4);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *r = b + FX_ST + 16 * i;
        f->r[fpu_phys(f, i)] = fpreg(get(r, 8), (uint16_t)get(r + 8, 2));
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(cpu->xmm[i].b, b + FX_XMM + 16 * i, 16);
    return true;
}
