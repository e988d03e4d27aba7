/* ops_branch.c - jumps, calls and returns, and where they leave a region. See ops.h. */
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"

/* Where a branch leaves the region to, once its target is in gpr[REG_RIP]. */
static op_fn *taken(const struct unit *u)
{
    return u->segmented ? branch_taken_legacy : branch_taken;
}
static op_fn *falls(const struct unit *u)
{
    return u->segmented ? branch_fall_legacy : branch_fall;
}

/* The entry of the region has compared its page with the segment's limit, and a target of 16 bits is cut to fit. So only a wider
 * target out of the page has to be checked. */
static void check_relative(struct unit *u, const struct op *op)
{
    if (!u->segmented || op->osize == 1 || stays_in_page(u->block, op->wide))
        return;
    code_address(u, H_DX, op->wide);
    check_target(u, H_DX);
}

void compile_jcc(struct unit *u, const struct op *op, const struct shape *s)
{
    check_relative(u, op);
    int cc = flags_condition(u, s->arg);
    edge_later(u, asm_jcc(&u->code, (unsigned)cc), 1, op->wide, taken(u));
    edge_now(u, 0, (int32_t)op_end(op), falls(u));
}

void compile_jmp(struct unit *u, const struct op *op, const struct shape *s)
{
    check_relative(u, op);
    edge_now(u, 1, op->wide, taken(u));
}

/* The count is a register of the address size. Flags are as they were. */
void compile_loop(struct unit *u, const struct op *op, const struct shape *s)
{
    check_relative(u, op);
    const bool counts = !s->arg;
    const unsigned count = counts ? reg_change(u, RCX) : reg_use(u, RCX), size = address_size(u, op);
    if (counts)
        asm_rm(&u->code, size, HOST_LEA, count, at_reg(count, -1));
    groups_after(u, op);
    flags_lost(u);
    asm_rr(&u->code, size, HOST_TEST_EG, count, count);
    edge_later(u, asm_jcc(&u->code, counts ? CC_NE : CC_E), 1, op->wide, taken(u));
    edge_now(u, 0, (int32_t)op_end(op), falls(u));
}

void check_target(struct unit *u, unsigned reg)
{
    struct code_buffer *c = &u->code;
    unsigned sign = u->entry->id & KEY_LA57 ? 7 : 16;
    if (u->segmented) {
        asm_rm(c, 4, HOST_CMP_GE, reg, segment_limit(CS));
        flags_lost(u);
        side_exit(u, CC_A);
    }
    if (u->word == 4)
        return;
    asm_move(c, H_CX, reg);
    asm_shift(c, 8, HOST_SHL, H_CX, sign);
    asm_shift(c, 8, HOST_SAR, H_CX, sign);
    asm_alu(c, 8, ALU_CMP, H_CX, reg);
    flags_lost(u);
    side_exit(u, CC_NE);
}

void push_return(struct unit *u, int32_t offset, unsigned size)
{
    stack_probe(u, -(int32_t)size, size, true);
    code_address(u, H_CX, offset);
    operand_put(u, size, H_CX);
    stack_move(u, -(int32_t)size);
}

void compile_call(struct unit *u, const struct op *op, const struct shape *s)
{
    check_relative(u, op);
    push_return(u, (int32_t)op_end(op), item_size(u, op));
    edge_now(u, 1, op->wide, taken(u));
}

void compile_ret(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = item_size(u, op);
    stack_probe(u, 0, size, false);
    operand_fetch(u, size, H_DX);
    check_target(u, H_DX);
    stack_move(u, (int32_t)size + op->imm);
    leave_indirect(u, H_DX);
}

/* The host register with a target that is in a guest register: in 64-bit code that one's, else DX. */
static unsigned register_target(struct unit *u, const struct op *op)
{
    const unsigned r = reg_use(u, op->dst);
    if (u->word == 8)
        return r;
    asm_rr(&u->code, 4, HOST_MOV_EG, r, H_DX);
    if (item_size(u, op) == 2)
        asm_rr(&u->code, 4, HOST_MOVZX16, H_DX, H_DX);
    return H_DX;
}

void compile_jmp_indirect(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned to = H_DX;
    if (in_memory(op)) {
        operand_probe(u, op, item_size(u, op), false);
        operand_fetch(u, item_size(u, op), H_DX);
    } else {
        to = register_target(u, op);
    }
    check_target(u, to);
    leave_indirect(u, to);
}

void compile_call_indirect(struct unit *u, const struct op *op, const struct shape *s)
{
    check_target(u, register_target(u, op));
    push_return(u, (int32_t)op_end(op), item_size(u, op));
    leave_indirect(u, register_target(u, op));
}
