/* x87_arith.c - IEEE arithmetic on the 80-bit format, with integers.
 *
 * Source: Intel SDM volume 1, chapters 4.8, 4.9 and 8.5. Precision control bounds the significand of add,
 * subtract, multiply, divide and square root, but not the exponent. Tininess is detected after rounding. */
#include "hv/x86/x87/x87_fast.h"

typedef unsigned __int128 u128;

enum { EXP_SPECIAL = 0x7fff, BIAS_ADJUST = 24576 };

/* ---------------------------------------------------------------- unpacking operands */

struct num num_from_reg(struct fpreg a)
{
    unsigned e = a.exp & 0x7fff;
    struct num n = {a.sig, (int)e - X87_BIAS, NUM_FINITE, a.exp >> 15, false};
    bool integer_bit = a.sig >> 63;
    if (e == EXP_SPECIAL) {
        if (!integer_bit)
            n.cls = NUM_UNSUPPORTED; /* pseudo-infinity, pseudo-NaN */
        else if (!(a.sig << 1))
            n.cls = NUM_INF;
        else
            n.cls = a.sig >> 62 & 1 ? NUM_QNAN : NUM_SNAN;
    } else if (e) {
        if (!integer_bit)
            n.cls = NUM_UNSUPPORTED; /* unnormal */
    } else if (!a.sig) {
        n.cls = NUM_ZERO;
    } else {
        unsigned shift = __builtin_clzll(a.sig);
        n.denormal = true;
        n.exp = 1 - X87_BIAS - (int)shift;
        n.sig = a.sig << shift;
    }
    return n;
}

/* An IEEE interchange format: exponent field, its maximum, fraction left-aligned under bit 63. */
static struct num from_small(bool sign, int e, int emax, uint64_t frac)
{
    struct num n = {frac | 1ull << 63, e - emax / 2, NUM_FINITE, sign, false};
    if (e == emax) {
        n.cls = !frac ? NUM_INF : frac >> 62 & 1 ? NUM_QNAN : NUM_SNAN;
    } else if (!e && !frac) {
        n.cls = NUM_ZERO;
        n.sig = 0;
    } else if (!e) {
        unsigned shift = __builtin_clzll(frac);
        n.denormal = true;
        n.exp = 1 - emax / 2 - (int)shift;
        n.sig = frac << shift;
    }
    return n;
}

struct num num_from_f32(uint32_t v)
{
    return from_small(v >> 31, v >> 23 & 0xff, 0xff, (uint64_t)(v & 0x7fffff) << 40);
}

struct num num_from_f64(uint64_t v)
{
    return from_small(v >> 63, v >> 52 & 0x7ff, 0x7ff, (v & 0xfffffffffffffull) << 11);
}

struct num num_from_int(int64_t v)
{
    struct num n = {0, 0, NUM_ZERO, v < 0, false};
    uint64_t m = v < 0 ? -(uint64_t)v : (uint64_t)v;
    if (m) {
        unsigned shift = __builtin_clzll(m);
        n.cls = NUM_FINITE;
        n.sig = m << shift;
        n.exp = 63 - (int)shift;
    }
    return n;
}

/* ---------------------------------------------------------------- rounding */

static unsigned num_precision(unsigned cw)
{
    switch (cw >> 8 & 3) {
    case 0:
        return 24;
    case 2:
        return 53;
    default:
        return 64; /* 1 is reserved and behaves as 3 */
    }
}

struct rounded {
    uint64_t sig;
    bool inexact, up, carry; /* carry: sig is 2^64, given as 0 */
};

/* Round the 128-bit fraction hi:lo to the upper `prec` bits of hi. */
static struct rounded round_sig(uint64_t hi, uint64_t lo, unsigned prec, unsigned rc, bool sign)
{
    uint64_t mask = prec == 64 ? 0 : ~0ull >> prec;
    uint64_t lsb = mask + 1;
    u128 rest = (u128)(hi & mask) << 64 | lo;
    u128 half = prec == 64 ? (u128)1 << 63 : (u128)(lsb >> 1) << 64;
    struct rounded r = {hi & ~mask, rest != 0, false, false};
    switch (rc) {
    case 0:
        r.up = rest > half || (rest == half && (hi & lsb));
        break;
    case 1:
        r.up = rest && sign;
        break;
    case 2:
        r.up = rest && !sign;
        break;
    default:
        break;
    }
    if (r.up) {
        r.sig += lsb;
        r.carry = r.sig == 0;
    }
    return r;
}

static unsigned overflow(unsigned prec, unsigned rc, bool sign, struct fpreg *r)
{
    bool to_inf = rc == 0 || (rc == 1 && sign) || (rc == 2 && !sign);
    if (to_inf)
        *r = fpreg_make(sign, EXP_SPECIAL, 1ull << 63);
    else
        *r = fpreg_make(sign, EXP_SPECIAL - 1, prec == 64 ? ~0ull : ~(~0ull >> prec));
    return SW_OE | SW_PE | (to_inf ? SW_C1 : 0);
}

unsigned num_round(unsigned cw, unsigned prec, bool sign, int exp, uint64_t hi, uint64_t lo, struct fpreg *r)
{
    unsigned rc = cw >> 10 & 3, flags = 0;
    struct rounded n = round_sig(hi, lo, prec, rc, sign);
    int e = exp + X87_BIAS + n.carry;
    if (e >= EXP_SPECIAL) {
        if (cw & SW_OE)
            return overflow(prec, rc, sign, r);
        e -= BIAS_ADJUST;
        if (e >= EXP_SPECIAL) /* more than the adjustment can bring back (FSCALE) */
            return overflow(prec, 0, sign, r);
        flags = SW_OE;
    } else if (e < 1) {
        if (cw & SW_UE) {
            unsigned shift = 1 - (exp + X87_BIAS);
            u128 v = (u128)hi << 64 | lo;
            v = shift > 127 ? 1 : v >> shift | ((v << (128 - shift)) != 0);
            n = round_sig((uint64_t)(v >> 64), (uint64_t)v, prec, rc, sign);
            *r = fpreg_make(sign, n.sig >> 63, n.sig);
            return n.inexact ? SW_UE | SW_PE | (n.up ? SW_C1 : 0) : 0;
        }
        e += BIAS_ADJUST;
        flags = SW_UE;
        if (e < 1) {
            *r = fpreg_make(sign, 0, 0);
            return SW_UE | SW_PE;
        }
    }
    *r = fpreg_make(sign, e, n.carry ? 1ull << 63 : n.sig);
    return flags | (n.inexact ? SW_PE : 0) | (n.up ? SW_C1 : 0);
}

/* ---------------------------------------------------------------- special operands */

static unsigned invalid(struct fpreg *r)
{
    *r = fpreg_indefinite();
    return SW_IE;
}

static void nan_result(struct num a, struct fpreg *r)
{
    *r = fpreg_make(a.sign, EXP_SPECIAL, a.sig | 1ull << 62);
}

unsigned num_nan(struct num a, struct num b, struct fpreg *r)
{
    if (a.cls == NUM_UNSUPPORTED || b.cls == NUM_UNSUPPORTED)
        return invalid(r);
    unsigned flags = a.cls == NUM_SNAN || b.cls == NUM_SNAN ? SW_IE : 0;
    bool take_b;
    if (!num_is_nan(a) || !num_is_nan(b))
        take_b = !num_is_nan(a);
    else if (a.cls != b.cls)
        take_b = b.cls == NUM_QNAN;
    else if (a.sig != b.sig)
        take_b = b.sig > a.sig;
    else
        take_b = a.sign; /* if the significands are equal, take the positive one */
    nan_result(take_b ? b : a, r);
    return flags;
}

static void infinity(bool sign, struct fpreg *r)
{
    *r = fpreg_make(sign, EXP_SPECIAL, 1ull << 63);
}
static void zero(bool sign, struct fpreg *r)
{
    *r = fpreg_make(sign, 0, 0);
}
static unsigned denormal_flag(struct num a, struct num b)
{
    return a.denormal || b.denormal ? SW_DE : 0;
}

/* Round v * 2^(exp - 127), v not 0 and not normalized. */
static unsigned round_u128(unsigned cw, bool sign, int exp, u128 v, struct fpreg *r)
{
    uint64_t hi = (uint64_t)(v >> 64);
    unsigned shift = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
    v <<= shift;
    return num_round(cw, num_precision(cw), sign, exp - (int)shift, (uint64_t)(v >> 64), (uint64_t)v, r);
}

/* ---------------------------------------------------------------- add, subtract */

static unsigned add_finite(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    if (a.cls == NUM_ZERO || (b.cls == NUM_FINITE && b.exp > a.exp)) {
        struct num t = a;
        a = b;
        b = t;
    }
    if (b.cls == NUM_ZERO)
        return num_round(cw, num_precision(cw), a.sign, a.exp, a.sig, 0, r);
    /* Bit 126 at the top: room for a carry. 63 bits below each significand keep one sticky bit harmless. */
    unsigned d = a.exp - b.exp;
    u128 x = (u128)a.sig << 63, y = (u128)b.sig << 63;
    if (d)
        y = d > 126 ? 1 : y >> d | ((y << (128 - d)) != 0);
    if (a.sign == b.sign)
        return round_u128(cw, a.sign, a.exp + 1, x + y, r);
    if (x == y) {
        zero((cw >> 10 & 3) == 1, r);
        return 0;
    }
    return x > y ? round_u128(cw, a.sign, a.exp + 1, x - y, r) : round_u128(cw, b.sign, a.exp + 1, y - x, r);
}

static unsigned add_sub(unsigned cw, struct num a, struct num b, bool negate_b, struct fpreg *r)
{
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    b.sign ^= negate_b;
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        if (a.cls == b.cls && a.sign != b.sign)
            return invalid(r);
        infinity(a.cls == NUM_INF ? a.sign : b.sign, r);
        return denormal_flag(a, b);
    }
    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO) {
        zero(a.sign == b.sign ? a.sign : (cw >> 10 & 3) == 1, r);
        return 0;
    }
    return denormal_flag(a, b) | add_finite(cw, a, b, r);
}

unsigned num_add(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    return add_sub(cw, a, b, false, r);
}
unsigned num_sub(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    return add_sub(cw, a, b, true, r);
}
unsigned num_subr(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    return add_sub(cw, b, a, true, r);
}

/* ---------------------------------------------------------------- multiply, divide, square root */

unsigned num_mul(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    bool sign = a.sign ^ b.sign;
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        if (a.cls == NUM_ZERO || b.cls == NUM_ZERO)
            return invalid(r);
        infinity(sign, r);
        return denormal_flag(a, b);
    }
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        zero(sign, r);
        return denormal_flag(a, b);
    }
    return denormal_flag(a, b) | round_u128(cw, sign, a.exp + b.exp + 1, (u128)a.sig * b.sig, r);
}

unsigned num_div(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    bool sign = a.sign ^ b.sign;
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (a.cls == b.cls && a.cls != NUM_FINITE)
        return invalid(r); /* 0/0, inf/inf */
    if (a.cls == NUM_INF || b.cls == NUM_ZERO) {
        infinity(sign, r);
        return a.cls == NUM_INF ? denormal_flag(a, b) : SW_ZE;
    }
    if (a.cls == NUM_ZERO || b.cls == NUM_INF) {
        zero(sign, r);
        return denormal_flag(a, b);
    }
    uint64_t rest;
    const uint64_t hi = x87_divide(a.sig >> 1, a.sig << 63, b.sig, &rest);
    uint64_t lo = x87_divide(rest, 0, b.sig, &rest);
    lo |= rest != 0;
    return denormal_flag(a, b) | round_u128(cw, sign, a.exp - b.exp, (u128)hi << 64 | lo, r);
}

unsigned num_divr(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    return num_div(cw, b, a, r);
}

/* The integer square root of n >= 2^126; *rest: n - root^2. The host's estimate is good to 52 bits, and one step of
 * Newton's method to more than 64, so that at most the last bit is corrected. */
static uint64_t root128(u128 n, u128 *rest)
{
    const uint64_t hi = (uint64_t)(n >> 64), lo = (uint64_t)n;
    uint64_t root = ~0ull, unused;
    const double estimate = __builtin_sqrt((double)hi) * 0x1p32;
    if (estimate < 0x1p64)
        root = (uint64_t)estimate;
    if (root <= hi)
        root = hi + (hi != ~0ull);
    if (root > hi) {
        const uint64_t other = x87_divide(hi, lo, root, &unused);
        root = root / 2 + other / 2 + (root & other & 1);
    }
    while ((u128)root * root > n)
        root--;
    while (n - (u128)root * root > 2 * (u128)root)
        root++;
    *rest = n - (u128)root * root;
    return root;
}

unsigned num_sqrt(unsigned cw, struct num a, struct fpreg *r)
{
    if (num_is_nan(a))
        return num_nan(a, a, r);
    if (a.cls == NUM_ZERO) {
        zero(a.sign, r);
        return 0;
    }
    if (a.sign)
        return invalid(r);
    if (a.cls == NUM_INF) {
        infinity(false, r);
        return 0;
    }
    u128 rest;
    uint64_t root = root128((u128)a.sig << (a.exp & 1 ? 64 : 63), &rest);
    /* The fraction after the root's 64 bits is over one half exactly if rest > root; it is never exactly one
     * half. */
    uint64_t lo = !rest ? 0 : rest > root ? 3ull << 62 : 1ull << 62;
    return denormal_flag(a, a) | num_round(cw, num_precision(cw), false, a.exp >> 1, root, lo, r);
}

/* ---------------------------------------------------------------- compare */

unsigned num_compare(struct num a, struct num b, bool quiet, unsigned *cc)
{
    if (num_is_nan(a) || num_is_nan(b)) {
        *cc = SW_C0 | SW_C2 | SW_C3;
        bool bad = a.cls >= NUM_SNAN || b.cls >= NUM_SNAN;
        return bad || !quiet ? SW_IE : 0;
    }
    int order; /* of a against b */
    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO)
        order = 0;
    else if (a.cls == NUM_ZERO)
        order = b.sign ? 1 : -1;
    else if (b.cls == NUM_ZERO || a.sign != b.sign)
        order = a.sign ? -1 : 1;
    else {
        if (a.cls != b.cls)
            order = a.cls == NUM_INF ? 1 : -1;
        else if (a.cls == NUM_INF)
            order = 0;
        else if (a.exp != b.exp)
            order = a.exp > b.exp ? 1 : -1;
        else
            order = a.sig == b.sig ? 0 : a.sig > b.sig ? 1 : -1;
        if (a.sign)
            order = -order;
    }
    *cc = order == 0 ? SW_C3 : order < 0 ? SW_C0 : 0;
    return denormal_flag(a, b);
}

/* ---------------------------------------------------------------- scale, remainder, extract, round */

/* trunc(b), clamped to a bound that exceeds any exponent. */
static int trunc_small(struct num b)
{
    if (b.cls == NUM_ZERO || b.exp < 0)
        return 0;
    int v = b.exp > 16 ? 0x20000 : (int)(b.sig >> (63 - b.exp));
    return b.sign ? -v : v;
}

unsigned num_scale(unsigned cw, struct num a, struct num b, struct fpreg *r)
{
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (b.cls == NUM_INF) {
        if (b.sign ? a.cls == NUM_INF : a.cls == NUM_ZERO)
            return invalid(r);
        if (b.sign)
            zero(a.sign, r);
        else
            infinity(a.sign, r);
        return denormal_flag(a, b);
    }
    if (a.cls == NUM_INF || a.cls == NUM_ZERO) {
        *r = fpreg_make(a.sign, a.cls == NUM_INF ? EXP_SPECIAL : 0, a.cls == NUM_INF ? 1ull << 63 : 0);
        return denormal_flag(a, b);
    }
    return denormal_flag(a, b) | num_round(cw, 64, a.sign, a.exp + trunc_small(b), a.sig, 0, r);
}

/* C0, C3, C1: quotient bits 2, 1, 0. */
static unsigned quotient_bits(uint64_t q)
{
    return (q & 4 ? SW_C0 : 0) | (q & 2 ? SW_C3 : 0) | (q & 1 ? SW_C1 : 0);
}

static unsigned rem_finite(unsigned cw, struct num a, struct num b, bool nearest, struct fpreg *r,
                           unsigned *cc)
{
    int d = a.exp - b.exp;
    if (d < (nearest ? -1 : 0))
        return num_round(cw, 64, a.sign, a.exp, a.sig, 0, r);
    if (d >= 64) {
        /* Partial: 32 to 63 quotient bits at a time; the processor chooses the number, and software loops
         * until C2 is clear. */
        unsigned n = (d & 31) | 32;
        uint64_t rem = (uint64_t)(((u128)a.sig << n) % b.sig);
        *cc = SW_C2;
        if (!rem) {
            zero(a.sign, r);
            return 0;
        }
        unsigned shift = __builtin_clzll(rem);
        return num_round(cw, 64, a.sign, b.exp + d - (int)n - (int)shift, rem << shift, 0, r);
    }
    u128 n = (u128)a.sig << (d < 0 ? 0 : d), m = d < 0 ? (u128)b.sig << 1 : b.sig;
    uint64_t q = (uint64_t)(n / m);
    u128 rem = n % m;
    bool sign = a.sign;
    if (nearest && (rem << 1 > m || (rem << 1 == m && (q & 1)))) {
        rem = m - rem;
        q++;
        sign = !sign;
    }
    *cc = quotient_bits(q);
    if (!rem) {
        zero(a.sign, r);
        return 0;
    }
    uint64_t v = (uint64_t)rem;
    unsigned shift = __builtin_clzll(v);
    return num_round(cw, 64, sign, b.exp - (d < 0) - (int)shift, v << shift, 0, r);
}

unsigned num_rem(unsigned cw, struct num a, struct num b, bool nearest, struct fpreg *r, unsigned *cc)
{
    *cc = CC_KEPT;
    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(a, b, r);
    if (a.cls == NUM_INF || b.cls == NUM_ZERO)
        return invalid(r);
    *cc = 0;
    if (a.cls == NUM_ZERO) {
        zero(a.sign, r);
        return denormal_flag(a, b);
    }
    if (b.cls == NUM_INF)
        return denormal_flag(a, b) | num_round(cw, 64, a.sign, a.exp, a.sig, 0, r);
    return denormal_flag(a, b) | rem_finite(cw, a, b, nearest, r, cc);
}

unsigned num_xtract(unsigned cw, struct num a, struct fpreg *exponent, struct fpreg *sig)
{
    if (num_is_nan(a)) {
        unsigned flags = num_nan(a, a, exponent);
        *sig = *exponent;
        return flags;
    }
    if (a.cls == NUM_INF) {
        infinity(false, exponent);
        infinity(a.sign, sig);
        return 0;
    }
    if (a.cls == NUM_ZERO) {
        infinity(true, exponent);
        zero(a.sign, sig);
        return SW_ZE;
    }
    struct num e = num_from_int(a.exp);
    if (e.cls == NUM_ZERO)
        zero(false, exponent);
    else
        *exponent = fpreg_make(e.sign, e.exp + X87_BIAS, e.sig);
    *sig = fpreg_make(a.sign, X87_BIAS, a.sig);
    return denormal_flag(a, a);
}

unsigned num_rndint(unsigned cw, struct num a, struct fpreg *r)
{
    if (num_is_nan(a))
        return num_nan(a, a, r);
    if (a.cls == NUM_INF || a.cls == NUM_ZERO) {
        *r = fpreg_make(a.sign, a.cls == NUM_INF ? EXP_SPECIAL : 0, a.cls == NUM_INF ? 1ull << 63 : 0);
        return 0;
    }
    unsigned flags = denormal_flag(a, a);
    if (a.exp >= 63) {
        *r = fpreg_make(a.sign, a.exp + X87_BIAS, a.sig);
        return flags;
    }
    u128 v = (u128)a.sig << 64;
    unsigned shift = 63 - a.exp;
    v = shift > 127 ? 1 : v >> shift | ((v << (128 - shift)) != 0);
    struct rounded n = round_sig((uint64_t)(v >> 64), (uint64_t)v, 64, cw >> 10 & 3, a.sign);
    if (!n.sig) {
        zero(a.sign, r);
    } else {
        unsigned z = __builtin_clzll(n.sig);
        *r = fpreg_make(a.sign, 63 - z + X87_BIAS, n.sig << z);
    }
    return flags | (n.inexact ? SW_PE : 0) | (n.up ? SW_C1 : 0);
}
