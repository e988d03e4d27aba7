/* fma.c - FMA and F16C: fused multiply-add, and conversions from and to half precision.
 *
 * Source: IEEE 754, 5.4.1 and 7; Intel SDM volume 1, 14.4 and 14.5 (NaNs: table 14-9), 4.9 (exceptions), 11.5; volume 2.
 *
 * Computed with integers, exactly, whatever the host has: a result is an exact sum, rounded once. Tininess is detected after
 * rounding. */
#include "hv/x86/vector/simd.h"

typedef unsigned __int128 u128;

struct format {
    unsigned fraction;
    int bias;
};
static const struct format half = {10, 15}, single = {23, 127}, binary64 = {52, 1023};

/* What a lane's operation raises: flags as with all exceptions masked; is the result tiny; is it inexact with an unbounded exponent. */
struct raised {
    uint32_t flags;
    bool tiny, inexact;
};

/* ---------------------------------------------------------------- parts of numbers */

static uint64_t sign_bit(const struct format *f)
{
    return f == &binary64 ? 1ull << 63 : f == &single ? 1u << 31 : 1u << 15;
}
static unsigned exponent_most(const struct format *f)
{
    return 2 * (unsigned)f->bias + 1;
}
static uint64_t infinity(const struct format *f)
{
    return (uint64_t)exponent_most(f) << f->fraction;
}
static uint64_t quiet_bit(const struct format *f)
{
    return 1ull << (f->fraction - 1);
}
static uint64_t magnitude(const struct format *f, uint64_t x)
{
    return x & (sign_bit(f) - 1);
}
static bool is_nan(const struct format *f, uint64_t x)
{
    return magnitude(f, x) > infinity(f);
}
static bool is_snan(const struct format *f, uint64_t x)
{
    return is_nan(f, x) && !(x & quiet_bit(f));
}
static bool is_denormal(const struct format *f, uint64_t x)
{
    return magnitude(f, x) && magnitude(f, x) < 1ull << f->fraction;
}

/* A finite number that is not 0: sig * 2^exp with bit 126 of sig set. */
struct number {
    u128 sig;
    int exp;
    bool negative;
};

static unsigned top_bit(u128 v)
{
    return v >> 64 ? 127 - (unsigned)__builtin_clzll((uint64_t)(v >> 64))
                   : 63 - (unsigned)__builtin_clzll((uint64_t)v);
}
static struct number normal(u128 sig, int exp, bool negative)
{
    unsigned top = top_bit(sig);
    if (top == 127) /* of a product: its lowest bits are 0 */
        return (struct number){sig >> 1, exp + 1, negative};
    unsigned shift = 126 - top;
    return (struct number){sig << shift, exp - (int)shift, negative};
}
static struct number unpack(const struct format *f, uint64_t x)
{
    uint64_t m = magnitude(f, x), sig = m & ((1ull << f->fraction) - 1);
    int exp = (int)(m >> f->fraction);
    if (exp)
        sig |= 1ull << f->fraction;
    else
        exp = 1;
    return normal(sig, exp - f->bias - (int)f->fraction, x & sign_bit(f));
}

/* Right by n bits; what is lost makes the lowest bit 1. */
static u128 shift_jam(u128 v, unsigned n)
{
    if (!n)
        return v;
    return n < 128 ? v >> n | ((v << (128 - n)) != 0) : v != 0;
}

/* ---------------------------------------------------------------- rounding */

/* v / 2^n, rounded; *inexact: it is not that. rc as in MXCSR. */
static uint64_t round_shift(u128 v, unsigned n, unsigned rc, bool negative, bool *inexact)
{
    if (n > 127)
        v = v != 0, n = 127;
    u128 unit = (u128)1 << n, rest = v & (unit - 1);
    uint64_t q = (uint64_t)(v >> n);
    *inexact = rest != 0;
    bool up = rc == 0   ? rest > unit / 2 || (rest == unit / 2 && q & 1)
              : rc == 1 ? rest && negative
                        : rc == 2 && rest && !negative;
    return q + up;
}

static uint64_t overflowed(const struct format *f, bool negative, unsigned rc, struct raised *r)
{
    bool to_most = rc == 3 || (rc == 1 && !negative) || (rc == 2 && negative);
    r->flags |= MX_OE | MX_PE;
    return infinity(f) - to_most;
}

/* x in the format: its bits without the sign. */
static uint64_t round_pack(const struct format *f, struct number x, unsigned rc, bool flush, struct raised *r)
{
    unsigned drop = 126 - f->fraction;
    int exp = x.exp + (int)drop + (int)f->fraction + f->bias; /* as in the format */
    bool inexact;
    uint64_t sig = round_shift(x.sig, drop, rc, x.negative, &inexact);
    int after = exp + (int)(sig >> (f->fraction + 1)); /* with an unbounded exponent */
    r->inexact |= inexact;
    if (after >= 1) {
        if (after >= (int)exponent_most(f))
            return overflowed(f, x.negative, rc, r);
        r->flags |= inexact ? MX_PE : 0;
        return sig + ((uint64_t)(exp - 1) << f->fraction); /* a carry goes to the exponent */
    }
    r->tiny = true;
    if (flush) {
        r->flags |= MX_UE | MX_PE;
        return 0;
    }
    sig = round_shift(x.sig, drop + (unsigned)(1 - exp), rc, x.negative, &inexact);
    r->flags |= inexact ? MX_UE | MX_PE : 0;
    return sig;
}

/* ---------------------------------------------------------------- fused multiply-add */

static struct number add(struct number a, struct number b)
{
    if (a.exp < b.exp) {
        struct number t = a;
        a = b, b = t;
    }
    b.sig = shift_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.negative == b.negative) {
        u128 sum = a.sig + b.sig;
        bool carry = sum >> 127;
        return (struct number){shift_jam(sum, carry), a.exp + carry, a.negative};
    }
    bool swap = b.sig > a.sig;
    u128 difference = swap ? b.sig - a.sig : a.sig - b.sig;
    if (!difference)
        return (struct number){0};
    return normal(difference, a.exp, swap ? b.negative : a.negative);
}

/* An operand that is a NaN, quiet; the first of x, y, z. 0: there is none (no NaN is 0). */
static uint64_t nan_of(const struct format *f, uint64_t x, uint64_t y, uint64_t z, struct raised *r)
{
    if (is_snan(f, x) || is_snan(f, y) || is_snan(f, z))
        r->flags |= MX_IE;
    uint64_t nan = is_nan(f, x) ? x : is_nan(f, y) ? y : is_nan(f, z) ? z : 0;
    return nan ? nan | quiet_bit(f) : 0;
}

/* x * y + z; `negate`: of the product, or of z. */
enum { NEGATE_PRODUCT = 1, NEGATE_Z = 2 };
static uint64_t multiply_add(const struct format *f, uint64_t x, uint64_t y, uint64_t z, unsigned negate,
                             uint32_t mx, struct raised *r)
{
    unsigned rc = mx >> 13 & 3;
    uint64_t sign = sign_bit(f), nan = nan_of(f, x, y, z, r), inf = infinity(f);
    if (nan)
        return nan;
    if (negate & NEGATE_Z)
        z ^= sign;
    bool denormal = is_denormal(f, x) || is_denormal(f, y) || is_denormal(f, z);
    if (mx & MX_DAZ) {
        x = is_denormal(f, x) ? x & sign : x;
        y = is_denormal(f, y) ? y & sign : y;
        z = is_denormal(f, z) ? z & sign : z;
        denormal = false;
    }
    uint64_t p = (x ^ y ^ (negate & NEGATE_PRODUCT ? sign : 0)) & sign; /* the product's sign */
    uint64_t mx_ = magnitude(f, x), my = magnitude(f, y), mz = magnitude(f, z);
    bool product_infinite = mx_ == inf || my == inf;
    if ((product_infinite && (!mx_ || !my)) || (product_infinite && mz == inf && (z & sign) != p)) {
        r->flags |= MX_IE;
        return sign | inf | quiet_bit(f);
    }
    r->flags |= denormal ? MX_DE : 0;
    if (product_infinite || mz == inf)
        return product_infinite ? p | inf : z;
    if (!mx_ || !my) {
        if (!mz)
            return p == (z & sign) ? p : rc == 1 ? sign : 0;
        struct number only = unpack(f, z);
        return (z & sign) | round_pack(f, only, rc, mx & MX_FTZ, r);
    }
    struct number a = unpack(f, x), b = unpack(f, y);
    struct number product = normal((a.sig >> 63) * (b.sig >> 63), a.exp + b.exp + 126, p);
    struct number sum = mz ? add(product, unpack(f, z)) : product;
    if (!sum.sig)
        return rc == 1 ? sign : 0;
    return (sum.negative ? sign : 0) | round_pack(f, sum, rc, mx & MX_FTZ, r);
}

/* ---------------------------------------------------------------- exceptions */

/* As fp_end() of simd_except.c, where the exceptions of all lanes come together. */
static void raise_all(struct x86 *cpu, const struct op *op, const struct raised *r)
{
    const uint32_t pre = MX_IE | MX_DE | MX_ZE, range = MX_OE | MX_UE;
    uint32_t flags = r->flags, unmasked = ~(cpu->fpu.mxcsr >> 7) & MX_FLAGS;
    if (unmasked & MX_UE && r->tiny)
        flags |= MX_UE;
    if (flags & pre & unmasked)
        flags &= pre;
    else if (flags & range & unmasked && !(flags & range & ~unmasked) && !r->inexact)
        flags &= ~(uint32_t)MX_PE;
    cpu->fpu.mxcsr |= flags;
    if (flags & unmasked) {
        SYNC;
        raise_fault(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
    }
}

/* ---------------------------------------------------------------- the instructions of FMA */

union lanes256 {
    vec v[2];
    uint16_t w[16];
    uint32_t d[8];
    uint64_t q[4];
};

static uint64_t lane(const union lanes256 *v, unsigned i, bool wide)
{
    return wide ? v->q[i] : v->d[i];
}

/* `even` and `odd`: what is negated in those lanes. Which operands are multiplied is the opcode's upper half: 9 is 132 (the first and
 * the third), A is 213, B is 231. */
static __attribute__((noinline)) void fused(struct x86 *cpu, const struct op *op, vec s, vec sh,
                                            unsigned even, unsigned odd, bool scalar)
{
    union lanes256 a = {.v = {xmm_get(cpu, op->dst), ymmh_get(cpu, op->dst)}};
    union lanes256 b = {.v = {xmm_get(cpu, op->vvvv), ymmh_get(cpu, op->vvvv)}}, c = {.v = {s, sh}}, out = a;
    unsigned order = insn_rows(NULL)[op->row].opcode >> 4;
    bool wide = insn_rows(NULL)[op->row].flags & F_W1, big = !scalar && is_256(op);
    const union lanes256 *x = order == 9 ? &a : &b, *y = order == 0xa ? &a : &c,
                         *z = order == 9     ? &b
                              : order == 0xa ? &c
                                             : &a;
    unsigned n = scalar ? 1 : (big ? 32 : 16) / (wide ? 8 : 4);
    struct raised r = {0};
    uint32_t mx = fp_begin(cpu);
    for (unsigned i = 0; i < n; i++) {
        uint64_t v = multiply_add(wide ? &binary64 : &single, lane(x, i, wide), lane(y, i, wide),
                                  lane(z, i, wide), i & 1 ? odd : even, mx, &r);
        if (wide)
            out.q[i] = v;
        else
            out.d[i] = (uint32_t)v;
    }
    raise_all(cpu, op, &r);
    ymm_set(cpu, op->dst, out.v[0], big ? out.v[1] : _mm_setzero_si128());
}

#define FMA_PACKED(name, even, odd)                                                                          \
    SIMD_INLINE void name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                          \
    {                                                                                                        \
        fused(cpu, op, s, sh, even, odd, false);                                                             \
    }                                                                                                        \
    V_FORMS(name, name##_do, 16)
#define FMA_SCALAR(name, how)                                                                                \
    static OP(name##_scalar_r)                                                                               \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        fused(cpu, op, xmm_get(cpu, op->src), _mm_setzero_si128(), how, how, true);                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_scalar_m)                                                                               \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        bool wide = insn_rows(NULL)[op->row].flags & F_W1;                                                   \
        uint64_t lin = ea_any(cpu, op, wide ? 8 : 4, false);                                                 \
        vec s = wide ? simd_load(cpu, op, lin, 8) : simd_load(cpu, op, lin, 4);                              \
        fused(cpu, op, s, _mm_setzero_si128(), how, how, true);                                              \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_##name##_scalar, name##_scalar);
#define FMA(name, how)                                                                                       \
    FMA_PACKED(name, how, how)                                                                               \
    FMA_SCALAR(name, how)

FMA(fmadd, 0)
FMA(fmsub, NEGATE_Z)
FMA(fnmadd, NEGATE_PRODUCT)
FMA(fnmsub, NEGATE_PRODUCT | NEGATE_Z)
FMA_PACKED(fmaddsub, NEGATE_Z, 0)
FMA_PACKED(fmsubadd, 0, NEGATE_Z)

/* ---------------------------------------------------------------- half precision */

/* Exact; DAZ does not matter, and a denormal operand is none. */
static uint32_t from_half(uint16_t h, struct raised *r)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    if (is_nan(&half, h)) {
        r->flags |= is_snan(&half, h) ? MX_IE : 0;
        return sign | 0x7fc00000 | (uint32_t)(h & 0x3ff) << 13;
    }
    if (magnitude(&half, h) == infinity(&half))
        return sign | 0x7f800000;
    if (!magnitude(&half, h))
        return sign;
    struct raised none = {0};
    return sign | (uint32_t)round_pack(&single, unpack(&half, h), 0, false, &none);
}

/* FTZ does not matter. */
static uint16_t to_half(uint32_t x, unsigned rc, uint32_t mx, struct raised *r)
{
    uint16_t sign = (uint16_t)(x >> 16 & 0x8000);
    if (is_nan(&single, x)) {
        r->flags |= is_snan(&single, x) ? MX_IE : 0;
        return (uint16_t)(sign | 0x7e00 | (x >> 13 & 0x3ff));
    }
    if (magnitude(&single, x) == infinity(&single))
        return sign | 0x7c00;
    if (is_denormal(&single, x)) {
        if (mx & MX_DAZ)
            return sign;
        r->flags |= MX_DE;
        r->inexact = true; /* so far below the result's range that processors take it for inexact */
    }
    if (!magnitude(&single, x))
        return sign;
    return (uint16_t)(sign | round_pack(&half, unpack(&single, x), rc, false, r));
}

static __attribute__((noinline)) void widen_halves(struct x86 *cpu, const struct op *op, vec s)
{
    union lanes256 in = {.v = {s, s}}, out = {.v = {_mm_setzero_si128(), _mm_setzero_si128()}};
    struct raised r = {0};
    for (unsigned i = 0; i < (is_256(op) ? 8 : 4); i++)
        out.d[i] = from_half(in.w[i], &r);
    raise_all(cpu, op, &r);
    ymm_set(cpu, op->dst, out.v[0], out.v[1]);
}
static OP(vcvtph2ps_r)
{
    avx_check(cpu, op);
    widen_halves(cpu, op, xmm_get(cpu, op->src));
    NEXT;
}
static OP(vcvtph2ps_m)
{
    avx_check(cpu, op);
    unsigned n = is_256(op) ? 16 : 8;
    uint64_t lin = ea_any(cpu, op, n, false);
    widen_halves(cpu, op, n == 16 ? simd_load16u(cpu, op, lin) : simd_load(cpu, op, lin, 8));
    NEXT;
}
FAMILY_V(fam_vcvtph2ps, vcvtph2ps);

static __attribute__((noinline)) vec narrow_singles(struct x86 *cpu, const struct op *op)
{
    union lanes256 in = {.v = {xmm_get(cpu, op->src), ymmh_get(cpu, op->src)}}, out = {.q = {0}};
    struct raised r = {0};
    uint32_t mx = cpu->fpu.mxcsr;
    unsigned rc = op->imm & 4 ? mx >> 13 & 3 : op->imm & 3;
    for (unsigned i = 0; i < (is_256(op) ? 8 : 4); i++)
        out.w[i] = to_half(in.d[i], rc, mx, &r);
    raise_all(cpu, op, &r);
    return out.v[0];
}
static OP(vcvtps2ph_r)
{
    avx_check(cpu, op);
    ymm_set128(cpu, op->dst, narrow_singles(cpu, op));
    NEXT;
}
static OP(vcvtps2ph_m)
{
    avx_check(cpu, op);
    unsigned n = is_256(op) ? 16 : 8;
    vec v = narrow_singles(cpu, op); /* its flags stay if the store faults, as in Intel's processors */
    uint64_t lin = ea_any(cpu, op, n, true);
    if (n == 16)
        simd_store16u(cpu, op, lin, v);
    else
        st64(cpu, op, lin, (uint64_t)_mm_cvtsi128_si64(v));
    NEXT;
}
FAMILY_V(fam_vcvtps2ph, vcvtps2ph);
