/* simd_except.c - SIMD floating-point exceptions that are not all masked.
 *
 * Source: Intel SDM volume 1, 4.9.1 (detecting exceptions), 11.5.2 and 11.5.3; appendix E.
 *
 * The operation has been run with every exception masked. That gives all flags except overflow and underflow
 * when these are unmasked. In that case a tiny result is an underflow even if it is exact, and inexact (PE)
 * means that the result did not fit in the significand, whatever the exponent's range. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- tiny results */

static bool tiny32(uint32_t x)
{
    return !(x & 0x7f800000) && (x & 0x7fffff);
}
static bool tiny64(uint64_t x)
{
    return !(x & 0x7ff0000000000000) && (x & 0xfffffffffffff);
}

static bool is_tiny(vec result, enum fp_kind k)
{
    union lanes r = {.v = result};
    switch (k & R_LANES) {
    case R_SS:
        return tiny32(r.d[0]);
    case R_PS:
        return tiny32(r.d[0]) || tiny32(r.d[1]) || tiny32(r.d[2]) || tiny32(r.d[3]);
    case R_SD:
        return tiny64(r.q[0]);
    case R_PD:
        return tiny64(r.q[0]) || tiny64(r.q[1]);
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- inexact with an unbounded exponent
 *
 * Computed with the host's x87: its extended precision has exponents for every result here and 64 bits of
 * significand. A result that is inexact there, or has bits beyond the guest format, is inexact. */

/* Element i of a vector of singles or doubles; a denormal counts as 0 with DAZ. */
static long double element(vec v, unsigned i, bool wide, bool daz)
{
    union xmm x;
    _mm_store_si128((vec *)&x, v);
    if (wide)
        return daz && tiny64(x.q[i]) ? 0 : (long double)x.lf[i];
    return daz && tiny32(x.d[i]) ? 0 : (long double)x.f[i];
}

static bool inexact_lane(enum fp_kind what, long double x, long double y, unsigned significand)
{
    volatile long double a = x, b = y, r;
    uint16_t sw;
    uint64_t sig;
    __asm__ volatile("fnclex");
    switch (what & FP_WHAT) {
    case FP_ADD:
        r = a + b;
        break;
    case FP_SUB:
        r = a - b;
        break;
    case FP_MUL:
        r = a * b;
        break;
    case FP_DIV:
        r = a / b;
        break;
    default:
        r = b;
        break;
    }
    __asm__ volatile("fnstsw %0" : "=a"(sw));
    x = r;
    if (__builtin_isnan(x))
        return false;
    memcpy(&sig, &x, sizeof sig);
    return sw & MX_PE || sig & ((1ull << (64 - significand)) - 1);
}

static bool inexact(vec d, vec s, enum fp_kind k, bool daz)
{
    bool narrow = (k & FP_WHAT) == FP_NARROW, double_result = (k & R_LANES) >= R_SD,
         wide = narrow || double_result;
    bool scalar = (k & R_LANES) == R_SS || (k & R_LANES) == R_SD;
    unsigned per_register = wide ? 2 : 4, n = scalar ? 1 : per_register;
    for (unsigned i = 0; i < n; i++) {
        enum fp_kind what = k & FP_WHAT;
        vec from_a = d, from_b = s;
        unsigned ia = i, ib = i;
        if (what == FP_ADDSUB) {
            what = i & 1 ? FP_ADD : FP_SUB;
        } else if (what == FP_HADD || what == FP_HSUB) {
            what = what == FP_HADD ? FP_ADD : FP_SUB;
            from_a = from_b = 2 * i < per_register ? d : s;
            ia = 2 * i % per_register;
            ib = ia + 1;
        }
        if (inexact_lane(what, element(from_a, ia, wide, daz), element(from_b, ib, wide, daz),
                         double_result ? 53 : 24))
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- the whole */

static void end_slow(struct x86 *cpu, const struct op *op, uint32_t mx, const vec *d, const vec *s,
                     const vec *result, unsigned n, enum fp_kind k)
{
    const uint32_t host = MX_MASKS, pre = MX_IE | MX_DE | MX_ZE, range = MX_OE | MX_UE;
    uint32_t flags = mx & MX_FLAGS, unmasked = ~(cpu->fpu.mxcsr >> 7) & MX_FLAGS;
    bool tiny = false, inexact_ = false;
    __asm__ volatile("ldmxcsr %0" : : "m"(host));
    for (unsigned i = 0; i < n; i++)
        tiny |= is_tiny(result[i], k);
    if (unmasked & MX_UE && tiny)
        flags |= MX_UE;
    if (flags & pre & unmasked) {
        flags &= pre; /* these are detected before computing, so nothing was computed */
    } else if (flags & range & unmasked && !(flags & range & ~unmasked)) {
        for (unsigned i = 0; i < n && !inexact_; i++)
            inexact_ = inexact(d[i], s[i], k, mx & MX_DAZ);
        if (!inexact_)
            flags &= ~(uint32_t)MX_PE; /* (a masked one always comes with PE) */
    }
    if (!(flags & unmasked))
        return;
    cpu->fpu.mxcsr |= flags;
    SYNC;
    raise_fault(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
}

void fp_end_slow(struct x86 *cpu, const struct op *op, uint32_t mx, vec d, vec s, vec result, enum fp_kind k)
{
    end_slow(cpu, op, mx, &d, &s, &result, 1, k);
}

void fp_end_256(struct x86 *cpu, const struct op *op, uint32_t mx, vec d, vec dh, vec s, vec sh, vec r,
                vec rh, enum fp_kind k)
{
    end_slow(cpu, op, mx, (vec[2]){d, dh}, (vec[2]){s, sh}, (vec[2]){r, rh}, 2, k);
}
