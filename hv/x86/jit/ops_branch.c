/* ops_branch.c - jumps, calls and returns, and where they leave a region. See ops.h. */
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"

void compile_jcc(struct unit *u, const struct op *op, const struct shape *s)
{
    int cc = flags_condition(u, s->arg);
    edge_later(u, asm_jcc(&u->code, (unsigned)cc), 1, op->imm, branch_taken);
    edge_now(u, 0, op->disp, branch_fall);
}

void compile_jmp(struct unit *u, const struct op *op, const struct shape *s)
{
    edge_now(u, 1, op->imm, branch_taken);
}

/* The count is a register of the address size. Flags are as they were. */
void compile_loop(struct unit *u, const struct op *op, const struct shape *s)
{
    const bool counts = !s->arg;
    const unsigned count = counts ? reg_change(u, RCX) : reg_use(u, RCX);
    if (counts)
        asm_rm(&u->code, u->word, HOST_LEA, count, at_reg(count, -1));
    flags_lost(u);
    asm_rr(&u->code, u->word, HOST_TEST_EG, count, count);
    edge_later(u, asm_jcc(&u->code, counts ? CC_NE : CC_E), 1, op->imm, branch_taken);
    edge_now(u, 0, op->disp, branch_fall);
}

void check_target(struct unit *u, unsigned reg)
{
    struct code_buffer *c = &u->code;
    unsigned sign = u->entry->id & KEY_LA57 ? 7 : 16;
    if (u->word == 4)
        return;
    asm_move(c, H_CX, reg);
    asm_rr(c, 8, HOST_SHIFT, HOST_SHL, H_CX);
    asm_bytes(c, sign, 1);
    asm_rr(c, 8, HOST_SHIFT, HOST_SAR, H_CX);
    asm_bytes(c, sign, 1);
    asm_alu(c, 8, ALU_CMP, H_CX, reg);
    flags_lost(u);
    side_exit(u, CC_NE);
}

/* AX: the address of the instruction's end, or of another offset from the block's start. */
static void code_address(struct unit *u, unsigned to, int32_t offset)
{
    asm_rm(&u->code, 8, HOST_MOV_GE, to, CPU_FIELD(gpr[REG_RIP]));
    offset += (int32_t)(u->block->id >> 16) - (int32_t)(u->entry->id >> 16);
    asm_rm(&u->code, u->word, HOST_LEA, to, at_reg(to, offset));
}

void push_return(struct unit *u, int32_t offset)
{
    stack_probe(u, -(int32_t)u->word, true);
    code_address(u, H_CX, offset);
    operand_put(u, u->word, H_CX);
    stack_move(u, -(int32_t)u->word);
}

void compile_call(struct unit *u, const struct op *op, const struct shape *s)
{
    push_return(u, op->disp);
    edge_now(u, 1, op->imm, branch_taken);
}

void compile_ret(struct unit *u, const struct op *op, const struct shape *s)
{
    stack_probe(u, 0, false);
    operand_fetch(u, u->word, H_DX);
    check_target(u, H_DX);
    stack_move(u, (int32_t)u->word + (int32_t)op->uimm);
    leave_indirect(u, H_DX, branch_indirect);
}

void compile_jmp_indirect(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned to = H_DX;
    if (in_memory(op)) {
        operand_probe(u, op, u->word, false);
        operand_fetch(u, u->word, H_DX);
    } else if (u->word == 8) {
        to = reg_use(u, op->dst);
    } else {
        asm_rr(&u->code, 4, HOST_MOV_EG, reg_use(u, op->dst), H_DX);
    }
    check_target(u, to);
    leave_indirect(u, to, branch_indirect);
}

void compile_call_indirect(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned to = reg_use(u, op->dst);
    check_target(u, to);
    push_return(u, op->off + op->len);
    if (u->word == 4) {
        asm_rr(&u->code, 4, HOST_MOV_EG, to, H_DX);
        to = H_DX;
    }
    leave_indirect(u, to, branch_indirect);
}
