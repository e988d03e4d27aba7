/* floats.c - fused multiply-add and conversions of x86-64-v3, edge cases by edge cases, with all roundings: prints a digest of results and
 * exception flags for each operation. tests/v3/run compares it with the host's own processor.
 *
 * Half precision is converted for all 65,536 numbers. Of the others the edges are zeros, denormals, the least and greatest normal numbers
 * and what is beside them, powers of two whose sums round, infinities, quiet and signalling NaNs. And products of numbers with few bits
 * set or clear, to which is added what nearly cancels them, or what lies far from them. */
#include <stdint.h>
#include <stdio.h>

typedef float v8f __attribute__((vector_size(32)));
typedef double v4d __attribute__((vector_size(32)));
typedef int32_t v8i __attribute__((vector_size(32)));

static uint64_t hash;
static void add(uint64_t v)
{
    hash = (hash ^ v) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
}

enum { ALL_MASKED = 0x1f80, FTZ = 0x8000, DAZ = 0x40, FLAGS = 0x3f };
static void control_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
}
static void add_flags(uint32_t v)
{
    uint32_t now;
    __asm__ volatile("stmxcsr %0" : "=m"(now));
    add(now & FLAGS);
    control_set(v);
}

static const uint32_t edges32[] = {0,          1,          2,          0x3fffff,   0x400000,   0x7fffff,
                                   0x800000,   0x800001,   0xffffff,   0x1000000,  0x33800000, 0x34000000,
                                   0x38800000, 0x387fe000, 0x3effffff, 0x3f000000, 0x3f7fffff, 0x3f800000,
                                   0x3f800001, 0x3fc00000, 0x40490fdb, 0x477fe000, 0x477ff000, 0x47800000,
                                   0x4b000001, 0x4effffff, 0x4f000000, 0x5f000000, 0x7effffff, 0x7f000000,
                                   0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fc12345};
static const uint64_t edges64[] = {0,
                                   1,
                                   2,
                                   0x7ffffffffffff,
                                   0x8000000000000,
                                   0xfffffffffffff,
                                   0x10000000000000,
                                   0x10000000000001,
                                   0x1fffffffffffff,
                                   0x20000000000000,
                                   0x3690000000000000,
                                   0x36a0000000000000,
                                   0x380fffffffffffff,
                                   0x3810000000000000,
                                   0x3ca0000000000000,
                                   0x3cb0000000000000,
                                   0x3fe0000000000000,
                                   0x3fefffffffffffff,
                                   0x3ff0000000000000,
                                   0x3ff0000000000001,
                                   0x3ff8000000000000,
                                   0x400921fb54442d18,
                                   0x41dfffffffc00000,
                                   0x41dfffffffe00000,
                                   0x41e0000000000000,
                                   0x43dfffffffffffff,
                                   0x43e0000000000000,
                                   0x47efffffe0000000,
                                   0x47effffff0000000,
                                   0x47f0000000000000,
                                   0x7fdfffffffffffff,
                                   0x7fe0000000000000,
                                   0x7fefffffffffffff,
                                   0x7ff0000000000000,
                                   0x7ff0000000000001,
                                   0x7ff7ffffffffffff,
                                   0x7ff8000000000000,
                                   0x7ff8123456789abc};
enum { N32 = 2 * sizeof edges32 / sizeof edges32[0], N64 = 2 * sizeof edges64 / sizeof edges64[0] };

static uint32_t edge32(unsigned i)
{
    return edges32[i / 2] | (uint32_t)(i & 1) << 31;
}
static uint64_t edge64(unsigned i)
{
    return edges64[i / 2] | (uint64_t)(i & 1) << 63;
}

/* All pairs of edges with a third one in each lane. */
#define FUSED(insn)                                                                                          \
    static void insn##_all(uint32_t control)                                                                 \
    {                                                                                                        \
        union {                                                                                              \
            v8f v;                                                                                           \
            uint32_t u[8];                                                                                   \
        } a, b, c;                                                                                           \
        union {                                                                                              \
            v4d v;                                                                                           \
            uint64_t u[4];                                                                                   \
        } p, q, r;                                                                                           \
        for (unsigned i = 0; i < N32 * N32; i++)                                                             \
            for (unsigned k = 0; k < N32; k += 8) {                                                          \
                for (unsigned l = 0; l < 8; l++)                                                             \
                    a.u[l] = edge32(i % N32), b.u[l] = edge32(i / N32), c.u[l] = edge32((k + l) % N32);      \
                __asm__ volatile(#insn "213ps %2, %1, %0" : "+x"(a.v) : "x"(b.v), "x"(c.v));                 \
                for (unsigned l = 0; l < 8; l++)                                                             \
                    add(a.u[l]);                                                                             \
                add_flags(control);                                                                          \
                __asm__ volatile(#insn "231ss %x2, %x1, %x0" : "+x"(a.v) : "x"(c.v), "x"(b.v));              \
                add(a.u[0]), add_flags(control);                                                             \
            }                                                                                                \
        for (unsigned i = 0; i < N64 * N64; i++)                                                             \
            for (unsigned k = 0; k < N64; k += 4) {                                                          \
                for (unsigned l = 0; l < 4; l++)                                                             \
                    p.u[l] = edge64(i % N64), q.u[l] = edge64(i / N64), r.u[l] = edge64((k + l) % N64);      \
                __asm__ volatile(#insn "213pd %2, %1, %0" : "+x"(p.v) : "x"(q.v), "x"(r.v));                 \
                for (unsigned l = 0; l < 4; l++)                                                             \
                    add(p.u[l]);                                                                             \
                add_flags(control);                                                                          \
                __asm__ volatile(#insn "132sd %x2, %x1, %x0" : "+x"(p.v) : "x"(r.v), "x"(q.v));              \
                add(p.u[0]), add_flags(control);                                                             \
            }                                                                                                \
    }
FUSED(vfmadd)
FUSED(vfmsub)
FUSED(vfnmadd)
FUSED(vfnmsub)

/* ---------------------------------------------------------------- sums that nearly cancel */

static uint64_t seed;
static uint64_t next(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A number whose fraction of so many bits has two of them, or all but two, or a run of them, or is random; the exponent is anything,
 * or near that of 1. */
static uint64_t odd_number(unsigned bits, unsigned exponents)
{
    uint64_t r = next(), fraction = (1ull << (r & 63) % bits) ^ (1ull << (r >> 6 & 63) % bits);
    uint64_t all = (1ull << bits) - 1, exponent = (r >> 12) & ((1ull << exponents) - 1);
    switch (r >> 40 & 3) {
    case 0:
        fraction = all ^ fraction;
        break;
    case 1:
        fraction = all << (r & 63) % bits & all;
        break;
    case 2:
        fraction = next() & all;
    }
    if (r >> 42 & 3)
        exponent = (1ull << (exponents - 1)) - 20 + exponent % 40;
    return (r >> 63) << (bits + exponents) | exponent << bits | fraction;
}

/* What is added: the product, negated and a few units off; the same some binary places away; or any number. */
static uint64_t addend(uint64_t product, unsigned bits, unsigned exponents)
{
    uint64_t r = next(), sign = 1ull << (bits + exponents);
    product ^= sign;
    switch (r & 3) {
    case 0:
        return odd_number(bits, exponents);
    case 1:
        return product + ((r >> 8) % (2 * bits + 6) << bits);
    default:
        return product + (r >> 8) % 5 - 2;
    }
}

enum { SUMS = 40000 };
#define SUM(insn, suffix, type, word, bits, exponents)                                                       \
    do {                                                                                                     \
        union {                                                                                              \
            type v;                                                                                          \
            word u;                                                                                          \
        } a = {.u = (word)odd_number(bits, exponents)}, b = {.u = (word)odd_number(bits, exponents)}, c;     \
        c.v = a.v;                                                                                           \
        __asm__ volatile("vmul" suffix " %1, %0, %0" : "+x"(c.v) : "x"(b.v));                                \
        add(c.u), add_flags(control);                                                                        \
        c.u = (word)addend(c.u, bits, exponents);                                                            \
        __asm__ volatile(insn "231" suffix " %2, %1, %0" : "+x"(c.v) : "x"(a.v), "x"(b.v));                  \
        add(c.u), add_flags(control);                                                                        \
    } while (0)

static void sums(uint32_t control)
{
    seed = control;
    for (unsigned i = 0; i < SUMS; i++) {
        SUM("vfmadd", "ss", float, uint32_t, 23, 8);
        SUM("vfmsub", "ss", float, uint32_t, 23, 8);
        SUM("vfnmadd", "ss", float, uint32_t, 23, 8);
        SUM("vfnmsub", "ss", float, uint32_t, 23, 8);
        SUM("vfmadd", "sd", double, uint64_t, 52, 11);
        SUM("vfmsub", "sd", double, uint64_t, 52, 11);
        SUM("vfnmadd", "sd", double, uint64_t, 52, 11);
        SUM("vfnmsub", "sd", double, uint64_t, 52, 11);
    }
}

/* ---------------------------------------------------------------- conversions */

static void from_half(uint32_t control)
{
    union {
        v8f v;
        uint32_t u[8];
    } to;
    for (uint32_t i = 0; i < 65536; i += 8) {
        uint16_t half[8];
        for (unsigned l = 0; l < 8; l++)
            half[l] = (uint16_t)(i + l);
        __asm__ volatile("vcvtph2ps %1, %0" : "=x"(to.v) : "m"(half));
        for (unsigned l = 0; l < 8; l++)
            add(to.u[l]);
        add_flags(control);
    }
}

/* By MXCSR and by each rounding of the immediate; with numbers around each half. */
static void to_half(uint32_t control)
{
    for (uint32_t i = 0; i < 65536 * 4 + N32; i++) {
        union {
            v8f v;
            uint32_t u[8];
        } from;
        uint16_t half[8];
        static const int32_t beside[] = {-4096, -4095, -1, 0, 1, 4095, 4096, 4097};
        uint32_t at = i < 65536 * 4 ? i << 14 : edge32(i - 65536 * 4);
        for (unsigned l = 0; l < 8; l++)
            from.u[l] = at + (uint32_t)beside[l];
#define TO_HALF(imm)                                                                                         \
    __asm__ volatile("vcvtps2ph $" #imm ", %1, %0" : "=m"(half) : "x"(from.v));                              \
    for (unsigned l = 0; l < 8; l++)                                                                         \
        add(half[l]);                                                                                        \
    add_flags(control);
        TO_HALF(0)
        TO_HALF(1)
        TO_HALF(2)
        TO_HALF(3)
        TO_HALF(4)
    }
}

#define SCALAR(insn, from, to, constraint)                                                                   \
    do {                                                                                                     \
        __asm__ volatile(insn " %x1, %0" : "=" constraint(to) : "x"(from));                                  \
        add((uint64_t)(to)), add_flags(control);                                                             \
    } while (0)
#define PACKED(insn, imm)                                                                                    \
    do {                                                                                                     \
        __asm__ volatile(insn " " imm "%1, %0" : "=x"(to.v) : "x"(from.v));                                  \
        for (unsigned l = 0; l < 8; l++)                                                                     \
            add(to.u[l]);                                                                                    \
        add_flags(control);                                                                                  \
    } while (0)

static void from_float(uint32_t control)
{
    union {
        v8f v;
        uint32_t u[8];
        uint64_t q[4];
    } from, to;
    for (unsigned i = 0; i < N32 * N32; i++) {
        int32_t i32;
        int64_t i64;
        for (unsigned l = 0; l < 8; l++)
            from.u[l] = edge32((i / N32 + l * (i % N32)) % N32);
        SCALAR("vcvtss2si", from.v, i32, "r");
        SCALAR("vcvtss2si", from.v, i64, "r");
        SCALAR("vcvttss2si", from.v, i32, "r");
        SCALAR("vcvttss2si", from.v, i64, "r");
        PACKED("vcvtps2dq", "");
        PACKED("vcvttps2dq", "");
        PACKED("vsqrtps", "");
        PACKED("vroundps", "$4, ");
        PACKED("vroundps", "$11, ");
        __asm__ volatile("vcvtps2pd %x1, %0" : "=x"(to.v) : "x"(from.v));
        for (unsigned l = 0; l < 4; l++)
            add(to.q[l]);
        add_flags(control);
    }
}

static void from_double(uint32_t control)
{
    union {
        v4d v;
        uint64_t q[4];
        uint32_t u[8];
    } from, to;
    for (unsigned i = 0; i < N64 * N64; i++) {
        int32_t i32;
        int64_t i64;
        for (unsigned l = 0; l < 4; l++)
            from.q[l] = edge64((i / N64 + l * (i % N64)) % N64);
        SCALAR("vcvtsd2si", from.v, i32, "r");
        SCALAR("vcvtsd2si", from.v, i64, "r");
        SCALAR("vcvttsd2si", from.v, i32, "r");
        SCALAR("vcvttsd2si", from.v, i64, "r");
        PACKED("vsqrtpd", "");
        PACKED("vroundpd", "$4, ");
        PACKED("vroundpd", "$10, ");
        __asm__ volatile("vcvtpd2psy %1, %x0" : "=x"(to.v) : "x"(from.v));
        add(to.q[0]), add(to.q[1]), add_flags(control);
        __asm__ volatile("vcvtpd2dqy %1, %x0" : "=x"(to.v) : "x"(from.v));
        add(to.q[0]), add(to.q[1]), add_flags(control);
        __asm__ volatile("vcvttpd2dqy %1, %x0" : "=x"(to.v) : "x"(from.v));
        add(to.q[0]), add(to.q[1]), add_flags(control);
    }
}

static void from_int(uint32_t control)
{
    for (unsigned i = 0; i < 64 * 64; i++) {
        uint64_t n = (1ull << i % 64) + (i & 64 ? -(1ull << i / 64) : 1ull << i / 64);
        union {
            v8f v;
            uint32_t u[8];
            uint64_t q[4];
        } to = {.q = {0}};
        v8i ints = {(int32_t)n, (int32_t)(n >> 32), (int32_t)-n, 1, -1, (int32_t)(n >> 7), 0, (int32_t)n};
        __asm__ volatile("vcvtsi2ss %1, %x0, %x0" : "+x"(to.v) : "r"(n));
        add(to.q[0]), add_flags(control);
        __asm__ volatile("vcvtsi2sd %1, %x0, %x0" : "+x"(to.v) : "r"(n));
        add(to.q[0]), add_flags(control);
        __asm__ volatile("vcvtsi2ssl %1, %x0, %x0" : "+x"(to.v) : "r"((int32_t)n));
        add(to.q[0]), add_flags(control);
        __asm__ volatile("vcvtdq2ps %1, %0" : "=x"(to.v) : "x"(ints));
        for (unsigned l = 0; l < 4; l++)
            add(to.q[l]);
        add_flags(control);
        __asm__ volatile("vcvtdq2pd %x1, %0" : "=x"(to.v) : "x"(ints));
        for (unsigned l = 0; l < 4; l++)
            add(to.q[l]);
        add_flags(control);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*all)(uint32_t);
    } what[] = {{"vfmadd", vfmadd_all},      {"vfmsub", vfmsub_all}, {"vfnmadd", vfnmadd_all},
                {"vfnmsub", vfnmsub_all},    {"sums", sums},         {"half to single", from_half},
                {"single to half", to_half}, {"single", from_float}, {"double", from_double},
                {"integers", from_int}};
    static const char *const roundings[] = {"nearest", "down", "up", "to zero"};
    for (unsigned w = 0; w < sizeof what / sizeof what[0]; w++)
        for (unsigned r = 0; r < 4; r++) {
            uint32_t control = ALL_MASKED | r << 13 | (r == 1 ? FTZ : r == 2 ? DAZ : 0);
            hash = 0;
            control_set(control);
            what[w].all(control);
            control_set(ALL_MASKED);
            printf("%s, %s: %016llx\n", what[w].name, roundings[r], (unsigned long long)hash);
        }
    return 0;
}
