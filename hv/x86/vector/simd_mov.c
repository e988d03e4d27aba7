/* simd_mov.c - SSE to SSE3 moves, non-temporal and masked stores, and between XMM and general registers.
 *
 * Source: Intel SDM volume 2, the instruction pages. Non-temporal hints have no effect here. */
#include "hv/x86/vector/simd.h"

void simd_misaligned(struct x86 *cpu, const struct op *op)
{
    SYNC;
    raise_error(cpu, VEC_GP, 0);
}

vec simd_load_slow(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    union xmm v = ld128(cpu, op, lin);
    return _mm_load_si128((const vec *)&v);
}

void simd_store_slow(struct x86 *cpu, const struct op *op, uint64_t lin, vec v)
{
    union xmm x;
    _mm_store_si128((vec *)&x, v);
    st128(cpu, op, lin, x);
}

/* ---------------------------------------------------------------- whole registers */

static OP(mova_r)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, xmm_get(cpu, op->src));
    NEXT;
}

SIMD_INLINE void load_unaligned(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, simd_load16u(cpu, op, simd_ea(cpu, op, how, 16, false)));
}
SIMD_INLINE void load_aligned(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, simd_load(cpu, op, simd_ea(cpu, op, how, 16, false), 16));
}
SIMD_INLINE void store_unaligned(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    sse_check(cpu, op);
    simd_store16u(cpu, op, simd_ea(cpu, op, how, 16, true), xmm_get(cpu, op->src));
}
SIMD_INLINE void store_aligned(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    sse_check(cpu, op);
    uint64_t lin = simd_ea(cpu, op, how, 16, true);
    simd_align(cpu, op, lin);
    simd_store16u(cpu, op, lin, xmm_get(cpu, op->src));
}
MEM_FORMS(movu_load, load_unaligned)
MEM_FORMS(mova_load, load_aligned)
MEM_FORMS(movu_store, store_unaligned)
MEM_FORMS(mova_store, store_aligned)
#define movu_load_r  mova_r
#define mova_load_r  mova_r
#define movu_store_r mova_r
#define mova_store_r mova_r
FAMILY_RMM(fam_movu_load, movu_load);
FAMILY_RMM(fam_mova_load, mova_load);
FAMILY_RMM(fam_movu_store, movu_store);
FAMILY_RMM(fam_mova_store, mova_store);

/* With VEX: 16 or 32 bytes; `aligned` ones must be. */
static OP(v_mov_r)
{
    avx_check(cpu, op);
    ymm_set(cpu, op->dst, xmm_get(cpu, op->src), is_256(op) ? ymmh_get(cpu, op->src) : _mm_setzero_si128());
    NEXT;
}
SIMD_INLINE uint64_t vex_place(struct x86 *cpu, const struct op *op, bool aligned, bool write)
{
    unsigned n = is_256(op) ? 32 : 16;
    uint64_t lin = ea_any(cpu, op, n, write);
    if (aligned && unlikely(lin & (n - 1)))
        simd_misaligned(cpu, op);
    if (n == 32)
        ymm_probe(cpu, op, lin, write);
    return lin;
}
SIMD_INLINE void vex_move_load(struct x86 *cpu, const struct op *op, bool aligned)
{
    avx_check(cpu, op);
    uint64_t lin = vex_place(cpu, op, aligned, false);
    vec lo = simd_load16u(cpu, op, lin), hi = _mm_setzero_si128();
    if (is_256(op))
        hi = simd_load16u(cpu, op, linear_on(cpu, lin, 16));
    ymm_set(cpu, op->dst, lo, hi);
}
SIMD_INLINE void vex_move_store(struct x86 *cpu, const struct op *op, bool aligned)
{
    avx_check(cpu, op);
    uint64_t lin = vex_place(cpu, op, aligned, true);
    simd_store16u(cpu, op, lin, xmm_get(cpu, op->src));
    if (is_256(op))
        simd_store16u(cpu, op, linear_on(cpu, lin, 16), ymmh_get(cpu, op->src));
}
#define V_MOVE(name, body, aligned)                                                                          \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        body(cpu, op, aligned);                                                                              \
        NEXT;                                                                                                \
    }                                                                                                        \
    const struct family fam_v_##name = {{SIMD_ROW(v_mov_r), SIMD_ROW(v_##name##_m)}};
V_MOVE(movu_load, vex_move_load, false)
V_MOVE(mova_load, vex_move_load, true)
V_MOVE(movu_store, vex_move_store, false)
V_MOVE(mova_store, vex_move_store, true)

/* ---------------------------------------------------------------- scalars
 *
 * A load from memory clears the rest of the register; a move from a register keeps it (except MOVQ). */

#define SCALAR_LOAD(name, n)                                                                                 \
    SIMD_INLINE void name##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        xmm_set(cpu, op->dst, simd_load(cpu, op, simd_ea(cpu, op, how, n, false), n));                       \
    }                                                                                                        \
    MEM_FORMS(name, name##_mem)
#define SCALAR_STORE(name, bits, value)                                                                      \
    SIMD_INLINE void name##_mem(struct x86 *cpu, const struct op *op, enum simd_ea how)                      \
    {                                                                                                        \
        sse_check(cpu, op);                                                                                  \
        st##bits(cpu, op, simd_ea(cpu, op, how, bits / 8, true), value);                                     \
    }                                                                                                        \
    MEM_FORMS(name, name##_mem)

static OP(movss_r)
{
    sse_check(cpu, op);
    cpu->xmm[op->dst].d[0] = cpu->xmm[op->src].d[0];
    NEXT;
}
static OP(movsd_r)
{
    sse_check(cpu, op);
    cpu->xmm[op->dst].q[0] = cpu->xmm[op->src].q[0];
    NEXT;
}
static OP(movq_r)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, _mm_move_epi64(xmm_get(cpu, op->src)));
    NEXT;
}
SCALAR_LOAD(load32, 4)
SCALAR_LOAD(load64, 8)
SCALAR_STORE(store32, 32, cpu->xmm[op->src].d[0])
SCALAR_STORE(store64, 64, cpu->xmm[op->src].q[0])
SCALAR_STORE(store_high, 64, cpu->xmm[op->src].q[1])

#define FAMILY_PAIR(fam, r, name)                                                                            \
    const struct family fam = {{SIMD_ROW(r), SIMD_ROW(name##_m), SIMD_ROW(name##_m64)}}
FAMILY_PAIR(fam_movss_load, movss_r, load32);
FAMILY_PAIR(fam_movss_store, movss_r, store32);
FAMILY_PAIR(fam_movsd_load, movsd_r, load64);
FAMILY_PAIR(fam_movsd_store, movsd_r, store64);
FAMILY_PAIR(fam_movq_load, movq_r, load64);
FAMILY_PAIR(fam_movq_store, movq_r, store64);

/* With VEX: between registers the rest comes from vvvv. */
#define V_SCALAR(name, f, n)                                                                                 \
    static OP(v_##name##_r)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        typeof(cpu->xmm[0].f[0]) v = cpu->xmm[op->src].f[0];                                                 \
        ymm_set128(cpu, op->dst, xmm_get(cpu, op->vvvv));                                                    \
        cpu->xmm[op->dst].f[0] = v;                                                                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(v_##name##_m)                                                                                  \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        ymm_set128(cpu, op->dst, simd_load(cpu, op, ea_any(cpu, op, n, false), n));                          \
        NEXT;                                                                                                \
    }
V_SCALAR(movss, d, 4)
V_SCALAR(movsd, q, 8)
V_SAME_M(store32)
V_SAME_M(store64)
V_SAME_M(store_high)
static OP(v_movq_r)
{
    avx_check(cpu, op);
    ymm_set128(cpu, op->dst, _mm_move_epi64(xmm_get(cpu, op->src)));
    NEXT;
}
#define FAMILY_V2(fam, r, m) const struct family fam = {{SIMD_ROW(r), SIMD_ROW(m)}}
FAMILY_V2(fam_v_movss_load, v_movss_r, v_movss_m);
FAMILY_V2(fam_v_movsd_load, v_movsd_r, v_movsd_m);
FAMILY_V2(fam_v_movss_store, v_movss_r, v_store32_m);
FAMILY_V2(fam_v_movsd_store, v_movsd_r, v_store64_m);
FAMILY_V2(fam_v_movq_load, v_movq_r, v_movsd_m);
FAMILY_V2(fam_v_movq_store, v_movq_r, v_store64_m);
FAMILY_V2(fam_v_movlps_store, NULL, v_store64_m);
FAMILY_V2(fam_v_movhps_store, NULL, v_store_high_m);

/* Halves: MOVLPS, MOVLPD, MOVHPS, MOVHPD; between registers MOVHLPS and MOVLHPS. */
SIMD_INLINE void load_half(struct x86 *cpu, const struct op *op, enum simd_ea how, unsigned half)
{
    sse_check(cpu, op);
    cpu->xmm[op->dst].q[half] = ld64(cpu, op, simd_ea(cpu, op, how, 8, false));
}
SIMD_INLINE void load_low(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    load_half(cpu, op, how, 0);
}
SIMD_INLINE void load_high(struct x86 *cpu, const struct op *op, enum simd_ea how)
{
    load_half(cpu, op, how, 1);
}
MEM_FORMS(movlps_load, load_low)
MEM_FORMS(movhps_load, load_high)
FAMILY_MM(fam_movlps_load, movlps_load);
FAMILY_MM(fam_movhps_load, movhps_load);
FAMILY_MM(fam_movlps_store, store64);
FAMILY_MM(fam_movhps_store, store_high);

static OP(movhlps_r)
{
    sse_check(cpu, op);
    cpu->xmm[op->dst].q[0] = cpu->xmm[op->src].q[1];
    NEXT;
}
static OP(movlhps_r)
{
    sse_check(cpu, op);
    cpu->xmm[op->dst].q[1] = cpu->xmm[op->src].q[0];
    NEXT;
}
FAMILY_R(fam_movhlps, movhlps);
FAMILY_R(fam_movlhps, movlhps);

/* With VEX: one half of vvvv, and 8 bytes. */
SIMD_INLINE void v_halves(struct x86 *cpu, const struct op *op, uint64_t low, uint64_t high)
{
    ymm_set128(cpu, op->dst, _mm_set_epi64x((int64_t)high, (int64_t)low));
}
static OP(v_movlps_m)
{
    avx_check(cpu, op);
    v_halves(cpu, op, ld64(cpu, op, ea_any(cpu, op, 8, false)), cpu->xmm[op->vvvv].q[1]);
    NEXT;
}
static OP(v_movhps_m)
{
    avx_check(cpu, op);
    v_halves(cpu, op, cpu->xmm[op->vvvv].q[0], ld64(cpu, op, ea_any(cpu, op, 8, false)));
    NEXT;
}
static OP(v_movhlps_r)
{
    avx_check(cpu, op);
    v_halves(cpu, op, cpu->xmm[op->src].q[1], cpu->xmm[op->vvvv].q[1]);
    NEXT;
}
static OP(v_movlhps_r)
{
    avx_check(cpu, op);
    v_halves(cpu, op, cpu->xmm[op->vvvv].q[0], cpu->xmm[op->src].q[0]);
    NEXT;
}
FAMILY_V2(fam_v_movlps_load, NULL, v_movlps_m);
FAMILY_V2(fam_v_movhps_load, NULL, v_movhps_m);
FAMILY_R(fam_v_movhlps, v_movhlps);
FAMILY_R(fam_v_movlhps, v_movlhps);

/* SSE3 duplicating moves. */
SIMD_INLINE vec dup_lanes(vec s, unsigned odd)
{
    union lanes y = {.v = s};
    y.d[0] = y.d[1] = y.d[odd];
    y.d[2] = y.d[3] = y.d[2 + odd];
    return y.v;
}
VEC_FN(do_movsldup, dup_lanes(s, 0))
VEC_FN(do_movshdup, dup_lanes(s, 1))
VEC_FN(do_movddup, _mm_unpacklo_epi64(s, s))
XMM_OP(movsldup, do_movsldup)
XMM_OP(movshdup, do_movshdup)
XMM_OPN(movddup, do_movddup, 8)
SIMD_INLINE void v_movddup_do(struct x86 *cpu, const struct op *op, vec s, vec sh)
{
    ymm_set(cpu, op->dst, _mm_unpacklo_epi64(s, s),
            is_256(op) ? _mm_unpacklo_epi64(sh, sh) : _mm_setzero_si128());
}
V_FORMS(v_movddup256, v_movddup_do, 16)
V_FORMS(v_movddup128, v_movddup_do, 8)

/* ---------------------------------------------------------------- general registers
 *
 * The operand is 64 bits with REX.W (fn[form][3]), else 32 (the other sizes). */

#define FAMILY_Y(fam, name)                                                                                  \
    const struct family fam = {{{name##32_r, name##32_r, name##32_r, name##64_r},                            \
                                {name##32_m, name##32_m, name##32_m, name##64_m},                            \
                                {name##32_m64, name##32_m64, name##32_m64, name##64_m64}}}

static OP(movd_load32_r)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, _mm_cvtsi32_si128((int)R32(op->src)));
    NEXT;
}
static OP(movd_load64_r)
{
    sse_check(cpu, op);
    xmm_set(cpu, op->dst, _mm_cvtsi64_si128((int64_t)R64(op->src)));
    NEXT;
}
static OP(movd_store32_r)
{
    sse_check(cpu, op);
    SET32(op->dst, cpu->xmm[op->src].d[0]);
    NEXT;
}
static OP(movd_store64_r)
{
    sse_check(cpu, op);
    SET64(op->dst, cpu->xmm[op->src].q[0]);
    NEXT;
}
#define movd_load32_m    load32_m
#define movd_load32_m64  load32_m64
#define movd_load64_m    load64_m
#define movd_load64_m64  load64_m64
#define movd_store32_m   store32_m
#define movd_store32_m64 store32_m64
#define movd_store64_m   store64_m
#define movd_store64_m64 store64_m64
FAMILY_Y(fam_movd_load, movd_load);
FAMILY_Y(fam_movd_store, movd_store);

#define V_MOVD(bits, cvt)                                                                                    \
    static OP(v_movd_load##bits##_r)                                                                         \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        ymm_set128(cpu, op->dst, cvt((int##bits##_t)R##bits(op->src)));                                      \
        NEXT;                                                                                                \
    }                                                                                                        \
    V_SAME_R(movd_store##bits)
V_MOVD(32, _mm_cvtsi32_si128)
V_MOVD(64, _mm_cvtsi64_si128)
#define v_movd_load32_m  v_movss_m
#define v_movd_load64_m  v_movsd_m
#define v_movd_store32_m v_store32_m
#define v_movd_store64_m v_store64_m
FAMILY_VY(fam_v_movd_load, v_movd_load);
FAMILY_VY(fam_v_movd_store, v_movd_store);

/* ---------------------------------------------------------------- MOVNTI, masked stores */

/* MOVNTI does not depend on the SSE state (SDM volume 3, 13.1). */
static OP(movnti_m)
{
    if (op->osize == 3)
        st64(cpu, op, ea_any(cpu, op, 8, true), R64(op->src));
    else
        st32(cpu, op, ea_any(cpu, op, 4, true), R32(op->src));
    NEXT;
}
FAMILY_RM(fam_movnti, NULL, movnti_m);

/* Store the bytes of `value` whose mask byte has its top bit set at seg:rDI; all or none. With an empty mask
 * no memory is accessed. */
static void masked_store(struct x86 *cpu, const struct op *op, vec value, vec mask)
{
    unsigned bits = (unsigned)_mm_movemask_epi8(mask);
    union lanes v = {.v = value};
    if (!bits)
        return;
    unsigned first = (unsigned)__builtin_ctz(bits), n = 32 - (unsigned)__builtin_clz(bits) - first;
    uint64_t di = R64(RDI), off;
    di = op->asize == 2 ? di : op->asize == 1 ? (uint32_t)di : (uint16_t)di;
    off = di + first;
    uint64_t lin = seg_linear(cpu, op, op->seg, off, n, true);
    if (!host_w(cpu, lin, n))
        mem_probe(cpu, op, lin, n, true);
    for (unsigned i = 0; i < n; i++)
        if (bits >> (first + i) & 1)
            st8(cpu, op, lin + i, v.b[first + i]);
}
static OP(maskmovdqu_r)
{
    sse_check(cpu, op);
    masked_store(cpu, op, xmm_get(cpu, op->dst), xmm_get(cpu, op->src));
    NEXT;
}
FAMILY_R(fam_maskmovdqu, maskmovdqu);
V_SAME_R(maskmovdqu)
FAMILY_R(fam_v_maskmovdqu, v_maskmovdqu);
static OP(mmx_maskmovq_r)
{
    mmx_check(cpu, op);
    masked_store(cpu, op, mmx_get(cpu, op->dst), mmx_get(cpu, op->src));
    mmx_enter(cpu);
    NEXT;
}
FAMILY_R(fam_mmx_maskmovq, mmx_maskmovq);
