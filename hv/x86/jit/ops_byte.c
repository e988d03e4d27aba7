/* ops_byte.c - one instruction to host code: operands of 8 bits that need more than the host's instruction on a host register. Second
 * bytes (AH, CH, DH, BH) are brought to the bottom by rotating the lower 16 bits of the host register by 8: an instruction that names
 * R8 to R15 cannot name the host's own second bytes. */
#include "hv/x86/jit/ops.h"

static void swap_bytes(struct unit *u, unsigned reg)
{
    asm_shift(&u->code, 2, HOST_ROR, reg, 8);
    flags_lost(u);
}

unsigned byte_begin(struct unit *u, unsigned byte)
{
    const unsigned d = reg_change(u, byte >> 3);
    if (is_high(byte))
        swap_bytes(u, d);
    return d;
}

void byte_end(struct unit *u, unsigned byte)
{
    if (is_high(byte))
        swap_bytes(u, reg_change(u, byte >> 3));
}

/* The lowest byte of `to` becomes a guest's byte; the others may be anything. */
static void byte_get(struct unit *u, unsigned to, unsigned byte)
{
    asm_move(&u->code, to, reg_use(u, byte >> 3));
    if (!is_high(byte))
        return;
    asm_shift(&u->code, 4, HOST_SHR, to, 8);
    flags_lost(u);
}

static void byte_put(struct unit *u, unsigned byte, unsigned from)
{
    asm_rr(&u->code, 1, HOST_MOV_EG8, from, byte_begin(u, byte));
    byte_end(u, byte);
}

/* The second operand; FLAG_B if it cannot stay where it is. The memory operand was checked. */
static struct second second_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    struct second b = {.reg = FLAG_B, .guest = FLAG_OWN};
    if (s->form == FORM_EI)
        return (struct second){.imm = true, .value = (int32_t)op->imm, .guest = FLAG_OWN};
    if (in_memory(op) && s->form == FORM_GE) {
        operand_fetch(u, 1, FLAG_B);
    } else if (is_high(op->src) || (!in_memory(op) && op->src >> 3 == op->dst >> 3)) {
        byte_get(u, FLAG_B, op->src);
    } else {
        b.guest = op->src >> 3;
        b.reg = reg_use(u, b.guest);
    }
    return b;
}

/* ADD, SUB, CMP, AND, OR and XOR with a second byte as the destination. */
static void alu_to_high(struct unit *u, const struct op *op, unsigned operation, struct second b)
{
    const bool dead = flags_dead(u), logic = alu_source(operation) == FLAGS_LOGIC;
    if (!dead && !logic)
        byte_get(u, FLAG_A, op->dst);
    if (operation != ALU_CMP) {
        const unsigned d = byte_begin(u, op->dst);
        alu_apply(u, 1, operation, d, b);
        if (!dead && logic)
            asm_move(&u->code, FLAG_A, d);
        byte_end(u, op->dst);
    }
    if (dead) {
        flags_none(u);
        return;
    }
    flags_of_two(u, op, alu_source(operation), FLAG_OWN, b);
    flags_lost(u);
}

void compile_alu_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    const bool to_memory = in_memory(op) && s->form != FORM_GE;
    if (in_memory(op))
        operand_probe(u, op, 1, to_memory && s->arg != ALU_CMP);
    const struct second b = second_byte(u, op, s);
    if (to_memory)
        alu_to_memory(u, op, s->arg, b);
    else if (is_high(op->dst))
        alu_to_high(u, op, s->arg, b);
    else
        alu_to_register(u, op, s->arg, b);
}

void compile_test_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op)) {
        operand_probe(u, op, 1, false);
        operand_fetch(u, 1, FLAG_A);
    } else {
        byte_get(u, FLAG_A, op->dst);
    }
    alu_apply(u, 1, ALU_AND, FLAG_A, second_byte(u, op, s));
    flags_from(u, FLAGS_LOGIC, op);
}

void compile_mov_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    if (in_memory(op))
        operand_probe(u, op, 1, s->form != FORM_GE);
    if (s->form == FORM_EI)
        asm_imm(&u->code, H_DX, (uint8_t)op->imm);
    else if (in_memory(op) && s->form == FORM_GE)
        operand_fetch(u, 1, H_DX);
    else
        byte_get(u, H_DX, op->src);
    if (in_memory(op) && s->form != FORM_GE)
        operand_put(u, 1, H_DX);
    else
        byte_put(u, op->dst, H_DX);
}

/* CF stays, so nothing may change the host's from flags_carry() on. */
void compile_step_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const bool dead = flags_dead(u);
    const unsigned d = reg_use(u, op->dst >> 3);
    if (!dead)
        flags_carry(u);
    asm_move(c, H_AX, d);
    asm_bytes(c, 0xc486, 2); /* XCHG AL, AH */
    asm_rr(c, 1, 0xfe, s->kind == SHAPE_DEC, H_AX);
    asm_move(c, H_DX, H_AX);
    if (dead)
        flags_none(u);
    else
        flags_capture(u, op, H_DX);
    byte_put(u, op->dst, H_DX);
}

void compile_shift_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    const bool dead = flags_dead(u);
    if (!dead)
        byte_get(u, FLAG_A, op->dst);
    asm_shift(&u->code, 1, s->arg, byte_begin(u, op->dst), shift_count(op));
    byte_end(u, op->dst);
    flags_of_shift(u, op, s, dead);
    flags_lost(u);
}

/* If somebody asks for flags, counts of 0 and of more bits than a byte has are left to the handler. */
void compile_shift_cl_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    struct side *none = NULL;
    const bool dead = flags_dead(u);
    const unsigned d = reg_change(u, guest_of(op, op->dst));
    asm_rr(c, 4, HOST_MOV_EG, reg_use(u, RCX), H_CX);
    if (!dead) {
        asm_alu_imm(c, 4, ALU_AND, H_CX, (int32_t)count_mask(op));
        flags_lost(u);
        none = shift_begin(u, d, 1);
        asm_alu_imm(c, 4, ALU_CMP, H_CX, 8);
        side_exit(u, CC_AE);
        byte_get(u, FLAG_A, op->dst);
        asm_move(c, FLAG_B, H_CX);
    }
    asm_rr(c, 1, HOST_SHIFT8_CL, s->arg, byte_begin(u, op->dst));
    byte_end(u, op->dst);
    if (dead)
        flags_none(u);
    else
        flags_from(u, shift_source(s->arg), op);
    shift_end(u, none);
}

void compile_neg_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    byte_get(u, FLAG_B, op->dst);
    asm_imm(&u->code, FLAG_A, 0);
    asm_rr(&u->code, 1, HOST_GROUP3_8, HOST_NEG, byte_begin(u, op->dst));
    byte_end(u, op->dst);
    flags_from(u, FLAGS_SUB, op);
    flags_lost(u);
}

void compile_not_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    asm_rr(&u->code, 1, HOST_GROUP3_8, HOST_NOT, byte_begin(u, op->dst));
    byte_end(u, op->dst);
}

void compile_set_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    const int cc = flags_condition(u, s->arg);
    asm_rr(&u->code, 1, HOST_SET((unsigned)cc), 0, H_DX);
    byte_put(u, op->dst, H_DX);
}

void compile_xchg_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    byte_get(u, H_AX, op->dst);
    byte_get(u, H_DX, op->src);
    byte_put(u, op->dst, H_DX);
    byte_put(u, op->src, H_AX);
}

/* The operand of MUL and DIV: CX, or the host register that has it. */
static unsigned factor(struct unit *u, const struct op *op)
{
    if (in_memory(op)) {
        operand_probe(u, op, 1, false);
        operand_fetch(u, 1, H_CX);
        return H_CX;
    }
    if (!is_high(op->dst))
        return reg_use(u, op->dst >> 3);
    byte_get(u, H_CX, op->dst);
    return H_CX;
}

/* MUL, IMUL: AX = AL * operand. */
void compile_mul_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned from = factor(u, op);
    asm_move(c, H_AX, reg_use(u, RAX));
    asm_rr(c, 1, HOST_GROUP3_8, s->arg, from);
    asm_rr(c, 2, HOST_MOV_EG, H_AX, reg_change(u, RAX));
    flags_of_product(u, op);
}

/* DIV: AL = AX / operand, AH the remainder. Left to the handler where it would fault. */
void compile_div_byte(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned from = factor(u, op), a = reg_use(u, RAX);
    asm_move(c, H_DX, a);
    asm_shift(c, 4, HOST_SHR, H_DX, 8);
    asm_alu(c, 1, ALU_CMP, H_DX, from);
    flags_lost(u);
    side_exit(u, CC_AE);
    asm_move(c, H_AX, a);
    asm_rr(c, 1, HOST_GROUP3_8, s->arg, from);
    asm_rr(c, 2, HOST_MOV_EG, H_AX, reg_change(u, RAX));
}
