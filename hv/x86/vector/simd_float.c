/* simd_float.c - SSE, SSE2 and SSE3 floating-point arithmetic, comparison and conversion.
 *
 * Source: Intel SDM volume 1, 10.2.3 (MXCSR), 11.5 (exceptions) and appendix E; volume 2, the instruction
 * pages.
 *
 * IEEE 754 defines these operations to the last bit, so the host's results are valid for the guest. It does
 * not define RCPPS and RSQRTPS, which are computed with doubles here. */
#include "hv/x86/vector/simd.h"

/* Bit by bit: of `yes` where the mask has 1, of `no` elsewhere. */
SIMD_INLINE vec choose(vec mask, vec yes, vec no)
{
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

/* ---------------------------------------------------------------- arithmetic */

/* The four forms of an operation. `what`: FP_ADD and so on; 0 if the result can neither underflow nor
 * overflow. */
#define ARITH(name, what)                                                                                    \
    HOST_FN(host_##name##ps, #name "ps")                                                                     \
    HOST_FN(host_##name##ss, #name "ss")                                                                     \
    HOST_FN(host_##name##pd, #name "pd")                                                                     \
    HOST_FN(host_##name##sd, #name "sd")                                                                     \
    FP_OP(name##ps, host_##name##ps, 16, what ? R_PS | what : R_NONE)                                        \
    FP_OP(name##ss, host_##name##ss, 4, what ? R_SS | what : R_NONE)                                         \
    FP_OP(name##pd, host_##name##pd, 16, what ? R_PD | what : R_NONE)                                        \
    FP_OP(name##sd, host_##name##sd, 8, what ? R_SD | what : R_NONE)

ARITH(add, FP_ADD)
ARITH(sub, FP_SUB)
ARITH(mul, FP_MUL)
ARITH(div, FP_DIV)
ARITH(sqrt, 0)
ARITH(min, 0)
ARITH(max, 0)

/* Even elements subtracted, odd ones added. Elements that an operation does not apply to are 0 and raise
 * nothing. */
SIMD_INLINE vec host_addsubps(vec d, vec s, unsigned imm, uint32_t *mx)
{
    const vec odd = _mm_set_epi32(-1, 0, -1, 0);
    vec diff = host_subps(_mm_andnot_si128(odd, d), _mm_andnot_si128(odd, s), 0, mx);
    vec sum = host_addps(_mm_and_si128(odd, d), _mm_and_si128(odd, s), 0, mx);
    return choose(odd, sum, diff);
}
SIMD_INLINE vec host_addsubpd(vec d, vec s, unsigned imm, uint32_t *mx)
{
    const vec odd = _mm_set_epi32(-1, -1, 0, 0);
    vec diff = host_subpd(_mm_andnot_si128(odd, d), _mm_andnot_si128(odd, s), 0, mx);
    vec sum = host_addpd(_mm_and_si128(odd, d), _mm_and_si128(odd, s), 0, mx);
    return choose(odd, sum, diff);
}
FP_OP(addsubps, host_addsubps, 16, R_PS | FP_ADDSUB)
FP_OP(addsubpd, host_addsubpd, 16, R_PD | FP_ADDSUB)

/* Horizontal: even elements of d and s with the odd ones. */
#define PICK_PS(d, s, which) _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(d), _mm_castsi128_ps(s), which))
#define HORIZONTAL(name, op2, what)                                                                          \
    SIMD_INLINE vec host_##name##ps(vec d, vec s, unsigned imm, uint32_t *mx)                                \
    {                                                                                                        \
        return host_##op2##ps(PICK_PS(d, s, 0x88), PICK_PS(d, s, 0xdd), 0, mx);                              \
    }                                                                                                        \
    SIMD_INLINE vec host_##name##pd(vec d, vec s, unsigned imm, uint32_t *mx)                                \
    {                                                                                                        \
        return host_##op2##pd(_mm_unpacklo_epi64(d, s), _mm_unpackhi_epi64(d, s), 0, mx);                    \
    }                                                                                                        \
    FP_OP(name##ps, host_##name##ps, 16, R_PS | what)                                                        \
    FP_OP(name##pd, host_##name##pd, 16, R_PD | what)

HORIZONTAL(hadd, add, FP_HADD)
HORIZONTAL(hsub, sub, FP_HSUB)

/* ---------------------------------------------------------------- comparison */

/* CMPccPS and the like: the predicate is imm[2:0]. */
#define COMPARE(name, n)                                                                                     \
    HOST_FN(host_##name##_0, #name " $0,")                                                                   \
    HOST_FN(host_##name##_1, #name " $1,")                                                                   \
    HOST_FN(host_##name##_2, #name " $2,")                                                                   \
    HOST_FN(host_##name##_3, #name " $3,")                                                                   \
    HOST_FN(host_##name##_4, #name " $4,")                                                                   \
    HOST_FN(host_##name##_5, #name " $5,")                                                                   \
    HOST_FN(host_##name##_6, #name " $6,")                                                                   \
    HOST_FN(host_##name##_7, #name " $7,")                                                                   \
    SIMD_INLINE vec host_##name(vec d, vec s, unsigned imm, uint32_t *mx)                                    \
    {                                                                                                        \
        switch (imm & 7) {                                                                                   \
        case 0:                                                                                              \
            return host_##name##_0(d, s, 0, mx);                                                             \
        case 1:                                                                                              \
            return host_##name##_1(d, s, 0, mx);                                                             \
        case 2:                                                                                              \
            return host_##name##_2(d, s, 0, mx);                                                             \
        case 3:                                                                                              \
            return host_##name##_3(d, s, 0, mx);                                                             \
        case 4:                                                                                              \
            return host_##name##_4(d, s, 0, mx);                                                             \
        case 5:                                                                                              \
            return host_##name##_5(d, s, 0, mx);                                                             \
        case 6:                                                                                              \
            return host_##name##_6(d, s, 0, mx);                                                             \
        default:                                                                                             \
            return host_##name##_7(d, s, 0, mx);                                                             \
        }                                                                                                    \
    }                                                                                                        \
    FP_SSE(name, host_##name, n, R_NONE)

COMPARE(cmpps, 16)
COMPARE(cmppd, 16)
COMPARE(cmpss, 4)
COMPARE(cmpsd, 8)

/* With VEX there are 32 predicates (SDM volume 2, CMPPD, table 3-1): a set of relations, and whether quiet NaNs are invalid operands.
 * The latter is the case for 1, 2, 5 and 6 of each eight, and the other way round from 16 on. */
enum { REL_LT = 1, REL_EQ = 2, REL_GT = 4, REL_UN = 8 };
static const uint8_t relations[16] = {REL_EQ,
                                      REL_LT,
                                      REL_LT | REL_EQ,
                                      REL_UN,
                                      REL_LT | REL_GT | REL_UN,
                                      REL_EQ | REL_GT | REL_UN,
                                      REL_GT | REL_UN,
                                      REL_LT | REL_EQ | REL_GT,
                                      REL_EQ | REL_UN,
                                      REL_LT | REL_UN,
                                      REL_LT | REL_EQ | REL_UN,
                                      0,
                                      REL_LT | REL_GT,
                                      REL_EQ | REL_GT,
                                      REL_GT,
                                      REL_LT | REL_EQ | REL_GT | REL_UN};

/* `lanes`: all ones in the bits that are compared; the others are those of d. */
#define COMPARE_VEX(name, n, lanes)                                                                          \
    SIMD_INLINE vec compare_##name(vec d, vec s, unsigned imm, uint32_t *mx)                                 \
    {                                                                                                        \
        uint32_t no_flags = *mx;                                                                             \
        unsigned rel = relations[imm & 15];                                                                  \
        bool signals = (0x66 >> (imm & 7) & 1) != (imm >> 4 & 1);                                            \
        vec r = _mm_setzero_si128();                                                                         \
        if (signals)                                                                                         \
            host_##name##_1(d, s, 0, mx);                                                                    \
        else                                                                                                 \
            host_##name##_3(d, s, 0, mx);                                                                    \
        if (rel & REL_LT)                                                                                    \
            r = _mm_or_si128(r, host_##name##_1(d, s, 0, &no_flags));                                        \
        if (rel & REL_EQ)                                                                                    \
            r = _mm_or_si128(r, host_##name##_0(d, s, 0, &no_flags));                                        \
        if (rel & REL_GT)                                                                                    \
            r = _mm_or_si128(r, host_##name##_1(s, d, 0, &no_flags));                                        \
        if (rel & REL_UN)                                                                                    \
            r = _mm_or_si128(r, host_##name##_3(d, s, 0, &no_flags));                                        \
        return choose(lanes, r, d);                                                                          \
    }                                                                                                        \
    SIMD_INLINE vec vex_##name(vec d, vec s, unsigned imm, uint32_t *mx)                                     \
    {                                                                                                        \
        uint32_t m = *mx;                                                                                    \
        vec r = compare_##name(d, s, imm, &m);                                                               \
        *mx = m;                                                                                             \
        return r;                                                                                            \
    }                                                                                                        \
    V_FP(name, vex_##name, n, R_NONE)

COMPARE_VEX(cmpps, 16, _mm_set1_epi32(-1))
COMPARE_VEX(cmppd, 16, _mm_set1_epi32(-1))
COMPARE_VEX(cmpss, 4, _mm_set_epi32(0, 0, 0, -1))
COMPARE_VEX(cmpsd, 8, _mm_set_epi32(0, 0, -1, -1))

/* To EFLAGS: ZF, PF, CF; the others of FLAGS_ARITH become 0. */
#define COMPARE_FLAGS(name, n)                                                                               \
    SIMD_INLINE void name(struct x86 *cpu, const struct op *op, vec s)                                       \
    {                                                                                                        \
        int zf, pf, cf;                                                                                      \
        vec d = xmm_get(cpu, op->dst);                                                                       \
        uint32_t mx = fp_begin(cpu);                                                                         \
        __asm__ volatile("ldmxcsr %3\n\t" #name " %5, %4\n\tstmxcsr %3"                                      \
                         : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf), "+m"(mx)                                   \
                         : "x"(d), "x"(s));                                                                  \
        fp_end(cpu, op, mx, d, s, d, R_NONE);                                                                \
        cc_set(cpu, (zf ? FLAG_ZF : 0) | (pf ? FLAG_PF : 0) | (cf ? FLAG_CF : 0));                           \
    }                                                                                                        \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name(cpu, op, xmm_get(cpu, op->src));                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void name##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name(cpu, op, simd_load(cpu, op, simd_ea(cpu, op, how, n, false), n));                               \
    }                                                                                                        \
    MEM_FORMS(name, name##_mem)                                                                              \
    FAMILY_RMM(fam_##name, name);                                                                            \
    V_SAME_R(name)                                                                                           \
    V_SAME_M(name)                                                                                           \
    FAMILY_V(fam_v_##name, v_##name);

COMPARE_FLAGS(comiss, 4)
COMPARE_FLAGS(ucomiss, 4)
COMPARE_FLAGS(comisd, 8)
COMPARE_FLAGS(ucomisd, 8)

/* ---------------------------------------------------------------- conversion */

#define CONVERT(name, n, kind)                                                                               \
    HOST_FN(host_##name, #name)                                                                              \
    FP_SSE(name, host_##name, n, kind)
/* Lanes of one size, or a scalar. */
#define CONVERT_BOTH(name, n, kind)                                                                          \
    CONVERT(name, n, kind)                                                                                   \
    V_FP(name, host_##name, n, kind)
/* To lanes twice as large: with VEX each half of the result is made from 8 bytes. */
#define CONVERT_WIDE(name)                                                                                   \
    CONVERT(name, 8, R_NONE)                                                                                 \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s)                              \
    {                                                                                                        \
        uint32_t mx = fp_begin(cpu);                                                                         \
        vec r = host_##name(s, s, 0, &mx), high = _mm_unpackhi_epi64(s, s), rh = _mm_setzero_si128();        \
        if (is_256(op))                                                                                      \
            rh = host_##name(high, high, 0, &mx);                                                            \
        fp_end2(cpu, op, mx, s, high, s, high, r, rh, R_NONE);                                               \
        ymm_set(cpu, op->dst, r, rh);                                                                        \
    }                                                                                                        \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name##_do(cpu, op, xmm_get(cpu, op->src));                                                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        if (is_256(op))                                                                                      \
            v_##name##_do(cpu, op, simd_load16u(cpu, op, ea_any(cpu, op, 16, false)));                       \
        else                                                                                                 \
            v_##name##_do(cpu, op, simd_load(cpu, op, ea_any(cpu, op, 8, false), 8));                        \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_v_##name, v_##name);
/* To lanes half as large: the result is 64 or 128 bits. */
#define CONVERT_NARROW(name, kind)                                                                           \
    CONVERT(name, 16, kind)                                                                                  \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                      \
    {                                                                                                        \
        uint32_t mx = fp_begin(cpu);                                                                         \
        vec r = host_##name(s, s, 0, &mx), rh = _mm_setzero_si128();                                         \
        if (is_256(op)) {                                                                                    \
            rh = host_##name(sh, sh, 0, &mx);                                                                \
            fp_end2(cpu, op, mx, s, sh, s, sh, r, rh, kind);                                                 \
        } else {                                                                                             \
            fp_end(cpu, op, mx, s, s, r, kind);                                                              \
        }                                                                                                    \
        ymm_set128(cpu, op->dst, _mm_unpacklo_epi64(r, rh));                                                 \
    }                                                                                                        \
    V_FORMS(v_##name, v_##name##_do, 16)

CONVERT_WIDE(cvtps2pd)
CONVERT_NARROW(cvtpd2ps, R_PS | FP_NARROW)
CONVERT_BOTH(cvtss2sd, 4, R_NONE)
CONVERT_BOTH(cvtsd2ss, 8, R_SS | FP_NARROW)
CONVERT_BOTH(cvtdq2ps, 16, R_NONE)
CONVERT_BOTH(cvtps2dq, 16, R_NONE)
CONVERT_BOTH(cvttps2dq, 16, R_NONE)
CONVERT_WIDE(cvtdq2pd)
CONVERT_NARROW(cvtpd2dq, R_NONE)
CONVERT_NARROW(cvttpd2dq, R_NONE)

/* Handlers by size of the general operand: see FAMILY_Y. */
#define FAMILY_Y(fam, name)                                                                                  \
    const struct family fam = {{{name##32_r, name##32_r, name##32_r, name##64_r},                            \
                                {name##32_m, name##32_m, name##32_m, name##64_m},                            \
                                {name##32_m64, name##32_m64, name##32_m64, name##64_m64}}}

/* Converts a general register or memory to a scalar. */
#define FROM_INT(name, bits, suffix)                                                                         \
    SIMD_INLINE vec name##bits##_of(struct x86 *cpu, const struct op *op, vec d, uint64_t s)                 \
    {                                                                                                        \
        uint32_t mx = fp_begin(cpu);                                                                         \
        __asm__ volatile("ldmxcsr %1\n\t" #name suffix ", %0\n\tstmxcsr %1" : "+x"(d), "+m"(mx) : "r"(s));   \
        fp_end(cpu, op, mx, d, d, d, R_NONE);                                                                \
        return d;                                                                                            \
    }                                                                                                        \
    SIMD_INLINE void name##bits(struct x86 *cpu, const struct op *op, uint64_t s)                            \
    {                                                                                                        \
        xmm_set(cpu, op->dst, name##bits##_of(cpu, op, xmm_get(cpu, op->dst), s));                           \
    }                                                                                                        \
    static OP(v_##name##bits##_r)                                                                            \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        ymm_set128(cpu, op->dst, name##bits##_of(cpu, op, xmm_get(cpu, op->vvvv), R##bits(op->src)));        \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##bits##_m)                                                                            \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        uint64_t s = ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false));                                    \
        ymm_set128(cpu, op->dst, name##bits##_of(cpu, op, xmm_get(cpu, op->vvvv), s));                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##bits##_r)                                                                                \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##bits(cpu, op, R##bits(op->src));                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void name##bits##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##bits(cpu, op, ld##bits(cpu, op, simd_ea(cpu, op, how, bits / 8, false)));                      \
    }                                                                                                        \
    MEM_FORMS(name##bits, name##bits##_mem)

FROM_INT(cvtsi2ss, 32, "l %k2")
FROM_INT(cvtsi2ss, 64, "q %q2")
FROM_INT(cvtsi2sd, 32, "l %k2")
FROM_INT(cvtsi2sd, 64, "q %q2")
FAMILY_Y(fam_cvtsi2ss, cvtsi2ss);
FAMILY_Y(fam_cvtsi2sd, cvtsi2sd);
FAMILY_VY(fam_v_cvtsi2ss, v_cvtsi2ss);
FAMILY_VY(fam_v_cvtsi2sd, v_cvtsi2sd);

/* Converts a scalar of n bytes to a general register. */
#define TO_INT(name, n, bits, reg)                                                                           \
    SIMD_INLINE void name##bits(struct x86 *cpu, const struct op *op, vec s)                                 \
    {                                                                                                        \
        uint64_t r;                                                                                          \
        uint32_t mx = fp_begin(cpu);                                                                         \
        __asm__ volatile("ldmxcsr %1\n\t" #name " %2, " reg "\n\tstmxcsr %1" : "=r"(r), "+m"(mx) : "x"(s));  \
        fp_end(cpu, op, mx, s, s, s, R_NONE);                                                                \
        SET##bits(op->dst, r);                                                                               \
    }                                                                                                        \
    static OP(name##bits##_r)                                                                                \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##bits(cpu, op, xmm_get(cpu, op->src));                                                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void name##bits##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##bits(cpu, op, simd_load(cpu, op, simd_ea(cpu, op, how, n, false), n));                         \
    }                                                                                                        \
    MEM_FORMS(name##bits, name##bits##_mem)                                                                  \
    V_SAME_R(name##bits)                                                                                     \
    V_SAME_M(name##bits)
#define TO_INT_BOTH(name, n)                                                                                 \
    TO_INT(name, n, 32, "%k0")                                                                               \
    TO_INT(name, n, 64, "%q0")                                                                               \
    FAMILY_Y(fam_##name, name);                                                                              \
    FAMILY_VY(fam_v_##name, v_##name);

TO_INT_BOTH(cvtss2si, 4)
TO_INT_BOTH(cvttss2si, 4)
TO_INT_BOTH(cvtsd2si, 8)
TO_INT_BOTH(cvttsd2si, 8)

/* ---------------------------------------------------------------- approximations
 *
 * Real processors differ in these; the SDM only bounds the relative error by 1.5 * 2^-12. Here the result is
 * the exact value rounded to 13 significant bits: an error of at most 2^-13. Neither depends on MXCSR:
 * denormal operands count as 0, tiny results are 0, and no flag is raised. */

enum { APPROX_BITS = 12 }; /* of the fraction */
/* Parts of a single, the least normal one, and 1. */
enum { SIGN = INT32_MIN, EXPONENT = 0x7f800000, QUIET = 0x400000, LEAST = 0x800000, ONE = 0x3f800000 };

/* 2^13 / y, or 2^13 / sqrt(y), rounded to whole numbers from 2^12 to 2^13, for four singles y in [1, 2) or [1, 4). No quotient is so close to
 * halfway between two whole numbers that the error of doubles could change the result. */
SIMD_INLINE vec approx_quotients(vec y, bool root)
{
    const __m128 f = _mm_castsi128_ps(y);
    const __m128d dividend = _mm_set1_pd(root ? 0x1p26 : 0x1p13), half = _mm_set1_pd(.5);
    __m128d low = _mm_div_pd(dividend, _mm_cvtps_pd(f)),
            high = _mm_div_pd(dividend, _mm_cvtps_pd(_mm_movehl_ps(f, f)));
    if (root) {
        low = _mm_sqrt_pd(low);
        high = _mm_sqrt_pd(high);
    }
    return _mm_unpacklo_epi64(_mm_cvttpd_epi32(_mm_add_pd(low, half)),
                              _mm_cvttpd_epi32(_mm_add_pd(high, half)));
}

/* q / 2^12 * 2^exponent, of quotients q and biased exponents in bits 23 to 30. A q of 2^13 adds one to the exponent. */
SIMD_INLINE vec approx_scale(vec q, vec exponent)
{
    const vec fraction = _mm_sub_epi32(q, _mm_set1_epi32(1 << APPROX_BITS));
    return _mm_add_epi32(exponent, _mm_slli_epi32(fraction, 23 - APPROX_BITS));
}

/* Singles in [1, 2): those with these fractions. */
SIMD_INLINE vec approx_fraction(vec size)
{
    return choose(_mm_set1_epi32(EXPONENT), _mm_set1_epi32(ONE), size);
}
/* The results `r` for operands x of these sizes, but where x is a NaN, which becomes quiet. */
SIMD_INLINE vec approx_or_nan(vec x, vec size, vec r)
{
    return choose(_mm_cmpgt_epi32(size, _mm_set1_epi32(EXPONENT)), _mm_or_si128(x, _mm_set1_epi32(QUIET)), r);
}

SIMD_INLINE vec do_rcpps(vec d, vec x, unsigned imm)
{
    const vec sign = _mm_and_si128(x, _mm_set1_epi32(SIGN)), size = _mm_xor_si128(x, sign);
    const vec infinity = _mm_set1_epi32(EXPONENT), least = _mm_set1_epi32(LEAST);
    const vec q = approx_quotients(approx_fraction(size), false);
    vec r = approx_scale(q, _mm_sub_epi32(_mm_set1_epi32(253 << 23), _mm_and_si128(x, infinity)));
    r = _mm_andnot_si128(_mm_cmplt_epi32(r, least), r); /* a tiny result is 0, and so is that of infinity */
    r = choose(_mm_cmplt_epi32(size, least), infinity, r);
    return approx_or_nan(x, size, _mm_or_si128(r, sign));
}

SIMD_INLINE vec do_rsqrtps(vec d, vec x, unsigned imm)
{
    const vec sign = _mm_and_si128(x, _mm_set1_epi32(SIGN)), size = _mm_xor_si128(x, sign);
    const vec infinity = _mm_set1_epi32(EXPONENT), least = _mm_set1_epi32(LEAST);
    /* x = y * 4^(h - 64): the exponent of y is 0 or 1 */
    const vec h = _mm_srli_epi32(_mm_add_epi32(size, least), 24);
    const vec y = _mm_add_epi32(approx_fraction(size), _mm_andnot_si128(x, least));
    vec r =
        approx_scale(approx_quotients(y, true), _mm_slli_epi32(_mm_sub_epi32(_mm_set1_epi32(190), h), 23));
    r = _mm_andnot_si128(_mm_cmpeq_epi32(size, infinity), r);
    r = choose(_mm_srai_epi32(x, 31), _mm_set1_epi32(SIGN | EXPONENT | QUIET), r);
    r = choose(_mm_cmplt_epi32(size, least), _mm_or_si128(infinity, sign), r);
    return approx_or_nan(x, size, r);
}

/* The lowest lane of s, the others of d. */
SIMD_INLINE vec first_of(vec d, vec s)
{
    return _mm_castps_si128(_mm_move_ss(_mm_castsi128_ps(d), _mm_castsi128_ps(s)));
}
SIMD_INLINE vec do_rcpss(vec d, vec s, unsigned imm)
{
    return first_of(d, do_rcpps(d, s, imm));
}
SIMD_INLINE vec do_rsqrtss(vec d, vec s, unsigned imm)
{
    return first_of(d, do_rsqrtps(d, s, imm));
}
XMM_OP(rcpps, do_rcpps)
XMM_OP(rsqrtps, do_rsqrtps)
XMM_OPN(rcpss, do_rcpss, 4)
V_OPN(rcpss, do_rcpss, 4)
XMM_OPN(rsqrtss, do_rsqrtss, 4)
V_OPN(rsqrtss, do_rsqrtss, 4)
