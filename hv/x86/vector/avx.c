/* avx.c - AVX and AVX2 instructions that SSE has not: broadcasts, permutations, parts of vectors, shifts by lanes of counts.
 *
 * Source: Intel SDM volume 2, the instruction pages; volume 1, chapter 14. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- state */

static OP(vzeroupper)
{
    avx_check(cpu, op);
    for (unsigned i = 0; i < (cpu->mode64 ? 16 : 8); i++)
        ymmh_set(cpu, i, _mm_setzero_si128());
    NEXT;
}
static OP(vzeroall)
{
    avx_check(cpu, op);
    for (unsigned i = 0; i < (cpu->mode64 ? 16 : 8); i++)
        ymm_set128(cpu, i, _mm_setzero_si128());
    NEXT;
}
FAMILY1(fam_vzeroupper, vzeroupper);
FAMILY1(fam_vzeroall, vzeroall);

/* ---------------------------------------------------------------- broadcasts */

#define BROADCAST(bits, set1)                                                                                \
    SIMD_INLINE void broadcast##bits(struct x86 *cpu, const struct op *op, uint64_t value)                   \
    {                                                                                                        \
        vec v = set1;                                                                                        \
        ymm_set(cpu, op->dst, v, is_256(op) ? v : _mm_setzero_si128());                                      \
    }                                                                                                        \
    static OP(vbroadcast##bits##_r)                                                                          \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        broadcast##bits(cpu, op, cpu->xmm[op->src].q[0]);                                                    \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(vbroadcast##bits##_m)                                                                          \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        broadcast##bits(cpu, op, ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false)));                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_vbroadcast##bits, vbroadcast##bits);

BROADCAST(8, _mm_set1_epi8((char)value))
BROADCAST(16, _mm_set1_epi16((short)value))
BROADCAST(32, _mm_set1_epi32((int)value))
BROADCAST(64, _mm_set1_epi64x((long long)value))

static OP(vbroadcast128_m)
{
    avx_check(cpu, op);
    vec v = simd_load16u(cpu, op, ea_any(cpu, op, 16, false));
    ymm_set(cpu, op->dst, v, v);
    NEXT;
}
FAMILY_RM(fam_vbroadcast128, NULL, vbroadcast128_m);

/* ---------------------------------------------------------------- within each half */

SIMD_INLINE vec do_permilps(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 4; i++)
        r.d[i] = x.d[y.d[i] & 3];
    return r.v;
}
SIMD_INLINE vec do_permilpd(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 2; i++)
        r.q[i] = x.q[y.q[i] >> 1 & 1];
    return r.v;
}
SIMD_INLINE vec do_permilps_imm(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r;
    for (unsigned i = 0; i < 4; i++)
        r.d[i] = y.d[imm >> (2 * i) & 3];
    return r.v;
}
SIMD_INLINE vec do_permilpd_imm(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r;
    for (unsigned i = 0; i < 2; i++)
        r.q[i] = y.q[imm >> i & 1];
    return r.v;
}
V_OP(permilps, do_permilps)
V_OP(permilpd, do_permilpd)
V_OP(permilps_imm, do_permilps_imm)
V_OPS(permilpd_imm, do_permilpd_imm, 16, 2)

LANE_FN(do_pblendd, uint32_t, d, imm >> i & 1 ? b : a)
V_OPS(pblendd, do_pblendd, 16, 4)

/* A count of the lane's size or more shifts everything out. */
LANE_FN(do_psllvd, uint32_t, d, b < 32 ? a << b : 0)
LANE_FN(do_psllvq, uint64_t, q, b < 64 ? a << b : 0)
LANE_FN(do_psrlvd, uint32_t, d, b < 32 ? a >> b : 0)
LANE_FN(do_psrlvq, uint64_t, q, b < 64 ? a >> b : 0)
LANE_FN(do_psravd, int32_t, sd, a >> ((uint32_t)b < 32 ? b : 31))
V_OP(psllvd, do_psllvd)
V_OP(psllvq, do_psllvq)
V_OP(psrlvd, do_psrlvd)
V_OP(psrlvq, do_psrlvq)
V_OP(psravd, do_psravd)

/* ---------------------------------------------------------------- across the halves */

union wide {
    vec v[2];
    uint32_t d[8];
    uint64_t q[4];
};

/* Lane i of the result is lane vvvv[i] of s. */
SIMD_INLINE void vpermd_do(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    union wide x = {.v = {xmm_get(cpu, op->vvvv), ymmh_get(cpu, op->vvvv)}}, y = {.v = {s, sh}}, r;
    for (unsigned i = 0; i < 8; i++)
        r.d[i] = y.d[x.d[i] & 7];
    ymm_set(cpu, op->dst, r.v[0], r.v[1]);
}
V_FORMS(vpermd, vpermd_do, 16)

SIMD_INLINE void vpermq_do(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    union wide y = {.v = {s, sh}}, r;
    for (unsigned i = 0; i < 4; i++)
        r.q[i] = y.q[op->imm >> (2 * i) & 3];
    ymm_set(cpu, op->dst, r.v[0], r.v[1]);
}
V_FORMS(vpermq, vpermq_do, 16)

/* Four bits of the immediate choose a half: of vvvv, of vvvv, of s, of s, or zeros. */
SIMD_INLINE vec choose_half(vec d, vec dh, vec s, vec sh, unsigned by)
{
    vec low = by & 2 ? s : d, high = by & 2 ? sh : dh;
    return by & 8 ? _mm_setzero_si128() : by & 1 ? high : low;
}
SIMD_INLINE void vperm2x128_do(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    vec d = xmm_get(cpu, op->vvvv), dh = ymmh_get(cpu, op->vvvv);
    unsigned imm = (unsigned)op->imm;
    ymm_set(cpu, op->dst, choose_half(d, dh, s, sh, imm), choose_half(d, dh, s, sh, imm >> 4));
}
V_FORMS(vperm2x128, vperm2x128_do, 16)

SIMD_INLINE void insert128(struct x86 *cpu, const struct op *op, vec s)
{
    vec d = xmm_get(cpu, op->vvvv), dh = ymmh_get(cpu, op->vvvv);
    if (op->imm & 1)
        ymm_set(cpu, op->dst, d, s);
    else
        ymm_set(cpu, op->dst, s, dh);
}
static OP(vinsert128_r)
{
    avx_check(cpu, op);
    insert128(cpu, op, xmm_get(cpu, op->src));
    NEXT;
}
static OP(vinsert128_m)
{
    avx_check(cpu, op);
    insert128(cpu, op, simd_load16u(cpu, op, ea_any(cpu, op, 16, false)));
    NEXT;
}
FAMILY_V(fam_vinsert128, vinsert128);

static OP(vextract128_r)
{
    avx_check(cpu, op);
    ymm_set128(cpu, op->dst, op->imm & 1 ? ymmh_get(cpu, op->src) : xmm_get(cpu, op->src));
    NEXT;
}
static OP(vextract128_m)
{
    avx_check(cpu, op);
    vec v = op->imm & 1 ? ymmh_get(cpu, op->src) : xmm_get(cpu, op->src);
    simd_store16u(cpu, op, ea_any(cpu, op, 16, true), v);
    NEXT;
}
FAMILY_V(fam_vextract128, vextract128);
