/* ops_arith.c - one instruction to host code: MUL, DIV, BSF, SHLD and the like. What processors leave undefined after them is
 * computed as the interpreter defines it (int_mul.c, int_bits.c, int_shift.c). */
#include "hv/x86/jit/ops.h"

/* The second operand, which may be in memory: a host register, CX in that case. */
static unsigned operand_of(struct unit *u, const struct op *op, unsigned guest)
{
    if (!in_memory(op))
        return reg_use(u, guest);
    operand_probe(u, op, size_of(op), false);
    operand_fetch(u, size_of(op), H_CX);
    return H_CX;
}

/* DX:AX become rDX:rAX. No flag changes. */
static void set_pair(struct unit *u, unsigned size)
{
    asm_rr(&u->code, size, HOST_MOV_EG, H_AX, reg_result(u, RAX, size));
    asm_rr(&u->code, size, HOST_MOV_EG, H_DX, reg_result(u, RDX, size));
}

void flags_of_product(struct unit *u, const struct op *op)
{
    struct code_buffer *c = &u->code;
    if (flags_dead(u)) {
        flags_none(u);
        return;
    }
    asm_imm(c, FLAG_B, 0);
    asm_rr(c, 1, HOST_SET(CC_B), 0, FLAG_B);
    asm_rr(c, 4, HOST_GROUP3, HOST_NEG, FLAG_B);
    asm_alu_imm(c, 4, ALU_AND, FLAG_B, FLAG_CF | 1 << AUX_OF);
    asm_move(c, FLAG_A, H_AX);
    flags_from(u, FLAGS_RAW, op);
    flags_lost(u);
}

/* shape.arg: 4 MUL, 5 IMUL. */
void compile_mul(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = operand_of(u, op, op->dst);
    asm_rr(c, size, HOST_MOV_EG, reg_use(u, RAX), H_AX);
    asm_rr(c, size, HOST_GROUP3, s->arg, from);
    set_pair(u, size);
    flags_of_product(u, op);
}

/* Leave to the handler what may fault. Of signed divisions only those are compiled whose dividend is the sign extension of its lower
 * half: with another divisor than 0 and -1 they cannot overflow. No flag changes. */
static void check_division(struct unit *u, unsigned size, bool is_signed, unsigned from)
{
    struct code_buffer *c = &u->code;
    unsigned low = reg_use(u, RAX), high = reg_use(u, RDX);
    flags_lost(u);
    if (!is_signed) {
        asm_alu(c, size, ALU_CMP, high, from);
        side_exit(u, CC_AE);
        return;
    }
    asm_rr(c, size, HOST_TEST_EG, from, from);
    side_exit(u, CC_E);
    asm_alu_imm(c, size, ALU_CMP, from, -1);
    side_exit(u, CC_E);
    asm_rr(c, size, HOST_MOV_EG, low, H_DX);
    asm_shift(c, size, HOST_SAR, H_DX, size * 8 - 1);
    asm_alu(c, size, ALU_CMP, H_DX, high);
    side_exit(u, CC_NE);
}

/* shape.arg: 6 DIV, 7 IDIV. */
void compile_div(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = operand_of(u, op, op->dst);
    check_division(u, size, s->arg == 7, from);
    asm_rr(c, size, HOST_MOV_EG, reg_use(u, RAX), H_AX);
    asm_rr(c, size, HOST_MOV_EG, reg_use(u, RDX), H_DX);
    asm_rr(c, size, HOST_GROUP3, s->arg, from);
    set_pair(u, size);
}

/* BSF, BSR: shape.arg is the opcode. The destination stays if the source is 0, which only ZF says on all processors. */
void compile_scan(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = operand_of(u, op, op->src), d = reg_change(u, op->dst);
    asm_rr(c, size, OP0F(s->arg), H_DX, from);
    asm_rr(c, size == 2 ? 2 : 8, HOST_CMOV(CC_NE), d, H_DX);
    asm_imm(c, FLAG_A, 0);
    asm_rr(c, 1, HOST_SET(CC_NE), 0, FLAG_A);
    flags_from(u, FLAGS_LOGIC, op);
    flags_lost(u);
}

/* SHLD, SHRD: shape.arg is the opcode. CF is the host's; OF says whether the sign has changed. */
void compile_double(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = reg_use(u, op->src), d = reg_change(u, op->dst);
    bool dead = flags_dead(u);
    if (!dead)
        asm_move(c, FLAG_A, d);
    asm_rr(c, size, OP0F(s->arg), from, d);
    asm_bytes(c, shift_count(op), 1);
    if (dead) {
        flags_none(u);
        return;
    }
    asm_imm(c, FLAG_B, 0);
    asm_rr(c, 1, HOST_SET(CC_B), 0, FLAG_B);
    asm_move(c, H_AX, FLAG_A);
    asm_alu(c, size, ALU_XOR, H_AX, d);
    asm_shift(c, size, HOST_SHR, H_AX, size * 8 - 1);
    asm_shift(c, 4, HOST_SHL, H_AX, AUX_OF);
    asm_alu(c, 4, ALU_OR, FLAG_B, H_AX);
    asm_move(c, FLAG_A, d);
    flags_from(u, FLAGS_RAW, op);
    flags_lost(u);
}

/* CLC, STC, CMC: shape.arg is the operation on CF. */
void compile_carry(struct unit *u, const struct op *op, const struct shape *s)
{
    flags_to_memory(u);
    asm_rm(&u->code, 8, HOST_ALU_EB, s->arg, CPU_FIELD(cc_aux));
    asm_bytes(&u->code, s->arg == ALU_AND ? 0xfe : 1, 1);
    flags_lost(u);
}

/* CLD; shape.arg 1: STD. */
void compile_cld(struct unit *u, const struct op *op, const struct shape *s)
{
    asm_rm(&u->code, 8, HOST_ALU_EI, s->arg ? ALU_OR : ALU_AND, CPU_FIELD(flags));
    asm_bytes(&u->code, s->arg ? FLAG_DF : (uint32_t)~FLAG_DF, 4);
    flags_lost(u);
}
