/* ops_memory.c - one instruction to host code: those that read and write memory, and those that access it twice. LOCK needs nothing:
 * processors run in turns. */
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"

/* A second check of the TLB uses all free registers. In the meantime a value is in XMM0. */
static void keep(struct unit *u, unsigned reg)
{
    asm_bytes(&u->code, 0x66, 1);
    asm_rr(&u->code, 8, HOST_MOVD_GE, 0, reg);
}
static void take(struct unit *u, unsigned reg)
{
    asm_bytes(&u->code, 0x66, 1);
    asm_rr(&u->code, 8, HOST_MOVD_EG, 0, reg);
}

static void put_register(struct unit *u, unsigned size, unsigned to, unsigned from)
{
    asm_rr(&u->code, size, size == 1 ? HOST_MOV_EG8 : HOST_MOV_EG, from, to);
}

/* ---------------------------------------------------------------- exchanges */

void compile_xchg_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op), r = reg_change(u, guest_of(op, op->src));
    operand_probe(u, op, size, true);
    operand_fetch(u, size, H_DX);
    operand_put(u, size, r);
    put_register(u, size, r, H_DX);
}

void compile_xadd(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), r = reg_change(u, guest_of(op, op->src));
    operand_probe(u, op, size, true);
    operand_fetch(u, size, FLAG_A);
    asm_move(c, FLAG_B, r);
    asm_move(c, H_DX, FLAG_A);
    asm_alu(c, size, ALU_ADD, H_DX, FLAG_B);
    operand_put(u, size, H_DX);
    put_register(u, size, r, FLAG_A);
    flags_from(u, FLAGS_ADD, op);
}

/* 32 and 64 bits. Memory is always written; rAX only if it was not equal. */
void compile_cmpxchg(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), a = reg_change(u, RAX), r = reg_use(u, op->src);
    operand_probe(u, op, size, true);
    operand_fetch(u, size, FLAG_B);
    asm_move(c, FLAG_A, a);
    asm_move(c, H_DX, FLAG_B);
    asm_alu(c, size, ALU_CMP, FLAG_A, FLAG_B);
    asm_rr(c, 8, HOST_CMOV(CC_E), H_DX, r);
    operand_put(u, size, H_DX);
    asm_rr(c, 8, HOST_CMOV(CC_NE), a, FLAG_B);
    flags_from(u, FLAGS_SUB, op);
}

/* ---------------------------------------------------------------- bits, shifts, conditions */

/* The operand that bit `r` is in: that many operands further on. */
static void bit_probe(struct unit *u, const struct op *op, unsigned size, bool write)
{
    struct code_buffer *c = &u->code;
    unsigned r = reg_use(u, op->src), log = size == 8 ? 6 : 5;
    struct host_mem m = operand_address(u, op);
    asm_rm(c, u->word, HOST_LEA, H_AX, m);
    if (size == 8)
        asm_move(c, H_CX, r);
    else
        asm_rr(c, 8, HOST_MOVSXD, H_CX, r);
    asm_shift(c, 8, HOST_SAR, H_CX, log);
    asm_shift(c, 8, HOST_SHL, H_CX, log - 3);
    asm_alu(c, u->word, ALU_ADD, H_AX, H_CX);
    flags_lost(u);
    if (op->seg == FS || op->seg == GS)
        asm_rm(c, 8, HOST_ADD_GE, H_AX, segment_base(op->seg));
    tlb_check(u, size, write);
}

/* BT, BTS, BTR, BTC of memory. Only CF changes. */
void compile_bt_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    bool imm = s->form == FORM_EI, write = s->arg != 4;
    flags_to_memory(u);
    if (imm)
        operand_probe(u, op, size, write);
    else
        bit_probe(u, op, size, write);
    operand_fetch(u, size, H_DX);
    asm_rm(c, 8, HOST_MOV_GE, H_CX, CPU_FIELD(cc_aux));
    asm_alu_imm(c, 8, ALU_AND, H_CX, ~FLAG_CF);
    if (imm) {
        asm_rr(c, size, HOST_BT_EI, s->arg, H_DX);
        asm_bytes(c, (uint8_t)op->imm, 1);
    } else {
        asm_rr(c, size, HOST_BT_EG(s->arg), reg_use(u, op->src), H_DX);
    }
    asm_alu_imm(c, 8, ALU_ADC, H_CX, 0);
    if (write)
        operand_put(u, size, H_DX);
    asm_rm(c, 8, HOST_MOV_EG, H_CX, CPU_FIELD(cc_aux));
    flags_lost(u);
}

void compile_shift_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    bool dead = flags_dead(u);
    operand_probe(u, op, size, true);
    operand_fetch(u, size, FLAG_A);
    asm_move(c, H_DX, FLAG_A);
    asm_shift(c, size, s->arg, H_DX, shift_count(op));
    operand_put(u, size, H_DX);
    flags_of_shift(u, op, s, dead);
}

void compile_neg_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = size_of(op);
    operand_probe(u, op, size, true);
    operand_fetch(u, size, FLAG_B);
    asm_imm(&u->code, FLAG_A, 0);
    asm_rm(&u->code, size, size == 1 ? HOST_GROUP3_8 : HOST_GROUP3, HOST_NEG, u->at);
    flags_from(u, FLAGS_SUB, op);
}

void compile_not_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = size_of(op);
    operand_probe(u, op, size, true);
    asm_rm(&u->code, size, size == 1 ? HOST_GROUP3_8 : HOST_GROUP3, HOST_NOT, u->at);
}

void compile_set_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    int cc = flags_condition(u, s->arg);
    asm_rr(c, 1, HOST_SET((unsigned)cc), 0, H_DX);
    keep(u, H_DX);
    operand_probe(u, op, 1, true);
    take(u, H_DX);
    operand_put(u, 1, H_DX);
}

/* ---------------------------------------------------------------- the stack */

void compile_push_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = item_size(u, op);
    operand_probe(u, op, size, false);
    operand_fetch(u, size, H_DX);
    keep(u, H_DX);
    stack_probe(u, -(int32_t)size, size, true);
    take(u, H_DX);
    operand_put(u, size, H_DX);
    stack_move(u, -(int32_t)size);
}

void compile_call_memory(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = item_size(u, op);
    operand_probe(u, op, size, false);
    operand_fetch(u, size, H_DX);
    check_target(u, H_DX);
    keep(u, H_DX);
    push_return(u, op->off + op->len, size);
    take(u, H_DX);
    leave_indirect(u, H_DX);
}

/* ---------------------------------------------------------------- string instructions */

static void index_probe(struct unit *u, const struct op *op, unsigned guest, bool write)
{
    const unsigned size = size_of(op), r = reg_use(u, guest);
    if (by_segment(u, op)) {
        segment_probe(u, at_reg(r, 0), address_size(u, op), guest == RDI ? ES : op->seg, size, write);
        return;
    }
    asm_rr(&u->code, u->word, HOST_MOV_EG, r, H_AX);
    tlb_check(u, size, write);
}

static void index_move(struct unit *u, const struct op *op, unsigned guest)
{
    unsigned r = reg_change(u, guest);
    asm_rm(&u->code, address_size(u, op), HOST_LEA, r, at_reg(r, (int32_t)size_of(op)));
}

/* With DF set the handler does it. */
static void check_direction(struct unit *u)
{
    struct host_mem direction = CPU_FIELD(flags);
    direction.disp += 1;
    asm_rm(&u->code, 1, HOST_GROUP3_8, HOST_TEST_EI, direction);
    asm_bytes(&u->code, FLAG_DF >> 8, 1);
    flags_lost(u);
    side_exit(u, CC_NE);
}

/* CMPS; without a load SCAS. */
void compile_compare_string(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = size_of(op);
    check_direction(u);
    if (s->arg & STRING_LOADS) {
        index_probe(u, op, RSI, false);
        operand_fetch(u, size, H_DX);
        keep(u, H_DX);
    }
    index_probe(u, op, RDI, false);
    operand_fetch(u, size, FLAG_B);
    if (s->arg & STRING_LOADS)
        take(u, FLAG_A);
    else
        asm_move(&u->code, FLAG_A, reg_use(u, RAX));
    if (s->arg & STRING_LOADS)
        index_move(u, op, RSI);
    index_move(u, op, RDI);
    asm_alu(&u->code, size, ALU_CMP, FLAG_A, FLAG_B);
    flags_from(u, FLAGS_SUB, op);
}

/* The addresses are there: of the destination in AX, of the source in CX; DX is rCX - 1. Upwards, since what was stored may be loaded by a
 * later iteration. rCX holds each element. */
static void copy_elements(struct unit *u, const struct op *op, unsigned count)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    asm_rm(c, 8, HOST_LEA, H_AX, (struct host_mem){H_AX, H_DX, op->osize, (int32_t)size});
    asm_rm(c, 8, HOST_LEA, H_CX, (struct host_mem){H_CX, H_DX, op->osize, (int32_t)size});
    asm_rr(c, 8, HOST_GROUP3, HOST_NOT, H_DX);
    const uint8_t *next = c->at;
    asm_rm(c, size, size == 1 ? HOST_MOV_GE8 : HOST_MOV_GE, count,
           (struct host_mem){H_CX, H_DX, op->osize, 0});
    asm_rm(c, size, size == 1 ? HOST_MOV_EG8 : HOST_MOV_EG, count,
           (struct host_mem){H_AX, H_DX, op->osize, 0});
    asm_alu_imm(c, 8, ALU_ADD, H_DX, 1);
    asm_patch(asm_jcc(c, CC_NE), next);
}
static void fill_elements(struct unit *u, const struct op *op, unsigned value)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    const uint8_t *next = c->at;
    asm_rm(c, size, size == 1 ? HOST_MOV_EG8 : HOST_MOV_EG, value,
           (struct host_mem){H_AX, H_DX, op->osize, 0});
    asm_alu_imm(c, 8, ALU_SUB, H_DX, 1);
    asm_patch(asm_jcc(c, CC_NS), next);
}

/* REP MOVS and REP STOS of a few elements, for which the handler's preparations would take longer than the rest. Each iteration is a step,
 * of which the block has counted one. The handler executes what is more, or none, or does not fit into the steps that are left. */
static void compile_repeated(struct unit *u, const struct op *op, const struct shape *s)
{
    enum { MOST = 32 };
    struct code_buffer *c = &u->code;
    const bool loads = s->arg & STRING_LOADS;
    asm_rm(c, u->word, HOST_LEA, H_DX, at_reg(reg_use(u, RCX), -1));
    asm_alu_imm(c, u->word, ALU_CMP, H_DX, MOST - 1);
    flags_lost(u);
    side_exit(u, CC_A);
    asm_rm(c, 8, HOST_CMP_GE, H_DX, CPU_FIELD(left));
    side_exit(u, CC_G);
    if (loads) {
        elements_probe(u, op, RSI, false);
        keep(u, H_AX);
    }
    elements_probe(u, op, RDI, true);
    if (loads)
        take(u, H_CX);
    const unsigned value = loads ? H_NONE : reg_use(u, RAX), count = reg_change(u, RCX);
    asm_rm(c, u->word, HOST_LEA, H_DX, at_reg(count, -1));
    asm_rm(c, 8, HOST_SUB_EG, H_DX, CPU_FIELD(left));
    for (unsigned g = RSI; g <= RDI; g++) {
        if (g == RSI && !loads)
            continue;
        const unsigned r = reg_change(u, g);
        asm_rm(c, u->word, HOST_LEA, r, (struct host_mem){(uint8_t)r, H_DX, op->osize, (int32_t)size_of(op)});
    }
    if (loads)
        copy_elements(u, op, count);
    else
        fill_elements(u, op, value);
    asm_rr(c, 4, HOST_XOR_EG, count, count);
}

void compile_string(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    check_direction(u);
    if (is_repeated(op)) {
        compile_repeated(u, op, s);
        return;
    }
    if (s->arg & STRING_LOADS)
        index_probe(u, op, RSI, false);
    if (s->arg == (STRING_LOADS | STRING_STORES))
        keep(u, H_AX);
    if (s->arg & STRING_STORES)
        index_probe(u, op, RDI, true);
    if (s->arg == STRING_LOADS) {
        operand_fetch(u, size, H_DX);
        put_register(u, size, reg_result(u, RAX, size), H_DX);
    } else if (s->arg == STRING_STORES) {
        operand_put(u, size, reg_use(u, RAX));
    } else {
        take(u, H_CX);
        asm_rm(c, size, size == 1 ? HOST_MOV_GE8 : HOST_MOV_GE, H_DX, at_reg(H_CX, 0));
        operand_put(u, size, H_DX);
    }
    if (s->arg & STRING_LOADS)
        index_move(u, op, RSI);
    if (s->arg & STRING_STORES)
        index_move(u, op, RDI);
}
