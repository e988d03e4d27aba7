/* simd_sse4.c - SSE4.1, and PCMPGTQ of SSE4.2.
 *
 * Source: Intel SDM volume 2, the instruction pages; volume 1, 12.8 to 12.12. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- lane by lane */

#define LANES_OP(name, T, f, expr)                                                                           \
    LANE_FN(do_##name, T, f, expr)                                                                           \
    XMM_OP(name, do_##name)

LANES_OP(pminsb, int8_t, sb, a < b ? a : b)
LANES_OP(pmaxsb, int8_t, sb, a > b ? a : b)
LANES_OP(pminuw, uint16_t, w, a < b ? a : b)
LANES_OP(pmaxuw, uint16_t, w, a > b ? a : b)
LANES_OP(pminsd, int32_t, sd, a < b ? a : b)
LANES_OP(pmaxsd, int32_t, sd, a > b ? a : b)
LANES_OP(pminud, uint32_t, d, a < b ? a : b)
LANES_OP(pmaxud, uint32_t, d, a > b ? a : b)
LANES_OP(pcmpeqq, int64_t, sq, a == b ? -1 : 0)
LANES_OP(pcmpgtq, int64_t, sq, a > b ? -1 : 0)
LANES_OP(pmulld, int32_t, sd, a *b)
LANES_OP(pmuldq, int64_t, sq, (int64_t)(int32_t)a *(int32_t)b)

/* Blends: by an immediate's bits, or by the top bits of XMM0. */
LANE_FN(do_blendps, uint32_t, d, imm >> i & 1 ? b : a)
LANE_FN(do_blendpd, uint64_t, q, imm >> i & 1 ? b : a)
XMM_OPS(blendps, do_blendps, 4)
XMM_OPS(blendpd, do_blendpd, 2)
LANES_OP(pblendw, uint16_t, w, imm >> i & 1 ? b : a)

#define BLEND_BY_XMM0(name, T, f)                                                                            \
    SIMD_INLINE vec do_##name(vec d, vec s, vec mask)                                                        \
    {                                                                                                        \
        union lanes x = {.v = d}, y = {.v = s}, m = {.v = mask};                                             \
        for (unsigned i = 0; i < 16 / sizeof(T); i++)                                                        \
            if ((T)m.f[i] >> (8 * sizeof(T) - 1))                                                            \
                x.f[i] = y.f[i];                                                                             \
        return x.v;                                                                                          \
    }                                                                                                        \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        xmm_set(cpu, op->dst, do_##name(xmm_get(cpu, op->dst), xmm_get(cpu, op->src), xmm_get(cpu, 0)));     \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        vec s = simd_load(cpu, op, ea_any(cpu, op, 16, false), 16);                                          \
        xmm_set(cpu, op->dst, do_##name(xmm_get(cpu, op->dst), s, xmm_get(cpu, 0)));                         \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_##name, name##_r, name##_m);                                                               \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                      \
    {                                                                                                        \
        vec lo = do_##name(xmm_get(cpu, op->vvvv), s, xmm_get(cpu, op->aux)), hi = _mm_setzero_si128();      \
        if (is_256(op))                                                                                      \
            hi = do_##name(ymmh_get(cpu, op->vvvv), sh, ymmh_get(cpu, op->aux));                             \
        ymm_set(cpu, op->dst, lo, hi);                                                                       \
    }                                                                                                        \
    V_FORMS(v_##name, v_##name##_do, 16)

BLEND_BY_XMM0(pblendvb, uint8_t, b)
BLEND_BY_XMM0(blendvps, uint32_t, d)
BLEND_BY_XMM0(blendvpd, uint64_t, q)

/* Widening moves: to lanes `to` from the low lanes `from` of s; n bytes are read. */
#define WIDEN(name, to, from, n)                                                                             \
    SIMD_INLINE vec do_##name(vec d, vec s, unsigned imm)                                                    \
    {                                                                                                        \
        union lanes y = {.v = s}, r;                                                                         \
        for (unsigned i = 0; i < sizeof r.to / sizeof r.to[0]; i++)                                          \
            r.to[i] = y.from[i];                                                                             \
        return r.v;                                                                                          \
    }                                                                                                        \
    XMM_OPN(name, do_##name, n)                                                                              \
    SIMD_INLINE vec high_##name(vec s)                                                                       \
    {                                                                                                        \
        union lanes y = {.v = s}, z = {.q = {0, 0}};                                                         \
        memcpy(z.b, y.b + n, n);                                                                             \
        return do_##name(z.v, z.v, 0);                                                                       \
    }                                                                                                        \
    V_WIDE(name, n, do_##name(s, s, 0), high_##name(s))

WIDEN(pmovsxbw, sw, sb, 8)
WIDEN(pmovsxbd, sd, sb, 4)
WIDEN(pmovsxbq, sq, sb, 2)
WIDEN(pmovsxwd, sd, sw, 8)
WIDEN(pmovsxwq, sq, sw, 4)
WIDEN(pmovsxdq, sq, sd, 8)
WIDEN(pmovzxbw, w, b, 8)
WIDEN(pmovzxbd, d, b, 4)
WIDEN(pmovzxbq, q, b, 2)
WIDEN(pmovzxwd, d, w, 8)
WIDEN(pmovzxwq, q, w, 4)
WIDEN(pmovzxdq, q, d, 8)

/* ---------------------------------------------------------------- across lanes */

static inline uint16_t saturate_u16(int32_t x)
{
    return (uint16_t)(x < 0 ? 0 : x > 0xffff ? 0xffff : x);
}
SIMD_INLINE vec do_packusdw(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 4; i++) {
        r.w[i] = saturate_u16(x.sd[i]);
        r.w[4 + i] = saturate_u16(y.sd[i]);
    }
    return r.v;
}
XMM_OP(packusdw, do_packusdw)

/* The least word and the index of its first occurrence. */
SIMD_INLINE vec do_phminposuw(vec d, vec s, unsigned imm)
{
    union lanes y = {.v = s}, r = {.q = {0, 0}};
    unsigned at = 0;
    for (unsigned i = 1; i < 8; i++)
        if (y.w[i] < y.w[at])
            at = i;
    r.w[0] = y.w[at];
    r.w[1] = (uint16_t)at;
    return r.v;
}
XMM_OP(phminposuw, do_phminposuw)

/* Sums of absolute differences between four bytes of s and the four bytes at each of eight adjacent offsets
 * of d. */
SIMD_INLINE vec do_mpsadbw(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    const uint8_t *p = x.b + (imm >> 2 & 1) * 4, *q = y.b + (imm & 3) * 4;
    for (unsigned i = 0; i < 8; i++) {
        int sum = 0;
        for (unsigned k = 0; k < 4; k++)
            sum += p[i + k] > q[k] ? p[i + k] - q[k] : q[k] - p[i + k];
        r.w[i] = (uint16_t)sum;
    }
    return r.v;
}
XMM_OPS(mpsadbw, do_mpsadbw, 3)

/* ---------------------------------------------------------------- PTEST */

static void ptest(struct x86 *cpu, const struct op *op, vec s)
{
    vec d = xmm_get(cpu, op->dst);
    union lanes both = {.v = _mm_and_si128(d, s)}, only = {.v = _mm_andnot_si128(d, s)};
    cc_set(cpu, (both.q[0] | both.q[1] ? 0 : FLAG_ZF) | (only.q[0] | only.q[1] ? 0 : FLAG_CF));
}
static OP(ptest_r)
{
    sse_check(cpu, op);
    ptest(cpu, op, xmm_get(cpu, op->src));
    NEXT;
}
static OP(ptest_m)
{
    sse_check(cpu, op);
    ptest(cpu, op, simd_load(cpu, op, ea_any(cpu, op, 16, false), 16));
    NEXT;
}
FAMILY_RM(fam_ptest, ptest_r, ptest_m);

/* VPTEST; VTESTPS and VTESTPD look at the sign bits alone. */
SIMD_INLINE void vtest(struct x86 *cpu, const struct op *op, vec s, vec sh, vec bits)
{
    vec d = xmm_get(cpu, op->dst), dh = is_256(op) ? ymmh_get(cpu, op->dst) : _mm_setzero_si128();
    if (!is_256(op))
        sh = dh;
    vec both_ = _mm_or_si128(_mm_and_si128(d, s), _mm_and_si128(dh, sh));
    vec only_ = _mm_or_si128(_mm_andnot_si128(d, s), _mm_andnot_si128(dh, sh));
    union lanes both = {.v = _mm_and_si128(both_, bits)}, only = {.v = _mm_and_si128(only_, bits)};
    cc_set(cpu, (both.q[0] | both.q[1] ? 0 : FLAG_ZF) | (only.q[0] | only.q[1] ? 0 : FLAG_CF));
}
#define VTEST(name, bits)                                                                                    \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                      \
    {                                                                                                        \
        vtest(cpu, op, s, sh, bits);                                                                         \
    }                                                                                                        \
    V_FORMS(v_##name, v_##name##_do, 16)
VTEST(ptest, _mm_set1_epi32(-1))
VTEST(testps, _mm_set1_epi32(INT32_MIN))
VTEST(testpd, _mm_set_epi32(INT32_MIN, 0, INT32_MIN, 0))

/* ---------------------------------------------------------------- one element: insert and extract */

/* name: lane f[imm & last] of XMM; `get` reads the general register. */
#define INSERT(name, f, last, get, bits)                                                                     \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        cpu->xmm[op->dst].f[op->imm & last] = get(op->src);                                                  \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        cpu->xmm[op->dst].f[op->imm & last] = ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false));           \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void v_##name(struct x86 *cpu, const struct op *op, uint##bits##_t v)                        \
    {                                                                                                        \
        xmm_set(cpu, op->dst, xmm_get(cpu, op->vvvv));                                                       \
        cpu->xmm[op->dst].f[op->imm & last] = v;                                                             \
        ymmh_set(cpu, op->dst, _mm_setzero_si128());                                                         \
    }                                                                                                        \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name(cpu, op, get(op->src));                                                                     \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name(cpu, op, ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false)));                              \
        NEXT;                                                                                                \
    }
#define EXTRACT(name, f, last, set, bits)                                                                    \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        set(op->dst, cpu->xmm[op->src].f[op->imm & last]);                                                   \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        st##bits(cpu, op, ea_any(cpu, op, bits / 8, true), cpu->xmm[op->src].f[op->imm & last]);             \
        NEXT;                                                                                                \
    }                                                                                                        \
    V_SAME_R(name)                                                                                           \
    V_SAME_M(name)
#define LOW8(r) ((uint8_t)R32(r))
INSERT(pinsrb, b, 15, LOW8, 8)
INSERT(pinsrw, w, 7, R16, 16)
INSERT(pinsrd, d, 3, R32, 32)
INSERT(pinsrq, q, 1, R64, 64)
EXTRACT(pextrb, b, 15, SET32, 8)
EXTRACT(pextrw_store, w, 7, SET32, 16)
EXTRACT(pextrd, d, 3, SET32, 32)
EXTRACT(pextrq, q, 1, SET64, 64)
FAMILY_RM(fam_pinsrb, pinsrb_r, pinsrb_m);
FAMILY_RM(fam_pinsrw, pinsrw_r, pinsrw_m);
FAMILY_RM(fam_pextrb, pextrb_r, pextrb_m);
FAMILY_RM(fam_pextrw_store, pextrw_store_r, pextrw_store_m);
FAMILY_V(fam_v_pinsrb, v_pinsrb);
FAMILY_V(fam_v_pinsrw, v_pinsrw);
FAMILY_V(fam_v_pextrb, v_pextrb);
FAMILY_V(fam_v_pextrw_store, v_pextrw_store);
FAMILY_V(fam_v_extractps, v_pextrd);
/* EXTRACTPS is always 32 bits: zero-extended in a register. */
FAMILY_RM(fam_extractps, pextrd_r, pextrd_m);
/* PINSRD, PEXTRD: 64 bits with REX.W. */
#define FAMILY_RM_Y(fam, r32, m32, r64, m64)                                                                 \
    const struct family fam = {{{r32, r32, r32, r64}, {m32, m32, m32, m64}, {m32, m32, m32, m64}}}
FAMILY_RM_Y(fam_pinsrd, pinsrd_r, pinsrd_m, pinsrq_r, pinsrq_m);
FAMILY_RM_Y(fam_pextrd, pextrd_r, pextrd_m, pextrq_r, pextrq_m);
FAMILY_RM_Y(fam_v_pinsrd, v_pinsrd_r, v_pinsrd_m, v_pinsrq_r, v_pinsrq_m);
FAMILY_RM_Y(fam_v_pextrd, v_pextrd_r, v_pextrd_m, v_pextrq_r, v_pextrq_m);

/* imm: 7-6 element of a register source, 5-4 element of d, 3-0 elements to clear afterwards. */
static vec insert_element(vec into, uint32_t element, unsigned imm)
{
    union lanes r = {.v = into};
    r.d[imm >> 4 & 3] = element;
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1)
            r.d[i] = 0;
    return r.v;
}
static OP(insertps_r)
{
    sse_check(cpu, op);
    uint32_t element = cpu->xmm[op->src].d[op->imm >> 6 & 3];
    xmm_set(cpu, op->dst, insert_element(xmm_get(cpu, op->dst), element, (unsigned)op->imm));
    NEXT;
}
static OP(insertps_m)
{
    sse_check(cpu, op);
    uint32_t element = ld32(cpu, op, ea_any(cpu, op, 4, false));
    xmm_set(cpu, op->dst, insert_element(xmm_get(cpu, op->dst), element, (unsigned)op->imm));
    NEXT;
}
static OP(v_insertps_r)
{
    avx_check(cpu, op);
    uint32_t element = cpu->xmm[op->src].d[op->imm >> 6 & 3];
    ymm_set128(cpu, op->dst, insert_element(xmm_get(cpu, op->vvvv), element, (unsigned)op->imm));
    NEXT;
}
static OP(v_insertps_m)
{
    avx_check(cpu, op);
    uint32_t element = ld32(cpu, op, ea_any(cpu, op, 4, false));
    ymm_set128(cpu, op->dst, insert_element(xmm_get(cpu, op->vvvv), element, (unsigned)op->imm));
    NEXT;
}
FAMILY_RM(fam_insertps, insertps_r, insertps_m);
FAMILY_V(fam_v_insertps, v_insertps);

/* ---------------------------------------------------------------- rounding to integers
 *
 * Computed with integers, because not every host has ROUNDPS. */

struct float_format {
    unsigned fraction, bias;
    uint64_t sign;
};

/* Is a magnitude between two integers rounded away from 0? rc: rounding control; half: -1, 0, 1 for below,
 * at, above the middle; `odd`: the lower integer is odd. */
static bool round_away(unsigned rc, bool negative, int half, bool odd)
{
    switch (rc) {
    case 0:
        return half > 0 || (half == 0 && odd);
    case 1:
        return negative;
    case 2:
        return !negative;
    default:
        return false;
    }
}

/* x as an integer of the same format. imm and *mx as in ROUNDPS: imm[3] no precision exception, imm[2]
 * rounding control from MXCSR instead of imm[1:0]. Raises only IE and PE. */
static uint64_t round_float(const struct float_format *f, uint64_t x, unsigned imm, uint32_t *mx)
{
    unsigned rc = imm & 4 ? *mx >> 13 & 3 : imm & 3;
    uint64_t magnitude = x & (f->sign - 1), sign = x & f->sign, one = (uint64_t)f->bias << f->fraction;
    uint64_t infinity = (uint64_t)(2 * f->bias + 1) << f->fraction, quiet = 1ull << (f->fraction - 1);
    unsigned inexact = imm & 8 ? 0 : MX_PE;
    if (magnitude > infinity) {
        if (!(x & quiet))
            *mx |= MX_IE;
        return x | quiet;
    }
    if (magnitude < 1ull << f->fraction && *mx & MX_DAZ)
        magnitude = 0;
    if (magnitude == 0)
        return sign;
    if (magnitude < one) {
        uint64_t middle = one - (1ull << f->fraction);
        *mx |= inexact;
        int half = (magnitude > middle) - (magnitude < middle);
        return sign | (round_away(rc, sign, half, false) ? one : 0);
    }
    unsigned exponent = (unsigned)(magnitude >> f->fraction) - f->bias;
    if (exponent >= f->fraction)
        return x;
    uint64_t unit = 1ull << (f->fraction - exponent), below = magnitude & ~(unit - 1),
             rest = magnitude & (unit - 1);
    if (!rest)
        return x;
    *mx |= inexact;
    /* With exponent 0 the unit bit is the lowest bit of the exponent field, which is odd like the bias. */
    int half = (rest > unit / 2) - (rest < unit / 2);
    return sign | (round_away(rc, sign, half, below & unit) ? below + unit : below);
}

static const struct float_format float32 = {23, 127, 1ull << 31}, float64 = {52, 1023, 1ull << 63};

#define ROUND(name, f, format, n, count)                                                                     \
    SIMD_INLINE vec do_##name(vec d, vec s, unsigned imm, uint32_t *mx)                                      \
    {                                                                                                        \
        union lanes x = {.v = d}, y = {.v = s};                                                              \
        for (unsigned i = 0; i < count; i++)                                                                 \
            x.f[i] = (typeof(x.f[0]))round_float(&format, y.f[i], imm, mx);                                  \
        return x.v;                                                                                          \
    }                                                                                                        \
    FP_OP(name, do_##name, n, R_NONE)

ROUND(roundps, d, float32, 16, 4)
ROUND(roundss, d, float32, 4, 1)
ROUND(roundpd, q, float64, 16, 2)
ROUND(roundsd, q, float64, 8, 1)

/* ---------------------------------------------------------------- dot products
 *
 * Three steps, each with its own exceptions: products of the elements that imm[7:4] selects, sums of
 * neighbours, and their sum. imm[3:0] selects the elements of the result that receive it. */

HOST_FN(host_mulps, "mulps")
HOST_FN(host_addps, "addps")
HOST_FN(host_mulpd, "mulpd")
HOST_FN(host_addsd, "addsd")

#define STEP(fn, kind, d, s)                                                                                 \
    ({                                                                                                       \
        uint32_t mx_ = fp_begin(cpu);                                                                        \
        vec d_ = d, s_ = s, r_ = fn(d_, s_, 0, &mx_);                                                        \
        fp_end(cpu, op, mx_, d_, s_, r_, kind);                                                              \
        r_;                                                                                                  \
    })

/* All ones in element i of n (2 or 4) where bit i is set. */
static inline vec lane_mask(unsigned bits, unsigned n)
{
    const vec bit = n == 4 ? _mm_setr_epi32(1, 2, 4, 8) : _mm_setr_epi32(1, 1, 2, 2);
    return _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32((int)bits), bit), bit);
}
/* Singles 0 and 2, or 1 and 3, as singles 0 and 1; and single 0 or 1 of such a pair alone. The others become zero. */
static inline vec even(vec v)
{
    return _mm_move_epi64(_mm_shuffle_epi32(v, 0x88));
}
static inline vec odd(vec v)
{
    return _mm_move_epi64(_mm_shuffle_epi32(v, 0xdd));
}
static inline vec first(vec pair)
{
    return _mm_srli_epi64(_mm_slli_epi64(pair, 32), 32);
}
static inline vec second(vec pair)
{
    return _mm_srli_epi64(pair, 32);
}

static void dpps(struct x86 *cpu, const struct op *op, vec s)
{
    vec in = lane_mask((unsigned)op->imm >> 4, 4), d = xmm_get(cpu, op->dst);
    vec p = STEP(host_mulps, R_PS | FP_MUL, _mm_and_si128(d, in), _mm_and_si128(s, in));
    /* 0 * 0 is +0 in every rounding mode, so elements left out are +0 too */
    vec sums = STEP(host_addps, R_PS | FP_ADD, even(p), odd(p));
    vec sum = STEP(host_addps, R_PS | FP_ADD, first(sums), second(sums));
    xmm_set(cpu, op->dst, _mm_and_si128(_mm_shuffle_epi32(sum, 0), lane_mask((unsigned)op->imm, 4)));
}
static void dppd(struct x86 *cpu, const struct op *op, vec s)
{
    vec in = lane_mask((unsigned)op->imm >> 4, 2), d = xmm_get(cpu, op->dst);
    vec p = STEP(host_mulpd, R_PD | FP_MUL, _mm_and_si128(d, in), _mm_and_si128(s, in));
    vec sum = STEP(host_addsd, R_SD | FP_ADD, p, _mm_unpackhi_epi64(p, p));
    xmm_set(cpu, op->dst, _mm_and_si128(_mm_unpacklo_epi64(sum, sum), lane_mask((unsigned)op->imm, 2)));
}
#define DOT(name)                                                                                            \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name(cpu, op, xmm_get(cpu, op->src));                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name(cpu, op, simd_load(cpu, op, ea_any(cpu, op, 16, false), 16));                                   \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_##name, name##_r, name##_m);
DOT(dpps)
DOT(dppd)

/* With VEX: DPPS of each half, whose exceptions of one step come together. */
struct halves {
    vec lo, hi;
};
static struct halves step2(struct x86 *cpu, const struct op *op, vec (*fn)(vec, vec, unsigned, uint32_t *),
                           enum fp_kind k, struct halves d, struct halves s)
{
    uint32_t mx = fp_begin(cpu);
    struct halves r = {fn(d.lo, s.lo, 0, &mx), _mm_setzero_si128()};
    if (is_256(op))
        r.hi = fn(d.hi, s.hi, 0, &mx);
    fp_end2(cpu, op, mx, d.lo, d.hi, s.lo, s.hi, r.lo, r.hi, k);
    return r;
}
static __attribute__((noinline)) void v_dpps(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    unsigned imm = (unsigned)op->imm;
    vec in = lane_mask(imm >> 4, 4), out = lane_mask(imm, 4);
    struct halves a = {_mm_and_si128(xmm_get(cpu, op->vvvv), in), _mm_and_si128(ymmh_get(cpu, op->vvvv), in)};
    struct halves b = {_mm_and_si128(s, in), _mm_and_si128(sh, in)};
    if (!is_256(op))
        a.hi = b.hi = _mm_setzero_si128();
    struct halves p = step2(cpu, op, host_mulps, R_PS | FP_MUL, a, b);
    struct halves sums = step2(cpu, op, host_addps, R_PS | FP_ADD, (struct halves){even(p.lo), even(p.hi)},
                               (struct halves){odd(p.lo), odd(p.hi)});
    struct halves sum =
        step2(cpu, op, host_addps, R_PS | FP_ADD, (struct halves){first(sums.lo), first(sums.hi)},
              (struct halves){second(sums.lo), second(sums.hi)});
    vec hi = is_256(op) ? _mm_and_si128(_mm_shuffle_epi32(sum.hi, 0), out) : _mm_setzero_si128();
    ymm_set(cpu, op->dst, _mm_and_si128(_mm_shuffle_epi32(sum.lo, 0), out), hi);
}
V_FORMS(v_dpps, v_dpps, 16)

static __attribute__((noinline)) void v_dppd(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    (void)sh;
    vec in = lane_mask((unsigned)op->imm >> 4, 2), d = xmm_get(cpu, op->vvvv);
    vec p = STEP(host_mulpd, R_PD | FP_MUL, _mm_and_si128(d, in), _mm_and_si128(s, in));
    vec sum = STEP(host_addsd, R_SD | FP_ADD, p, _mm_unpackhi_epi64(p, p));
    ymm_set128(cpu, op->dst, _mm_and_si128(_mm_unpacklo_epi64(sum, sum), lane_mask((unsigned)op->imm, 2)));
}
V_FORMS(v_dppd, v_dppd, 16)
