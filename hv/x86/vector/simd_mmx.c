/* simd_mmx.c - MMX moves, and moves between MMX, general and XMM registers.
 *
 * Source: Intel SDM volume 1, chapter 9; volume 2, the instruction pages. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- moves */

VEC_FN(do_mmx_mov, s)
MMX_OP(movq_load, do_mmx_mov)

static OP(movq_store_r)
{
    mmx_check(cpu, op);
    mmx_put64(cpu, op->dst, cpu->fpu.r[op->src].sig);
    NEXT;
}
static OP(movq_store_m)
{
    mmx_check(cpu, op);
    st64(cpu, op, ea_any(cpu, op, 8, true), cpu->fpu.r[op->src].sig);
    mmx_enter(cpu);
    NEXT;
}
/* MOVQ, MOVNTQ. */
FAMILY_RM(fam_mmx_movq_store, movq_store_r, movq_store_m);

/* MOVD: 64 bits with REX.W. */
static OP(movd_load_r)
{
    mmx_check(cpu, op);
    mmx_put64(cpu, op->dst, op->osize == 3 ? R64(op->src) : R32(op->src));
    NEXT;
}
static OP(movd_load_m)
{
    mmx_check(cpu, op);
    uint64_t v =
        op->osize == 3 ? ld64(cpu, op, ea_any(cpu, op, 8, false)) : ld32(cpu, op, ea_any(cpu, op, 4, false));
    mmx_put64(cpu, op->dst, v);
    NEXT;
}
static OP(movd_store_r)
{
    mmx_prepare(cpu, op);
    uint64_t v = cpu->fpu.r[op->src].sig;
    SET64(op->dst, op->osize == 3 ? v : (uint32_t)v);
    NEXT;
}
static OP(movd_store_m)
{
    mmx_check(cpu, op);
    uint64_t v = cpu->fpu.r[op->src].sig;
    if (op->osize == 3)
        st64(cpu, op, ea_any(cpu, op, 8, true), v);
    else
        st32(cpu, op, ea_any(cpu, op, 4, true), (uint32_t)v);
    mmx_enter(cpu);
    NEXT;
}
FAMILY_RM(fam_mmx_movd_load, movd_load_r, movd_load_m);
FAMILY_RM(fam_mmx_movd_store, movd_store_r, movd_store_m);

/* PINSRW: the word comes from a 32-bit register or from 16 bits of memory. */
static void mmx_insert(struct x86 *cpu, const struct op *op, uint16_t w)
{
    unsigned shift = 16 * (op->imm & 3);
    uint64_t old = cpu->fpu.r[op->dst].sig;
    mmx_put64(cpu, op->dst, (old & ~(0xffffull << shift)) | (uint64_t)w << shift);
}
static OP(mmx_pinsrw_r)
{
    mmx_check(cpu, op);
    mmx_insert(cpu, op, R16(op->src));
    NEXT;
}
static OP(mmx_pinsrw_m)
{
    mmx_check(cpu, op);
    mmx_insert(cpu, op, ld16(cpu, op, ea_any(cpu, op, 2, false)));
    NEXT;
}
FAMILY_RM(fam_mmx_pinsrw, mmx_pinsrw_r, mmx_pinsrw_m);

/* ---------------------------------------------------------------- between MMX and XMM */

static OP(movq2dq_r)
{
    sse_check(cpu, op);
    mmx_prepare(cpu, op);
    xmm_set(cpu, op->dst, mmx_get(cpu, op->src));
    NEXT;
}
static OP(movdq2q_r)
{
    sse_check(cpu, op);
    mmx_check(cpu, op);
    mmx_put64(cpu, op->dst, cpu->xmm[op->src].q[0]);
    NEXT;
}
FAMILY_R(fam_movq2dq, movq2dq);
FAMILY_R(fam_movdq2q, movdq2q);

/* Conversions. Integers to floats in XMM; the packed host instruction works on the low half, whose other
 * lanes are 0 and raise nothing. */
HOST_FN(host_cvtdq2ps, "cvtdq2ps")
HOST_FN(host_cvtps2dq, "cvtps2dq")
HOST_FN(host_cvttps2dq, "cvttps2dq")
HOST_FN(host_cvtpd2dq, "cvtpd2dq")
HOST_FN(host_cvttpd2dq, "cvttpd2dq")

static void cvtpi2ps(struct x86 *cpu, const struct op *op, vec s)
{
    uint32_t mx = fp_begin(cpu);
    vec r = host_cvtdq2ps(s, s, 0, &mx);
    fp_end(cpu, op, mx, s, s, r, R_NONE);
    mmx_enter(cpu);
    cpu->xmm[op->dst].q[0] = (uint64_t)_mm_cvtsi128_si64(r);
}
static OP(cvtpi2ps_r)
{
    sse_check(cpu, op);
    mmx_check(cpu, op);
    cvtpi2ps(cpu, op, mmx_get(cpu, op->src));
    NEXT;
}
static OP(cvtpi2ps_m)
{
    sse_check(cpu, op);
    mmx_check(cpu, op);
    cvtpi2ps(cpu, op, simd_load(cpu, op, ea_any(cpu, op, 8, false), 8));
    NEXT;
}
FAMILY_RM(fam_cvtpi2ps, cvtpi2ps_r, cvtpi2ps_m);

/* The conversion is exact, so MXCSR is not involved. With a memory operand no MMX register is used and the
 * x87 state is left alone. */
static OP(cvtpi2pd_r)
{
    sse_check(cpu, op);
    mmx_prepare(cpu, op);
    xmm_set(cpu, op->dst, _mm_castpd_si128(_mm_cvtepi32_pd(mmx_get(cpu, op->src))));
    NEXT;
}
static OP(cvtpi2pd_m)
{
    sse_check(cpu, op);
    vec s = simd_load(cpu, op, ea_any(cpu, op, 8, false), 8);
    xmm_set(cpu, op->dst, _mm_castpd_si128(_mm_cvtepi32_pd(s)));
    NEXT;
}
FAMILY_RM(fam_cvtpi2pd, cvtpi2pd_r, cvtpi2pd_m);

/* Converts floats in XMM or memory to two integers in MMX. */
#define TO_MMX(name, fn, n, mask)                                                                            \
    SIMD_INLINE void name(struct x86 *cpu, const struct op *op, vec s)                                       \
    {                                                                                                        \
        uint32_t mx = fp_begin(cpu);                                                                         \
        vec r = fn(s, mask(s), 0, &mx);                                                                      \
        fp_end(cpu, op, mx, s, s, r, R_NONE);                                                                \
        mmx_put(cpu, op->dst, r);                                                                            \
    }                                                                                                        \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        mmx_check(cpu, op);                                                                                  \
        name(cpu, op, xmm_get(cpu, op->src));                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        mmx_check(cpu, op);                                                                                  \
        name(cpu, op, simd_load(cpu, op, ea_any(cpu, op, n, false), n));                                     \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_##name, name##_r, name##_m);

TO_MMX(cvtps2pi, host_cvtps2dq, 8, _mm_move_epi64)
TO_MMX(cvttps2pi, host_cvttps2dq, 8, _mm_move_epi64)
TO_MMX(cvtpd2pi, host_cvtpd2dq, 16, )
TO_MMX(cvttpd2pi, host_cvttpd2dq, 16, )
