/* vendor.c - which vendor's processor this is, and what Intel's computes where AMD's computes something else.
 */
#include "tests/native/vendor.h"

#include <cpuid.h>
#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

#include "hv/x86/x87/x87.h"

static enum vendor vendor_of_id(unsigned ebx)
{
    switch (ebx) {
    case 0x756e6547: /* GenuineIntel */
        return VENDOR_INTEL;
    case 0x68747541: /* AuthenticAMD */
    case 0x6f677948: /* HygonGenuine */
        return VENDOR_AMD;
    default:
        return VENDOR_OTHER;
    }
}

static enum vendor find_vendor(void)
{
    const char *name = getenv("NATIVE_VENDOR");
    unsigned a, b = 0, c, d;
    if (name)
        return !strcmp(name, "intel") ? VENDOR_INTEL : !strcmp(name, "amd") ? VENDOR_AMD : VENDOR_OTHER;
    __get_cpuid(0, &a, &b, &c, &d);
    return vendor_of_id(b);
}

enum vendor host_vendor(void)
{
    static int known = -1; /* CPUID is slow in a virtual machine */
    if (known < 0)
        known = (int)find_vendor();
    return (enum vendor)known;
}

/* ---------------------------------------------------------------- x87 */

/* Was this exception raised by the instruction? */
static bool is_raised(const struct fpu *in, const struct fpu *out, unsigned flag)
{
    return out->sw & flag && !(in->sw & flag);
}

static void take_back(const struct fpu *in, struct fpu *out, unsigned flag)
{
    if (!(in->sw & flag))
        out->sw &= (uint16_t)~flag;
    fpu_update_es(out);
}

/* The sine or arc tangent of the smallest normal number lies just below it. Rounded towards zero that is
 * denormal, with an underflow (AMD); Intel's processors return the operand. An unmasked underflow has the
 * exponent raised by 24576 (SDM volume 1, 8.5.5). */
static void keep_smallest(const struct fpu *in, struct fpu *out, unsigned operand, unsigned i)
{
    struct fpreg *r = &out->r[fpu_phys(out, i)], was = fpu_st(in, operand);
    unsigned exp = r->exp & 0x7fff;
    bool denormal = exp == 0 && r->sig == INT64_MAX, biased = exp == 0x6000 && r->sig == UINT64_MAX;
    if ((was.exp & 0x7fff) > 1 || was.sig != 1ull << 63 || (!denormal && !biased))
        return;
    *r = fpreg_make(r->exp >> 15, 1, 1ull << 63);
    take_back(in, out, SW_UE);
}

/* What would return its operand returns it, with no underflow even if that is unmasked and the operand
 * denormal. */
static void keep_operand(const struct fpu *in, struct fpu *out, bool (*neutral)(struct fpreg))
{
    if (!is_raised(in, out, SW_UE) || !neutral(fpu_st(in, 1)))
        return;
    out->r[fpu_phys(out, 0)] = fpu_st(in, 0);
    take_back(in, out, SW_UE);
}

static bool is_infinity(struct fpreg r)
{
    return (r.exp & 0x7fff) == 0x7fff && r.sig == 1ull << 63;
}
static bool is_one(struct fpreg r)
{
    return r.exp == 0x3fff && r.sig == 1ull << 63;
}
static bool is_zero(struct fpreg r)
{
    return !(r.exp & 0x7fff) && !r.sig;
}

void intel_x87(const char *m, const struct fpu *in, struct fpu *out)
{
    if (!strcmp(m, "fsin"))
        keep_smallest(in, out, 0, 0);
    else if (!strcmp(m, "fsincos"))
        keep_smallest(in, out, 0, 1);
    else if (!strcmp(m, "fpatan") && is_one(fpu_st(in, 0))) /* else the quotient itself is denormal */
        keep_smallest(in, out, 1, 0);
    else if (!strcmp(m, "fprem") || !strcmp(m, "fprem1"))
        keep_operand(in, out, is_infinity);
    else if (!strcmp(m, "fscale"))
        keep_operand(in, out, is_zero);
}

/* ---------------------------------------------------------------- dot products */

/* All ones in the lanes whose bit is set. */
static __m128i lane_mask(unsigned lanes, unsigned bits)
{
    uint32_t m[4];
    for (unsigned i = 0; i < 4; i++)
        m[i] = bits >> (lanes == 4 ? i : i / 2) & 1 ? UINT32_MAX : 0;
    return _mm_loadu_si128((const __m128i *)m);
}

/* Written in assembly since the order of the operands decides which of two NaNs comes out, and compilers take
 * addition to be commutative. */
#define ARITHMETIC(name)                                                                                     \
    static __m128i name(__m128i a, __m128i b)                                                                \
    {                                                                                                        \
        __asm__ volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                \
        return a;                                                                                            \
    }
ARITHMETIC(mulps)
ARITHMETIC(addps)
ARITHMETIC(mulpd)
ARITHMETIC(addpd)

static __m128i dot_ps(__m128i d, __m128i s)
{
    __m128i p = mulps(d, s);
    p = addps(_mm_shuffle_epi32(p, 0xb1), p);
    return addps(p, _mm_shuffle_epi32(p, 0x4e));
}
static __m128i dot_pd(__m128i d, __m128i s)
{
    __m128i p = mulpd(d, s);
    return addpd(p, _mm_shuffle_epi32(p, 0x4e));
}

void intel_dot(unsigned lanes, uint8_t imm, uint32_t mxcsr, const void *dst, const void *src, void *out)
{
    __m128i in = lane_mask(lanes, imm >> 4), d = _mm_and_si128(_mm_loadu_si128(dst), in),
            s = _mm_and_si128(_mm_loadu_si128(src), in), r;
    unsigned before = _mm_getcsr();
    _mm_setcsr((mxcsr & 0xffc0) | 0x1f80);
    r = lanes == 4 ? dot_ps(d, s) : dot_pd(d, s);
    _mm_setcsr(before);
    _mm_storeu_si128(out, _mm_and_si128(r, lane_mask(lanes, imm)));
}
