/* ops_simd.c - one instruction to host code: SSE and AVX, by the same instruction of the host.
 *
 * What looks at MXCSR runs with the guest's (vectors.c). Of YMM registers each half is done by itself. An instruction with VEX is done by
 * the same one of 128 bits if the host has AVX, or by the one of SSE with the same opcode. */
#include "hv/x86/jit/ops_simd.h"

unsigned simd_access(const struct op *op, const struct shape *s)
{
    switch (s->kind) {
    case SHAPE_SIMD_LOAD:
    case SHAPE_SIMD_STORE:
    case SHAPE_SIMD_INSERT:
    case SHAPE_SIMD_EXTRACT:
        return simd_bytes(op, s);
    case SHAPE_SIMD_FMA:
        return s->arg ? s->arg * halves(op, s) : row_of(op)->flags & F_W1 ? 8 : 4;
    case SHAPE_SIMD_FROM_INT:
        return op->osize == 3 ? 8 : 4;
    case SHAPE_SIMD_WIDE:
    case SHAPE_SIMD_TO_HALF:
        return s->arg << (has_vex(op) && op->pfx & PFX_L);
    default:
        return s->how & HOW_SAME ? s->arg : s->arg * halves(op, s);
    }
}

/* ---------------------------------------------------------------- checks */

void test_bits(struct unit *u, struct host_mem m, uint32_t bits, unsigned leave_if)
{
    asm_rm(&u->code, 4, HOST_GROUP3, HOST_TEST_EI, m);
    asm_bytes(&u->code, bits, 4);
    flags_lost(u);
    side_exit(u, leave_if);
}

/* #UD and #NM are the handler's. What they depend on only handlers change. Uses AX. */
static void simd_check(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    if (!(u->now.checks & CHECK_SSE)) {
        test_bits(u, CPU_FIELD(cr0), CR0_EM | CR0_TS, CC_NE);
        test_bits(u, CPU_FIELD(cr4), CR4_OSFXSR, CC_E);
        u->now.checks |= CHECK_SSE;
    }
    if (has_vex(op) && !(u->now.checks & CHECK_AVX)) {
        test_bits(u, CPU_FIELD(cr4), CR4_OSXSAVE, CC_E);
        asm_rm(c, 4, HOST_MOV_GE, H_AX, CPU_FIELD(xcr0));
        asm_alu_imm(c, 4, ALU_AND, H_AX, 6);
        asm_alu_imm(c, 4, ALU_CMP, H_AX, 6);
        side_exit(u, CC_NE);
        u->now.checks |= CHECK_AVX;
    }
    if (s->how & HOW_FLOAT)
        mxcsr_take(u);
}

/* The operand in memory. Where it has to be aligned: a page begins at a page of the host's, so the host's address says it. */
void simd_probe(struct unit *u, const struct op *op, const struct shape *s, bool write)
{
    struct code_buffer *c = &u->code;
    unsigned size = simd_access(op, s);
    operand_probe(u, op, size, write);
    if (!(row_of(op)->flags & F_ALIGN) && !(s->how & HOW_ALIGNED))
        return;
    asm_rm(c, 8, HOST_LEA, H_AX, u->at);
    asm_rr(c, 1, HOST_GROUP3_8, HOST_TEST_EI, H_AX);
    asm_bytes(c, size - 1, 1);
    flags_lost(u);
    side_exit(u, CC_NE);
    u->at = at_reg(H_AX, 0);
}

/* ---------------------------------------------------------------- the host's instructions */

struct vex insn_of(const struct op *op)
{
    static const uint8_t prefixes[] = {[P66] = 1, [PF3] = 2, [PF2] = 3};
    const struct insn_row *r = row_of(op);
    unsigned map = r->map - (r->map >= V0F ? V0F : M0F) + 1u;
    return (struct vex){
        .prefix = prefixes[r->pfx], .map = (uint8_t)map, .opcode = r->opcode, .w = r->flags & F_W1};
}

static const struct vex movd_load = {1, 1, 0x6e, 0, false, false}, movd_store = {1, 1, 0x7e, 0, false, false},
                        movq_load = {2, 1, 0x7e, 0, false, false}, movq_store = {1, 1, 0xd6, 0, false, false};

void emit(struct unit *u, struct vex i, unsigned reg, struct source from)
{
    static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
    static const unsigned maps[] = {0, 0x0f00, 0x0f3800, 0x0f3a00};
    struct code_buffer *c = &u->code;
    if (i.prefix)
        asm_bytes(c, prefixes[i.prefix], 1);
    if (from.memory)
        asm_rm(c, i.w ? 8 : 4, maps[i.map] | i.opcode, reg, from.at);
    else
        asm_rr(c, i.w ? 8 : 4, maps[i.map] | i.opcode, reg, from.reg);
}

void emit_vex(struct unit *u, struct vex v, unsigned reg, unsigned vvvv, struct source from)
{
    v.vvvv = (uint8_t)vvvv;
    if (from.memory)
        asm_vex_rm(&u->code, v, reg, from.at);
    else
        asm_vex_rr(&u->code, v, reg, from.reg);
}

void vector_copy(struct unit *u, unsigned to, unsigned from)
{
    if (to != from)
        asm_rr(&u->code, 4, HOST_MOVAPS, to, from);
}
void load16(struct unit *u, unsigned to, struct host_mem from)
{
    asm_rm(&u->code, 4, HOST_MOVUPS, to, from);
}
void store16(struct unit *u, struct host_mem to, unsigned from)
{
    asm_rm(&u->code, 4, HOST_MOVUPS_EG, from, to);
}

static bool use_vex(const struct unit *u, const struct op *op)
{
    return has_vex(op) && u->level >= LEVEL_AVX2;
}

/* SSE instructions want operands of 16 bytes aligned, which those with VEX need not be. */
static struct source reachable(struct unit *u, const struct op *op, const struct shape *s, struct source from)
{
    if (!from.memory || s->arg < 16 || !has_vex(op) || use_vex(u, op))
        return from;
    load16(u, X1, from.at);
    return source_reg(X1);
}

static void immediate(struct unit *u, const struct op *op, const struct shape *s, unsigned half)
{
    const struct insn_row *r = row_of(op);
    bool compares = r->opcode == CMPPS && !use_vex(u, op); /* of the immediate only 3 bits mean something */
    uint64_t value = (uint8_t)op->imm >> (half ? s->how & HOW_SHIFT : 0);
    if (r->operand[2] == O_Ib)
        asm_bytes(&u->code, compares ? value & 7 : value, 1);
}

/* Vector d = fn(vector a, from). */
void binary(struct unit *u, const struct op *op, const struct shape *s, struct vex i, unsigned d, unsigned a,
            struct source from, unsigned half)
{
    unsigned first = vector_use(u, a);
    from = reachable(u, op, s, from);
    if (use_vex(u, op)) {
        emit_vex(u, i, vector_set(u, d), first, from);
        immediate(u, op, s, half);
        return;
    }
    unsigned to = d == a ? vector_change(u, d) : vector_set(u, d);
    unsigned at = !from.memory && from.reg == to && to != first ? X0 : to;
    vector_copy(u, at, first);
    emit(u, i, at, from);
    immediate(u, op, s, half);
    vector_copy(u, to, at);
}

/* An instruction of two operands. */
void emit_two(struct unit *u, const struct op *op, struct vex i, unsigned reg, struct source from)
{
    if (use_vex(u, op))
        emit_vex(u, i, reg, 0, from);
    else
        emit(u, i, reg, from);
}

/* Vector d = fn(from). */
static void unary(struct unit *u, const struct op *op, const struct shape *s, struct vex i, unsigned d,
                  struct source from, unsigned half)
{
    from = reachable(u, op, s, from);
    emit_two(u, op, i, vector_set(u, d), from);
    immediate(u, op, s, half);
}

/* An instruction with VEX and a result of 128 bits clears the upper half. */
void clear_upper(struct unit *u, const struct op *op, unsigned d)
{
    if (has_vex(op))
        vector_clear(u, d + UPPER);
}

/* ---------------------------------------------------------------- operations */

struct source operand_half(struct unit *u, const struct op *op, const struct shape *s, unsigned half)
{
    if (s->how & HOW_SAME)
        half = 0;
    return in_memory(op) ? source_memory(further(u->at, 16 * half))
                         : source_reg(vector_use(u, op->src + UPPER * half));
}

/* V = fn(V, W) or V = fn(H, W), perhaps with an immediate. */
static void compile_binary(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned n = halves(op, s), a = has_vex(op) ? op->vvvv : op->dst;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (s->how & HOW_SAME && n == 2) { /* the second half's source may be what the first half becomes */
        struct source same = operand_half(u, op, s, 0);
        if (same.memory)
            load16(u, X1, same.at);
        else
            vector_copy(u, X1, same.reg);
        for (unsigned h = 0; h < n; h++)
            binary(u, op, s, insn_of(op), op->dst + UPPER * h, a + UPPER * h, source_reg(X1), h);
        return;
    }
    for (unsigned h = 0; h < n; h++)
        binary(u, op, s, insn_of(op), op->dst + UPPER * h, a + UPPER * h, operand_half(u, op, s, h), h);
    if (n == 1)
        clear_upper(u, op, op->dst);
}

/* V = fn(W), perhaps with an immediate. */
static void compile_unary(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned n = halves(op, s);
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < n; h++)
        unary(u, op, s, insn_of(op), op->dst + UPPER * h, operand_half(u, op, s, h), h);
    if (n == 1)
        clear_upper(u, op, op->dst);
}

/* V = fn(W) to larger lanes: each half of the result is made from shape.arg bytes. */
static void compile_wide(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned n = has_vex(op) && op->pfx & PFX_L ? 2 : 1;
    struct source from = {0};
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (n == 2) {
        from = in_memory(op) ? source_memory(further(u->at, s->arg)) : source_reg(X1);
        if (!from.memory) {
            vector_copy(u, X1, vector_use(u, op->src));
            asm_bytes(c, 0x66, 1);
            asm_rr(c, 4, HOST_SHIFT_QUADS, 3, X1); /* PSRLDQ */
            asm_bytes(c, s->arg, 1);
        }
    }
    struct source low = in_memory(op) ? source_memory(u->at) : source_reg(vector_use(u, op->src));
    unary(u, op, s, insn_of(op), op->dst, low, 0);
    if (n == 2)
        unary(u, op, s, insn_of(op), op->dst + UPPER, from, 1);
    else
        clear_upper(u, op, op->dst);
}

/* V = fn(W) to lanes half as large: 256 bits become 128. */
static void compile_narrow(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned n = halves(op, s);
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (n == 2) {
        struct source upper = reachable(u, op, s, operand_half(u, op, s, 1));
        emit_two(u, op, insn_of(op), X0, upper);
    }
    unary(u, op, s, insn_of(op), op->dst, operand_half(u, op, s, 0), 0);
    if (n == 2) {
        asm_bytes(c, 0x66, 1);
        asm_rr(c, 4, HOST_PUNPCKLQDQ, vector_change(u, op->dst), X0);
    }
    clear_upper(u, op, op->dst);
}

/* VCVTPS2PH: half a vector of the results. */
static void to_half(struct unit *u, const struct op *op, unsigned to, unsigned vector)
{
    emit_vex(u, insn_of(op), vector_use(u, vector), 0, source_reg(to));
    asm_bytes(&u->code, (uint8_t)op->imm, 1);
}
static void compile_to_half(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    bool both = op->pfx & PFX_L;
    if (in_memory(op))
        simd_probe(u, op, s, true);
    to_half(u, op, X1, op->src);
    if (both) {
        to_half(u, op, X0, op->src + UPPER);
        asm_bytes(c, 0x66, 1);
        asm_rr(c, 4, HOST_PUNPCKLQDQ, X1, X0);
    }
    if (in_memory(op) && both) {
        store16(u, u->at, X1);
    } else if (in_memory(op)) {
        emit(u, movq_store, X1, source_memory(u->at));
    } else {
        vector_copy(u, vector_set(u, op->dst), X1);
        clear_upper(u, op, op->dst);
    }
}

/* U = fn(U, immediate); with VEX, H = fn(U, immediate). */
static void compile_vector_shift(struct unit *u, const struct op *op, const struct shape *s)
{
    const struct insn_row *r = row_of(op);
    unsigned n = halves(op, s), ext = r->ext & 7u, d = op->dst, src = has_vex(op) ? op->src : d;
    for (unsigned h = 0; h < n; h++) {
        unsigned from = vector_use(u, src + UPPER * h);
        unsigned to = src == d ? vector_change(u, d + UPPER * h) : vector_set(u, d + UPPER * h);
        vector_copy(u, to, from);
        asm_bytes(&u->code, 0x66, 1);
        asm_rr(&u->code, 4, OP0F(r->opcode), ext, to);
        asm_bytes(&u->code, (uint8_t)op->imm, 1);
    }
    if (n == 1)
        clear_upper(u, op, d);
}

/* ---------------------------------------------------------------- moves */

/* Whole registers; shape.form: FORM_GE loads, FORM_EG stores. */
static void compile_move(struct unit *u, const struct op *op, const struct shape *s)
{
    bool store = s->form == FORM_EG, memory = in_memory(op);
    unsigned n = halves(op, s);
    if (memory)
        simd_probe(u, op, s, store);
    for (unsigned h = 0; h < n; h++) {
        if (memory && store)
            store16(u, further(u->at, 16 * h), vector_use(u, op->src + UPPER * h));
        else if (memory)
            load16(u, vector_set(u, op->dst + UPPER * h), further(u->at, 16 * h));
        else {
            unsigned from = vector_use(u, op->src + UPPER * h);
            vector_copy(u, vector_set(u, op->dst + UPPER * h), from);
        }
    }
    if (n == 1 && !(memory && store))
        clear_upper(u, op, op->dst);
}

/* Between registers MOVSS and MOVSD replace the lowest element, and MOVQ clears the upper one. */
static void move_element(struct unit *u, const struct op *op, const struct shape *s)
{
    struct vex i = {s->arg == 4 ? 2 : 3, 1, 0x10, 0, false, false};
    if (s->how & HOW_SAME)
        unary(u, op, s, movq_load, op->dst, source_reg(vector_use(u, op->src)), 0);
    else
        binary(u, op, s, i, op->dst, has_vex(op) ? op->vvvv : op->dst, source_reg(vector_use(u, op->src)), 0);
    clear_upper(u, op, op->dst);
}

/* 32 or 64 bits from memory or a general register; the rest becomes 0. */
static void compile_load(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = simd_bytes(op, s);
    if (in_memory(op)) {
        operand_probe(u, op, size, false);
        emit(u, size == 8 ? movq_load : movd_load, vector_set(u, op->dst), source_memory(u->at));
    } else if (s->arg == SIMD_BY_SIZE) {
        struct vex i = movd_load;
        i.w = size == 8;
        unsigned from = reg_use(u, op->src);
        emit(u, i, vector_set(u, op->dst), source_reg(from));
    } else {
        move_element(u, op, s);
        return;
    }
    clear_upper(u, op, op->dst);
}

/* 32 or 64 bits to memory or a general register; shape.arg | SIMD_HIGH: of the upper half. */
static void compile_store(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = simd_bytes(op, s);
    if (!in_memory(op) && s->arg != SIMD_BY_SIZE) {
        move_element(u, op, s);
        return;
    }
    if (in_memory(op))
        operand_probe(u, op, size, true);
    unsigned from = vector_use(u, op->src);
    struct vex i = movd_store;
    i.w = size == 8;
    if (!in_memory(op))
        emit(u, i, from, source_reg(reg_set(u, op->dst)));
    else if (s->arg & SIMD_HIGH)
        asm_rm(c, 4, HOST_MOVHPS_EG, from, u->at);
    else
        emit(u, size == 8 ? movq_store : movd_store, from, source_memory(u->at));
}

/* PMOVMSKB, MOVMSKPS, MOVMSKPD; shape.arg: bits of a half. */
static void compile_mask(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    bool both = has_vex(op) && op->pfx & PFX_L;
    unsigned low = vector_use(u, op->src);
    if (both)
        emit(u, insn_of(op), H_DX, source_reg(vector_use(u, op->src + UPPER)));
    unsigned d = reg_set(u, op->dst);
    emit(u, insn_of(op), d, source_reg(low));
    if (!both)
        return;
    asm_shift(c, 4, HOST_SHL, H_DX, s->arg);
    asm_alu(c, 4, ALU_OR, d, H_DX);
    flags_lost(u);
}

/* ---------------------------------------------------------------- flags, integers, MXCSR */

/* COMISS and the like, PTEST. */
static void compile_flags(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (halves(op, s) == 2) {
        test_256(u, op);
    } else {
        unsigned first = vector_use(u, op->dst);
        struct source from = in_memory(op) ? source_memory(u->at) : source_reg(vector_use(u, op->src));
        emit_two(u, op, insn_of(op), first, reachable(u, op, s, from));
    }
    flags_of_comparison(u, op);
}

/* CVTSD2SI and the like. */
static void compile_to_int(struct unit *u, const struct op *op, const struct shape *s)
{
    struct vex i = insn_of(op);
    i.w = op->osize == 3;
    if (in_memory(op))
        operand_probe(u, op, s->arg, false);
    struct source from = in_memory(op) ? source_memory(u->at) : source_reg(vector_use(u, op->src));
    emit(u, i, reg_set(u, op->dst), from);
}

/* CVTSI2SD and the like. */
static void compile_from_int(struct unit *u, const struct op *op, const struct shape *s)
{
    struct vex i = insn_of(op);
    i.w = op->osize == 3;
    if (in_memory(op))
        operand_probe(u, op, i.w ? 8 : 4, false);
    struct source from = in_memory(op) ? source_memory(u->at) : source_reg(reg_use(u, op->src));
    unsigned a = has_vex(op) ? op->vvvv : op->dst, first = vector_use(u, a);
    unsigned to = a == op->dst ? vector_change(u, a) : vector_set(u, op->dst);
    vector_copy(u, to, first);
    emit(u, i, to, from);
    clear_upper(u, op, op->dst);
}

/* LDMXCSR, STMXCSR (shape.form as of moves). Bits that there are not are the handler's. */
static void compile_mxcsr(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    bool store = s->form == FORM_EG;
    operand_probe(u, op, 4, store);
    if (store && u->now.checks & CHECK_MXCSR) {
        asm_rm(c, 4, HOST_GROUP15, 3, u->at);
    } else if (store) {
        asm_rm(c, 4, HOST_MOV_GE, H_DX, CPU_FIELD(fpu.mxcsr));
        operand_put(u, 4, H_DX);
    } else {
        operand_fetch(u, 4, H_DX);
        asm_rr(c, 4, HOST_GROUP3, HOST_TEST_EI, H_DX);
        asm_bytes(c, 0xffff0000, 4);
        flags_lost(u);
        side_exit(u, CC_NE);
        mxcsr_drop(u);
        asm_rm(c, 4, HOST_MOV_EG, H_DX, CPU_FIELD(fpu.mxcsr));
    }
}

/* ---------------------------------------------------------------- all */

void compile_simd(struct unit *u, const struct op *op, const struct shape *s)
{
    static op_compiler *const how[] = {
        [SHAPE_SIMD - SHAPE_SIMD] = compile_binary,
        [SHAPE_SIMD_UNARY - SHAPE_SIMD] = compile_unary,
        [SHAPE_SIMD_WIDE - SHAPE_SIMD] = compile_wide,
        [SHAPE_SIMD_NARROW - SHAPE_SIMD] = compile_narrow,
        [SHAPE_SIMD_SHIFT - SHAPE_SIMD] = compile_vector_shift,
        [SHAPE_SIMD_MOVE - SHAPE_SIMD] = compile_move,
        [SHAPE_SIMD_LOAD - SHAPE_SIMD] = compile_load,
        [SHAPE_SIMD_STORE - SHAPE_SIMD] = compile_store,
        [SHAPE_SIMD_MASK - SHAPE_SIMD] = compile_mask,
        [SHAPE_SIMD_FLAGS - SHAPE_SIMD] = compile_flags,
        [SHAPE_SIMD_TO_INT - SHAPE_SIMD] = compile_to_int,
        [SHAPE_SIMD_FROM_INT - SHAPE_SIMD] = compile_from_int,
        [SHAPE_SIMD_MXCSR - SHAPE_SIMD] = compile_mxcsr,
        [SHAPE_SIMD_FMA - SHAPE_SIMD] = compile_fma,
        [SHAPE_SIMD_ZERO - SHAPE_SIMD] = compile_zero,
        [SHAPE_SIMD_BROADCAST - SHAPE_SIMD] = compile_broadcast,
        [SHAPE_SIMD_CHOOSE - SHAPE_SIMD] = compile_choose,
        [SHAPE_SIMD_INSERT_HALF - SHAPE_SIMD] = compile_insert_half,
        [SHAPE_SIMD_EXTRACT_HALF - SHAPE_SIMD] = compile_extract_half,
        [SHAPE_SIMD_QUARTERS - SHAPE_SIMD] = compile_quarters,
        [SHAPE_SIMD_PERMUTE - SHAPE_SIMD] = compile_permute,
        [SHAPE_SIMD_BLEND - SHAPE_SIMD] = compile_blend,
        [SHAPE_SIMD_WITH_XMM0 - SHAPE_SIMD] = compile_with_xmm0,
        [SHAPE_SIMD_TO_HALF - SHAPE_SIMD] = compile_to_half,
        [SHAPE_SIMD_MASKED - SHAPE_SIMD] = compile_masked,
        [SHAPE_SIMD_GATHER - SHAPE_SIMD] = compile_gather,
        [SHAPE_SIMD_DOT - SHAPE_SIMD] = compile_dot,
        [SHAPE_SIMD_INSERT - SHAPE_SIMD] = compile_insert,
        [SHAPE_SIMD_EXTRACT - SHAPE_SIMD] = compile_extract,
    };
    simd_check(u, op, s);
    how[s->kind - SHAPE_SIMD](u, op, s);
}

bool simd_compiled(const struct unit *u, const struct op *op, const struct shape *s)
{
    const struct insn_row *r = row_of(op);
    bool later = r->map != M0F || r->feature == FT_SSE3 || s->kind == SHAPE_SIMD_FLAGS; /* LAHF */
    bool predicates = r->map == V0F && r->opcode == CMPPS && (uint8_t)op->imm > 7;
    bool whole = s->kind == SHAPE_SIMD_FLAGS && halves(op, s) == 2;
    unsigned extra = s->how & HOW_CIPHER     ? EXTRA_CIPHER
                     : r->feature == FT_SHA  ? EXTRA_SHA
                     : r->feature == FT_GFNI ? EXTRA_GFNI
                                             : 0;
    if (extra & ~u->extras)
        return false;
    return u->level >= (s->how & HOW_VEX || predicates || whole ? LEVEL_AVX2 : later ? LEVEL_SSE42 : 1);
}
