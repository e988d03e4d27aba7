/* ret.c - far RET and IRET in all modes. SDM volume 2, RET and IRET. */
#include "hv/x86/flow.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* A return in protected mode, in progress. */
struct ret {
    uint64_t rip, sp;
    uint16_t sel;
    unsigned cpl;   /* after the return */
    bool outer;     /* CPL rises */
    bool new_stack; /* SS:rSP comes from the frame */
    struct seg cs, ss;
};

uint64_t flags_writable(const struct x86 *cpu, unsigned osize)
{
    uint64_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (cpu->cpl <= iopl(cpu))
        mask |= FLAG_IF;
    if (!cpu->cpl)
        mask |= FLAG_IOPL;
    return osize >= 2 ? mask | FLAG_RF | FLAG_AC | FLAG_ID : mask;
}

static void flags_merge(struct x86 *cpu, uint64_t f, uint64_t mask)
{
    const uint64_t old = eflags_get(cpu);
    eflags_set(cpu, (old & ~mask) | (f & mask));
    if_event(cpu, old, "iret");
}

/* ---------------------------------------------------------------- checks */

static void check_return_code(struct x86 *cpu, struct ret *r)
{
    struct desc d;
    unsigned rpl = r->sel & 3;
    if (is_null_selector(r->sel))
        raise_error(cpu, VEC_GP, 0);
    if (!desc_read(cpu, r->sel, &d))
        raise_sel(cpu, VEC_GP, r->sel, 0);
    bool level = is_conforming(d.attr) ? dpl_of(d.attr) <= rpl : dpl_of(d.attr) == rpl;
    if (!is_code(d.attr) || rpl < cpu->cpl || !level)
        raise_sel(cpu, VEC_GP, r->sel, 0);
    if (long_mode(cpu) && d.attr & SEG_L && d.attr & SEG_DB)
        raise_sel(cpu, VEC_GP, r->sel, 0);
    if (!(d.attr & SEG_P))
        raise_sel(cpu, VEC_NP, r->sel, 0);
    r->cpl = rpl;
    r->outer = rpl > cpu->cpl;
    r->cs = desc_seg(r->sel, &d);
    check_rip(cpu, &r->cs, r->rip, 0);
    desc_set_type(cpu, &d, SEG_ACCESSED);
}

/* Checks SS from the frame. It may be null for a return to 64-bit code below CPL 3. */
static void check_return_stack(struct x86 *cpu, struct ret *r, uint16_t sel)
{
    struct desc d;
    r->new_stack = true;
    if (is_null_selector(sel)) {
        if (!seg_is_64(cpu, &r->cs) || r->cpl == 3)
            raise_error(cpu, VEC_GP, 0);
        r->ss = seg_null(sel);
        r->ss.attr = (uint16_t)(r->cpl << 5);
        return;
    }
    if (!desc_read(cpu, sel, &d) || (sel & 3u) != r->cpl || !is_writable_data(d.attr) ||
        dpl_of(d.attr) != r->cpl)
        raise_sel(cpu, VEC_GP, sel, 0);
    if (!(d.attr & SEG_P))
        raise_sel(cpu, VEC_SS, sel, 0);
    desc_set_type(cpu, &d, SEG_ACCESSED);
    r->ss = desc_seg(sel, &d);
}

static const struct op *return_commit(struct x86 *cpu, const struct op *op, const struct ret *r,
                                      const struct stk *st)
{
    if (r->new_stack) {
        cpu->seg[SS] = r->ss;
        rsp_set(cpu, &r->ss, seg_is_64(cpu, &r->cs), r->sp);
    } else {
        stk_commit(cpu, st);
    }
    cs_commit(cpu, &r->cs, r->cpl, r->rip);
    if (r->outer)
        seg_drop_inner(cpu);
    return leave_to(cpu, op, r->rip);
}

/* ---------------------------------------------------------------- far RET */

/* If the processor is now in real or virtual-8086 mode, this may be the end of a BIOS service. */
static void service_return(struct x86 *cpu, uint64_t rip)
{
    const struct x86_hooks *h = &cpu->bus.hooks;
    if (h->far_return)
        h->far_return(h->ctx, cpu->index, stack_linear(cpu), cpu->seg[CS].base + (uint16_t)rip);
}

static const struct op *retf_real(struct x86 *cpu, const struct op *op, uint64_t rip, uint16_t sel,
                                  struct stk *st)
{
    struct seg cs = seg_real(cpu, &cpu->seg[CS], sel);
    check_rip(cpu, &cs, rip, 0);
    stk_skip(st, (unsigned)op->imm);
    stk_commit(cpu, st);
    cs_commit(cpu, &cs, cpu->cpl, rip);
    if (op->imm == 2)
        service_return(cpu, rip);
    return leave_to(cpu, op, rip);
}

/* op->imm: bytes of parameters to drop, on both stacks. */
static __attribute__((noinline)) const struct op *retf(struct x86 *cpu, const struct op *op)
{
    unsigned size = 1u << op->osize;
    struct stk st;
    SYNC;
    stk_here(cpu, &st, 0);
    struct ret r = {.rip = stk_pop(cpu, &st, size)};
    r.sel = (uint16_t)stk_pop(cpu, &st, size);
    if (!protected_mode(cpu))
        return retf_real(cpu, op, r.rip, r.sel, &st);
    check_return_code(cpu, &r);
    stk_skip(&st, (unsigned)op->imm);
    if (r.outer) {
        r.sp = stk_pop(cpu, &st, size) + (uint64_t)op->imm;
        check_return_stack(cpu, &r, (uint16_t)stk_pop(cpu, &st, size));
    }
    return return_commit(cpu, op, &r, &st);
}

static OP(op_retf)
{
    const struct flow_start s = flow_begin(cpu, op);
    retf(cpu, op);
    flow_end(cpu, FLOW_RETURN, &s);
    GO_ON;
}

/* ---------------------------------------------------------------- IRET */

/* The values that every kind of IRET pops first. */
struct iret {
    struct stk st;
    uint64_t rip, flags;
    uint16_t sel;
};

static void pop_iret(struct x86 *cpu, const struct op *op, struct iret *f)
{
    unsigned size = 1u << op->osize;
    stk_here(cpu, &f->st, 0);
    f->rip = stk_pop(cpu, &f->st, size);
    f->sel = (uint16_t)stk_pop(cpu, &f->st, size);
    f->flags = stk_pop(cpu, &f->st, size);
}

/* Real mode, and virtual-8086 mode with IOPL 3. */
static const struct op *iret_real(struct x86 *cpu, const struct op *op, struct iret *f, uint64_t mask)
{
    struct seg cs = seg_real(cpu, &cpu->seg[CS], f->sel);
    check_rip(cpu, &cs, f->rip, 0);
    flags_merge(cpu, f->flags, mask);
    stk_commit(cpu, &f->st);
    cs_commit(cpu, &cs, cpu->cpl, f->rip);
    service_return(cpu, f->rip);
    return leave_to(cpu, op, f->rip);
}

/* Virtual-8086 mode with IOPL below 3 and VME: IF means VIF (SDM volume 3, 20.3). */
static const struct op *iret_vme(struct x86 *cpu, const struct op *op, struct iret *f)
{
    if ((f->flags & FLAG_IF && cpu->flags & FLAG_VIP) || f->flags & FLAG_TF)
        raise_error(cpu, VEC_GP, 0);
    uint64_t flags = f->flags & ~(uint64_t)FLAG_VIF;
    f->flags = flags & FLAG_IF ? flags | FLAG_VIF : flags;
    return iret_real(cpu, op, f, (flags_writable(cpu, 1) & ~(uint64_t)FLAG_IF) | FLAG_VIF);
}

static const struct op *iret_v86(struct x86 *cpu, const struct op *op)
{
    struct iret f;
    bool vme = cpu->cr4 & CR4_VME && op->osize == 1;
    if (iopl(cpu) < 3 && !vme)
        raise_error(cpu, VEC_GP, 0);
    pop_iret(cpu, op, &f);
    return iopl(cpu) < 3 ? iret_vme(cpu, op, &f) : iret_real(cpu, op, &f, flags_writable(cpu, op->osize));
}

/* From CPL 0 to virtual-8086 mode. */
static const struct op *iret_to_v86(struct x86 *cpu, const struct op *op, struct iret *f)
{
    static const uint8_t order[] = {SS, ES, DS, FS, GS};
    uint16_t sel[5];
    uint64_t esp = stk_pop(cpu, &f->st, 4);
    for (unsigned i = 0; i < 5; i++)
        sel[i] = (uint16_t)stk_pop(cpu, &f->st, 4);
    if (f->rip > 0xffff)
        raise_error(cpu, VEC_GP, 0);
    const uint64_t old = cpu->flags;
    eflags_set(cpu, f->flags & 0x3f7fd7);
    if_event(cpu, old, "iret");
    for (unsigned i = 0; i < 5; i++)
        cpu->seg[order[i]] = seg_real(cpu, &cpu->seg[order[i]], sel[i]);
    SET32(RSP, esp);
    struct seg cs = seg_real(cpu, &cpu->seg[CS], f->sel);
    cs_commit(cpu, &cs, 3, f->rip);
    service_return(cpu, f->rip);
    return leave_to(cpu, op, f->rip);
}

static const struct op *iret_protected(struct x86 *cpu, const struct op *op)
{
    struct iret f;
    unsigned size = 1u << op->osize;
    pop_iret(cpu, op, &f);
    if (size == 4 && f.flags & FLAG_VM && !cpu->cpl && !long_mode(cpu))
        return iret_to_v86(cpu, op, &f);
    struct ret r = {.rip = f.rip, .sel = f.sel};
    check_return_code(cpu, &r);
    if (r.outer || cpu->mode64) {
        r.sp = stk_pop(cpu, &f.st, size);
        check_return_stack(cpu, &r, (uint16_t)stk_pop(cpu, &f.st, size));
    }
    uint64_t mask = flags_writable(cpu, op->osize);
    flags_merge(cpu, f.flags, cpu->cpl || size < 4 ? mask : mask | FLAG_VIF | FLAG_VIP);
    return return_commit(cpu, op, &r, &f.st);
}

static const struct op *iret_task(struct x86 *cpu, const struct op *op)
{
    if (long_mode(cpu))
        raise_error(cpu, VEC_GP, 0);
    task_trap(cpu, task_switch(cpu, TASK_IRET, task_link(cpu), rip_after(cpu, op), 0));
    return NULL;
}

static __attribute__((noinline)) const struct op *iret(struct x86 *cpu, const struct op *op)
{
    SYNC;
    if (v86_mode(cpu))
        return iret_v86(cpu, op);
    virt_unblock_nmis(cpu); /* even if it faults */
    if (real_mode(cpu)) {
        struct iret f;
        pop_iret(cpu, op, &f);
        return iret_real(cpu, op, &f, flags_writable(cpu, op->osize));
    }
    return cpu->flags & FLAG_NT ? iret_task(cpu, op) : iret_protected(cpu, op);
}

static OP(op_iret)
{
    virt_intercept(cpu, op, VIRT_IRET, 0);
    const struct flow_start s = flow_begin(cpu, op);
    iret(cpu, op);
    flow_end(cpu, FLOW_IRET, &s);
    GO_ON;
}

FAMILY1(fam_retf, op_retf);
FAMILY1(fam_iret, op_iret);
