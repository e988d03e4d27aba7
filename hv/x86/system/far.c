/* far.c - far JMP and CALL: real and virtual-8086 mode, code segments, call gates, tasks. SDM volume 2, CALL
 * and JMP; volume 3, 5.8. */
#include "hv/x86/flow.h"
#include "hv/x86/system/sys.h"

/* A transfer in progress. */
struct far {
    const struct op *op;
    uint16_t sel;
    uint64_t off;
    bool call;
};

/* Push CS and the return address on the current stack. */
static void push_return(struct x86 *cpu, const struct far *f, struct stk *st, unsigned size)
{
    stk_push(cpu, st, size, cpu->seg[CS].sel);
    stk_push(cpu, st, size, rip_after(cpu, f->op));
}

/* To a checked segment, on the stack that is in use. */
static const struct op *far_same_ring(struct x86 *cpu, const struct far *f, const struct seg *cs)
{
    struct stk st;
    if (f->call) {
        stk_here(cpu, &st, 0);
        push_return(cpu, f, &st, 1u << f->op->osize);
        stk_commit(cpu, &st);
    }
    cs_commit(cpu, cs, cpu->cpl, f->off);
    return leave_to(cpu, f->op, f->off);
}

/* ---------------------------------------------------------------- real and virtual-8086 mode */

static const struct op *far_real(struct x86 *cpu, const struct far *f)
{
    struct seg cs = seg_real(cpu, &cpu->seg[CS], f->sel);
    check_rip(cpu, &cs, f->off, 0);
    return far_same_ring(cpu, f, &cs);
}

/* ---------------------------------------------------------------- to a code segment */

static void check_code(struct x86 *cpu, uint16_t sel, const struct desc *d)
{
    unsigned dpl = dpl_of(d->attr), rpl = sel & 3;
    bool allowed = is_conforming(d->attr) ? dpl <= cpu->cpl : rpl <= cpu->cpl && dpl == cpu->cpl;
    if (!is_code(d->attr) || !allowed)
        raise_sel(cpu, VEC_GP, sel, 0);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_NP, sel, 0);
    if (long_mode(cpu) && d->attr & SEG_L && d->attr & SEG_DB)
        raise_sel(cpu, VEC_GP, sel, 0);
}

static const struct op *far_code(struct x86 *cpu, const struct far *f, const struct desc *d)
{
    check_code(cpu, f->sel, d);
    struct seg cs = desc_seg((uint16_t)((f->sel & 0xfffc) | cpu->cpl), d);
    check_rip(cpu, &cs, f->off, 0);
    desc_set_type(cpu, d, SEG_ACCESSED);
    return far_same_ring(cpu, f, &cs);
}

/* ---------------------------------------------------------------- call gates */

struct gate {
    unsigned size; /* of each pushed value: 2, 4, 8 */
    unsigned params;
    uint16_t sel;
    uint64_t off;
    struct desc code;
};

static void read_gate(struct x86 *cpu, const struct far *f, struct desc *d, struct gate *g)
{
    unsigned dpl = dpl_of(d->attr);
    if (dpl < cpu->cpl || dpl < (f->sel & 3u))
        raise_sel(cpu, VEC_GP, f->sel, 0);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_NP, f->sel, 0);
    uint32_t upper = 0;
    if (!desc_read_upper(cpu, f->sel, d, &upper))
        raise_sel(cpu, VEC_GP, f->sel, 0);
    g->size = long_mode(cpu) ? 8 : sys_type(d->attr) == SYS_CALL32 ? 4 : 2;
    g->params = g->size == 8 ? 0 : d->raw >> 32 & 31;
    g->sel = d->raw >> 16 & 0xffff;
    g->off = (d->raw & 0xffff) | (g->size > 2 ? d->raw >> 32 & 0xffff0000 : 0) | (uint64_t)upper << 32;
}

static void check_gate_code(struct x86 *cpu, const struct far *f, struct gate *g)
{
    if (is_null_selector(g->sel))
        raise_error(cpu, VEC_GP, 0);
    if (!desc_read(cpu, g->sel, &g->code))
        raise_sel(cpu, VEC_GP, g->sel, 0);
    uint16_t attr = g->code.attr;
    unsigned dpl = dpl_of(attr);
    if (!is_code(attr) || dpl > cpu->cpl || (!f->call && !is_conforming(attr) && dpl != cpu->cpl))
        raise_sel(cpu, VEC_GP, g->sel, 0);
    if (long_mode(cpu) && (!(attr & SEG_L) || attr & SEG_DB))
        raise_sel(cpu, VEC_GP, g->sel, 0);
    if (!(attr & SEG_P))
        raise_sel(cpu, VEC_NP, g->sel, 0);
}

/* Call to an inner level: new stack, old SS:rSP, parameters, return address. */
static void gate_inner(struct x86 *cpu, const struct far *f, const struct gate *g, struct stk *st)
{
    uint64_t param[31];
    struct stk old;
    stk_here(cpu, &old, 0);
    for (unsigned i = 0; i < g->params; i++)
        param[i] = stk_pop(cpu, &old, g->size);
    stk_inner(cpu, dpl_of(g->code.attr), 0, 0, st);
    stk_push(cpu, st, g->size, cpu->seg[SS].sel);
    stk_push(cpu, st, g->size, cpu->gpr[RSP]);
    for (unsigned i = g->params; i--;)
        stk_push(cpu, st, g->size, param[i]);
    push_return(cpu, f, st, g->size);
}

static const struct op *far_gate(struct x86 *cpu, const struct far *f, struct desc *d)
{
    struct gate g;
    struct stk st;
    read_gate(cpu, f, d, &g);
    check_gate_code(cpu, f, &g);
    bool inner = f->call && !is_conforming(g.code.attr) && dpl_of(g.code.attr) < cpu->cpl;
    unsigned cpl = inner ? dpl_of(g.code.attr) : cpu->cpl;
    struct seg cs = desc_seg((uint16_t)((g.sel & 0xfffc) | cpl), &g.code);
    check_rip(cpu, &cs, g.off, 0);
    desc_set_type(cpu, &g.code, SEG_ACCESSED);
    if (inner) {
        gate_inner(cpu, f, &g, &st);
    } else if (f->call) {
        stk_here(cpu, &st, 0);
        if (g.size == 8)
            st.mask = UINT64_MAX;
        push_return(cpu, f, &st, g.size);
    }
    if (f->call)
        stk_commit(cpu, &st);
    cs_commit(cpu, &cs, cpl, g.off);
    return leave_to(cpu, f->op, g.off);
}

/* ---------------------------------------------------------------- tasks */

/* Through a TSS or a task gate. */
static const struct op *far_task(struct x86 *cpu, const struct far *f, const struct desc *d)
{
    uint16_t sel = f->sel;
    unsigned dpl = dpl_of(d->attr);
    if (dpl < cpu->cpl || dpl < (f->sel & 3u))
        raise_sel(cpu, VEC_GP, f->sel, 0);
    if (sys_type(d->attr) == SYS_TASK) {
        if (!(d->attr & SEG_P))
            raise_sel(cpu, VEC_NP, f->sel, 0);
        sel = d->raw >> 16 & 0xffff;
    }
    task_trap(cpu, task_switch(cpu, f->call ? TASK_CALL : TASK_JMP, sel, rip_after(cpu, f->op), 0));
    return NULL;
}

/* ---------------------------------------------------------------- all of them */

/* With the flags pushed before it, a call can act as an INT, so this may be a BIOS service. */
static void service_call(struct x86 *cpu, const struct far *f)
{
    enum { PUSHED_FLAGS = 2 };
    uint64_t base = cpu->seg[CS].base;
    const struct x86_hooks *h = &cpu->bus.hooks;
    if (h->far_call && f->call && f->op->osize == 1)
        h->far_call(h->ctx, cpu->index, ((uint64_t)f->sel << 4) + (uint16_t)f->off,
                    stack_linear(cpu) + PUSHED_FLAGS, base + (uint16_t)rip_of(cpu, f->op),
                    base + (uint16_t)rip_after(cpu, f->op));
}

static const struct op *far_transfer(struct x86 *cpu, const struct far *f)
{
    struct desc d;
    if (!protected_mode(cpu)) {
        service_call(cpu, f);
        return far_real(cpu, f);
    }
    if (is_null_selector(f->sel))
        raise_error(cpu, VEC_GP, 0);
    if (!desc_read(cpu, f->sel, &d))
        raise_sel(cpu, VEC_GP, f->sel, 0);
    if (d.attr & SEG_S)
        return far_code(cpu, f, &d);
    switch (sys_type(d.attr)) {
    case SYS_CALL32:
        return far_gate(cpu, f, &d);
    case SYS_CALL16:
        if (!long_mode(cpu))
            return far_gate(cpu, f, &d);
        break;
    case SYS_TSS16:
    case SYS_TSS32:
    case SYS_TASK:
        if (!long_mode(cpu))
            return far_task(cpu, f, &d);
        break;
    default:
        break;
    }
    raise_sel(cpu, VEC_GP, f->sel, 0);
}

static __attribute__((noinline)) void far_direct(struct x86 *cpu, const struct op *op, bool call)
{
    struct far f = {.op = op, .sel = (uint16_t)(op->wide >> 32), .off = (uint32_t)op->wide, .call = call};
    SYNC;
    far_transfer(cpu, &f);
}

static __attribute__((noinline)) void far_indirect(struct x86 *cpu, const struct op *op, bool call)
{
    struct far f = {.op = op, .call = call};
    unsigned size = 1u << op->osize;
    SYNC;
    uint64_t lin = ea_any(cpu, op, size + 2, false);
    f.off = ld_sized(cpu, op, lin, op->osize);
    lin += size;
    f.sel = ld16(cpu, op, cpu->mode64 ? lin : (uint32_t)lin);
    far_transfer(cpu, &f);
}

static OP(op_jmp_far)
{
    const struct flow_start s = flow_begin(cpu, op);
    far_direct(cpu, op, false);
    flow_end(cpu, FLOW_JUMP, &s);
    GO_ON;
}
static OP(op_call_far)
{
    const struct flow_start s = flow_begin(cpu, op);
    far_direct(cpu, op, true);
    flow_end(cpu, FLOW_CALL, &s);
    GO_ON;
}
static OP(op_jmp_far_mem)
{
    const struct flow_start s = flow_begin(cpu, op);
    far_indirect(cpu, op, false);
    flow_end(cpu, FLOW_JUMP, &s);
    GO_ON;
}
static OP(op_call_far_mem)
{
    const struct flow_start s = flow_begin(cpu, op);
    far_indirect(cpu, op, true);
    flow_end(cpu, FLOW_CALL, &s);
    GO_ON;
}

FAMILY1(fam_jmp_far, op_jmp_far);
FAMILY1(fam_call_far, op_call_far);
FAMILY1(fam_jmp_far_mem, op_jmp_far_mem);
FAMILY1(fam_call_far_mem, op_call_far_mem);
