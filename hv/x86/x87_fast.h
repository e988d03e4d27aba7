/* x87_fast.h - arithmetic of common operands, in a few instructions each. Private to hv/x86 (x87_stack.c).
 *
 * Common are normal numbers so far from the ends of the range of exponents that no result overflows or underflows, with
 * rounding to nearest. So nothing can happen but PE and C1. Everything else is left to x87_arith.c and x87_conv.c, which
 * do these cases too: test_x87.c compares the two. */
#ifndef BOOTREEL_HV_X86_X87_FAST_H
#define BOOTREEL_HV_X86_X87_FAST_H

#include "hv/x86/x87.h"

/* The operations with two operands, as modrm.reg of D8 has them. */
enum x87_kind { X87_ADD, X87_MUL, X87_COM, X87_COMP, X87_SUB, X87_SUBR, X87_DIV, X87_DIVR };

enum { X87_FAR = 0x1f00 };

static inline bool x87_common_normal(struct fpreg v)
{
    return (v.exp & 0x7fffu) - (X87_BIAS - X87_FAR) <= 2 * X87_FAR && v.sig >> 63;
}

/* hi:lo, bit 63 of hi set, rounded to hi, as *r with this sign and exponent. Returns PE and C1. */
static inline unsigned x87_round(unsigned sign, int exp, uint64_t hi, uint64_t lo, struct fpreg *r)
{
    const unsigned up = lo >> 63 & ((lo << 1 != 0) | (hi & 1));
    hi += up;
    const bool carry = !hi;
    *r = fpreg(carry ? 1ull << 63 : hi, sign | (unsigned)(exp + carry));
    return (lo ? SW_PE : 0) | (up ? SW_C1 : 0);
}

/* The same of a fraction that is not normalized, and not 0. */
static inline unsigned x87_round_any(unsigned sign, int exp, unsigned __int128 v, struct fpreg *r)
{
    const uint64_t hi = (uint64_t)(v >> 64);
    const int shift = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
    v <<= shift;
    return x87_round(sign, exp - shift, (uint64_t)(v >> 64), (uint64_t)v, r);
}

/* a + b, where `flip` is 8000h to subtract. Bits that are shifted out are kept as one. */
static inline unsigned x87_add(struct fpreg a, struct fpreg b, unsigned flip, struct fpreg *r)
{
    b.exp ^= flip;
    if ((a.exp & 0x7fff) < (b.exp & 0x7fff)) {
        const struct fpreg t = a;
        a = b;
        b = t;
    }
    const unsigned sign = a.exp & 0x8000, d = (a.exp & 0x7fffu) - (b.exp & 0x7fffu);
    const int exp = (a.exp & 0x7fff) + 1;
    const unsigned __int128 x = (unsigned __int128)a.sig << 63, whole = (unsigned __int128)b.sig << 63;
    const unsigned __int128 y = d > 126 ? 1 : whole >> d | (d && whole << (128 - d));
    if (!((a.exp ^ b.exp) & 0x8000))
        return x87_round_any(sign, exp, x + y, r);
    if (x > y)
        return x87_round_any(sign, exp, x - y, r);
    if (x < y)
        return x87_round_any(sign ^ 0x8000, exp, y - x, r);
    *r = fpreg_make(false, 0, 0);
    return 0;
}

static inline unsigned x87_mul(struct fpreg a, struct fpreg b, struct fpreg *r)
{
    const unsigned __int128 p = (unsigned __int128)a.sig * b.sig;
    const int low = !(p >> 127);
    const unsigned __int128 v = p << low;
    const int exp = (a.exp & 0x7fff) + (b.exp & 0x7fff) - X87_BIAS + 1 - low;
    return x87_round((a.exp ^ b.exp) & 0x8000, exp, (uint64_t)(v >> 64), (uint64_t)v, r);
}

/* hi:lo / by, where hi < by. Elsewhere than on x86-64 the compiler's own division takes a little longer. */
static inline uint64_t x87_divide(uint64_t hi, uint64_t lo, uint64_t by, uint64_t *rest)
{
#ifdef __x86_64__
    uint64_t q;
    __asm__("divq %4" : "=a"(q), "=d"(*rest) : "0"(lo), "1"(hi), "r"(by) : "cc");
    return q;
#else
    const unsigned __int128 n = (unsigned __int128)hi << 64 | lo;
    *rest = (uint64_t)(n % by);
    return (uint64_t)(n / by);
#endif
}

/* Of the rest only matters whether it is 0, and how it compares with half of b. */
static inline unsigned x87_div(struct fpreg a, struct fpreg b, struct fpreg *r)
{
    const int low = a.sig < b.sig;
    uint64_t rest;
    const uint64_t q = x87_divide(a.sig >> !low, low ? 0 : a.sig << 63, b.sig, &rest);
    const uint64_t lo = !rest                  ? 0
                        : rest > b.sig - rest  ? 3ull << 62
                        : rest == b.sig - rest ? 1ull << 63
                                               : 1ull << 62;
    const int exp = (a.exp & 0x7fff) - (b.exp & 0x7fff) + X87_BIAS - low;
    return x87_round((a.exp ^ b.exp) & 0x8000, exp, q, lo, r);
}

/* *r = a op b. Returns PE and C1, or X87_LEFT if this is none of the common cases. */
enum { X87_LEFT = ~0u };
__attribute__((always_inline)) static inline unsigned
x87_fast(unsigned cw, enum x87_kind kind, struct fpreg a, struct fpreg b, struct fpreg *r)
{
    if ((cw & 0xf00) != 0x300 || !x87_common_normal(a) || !x87_common_normal(b))
        return X87_LEFT;
    switch (kind) {
    case X87_ADD:
        return x87_add(a, b, 0, r);
    case X87_MUL:
        return x87_mul(a, b, r);
    case X87_SUB:
        return x87_add(a, b, 0x8000, r);
    case X87_SUBR:
        return x87_add(b, a, 0x8000, r);
    case X87_DIV:
        return x87_div(a, b, r);
    case X87_DIVR:
        return x87_div(b, a, r);
    default:
        return X87_LEFT;
    }
}

/* C0, C2 and C3 as FCOM sets them, or X87_LEFT. */
static inline unsigned x87_fast_compare(struct fpreg a, struct fpreg b)
{
    if (!x87_common_normal(a) || !x87_common_normal(b))
        return X87_LEFT;
    if (a.exp == b.exp && a.sig == b.sig)
        return SW_C3;
    const bool negative = a.exp >> 15;
    if ((a.exp ^ b.exp) >> 15)
        return negative ? SW_C0 : 0;
    const bool smaller = a.exp != b.exp ? a.exp < b.exp : a.sig < b.sig; /* in magnitude */
    return smaller != negative ? SW_C0 : 0;
}

/* v as a double, or with `bits` 24 as a float, in the lower bits of *to. Returns PE and C1, or X87_LEFT. */
static inline unsigned x87_fast_narrow(unsigned cw, struct fpreg v, unsigned bits, uint64_t *to)
{
    const unsigned emax = bits == 24 ? 0xff : 0x7ff, drop = 64 - bits;
    const unsigned e = (v.exp & 0x7fffu) - (X87_BIAS - emax / 2); /* huge if it is too small */
    if (cw & 0xc00 || e - 1 >= emax - 2 || !(v.sig >> 63))
        return X87_LEFT;
    const uint64_t rest = v.sig << bits, whole = v.sig >> drop;
    const unsigned up = rest >> 63 & ((rest << 1 != 0) | (whole & 1));
    /* The leading one adds 1 to the exponent, and a carry another. */
    *to =
        (uint64_t)(v.exp >> 15) << (bits == 24 ? 31 : 63) | (((uint64_t)(e - 1) << (bits - 1)) + whole + up);
    return (rest ? SW_PE : 0) | (up ? SW_C1 : 0);
}

#endif
