/* avx.h - how the handlers of instructions with VEX are made. Part of simd.h.
 *
 * The operation is the one of SSE, `vec fn(vec d, vec s, unsigned imm)`, with the register of VEX.vvvv as d;
 * with 256 bits it is done for each half (SDM volume 1, 14.1: lanes). XMM_OP and the like define fam_v_NAME
 * beside fam_NAME. An instruction with a 128-bit result clears the upper half of the register.
 *
 * Memory operands may have any alignment, but for the moves that say "aligned". */
#ifndef BOOTREEL_HV_X86_VECTOR_AVX_H
#define BOOTREEL_HV_X86_VECTOR_AVX_H

/* #UD and #NM of an instruction that uses YMM state (SDM volume 1, 14.3). Only in protected mode there is VEX
 * at all. */
SIMD_INLINE void avx_check(struct x86 *cpu, const struct op *op)
{
    bool on = (cpu->cr0 & (CR0_PE | CR0_TS)) == CR0_PE && cpu->cr4 & CR4_OSXSAVE && (cpu->xcr0 & 6) == 6;
    if (unlikely(!on || cpu->flags & FLAG_VM)) {
        bool undefined = !(cpu->cr0 & CR0_PE) || !(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & 6) != 6;
        cpu->op = op;
        raise_fault(cpu, undefined || cpu->flags & FLAG_VM ? VEC_UD : VEC_NM);
    }
}

SIMD_INLINE bool is_256(const struct op *op)
{
    return op->pfx & PFX_L;
}
SIMD_INLINE vec ymmh_get(const struct x86 *cpu, unsigned r)
{
    return _mm_load_si128((const vec *)&cpu->ymmh[r]);
}
SIMD_INLINE void ymmh_set(struct x86 *cpu, unsigned r, vec v)
{
    _mm_store_si128((vec *)&cpu->ymmh[r], v);
}
/* A 128-bit result. */
SIMD_INLINE void ymm_set128(struct x86 *cpu, unsigned r, vec lo)
{
    xmm_set(cpu, r, lo);
    ymmh_set(cpu, r, _mm_setzero_si128());
}
SIMD_INLINE void ymm_set(struct x86 *cpu, unsigned r, vec lo, vec hi)
{
    xmm_set(cpu, r, lo);
    ymmh_set(cpu, r, hi);
}

/* 32 bytes from lin on, before the halves are loaded: faults come first. */
SIMD_INLINE void ymm_probe(struct x86 *cpu, const struct op *op, uint64_t lin, bool write)
{
    if (unlikely(!(write ? host_w(cpu, lin, 32) : host_r(cpu, lin, 32))))
        mem_probe(cpu, op, lin, 32, write);
}
/* n bytes (a constant), zero-extended, any alignment. */
SIMD_INLINE vec vex_load(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned n)
{
    return n == 16 ? simd_load16u(cpu, op, lin) : simd_load(cpu, op, lin, n);
}

/* ---------------------------------------------------------------- families */

#define FAMILY_V(fam, name) const struct family fam = {{SIMD_ROW(name##_r), SIMD_ROW(name##_m)}}

/* A family by the size of the general operand, which VEX.W gives. */
#define FAMILY_VY(fam, name)                                                                                 \
    const struct family fam = {{{name##32_r, name##32_r, name##32_r, name##64_r},                            \
                                {name##32_m, name##32_m, name##32_m, name##64_m}}}

/* fam_v_NAME: the SSE instruction's own handlers, for what neither writes a vector nor has a third operand. */
#define V_SAME_R(name)                                                                                       \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        TAIL(name##_r(cpu, op));                                                                             \
    }
#define V_SAME_M(name)                                                                                       \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        TAIL(name##_m(cpu, op));                                                                             \
    }

/* ---------------------------------------------------------------- operations without MXCSR */

/* n: 16 for a whole vector, else the bytes of a scalar in memory. shift: the number of bits of the immediate
 * that are the lower half's. */
#define V_OPS(name, fn, n, shift)                                                                            \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                      \
    {                                                                                                        \
        unsigned imm = (unsigned)op->imm;                                                                    \
        vec lo = fn(xmm_get(cpu, op->vvvv), s, imm), hi = _mm_setzero_si128();                               \
        if (n == 16 && is_256(op))                                                                           \
            hi = fn(ymmh_get(cpu, op->vvvv), sh, imm >> shift);                                              \
        ymm_set(cpu, op->dst, lo, hi);                                                                       \
    }                                                                                                        \
    V_FORMS(v_##name, v_##name##_do, n)
#define V_OPN(name, fn, n) V_OPS(name, fn, n, 0)
#define V_OP(name, fn)     V_OPN(name, fn, 16)

/* NAME_r and NAME_m, and fam_NAME, from `body(cpu, op, s, sh)`. */
#define V_FORMS(name, body, n)                                                                               \
    static OP(name##_r)                                                                                      \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        body(cpu, op, xmm_get(cpu, op->src), ymmh_get(cpu, op->src));                                        \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_m)                                                                                      \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        vec s, sh = _mm_setzero_si128();                                                                     \
        if (n == 16 && is_256(op)) {                                                                         \
            uint64_t lin = ea_any(cpu, op, 32, false);                                                       \
            ymm_probe(cpu, op, lin, false);                                                                  \
            s = simd_load16u(cpu, op, lin);                                                                  \
            sh = simd_load16u(cpu, op, linear_on(cpu, lin, 16));                                             \
        } else {                                                                                             \
            s = vex_load(cpu, op, ea_any(cpu, op, n, false), n);                                             \
        }                                                                                                    \
        body(cpu, op, s, sh);                                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_##name, name);

/* As V_FORMS, where 256 bits have an operand in memory of half, a quarter or an eighth of that, from which
 * each half is made: n bytes for 128 bits, 2n for 256. `lo` and `hi` are expressions in d, dh (of vvvv), s
 * (2n bytes) and imm. */
#define V_WIDE(name, n, lo_expr, hi_expr)                                                                    \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s)                              \
    {                                                                                                        \
        unsigned imm = (unsigned)op->imm;                                                                    \
        vec d = xmm_get(cpu, op->vvvv), dh = ymmh_get(cpu, op->vvvv);                                        \
        (void)imm, (void)d, (void)dh;                                                                        \
        vec lo = lo_expr, hi = is_256(op) ? hi_expr : _mm_setzero_si128();                                   \
        ymm_set(cpu, op->dst, lo, hi);                                                                       \
    }                                                                                                        \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        v_##name##_do(cpu, op, xmm_get(cpu, op->src));                                                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        if (is_256(op))                                                                                      \
            v_##name##_do(cpu, op, vex_load(cpu, op, ea_any(cpu, op, 2 * n, false), 2 * n));                 \
        else                                                                                                 \
            v_##name##_do(cpu, op, vex_load(cpu, op, ea_any(cpu, op, n, false), n));                         \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_V(fam_v_##name, v_##name);

/* ---------------------------------------------------------------- floating point */

/* fp_end() for 256 bits: the exceptions of both halves count before either result is written. */
void fp_end_256(struct x86 *, const struct op *, uint32_t mx, vec d, vec dh, vec s, vec sh, vec r, vec rh,
                enum fp_kind);
SIMD_INLINE void fp_end2(struct x86 *cpu, const struct op *op, uint32_t mx, vec d, vec dh, vec s, vec sh,
                         vec r, vec rh, enum fp_kind k)
{
    if (unlikely((mx & (MX_RC | MX_FTZ | MX_DAZ)) || (cpu->fpu.mxcsr & MX_MASKS) != MX_MASKS))
        fp_end_256(cpu, op, mx, d, dh, s, sh, r, rh, k);
    cpu->fpu.mxcsr |= mx & MX_FLAGS;
}

#define V_FP(name, fn, n, kind)                                                                              \
    SIMD_INLINE void v_##name##_do(struct x86 *cpu, const struct op *op, vec s, vec sh)                      \
    {                                                                                                        \
        unsigned imm = (unsigned)op->imm;                                                                    \
        uint32_t mx = fp_begin(cpu);                                                                         \
        vec d = xmm_get(cpu, op->vvvv), r = fn(d, s, imm, &mx);                                              \
        if (n == 16 && is_256(op)) {                                                                         \
            vec dh = ymmh_get(cpu, op->vvvv), rh = fn(dh, sh, imm, &mx);                                     \
            fp_end2(cpu, op, mx, d, dh, s, sh, r, rh, kind);                                                 \
            ymm_set(cpu, op->dst, r, rh);                                                                    \
        } else {                                                                                             \
            fp_end(cpu, op, mx, d, s, r, kind);                                                              \
            ymm_set128(cpu, op->dst, r);                                                                     \
        }                                                                                                    \
    }                                                                                                        \
    V_FORMS(v_##name, v_##name##_do, n)

#endif
