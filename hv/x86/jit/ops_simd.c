/* ops_simd.c - one instruction to host code: SSE moves, integers and shuffles, by the same instruction of the host.
 *
 * Only those whose result depends on their operands alone and is the same on all processors: nothing that looks at MXCSR. XMM registers
 * stay in memory; the host's XMM0 is free within an instruction. */
#include "hv/x86/insn.h"
#include "hv/x86/jit/ops.h"

enum { X0 = 0 };

static struct host_mem xmm_field(unsigned r)
{
    _Static_assert(offsetof(struct x86, xmm) % 16 == 0, "the host's instructions want it aligned");
    struct host_mem m = CPU_FIELD(xmm);
    m.disp += (int32_t)(r * sizeof(union xmm));
    return m;
}

/* #UD and #NM are the handler's. Once in a block is enough: what it depends on only handlers change. */
static void simd_check(struct unit *u)
{
    struct code *c = &u->code;
    struct host_mem cr4 = CPU_FIELD(cr4);
    if (u->simd_ok)
        return;
    asm_rm(c, 1, 0xf6, 0, CPU_FIELD(cr0)); /* TEST */
    asm_bytes(c, CR0_EM | CR0_TS, 1);
    flags_lost(u);
    side_exit(u, CC_NE);
    cr4.disp += 1;
    asm_rm(c, 1, 0xf6, 0, cr4);
    asm_bytes(c, CR4_OSFXSR >> 8, 1);
    side_exit(u, CC_E);
    u->simd_ok = true;
}

/* The same for an operand that has to be aligned. A page begins at a page of the host's, so the host's address says it. */
static void simd_probe(struct unit *u, const struct op *op, unsigned size, bool write)
{
    struct code *c = &u->code;
    operand_probe(u, op, size, write);
    if (!(insn_rows(NULL)[op->row].flags & F_ALIGN))
        return;
    asm_rm(c, 8, 0x8d, H_AX, u->at);
    asm_rr(c, 1, 0xf6, 0, H_AX);
    asm_bytes(c, 15, 1);
    flags_lost(u);
    side_exit(u, CC_NE);
    u->at = at_reg(H_AX, 0);
}

/* The mandatory prefix if it is F2 or F3, and what stands for it and the map in the encoder's arguments. */
static unsigned prefix_of(struct unit *u, const struct insn_row *r)
{
    if (r->pfx == PF2 || r->pfx == PF3)
        asm_bytes(&u->code, r->pfx == PF2 ? 0xf2 : 0xf3, 1);
    return r->pfx == P66 ? 2 : 4;
}
static unsigned opcode_of(const struct insn_row *r)
{
    return r->map == M0F38 ? OP0F38(r->opcode) : OP0F(r->opcode);
}

static void load16(struct unit *u, struct host_mem from)
{
    asm_rm(&u->code, 4, OP0F(0x10), X0, from); /* MOVUPS */
}
static void store16(struct unit *u, struct host_mem to)
{
    asm_rm(&u->code, 4, OP0F(0x11), X0, to);
}

/* V = fn(V, W), perhaps with an immediate. */
bool compile_simd(struct unit *u, const struct op *op)
{
    struct code *c = &u->code;
    const struct insn_row *r = &insn_rows(NULL)[op->row];
    simd_check(u);
    if (in_memory(op))
        simd_probe(u, op, 16, false);
    load16(u, xmm_field(op->dst));
    unsigned size = prefix_of(u, r);
    asm_rm(c, size, opcode_of(r), X0, in_memory(op) ? u->at : xmm_field(op->src));
    if (r->operand[2] == O_Ib)
        asm_bytes(c, op->uimm, 1);
    store16(u, xmm_field(op->dst));
    return true;
}

/* U = fn(U, immediate). */
bool compile_simd_shift(struct unit *u, const struct op *op)
{
    const struct insn_row *r = &insn_rows(NULL)[op->row];
    simd_check(u);
    load16(u, xmm_field(op->dst));
    asm_rr(&u->code, 2, opcode_of(r), r->ext & 7, X0);
    asm_bytes(&u->code, op->uimm, 1);
    store16(u, xmm_field(op->dst));
    return true;
}

/* Whole registers; shape.form: FORM_GE loads, FORM_EG stores. */
bool compile_simd_move(struct unit *u, const struct op *op, const struct shape *s)
{
    bool store = s->form == FORM_EG, memory = in_memory(op);
    simd_check(u);
    if (memory)
        simd_probe(u, op, 16, store);
    load16(u, memory && !store ? u->at : xmm_field(op->src));
    store16(u, memory && store ? u->at : xmm_field(op->dst));
    return true;
}

/* 32 or 64 bits from memory or a general register; the rest becomes 0. */
bool compile_simd_load(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code *c = &u->code;
    unsigned size = simd_bytes(op, s), from = H_DX;
    simd_check(u);
    if (in_memory(op)) {
        operand_probe(u, op, size, false);
        operand_fetch(u, size, H_DX);
    } else {
        from = reg_use(u, op->src);
    }
    asm_bytes(c, 0x66, 1);
    asm_rr(c, size, OP0F(0x6e), X0, from);
    store16(u, xmm_field(op->dst));
    return true;
}

/* 32 or 64 bits to memory or a general register; shape.arg | SIMD_HIGH: of the upper half. */
bool compile_simd_store(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code *c = &u->code;
    unsigned size = simd_bytes(op, s);
    struct host_mem from = xmm_field(op->src);
    from.disp += s->arg & SIMD_HIGH ? 8 : 0;
    simd_check(u);
    if (!in_memory(op)) {
        asm_rm(c, size, 0x8b, reg_set(u, op->dst), from);
        return true;
    }
    operand_probe(u, op, size, true);
    asm_rm(c, size, 0x8b, H_DX, from);
    operand_put(u, size, H_DX);
    return true;
}

/* 64 bits of memory to one half; the other one stays. */
bool compile_simd_half(struct unit *u, const struct op *op, const struct shape *s)
{
    struct host_mem to = xmm_field(op->dst);
    to.disp += s->arg & SIMD_HIGH ? 8 : 0;
    simd_check(u);
    operand_probe(u, op, 8, false);
    operand_fetch(u, 8, H_DX);
    asm_rm(&u->code, 8, 0x89, H_DX, to);
    return true;
}

/* PMOVMSKB, MOVMSKPS, MOVMSKPD. */
bool compile_simd_mask(struct unit *u, const struct op *op)
{
    const struct insn_row *r = &insn_rows(NULL)[op->row];
    simd_check(u);
    load16(u, xmm_field(op->src));
    unsigned size = prefix_of(u, r), d = reg_set(u, op->dst);
    asm_rr(&u->code, size, opcode_of(r), d, X0);
    return true;
}

/* Shuffles by bytes are of SSSE3, which a host need not have. */
bool simd_compiled(const struct op *op)
{
    return insn_rows(NULL)[op->row].map == M0F || __builtin_cpu_supports("ssse3");
}
