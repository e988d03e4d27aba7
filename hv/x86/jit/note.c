/* note.c - stores to pages that have no direct writes, but of which nothing but a note has to be taken, or not even that: code that all
 * regions share. */
#include "hv/x86/exec.h"
#include "hv/x86/jit/unit.h"

static void answer(struct code_buffer *c, bool direct)
{
    asm_bytes(c, direct ? 0xf9 : 0xf8, 1); /* stc or clc */
    asm_ret(c);
}

/* DX becomes the offset in the page of the last byte. Returns a jump that is taken if the entry is another page's. */
static uint8_t *last_offset(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_XOR_GE, H_DX, at_reg(H_CX, offsetof(struct tlb_entry, r)));
    asm_alu_imm(c, 8, ALU_CMP, H_DX, SNAPSHOT_PAGE);
    return asm_jcc(c, CC_AE);
}

static uint8_t *unless_flag(struct code_buffer *c, uint8_t flag)
{
    asm_rm(c, 1, HOST_GROUP3_8, HOST_TEST_EI, at_reg(H_CX, offsetof(struct tlb_entry, pa)));
    asm_bytes(c, flag, 1);
    return asm_jcc(c, CC_E);
}

/* As host_w_beside(). */
void emit_beside(struct code_buffer *c)
{
    uint8_t *out[4];
    out[0] = last_offset(c);
    out[1] = unless_flag(c, TLB_BESIDE);
    asm_rm(c, 4, HOST_CMP_GE, H_DX, CPU_FIELD(stops.low));
    out[2] = asm_jcc(c, CC_B);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, H_DX);
    asm_alu_imm(c, 4, ALU_AND, H_DX, SNAPSHOT_PAGE - 1);
    asm_rm(c, 4, HOST_CMP_GE, H_DX, CPU_FIELD(stops.high));
    out[3] = asm_jcc(c, CC_AE);
    asm_patch(out[0], c->at);
    asm_patch(out[1], c->at);
    answer(c, false);
    asm_patch(out[2], c->at);
    asm_patch(out[3], c->at);
    answer(c, true);
}

/* ---------------------------------------------------------------- noting */

enum { META = FLAG_A, TEMP = FLAG_B };

static const uint8_t used[] = {META, TEMP, H_CX};

static void push_used(struct code_buffer *c)
{
    for (unsigned i = 0; i < sizeof used; i++)
        asm_push(c, used[i]);
}

static void pop_used(struct code_buffer *c)
{
    for (unsigned i = sizeof used; i--;)
        asm_pop(c, used[i]);
}

/* A field of the struct pmeta of which META has the address + 1. */
#define META_FIELD(field) at_reg(META, (int32_t)offsetof(struct pmeta, field) - 1)

enum { BTS = 5 };

/* The bits of the first and the last of the lines become set: with NOTE_SIZE bytes, there is none between them. */
static void set_lines(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_MOV_GE, H_CX, META_FIELD(lines));
    asm_rr(c, 8, HOST_BT_EG(BTS), TEMP, H_CX);
    asm_rr(c, 8, HOST_BT_EG(BTS), H_DX, H_CX);
    asm_rm(c, 8, HOST_MOV_EG, H_CX, META_FIELD(lines));
}

/* The same for cells. With an operand in memory, BTS finds the word that has the bit. */
static void set_cells(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_MOV_GE, H_CX, META_FIELD(cells));
    asm_rm(c, 8, HOST_BT_EG(BTS), TEMP, at_reg(H_CX, 0));
    asm_rm(c, 8, HOST_BT_EG(BTS), H_DX, at_reg(H_CX, 0));
}

/* As touch_lines(), with the last byte's offset in DX; what touch_look() has to see is left to the handler. */
void emit_noting(struct code_buffer *c, const uint8_t *beside)
{
    enum { WANTED = PM_CHANGED | PM_LINES, CELL_LOG = 3, LINE_LOG = 6 };
    _Static_assert(TOUCHED_LINE == 1 << LINE_LOG && NOTE_SIZE == 1 << CELL_LOG, "the code shifts by these");
    uint8_t *out[3];
    asm_patch(unless_flag(c, TLB_LINES), beside);
    push_used(c);
    asm_rm(c, 8, HOST_MOV_GE, META, at_reg(H_CX, offsetof(struct tlb_entry, w)));
    out[0] = last_offset(c);
    asm_rm(c, 4, HOST_MOVZX8, TEMP, META_FIELD(flags));
    asm_alu_imm(c, 4, ALU_AND, TEMP, PM_SLOW | WANTED);
    asm_alu_imm(c, 4, ALU_CMP, TEMP, WANTED);
    out[1] = asm_jcc(c, CC_NE);
    asm_rm(c, 4, HOST_MOVZX16, TEMP, META_FIELD(stores));
    asm_alu_imm(c, 4, ALU_ADD, TEMP, 1);
    asm_rm(c, 2, HOST_CMP_GE, TEMP, META_FIELD(look_at));
    out[2] = asm_jcc(c, CC_AE);
    asm_rm(c, 2, HOST_MOV_EG, TEMP, META_FIELD(stores));
    asm_rr(c, 4, HOST_MOV_EG, H_AX, TEMP);
    asm_alu_imm(c, 4, ALU_AND, TEMP, SNAPSHOT_PAGE - 1);
    asm_rm(c, 4, HOST_LEA, H_CX, at_reg(H_DX, 1));
    asm_alu(c, 4, ALU_SUB, H_CX, TEMP);
    asm_rm(c, 4, HOST_ADD_EG, H_CX, META_FIELD(written));
    asm_shift(c, 4, HOST_SHR, TEMP, CELL_LOG);
    asm_shift(c, 4, HOST_SHR, H_DX, CELL_LOG);
    set_cells(c);
    asm_shift(c, 4, HOST_SHR, TEMP, LINE_LOG - CELL_LOG);
    asm_shift(c, 4, HOST_SHR, H_DX, LINE_LOG - CELL_LOG);
    set_lines(c);
    pop_used(c);
    answer(c, true);
    for (unsigned i = 0; i < 3; i++)
        asm_patch(out[i], c->at);
    pop_used(c);
    answer(c, false);
}
