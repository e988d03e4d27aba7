/* jump.c - code that all regions share, by which they are left: to a block, or to a handler. The guest's registers are in memory, so all
 * of the host's are free. */
#include "hv/x86/exec.h"
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"
#include "hv/x86/jit/region.h"

enum { TEMP_A = FLAG_A, TEMP_B = FLAG_B };

/* Of the address in DX. TEMP_B: the entry of the instruction TLB; TEMP_A: the block of JUMP_SLOT(). */
static void find_entries(struct code_buffer *c)
{
    _Static_assert(sizeof(struct itlb_entry) == 24, "the code multiplies by 3 and 8");
    asm_rr(c, 4, HOST_MOV_EG, H_DX, H_AX);
    asm_shift(c, 4, HOST_SHR, H_AX, 12);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, H_CX);
    asm_alu_imm(c, 4, ALU_AND, H_AX, ITLB_SIZE - 1);
    asm_rm(c, 8, HOST_LEA, H_AX, (struct host_mem){H_AX, H_AX, 1, 0});
    asm_rm(c, 8, HOST_MOV_GE, TEMP_B, CPU_FIELD(itlb));
    asm_rm(c, 8, HOST_LEA, TEMP_B, (struct host_mem){TEMP_B, H_AX, 3, 0});
    asm_alu(c, 4, ALU_XOR, H_CX, H_DX);
    asm_alu_imm(c, 4, ALU_AND, H_CX, JUMPS - 1);
    asm_rm(c, 8, HOST_MOV_GE, TEMP_A, CPU_FIELD(jumps));
    asm_rm(c, 8, HOST_MOV_GE, TEMP_A, (struct host_mem){TEMP_A, H_CX, 3, 0});
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

/* If the block is not found at once, the handler of indirect branches looks further. It makes no use of its op. */
static const struct op look_further = {.fn = branch_indirect};

/* SI becomes the first op of the block in a register. */
static void first_op(struct code_buffer *c, unsigned block)
{
    asm_rm(c, 8, HOST_LEA, H_SI, at_reg(block, offsetof(struct block, ops)));
}

/* With BOOTREEL_COUNT, the interpreter finds each block and the dispatcher enters it, since they count. */
#ifdef BOOTREEL_COUNT
enum { COUNTS = true };
#else
enum { COUNTS = false };
#endif

/* As block_find() and ENTER() of branch.c. Returns how many jumps in `out` are taken if that fails. */
static unsigned look_up(struct code_buffer *c, bool segmented, uint8_t *out[5])
{
    unsigned n = 0;
    if (segmented)
        asm_rm(c, 4, HOST_ADD_GE, H_DX, segment_base(CS));
    find_entries(c);
    asm_move(c, H_AX, H_DX);
    asm_alu_imm(c, 8, ALU_AND, H_AX, -4096);
    asm_rm(c, 8, HOST_CMP_GE, H_AX, at_reg(TEMP_B, offsetof(struct itlb_entry, tag)));
    out[n++] = asm_jcc(c, CC_NE);
    asm_rm(c, 8, HOST_MOV_GE, H_AX, at_reg(TEMP_B, offsetof(struct itlb_entry, page)));
    asm_rm(c, 8, HOST_CMP_GE, H_AX, at_reg(TEMP_A, offsetof(struct block, page)));
    out[n++] = asm_jcc(c, CC_NE);
    asm_shift(c, 4, HOST_SHL, H_DX, 20);
    asm_shift(c, 4, HOST_SHR, H_DX, 4);
    asm_rm(c, 4, HOST_OR_GE, H_DX, CPU_FIELD(key));
    asm_rm(c, 4, HOST_CMP_GE, H_DX, at_reg(TEMP_A, offsetof(struct block, id)));
    out[n++] = asm_jcc(c, CC_NE);
    if (segmented)
        out[n++] = exceeds_limit(c);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, at_reg(TEMP_A, offsetof(struct block, n)));
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(left));
    asm_rr(c, 8, HOST_SUB_EG, H_CX, H_AX);
    out[n++] = asm_jcc(c, CC_L);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(left));
    asm_rm(c, 8, HOST_MOV_EG, TEMP_A, CPU_FIELD(block));
    first_op(c, TEMP_A);
    asm_ret(c);
    return n;
}

void emit_found(struct code_buffer *c, bool segmented)
{
    uint8_t *out[5];
    const unsigned n = COUNTS ? 0 : look_up(c, segmented, out);
    for (unsigned i = 0; i < n; i++)
        asm_patch(out[i], c->at);
    asm_imm(c, H_SI, (uintptr_t)&look_further);
    asm_ret(c);
}

/* ---------------------------------------------------------------- to another block of the region */

/* The running block is the one in AX from now on. Uses DX and R9. */
static void change_block(struct code_buffer *c, unsigned word)
{
    const int32_t at = offsetof(struct block, id) + 2; /* its offset in the page */
    asm_rm(c, 8, HOST_MOV_GE, H_DX, CPU_FIELD(block));
    asm_rm(c, 4, HOST_MOVZX16, H_DX, at_reg(H_DX, at));
    asm_rm(c, 4, HOST_MOVZX16, H_9, at_reg(H_AX, at));
    asm_rr(c, 8, HOST_SUB_EG, H_DX, H_9);
    asm_rm(c, word, HOST_ADD_EG, H_9, CPU_FIELD(gpr[REG_RIP]));
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(block));
}

/* R8 becomes the handler of the op at offset CX of the block in AX. Returns where this begins. */
static const uint8_t *own_handler(struct code_buffer *c)
{
    const uint8_t *start = c->at;
    asm_rm(c, 8, HOST_MOV_GE, H_8, (struct host_mem){H_AX, H_CX, 0, offsetof(struct op, fn)});
    return start;
}

void emit_leave(struct code_buffer *c, unsigned word, const uint8_t *leave[LEAVES])
{
    leave[LEAVE_SEVERAL] = own_handler(c);
    leave[LEAVE_SEVERAL_TO] = c->at;
    asm_alu_imm(c, 8, ALU_CMP, H_DX, SNAPSHOT_PAGE);
    uint8_t *one_page = asm_jcc(c, CC_B);
    asm_imm(c, H_8, (uintptr_t)op_apart);
    uint8_t *apart = asm_jmp(c);
    leave[LEAVE_OP] = own_handler(c);
    leave[LEAVE_TO] = c->at;
    asm_patch(one_page, c->at);
    asm_patch(apart, c->at);
    change_block(c, word);
    asm_rm(c, 8, HOST_LEA, H_SI, (struct host_mem){H_AX, H_CX, 0, 0});
    asm_jmp_reg(c, H_8);
}

/* If there are enough steps, the stop was there for the block to be noted, which its handler does. */
static void enter_if_enough(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_ALU_EB, ALU_CMP, CPU_FIELD(left));
    asm_bytes(c, 0, 1);
    uint8_t *stops = asm_jcc(c, CC_L);
    first_op(c, H_AX);
    asm_jmp_mem(c, at_reg(H_SI, offsetof(struct op, fn)));
    asm_patch(stops, c->at);
}

void emit_stop(struct code_buffer *c, unsigned word)
{
    change_block(c, word);
    if (!COUNTS)
        enter_if_enough(c);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, at_reg(H_AX, offsetof(struct block, n)));
    asm_rm(c, 8, HOST_ADD_EG, H_CX, CPU_FIELD(left));
    asm_rm(c, 8, HOST_MOV_EI, 0, CPU_FIELD(block));
    asm_bytes(c, 0, 4);
    asm_rr(c, 4, HOST_XOR_EG, H_AX, H_AX);
    asm_ret(c);
}
