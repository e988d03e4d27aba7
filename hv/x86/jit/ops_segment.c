/* ops_segment.c - one instruction to host code: those that name segment registers, in 16-bit code and in segments that are not flat. In
 * real and virtual-8086 mode a segment register takes a selector and the base that follows from it; limit and rights stay
 * (seg_real()). Elsewhere, and SS everywhere, loading one is left to the handler. */
#include "hv/x86/jit/ops.h"

static struct host_mem selector(unsigned seg)
{
    return segment_field(seg, offsetof(struct seg, sel));
}

/* A segment that was null gets a limit and rights as well: left to the handler. */
static void check_usable(struct unit *u, unsigned seg)
{
    asm_rm(&u->code, 1, HOST_GROUP3_8, HOST_TEST_EI, segment_field(seg, offsetof(struct seg, null)));
    asm_bytes(&u->code, 0xff, 1);
    flags_lost(u);
    side_exit(u, CC_NE);
}

/* The selector is in DX, zero-extended. */
static void load(struct unit *u, unsigned seg)
{
    struct code_buffer *c = &u->code;
    asm_rm(c, 2, HOST_MOV_EG, H_DX, selector(seg));
    asm_shift(c, 4, HOST_SHL, H_DX, 4);
    asm_rm(c, 8, HOST_MOV_EG, H_DX, segment_base(seg));
    flags_lost(u);
}

void compile_mov_to_segment(struct unit *u, const struct op *op, const struct shape *s)
{
    check_usable(u, op->dst);
    if (in_memory(op)) {
        operand_probe(u, op, 2, false);
        operand_fetch(u, 2, H_DX);
    } else {
        asm_rr(&u->code, 4, HOST_MOVZX16, H_DX, reg_use(u, op->src));
    }
    load(u, op->dst);
}

void compile_mov_from_segment(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    if (in_memory(op))
        operand_probe(u, op, 2, true);
    asm_rm(c, 4, HOST_MOVZX16, H_DX, selector(op->src));
    if (in_memory(op))
        operand_put(u, 2, H_DX);
    else
        asm_rr(c, size, HOST_MOV_EG, H_DX, reg_result(u, op->dst, size));
}

void compile_push_segment(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = size_of(op);
    stack_probe(u, -(int32_t)size, size, true);
    asm_rm(&u->code, 4, HOST_MOVZX16, H_DX, selector(op->dst));
    operand_put(u, size, H_DX);
    stack_move(u, -(int32_t)size);
}

void compile_pop_segment(struct unit *u, const struct op *op, const struct shape *s)
{
    check_usable(u, op->dst);
    stack_probe(u, 0, size_of(op), false);
    operand_fetch(u, 2, H_DX);
    stack_move(u, (int32_t)size_of(op));
    load(u, op->dst);
}

/* LES and the like: shape.arg is the segment register. */
void compile_load_far(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op);
    check_usable(u, s->arg);
    operand_probe(u, op, size + 2, false);
    struct host_mem at = u->at;
    at.disp += (int32_t)size;
    asm_rm(c, 4, HOST_MOVZX16, H_DX, at);
    load(u, s->arg);
    asm_rm(c, size, HOST_MOV_GE, reg_result(u, op->dst, size), u->at);
}

/* XLAT: AL = the byte at rBX + AL. */
void compile_xlat(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned a = reg_change(u, RAX);
    asm_rr_from(c, 4, HOST_MOVZX8, H_AX, a, true);
    const struct host_mem offset = {H_AX, (uint8_t)reg_use(u, RBX), 0, 0};
    segment_probe(u, offset, address_size(u, op), op->seg, 1, false);
    asm_rm(c, 1, HOST_MOV_GE8, a, u->at);
}
