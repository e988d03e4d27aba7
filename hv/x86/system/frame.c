/* frame.c - the stack frames of far transfers and interrupts. rsp changes only at the end. */
#include "hv/x86/system/sys.h"

static uint64_t stack_mask(const struct x86 *cpu)
{
    return cpu->mode64 ? UINT64_MAX : cpu->seg[SS].attr & SEG_DB ? 0xffffffff : 0xffff;
}

void stk_here(const struct x86 *cpu, struct stk *st, unsigned ext)
{
    *st = (struct stk){.seg = cpu->seg[SS], .sp = cpu->gpr[RSP], .mask = stack_mask(cpu), .error = ext};
}

uint64_t stack_linear(const struct x86 *cpu)
{
    struct stk st;
    stk_here(cpu, &st, 0);
    return st.seg.base + (st.sp & st.mask);
}

/* ---------------------------------------------------------------- the TSS's stacks */

/* Long mode: the TSS holds only rsp, and SS becomes null (SDM volume 3, 6.14.4 and 8.7). */
static void inner_long(struct x86 *cpu, unsigned dpl, unsigned ist, unsigned ext, struct stk *st)
{
    const struct seg *tr = &cpu->seg[TR];
    unsigned off = ist ? 0x24 + 8 * (ist - 1) : 4 + 8 * dpl;
    if (off + 7 > tr->limit)
        raise_sel(cpu, VEC_TS, tr->sel, ext);
    st->sp = sys_load(cpu, tr->base + off, 8);
    st->seg = seg_null((uint16_t)dpl);
    st->seg.attr = (uint16_t)(dpl << 5);
    st->mask = UINT64_MAX;
    st->error = ext;
}

static void inner_legacy(struct x86 *cpu, unsigned dpl, unsigned ext, struct stk *st)
{
    const struct seg *tr = &cpu->seg[TR];
    unsigned size = tss_is_32(cpu) ? 4 : 2, off = size + 2 * size * dpl;
    struct desc d;
    if (off + size + 1 > tr->limit)
        raise_sel(cpu, VEC_TS, tr->sel, ext);
    st->sp = sys_load(cpu, table_linear(cpu, tr->base + off), size);
    uint16_t sel = (uint16_t)sys_load(cpu, table_linear(cpu, tr->base + off + size), 2);
    if (is_null_selector(sel) || !desc_read(cpu, sel, &d) || (sel & 3u) != dpl || dpl_of(d.attr) != dpl ||
        !is_writable_data(d.attr))
        raise_sel(cpu, VEC_TS, sel, ext);
    if (!(d.attr & SEG_P))
        raise_sel(cpu, VEC_SS, sel, ext);
    desc_set_type(cpu, &d, SEG_ACCESSED);
    st->seg = desc_seg(sel, &d);
    st->mask = d.attr & SEG_DB ? 0xffffffff : 0xffff;
    st->error = (sel & 0xfffcu) | ext;
}

void stk_inner(struct x86 *cpu, unsigned dpl, unsigned ist, unsigned ext, struct stk *st)
{
    *st = (struct stk){.inner = true};
    if (long_mode(cpu))
        inner_long(cpu, dpl, ist, ext, st);
    else
        inner_legacy(cpu, dpl, ext, st);
}

/* ---------------------------------------------------------------- items */

static uint64_t item_linear(struct x86 *cpu, const struct stk *st, uint64_t sp, unsigned size, bool write)
{
    if (st->mask == UINT64_MAX) {
        if (!is_canonical(cpu, sp) || !is_canonical(cpu, sp + size - 1))
            raise_error(cpu, VEC_SS, st->error);
        return sp;
    }
    bool usable = !protected_mode(cpu) ||
                  (!st->seg.null && is_data(st->seg.attr) && (!write || st->seg.attr & SEG_WRITABLE));
    if (!usable || !seg_in_bounds(&st->seg, sp, sp + size - 1))
        raise_error(cpu, VEC_SS, st->error);
    return (uint32_t)(st->seg.base + sp);
}

static uint64_t advance(const struct stk *st, int64_t by)
{
    return (st->sp & ~st->mask) | ((st->sp + (uint64_t)by) & st->mask);
}

void stk_skip(struct stk *st, unsigned n)
{
    st->sp = advance(st, n);
}

void stk_push(struct x86 *cpu, struct stk *st, unsigned size, uint64_t value)
{
    uint64_t sp = advance(st, -(int64_t)size), lin = item_linear(cpu, st, sp & st->mask, size, true);
    cpu->lost = false;
    if (st->inner)
        sys_store(cpu, lin, size, value);
    else
        st_sized(cpu, cpu->op, lin, (unsigned)__builtin_ctz(size), value);
    if (unlikely(cpu->lost))
        odd_stack(cpu, lin);
    st->sp = sp;
}

uint64_t stk_pop(struct x86 *cpu, struct stk *st, unsigned size)
{
    uint64_t lin = item_linear(cpu, st, st->sp & st->mask, size, false);
    st->sp = advance(st, size);
    return ld_sized(cpu, cpu->op, lin, (unsigned)__builtin_ctz(size));
}

/* ---------------------------------------------------------------- committing */

void rsp_set(struct x86 *cpu, const struct seg *ss, bool to64, uint64_t sp)
{
    if (to64)
        SET64(RSP, sp);
    else if (ss->attr & SEG_DB)
        SET32(RSP, sp);
    else
        SET16(RSP, sp);
}

void stk_commit(struct x86 *cpu, const struct stk *st)
{
    if (st->inner)
        cpu->seg[SS] = st->seg;
    if (st->mask == UINT64_MAX)
        SET64(RSP, st->sp);
    else if (st->mask == 0xffff && !st->inner)
        SET16(RSP, st->sp);
    else
        SET32(RSP, st->sp);
}
