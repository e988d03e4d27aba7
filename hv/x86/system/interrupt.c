/* interrupt.c - delivery of interrupts and exceptions, and the instructions that cause one.
 *
 * SDM volume 3 chapter 6; volume 2, INT n; virtual-8086 mode: volume 3, chapter 20. */
#include <assert.h>

#include "hv/x86/flow.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* A delivery in progress. */
struct delivery {
    uint8_t vector;
    bool soft;
    bool has_error;
    uint32_t error;
    uint64_t next_rip;
    unsigned ext;  /* EXT bit for the error codes of faults during this delivery */
    unsigned size; /* of each pushed value: 2, 4, 8 */
    bool trap;     /* IF is not changed */
    unsigned ist;
    uint16_t sel;
    uint64_t off;
    struct desc code;
};

/* The error code with the number of the IDT entry. */
static uint32_t idt_error(const struct delivery *d)
{
    return d->vector * 8u | 2 | d->ext;
}

/* ---------------------------------------------------------------- through the real-mode vector table */

/* `flags`: the image to push. The table is at `idt` (linear), and is read with the current CPL's
 * privilege. */
static void deliver_ivt(struct x86 *cpu, const struct delivery *d, uint64_t idt, uint64_t flags)
{
    struct stk st;
    uint32_t entry = ld32(cpu, cpu->op, (uint32_t)(idt + d->vector * 4u));
    stk_here(cpu, &st, 0);
    stk_push(cpu, &st, 2, flags);
    stk_push(cpu, &st, 2, cpu->seg[CS].sel);
    stk_push(cpu, &st, 2, d->next_rip);
    stk_commit(cpu, &st);
    struct seg cs = seg_real(cpu, &cpu->seg[CS], (uint16_t)(entry >> 16));
    cs_commit(cpu, &cs, cpu->cpl, entry & 0xffff);
    cpu->gpr[REG_RIP] = entry & 0xffff;
}

static void deliver_real(struct x86 *cpu, const struct delivery *d)
{
    if (d->vector * 4u + 3 > cpu->idtr.limit)
        raise_error(cpu, VEC_GP, idt_error(d));
    deliver_ivt(cpu, d, cpu->idtr.base, eflags_get(cpu));
    cpu->flags &= ~(uint64_t)(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
}

/* ---------------------------------------------------------------- gates */

static void push_error(struct x86 *cpu, const struct delivery *d, struct stk *st)
{
    if (d->has_error)
        stk_push(cpu, st, d->size, d->error);
}

static void deliver_task(struct x86 *cpu, struct delivery *d, uint16_t tss)
{
    struct stk st;
    bool trap = task_switch(cpu, TASK_INT, tss, d->next_rip, d->ext);
    d->size = tss_is_32(cpu) ? 4 : 2;
    if (d->has_error) {
        stk_here(cpu, &st, d->ext);
        push_error(cpu, d, &st);
        stk_commit(cpu, &st);
    }
    cpu->virt.now.event = cpu->virt.now.event_error = 0;
    task_trap(cpu, trap);
}

/* Read and check the gate. True if it was a task gate, and the delivery is complete. */
static bool read_gate(struct x86 *cpu, struct delivery *d)
{
    bool lm = long_mode(cpu);
    unsigned width = lm ? 16 : 8, at = d->vector * width;
    if (at + width - 1 > cpu->idtr.limit)
        raise_error(cpu, VEC_GP, idt_error(d));
    uint64_t raw = sys_load(cpu, table_linear(cpu, cpu->idtr.base + at), 8);
    uint16_t attr = raw >> 40 & 0xff;
    unsigned type = sys_type(attr);
    bool big = type == SYS_INT32 || type == SYS_TRAP32, small = type == SYS_INT16 || type == SYS_TRAP16;
    if (!big && (lm || (!small && type != SYS_TASK)))
        raise_error(cpu, VEC_GP, idt_error(d));
    if (d->soft && dpl_of(attr) < cpu->cpl)
        raise_error(cpu, VEC_GP, idt_error(d));
    if (!(attr & SEG_P))
        raise_error(cpu, VEC_NP, idt_error(d));
    d->sel = raw >> 16 & 0xffff;
    if (type == SYS_TASK) {
        deliver_task(cpu, d, d->sel);
        return true;
    }
    d->size = lm ? 8 : big ? 4 : 2;
    d->trap = type & 1;
    d->off = (raw & 0xffff) | (big ? raw >> 32 & 0xffff0000 : 0);
    if (lm) {
        d->off |= sys_load(cpu, cpu->idtr.base + at + 8, 8) << 32;
        d->ist = raw >> 32 & 7;
    }
    return false;
}

static void check_gate_code(struct x86 *cpu, struct delivery *d)
{
    if (is_null_selector(d->sel))
        raise_error(cpu, VEC_GP, d->ext);
    if (!desc_read(cpu, d->sel, &d->code))
        raise_sel(cpu, VEC_GP, d->sel, d->ext);
    uint16_t attr = d->code.attr;
    if (!is_code(attr) || dpl_of(attr) > cpu->cpl)
        raise_sel(cpu, VEC_GP, d->sel, d->ext);
    if (long_mode(cpu) && (!(attr & SEG_L) || attr & SEG_DB))
        raise_sel(cpu, VEC_GP, d->sel, d->ext);
    if (!(attr & SEG_P))
        raise_sel(cpu, VEC_NP, d->sel, d->ext);
    /* Virtual-8086 mode can only enter CPL 0. */
    if (v86_mode(cpu) && (is_conforming(attr) || dpl_of(attr) != 0))
        raise_sel(cpu, VEC_GP, d->sel, d->ext);
}

/* Pushes the handler's frame. Long mode always pushes SS:RSP, and aligns the stack. */
static void push_frame(struct x86 *cpu, const struct delivery *d, struct stk *st, bool inner)
{
    assert((d->size == 2 || d->size == 4 || d->size == 8) && "a gate is of 16, 32 or 64 bits");
    static const uint8_t v86_order[] = {GS, FS, DS, ES};
    if (d->size == 8)
        st->sp &= ~(uint64_t)15;
    if (inner && v86_mode(cpu))
        for (unsigned i = 0; i < 4; i++)
            stk_push(cpu, st, d->size, cpu->seg[v86_order[i]].sel);
    if (inner || d->size == 8) {
        stk_push(cpu, st, d->size, cpu->seg[SS].sel);
        stk_push(cpu, st, d->size, cpu->gpr[RSP]);
    }
    stk_push(cpu, st, d->size, eflags_get(cpu));
    stk_push(cpu, st, d->size, cpu->seg[CS].sel);
    stk_push(cpu, st, d->size, d->next_rip);
    push_error(cpu, d, st);
}

/* Selects the stack for the handler: the TSS's for an inner level or an IST entry, else the current one. */
static void choose_stack(struct x86 *cpu, const struct delivery *d, unsigned cpl, bool inner, struct stk *st)
{
    if (inner) {
        stk_inner(cpu, cpl, d->ist, d->ext, st);
    } else if (d->ist) {
        stk_inner(cpu, cpl, d->ist, d->ext, st);
        st->seg = cpu->seg[SS]; /* at the same level SS does not change */
    } else {
        stk_here(cpu, st, d->ext);
        if (d->size == 8)
            st->mask = UINT64_MAX;
    }
}

static void leave_v86_segments(struct x86 *cpu)
{
    cpu->seg[ES] = cpu->seg[DS] = cpu->seg[FS] = cpu->seg[GS] = seg_null(0);
}

static void deliver_gate(struct x86 *cpu, struct delivery *d)
{
    struct stk st;
    if (read_gate(cpu, d))
        return;
    check_gate_code(cpu, d);
    bool inner = !is_conforming(d->code.attr) && dpl_of(d->code.attr) < cpu->cpl, v86 = v86_mode(cpu);
    unsigned cpl = inner ? dpl_of(d->code.attr) : cpu->cpl;
    struct seg cs = desc_seg((uint16_t)((d->sel & 0xfffc) | cpl), &d->code);
    choose_stack(cpu, d, cpl, inner, &st);
    check_rip(cpu, &cs, d->off, d->ext);
    desc_set_type(cpu, &d->code, SEG_ACCESSED);
    push_frame(cpu, d, &st, inner);
    cpu->flags &= ~(uint64_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (d->trap ? 0 : FLAG_IF));
    stk_commit(cpu, &st);
    if (v86)
        leave_v86_segments(cpu);
    cs_commit(cpu, &cs, cpl, d->off);
    cpu->gpr[REG_RIP] = d->off;
}

void interrupt_deliver(struct x86 *cpu, enum int_kind kind, uint8_t vector, bool has_error, uint32_t error,
                       uint64_t next_rip)
{
    assert((!has_error || kind == INT_EXCEPTION) && "only exceptions have an error code");
    struct delivery d = {.vector = vector,
                         .soft = kind == INT_SOFT,
                         .has_error = has_error,
                         .error = error,
                         .next_rip = next_rip,
                         .ext = kind != INT_SOFT};
    static const enum flow_kind flows[] = {FLOW_INTERRUPT, FLOW_EXCEPTION, FLOW_SOFTWARE};
    const uint64_t back = (cpu->mode64 ? 0 : cpu->seg[CS].base) + next_rip;
    const struct flow_start s = flow_begin(cpu, NULL);
    if (real_mode(cpu))
        deliver_real(cpu, &d);
    else
        deliver_gate(cpu, &d);
    cpu->virt.now.event = cpu->virt.now.event_error = 0;
    if (kind == INT_EXCEPTION && vector == VEC_DB)
        cpu->dr[7] &= ~(uint64_t)(1 << 13); /* GD */
    if (unlikely(cpu->flow))
        flow_delivered(cpu, flows[kind], vector, &s, has_error ? d.size : 0, back);
}

/* ---------------------------------------------------------------- INT n, INT3, INTO, INT1 */

/* After delivery: a task switch has already left the block. A set TF causes no trap, because delivery cleared
 * it. */
static const struct op *delivered(struct x86 *cpu, const struct op *op)
{
    cpu->tf_pending = false;
    if (!cpu->block)
        return NULL;
    return leave_to(cpu, op, cpu->gpr[REG_RIP]);
}

/* Virtual-8086 mode with VME: does the TSS's redirection bitmap send the vector to the 8086 program's own
 * handler? */
static bool vme_redirects(struct x86 *cpu, uint8_t vector)
{
    const struct seg *tr = &cpu->seg[TR];
    if (!tss_is_32(cpu) || tr->limit < 0x67)
        raise_error(cpu, VEC_GP, 0);
    uint32_t at = (uint32_t)sys_load(cpu, table_linear(cpu, tr->base + 0x66), 2) - 32 + vector / 8;
    if (at > tr->limit)
        raise_error(cpu, VEC_GP, 0);
    return !(sys_load(cpu, table_linear(cpu, tr->base + at), 1) >> (vector & 7) & 1);
}

static void deliver_vme(struct x86 *cpu, uint8_t vector, uint64_t next_rip)
{
    struct delivery d = {.vector = vector, .soft = true, .next_rip = next_rip};
    const uint64_t back = cpu->seg[CS].base + next_rip;
    const struct flow_start s = flow_begin(cpu, NULL);
    uint64_t flags = eflags_get(cpu), clear = FLAG_TF | FLAG_RF | FLAG_IF;
    if (iopl(cpu) < 3) {
        flags = (flags & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
        clear = FLAG_TF | FLAG_RF | FLAG_VIF;
    }
    deliver_ivt(cpu, &d, 0, flags);
    cpu->virt.now.event = 0;
    cpu->flags &= ~clear;
    if (unlikely(cpu->flow))
        flow_delivered(cpu, FLOW_SOFTWARE, vector, &s, 0, back);
}

static void softint_event(struct x86 *cpu, const struct op *op, uint8_t vector)
{
    struct event ev = {.kind = EV_SOFTINT};
    ev.f[EVF_SOFTINT_vector] = vector;
    ev.f[EVF_SOFTINT_ax] = R16(RAX);
    ev.f[EVF_SOFTINT_cs] = cpu->seg[CS].sel;
    ev.f[EVF_SOFTINT_ip] = rip_of(cpu, op);
    cpu_event(cpu, &ev);
}

/* In real and virtual-8086 mode this may be a BIOS service. */
static void service_call(struct x86 *cpu, const struct op *op, uint8_t vector)
{
    uint64_t base = cpu->seg[CS].base;
    const struct x86_hooks *h = &cpu->bus.hooks;
    if (h->interrupt)
        h->interrupt(h->ctx, cpu->index, vector, stack_linear(cpu), base + (uint16_t)rip_of(cpu, op),
                     base + (uint16_t)rip_after(cpu, op));
}

static __attribute__((noinline)) const struct op *software_interrupt(struct x86 *cpu, const struct op *op)
{
    uint8_t vector = (uint8_t)op->imm;
    bool v86 = v86_mode(cpu);
    SYNC;
    virt_intercept(cpu, op, VIRT_INT, vector);
    if (cpu->hosted)
        return hosted_int(cpu, op, vector);
    bool redirect = v86 && cpu->cr4 & CR4_VME && vme_redirects(cpu, vector);
    bool refused = v86 && !redirect && iopl(cpu) < 3;
    if (!refused)
        softint_event(cpu, op, vector);
    if (real_mode(cpu) || v86)
        service_call(cpu, op, vector);
    if (refused)
        raise_error(cpu, VEC_GP, 0);
    virt_event_begin(cpu, VIRT_EVENT_SOFT, vector, false, 0);
    if (redirect)
        deliver_vme(cpu, vector, rip_after(cpu, op));
    else
        interrupt_deliver(cpu, INT_SOFT, vector, false, 0, rip_after(cpu, op));
    return delivered(cpu, op);
}

static OP(op_int)
{
    software_interrupt(cpu, op);
    if (cpu->hosted)
        return NULL;
    GO_ON;
}

static OP(op_int3)
{
    SYNC;
    if (cpu->hosted)
        return hosted_int(cpu, op, VEC_BP);
    virt_intercept(cpu, op, VIRT_EXCEPTION + VEC_BP, 0);
    softint_event(cpu, op, VEC_BP);
    virt_event_begin(cpu, VIRT_EVENT_TRAP, VEC_BP, false, 0);
    interrupt_deliver(cpu, INT_SOFT, VEC_BP, false, 0, rip_after(cpu, op));
    return delivered(cpu, op);
}

static OP(op_into)
{
    if (!cc_of(cpu))
        NEXT;
    SYNC;
    virt_intercept(cpu, op, VIRT_EXCEPTION + VEC_OF, 0);
    softint_event(cpu, op, VEC_OF);
    virt_event_begin(cpu, VIRT_EVENT_TRAP, VEC_OF, false, 0);
    interrupt_deliver(cpu, INT_SOFT, VEC_OF, false, 0, rip_after(cpu, op));
    return delivered(cpu, op);
}

/* INT1, also called ICEBP: raises #DB as hardware would, without a DPL check. It has no bit of its own in
 * DR6, but reports breakpoints that a load of SS has delayed, so that there is one #DB and not a second one
 * in the handler. */
static OP(op_int1)
{
    SYNC;
    if (cpu->hosted)
        return hosted_int(cpu, op, VEC_DB);
    virt_intercept(cpu, op, VIRT_ICEBP, 0);
    virt_intercept(cpu, op, VIRT_EXCEPTION + VEC_DB, 0);
    softint_event(cpu, op, VEC_DB);
    virt_event_begin(cpu, VIRT_EVENT_INT1, VEC_DB, false, 0);
    debug_note(cpu, cpu->data_breaks);
    debug_taken(cpu);
    interrupt_deliver(cpu, INT_EXCEPTION, VEC_DB, false, 0, rip_after(cpu, op));
    return delivered(cpu, op);
}

FAMILY1(fam_int, op_int);
FAMILY1(fam_int3, op_int3);
FAMILY1(fam_into, op_into);
FAMILY1(fam_int1, op_int1);
