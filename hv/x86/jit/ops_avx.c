/* ops_avx.c - one instruction to host code: what AVX, AVX2 and FMA have beyond SSE, parts of vectors, and dot products.
 *
 * What goes across the halves of a YMM register is moves between host registers here, but for VPERMD. */
#include "hv/x86/jit/ops_simd.h"

static const struct vex shufpd = {1, 1, 0xc6, 0, false, false};

/* Vector d becomes what a host register holds. */
static void set_from(struct unit *u, unsigned d, unsigned from)
{
    vector_copy(u, vector_set(u, d), from);
}

/* Fused multiply-add: exact, rounded once, by definition. D is the third operand. */
void compile_fma(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned n = halves(op, s);
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < n; h++) {
        struct source from = operand_half(u, op, s, h);
        unsigned second = vector_use(u, op->vvvv + UPPER * h);
        emit_vex(u, insn_of(op), vector_change(u, op->dst + UPPER * h), second, from);
    }
    if (n == 1)
        clear_upper(u, op, op->dst);
}

/* VZEROUPPER, VZEROALL. */
void compile_zero(struct unit *u, const struct op *op, const struct shape *s)
{
    for (unsigned i = 0; i < (u->word == 8 ? 16 : 8); i++) {
        vector_clear(u, i + UPPER);
        if (op->pfx & PFX_L)
            vector_clear(u, i);
    }
}

/* shape.arg: bytes of an element, 16 for half a register. */
void compile_broadcast(struct unit *u, const struct op *op, const struct shape *s)
{
    static const uint8_t opcodes[] = {[1] = 0x78, [2] = 0x79, [4] = 0x58, [8] = 0x59};
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (s->arg == 16) {
        load16(u, vector_set(u, op->dst), u->at);
    } else {
        struct vex v = {1, 2, opcodes[s->arg], 0, false, false};
        struct source from = in_memory(op) ? source_memory(u->at) : source_reg(vector_use(u, op->src));
        emit_vex(u, v, vector_set(u, op->dst), 0, from);
    }
    if (op->pfx & PFX_L)
        set_from(u, op->dst + UPPER, vector_use(u, op->dst));
    else
        clear_upper(u, op, op->dst);
}

/* VPERM2F128, VPERM2I128: four bits of the immediate choose each half. */
void compile_choose(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < 2; h++) {
        unsigned by = (uint8_t)op->imm >> 4 * h & 15, upper = by & 1 ? UPPER : 0;
        if (by & 8)
            asm_rr(&u->code, 4, HOST_XORPS, h, h); /* XORPS: h is X0 or X1 */
        else if (by & 2 && in_memory(op))
            load16(u, h, further(u->at, by & 1 ? 16 : 0));
        else
            vector_copy(u, h, vector_use(u, (by & 2 ? op->src : op->vvvv) + upper));
    }
    set_from(u, op->dst, X0);
    set_from(u, op->dst + UPPER, X1);
}

void compile_insert_half(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned stays = (uint8_t)op->imm & 1 ? 0 : UPPER;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    if (in_memory(op))
        load16(u, X0, u->at);
    else
        vector_copy(u, X0, vector_use(u, op->src));
    if (op->dst != op->vvvv)
        set_from(u, op->dst + stays, vector_use(u, op->vvvv + stays));
    set_from(u, op->dst + (UPPER - stays), X0);
}

void compile_extract_half(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op))
        simd_probe(u, op, s, true);
    unsigned from = vector_use(u, op->src + ((uint8_t)op->imm & 1 ? UPPER : 0));
    if (in_memory(op)) {
        store16(u, u->at, from);
        return;
    }
    set_from(u, op->dst, from);
    clear_upper(u, op, op->dst);
}

/* VPERMQ, VPERMPD: two bits of the immediate choose each quarter. */
void compile_quarters(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < 2; h++) { /* X0 and X1 become the halves */
        unsigned a = (uint8_t)op->imm >> 4 * h & 3, b = (uint8_t)op->imm >> (4 * h + 2) & 3;
        if (in_memory(op)) {
            asm_bytes(c, 0xf3, 1);
            asm_rm(c, 4, HOST_MOVD_EG, h, further(u->at, 8 * a)); /* MOVQ */
            asm_rm(c, 4, HOST_MOVHPS, h, further(u->at, 8 * b));
            continue;
        }
        vector_copy(u, h, vector_use(u, op->src + UPPER * (a >> 1)));
        emit(u, shufpd, h, source_reg(vector_use(u, op->src + UPPER * (b >> 1))));
        asm_bytes(c, (a & 1) | (b & 1) << 1, 1);
    }
    set_from(u, op->dst, X0);
    set_from(u, op->dst + UPPER, X1);
}

static const struct vex insert128 = {1, 3, 0x38, 0, false, true}, extract128 = {1, 3, 0x39, 0, false, true};
static const uint32_t vzeroupper = 0x77f8c5; /* three bytes; no flag changes */

/* A YMM register of the host's is made of the halves of a vector. */
static void make_256(struct unit *u, unsigned to, unsigned vector)
{
    unsigned low = vector_use(u, vector), high = vector_use(u, vector + UPPER);
    emit_vex(u, insert128, to, low, source_reg(high));
    asm_bytes(&u->code, 1, 1);
}

/* The second operand of 256 bits: memory, or X1. */
static struct source operand_256(struct unit *u, const struct op *op)
{
    if (in_memory(op))
        return source_memory(u->at);
    make_256(u, X1, op->src);
    return source_reg(X1);
}

/* VPERMD, VPERMPS: by the host's, so YMM registers are made for it and taken apart again. */
void compile_permute(struct unit *u, const struct op *op, const struct shape *s)
{
    struct vex permute = insn_of(op);
    permute.long_ = true;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    make_256(u, X0, op->vvvv);
    emit_vex(u, permute, X0, X0, operand_256(u, op));
    emit_vex(u, extract128, X0, 0, source_reg(X1));
    asm_bytes(&u->code, 1, 1);
    set_from(u, op->dst, X0);
    set_from(u, op->dst + UPPER, X1);
    asm_bytes(&u->code, vzeroupper, 3);
}

/* VPTEST, VTESTPS, VTESTPD: the host's flags are the guest's. */
void test_256(struct unit *u, const struct op *op)
{
    struct vex test = insn_of(op);
    test.long_ = true;
    make_256(u, X0, op->dst);
    emit_vex(u, test, X0, 0, !in_memory(op) && op->src == op->dst ? source_reg(X0) : operand_256(u, op));
    asm_bytes(&u->code, vzeroupper, 3);
}

/* V = fn(V, W, XMM0): BLENDVPS and the like without VEX, SHA256RNDS2. The host's XMM0 becomes the guest's. */
void compile_with_xmm0(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op))
        simd_probe(u, op, s, false);
    vector_copy(u, X0, vector_use(u, 0));
    struct source from = operand_half(u, op, s, 0);
    emit(u, insn_of(op), vector_change(u, op->dst), from);
}

/* VMASKMOVPS and the like (shape.form as of moves), if all of the operand is at hand: elements that the mask leaves out are not
 * accessed, so that an operand of which a part cannot be accessed is the handler's. */
void compile_masked(struct unit *u, const struct op *op, const struct shape *s)
{
    bool store = s->form == FORM_EG;
    unsigned n = halves(op, s);
    simd_probe(u, op, s, store);
    for (unsigned h = 0; h < n; h++) {
        unsigned mask = vector_use(u, op->vvvv + UPPER * h);
        unsigned v = store ? vector_use(u, op->src + UPPER * h) : vector_set(u, op->dst + UPPER * h);
        emit_vex(u, insn_of(op), v, mask, source_memory(further(u->at, 16 * h)));
    }
    if (n == 1 && !store)
        clear_upper(u, op, op->dst);
}

/* AX: the address of element i of a gather, whose elements and indices have so many bytes. */
static void gather_place(struct unit *u, const struct op *op, unsigned i, unsigned index_bytes)
{
    static const struct vex extract = {1, 3, 0x16, 0, false, false}; /* PEXTRD, PEXTRQ */
    unsigned at = i * index_bytes, step = index_bytes == 8 && u->word == 8 ? 8 : 4;
    unsigned indices = vector_use(u, op->aux + (at >= 16 ? UPPER : 0));
    struct vex v = extract;
    v.w = step == 8;
    emit(u, v, indices, source_reg(H_AX));
    asm_bytes(&u->code, at % 16 / step, 1);
    if (step < u->word)
        asm_rr(&u->code, 8, HOST_MOVSXD, H_AX, H_AX);
    struct host_mem m = {H_NONE, H_AX, op->scale, op->disp};
    if (op->base != REG_ZERO)
        m.base = (uint8_t)reg_use(u, op->base);
    asm_rm(&u->code, u->word, HOST_LEA, H_AX, m);
    if (op->seg == FS || op->seg == GS)
        asm_rm(&u->code, 8, HOST_ADD_GE, H_AX, segment_base(op->seg));
}

/* Element i goes to X0, or to X1 for the upper half. */
static void gather_load(struct unit *u, unsigned i, unsigned bytes)
{
    static const struct vex movd = {1, 1, 0x6e, 0, false, false}, pinsrd = {1, 3, 0x22, 0, false, false},
                            movq = {2, 1, 0x7e, 0, false, false}, movhps = {0, 1, 0x16, 0, false, false};
    unsigned at = i * bytes % 16, to = i * bytes >= 16 ? X1 : X0;
    const struct vex v = bytes == 8 ? at ? movhps : movq : at ? pinsrd : movd;
    emit(u, v, to, source_memory(u->at));
    if (bytes == 4 && at)
        asm_bytes(&u->code, at / 4, 1);
}

/* Leaves the region if the mask leaves out any of n elements. */
static void gather_all(struct unit *u, const struct op *op, unsigned n, unsigned bytes)
{
    struct code_buffer *c = &u->code;
    for (unsigned h = 0; h * 16 < n * bytes; h++) {
        unsigned all = n * bytes - 16 * h < 16 ? 3 : (1u << 16 / bytes) - 1;
        unsigned mask = vector_use(u, op->vvvv + UPPER * h);
        if (bytes == 8)
            asm_bytes(c, 0x66, 1);
        asm_rr(c, 4, HOST_MOVMSKPS, H_AX, mask); /* MOVMSKPS, MOVMSKPD */
        asm_alu_imm(c, 4, ALU_AND, H_AX, (int32_t)all);
        asm_alu_imm(c, 4, ALU_CMP, H_AX, (int32_t)all);
        flags_lost(u);
        side_exit(u, CC_NE);
    }
}

/* Gathers (shape.arg: bytes of an element) of all elements, if all are at hand. What the mask leaves out, and what faults after some
 * elements were done, is the handler's. */
void compile_gather(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned bytes = s->arg, index_bytes = row_of(op)->opcode & 1 ? 8 : 4;
    unsigned wider = bytes > index_bytes ? bytes : index_bytes, n = (op->pfx & PFX_L ? 32 : 16) / wider;
    gather_all(u, op, n, bytes);
    for (unsigned i = 0; i < n; i++) {
        gather_place(u, op, i, index_bytes);
        tlb_check(u, bytes, false);
        gather_load(u, i, bytes);
    }
    set_from(u, op->dst, X0);
    if (n * bytes > 16)
        set_from(u, op->dst + UPPER, X1);
    else
        vector_clear(u, op->dst + UPPER);
    vector_clear(u, op->vvvv);
    vector_clear(u, op->vvvv + UPPER);
}

/* VBLENDVPS and the like. The host's mask is in the upper half of the immediate, as the guest's. */
void compile_blend(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned n = halves(op, s);
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < n; h++) {
        struct source from = operand_half(u, op, s, h);
        unsigned first = vector_use(u, op->vvvv + UPPER * h), mask = vector_use(u, op->aux + UPPER * h);
        emit_vex(u, insn_of(op), vector_set(u, op->dst + UPPER * h), first, from);
        asm_bytes(&u->code, mask << 4, 1);
    }
    if (n == 1)
        clear_upper(u, op, op->dst);
}

/* ---------------------------------------------------------------- one element */

/* PINSRW and the like: a general register or memory to one element. */
void compile_insert(struct unit *u, const struct op *op, const struct shape *s)
{
    struct vex v = insn_of(op);
    v.w = s->arg == SIMD_BY_SIZE && op->osize == 3;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    struct source from = in_memory(op) ? source_memory(u->at) : source_reg(reg_use(u, op->src));
    unsigned a = has_vex(op) ? op->vvvv : op->dst, first = vector_use(u, a);
    unsigned to = a == op->dst ? vector_change(u, a) : vector_set(u, op->dst);
    vector_copy(u, to, first);
    emit(u, v, to, from);
    asm_bytes(&u->code, (uint8_t)op->imm, 1);
    clear_upper(u, op, op->dst);
}

/* PEXTRW and the like. The older PEXTRW has its operands the other way round. */
void compile_extract(struct unit *u, const struct op *op, const struct shape *s)
{
    enum { PEXTRW = 0xc5 };
    struct vex v = insn_of(op);
    v.w = s->arg == SIMD_BY_SIZE && op->osize == 3;
    if (in_memory(op))
        simd_probe(u, op, s, true);
    unsigned from = vector_use(u, op->src);
    if (in_memory(op)) {
        emit(u, v, from, source_memory(u->at));
    } else {
        unsigned to = reg_set(u, op->dst);
        emit(u, v, v.opcode == PEXTRW ? to : from, source_reg(v.opcode == PEXTRW ? from : to));
    }
    asm_bytes(&u->code, (uint8_t)op->imm, 1);
}

/* ---------------------------------------------------------------- dot products */

static const struct vex blendps = {1, 3, 0x0c, 0, false, false}, blendpd = {1, 3, 0x0d, 0, false, false},
                        pshufd = {1, 1, 0x70, 0, false, false};

static void emit_imm(struct unit *u, struct vex i, unsigned to, unsigned from, unsigned imm)
{
    emit(u, i, to, source_reg(from));
    asm_bytes(&u->code, imm, 1);
}

/* X0 += what it becomes when its doublewords are arranged anew. */
static void add_arranged(struct unit *u, struct vex add, unsigned order)
{
    emit_imm(u, pshufd, X1, X0, order);
    emit(u, add, X0, source_reg(X1));
}

/* Half a register of DPPS or DPPD, computed as the handler does (simd_sse4.c): processors differ in which of several NaNs the instruction
 * itself gives. Each sum is computed in several lanes. The lowest one has the handler's order of operands and is the result; the others
 * raise the same exceptions. */
static void dot_half(struct unit *u, const struct op *op, unsigned d, unsigned a, struct source from)
{
    const bool single = insn_of(op).opcode == 0x40;
    const unsigned all = single ? 15 : 3, in = (uint8_t)op->imm >> 4 & all, out = (uint8_t)op->imm & all;
    const struct vex blend = single ? blendps : blendpd, mul = {!single, 1, 0x59, 0, false, false},
                     add = {!single, 1, 0x58, 0, false, false};
    if (from.memory)
        load16(u, X1, from.at);
    else
        vector_copy(u, X1, from.reg);
    asm_rr(&u->code, 4, HOST_XORPS, X0, X0);
    emit_imm(u, blend, X1, X0, all & ~in);
    emit_imm(u, blend, X0, vector_use(u, a), in);
    emit(u, mul, X0, source_reg(X1));
    if (single)
        add_arranged(u, add, 0xb1);
    add_arranged(u, add, 0x4e);
    emit_imm(u, pshufd, X0, X0, single ? 0 : 0x44);
    unsigned to = vector_set(u, d);
    asm_rr(&u->code, 4, HOST_XORPS, to, to);
    emit_imm(u, blend, to, X0, out);
}

void compile_dot(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned n = halves(op, s), a = has_vex(op) ? op->vvvv : op->dst;
    if (in_memory(op))
        simd_probe(u, op, s, false);
    for (unsigned h = 0; h < n; h++)
        dot_half(u, op, op->dst + UPPER * h, a + UPPER * h, operand_half(u, op, s, h));
    if (n == 1)
        clear_upper(u, op, op->dst);
}
