/* x87_conv.c - conversions of x87 stores: single, double, integer, packed BCD.
 *
 * Source: Intel SDM volume 1, chapters 4.2, 4.7 and 8.5; volume 2, FST, FIST, FISTTP, FBLD, FBSTP. */
#include "hv/x86/x87/x87.h"

typedef unsigned __int128 u128;

/* sig (a 64-bit fraction, sticky below) to its upper `prec` bits. */
static uint64_t round_to(uint64_t hi, bool sticky, unsigned prec, unsigned rc, bool sign, bool *inexact,
                         bool *up)
{
    uint64_t mask = ~0ull >> prec, lsb = mask + 1, rest = hi & mask, half = lsb >> 1;
    *inexact = rest || sticky;
    switch (rc) {
    case 0:
        *up = rest > half || (rest == half && (sticky || (hi & lsb)));
        break;
    case 1:
        *up = *inexact && sign;
        break;
    case 2:
        *up = *inexact && !sign;
        break;
    default:
        *up = false;
    }
    return (hi >> (64 - prec)) + *up;
}

/* To a format of `prec` significant bits and `emax` the all-ones exponent, without its sign. */
static unsigned finite_to_small(unsigned cw, struct num a, unsigned prec, int emax, uint64_t *v)
{
    unsigned rc = cw >> 10 & 3;
    bool inexact, up;
    uint64_t sig = round_to(a.sig, false, prec, rc, a.sign, &inexact, &up);
    int e = a.exp + emax / 2 + (int)(sig >> prec);
    if (e >= emax) {
        bool to_inf = rc == 0 || (rc == 1 && a.sign) || (rc == 2 && !a.sign);
        *v = ((uint64_t)emax << (prec - 1)) - !to_inf;
        return SW_OE | SW_PE | (to_inf ? SW_C1 : 0);
    }
    unsigned flags = 0;
    if (e < 1) {
        unsigned shift = 1 - (a.exp + emax / 2);
        uint64_t hi = shift > 63 ? 0 : a.sig >> shift;
        bool sticky = shift > 63 || a.sig << (64 - shift);
        sig = round_to(hi, sticky, prec, rc, a.sign, &inexact, &up);
        *v = sig; /* if this rounds up to the least normal number, the exponent becomes correct by itself */
        if (inexact || !(cw & SW_UE))
            flags = SW_UE;
    } else {
        /* The leading one is added to the exponent field. */
        *v = ((uint64_t)(a.exp + emax / 2 - 1) << (prec - 1)) + sig;
    }
    return flags | (inexact ? SW_PE : 0) | (up ? SW_C1 : 0);
}

static unsigned to_small(unsigned cw, struct num a, unsigned prec, int emax, uint64_t *v)
{
    uint64_t top = (uint64_t)emax << (prec - 1);
    uint64_t sign = (uint64_t)a.sign << (prec == 24 ? 31 : 63);
    unsigned flags = 0;
    switch (a.cls) {
    case NUM_ZERO:
        *v = sign;
        return 0;
    case NUM_INF:
        *v = sign | top;
        return 0;
    case NUM_UNSUPPORTED:
        *v = 1ull << (prec == 24 ? 31 : 63) | top | 1ull << (prec - 2);
        return SW_IE;
    case NUM_SNAN:
        flags = SW_IE; /* fall through */
    case NUM_QNAN:
        *v = sign | top | 1ull << (prec - 2) | (a.sig << 1 >> (65 - prec));
        return flags;
    default:
        break;
    }
    flags = finite_to_small(cw, a, prec, emax, v);
    *v |= sign;
    return flags;
}

unsigned num_to_f32(unsigned cw, struct num a, uint32_t *v)
{
    uint64_t wide;
    unsigned flags = to_small(cw, a, 24, 0xff, &wide);
    *v = (uint32_t)wide;
    return flags;
}

unsigned num_to_f64(unsigned cw, struct num a, uint64_t *v)
{
    return to_small(cw, a, 53, 0x7ff, v);
}

/* |a| rounded to an integer; false if it needs more than 64 bits. */
static bool to_magnitude(unsigned rc, struct num a, uint64_t *m, unsigned *flags)
{
    *flags = 0;
    *m = 0;
    if (a.cls == NUM_ZERO)
        return true;
    if (a.cls != NUM_FINITE || a.exp > 63)
        return false;
    unsigned shift = 63 - a.exp;
    uint64_t whole = shift > 63 ? 0 : a.sig >> shift;
    uint64_t frac = shift == 0 ? 0 : shift <= 63 ? a.sig << (64 - shift) : shift == 64 ? a.sig : 1;
    bool up = false;
    switch (rc) {
    case 0:
        up = frac > 1ull << 63 || (frac == 1ull << 63 && (whole & 1));
        break;
    case 1:
        up = frac && a.sign;
        break;
    case 2:
        up = frac && !a.sign;
        break;
    default:
        break;
    }
    if (up && whole == ~0ull)
        return false;
    *m = whole + up;
    *flags = (frac ? SW_PE : 0) | (up ? SW_C1 : 0);
    return true;
}

unsigned num_to_int(unsigned cw, struct num a, unsigned bits, bool chop, int64_t *v)
{
    uint64_t m, limit = 1ull << (bits - 1);
    unsigned flags;
    if (!to_magnitude(chop ? 3 : cw >> 10 & 3, a, &m, &flags) || m > limit - !a.sign) {
        *v = (int64_t)-limit;
        return SW_IE;
    }
    *v = (int64_t)(a.sign ? -m : m);
    return flags;
}

/* ---------------------------------------------------------------- packed BCD */

struct num num_from_bcd(uint64_t low, uint16_t high)
{
    uint64_t m = (uint64_t)(high >> 4 & 15) * 10 + (high & 15);
    for (int i = 15; i >= 0; i--)
        m = m * 10 + (low >> (4 * i) & 15);
    struct num n = num_from_int((int64_t)m); /* less than 2^63 whatever the digits */
    n.sign = high >> 15;
    return n;
}

unsigned num_to_bcd(unsigned cw, struct num a, uint64_t *low, uint16_t *high)
{
    uint64_t m;
    unsigned flags;
    if (!to_magnitude(cw >> 10 & 3, a, &m, &flags) || m > 999999999999999999ull) {
        *low = 0xc000000000000000ull;
        *high = 0xffff;
        return SW_IE;
    }
    *low = 0;
    for (int i = 0; i < 16; i++, m /= 10)
        *low |= m % 10 << (4 * i);
    *high = (uint16_t)(m % 10 | m / 10 << 4 | (unsigned)a.sign << 15);
    return flags;
}
