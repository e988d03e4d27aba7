/* simd.h - how the MMX and SSE handlers are made. Private to hv/x86/vector/simd_*.c.
 *
 * An operation is a pure function on 128-bit vectors, `vec fn(vec d, vec s, unsigned imm)`. The macros below
 * wrap it in handlers for its operand forms and define the family that a row of table/simd.def names:
 *
 *     XMM_OP(pxor, do_pxor)        fam_pxor:      V = fn(V, W), 16-byte aligned memory
 *     XMM_OPN(movddup, fn, 8)      the same with a memory operand of 8 bytes (any alignment, zero-extended)
 *     MMX_OP(pxor, do_pxor)        fam_mmx_pxor:  P = fn(P, Q) in the low 64 bits
 *     BOTH(pxor, do_pxor)          both
 *     FP_OP(addps, fn, 16, kind)   V = fn(V, W) on the host with the guest's MXCSR; see there
 *
 * XMM_OP and FP_OP define fam_v_NAME as well, the instruction with VEX (avx.h).
 *
 * In the MMX form the upper half of d and s is 0, and of the result unused.
 *
 * Order of checks: #UD/#NM/#MF, then segment limits, alignment and paging, then SIMD floating-point
 * exceptions, then the result is written. Only SSE2 host instructions are used (every x86-64 processor has
 * them); later ones are written in plain C. */
#ifndef BOOTREEL_HV_X86_VECTOR_SIMD_H
#define BOOTREEL_HV_X86_VECTOR_SIMD_H

#include <emmintrin.h>

#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/x87/x87.h"

typedef __m128i vec;

union lanes {
    vec v;
    uint8_t b[16];
    int8_t sb[16];
    uint16_t w[8];
    int16_t sw[8];
    uint32_t d[4];
    int32_t sd[4];
    uint64_t q[2];
    int64_t sq[2];
};

#define SIMD_INLINE static inline __attribute__((always_inline))

/* ---------------------------------------------------------------- registers and memory */

SIMD_INLINE vec xmm_get(const struct x86 *cpu, unsigned r)
{
    return _mm_load_si128((const vec *)&cpu->xmm[r]);
}
SIMD_INLINE void xmm_set(struct x86 *cpu, unsigned r, vec v)
{
    _mm_store_si128((vec *)&cpu->xmm[r], v);
}
SIMD_INLINE vec mmx_get(const struct x86 *cpu, unsigned r)
{
    return _mm_cvtsi64_si128((int64_t)cpu->fpu.r[r].sig);
}

/* Write an MMX register as an instruction that can no longer fault. */
SIMD_INLINE void mmx_put64(struct x86 *cpu, unsigned r, uint64_t v)
{
    mmx_enter(cpu);
    mmx_set(cpu, r, v);
}
SIMD_INLINE void mmx_put(struct x86 *cpu, unsigned r, vec v)
{
    mmx_put64(cpu, r, (uint64_t)_mm_cvtsi128_si64(v));
}

/* #GP(0) for an address that is not a multiple of 16. */
__attribute__((noreturn)) void simd_misaligned(struct x86 *, const struct op *);

SIMD_INLINE void simd_align(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    if (unlikely(lin & 15))
        simd_misaligned(cpu, op);
}
/* Out of line: accesses that the TLB cannot serve directly. */
vec simd_load_slow(struct x86 *, const struct op *, uint64_t lin);
void simd_store_slow(struct x86 *, const struct op *, uint64_t lin, vec);

/* 16 bytes, any alignment. */
SIMD_INLINE vec simd_load16u(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    const void *p = host_r(cpu, lin, 16);
    return likely(p) ? _mm_loadu_si128(p) : simd_load_slow(cpu, op, lin);
}
SIMD_INLINE void simd_store16u(struct x86 *cpu, const struct op *op, uint64_t lin, vec v)
{
    void *p = host_w(cpu, lin, 16);
    if (likely(p))
        _mm_storeu_si128(p, v);
    else
        simd_store_slow(cpu, op, lin, v);
}
/* `n` bytes (a constant: 16 aligned, 8, 4, 2), zero-extended. */
SIMD_INLINE vec simd_load(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned n)
{
    switch (n) {
    case 2:
        return _mm_cvtsi32_si128(ld16(cpu, op, lin));
    case 4:
        return _mm_cvtsi32_si128((int)ld32(cpu, op, lin));
    case 8:
        return _mm_cvtsi64_si128((int64_t)ld64(cpu, op, lin));
    default:
        simd_align(cpu, op, lin);
        return simd_load16u(cpu, op, lin);
    }
}

/* How a handler's form computes the linear address. */
enum simd_ea { EA_ANY, EA_64 };
SIMD_INLINE uint64_t simd_ea(struct x86 *cpu, const struct op *op, enum simd_ea how, unsigned n, bool write)
{
    return how == EA_64 ? ea_64(cpu, op) : ea_any(cpu, op, n, write);
}

/* ---------------------------------------------------------------- families */

#define SIMD_ROW(f)                                                                                          \
    {                                                                                                        \
        f, f, f, f                                                                                           \
    }
/* From handlers name_r, name_m and name_m64. */
#define FAMILY_RMM(fam, name)                                                                                \
    const struct family fam = {{SIMD_ROW(name##_r), SIMD_ROW(name##_m), SIMD_ROW(name##_m64)}}
#define FAMILY_R(fam, name) const struct family fam = {{SIMD_ROW(name##_r)}}
#define FAMILY_MM(fam, name)                                                                                 \
    const struct family fam = {{SIMD_ROW(NULL), SIMD_ROW(name##_m), SIMD_ROW(name##_m64)}}
/* name_m and name_m64 from a body `fn(cpu, op, enum simd_ea)`. */
#define MEM_FORMS(name, fn)                                                                                  \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        fn(cpu, op, EA_ANY);                                                                                 \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m64)                                                                                    \
    {                                                                                                        \
        fn(cpu, op, EA_64);                                                                                  \
        NEXT;                                                                                                \
    }

/* ---------------------------------------------------------------- operations without MXCSR */

#define XMM_OPN(name, fn, n)                                                                                 \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        xmm_set(cpu, op->dst, fn(xmm_get(cpu, op->dst), xmm_get(cpu, op->src), (unsigned)op->imm));          \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void name##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        vec s = simd_load(cpu, op, simd_ea(cpu, op, how, n, false), n);                                      \
        xmm_set(cpu, op->dst, fn(xmm_get(cpu, op->dst), s, (unsigned)op->imm));                              \
    }                                                                                                        \
    MEM_FORMS(name, name##_mem)                                                                              \
    FAMILY_RMM(fam_##name, name);
/* With VEX, too. XMM_OPS: the immediate's lower `shift` bits are for the lower half of 256 bits. */
#define XMM_OPS(name, fn, shift)                                                                             \
    XMM_OPN(name, fn, 16)                                                                                    \
    V_OPS(name, fn, 16, shift)
#define XMM_OP(name, fn) XMM_OPS(name, fn, 0)

#define MMX_OPN(name, fn, n)                                                                                 \
    static OP(mmx_##name##_r)                                                                                \
    {                                                                                                        \
        mmx_check(cpu, op);                                                                                  \
        mmx_put(cpu, op->dst, fn(mmx_get(cpu, op->dst), mmx_get(cpu, op->src), (unsigned)op->imm));          \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mmx_##name##_m)                                                                                \
    {                                                                                                        \
        mmx_check(cpu, op);                                                                                  \
        vec s = simd_load(cpu, op, ea_any(cpu, op, n, false), n);                                            \
        mmx_put(cpu, op->dst, fn(mmx_get(cpu, op->dst), s, (unsigned)op->imm));                              \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_mmx_##name, mmx_##name##_r, mmx_##name##_m);
#define MMX_OP(name, fn) MMX_OPN(name, fn, 8)

#define BOTH(name, fn)                                                                                       \
    XMM_OP(name, fn)                                                                                         \
    MMX_OP(name, fn)

/* An operation as an expression in d, s and imm. */
#define VEC_FN(fn, expr)                                                                                     \
    SIMD_INLINE vec fn(vec d, vec s, unsigned imm)                                                           \
    {                                                                                                        \
        return expr;                                                                                         \
    }
/* Lane by lane: r.f[i] = expr in a = d.f[i], b = s.f[i]; T is the type of a and b. */
#define LANE_FN(fn, T, f, expr)                                                                              \
    SIMD_INLINE vec fn(vec d, vec s, unsigned imm)                                                           \
    {                                                                                                        \
        union lanes x = {.v = d}, y = {.v = s}, r;                                                           \
        for (unsigned i = 0; i < 16 / sizeof(T); i++) {                                                      \
            T a = x.f[i], b = y.f[i];                                                                        \
            (void)a, (void)b;                                                                                \
            r.f[i] = (T)(expr);                                                                              \
        }                                                                                                    \
        return r.v;                                                                                          \
    }
/* The 64-bit form of a function whose result has the low half made from d and the high half from s. */
#define MMX_HALVES_FN(fn, whole)                                                                             \
    SIMD_INLINE vec fn(vec d, vec s, unsigned imm)                                                           \
    {                                                                                                        \
        vec c = _mm_unpacklo_epi64(d, s);                                                                    \
        return whole(c, c, imm);                                                                             \
    }

/* ---------------------------------------------------------------- floating point (SDM volume 1, 11.5)
 *
 * An operation runs on the host under the guest's rounding control, DAZ and FTZ with all exceptions masked,
 * and returns the flags it raised: `vec fn(vec d, vec s, unsigned imm, uint32_t *mx)`; *mx is the MXCSR to
 * load and afterwards the one left. The host's MXCSR is 0x1f80 between handlers, except for sticky flags,
 * which nothing reads. */

enum {
    MX_IE = 1,
    MX_DE = 2,
    MX_ZE = 4,
    MX_OE = 8,
    MX_UE = 16,
    MX_PE = 32,
    MX_FLAGS = 0x3f,
    MX_DAZ = 0x40,
    MX_UM = 0x800,
    MX_MASKS = 0x1f80,
    MX_RC = 0x6000,
    MX_FTZ = 0x8000,
};

/* The kind of operation, for exceptions that a run with masked exceptions does not show: the lanes of the
 * result, and if they can underflow or overflow, how they are computed from d and s. */
enum fp_kind {
    R_NONE,
    R_SS,
    R_PS,
    R_SD,
    R_PD,
    R_LANES = 7,
    FP_ADD = 1 << 3,
    FP_SUB = 2 << 3,
    FP_MUL = 3 << 3,
    FP_DIV = 4 << 3,
    FP_ADDSUB = 5 << 3,
    FP_HADD = 6 << 3,
    FP_HSUB = 7 << 3,
    FP_NARROW = 8 << 3, /* double to single: of s */
    FP_WHAT = 15 << 3,
};

/* The MXCSR to run an operation with. FTZ only takes effect while underflow is masked. While all exceptions are masked, the
 * operation begins with the guest's flags: some of Intel's processors take 15 to 30 ns to set a flag that was clear, and 1 ns if it was
 * set. */
SIMD_INLINE uint32_t fp_begin(const struct x86 *cpu)
{
    const uint32_t mx = cpu->fpu.mxcsr;
    uint32_t kept = MX_RC | MX_DAZ;
    if (likely(mx & MX_UM))
        kept |= MX_FTZ;
    if (likely((mx & MX_MASKS) == MX_MASKS))
        kept |= MX_FLAGS;
    return (mx & kept) | MX_MASKS;
}
/* fp_end() when some exception is unmasked or the host's MXCSR must be restored (simd_except.c). */
void fp_end_slow(struct x86 *, const struct op *, uint32_t mx, vec d, vec s, vec result, enum fp_kind);
/* Record the flags that an operation on d and s raised; #XM if one of them is unmasked (so nothing else may
 * have been changed before). */
SIMD_INLINE void fp_end(struct x86 *cpu, const struct op *op, uint32_t mx, vec d, vec s, vec result,
                        enum fp_kind k)
{
    if (unlikely((mx & (MX_RC | MX_FTZ | MX_DAZ)) || (cpu->fpu.mxcsr & MX_MASKS) != MX_MASKS))
        fp_end_slow(cpu, op, mx, d, s, result, k);
    cpu->fpu.mxcsr |= mx & MX_FLAGS;
}

/* Defines fn as one host instruction with source s and destination d. */
#define HOST_FN(fn, insn)                                                                                    \
    SIMD_INLINE vec fn(vec d, vec s, unsigned imm, uint32_t *mx)                                             \
    {                                                                                                        \
        __asm__ volatile("ldmxcsr %1\n\t" insn " %2, %0\n\tstmxcsr %1" : "+x"(d), "+m"(*mx) : "x"(s));       \
        return d;                                                                                            \
    }

#define FP_SSE(name, fn, n, kind)                                                                            \
    SIMD_INLINE void name##_fp(struct x86 *cpu, const struct op *op, vec s)                                  \
    {                                                                                                        \
        uint32_t mx = fp_begin(cpu);                                                                         \
        vec d = xmm_get(cpu, op->dst), r = fn(d, s, (unsigned)op->imm, &mx);                                 \
        fp_end(cpu, op, mx, d, s, r, kind);                                                                  \
        xmm_set(cpu, op->dst, r);                                                                            \
    }                                                                                                        \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##_fp(cpu, op, xmm_get(cpu, op->src));                                                           \
        NEXT;                                                                                                \
    }                                                                                                        \
    SIMD_INLINE void name##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        name##_fp(cpu, op, simd_load(cpu, op, simd_ea(cpu, op, how, n, false), n));                          \
    }                                                                                                        \
    MEM_FORMS(name, name##_mem)                                                                              \
    FAMILY_RMM(fam_##name, name);
#define FP_OP(name, fn, n, kind)                                                                             \
    FP_SSE(name, fn, n, kind)                                                                                \
    V_FP(name, fn, n, kind)

#include "hv/x86/vector/avx.h"

#endif
