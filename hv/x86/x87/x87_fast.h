/* x87_fast.h - arithmetic of common operands, in a few instructions each. Private to hv/x86 (x87_stack.c).
 *
 * Common are normal numbers so far from the ends of the range of exponents that no result overflows or underflows, with
 * rounding to nearest. So nothing can happen but PE and C1. Everything else is left to x87_arith.c and x87_conv.c, which
 * do these cases too: test_x87.c compares the two. */
#ifndef BOOTREEL_HV_X86_X87_X87_FAST_H
#define BOOTREEL_HV_X86_X87_X87_FAST_H

#include "hv/x86/x87/x87.h"

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

/* A fraction d places to the right: the upper 64 bits, and those below in *lo. If bits are shifted out, the last one is set. */
static inline uint64_t x87_shift(uint64_t sig, unsigned d, uint64_t *lo)
{
    if (likely(d < 64)) {
        *lo = sig << 1 << (63 - d);
        return sig >> d;
    }
    *lo = d >= 128 ? 1 : sig >> (d - 64) | (d > 64 && sig << (128 - d));
    return 0;
}

/* sig:0 - hi:lo, which is more than 0, normalized and rounded. */
static inline unsigned x87_less(unsigned sign, int exp, uint64_t sig, uint64_t hi, uint64_t lo,
                                struct fpreg *r)
{
    hi = sig - hi - (lo != 0);
    lo = -lo;
    if (unlikely(!hi)) {
        hi = lo;
        lo = 0;
        exp -= 64;
    }
    const int shift = __builtin_clzll(hi);
    if (shift) {
        hi = hi << shift | lo >> (64 - shift);
        lo <<= shift;
    }
    return x87_round(sign, exp - shift, hi, lo, r);
}

/* a + b, where `flip` is 8000h to subtract. */
static inline unsigned x87_add(struct fpreg a, struct fpreg b, unsigned flip, struct fpreg *r)
{
    b.exp ^= flip;
    const int apart = (a.exp & 0x7fff) - (b.exp & 0x7fff);
    if (apart < 0 || (!apart && a.sig < b.sig)) {
        const struct fpreg t = a;
        a = b;
        b = t;
    }
    const unsigned sign = a.exp & 0x8000;
    const int exp = a.exp & 0x7fff;
    uint64_t lo, hi = x87_shift(b.sig, (unsigned)(apart < 0 ? -apart : apart), &lo);
    if ((a.exp ^ b.exp) & 0x8000) {
        if (hi != a.sig)
            return x87_less(sign, exp, a.sig, hi, lo, r);
        *r = fpreg_make(false, 0, 0);
        return 0;
    }
    const bool carry = __builtin_add_overflow(a.sig, hi, &hi);
    if (carry) {
        lo = lo >> 1 | (lo & 1) | hi << 63;
        hi = hi >> 1 | 1ull << 63;
    }
    return x87_round(sign, exp + carry, hi, lo, r);
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

/* v as an integer of 16, 32 or 64 bits in *to; `chop`: whatever the rounding control. Returns PE and C1, or X87_LEFT. */
static inline unsigned x87_fast_integer(unsigned cw, struct fpreg v, unsigned bits, bool chop, uint64_t *to)
{
    const unsigned rc = chop ? 3 : cw >> 10 & 3;
    const unsigned e = (v.exp & 0x7fffu) - X87_BIAS; /* huge if it is less than 1 */
    if (rc % 3 || e > bits - 3 || !(v.sig >> 63))
        return X87_LEFT;
    const uint64_t rest = v.sig << (e + 1), whole = v.sig >> (63 - e);
    const unsigned up = rc ? 0 : rest >> 63 & ((rest << 1 != 0) | (whole & 1));
    const uint64_t m = whole + up;
    *to = v.exp >> 15 ? -m : m;
    return (rest ? SW_PE : 0) | (up ? SW_C1 : 0);
}

#endif
