/* simd_string.c - SSE4.2 string comparison and CRC32.
 *
 * Source: Intel SDM volume 2, section 4.1 (imm8 of PCMPxSTRx) and the instruction pages. */
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- PCMPESTRI and the like */

/* The two strings: elements sign- or zero-extended, and how many are valid. */
struct strings {
    unsigned n; /* elements per register: 16 or 8 */
    int a[16], b[16];
    unsigned na, nb;
};

static void strings_elements(struct strings *s, vec d, vec src, unsigned imm)
{
    union lanes x = {.v = d}, y = {.v = src};
    s->n = imm & 1 ? 8 : 16;
    for (unsigned i = 0; i < s->n; i++) {
        switch (imm & 3) {
        case 0:
            s->a[i] = x.b[i], s->b[i] = y.b[i];
            break;
        case 1:
            s->a[i] = x.w[i], s->b[i] = y.w[i];
            break;
        case 2:
            s->a[i] = x.sb[i], s->b[i] = y.sb[i];
            break;
        default:
            s->a[i] = x.sw[i], s->b[i] = y.sw[i];
            break;
        }
    }
}
/* Implicit lengths: up to the first zero. */
static unsigned strings_end(const int *e, unsigned n)
{
    unsigned i = 0;
    while (i < n && e[i])
        i++;
    return i;
}
/* Explicit: the magnitude of rAX or rDX, saturated. */
static unsigned strings_length(uint64_t reg, bool wide, unsigned n)
{
    uint64_t v = wide ? reg : (uint64_t)(int64_t)(int32_t)reg;
    v = (int64_t)v < 0 ? 0 - v : v;
    return v > n ? n : (unsigned)v;
}

static bool equal_any(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->na; i++)
        if (j < s->nb && s->a[i] == s->b[j])
            return true;
    return false;
}
static bool in_ranges(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i + 1 < s->na; i += 2)
        if (j < s->nb && s->a[i] <= s->b[j] && s->b[j] <= s->a[i + 1])
            return true;
    return false;
}
static bool equal_each(const struct strings *s, unsigned j)
{
    bool in_a = j < s->na, in_b = j < s->nb;
    return in_a && in_b ? s->a[j] == s->b[j] : in_a == in_b;
}
/* Does a (or as much of it as fits in the register) occur at index j of b? */
static bool equal_ordered(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->na && j + i < s->n; i++)
        if (j + i >= s->nb || s->a[i] != s->b[j + i])
            return false;
    return true;
}

/* IntRes2: one bit per element of b. Sets the flags. */
static unsigned strings_compare(struct x86 *cpu, const struct strings *s, unsigned imm)
{
    typedef bool compare_fn(const struct strings *, unsigned);
    static compare_fn *const aggregate[4] = {equal_any, in_ranges, equal_each, equal_ordered};
    unsigned res = 0;
    for (unsigned j = 0; j < s->n; j++) /* imm[3:2]: the aggregation */
        res |= (unsigned)aggregate[imm >> 2 & 3](s, j) << j;
    if (imm & 0x10) /* negative; with bit 5 only where b is valid */
        res ^= imm & 0x20 ? (1u << s->nb) - 1 : (1u << s->n) - 1;
    cc_set(cpu, (res ? FLAG_CF : 0) | (s->nb < s->n ? FLAG_ZF : 0) | (s->na < s->n ? FLAG_SF : 0) |
                    (res & 1 ? FLAG_OF : 0));
    return res;
}

/* Sets ECX to the index of the lowest or highest bit set, or to n. */
static void store_index(struct x86 *cpu, const struct strings *s, unsigned res, unsigned imm)
{
    unsigned at = !res ? s->n : imm & 0x40 ? 31 - (unsigned)__builtin_clz(res) : (unsigned)__builtin_ctz(res);
    SET32(RCX, at);
}
/* Sets XMM0 to the bits, or to elements of all ones. */
static void store_mask(struct x86 *cpu, const struct strings *s, unsigned res, unsigned imm)
{
    union lanes r = {.q = {res, 0}};
    if (imm & 0x40)
        for (unsigned i = 0; i < 16; i++)
            r.b[i] = res >> (i * s->n / 16) & 1 ? 0xff : 0;
    xmm_set(cpu, 0, r.v);
}

static void strings_run(struct x86 *cpu, const struct op *op, vec src, bool explicit_lengths, bool index)
{
    unsigned imm = (unsigned)op->imm;
    bool wide = op->pfx & PFX_REXW;
    struct strings s;
    strings_elements(&s, xmm_get(cpu, op->dst), src, imm);
    s.na = explicit_lengths ? strings_length(R64(RAX), wide, s.n) : strings_end(s.a, s.n);
    s.nb = explicit_lengths ? strings_length(R64(RDX), wide, s.n) : strings_end(s.b, s.n);
    unsigned res = strings_compare(cpu, &s, imm);
    if (index)
        store_index(cpu, &s, res, imm);
    else
        store_mask(cpu, &s, res, imm);
}

/* The memory operand need not be aligned. */
#define STRINGS(name, explicit_lengths, index)                                                               \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        strings_run(cpu, op, xmm_get(cpu, op->src), explicit_lengths, index);                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        strings_run(cpu, op, simd_load16u(cpu, op, ea_any(cpu, op, 16, false)), explicit_lengths, index);    \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_##name, name##_r, name##_m);                                                               \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        strings_run(cpu, op, xmm_get(cpu, op->src), explicit_lengths, index);                                \
        if (!index)                                                                                          \
            ymmh_set(cpu, 0, _mm_setzero_si128());                                                           \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        strings_run(cpu, op, simd_load16u(cpu, op, ea_any(cpu, op, 16, false)), explicit_lengths, index);    \
        if (!index)                                                                                          \
            ymmh_set(cpu, 0, _mm_setzero_si128());                                                           \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_v_##name, v_##name);

STRINGS(pcmpestri, true, true)
STRINGS(pcmpestrm, true, false)
STRINGS(pcmpistri, false, true)
STRINGS(pcmpistrm, false, false)

/* ---------------------------------------------------------------- CRC32
 *
 * The Castagnoli polynomial 11EDC6F41h, bits reflected, without inversions. Needs no SSE state. */

static uint32_t crc32c(uint32_t crc, uint64_t data, unsigned bytes)
{
    /* the effect of shifting out four bits */
    static const uint32_t nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (unsigned i = 0; i < bytes; i++) {
        crc ^= (uint8_t)(data >> (8 * i));
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return crc;
}

#define CRC32(bits, get)                                                                                     \
    static OP(crc32_##bits##_r)                                                                              \
    {                                                                                                        \
        SET32(op->dst, crc32c(R32(op->dst), get(op->src), bits / 8));                                        \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(crc32_##bits##_m)                                                                              \
    {                                                                                                        \
        SET32(op->dst, crc32c(R32(op->dst), ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false)), bits / 8)); \
        NEXT;                                                                                                \
    }
CRC32(8, R8)
CRC32(16, R16)
CRC32(32, R32)
CRC32(64, R64)
FAMILY_RM(fam_crc32_b, crc32_8_r, crc32_8_m);
const struct family fam_crc32_v = {{{NULL, crc32_16_r, crc32_32_r, crc32_64_r},
                                    {NULL, crc32_16_m, crc32_32_m, crc32_64_m},
                                    {NULL, crc32_16_m, crc32_32_m, crc32_64_m}}};
