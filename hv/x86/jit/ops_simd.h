/* ops_simd.h - what the files that compile SIMD instructions share. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_OPS_SIMD_H
#define BOOTREEL_HV_X86_JIT_OPS_SIMD_H

#include "hv/x86/decode/insn.h"
#include "hv/x86/jit/ops.h"

enum { LEVEL_SSE42 = 2, LEVEL_AVX2 = 3, CMPPS = 0xc2 };

static inline const struct insn_row *row_of(const struct op *op)
{
    return &insn_rows(NULL)[op->row];
}
static inline bool has_vex(const struct op *op)
{
    return row_of(op)->map >= V0F;
}
/* How many halves of a YMM register the instruction is about. */
static inline unsigned halves(const struct op *op, const struct shape *s)
{
    return has_vex(op) && s->arg == 16 && op->pfx & PFX_L ? 2 : 1;
}
static inline struct host_mem further(struct host_mem m, unsigned bytes)
{
    m.disp += (int32_t)bytes;
    return m;
}

/* The second operand: a host register, or memory. */
struct source {
    bool memory;
    unsigned reg;
    struct host_mem at;
};
static inline struct source source_reg(unsigned reg)
{
    return (struct source){.reg = reg};
}
static inline struct source source_memory(struct host_mem at)
{
    return (struct source){.memory = true, .at = at};
}

/* The host instruction that is the guest's; with VEX, without its operands. */
struct vex insn_of(const struct op *);
/* emit(): without VEX. emit_vex(): with it. emit_two(): an instruction of two operands, in the form that the
 * host has. */
void emit(struct unit *, struct vex, unsigned reg, struct source from);
void emit_vex(struct unit *, struct vex, unsigned reg, unsigned vvvv, struct source from);
void emit_two(struct unit *, const struct op *, struct vex, unsigned reg, struct source from);
void vector_copy(struct unit *, unsigned to, unsigned from);
void load16(struct unit *, unsigned to, struct host_mem from);
void store16(struct unit *, struct host_mem to, unsigned from);

/* The operand in memory, which u->at becomes. */
void simd_probe(struct unit *, const struct op *, const struct shape *, bool write);
/* The operand W, or half of it. */
struct source operand_half(struct unit *, const struct op *, const struct shape *, unsigned half);
/* Vector d = fn(vector a, from), with the immediate if there is one. */
void binary(struct unit *, const struct op *, const struct shape *, struct vex, unsigned d, unsigned a,
            struct source from, unsigned half);
/* An instruction with VEX and a result of 128 bits clears the upper half. */
void clear_upper(struct unit *, const struct op *, unsigned d);

/* ops_avx.c */
op_compiler compile_fma, compile_zero, compile_broadcast, compile_choose, compile_insert_half,
    compile_extract_half, compile_quarters, compile_permute, compile_blend, compile_insert, compile_extract,
    compile_with_xmm0, compile_masked, compile_gather, compile_dot;
/* The flags of two YMM registers, or of one and memory. */
void test_256(struct unit *, const struct op *);

#endif
