/* simd_int.c - MMX and SSE2 packed-integer instructions that every host has too.
 *
 * Source: Intel SDM volume 2, the instruction pages; volume 1, chapters 9 and 11. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- arithmetic and logic, lane by lane */

/* XMM and MMX form of an SSE2 intrinsic. */
#define INTRINSIC(name, intrinsic)                                                                           \
    VEC_FN(do_##name, intrinsic(d, s))                                                                       \
    BOTH(name, do_##name)

INTRINSIC(paddb, _mm_add_epi8)
INTRINSIC(paddw, _mm_add_epi16)
INTRINSIC(paddd, _mm_add_epi32)
INTRINSIC(paddq, _mm_add_epi64)
INTRINSIC(psubb, _mm_sub_epi8)
INTRINSIC(psubw, _mm_sub_epi16)
INTRINSIC(psubd, _mm_sub_epi32)
INTRINSIC(psubq, _mm_sub_epi64)
INTRINSIC(paddsb, _mm_adds_epi8)
INTRINSIC(paddsw, _mm_adds_epi16)
INTRINSIC(paddusb, _mm_adds_epu8)
INTRINSIC(paddusw, _mm_adds_epu16)
INTRINSIC(psubsb, _mm_subs_epi8)
INTRINSIC(psubsw, _mm_subs_epi16)
INTRINSIC(psubusb, _mm_subs_epu8)
INTRINSIC(psubusw, _mm_subs_epu16)
INTRINSIC(pavgb, _mm_avg_epu8)
INTRINSIC(pavgw, _mm_avg_epu16)
INTRINSIC(pminub, _mm_min_epu8)
INTRINSIC(pmaxub, _mm_max_epu8)
INTRINSIC(pminsw, _mm_min_epi16)
INTRINSIC(pmaxsw, _mm_max_epi16)
INTRINSIC(pmullw, _mm_mullo_epi16)
INTRINSIC(pmulhw, _mm_mulhi_epi16)
INTRINSIC(pmulhuw, _mm_mulhi_epu16)
INTRINSIC(pmuludq, _mm_mul_epu32)
INTRINSIC(pmaddwd, _mm_madd_epi16)
INTRINSIC(psadbw, _mm_sad_epu8)
INTRINSIC(pcmpeqb, _mm_cmpeq_epi8)
INTRINSIC(pcmpeqw, _mm_cmpeq_epi16)
INTRINSIC(pcmpeqd, _mm_cmpeq_epi32)
INTRINSIC(pcmpgtb, _mm_cmpgt_epi8)
INTRINSIC(pcmpgtw, _mm_cmpgt_epi16)
INTRINSIC(pcmpgtd, _mm_cmpgt_epi32)
/* Also used for ANDPS, ANDPD and so on, which do not depend on lanes. */
INTRINSIC(pand, _mm_and_si128)
INTRINSIC(pandn, _mm_andnot_si128)
INTRINSIC(por, _mm_or_si128)
INTRINSIC(pxor, _mm_xor_si128)

/* ---------------------------------------------------------------- pack and unpack */

#define PACK(name, intrinsic)                                                                                \
    VEC_FN(do_##name, intrinsic(d, s))                                                                       \
    MMX_HALVES_FN(do_mmx_##name, do_##name)                                                                  \
    XMM_OP(name, do_##name)                                                                                  \
    MMX_OP(name, do_mmx_##name)

PACK(packsswb, _mm_packs_epi16)
PACK(packssdw, _mm_packs_epi32)
PACK(packuswb, _mm_packus_epi16)

/* The MMX memory operand of the low forms is 32 bits. */
#define UNPACK_LOW(name, intrinsic)                                                                          \
    VEC_FN(do_##name, intrinsic(d, s))                                                                       \
    XMM_OP(name, do_##name)                                                                                  \
    MMX_OPN(name, do_##name, 4)
/* The upper half of a 64-bit operand ends up in the upper half of the 128-bit result. */
#define UNPACK_HIGH(name, high, low)                                                                         \
    VEC_FN(do_##name, high(d, s))                                                                            \
    VEC_FN(do_mmx_##name, _mm_srli_si128(low(d, s), 8))                                                      \
    XMM_OP(name, do_##name)                                                                                  \
    MMX_OP(name, do_mmx_##name)

UNPACK_LOW(punpcklbw, _mm_unpacklo_epi8)
UNPACK_LOW(punpcklwd, _mm_unpacklo_epi16)
UNPACK_LOW(punpckldq, _mm_unpacklo_epi32)
UNPACK_HIGH(punpckhbw, _mm_unpackhi_epi8, _mm_unpacklo_epi8)
UNPACK_HIGH(punpckhwd, _mm_unpackhi_epi16, _mm_unpacklo_epi16)
UNPACK_HIGH(punpckhdq, _mm_unpackhi_epi32, _mm_unpacklo_epi32)

VEC_FN(do_punpcklqdq, _mm_unpacklo_epi64(d, s))
VEC_FN(do_punpckhqdq, _mm_unpackhi_epi64(d, s))
XMM_OP(punpcklqdq, do_punpcklqdq)
XMM_OP(punpckhqdq, do_punpckhqdq)

/* ---------------------------------------------------------------- shifts
 *
 * The count is the low 64 bits of the source, or an immediate; the intrinsics accept any count. */

#define SHIFT_IMM(name, fn)                                                                                  \
    static OP(name##_imm_r)                                                                                  \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        xmm_set(cpu, op->dst, fn(xmm_get(cpu, op->dst), _mm_cvtsi32_si128((uint8_t)op->imm), 0));            \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_R(fam_##name##_imm, name##_imm);                                                                  \
    static OP(v_##name##_imm_r) /* its destination is vvvv */                                                \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        vec count = _mm_cvtsi32_si128((uint8_t)op->imm), hi = _mm_setzero_si128();                           \
        if (is_256(op))                                                                                      \
            hi = fn(ymmh_get(cpu, op->src), count, 0);                                                       \
        ymm_set(cpu, op->dst, fn(xmm_get(cpu, op->src), count, 0), hi);                                      \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_R(fam_v_##name##_imm, v_##name##_imm);
#define MMX_SHIFT_IMM(name, fn)                                                                              \
    static OP(mmx_##name##_imm_r)                                                                            \
    {                                                                                                        \
        mmx_check(cpu, op);                                                                                  \
        mmx_put(cpu, op->dst, fn(mmx_get(cpu, op->dst), _mm_cvtsi32_si128((uint8_t)op->imm), 0));            \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_R(fam_mmx_##name##_imm, mmx_##name##_imm);
/* With VEX the count is 128 bits, whatever the size of the rest. */
#define V_SHIFT(name)                                                                                        \
    SIMD_INLINE void v_##name(struct x86 *cpu, const struct op *op, vec s)                                   \
    {                                                                                                        \
        vec hi = is_256(op) ? do_##name(ymmh_get(cpu, op->vvvv), s, 0) : _mm_setzero_si128();                \
        ymm_set(cpu, op->dst, do_##name(xmm_get(cpu, op->vvvv), s, 0), hi);                                  \
    }                                                                                                        \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name(cpu, op, xmm_get(cpu, op->src));                                                            \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name(cpu, op, simd_load16u(cpu, op, ea_any(cpu, op, 16, false)));                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_v_##name, v_##name);
#define SHIFT(name, intrinsic)                                                                               \
    VEC_FN(do_##name, intrinsic(d, s))                                                                       \
    XMM_OPN(name, do_##name, 16)                                                                             \
    MMX_OP(name, do_##name)                                                                                  \
    V_SHIFT(name)                                                                                            \
    SHIFT_IMM(name, do_##name)                                                                               \
    MMX_SHIFT_IMM(name, do_##name)

SHIFT(psllw, _mm_sll_epi16)
SHIFT(pslld, _mm_sll_epi32)
SHIFT(psllq, _mm_sll_epi64)
SHIFT(psrlw, _mm_srl_epi16)
SHIFT(psrld, _mm_srl_epi32)
SHIFT(psrlq, _mm_srl_epi64)
SHIFT(psraw, _mm_sra_epi16)
SHIFT(psrad, _mm_sra_epi32)

/* Shifts the whole register by bytes; s is the count. */
SIMD_INLINE vec do_pslldq(vec d, vec s, unsigned imm)
{
    unsigned n = (unsigned)_mm_cvtsi128_si32(s);
    union lanes x = {.v = d}, r = {.q = {0, 0}};
    for (unsigned i = n; i < 16; i++)
        r.b[i] = x.b[i - n];
    return r.v;
}
SIMD_INLINE vec do_psrldq(vec d, vec s, unsigned imm)
{
    unsigned n = (unsigned)_mm_cvtsi128_si32(s);
    union lanes x = {.v = d}, r = {.q = {0, 0}};
    for (unsigned i = n; i < 16; i++)
        r.b[i - n] = x.b[i];
    return r.v;
}
SHIFT_IMM(pslldq, do_pslldq)
SHIFT_IMM(psrldq, do_psrldq)

/* ---------------------------------------------------------------- shuffles */

SIMD_INLINE vec do_pshufd(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r;
    r.d[0] = y.d[imm & 3];
    r.d[1] = y.d[imm >> 2 & 3];
    r.d[2] = y.d[imm >> 4 & 3];
    r.d[3] = y.d[imm >> 6 & 3];
    return r.v;
}
/* The low four words; the upper ones are kept. */
SIMD_INLINE vec do_pshuflw(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r = y;
    for (unsigned i = 0; i < 4; i++)
        r.w[i] = y.w[imm >> (2 * i) & 3];
    return r.v;
}
SIMD_INLINE vec do_pshufhw(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r = y;
    for (unsigned i = 0; i < 4; i++)
        r.w[4 + i] = y.w[4 + (imm >> (2 * i) & 3)];
    return r.v;
}
XMM_OP(pshufd, do_pshufd)
XMM_OP(pshuflw, do_pshuflw)
XMM_OP(pshufhw, do_pshufhw)
MMX_OP(pshufw, do_pshuflw)

/* SHUFPS and the rest, which move bits whatever their type. */
SIMD_INLINE vec do_shufps(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    r.d[0] = x.d[imm & 3];
    r.d[1] = x.d[imm >> 2 & 3];
    r.d[2] = y.d[imm >> 4 & 3];
    r.d[3] = y.d[imm >> 6 & 3];
    return r.v;
}
SIMD_INLINE vec do_shufpd(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    r.q[0] = x.q[imm & 1];
    r.q[1] = y.q[imm >> 1 & 1];
    return r.v;
}
XMM_OP(shufps, do_shufps)
XMM_OPS(shufpd, do_shufpd, 2)
XMM_OP(unpcklps, do_punpckldq)
XMM_OP(unpckhps, do_punpckhdq)
XMM_OP(unpcklpd, do_punpcklqdq)
XMM_OP(unpckhpd, do_punpckhqdq)

/* ---------------------------------------------------------------- masks to general registers */

/* expr: in s. With VEX the upper half's mask is shifted by `bits`. */
#define MOVE_MASK(name, expr, bits)                                                                          \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        vec s = xmm_get(cpu, op->src);                                                                       \
        uint32_t v = (uint32_t)(expr);                                                                       \
        s = ymmh_get(cpu, op->src);                                                                          \
        if (is_256(op))                                                                                      \
            v |= (uint32_t)(expr) << bits;                                                                   \
        SET32(op->dst, v);                                                                                   \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_R(fam_v_##name, v_##name);                                                                        \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        vec s = xmm_get(cpu, op->src);                                                                       \
        SET32(op->dst, expr);                                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_R(fam_##name, name);

MOVE_MASK(pmovmskb, _mm_movemask_epi8(s), 16)
MOVE_MASK(movmskps, _mm_movemask_ps(_mm_castsi128_ps(s)), 4)
MOVE_MASK(movmskpd, _mm_movemask_pd(_mm_castsi128_pd(s)), 2)
MOVE_MASK(pextrw, ((union lanes){.v = s}).w[op->imm & 7], 16)

static OP(mmx_pmovmskb_r)
{
    mmx_prepare(cpu, op);
    SET32(op->dst, _mm_movemask_epi8(mmx_get(cpu, op->src)));
    NEXT;
}
FAMILY_R(fam_mmx_pmovmskb, mmx_pmovmskb);

static OP(mmx_pextrw_r)
{
    mmx_prepare(cpu, op);
    SET32(op->dst, (uint16_t)(cpu->fpu.r[op->src].sig >> (16 * (op->imm & 3))));
    NEXT;
}
FAMILY_R(fam_mmx_pextrw, mmx_pextrw);
