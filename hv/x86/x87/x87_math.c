/* x87_math.c - the transcendental instructions, with 128-bit integers.
 *
 * Source: Intel SDM volume 1, chapter 8.3.8 to 8.3.10 (operand ranges, the 66-bit pi of argument reduction);
 * volume 2, the tables of special operands of F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS.
 *
 * Method: reduce the argument, evaluate a Taylor series in fixed point with 127 fraction bits, continue in
 * `struct wide` (a floating-point number of 128 bits), and round once. The error before rounding is below
 * 2^-110 of the result, so results are within 0.51 units of the last place. Results that the SDM leaves
 * undefined (operands out of range) are documented at each function. */
#include "hv/x86/x87/x87_fast.h"

typedef unsigned __int128 u128;

/* sig * 2^(exp - 127), bit 127 of sig set, or sig 0. */
struct wide {
    u128 sig;
    int exp;
    bool sign;
};

#define K(hi, lo) ((u128)(hi) << 64 | (lo))
#define ONE       ((u128)1 << 127) /* 1.0 with 127 fraction bits */

enum { EXP_SPECIAL = 0x7fff };

/* ---------------------------------------------------------------- tables: fixed point, 127 fraction bits */

/* 1/(2k+1)! */
static const u128 sin_coef[] = {
    K(0x8000000000000000, 0x0000000000000000), K(0x1555555555555555, 0x5555555555555555),
    K(0x0111111111111111, 0x1111111111111111), K(0x0006806806806806, 0x8068068068068068),
    K(0x0000171de3a556c7, 0x338faac1c88e5001), K(0x00000035cc8acfea, 0x89c71fce8fc97070),
    K(0x000000005849184e, 0xa1b425f28e0cc749), K(0x00000000006b9fcf, 0x9ccee07c476195ac),
    K(0x000000000000654b, 0x1dc0c2b529ac9814), K(0x000000000000004b, 0xd26d1a05055c9328),
    K(0x0000000000000000, 0x2e371dedb9eae318), K(0x0000000000000000, 0x001761b41316381a),
    K(0x0000000000000000, 0x000009f9e66e8b30), K(0x0000000000000000, 0x00000003a356385c),
    K(0x0000000000000000, 0x0000000001259f99),
};

/* 1/(2k)! */
static const u128 cos_coef[] = {
    K(0x8000000000000000, 0x0000000000000000), K(0x4000000000000000, 0x0000000000000000),
    K(0x0555555555555555, 0x5555555555555555), K(0x002d82d82d82d82d, 0x82d82d82d82d82d8),
    K(0x0000d00d00d00d00, 0xd00d00d00d00d00d), K(0x0000024fc9f6ef13, 0xeb8e5de02da7d4cd),
    K(0x000000047bb63bfe, 0x3625ed5136a61eb4), K(0x00000000064e5d2a, 0x301f27482eb7c517),
    K(0x000000000006b9fc, 0xf9ccee07c476195b), K(0x00000000000005a0, 0x9e18ee5f65deec01),
    K(0x0000000000000003, 0xca8574804044a0f5), K(0x0000000000000000, 0x0219c72db6ff0a53),
    K(0x0000000000000000, 0x0000f96780cb97ac), K(0x0000000000000000, 0x000000623a17f1a9),
    K(0x0000000000000000, 0x000000002143144c),
};

/* 1/(k+1)! */
static const u128 exp_coef[] = {
    K(0x8000000000000000, 0x0000000000000000), K(0x4000000000000000, 0x0000000000000000),
    K(0x1555555555555555, 0x5555555555555555), K(0x0555555555555555, 0x5555555555555555),
    K(0x0111111111111111, 0x1111111111111111), K(0x002d82d82d82d82d, 0x82d82d82d82d82d8),
    K(0x0006806806806806, 0x8068068068068068), K(0x0000d00d00d00d00, 0xd00d00d00d00d00d),
    K(0x0000171de3a556c7, 0x338faac1c88e5001), K(0x0000024fc9f6ef13, 0xeb8e5de02da7d4cd),
    K(0x00000035cc8acfea, 0x89c71fce8fc97070), K(0x000000047bb63bfe, 0x3625ed5136a61eb4),
    K(0x000000005849184e, 0xa1b425f28e0cc749), K(0x00000000064e5d2a, 0x301f27482eb7c517),
    K(0x00000000006b9fcf, 0x9ccee07c476195ac), K(0x000000000006b9fc, 0xf9ccee07c476195b),
    K(0x000000000000654b, 0x1dc0c2b529ac9814), K(0x00000000000005a0, 0x9e18ee5f65deec01),
    K(0x000000000000004b, 0xd26d1a05055c9328), K(0x0000000000000003, 0xca8574804044a0f5),
    K(0x0000000000000000, 0x2e371dedb9eae318), K(0x0000000000000000, 0x0219c72db6ff0a53),
    K(0x0000000000000000, 0x001761b41316381a), K(0x0000000000000000, 0x0000f96780cb97ac),
    K(0x0000000000000000, 0x000009f9e66e8b30), K(0x0000000000000000, 0x000000623a17f1a9),
    K(0x0000000000000000, 0x00000003a356385c), K(0x0000000000000000, 0x000000002143144c),
    K(0x0000000000000000, 0x0000000001259f99), K(0x0000000000000000, 0x000000000009c996),
    K(0x0000000000000000, 0x00000000000050d3),
};

/* 1/(2k+1) */
static const u128 odd_coef[] = {
    K(0x8000000000000000, 0x0000000000000000), K(0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab),
    K(0x1999999999999999, 0x999999999999999a), K(0x1249249249249249, 0x2492492492492492),
    K(0x0e38e38e38e38e38, 0xe38e38e38e38e38e), K(0x0ba2e8ba2e8ba2e8, 0xba2e8ba2e8ba2e8c),
    K(0x09d89d89d89d89d8, 0x9d89d89d89d89d8a), K(0x0888888888888888, 0x8888888888888889),
    K(0x0787878787878787, 0x8787878787878788), K(0x06bca1af286bca1a, 0xf286bca1af286bca),
    K(0x0618618618618618, 0x6186186186186186), K(0x0590b21642c8590b, 0x21642c8590b21643),
    K(0x051eb851eb851eb8, 0x51eb851eb851eb85), K(0x04bda12f684bda12, 0xf684bda12f684bda),
    K(0x0469ee58469ee584, 0x69ee58469ee5846a), K(0x0421084210842108, 0x4210842108421084),
    K(0x03e0f83e0f83e0f8, 0x3e0f83e0f83e0f84), K(0x03a83a83a83a83a8, 0x3a83a83a83a83a84),
    K(0x03759f22983759f2, 0x2983759f2298375a), K(0x0348348348348348, 0x3483483483483483),
    K(0x031f3831f3831f38, 0x31f3831f3831f383), K(0x02fa0be82fa0be82, 0xfa0be82fa0be82fa),
    K(0x02d82d82d82d82d8, 0x2d82d82d82d82d83), K(0x02b9310572620ae4, 0xc415c9882b931057),
    K(0x029cbc14e5e0a72f, 0x05397829cbc14e5e), K(0x0282828282828282, 0x8282828282828283),
    K(0x026a439f656f1826, 0xa439f656f1826a44),
};

/* atan(k/16) */
static const u128 atan_16th[] = {
    K(0x0000000000000000, 0x0000000000000000), K(0x07fd56edcb3f7a71, 0xb6593c96e071706b),
    K(0x0feadd4d5617b6e3, 0x2c897989f3e888ef), K(0x17b97b4bce5b0226, 0x8f6169f103938e91),
    K(0x1f5b75f92c80dd62, 0xadb8f3debef442fd), K(0x26c4ee6e0fd7979a, 0x716aed26349ebcca),
    K(0x2dec3283c9bde11c, 0xe2a8c848b73f9121), K(0x34c9dd879847f96d, 0x909f257a40079c4e),
    K(0x3b58ce0ac3769ed1, 0x5bf9117b2f0ea341), K(0x4195fa536cc33f15, 0x25b504e5b0d28ae0),
    K(0x47802eaf7bfacfcd, 0xae41af0b32e21ba4), K(0x4d17c07338deed10, 0x21137c711027f9de),
    K(0x525e3e8c9a7b8492, 0x0cd43f9522bed64f), K(0x5756261c5a6c6040, 0x0a392f179f290385),
    K(0x5c029f15e118cf39, 0xe596d2a90852221f), K(0x606742dc56293320, 0x44eeb16237497d12),
    K(0x6487ed5110b4611a, 0x62633145c06e0e69),
};

static const struct wide wide_pi = {K(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), 1, false};
static const struct wide wide_pi_2 = {K(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), 0, false};
static const struct wide wide_pi_4 = {K(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), -1, false};
static const struct wide wide_3pi_4 = {K(0x96cbe3f9990e91a7, 0x9394c9e8a0a5159d), 1, false};
static const struct wide wide_ln2 = {K(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), -1, false};
static const struct wide wide_2_ln2 = {K(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89), 1, false}; /* 2 / ln 2 */

/* ---------------------------------------------------------------- 128-bit arithmetic */

/* Returns the upper half of the 256-bit product; *lo gets the lower half. */
__attribute__((always_inline)) static inline u128 mul_wide(u128 a, u128 b, u128 *lo)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    u128 p00 = (u128)a0 * b0, p01 = (u128)a0 * b1, p10 = (u128)a1 * b0, p11 = (u128)a1 * b1;
    u128 mid = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    *lo = mid << 64 | (uint64_t)p00;
    return p11 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
}

/* Fixed-point product, 127 fraction bits. */
static u128 mulq(u128 a, u128 b)
{
    u128 lo, hi = mul_wide(a, b, &lo);
    return hi << 1 | lo >> 127;
}

static unsigned clz128(u128 v)
{
    uint64_t hi = (uint64_t)(v >> 64);
    return hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
}

static struct wide wide_norm(u128 sig, int exp, bool sign)
{
    if (!sig)
        return (struct wide){0, 0, sign};
    unsigned shift = clz128(sig);
    return (struct wide){sig << shift, exp - (int)shift, sign};
}

static struct wide wide_from_num(struct num a)
{
    return (struct wide){(u128)a.sig << 64, a.exp, a.sign};
}
static struct wide wide_from_q(u128 v)
{
    return wide_norm(v, 0, false);
}

/* |a|, less than 2, as fixed point. */
static u128 wide_to_q(struct wide a)
{
    return a.exp < -127 ? 0 : a.sig >> -a.exp;
}

static struct wide wide_mul(struct wide a, struct wide b)
{
    u128 lo, hi = mul_wide(a.sig, b.sig, &lo);
    bool sign = a.sign ^ b.sign;
    if (hi >> 127)
        return (struct wide){hi, a.exp + b.exp + 1, sign};
    return (struct wide){hi << 1 | lo >> 127, a.exp + b.exp, sign};
}

/* A digit of 64 bits of (*rest * 2^64 + next) / by, where *rest < by, and bit 127 of `by` is set. *rest becomes the remainder. An
 * estimate by the upper halves is at most 2 too large (Knuth, The Art of Computer Programming, volume 2, 4.3.1). */
static uint64_t wide_digit(u128 *rest, uint64_t next, u128 by)
{
    const uint64_t hi = (uint64_t)(*rest >> 64), lo = (uint64_t)*rest, top = (uint64_t)(by >> 64);
    uint64_t q = ~0ull, left_hi;
    bool over = false; /* what the estimate leaves has a 129th bit */
    if (hi < top)
        q = x87_divide(hi, lo, top, &left_hi);
    else
        over = __builtin_add_overflow(lo, top, &left_hi);
    u128 left = K(left_hi, next), taken = (u128)q * (uint64_t)by;
    for (; !over && taken > left; q--) {
        taken -= (uint64_t)by;
        over = __builtin_add_overflow(left, (u128)top << 64, &left);
    }
    *rest = left - taken;
    return q;
}

static struct wide wide_div(struct wide a, struct wide b)
{
    const bool less = a.sig < b.sig;
    u128 rest = less ? a.sig : a.sig >> 1;
    const uint64_t hi = wide_digit(&rest, less ? 0 : (uint64_t)a.sig << 63, b.sig);
    const uint64_t lo = wide_digit(&rest, 0, b.sig);
    return (struct wide){K(hi, lo), a.exp - b.exp - less, a.sign ^ b.sign};
}

static struct wide wide_add(struct wide a, struct wide b)
{
    if (!a.sig)
        return b;
    if (!b.sig)
        return a;
    if (b.exp > a.exp || (b.exp == a.exp && b.sig > a.sig)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    unsigned d = a.exp - b.exp;
    u128 y = d > 127 ? 0 : b.sig >> d;
    if (a.sign != b.sign) {
        y += d > 127; /* some bit was shifted out */
        return wide_norm(a.sig - y, a.exp, a.sign);
    }
    u128 sum = a.sig + y;
    if (sum < y)
        return (struct wide){sum >> 1 | ONE, a.exp + 1, a.sign};
    return (struct wide){sum, a.exp, a.sign};
}

static struct wide wide_sub(struct wide a, struct wide b)
{
    b.sign = !b.sign;
    return wide_add(a, b);
}

/* The result of an instruction. Processors do not distinguish exact results: all are flagged as inexact. */
static unsigned round_wide(unsigned cw, struct wide a, struct fpreg *r)
{
    return num_round(cw, 64, a.sign, a.exp, (uint64_t)(a.sig >> 64), (uint64_t)a.sig | 1, r);
}

static u128 below_one(u128 v)
{
    return v == ONE ? v - 1 : v;
}

/* In the series z is less than 1, so twice z has 128 bits, and the upper half of a product with it is mulq() of z: without the shift,
 * for which the next step would wait. */
__attribute__((always_inline)) static inline u128 mul_high(u128 a, u128 b)
{
    u128 lo;
    return mul_wide(a, b, &lo);
}

/* c[0] - z*(c[1] - z*(c[2] - …)); less than c[0] = 1 even if z underflows. */
static u128 series_alternating(const u128 *c, unsigned n, u128 z)
{
    u128 v = c[--n];
    while (n)
        v = c[--n] - mul_high(z << 1, v);
    return below_one(v);
}

static u128 series(const u128 *c, unsigned n, u128 z)
{
    u128 v = c[--n];
    while (n)
        v = c[--n] + mul_high(z << 1, v);
    return v;
}

#define SIZE(t) (sizeof(t) / sizeof(t)[0])

/* ---------------------------------------------------------------- special results */

static unsigned give_invalid(struct fpreg *r)
{
    *r = fpreg_indefinite();
    return SW_IE;
}
static unsigned give_inf(bool sign, unsigned flags, struct fpreg *r)
{
    *r = fpreg_make(sign, EXP_SPECIAL, 1ull << 63);
    return flags;
}
static unsigned give_zero(bool sign, unsigned flags, struct fpreg *r)
{
    *r = fpreg_make(sign, 0, 0);
    return flags;
}
static unsigned give_num(struct num a, unsigned flags, struct fpreg *r)
{
    *r = fpreg_make(a.sign, a.exp + X87_BIAS, a.sig);
    return flags;
}
static unsigned give_wide(unsigned cw, struct wide a, bool sign, unsigned flags, struct fpreg *r)
{
    a.sign = sign;
    return flags | round_wide(cw, a, r);
}

static unsigned denormal2(struct num a, struct num b)
{
    return a.denormal || b.denormal ? SW_DE : 0;
}
/* |a| is 1. */
static bool is_one(struct num a)
{
    return a.exp == 0 && a.sig == 1ull << 63;
}

/* ---------------------------------------------------------------- 2^x - 1 */

/* Beyond [-1, 1] (undefined) the result is the operand, inexact, as on Intel's and AMD's processors. */
unsigned num_2xm1(unsigned cw, struct num a, struct fpreg *r)
{
    if (num_is_nan(a))
        return num_nan(a, a, r);
    if (a.cls == NUM_ZERO)
        return give_zero(a.sign, 0, r);
    if (a.cls == NUM_INF) {
        if (!a.sign)
            return give_inf(false, 0, r);
        *r = fpreg_make(true, X87_BIAS, 1ull << 63);
        return 0;
    }
    unsigned flags = a.denormal ? SW_DE : 0;
    if (is_one(a)) { /* 1 or -1/2 */
        *r = fpreg_make(a.sign, X87_BIAS - a.sign, 1ull << 63);
        return flags | SW_PE;
    }
    if (a.exp >= 0)
        return give_num(a, flags | SW_PE, r);
    struct wide t = wide_mul(wide_from_num(a), wide_ln2);
    u128 z = wide_to_q(t);
    u128 s = a.sign ? series_alternating(exp_coef, SIZE(exp_coef), z) : series(exp_coef, SIZE(exp_coef), z);
    return flags | round_wide(cw, wide_mul(t, wide_from_q(s)), r);
}

/* ---------------------------------------------------------------- logarithms */

/* log2((1 + s) / (1 - s)), |s| < 0.18. */
static struct wide log2_ratio(struct wide s)
{
    u128 z = wide_to_q(wide_mul(s, s));
    return wide_mul(wide_mul(s, wide_from_q(series(odd_coef, SIZE(odd_coef), z))), wide_2_ln2);
}

static struct wide wide_from_int(int v)
{
    return wide_norm((u128)(unsigned)(v < 0 ? -v : v), 127, v < 0);
}

/* log2(x), x > 0 and not a power of 2. */
static struct wide log2_wide(struct wide x)
{
    int k = x.exp;
    const u128 sqrt2 = K(0xb504f333f9de6484, 0);
    x.exp = 0;
    if (x.sig > sqrt2) {
        x.exp = -1;
        k++;
    }
    const struct wide one = {ONE, 0, false};
    struct wide s = wide_div(wide_sub(x, one), wide_add(x, one));
    return wide_add(log2_ratio(s), wide_from_int(k));
}

/* Handles special operands of b * L, where L is the logarithm: l_sign is its sign; l_zero and l_inf tell if
 * it is 0 or infinite. True if the operands were special. */
static bool log_special(struct num b, bool l_sign, bool l_zero, bool l_inf, unsigned flags, struct fpreg *r,
                        unsigned *result)
{
    bool sign = b.sign ^ l_sign;
    if (b.cls == NUM_INF || l_inf) {
        bool bad = b.cls == NUM_ZERO || l_zero;
        *result = bad ? give_invalid(r) : give_inf(sign, flags, r);
        return true;
    }
    if (b.cls == NUM_ZERO || l_zero) {
        *result = give_zero(sign, flags, r);
        return true;
    }
    return false;
}

unsigned num_yl2x(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    unsigned flags = denormal2(a, b), result;
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (a.cls == NUM_ZERO) {
        if (b.cls == NUM_ZERO)
            return give_invalid(r);
        return give_inf(!b.sign, b.cls == NUM_INF ? 0 : SW_ZE, r);
    }
    if (a.sign)
        return give_invalid(r);
    bool one = a.cls == NUM_FINITE && is_one(a);
    if (log_special(b, a.cls == NUM_FINITE && a.exp < 0, one, a.cls == NUM_INF, flags, r, &result))
        return result;
    if (a.sig == 1ull << 63) { /* the logarithm is an integer, and the product may be exact */
        struct wide p = wide_mul(wide_from_num(b), wide_from_int(a.exp));
        flags |= num_round(cw, 64, p.sign, p.exp, (uint64_t)(p.sig >> 64), (uint64_t)p.sig, r);
        return flags | SW_PE | (r->exp & 0x7fff ? 0 : SW_UE);
    }
    return flags | round_wide(cw, wide_mul(wide_from_num(b), log2_wide(wide_from_num(a))), r);
}

/* The operand is meant to be within 1 - sqrt(1/2) of 0. Beyond that (undefined), the result is the
 * mathematical value if there is one, else invalid. */
unsigned num_yl2xp1(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    unsigned flags = denormal2(a, b), result;
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (a.cls != NUM_ZERO && a.sign && (a.cls == NUM_INF || a.exp >= 0))
        return give_invalid(r);
    if (log_special(b, a.sign, a.cls == NUM_ZERO, a.cls == NUM_INF, flags, r, &result))
        return result;
    const struct wide one = {ONE, 0, false}, two = {ONE, 1, false};
    struct wide x = wide_from_num(a), l;
    if (a.exp < -2) {
        l = log2_ratio(wide_div(x, wide_add(x, two)));
    } else {
        struct wide x1 = wide_add(x, one);
        l = x1.sig == ONE ? wide_from_int(x1.exp) : log2_wide(x1);
    }
    return flags | round_wide(cw, wide_mul(wide_from_num(b), l), r);
}

/* ---------------------------------------------------------------- arctangent */

/* atan of t < 1/31: t * (1 - t^2/3 + …). */
static struct wide atan_small(struct wide t)
{
    u128 z = wide_to_q(wide_mul(t, t));
    return wide_mul(t, wide_from_q(series_alternating(odd_coef, 15, z)));
}

/* atan of 0 < t <= 1. */
static struct wide atan_unit(struct wide t)
{
    if (t.exp >= 0)
        return wide_pi_4;
    u128 q = wide_to_q(t);
    unsigned i = (unsigned)((q >> 122) + 1) >> 1; /* the nearest sixteenth */
    if (i == 0)
        return atan_small(t);
    /* atan(t) = atan(c) + atan((t - c) / (1 + t c)) */
    u128 c = (u128)i << 123;
    bool less = q < c;
    struct wide num = wide_from_q(less ? c - q : q - c), base = wide_from_q(atan_16th[i]);
    if (!num.sig)
        return base;
    struct wide d = atan_small(wide_div(num, wide_from_q(ONE + mulq(q, c))));
    d.sign = less;
    return wide_add(base, d);
}

unsigned num_patan(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    unsigned flags = denormal2(a, b);
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (b.cls == NUM_ZERO || (a.cls == NUM_INF && b.cls != NUM_INF)) {
        if (!a.sign)
            return give_zero(b.sign, flags, r);
        return give_wide(cw, wide_pi, b.sign, flags, r);
    }
    if (b.cls == NUM_INF && a.cls == NUM_INF)
        return give_wide(cw, a.sign ? wide_3pi_4 : wide_pi_4, b.sign, flags, r);
    if (b.cls == NUM_INF || a.cls == NUM_ZERO)
        return give_wide(cw, wide_pi_2, b.sign, flags, r);
    struct wide x = wide_from_num(a), y = wide_from_num(b), v;
    x.sign = y.sign = false;
    if (y.exp > x.exp || (y.exp == x.exp && y.sig > x.sig))
        v = wide_sub(wide_pi_2, atan_unit(wide_div(x, y)));
    else
        v = atan_unit(wide_div(y, x));
    if (a.sign)
        v = wide_sub(wide_pi, v);
    return give_wide(cw, v, b.sign, flags, r);
}

/* ---------------------------------------------------------------- sine, cosine, tangent */

/* a = (quadrant * pi/2 + rest), |rest| <= pi/4, with the 66-bit pi of the processor: exact. */
static struct wide reduce(struct num a, unsigned *quadrant)
{
    const u128 half_pi = K(3, 0x243f6a8885a308d3); /* unit 2^-65 */
    *quadrant = 0;
    if (a.exp < -1)
        return (struct wide){(u128)a.sig << 64, a.exp, false};
    const u128 n = (u128)a.sig << (a.exp + 2);
    u128 rest = n >> 2;
    uint64_t q = wide_digit(&rest, (uint64_t)n << 62, half_pi << 62);
    rest >>= 62;
    const bool sign = rest > half_pi >> 1;
    if (sign) {
        rest = half_pi - rest;
        q++;
    }
    *quadrant = (unsigned)q & 3;
    return wide_norm(rest, 127 - 65, sign);
}

/* series_alternating() for sin(x) / x and cos(x), where z = x^2. Each product waits for the one before it, so both together take
 * less than twice as long as one. */
static void both_series(u128 z, u128 *sine, u128 *cosine)
{
    _Static_assert(SIZE(sin_coef) == SIZE(cos_coef), "one loop takes both");
    unsigned n = SIZE(sin_coef) - 1;
    u128 s = sin_coef[n], c = cos_coef[n];
    while (n--) {
        s = sin_coef[n] - mul_high(z << 1, s);
        c = cos_coef[n] - mul_high(z << 1, c);
    }
    *sine = below_one(s);
    *cosine = below_one(c);
}

/* Sine and cosine of |a|. One of s, c may be NULL. */
static void sincos_wide(struct num a, struct wide *s, struct wide *c)
{
    unsigned quadrant;
    const struct wide x = reduce(a, &quadrant);
    const u128 z = wide_to_q(wide_mul(x, x));
    struct wide *by_sine = quadrant & 1 ? c : s, *by_cosine = quadrant & 1 ? s : c;
    u128 sine = 0, cosine = 0;
    if (s && c)
        both_series(z, &sine, &cosine);
    else if (by_sine)
        sine = series_alternating(sin_coef, SIZE(sin_coef), z);
    else
        cosine = series_alternating(cos_coef, SIZE(cos_coef), z);
    if (by_sine)
        *by_sine = wide_mul(x, wide_from_q(sine));
    if (by_cosine)
        *by_cosine = wide_from_q(cosine);
    if (s)
        s->sign ^= quadrant >> 1;
    if (c)
        c->sign ^= (quadrant + 1) >> 1 & 1;
}

unsigned num_sincos(unsigned cw, struct num a, struct fpreg *s, struct fpreg *c, bool *in_range)
{
    struct fpreg unused;
    unsigned flags = 0;
    s = s ? s : &unused;
    *in_range = true;
    if (num_is_nan(a) || a.cls == NUM_INF) {
        flags = a.cls == NUM_INF ? give_invalid(s) : num_nan(a, a, s);
        if (c)
            *c = *s;
        return flags;
    }
    if (a.cls == NUM_ZERO) {
        if (c)
            *c = fpreg_make(false, X87_BIAS, 1ull << 63);
        return give_zero(a.sign, 0, s);
    }
    if (a.exp >= 63) {
        *in_range = false;
        return 0;
    }
    struct wide ws, wc;
    sincos_wide(a, s != &unused ? &ws : NULL, c ? &wc : NULL);
    flags = a.denormal ? SW_DE : 0;
    if (c)
        flags |= round_wide(cw, wc, c);
    if (s != &unused) {
        ws.sign ^= a.sign;
        flags = (flags & ~SW_C1) | round_wide(cw, ws, s);
    }
    return flags;
}

unsigned num_tan(unsigned cw, struct num a, struct fpreg *r, bool *in_range)
{
    *in_range = true;
    if (num_is_nan(a))
        return num_nan(a, a, r);
    if (a.cls == NUM_INF)
        return give_invalid(r);
    if (a.cls == NUM_ZERO)
        return give_zero(a.sign, 0, r);
    if (a.exp >= 63) {
        *in_range = false;
        return 0;
    }
    struct wide s, c;
    sincos_wide(a, &s, &c);
    s.sign ^= a.sign;
    return (a.denormal ? SW_DE : 0) | round_wide(cw, wide_div(s, c), r);
}
