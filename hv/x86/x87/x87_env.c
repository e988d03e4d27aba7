/* x87_env.c - images of the FPU's state in memory: FNSTENV, FNSAVE, FXSAVE, XSAVE and their loads; MXCSR.
 *
 * Source: Intel SDM volume 1, figures 8-9 to 8-12 (environment formats), 10.5 (FXSAVE area), chapter 13
 * (XSAVE); volume 2.
 *
 * XSAVE: the x87 and SSE components, in the legacy region, and AVX's upper halves behind the header. A component is in use (XINUSE) if
 * its values differ from the initial ones, whatever was done to it; that a component was not modified since XRSTOR is never used. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/vector/simd.h"
#include "hv/x86/x87/x87_op.h"
#include "hv/x86/virt/virt.h"

enum {
    ENV16_SIZE = 14,
    ENV32_SIZE = 28,
    REGS_SIZE = 80,
    FXSAVE_SIZE = 512,
    XSAVE_SIZE = 576,
    AVX_SIZE = 256,
    MXCSR_MASK = 0xffff
};

/* ---------------------------------------------------------------- little-endian fields */

/* ---------------------------------------------------------------- environment and registers */

/* Real-mode formats hold linear addresses. */
static uint32_t linear(uint16_t sel, uint64_t off)
{
    return ((uint32_t)sel << 4) + (uint32_t)off;
}

static void env_save16(const struct fpu *f, bool prot, uint8_t *b)
{
    uint32_t ip = linear(f->fcs, f->fip), dp = linear(f->fds, f->fdp);
    put_le16(b, f->cw);
    put_le16(b + 2, f->sw);
    put_le16(b + 4, fpu_tag_word(f));
    put_le16(b + 6, prot ? (uint16_t)f->fip : (uint16_t)ip);
    put_le16(b + 8, prot ? f->fcs : (ip >> 4 & 0xf000) | f->fop);
    put_le16(b + 10, prot ? (uint16_t)f->fdp : (uint16_t)dp);
    put_le16(b + 12, prot ? f->fds : dp >> 4 & 0xf000);
}

/* Reserved upper halves are stored as ones. */
static void env_save32(const struct fpu *f, bool prot, uint8_t *b)
{
    uint32_t ip = linear(f->fcs, f->fip), dp = linear(f->fds, f->fdp);
    put_le32(b, 0xffff0000 | f->cw);
    put_le32(b + 4, 0xffff0000 | f->sw);
    put_le32(b + 8, 0xffff0000 | fpu_tag_word(f));
    put_le32(b + 12, prot ? (uint32_t)f->fip : 0xffff0000 | (uint16_t)ip);
    put_le32(b + 16, prot ? f->fcs | (uint32_t)f->fop << 16 : (ip >> 16) << 12 | f->fop);
    put_le32(b + 20, prot ? (uint32_t)f->fdp : 0xffff0000 | (uint16_t)dp);
    put_le32(b + 24, prot ? 0xffff0000 | f->fds : (dp >> 16) << 12);
}

unsigned fpu_env_save(const struct fpu *f, bool word, bool prot, uint8_t *buf)
{
    (word ? env_save16 : env_save32)(f, prot, buf);
    return word ? ENV16_SIZE : ENV32_SIZE;
}

static void env_pointers16(struct fpu *f, bool prot, const uint8_t *b)
{
    f->fip = le16(b + 6);
    f->fdp = le16(b + 10);
    f->fcs = prot ? le16(b + 8) : 0;
    f->fds = prot ? le16(b + 12) : 0;
    if (prot)
        return;
    f->fip |= (uint32_t)(le16(b + 8) & 0xf000) << 4;
    f->fdp |= (uint32_t)(le16(b + 12) & 0xf000) << 4;
    f->fop = le16(b + 8) & 0x7ff;
}

static void env_pointers32(struct fpu *f, bool prot, const uint8_t *b)
{
    f->fcs = f->fds = 0;
    if (prot) {
        f->fip = le32(b + 12);
        f->fcs = le16(b + 16);
        f->fop = le16(b + 18) & 0x7ff;
        f->fdp = le32(b + 20);
        f->fds = le16(b + 24);
        return;
    }
    f->fip = le16(b + 12) | (le32(b + 16) >> 12 & 0xffff) << 16;
    f->fop = le16(b + 16) & 0x7ff;
    f->fdp = le16(b + 20) | (le32(b + 24) >> 12 & 0xffff) << 16;
}

void fpu_env_load(struct fpu *f, bool word, bool prot, const uint8_t *b)
{
    unsigned step = word ? 2 : 4;
    fpu_set_tag_word(f, le16(b + 2 * step));
    fpu_set_cw(f, le16(b));
    fpu_set_sw(f, le16(b + step));
    (word ? env_pointers16 : env_pointers32)(f, prot, b);
}

void fpu_regs_save(const struct fpu *f, uint8_t *b)
{
    for (unsigned i = 0; i < 8; i++) {
        struct fpreg v = fpu_st(f, i);
        put_le64(b + 10 * i, v.sig);
        put_le16(b + 10 * i + 8, v.exp);
    }
}

void fpu_regs_load(struct fpu *f, const uint8_t *b)
{
    for (unsigned i = 0; i < 8; i++)
        f->r[fpu_phys(f, i)] = fpreg(le64(b + 10 * i), le16(b + 10 * i + 8));
}

/* ---------------------------------------------------------------- guest memory */

/* Copy n bytes in pieces of `unit` (2, 4, 8), which is also the alignment checked under EFLAGS.AC. So only
 * the first piece can fault after the caller has probed. */
static void copy_out(struct x86 *cpu, const struct op *op, uint64_t lin, const uint8_t *b, unsigned n,
                     unsigned unit)
{
    for (unsigned i = 0; i < n; i += unit) {
        uint64_t to = linear_on(cpu, lin, i);
        if (unit == 8)
            st64(cpu, op, to, le64(b + i));
        else if (unit == 4)
            st32(cpu, op, to, le32(b + i));
        else
            st16(cpu, op, to, le16(b + i));
    }
}

static void copy_in(struct x86 *cpu, const struct op *op, uint64_t lin, uint8_t *b, unsigned n, unsigned unit)
{
    for (unsigned i = 0; i < n; i += unit) {
        uint64_t from = linear_on(cpu, lin, i);
        if (unit == 8)
            put_le64(b + i, ld64(cpu, op, from));
        else if (unit == 4)
            put_le32(b + i, ld32(cpu, op, from));
        else
            put_le16(b + i, ld16(cpu, op, from));
    }
}

/* The unit of FNSTENV and similar instructions. */
static unsigned env_unit(const struct op *op)
{
    return op->osize == 1 ? 2 : 4;
}
static bool env_is_word(const struct op *op)
{
    return op->osize == 1;
}

/* ---------------------------------------------------------------- FNSTENV, FLDENV, FNSAVE, FRSTOR */

static NOINLINE void do_fnstenv(struct x86 *cpu, const struct op *op)
{
    uint8_t b[ENV32_SIZE];
    x87_available(cpu, op);
    unsigned n = fpu_env_save(&cpu->fpu, env_is_word(op), protected_mode(cpu), b);
    uint64_t lin = ea_any(cpu, op, n, true);
    mem_probe(cpu, op, lin, n, true);
    copy_out(cpu, op, lin, b, n, env_unit(op));
    fpu_set_cw(&cpu->fpu, cpu->fpu.cw | SW_EXCEPTIONS);
}

static OP(op_fnstenv)
{
    uint16_t old = cpu->fpu.sw;
    do_fnstenv(cpu, op);
    X87_CONTROL_END(old);
}

static NOINLINE void do_fldenv(struct x86 *cpu, const struct op *op)
{
    uint8_t b[ENV32_SIZE];
    x87_check(cpu, op);
    unsigned n = env_is_word(op) ? ENV16_SIZE : ENV32_SIZE;
    copy_in(cpu, op, ea_any(cpu, op, n, false), b, n, env_unit(op));
    fpu_env_load(&cpu->fpu, env_is_word(op), protected_mode(cpu), b);
}

static OP(op_fldenv)
{
    uint16_t old = cpu->fpu.sw;
    do_fldenv(cpu, op);
    X87_CONTROL_END(old);
}

static NOINLINE void do_fnsave(struct x86 *cpu, const struct op *op)
{
    uint8_t b[ENV32_SIZE + REGS_SIZE];
    x87_available(cpu, op);
    unsigned n = fpu_env_save(&cpu->fpu, env_is_word(op), protected_mode(cpu), b);
    fpu_regs_save(&cpu->fpu, b + n);
    n += REGS_SIZE;
    uint64_t lin = ea_any(cpu, op, n, true);
    mem_probe(cpu, op, lin, n, true);
    copy_out(cpu, op, lin, b, n, env_unit(op));
    fpu_init(&cpu->fpu);
}

static OP(op_fnsave)
{
    uint16_t old = cpu->fpu.sw;
    do_fnsave(cpu, op);
    X87_CONTROL_END(old);
}

static NOINLINE void do_frstor(struct x86 *cpu, const struct op *op)
{
    uint8_t b[ENV32_SIZE + REGS_SIZE];
    x87_check(cpu, op);
    unsigned env = env_is_word(op) ? ENV16_SIZE : ENV32_SIZE;
    copy_in(cpu, op, ea_any(cpu, op, env + REGS_SIZE, false), b, env + REGS_SIZE, env_unit(op));
    fpu_env_load(&cpu->fpu, env_is_word(op), protected_mode(cpu), b);
    fpu_regs_load(&cpu->fpu, b + env);
}

static OP(op_frstor)
{
    uint16_t old = cpu->fpu.sw;
    do_frstor(cpu, op);
    X87_CONTROL_END(old);
}

/* ---------------------------------------------------------------- FXSAVE, XSAVE: the legacy region */

enum { AREA_MXCSR = 24, AREA_ST = 32, AREA_XMM = 160, AREA_HEADER = 512 };
enum { X87_PART = 1, SSE_PART = 2, AVX_PART = 4, MXCSR_INITIAL = 0x1f80 };
#define COMPACTED (1ull << 63) /* in XCOMP_BV */

static bool area_64(const struct op *op)
{
    return op->pfx & PFX_REXW;
}

static void x87_head_save(const struct fpu *f, bool wide, uint8_t *b)
{
    put_le16(b, f->cw);
    put_le16(b + 2, f->sw);
    put_le16(b + 4, (uint8_t)~f->empty);
    put_le16(b + 6, f->fop);
    put_le64(b + 8, wide ? f->fip : (uint32_t)f->fip | (uint64_t)f->fcs << 32);
    put_le64(b + 16, wide ? f->fdp : (uint32_t)f->fdp | (uint64_t)f->fds << 32);
}

static void x87_head_load(struct fpu *f, bool wide, const uint8_t *b)
{
    fpu_set_cw(f, le16(b));
    fpu_set_sw(f, le16(b + 2));
    f->empty = (uint8_t)~b[4];
    f->fop = le16(b + 6) & 0x7ff;
    f->fip = wide ? le64(b + 8) : le32(b + 8);
    f->fdp = wide ? le64(b + 16) : le32(b + 16);
    f->fcs = wide ? 0 : le16(b + 12);
    f->fds = wide ? 0 : le16(b + 20);
}

static unsigned xmm_count(const struct x86 *cpu)
{
    return cpu->mode64 ? 16 : 8;
}

/* Store the parts; the whole area has been probed. */
static void area_save(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned parts)
{
    uint8_t b[8 * 16];
    if (parts & X87_PART) {
        x87_head_save(&cpu->fpu, area_64(op), b);
        copy_out(cpu, op, lin, b, AREA_MXCSR, 8);
        memset(b, 0, sizeof b);
        for (unsigned i = 0; i < 8; i++) {
            put_le64(b + 16 * i, fpu_st(&cpu->fpu, i).sig);
            put_le16(b + 16 * i + 8, fpu_st(&cpu->fpu, i).exp);
        }
        copy_out(cpu, op, linear_on(cpu, lin, AREA_ST), b, sizeof b, 8);
    }
    if (parts & SSE_PART) {
        put_le32(b, cpu->fpu.mxcsr);
        put_le32(b + 4, MXCSR_MASK);
        copy_out(cpu, op, linear_on(cpu, lin, AREA_MXCSR), b, 8, 8);
        for (unsigned i = 0; i < xmm_count(cpu); i++)
            copy_out(cpu, op, linear_on(cpu, lin, AREA_XMM + 16 * i), cpu->xmm[i].b, 16, 8);
    }
}

static void x87_part_load(struct x86 *cpu, const struct op *op, const uint8_t *area)
{
    x87_head_load(&cpu->fpu, area_64(op), area);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *b = area + AREA_ST + 16 * i;
        cpu->fpu.r[fpu_phys(&cpu->fpu, i)] = fpreg(le64(b), le16(b + 8));
    }
}

static void sse_part_load(struct x86 *cpu, const uint8_t *area)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        memcpy(&cpu->xmm[i], area + AREA_XMM + 16 * i, 16);
}

/* The address of the area: `align` 16 or 64. */
static uint64_t area_address(struct x86 *cpu, const struct op *op, unsigned size, unsigned align, bool write)
{
    uint64_t lin = ea_any(cpu, op, size, write);
    if (lin & (align - 1)) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
    mem_probe(cpu, op, lin, size, write);
    return lin;
}

static void check_mxcsr(struct x86 *cpu, const struct op *op, uint32_t v)
{
    if (v & ~(uint32_t)MXCSR_MASK) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
}

/* Without CR4.OSFXSR the SSE state is neither saved nor loaded. */
static unsigned fxsave_parts(const struct x86 *cpu)
{
    return X87_PART | (cpu->cr4 & CR4_OSFXSR ? SSE_PART : 0);
}

static NOINLINE void do_fxsave(struct x86 *cpu, const struct op *op)
{
    x87_available(cpu, op);
    area_save(cpu, op, area_address(cpu, op, FXSAVE_SIZE, 16, true), fxsave_parts(cpu));
}

static OP(op_fxsave)
{
    do_fxsave(cpu, op);
    NEXT;
}

static NOINLINE void do_fxrstor(struct x86 *cpu, const struct op *op)
{
    uint8_t area[AREA_XMM + 16 * 16];
    x87_available(cpu, op);
    copy_in(cpu, op, area_address(cpu, op, FXSAVE_SIZE, 16, false), area, sizeof area, 8);
    if (fxsave_parts(cpu) & SSE_PART) {
        check_mxcsr(cpu, op, le32(area + AREA_MXCSR));
        cpu->fpu.mxcsr = le32(area + AREA_MXCSR);
        sse_part_load(cpu, area);
    }
    x87_part_load(cpu, op, area);
}

static OP(op_fxrstor)
{
    uint16_t old = cpu->fpu.sw;
    do_fxrstor(cpu, op);
    X87_CONTROL_END(old);
}

/* ---------------------------------------------------------------- XSAVE, XRSTOR, XGETBV, XSETBV */

static void xsave_available(struct x86 *cpu, const struct op *op)
{
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        SYNC;
        raise_fault(cpu, VEC_UD);
    }
}

/* The components requested by EDX:EAX. */
static unsigned xsave_mask(struct x86 *cpu, const struct op *op)
{
    xsave_available(cpu, op);
    if (cpu->cr0 & CR0_TS) {
        SYNC;
        raise_fault(cpu, VEC_NM);
    }
    return R32(RAX) & cpu->xcr0 & (X87_PART | SSE_PART | AVX_PART);
}

/* XINUSE (SDM volume 1, 13.6), by values. */
static unsigned parts_in_use(const struct x86 *cpu)
{
    const struct fpu *f = &cpu->fpu;
    bool initial =
        f->cw == 0x37f && !f->sw && f->empty == 0xff && !f->fop && !f->fip && !f->fdp && !f->fcs && !f->fds;
    for (unsigned i = 0; i < 8; i++)
        initial &= !f->r[i].sig && !f->r[i].exp;
    return (initial ? 0 : X87_PART) | (mem_is_zero(cpu->xmm, sizeof cpu->xmm) ? 0 : SSE_PART) |
           (mem_is_zero(cpu->ymmh, sizeof cpu->ymmh) ? 0 : AVX_PART);
}
/* For the forms in which MXCSR belongs to the SSE component. */
static unsigned parts_in_use_mxcsr(const struct x86 *cpu)
{
    return parts_in_use(cpu) | (cpu->fpu.mxcsr != MXCSR_INITIAL ? SSE_PART : 0);
}

static unsigned xsave_size(unsigned parts)
{
    return XSAVE_SIZE + (parts & AVX_PART ? AVX_SIZE : 0);
}

static void avx_part_save(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        copy_out(cpu, op, linear_on(cpu, lin, XSAVE_SIZE + 16 * i), cpu->ymmh[i].b, 16, 8);
}

static void mxcsr_save(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    st32(cpu, op, linear_on(cpu, lin, AREA_MXCSR), cpu->fpu.mxcsr);
    st32(cpu, op, linear_on(cpu, lin, AREA_MXCSR + 4), MXCSR_MASK);
}

/* XSAVE; with `leave_initial`, XSAVEOPT: components in their initial state are not written. */
static NOINLINE void do_xsave(struct x86 *cpu, const struct op *op, bool leave_initial)
{
    unsigned parts = xsave_mask(cpu, op), in_use = parts_in_use(cpu),
             write = leave_initial ? parts & in_use : parts;
    uint64_t lin = area_address(cpu, op, xsave_size(parts), 64, true);
    uint64_t bv_at = linear_on(cpu, lin, AREA_HEADER), bv = ld64(cpu, op, bv_at);
    area_save(cpu, op, lin, write);
    if (parts & (SSE_PART | AVX_PART))
        mxcsr_save(cpu, op, lin);
    if (write & AVX_PART)
        avx_part_save(cpu, op, lin);
    st64(cpu, op, bv_at, (bv & ~(uint64_t)parts) | (parts & in_use));
}

static OP(op_xsave)
{
    do_xsave(cpu, op, false);
    NEXT;
}
static OP(op_xsaveopt)
{
    do_xsave(cpu, op, true);
    NEXT;
}

/* XSAVEC, XSAVES: the compacted form. There are no supervisor components, and AVX is the first one behind the header, so each is at
 * its place of the standard form. */
static NOINLINE void do_xsavec(struct x86 *cpu, const struct op *op)
{
    unsigned parts = xsave_mask(cpu, op), write = parts & parts_in_use_mxcsr(cpu);
    uint64_t lin = area_address(cpu, op, xsave_size(parts), 64, true);
    area_save(cpu, op, lin, write);
    if (write & AVX_PART)
        avx_part_save(cpu, op, lin);
    st64(cpu, op, linear_on(cpu, lin, AREA_HEADER), write);
    st64(cpu, op, linear_on(cpu, lin, AREA_HEADER + 8), COMPACTED | parts);
}

static OP(op_xsavec)
{
    do_xsavec(cpu, op);
    NEXT;
}

static void supervisor_only(struct x86 *cpu, const struct op *op)
{
    xsave_available(cpu, op);
    if (virt_lacks(cpu, VIRT_HAS_XSAVES)) {
        SYNC;
        raise_fault(cpu, VEC_UD);
    }
    if (cpu->cpl) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
}
static OP(op_xsaves)
{
    supervisor_only(cpu, op);
    do_xsavec(cpu, op);
    NEXT;
}

/* `header`: XSTATE_BV, XCOMP_BV, and 48 bytes of zeros, of which the standard form looks at 8. *compacted: which form it is. */
static void check_header(struct x86 *cpu, const struct op *op, const uint8_t *header, bool must_be_compacted,
                         bool *compacted)
{
    uint64_t bv = le64(header), comp = le64(header + 8);
    *compacted = comp & COMPACTED && cpu_has(cpu, FT_XSAVEC);
    bool bad = bv & ~cpu->xcr0;
    if (*compacted)
        bad |= comp & ~(cpu->xcr0 | COMPACTED) || bv & ~comp || !mem_is_zero(header + 16, 48);
    else
        bad |= comp || le64(header + 16) || must_be_compacted;
    if (bad) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
}

static void avx_part_load(struct x86 *cpu, const uint8_t *area, bool present)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        if (present)
            memcpy(cpu->ymmh[i].b, area + XSAVE_SIZE + 16 * i, 16);
        else
            memset(cpu->ymmh[i].b, 0, 16);
}

static NOINLINE void do_xrstor(struct x86 *cpu, const struct op *op, bool must_be_compacted)
{
    uint8_t area[XSAVE_SIZE + AVX_SIZE];
    bool compacted;
    unsigned parts = xsave_mask(cpu, op);
    copy_in(cpu, op, area_address(cpu, op, xsave_size(parts), 64, false), area, xsave_size(parts), 8);
    check_header(cpu, op, area + AREA_HEADER, must_be_compacted, &compacted);
    unsigned present = parts & (unsigned)le64(area + AREA_HEADER);
    uint32_t mxcsr = le32(area + AREA_MXCSR);
    bool load_mxcsr = parts & (compacted ? SSE_PART : SSE_PART | AVX_PART);
    if (compacted && !(present & SSE_PART))
        mxcsr =
            MXCSR_INITIAL; /* in the standard form it is loaded even if the component is in its initial state */
    if (load_mxcsr) {
        check_mxcsr(cpu, op, mxcsr);
        cpu->fpu.mxcsr = mxcsr;
    }
    if (parts & SSE_PART) {
        if (!(present & SSE_PART))
            memset(area + AREA_XMM, 0, 16 * 16);
        sse_part_load(cpu, area);
    }
    if (parts & AVX_PART)
        avx_part_load(cpu, area, present & AVX_PART);
    if (present & X87_PART) {
        x87_part_load(cpu, op, area);
    } else if (parts & X87_PART) {
        memset(cpu->fpu.r, 0, sizeof cpu->fpu.r);
        fpu_init(&cpu->fpu);
    }
}

static OP(op_xrstor)
{
    uint16_t old = cpu->fpu.sw;
    do_xrstor(cpu, op, false);
    X87_CONTROL_END(old);
}
static OP(op_xrstors)
{
    uint16_t old = cpu->fpu.sw;
    supervisor_only(cpu, op);
    do_xrstor(cpu, op, true);
    X87_CONTROL_END(old);
}

static OP(op_xgetbv)
{
    xsave_available(cpu, op);
    uint64_t v = cpu->xcr0;
    if (R32(RCX) > (cpu_has(cpu, FT_XGETBV1) ? 1 : 0)) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
    if (R32(RCX))
        v &= parts_in_use_mxcsr(cpu);
    SET32(RAX, v);
    SET32(RDX, v >> 32);
    NEXT;
}

static OP(op_xsetbv)
{
    xsave_available(cpu, op);
    if (!cpu->cpl)
        virt_intercept(cpu, op, VIRT_XSETBV, 0);
    uint64_t v = R32(RAX) | (uint64_t)R32(RDX) << 32;
    uint64_t known = X87_PART | SSE_PART | (cpu_has(cpu, FT_AVX) ? AVX_PART : 0);
    if (cpu->cpl || R32(RCX) || !(v & X87_PART) || v & ~known || (v & AVX_PART && !(v & SSE_PART))) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
    cpu->xcr0 = v;
    NEXT;
}

/* ---------------------------------------------------------------- MXCSR */

static OP(op_ldmxcsr)
{
    sse_check(cpu, op);
    uint32_t v = ld32(cpu, op, ea_any(cpu, op, 4, false));
    check_mxcsr(cpu, op, v);
    cpu->fpu.mxcsr = v;
    NEXT;
}

static OP(op_stmxcsr)
{
    sse_check(cpu, op);
    st32(cpu, op, ea_any(cpu, op, 4, true), cpu->fpu.mxcsr);
    NEXT;
}

static OP(v_ldmxcsr)
{
    avx_check(cpu, op);
    TAIL(op_ldmxcsr(cpu, op));
}
static OP(v_stmxcsr)
{
    avx_check(cpu, op);
    TAIL(op_stmxcsr(cpu, op));
}
FAMILY1(fam_v_ldmxcsr, v_ldmxcsr);
FAMILY1(fam_v_stmxcsr, v_stmxcsr);

FAMILY1(x87_fnstenv, op_fnstenv);
FAMILY1(x87_fldenv, op_fldenv);
FAMILY1(x87_fnsave, op_fnsave);
FAMILY1(x87_frstor, op_frstor);
FAMILY1(x87_fxsave, op_fxsave);
FAMILY1(x87_fxrstor, op_fxrstor);
FAMILY1(x87_xsave, op_xsave);
FAMILY1(x87_xrstor, op_xrstor);
FAMILY1(x87_xsaveopt, op_xsaveopt);
FAMILY1(x87_xsavec, op_xsavec);
FAMILY1(x87_xsaves, op_xsaves);
FAMILY1(x87_xrstors, op_xrstors);
FAMILY1(x87_xgetbv, op_xgetbv);
FAMILY1(x87_xsetbv, op_xsetbv);
FAMILY1(x87_ldmxcsr, op_ldmxcsr);
FAMILY1(x87_stmxcsr, op_stmxcsr);
