/* simd_sha.c - SHA and GFNI.
 *
 * Source: FIPS 180-4 (the functions); Intel SDM volume 2, the instruction pages. */
#include "hv/x86/vector/simd.h"

static uint32_t rol(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}
static uint32_t ror(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

/* ---------------------------------------------------------------- SHA-1 */

static uint32_t sha1_f(unsigned which, uint32_t b, uint32_t c, uint32_t d)
{
    return which == 0 ? (b & c) ^ (~b & d) : which == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
}
static vec do_sha1rnds4(vec d, vec s, unsigned imm)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    union lanes x = {.v = d}, w = {.v = s};
    uint32_t a = x.d[3], b = x.d[2], c = x.d[1], dd = x.d[0], e = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sha1_f(imm & 3, b, c, dd) + rol(a, 5) + w.d[3 - i] + e + k[imm & 3];
        e = dd, dd = c, c = rol(b, 30), b = a, a = t;
    }
    union lanes r = {.d = {dd, c, b, a}};
    return r.v;
}
static vec do_sha1nexte(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s};
    y.d[3] += rol(x.d[3], 30);
    return y.v;
}
static vec do_sha1msg1(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s},
                r = {.d = {y.d[2] ^ x.d[0], y.d[3] ^ x.d[1], x.d[0] ^ x.d[2], x.d[1] ^ x.d[3]}};
    return r.v;
}
static vec do_sha1msg2(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    r.d[3] = rol(x.d[3] ^ y.d[2], 1);
    r.d[2] = rol(x.d[2] ^ y.d[1], 1);
    r.d[1] = rol(x.d[1] ^ y.d[0], 1);
    r.d[0] = rol(x.d[0] ^ r.d[3], 1);
    return r.v;
}
XMM_OPN(sha1rnds4, do_sha1rnds4, 16)
XMM_OPN(sha1nexte, do_sha1nexte, 16)
XMM_OPN(sha1msg1, do_sha1msg1, 16)
XMM_OPN(sha1msg2, do_sha1msg2, 16)

/* ---------------------------------------------------------------- SHA-256 */

static uint32_t small_sigma(uint32_t v, unsigned a, unsigned b, unsigned shift)
{
    return ror(v, a) ^ ror(v, b) ^ v >> shift;
}
/* Two rounds. d: C, D, G, H; s: A, B, E, F; wk: the message's words and constants (XMM0). */
static vec sha256_rounds(vec d, vec s, vec wk)
{
    union lanes x = {.v = d}, y = {.v = s}, w = {.v = wk};
    uint32_t a = y.d[3], b = y.d[2], c = x.d[3], dd = x.d[2], e = y.d[1], f = y.d[0], g = x.d[1], h = x.d[0];
    for (unsigned i = 0; i < 2; i++) {
        uint32_t t = ((e & f) ^ (~e & g)) + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + w.d[i] + h;
        uint32_t u = ((a & b) ^ (a & c) ^ (b & c)) + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22));
        h = g, g = f, f = e, e = t + dd, dd = c, c = b, b = a, a = t + u;
    }
    union lanes r = {.d = {f, e, b, a}};
    return r.v;
}
static vec do_sha256msg1(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    for (unsigned i = 0; i < 4; i++)
        r.d[i] = x.d[i] + small_sigma(i < 3 ? x.d[i + 1] : y.d[0], 7, 18, 3);
    return r.v;
}
static vec do_sha256msg2(vec d, vec s, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = s}, r;
    r.d[0] = x.d[0] + small_sigma(y.d[2], 17, 19, 10);
    r.d[1] = x.d[1] + small_sigma(y.d[3], 17, 19, 10);
    r.d[2] = x.d[2] + small_sigma(r.d[0], 17, 19, 10);
    r.d[3] = x.d[3] + small_sigma(r.d[1], 17, 19, 10);
    return r.v;
}
XMM_OPN(sha256msg1, do_sha256msg1, 16)
XMM_OPN(sha256msg2, do_sha256msg2, 16)

static OP(sha256rnds2_r)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, sha256_rounds(xmm_get(cpu, op->dst), xmm_get(cpu, op->src), xmm_get(cpu, 0)));
    NEXT;
}
static OP(sha256rnds2_m)
{
    sse_check(cpu, op);
    vec s = simd_load(cpu, op, ea_any(cpu, op, 16, false), 16);
    xmm_set(cpu, op->dst, sha256_rounds(xmm_get(cpu, op->dst), s, xmm_get(cpu, 0)));
    NEXT;
}
FAMILY_RM(fam_sha256rnds2, sha256rnds2_r, sha256rnds2_m);

/* ---------------------------------------------------------------- GFNI: bytes as elements of GF(2^8) */

/* Modulo x^8 + x^4 + x^3 + x + 1. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned r = 0, x = a;
    for (unsigned i = 0; i < 8; i++) {
        r ^= b >> i & 1 ? x : 0;
        x = x << 1 ^ (x & 0x80 ? 0x11b : 0);
    }
    return (uint8_t)r;
}
/* x^254; of 0 it is 0. */
static uint8_t inverse(uint8_t x)
{
    uint8_t r = 1, p = x;
    for (unsigned i = 1; i < 8; i++) {
        p = multiply(p, p);
        r = multiply(r, p);
    }
    return r;
}
/* The 8 by 8 bit matrix times x, and the immediate added. Row i is byte 7 - i. */
static uint8_t affine(uint64_t matrix, uint8_t x, unsigned imm)
{
    unsigned r = 0;
    for (unsigned i = 0; i < 8; i++)
        r |= (unsigned)__builtin_parity((uint8_t)(matrix >> (8 * (7 - i))) & x) << i;
    return (uint8_t)(r ^ imm);
}
static vec affine_all(vec d, vec s, unsigned imm, bool inverted)
{
    union lanes x = {.v = d}, m = {.v = s}, r;
    for (unsigned i = 0; i < 16; i++)
        r.b[i] = affine(m.q[i / 8], inverted ? inverse(x.b[i]) : x.b[i], imm);
    return r.v;
}
LANE_FN(do_gf2p8mulb, uint8_t, b, multiply(a, b))
VEC_FN(do_gf2p8affineqb, affine_all(d, s, imm, false))
VEC_FN(do_gf2p8affineinvqb, affine_all(d, s, imm, true))
XMM_OP(gf2p8mulb, do_gf2p8mulb)
XMM_OP(gf2p8affineqb, do_gf2p8affineqb)
XMM_OP(gf2p8affineinvqb, do_gf2p8affineinvqb)
