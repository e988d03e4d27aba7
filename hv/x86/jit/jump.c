/* jump.c - from a region to a block somewhere else: block_find() and ENTER() of branch.c, as host code. */
#include "hv/x86/exec.h"
#include "hv/x86/jit/ops.h"

enum { OP_AND = 4, OP_XOR = 6, OP_CMP = 7, TEMP_A = FLAG_A, TEMP_B = FLAG_B };

static void shift(struct code_buffer *c, unsigned ext, unsigned reg, unsigned n)
{
    asm_rr(c, 4, HOST_SHIFT, ext, reg);
    asm_bytes(c, n, 1);
}

/* TEMP_B: the entry of the instruction TLB; TEMP_A: the block of JUMP_SLOT(). */
static void find_entries(struct code_buffer *c, unsigned reg)
{
    _Static_assert(sizeof(struct itlb_entry) == 24, "the code multiplies by 3 and 8");
    asm_rr(c, 4, HOST_MOV_EG, reg, H_AX);
    shift(c, 5, H_AX, 12);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, H_CX);
    asm_alu_imm(c, 4, OP_AND, H_AX, ITLB_SIZE - 1);
    asm_rm(c, 8, HOST_LEA, H_AX, (struct host_mem){H_AX, H_AX, 1, 0});
    asm_rm(c, 8, HOST_MOV_GE, TEMP_B, CPU_FIELD(itlb));
    asm_rm(c, 8, HOST_LEA, TEMP_B, (struct host_mem){TEMP_B, H_AX, 3, 0});
    asm_alu(c, 4, OP_XOR, H_CX, reg);
    asm_alu_imm(c, 4, OP_AND, H_CX, JUMPS - 1);
    struct host_mem slot = CPU_FIELD(jumps);
    slot.index = H_CX;
    slot.scale = 3;
    asm_rm(c, 8, HOST_MOV_GE, TEMP_A, slot);
}

/* A jump if the end of the block in TEMP_A, at gpr[REG_RIP], is beyond the code segment's limit. */
static uint8_t *exceeds_limit(struct code_buffer *c)
{
    asm_rm(c, 4, HOST_MOVZX16, H_AX, at_reg(TEMP_A, offsetof(struct block, bytes)));
    asm_rm(c, 8, HOST_ADD_GE, H_AX, CPU_FIELD(gpr[REG_RIP]));
    asm_rm(c, 4, HOST_MOV_GE, H_CX, segment_limit(CS));
    asm_rm(c, 8, HOST_LEA, H_CX, at_reg(H_CX, 1));
    asm_rr(c, 8, HOST_CMP_GE, H_AX, H_CX);
    return asm_jcc(c, CC_A);
}

void enter_found(struct unit *u, unsigned reg)
{
#ifdef BOOTREEL_COUNT
    return; /* the interpreter finds the block, and counts */
#endif
    struct code_buffer *c = &u->code;
    uint8_t *out[5];
    unsigned n = 0;
    if (u->segmented)
        asm_rm(c, 4, HOST_ADD_GE, reg, segment_base(CS));
    find_entries(c, reg);
    asm_move(c, H_AX, reg);
    asm_alu_imm(c, 8, OP_AND, H_AX, -4096);
    asm_rm(c, 8, HOST_CMP_GE, H_AX, at_reg(TEMP_B, offsetof(struct itlb_entry, tag)));
    out[n++] = asm_jcc(c, CC_NE);
    asm_rm(c, 8, HOST_MOV_GE, H_AX, at_reg(TEMP_B, offsetof(struct itlb_entry, page)));
    asm_rm(c, 8, HOST_CMP_GE, H_AX, at_reg(TEMP_A, offsetof(struct block, page)));
    out[n++] = asm_jcc(c, CC_NE);
    asm_rr(c, 4, HOST_MOV_EG, reg, H_AX);
    shift(c, 4, H_AX, 20);
    shift(c, 5, H_AX, 4);
    asm_alu_imm(c, 4, 1, H_AX, (uint16_t)u->entry->id);
    asm_rm(c, 4, HOST_CMP_GE, H_AX, at_reg(TEMP_A, offsetof(struct block, id)));
    out[n++] = asm_jcc(c, CC_NE);
    if (u->segmented)
        out[n++] = exceeds_limit(c);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, at_reg(TEMP_A, offsetof(struct block, n)));
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(left));
    asm_rr(c, 8, HOST_SUB_EG, H_CX, H_AX);
    out[n++] = asm_jcc(c, CC_L);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(left));
    asm_rm(c, 8, HOST_MOV_EG, TEMP_A, CPU_FIELD(block));
    asm_rm(c, 8, HOST_LEA, H_SI, at_reg(TEMP_A, offsetof(struct block, ops)));
    asm_rm(c, 4, HOST_GROUP5, HOST_JMP_E, at_reg(H_SI, offsetof(struct op, fn)));
    for (unsigned i = 0; i < n; i++)
        asm_patch(out[i], c->at);
}
