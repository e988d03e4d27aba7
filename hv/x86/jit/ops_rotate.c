/* ops_rotate.c - one instruction to host code: ROL, ROR, RCL and RCR. They set CF and OF, and leave the other flags. */
#include "hv/x86/jit/ops.h"

/* Bit 0 of CX becomes CF, bit 0 of AX OF; the others are in memory, and stay. */
static void set_flags(struct unit *u)
{
    struct code_buffer *c = &u->code;
    asm_alu_imm(c, 4, ALU_AND, H_CX, 1);
    asm_alu_imm(c, 4, ALU_AND, H_AX, 1);
    asm_shift(c, 4, HOST_SHL, H_AX, AUX_OF);
    asm_alu(c, 4, ALU_OR, H_CX, H_AX);
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(cc_aux));
    asm_alu_imm(c, 8, ALU_AND, H_AX, ~(FLAG_CF | 1 << AUX_OF));
    asm_alu(c, 8, ALU_OR, H_AX, H_CX);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(cc_aux));
    flags_lost(u);
}

/* The host register that is to be rotated: DX for what is in memory. */
static unsigned begin(struct unit *u, const struct op *op)
{
    if (in_memory(op)) {
        operand_probe(u, op, size_of(op), true);
        operand_fetch(u, size_of(op), H_DX);
        return H_DX;
    }
    return op->osize ? reg_change(u, op->dst) : byte_begin(u, op->dst);
}

static void finish(struct unit *u, const struct op *op)
{
    if (in_memory(op))
        operand_put(u, size_of(op), H_DX);
    else if (!op->osize)
        byte_end(u, op->dst);
}

/* The result, in a host register, goes where it belongs; DX becomes it, for its flags. */
static void rotated(struct unit *u, const struct op *op, unsigned d)
{
    flags_lost(u);
    asm_move(&u->code, H_DX, d);
    finish(u, op);
}

/* DX is the result. CF is its lowest or highest bit, OF the highest one XOR CF or the one below. */
static void flags_of_rotate(struct unit *u, unsigned size, bool right)
{
    struct code_buffer *c = &u->code;
    asm_move(c, H_AX, H_DX);
    asm_shift(c, size, HOST_SHR, H_AX, 8 * size - 1 - right); /* ROR: the highest two bits */
    asm_move(c, H_CX, right ? H_AX : H_DX);
    if (right)
        asm_rr(c, 4, HOST_SHIFT_1, HOST_SHR, H_CX);
    asm_alu(c, 4, ALU_XOR, H_AX, H_CX);
    set_flags(u);
}

/* shape.arg: 0 ROL, 1 ROR. */
void compile_rotate(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    const bool dead = flags_dead(u);
    if (!dead)
        flags_to_memory(u);
    const unsigned d = begin(u, op);
    asm_shift(c, size, s->arg, d, shift_count(op));
    rotated(u, op, d);
    if (!dead)
        flags_of_rotate(u, size, s->arg);
}

/* The same by CL, of a register. By 0 bits no flag changes: ZF tells, which no rotation changes. */
void compile_rotate_cl(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    const bool dead = flags_dead(u);
    if (!dead)
        flags_to_memory(u);
    asm_rr(c, 4, HOST_MOV_EG, reg_use(u, RCX), H_CX);
    if (!dead)
        asm_alu_imm(c, 4, ALU_AND, H_CX, (int32_t)count_mask(op));
    const unsigned d = begin(u, op);
    asm_rr(c, size, size == 1 ? HOST_SHIFT8_CL : HOST_SHIFT_CL, s->arg, d);
    rotated(u, op, d);
    if (dead)
        return;
    uint8_t *none = asm_jcc(c, CC_E);
    flags_of_rotate(u, size, s->arg);
    asm_patch(none, c->at);
}

/* RCL and RCR by one bit, whose flags are the host's. */
void compile_rotate_carry(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    const bool dead = flags_dead(u);
    flags_to_memory(u);
    const unsigned d = begin(u, op);
    asm_rm(c, 4, HOST_BT_EI, 4, CPU_FIELD(cc_aux));
    asm_bytes(c, 0, 1);
    asm_rr(c, size, size == 1 ? HOST_SHIFT8_1 : HOST_SHIFT_1, s->arg, d);
    flags_lost(u);
    asm_rr(c, 1, HOST_SET(CC_B), 0, H_CX);
    if (in_memory(op))
        finish(u, op); /* the address is in AX, and no flag changes */
    asm_rr(c, 1, HOST_SET(CC_O), 0, H_AX);
    if (!dead)
        set_flags(u);
    if (!in_memory(op))
        finish(u, op);
}
