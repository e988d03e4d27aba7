/* simd_ssse3.c - SSSE3, in MMX and XMM form.
 *
 * Source: Intel SDM volume 2, the instruction pages; volume 1, chapter 12. */
#include "hv/x86/vector/simd.h"

static inline int16_t saturate16(int x)
{
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

/* ---------------------------------------------------------------- lane by lane */

#define LANES_BOTH(name, T, f, expr)                                                                         \
    LANE_FN(do_##name, T, f, expr)                                                                           \
    BOTH(name, do_##name)

LANES_BOTH(psignb, int8_t, sb, b < 0 ? -a : b ? a : 0)
LANES_BOTH(psignw, int16_t, sw, b < 0 ? -a : b ? a : 0)
LANES_BOTH(psignd, int32_t, sd, b < 0 ? -a : b ? a : 0)
LANES_BOTH(pabsb, int8_t, sb, b < 0 ? -b : b)
LANES_BOTH(pabsw, int16_t, sw, b < 0 ? -b : b)
LANES_BOTH(pabsd, int32_t, sd, b < 0 ? -b : b)
LANES_BOTH(pmulhrsw, int16_t, sw, (((a * b) >> 14) + 1) >> 1)
/* Unsigned bytes of d times signed bytes of s, pairs added. */
LANES_BOTH(pmaddubsw, int16_t, sw, saturate16((uint8_t)a *(int8_t)b + (uint8_t)(a >> 8) * (int8_t)(b >> 8)))

/* ---------------------------------------------------------------- across lanes */

/* Pairs of neighbours: of d in the low half of the result, of s in the high half. */
#define HORIZONTAL(name, f, expr)                                                                            \
    SIMD_INLINE vec do_##name(vec d, vec s, unsigned imm)                                                    \
    {                                                                                                        \
        union lanes x = {.v = d}, y = {.v = s}, r;                                                           \
        const unsigned half = sizeof r.f / sizeof r.f[0] / 2;                                                \
        for (unsigned i = 0; i < 2 * half; i++) {                                                            \
            const union lanes *z = i < half ? &x : &y;                                                       \
            int a = z->f[2 * i % (2 * half)], b = z->f[2 * i % (2 * half) + 1];                              \
            r.f[i] = expr;                                                                                   \
        }                                                                                                    \
        return r.v;                                                                                          \
    }                                                                                                        \
    MMX_HALVES_FN(do_mmx_##name, do_##name)                                                                  \
    XMM_OP(name, do_##name)                                                                                  \
    MMX_OP(name, do_mmx_##name)

HORIZONTAL(phaddw, sw, (int16_t)(a + b))
HORIZONTAL(phaddd, sd, a + b)
HORIZONTAL(phaddsw, sw, saturate16(a + b))
HORIZONTAL(phsubw, sw, (int16_t)(a - b))
HORIZONTAL(phsubd, sd, a - b)
HORIZONTAL(phsubsw, sw, saturate16(a - b))

SIMD_INLINE vec shuffle_bytes(vec d, vec s, unsigned last)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 16; i++)
        r.b[i] = y.b[i] & 0x80 ? 0 : x.b[y.b[i] & last];
    return r.v;
}
VEC_FN(do_pshufb, shuffle_bytes(d, s, 15))
VEC_FN(do_mmx_pshufb, shuffle_bytes(d, s, 7))
XMM_OP(pshufb, do_pshufb)
MMX_OP(pshufb, do_mmx_pshufb)

/* `n` bytes at offset imm of d:s; bytes beyond those 2n are zero. */
SIMD_INLINE vec align_right(vec d, vec s, unsigned imm, unsigned n)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 16; i++) {
        unsigned at = (imm & 0xff) + i;
        r.b[i] = at < n ? y.b[at] : at < 2 * n ? x.b[at - n] : 0;
    }
    return r.v;
}
VEC_FN(do_palignr, align_right(d, s, imm, 16))
VEC_FN(do_mmx_palignr, align_right(d, s, imm, 8))
XMM_OP(palignr, do_palignr)
MMX_OP(palignr, do_mmx_palignr)
