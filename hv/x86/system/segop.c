/* segop.c - instructions on segment registers and descriptors.
 *
 * SDM volume 2: MOV, PUSH, POP, LDS …, LAR, LSL, VERR, ARPL, LLDT, LTR, SLDT, STR, LGDT, LIDT, SGDT, SIDT,
 * SWAPGS, RDFSBASE …. */
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

static inline bool has_memory(const struct op *op)
{
    return op->pfx & PFX_MEM;
}

/* #UD in real and virtual-8086 mode. */
static inline void need_protected(struct x86 *cpu)
{
    if (!protected_mode(cpu))
        raise_fault(cpu, VEC_UD);
}

static uint16_t read_ew(struct x86 *cpu, const struct op *op, unsigned reg)
{
    return has_memory(op) ? ld16(cpu, op, ea_any(cpu, op, 2, false)) : R16(reg);
}

/* Store a 16-bit system value: 16 bits to memory, zero-extended to the operand size to a register. */
static void write_ew(struct x86 *cpu, const struct op *op, unsigned reg, uint16_t v)
{
    if (has_memory(op))
        st16(cpu, op, ea_any(cpu, op, 2, true), v);
    else
        reg_set_sized(cpu, reg, op->osize, v);
}

/* ---------------------------------------------------------------- loading and storing segment registers */

/* Loading SS holds off interrupts and the single-step trap for one instruction. */
static const struct op *loaded_ss(struct x86 *cpu, const struct op *op)
{
    cpu->inhibit = true;
    cpu->vmx.by_ss = cpu->vmx.on;
    cpu->tf_pending = false;
    LEAVE;
}

static __attribute__((noinline)) void load_segment(struct x86 *cpu, unsigned n, uint16_t sel)
{
    struct seg s;
    seg_prepare(cpu, n, sel, &s);
    seg_commit(cpu, n, &s);
}

/* Goes on in the block, unless its code was decoded for segments unlike the present ones. */
#define NEXT_IF_SAME                                                                                         \
    do {                                                                                                     \
        if ((cpu->block->id & (BLOCK_SLOW - 1)) != cpu->key)                                                 \
            LEAVE;                                                                                           \
        NEXT;                                                                                                \
    } while (0)

static OP(op_mov_to_sreg)
{
    SYNC;
    if (op->dst > GS || op->dst == CS)
        raise_fault(cpu, VEC_UD);
    load_segment(cpu, op->dst, read_ew(cpu, op, op->src));
    if (op->dst == SS)
        return loaded_ss(cpu, op);
    NEXT_IF_SAME;
}

static OP(op_mov_from_sreg)
{
    SYNC;
    if (op->src > GS)
        raise_fault(cpu, VEC_UD);
    write_ew(cpu, op, op->dst, cpu->seg[op->src].sel);
    NEXT;
}

static OP(op_push_sreg)
{
    SYNC;
    stack_push(cpu, op, 1u << op->osize, cpu->seg[op->dst].sel);
    NEXT;
}

static __attribute__((noinline)) void pop_segment(struct x86 *cpu, const struct op *op)
{
    struct seg s;
    unsigned size = 1u << op->osize;
    seg_prepare(cpu, op->dst, (uint16_t)stack_peek(cpu, op, 0, size), &s);
    stack_adjust(cpu, size); /* uses the old SS's stack size */
    seg_commit(cpu, op->dst, &s);
}

static OP(op_pop_sreg)
{
    SYNC;
    pop_segment(cpu, op);
    if (op->dst == SS)
        return loaded_ss(cpu, op);
    NEXT_IF_SAME;
}

static __attribute__((noinline)) void load_far(struct x86 *cpu, const struct op *op, unsigned n)
{
    struct seg s;
    unsigned size = 1u << op->osize;
    SYNC;
    uint64_t lin = ea_any(cpu, op, size + 2, false);
    uint64_t off = ld_sized(cpu, op, lin, op->osize);
    seg_prepare(cpu, n, ld16(cpu, op, linear_on(cpu, lin, size)), &s);
    reg_set_sized(cpu, op->dst, op->osize, off);
    seg_commit(cpu, n, &s);
}
static OP(op_les)
{
    load_far(cpu, op, ES);
    NEXT_IF_SAME;
}
static OP(op_lds)
{
    load_far(cpu, op, DS);
    NEXT_IF_SAME;
}
static OP(op_lss)
{
    load_far(cpu, op, SS);
    LEAVE; /* the stack size may have changed; LSS does not hold off interrupts */
}
static OP(op_lfs)
{
    load_far(cpu, op, FS);
    NEXT;
}
static OP(op_lgs)
{
    load_far(cpu, op, GS);
    NEXT;
}

/* ---------------------------------------------------------------- examining descriptors */

static void set_zf(struct x86 *cpu, bool on)
{
    uint64_t f = eflags_get(cpu) & ~(uint64_t)FLAG_ZF;
    cc_set(cpu, on ? f | FLAG_ZF : f);
}

/* The descriptor of a selector, if the current code may access it. `types`: one bit per system type that is
 * accepted. */
static bool visible(struct x86 *cpu, uint16_t sel, unsigned types, struct desc *d)
{
    if (is_null_selector(sel) || !desc_read(cpu, sel, d))
        return false;
    if (!(d->attr & SEG_S) && !(types >> (d->attr & SEG_TYPE) & 1))
        return false;
    return is_conforming(d->attr) || (cpu->cpl <= dpl_of(d->attr) && (sel & 3u) <= dpl_of(d->attr));
}

#define T(t) (1u << (t))
enum {
    LSL_TYPES_LONG = T(SYS_LDT) | T(SYS_TSS32) | T(SYS_TSS32_BUSY),
    LSL_TYPES = LSL_TYPES_LONG | T(SYS_TSS16) | T(SYS_TSS16_BUSY),
    LAR_TYPES_LONG = LSL_TYPES_LONG | T(SYS_CALL32),
    LAR_TYPES = LSL_TYPES | T(SYS_CALL16) | T(SYS_CALL32) | T(SYS_TASK),
};

static OP(op_lar)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    bool ok = visible(cpu, read_ew(cpu, op, op->src), long_mode(cpu) ? LAR_TYPES_LONG : LAR_TYPES, &d);
    if (ok)
        reg_set_sized(cpu, op->dst, op->osize, d.raw >> 32 & 0x00f0ff00);
    set_zf(cpu, ok);
    LEAVE;
}

static OP(op_lsl)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    bool ok = visible(cpu, read_ew(cpu, op, op->src), long_mode(cpu) ? LSL_TYPES_LONG : LSL_TYPES, &d);
    if (ok)
        reg_set_sized(cpu, op->dst, op->osize, d.limit);
    set_zf(cpu, ok);
    LEAVE;
}

static OP(op_verr)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    bool ok = visible(cpu, read_ew(cpu, op, op->dst), 0, &d);
    set_zf(cpu, ok && (is_data(d.attr) || d.attr & SEG_READABLE));
    LEAVE;
}

static OP(op_verw)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    bool ok = visible(cpu, read_ew(cpu, op, op->dst), 0, &d);
    set_zf(cpu, ok && is_writable_data(d.attr));
    LEAVE;
}

static OP(op_arpl)
{
    SYNC;
    need_protected(cpu);
    bool mem = has_memory(op);
    uint16_t v = mem ? ld16(cpu, op, ea_any(cpu, op, 2, false)) : R16(op->dst), rpl = R16(op->src) & 3;
    bool raise = (v & 3) < rpl;
    v = (uint16_t)((v & ~3) | (raise ? rpl : v & 3));
    if (mem && raise) /* only this case is a write */
        st16(cpu, op, ea_any(cpu, op, 2, true), v);
    else if (!mem)
        SET16(op->dst, v);
    set_zf(cpu, raise);
    NEXT;
}

/* ---------------------------------------------------------------- LDTR and TR */

static void dtable_event(struct x86 *cpu, unsigned table, uint64_t base, uint64_t limit)
{
    static const char *const names[] = {"GDT", "IDT", "LDT", "TR"};
    struct event ev = {.kind = EV_CPU_DTABLE, .data = names[table], .len = (uint32_t)strlen(names[table])};
    ev.f[EVF_CPU_DTABLE_table] = table;
    ev.f[EVF_CPU_DTABLE_base] = base;
    ev.f[EVF_CPU_DTABLE_limit] = limit;
    ev.f[EVF_CPU_DTABLE_ip] = where_rip(cpu);
    cpu_event(cpu, &ev);
}

static void table_changed(struct x86 *cpu, unsigned n, const struct seg *s)
{
    cpu->seg[n] = *s;
    dtable_event(cpu, n == LDTR ? 2 : 3, s->base, s->limit);
}

/* The descriptor for LLDT or LTR: in the GDT, of one of the types, present, with a canonical base. */
static void system_segment(struct x86 *cpu, uint16_t sel, unsigned types, struct desc *d)
{
    if (sel & 4 || !desc_read(cpu, sel, d) || d->attr & SEG_S || !(types >> (d->attr & SEG_TYPE) & 1))
        raise_sel(cpu, VEC_GP, sel, 0);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_NP, sel, 0);
    if (!desc_read_upper(cpu, sel, d, NULL) || !may_be_canonical(cpu, d->base))
        raise_sel(cpu, VEC_GP, sel, 0);
}

static OP(op_lldt)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_LDTR_WRITE, 0);
    uint16_t sel = read_ew(cpu, op, op->dst);
    struct seg s = seg_null(sel);
    if (!is_null_selector(sel)) {
        system_segment(cpu, sel, T(SYS_LDT), &d);
        s = desc_seg(sel, &d);
    }
    table_changed(cpu, LDTR, &s);
    LEAVE;
}

static OP(op_ltr)
{
    struct desc d;
    SYNC;
    need_protected(cpu);
    need_cpl0(cpu);
    virt_intercept(cpu, op, VIRT_TR_WRITE, 0);
    uint16_t sel = read_ew(cpu, op, op->dst);
    if (is_null_selector(sel))
        raise_error(cpu, VEC_GP, 0);
    system_segment(cpu, sel, T(SYS_TSS32) | (long_mode(cpu) ? 0 : T(SYS_TSS16)), &d);
    desc_set_type(cpu, &d, SYS_BUSY);
    struct seg s = desc_seg(sel, &d);
    s.attr |= SYS_BUSY;
    table_changed(cpu, TR, &s);
    LEAVE;
}

/* User-mode instruction prevention: SLDT, STR, SMSW, SGDT, SIDT. */
static void check_umip(struct x86 *cpu)
{
    if (cpu->cr4 & CR4_UMIP && cpu->cpl)
        raise_error(cpu, VEC_GP, 0);
}

static OP(op_sldt)
{
    SYNC;
    need_protected(cpu);
    check_umip(cpu);
    virt_intercept(cpu, op, VIRT_LDTR_READ, 0);
    write_ew(cpu, op, op->dst, cpu->seg[LDTR].sel);
    NEXT;
}

static OP(op_str)
{
    SYNC;
    need_protected(cpu);
    check_umip(cpu);
    virt_intercept(cpu, op, VIRT_TR_READ, 0);
    write_ew(cpu, op, op->dst, cpu->seg[TR].sel);
    NEXT;
}

/* ---------------------------------------------------------------- GDTR and IDTR */

static void load_dtable(struct x86 *cpu, const struct op *op, struct dtable *t, unsigned number)
{
    SYNC;
    need_cpl0(cpu);
    virt_intercept(cpu, op, number ? VIRT_IDTR_WRITE : VIRT_GDTR_WRITE, 0);
    unsigned width = cpu->mode64 ? 8 : 4;
    uint64_t lin = ea_any(cpu, op, 2 + width, false);
    uint16_t limit = ld16(cpu, op, lin);
    uint64_t base = ld_sized(cpu, op, linear_on(cpu, lin, 2), cpu->mode64 ? 3 : 2);
    if (!may_be_canonical(cpu, base))
        raise_error(cpu, VEC_GP, 0);
    if (op->osize == 1 && !cpu->mode64)
        base &= 0xffffff;
    *t = (struct dtable){.base = base, .limit = limit};
    dtable_event(cpu, number, base, limit);
}

static void store_dtable(struct x86 *cpu, const struct op *op, const struct dtable *t)
{
    SYNC;
    check_umip(cpu);
    virt_intercept(cpu, op, t == &cpu->idtr ? VIRT_IDTR_READ : VIRT_GDTR_READ, 0);
    unsigned width = cpu->mode64 ? 8 : 4;
    uint64_t lin = ea_any(cpu, op, 2 + width, true);
    mem_probe(cpu, op, lin, 2 + width, true);
    st16(cpu, op, lin, t->limit);
    st_sized(cpu, op, linear_on(cpu, lin, 2), cpu->mode64 ? 3 : 2, t->base);
}

static OP(op_lgdt)
{
    load_dtable(cpu, op, &cpu->gdtr, 0);
    NEXT;
}
static OP(op_lidt)
{
    load_dtable(cpu, op, &cpu->idtr, 1);
    NEXT;
}
static OP(op_sgdt)
{
    store_dtable(cpu, op, &cpu->gdtr);
    NEXT;
}
static OP(op_sidt)
{
    store_dtable(cpu, op, &cpu->idtr);
    NEXT;
}

/* ---------------------------------------------------------------- FS and GS bases */

static OP(op_swapgs)
{
    SYNC;
    need_cpl0(cpu);
    uint64_t base = cpu->seg[GS].base;
    cpu->seg[GS].base = cpu->msr.kernel_gs_base;
    cpu->msr.kernel_gs_base = base;
    NEXT;
}

static void check_fsgsbase(struct x86 *cpu)
{
    if (!(cpu->cr4 & CR4_FSGSBASE))
        raise_fault(cpu, VEC_UD);
}

static void read_base(struct x86 *cpu, const struct op *op, unsigned n)
{
    SYNC;
    check_fsgsbase(cpu);
    reg_set_sized(cpu, op->dst, op->osize, cpu->seg[n].base);
}

static void write_base(struct x86 *cpu, const struct op *op, unsigned n)
{
    SYNC;
    check_fsgsbase(cpu);
    uint64_t v = reg_get_sized(cpu, op->dst, op->osize);
    if (!may_be_canonical(cpu, v))
        raise_error(cpu, VEC_GP, 0);
    cpu->seg[n].base = v;
}
static OP(op_rdfsbase)
{
    read_base(cpu, op, FS);
    NEXT;
}
static OP(op_rdgsbase)
{
    read_base(cpu, op, GS);
    NEXT;
}
static OP(op_wrfsbase)
{
    write_base(cpu, op, FS);
    NEXT;
}
static OP(op_wrgsbase)
{
    write_base(cpu, op, GS);
    NEXT;
}

/* ---------------------------------------------------------------- families */

FAMILY1(fam_mov_to_sreg, op_mov_to_sreg);
FAMILY1(fam_mov_from_sreg, op_mov_from_sreg);
FAMILY1(fam_push_sreg, op_push_sreg);
FAMILY1(fam_pop_sreg, op_pop_sreg);
FAMILY1(fam_les, op_les);
FAMILY1(fam_lds, op_lds);
FAMILY1(fam_lss, op_lss);
FAMILY1(fam_lfs, op_lfs);
FAMILY1(fam_lgs, op_lgs);
FAMILY1(fam_lar, op_lar);
FAMILY1(fam_lsl, op_lsl);
FAMILY1(fam_verr, op_verr);
FAMILY1(fam_verw, op_verw);
FAMILY1(fam_arpl, op_arpl);
FAMILY1(fam_lldt, op_lldt);
FAMILY1(fam_ltr, op_ltr);
FAMILY1(fam_sldt, op_sldt);
FAMILY1(fam_str, op_str);
FAMILY1(fam_lgdt, op_lgdt);
FAMILY1(fam_lidt, op_lidt);
FAMILY1(fam_sgdt, op_sgdt);
FAMILY1(fam_sidt, op_sidt);
FAMILY1(fam_swapgs, op_swapgs);
FAMILY1(fam_rdfsbase, op_rdfsbase);
FAMILY1(fam_rdgsbase, op_rdgsbase);
FAMILY1(fam_wrfsbase, op_wrfsbase);
FAMILY1(fam_wrgsbase, op_wrgsbase);
