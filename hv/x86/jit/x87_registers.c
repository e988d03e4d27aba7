/* x87_registers.c - where the guest's x87 registers are in compiled code.
 *
 * From the first x87 instruction on, the registers that are not empty are in those of the host, each as far from the top as the guest's, and
 * the guest's instructions are the host's. Which registers are empty is known when code is compiled: code is entered only if TOP and the
 * tags are those for which it was compiled, so that no instruction meets an empty register or a full stack. All exceptions are masked, so
 * none is raised, and the host's flags are sticky as the guest's are: nothing has to be looked at after an instruction. Where the region is
 * left the guest's state is stored, and the host's registers are empty, as C code wants them.
 *
 * Registers that are empty keep what was in them, and FXSAVE shows it: so what is popped is stored before. */
#include <assert.h>

#include "hv/x86/exec.h"
#include "hv/x86/jit/ops.h"
#include "hv/x86/x87/x87.h"

enum {
    USUAL_CONTROL = 0x37f, /* all exceptions masked, 64 bits, to nearest: the ABI's */
    HOST_X87_D9 = 0xd9,    /* modrm.reg 5: FLDCW */
    HOST_X87_DB = 0xdb,    /* modrm.reg 5: FLD m80, 7: FSTP m80 */
    LOAD_CONTROL = 5,
    LOAD_80 = 5,
    STORE_80 = 7,
    FNSTSW_AX = 0xe0df,
    FNCLEX = 0xe2db,
    FINCSTP = 0xf7d9,
    FDECSTP = 0xf6d9,
    FCHS = 0xe0d9,
};

/* ---------------------------------------------------------------- the host */

/* 1 + add, rounded to 64 bits, and then to a double, which is stored. Returns the status words after each. */
static void round_twice(double add, double *sum, uint16_t status[2])
{
    uint16_t first, second;
    __asm__ volatile("fnclex\n\t"
                     "fld1\n\t"
                     "faddl %3\n\t"
                     "fnstsw %1\n\t"
                     "fstpl %0\n\t"
                     "fnstsw %2"
                     : "=m"(*sum), "=m"(first), "=m"(second)
                     : "m"(add)
                     : "st");
    status[0] = first & (SW_C1 | SW_EXCEPTIONS);
    status[1] = second & (SW_C1 | SW_EXCEPTIONS);
}

/* FCOMI of equal numbers, with OF, SF and PF set before: only ZF is set after it. */
static bool compares_equal(void)
{
    bool of, sf, zf, pf, cf;
    __asm__ volatile("movb $127, %0\n\t"
                     "addb $2, %0\n\t"
                     "fld1\n\t"
                     "fcomi %%st(0), %%st\n\t"
                     "seto %0\n\t"
                     "sets %1\n\t"
                     "setz %2\n\t"
                     "setp %3\n\t"
                     "setc %4\n\t"
                     "fstp %%st(0)"
                     : "=&q"(of), "=m"(sf), "=m"(zf), "=m"(pf), "=m"(cf)
                     :
                     : "cc", "st");
    return !of && !sf && zf && !pf && !cf;
}

bool x87_host(void)
{
    uint16_t control, status[2][2];
    double sum[2];
    __asm__ volatile("fnstcw %0" : "=m"(control));
    round_twice(0.75 * 0x1p-63, &sum[0], status[0]);
    round_twice(0.75 * 0x1p-52, &sum[1], status[1]);
    return control == USUAL_CONTROL && sum[0] == 1 && status[0][0] == (SW_PE | SW_C1) &&
           status[0][1] == SW_PE && sum[1] == 1 + 0x1p-52 && status[1][0] == 0 &&
           status[1][1] == (SW_PE | SW_C1) && compares_equal();
}

/* ---------------------------------------------------------------- parts of the state */

static bool is_empty(const struct x87_flow *f, unsigned i)
{
    return f->empty >> ((f->top + i) & 7) & 1;
}

/* How far from the top the last register is that is not empty, plus 1. */
static unsigned depth(const struct x87_flow *f)
{
    unsigned n = 8;
    while (n && is_empty(f, n - 1))
        n--;
    return n;
}

struct host_mem x87_place(const struct x87_flow *f, unsigned i)
{
    struct host_mem m = CPU_FIELD(fpu.r);
    m.disp += (int32_t)(((f->top + i) & 7) * sizeof(struct fpreg));
    return m;
}

/* The host gets the guest's control word, or the usual one, if they differ. */
static void change_control(struct unit *u, bool to_guest)
{
    struct code_buffer *c = &u->code;
    asm_rm(c, 4, HOST_MOVZX16, H_AX, CPU_FIELD(fpu.cw));
    asm_alu_imm(c, 4, ALU_CMP, H_AX, USUAL_CONTROL);
    uint8_t *usual = asm_jcc(c, CC_E);
    if (to_guest)
        x87_control(u);
    else
        asm_with_value(c, HOST_X87_D9, LOAD_CONTROL, USUAL_CONTROL);
    if (!c->full)
        asm_patch(usual, c->at);
}

/* The status word in memory becomes that of the guest. */
static void write_status(struct code_buffer *c, const struct x87_flow *f)
{
    static const uint16_t lost[] = {0, SW_C1, SW_C1, SW_CC, SW_CC},
                          taken[] = {0, 0, SW_C1, SW_CC & ~SW_C1, SW_CC};
    asm_bytes(c, FNSTSW_AX, 2);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, CPU_FIELD(fpu.sw));
    asm_alu_imm(c, 4, ALU_AND, H_AX, SW_EXCEPTIONS | taken[f->codes]);
    asm_alu_imm(c, 4, ALU_AND, H_CX, ~(SW_TOP | lost[f->codes]));
    asm_alu(c, 4, ALU_OR, H_CX, H_AX);
    if (f->top)
        asm_alu_imm(c, 4, ALU_OR, H_CX, f->top << 11);
    asm_rm(c, 2, HOST_MOV_EG, H_CX, CPU_FIELD(fpu.sw));
}

/* FIP, FCS and FOP become those of the last instruction. FOP is stored with FCS behind it, which follows: hosts are slow to decode an
 * immediate of 16 bits. */
static void write_pointers(struct unit *u, const struct x87_flow *f)
{
    struct code_buffer *c = &u->code;
    if (!f->noted)
        return;
    _Static_assert(offsetof(struct fpu, fcs) == offsetof(struct fpu, fop) + 2, "FCS is behind FOP");
    asm_rm(c, 4, HOST_MOV_EI, 0, CPU_FIELD(fpu.fop));
    asm_bytes(c, f->fop, 4);
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(gpr[REG_RIP]));
    asm_rm(c, u->word, HOST_LEA, H_AX, at_reg(H_AX, f->at));
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(fpu.fip));
    asm_rm(c, 4, HOST_MOVZX16, H_AX, segment_field(CS, offsetof(struct seg, sel)));
    asm_rm(c, 2, HOST_MOV_EG, H_AX, CPU_FIELD(fpu.fcs));
}

/* ---------------------------------------------------------------- to the host */

void x87_check_encoding(struct unit *u, struct host_mem m)
{
    struct code_buffer *c = &u->code;
    struct host_mem exponent = m;
    exponent.disp += (int32_t)offsetof(struct fpreg, exp);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, exponent);
    asm_rm(c, 8, HOST_MOV_GE, H_DX, m);
    asm_shift(c, 8, HOST_SHR, H_DX, 63);
    asm_alu_imm(c, 4, ALU_AND, H_CX, 0x7fff);
    asm_rr(c, 4, HOST_GROUP3, HOST_NEG, H_CX);
    asm_alu(c, 4, ALU_SBB, H_CX, H_CX);
    asm_alu(c, 4, ALU_ADD, H_CX, H_DX);
    flags_lost(u);
    side_exit(u, CC_NE);
}

void x87_check_control(struct unit *u, unsigned reg)
{
    enum { DOUBLE_OR_MORE = 0x200 }; /* of PC */
    struct code_buffer *c = &u->code;
    asm_alu_imm(c, 4, ALU_AND, reg, SW_EXCEPTIONS | DOUBLE_OR_MORE);
    asm_alu_imm(c, 4, ALU_CMP, reg, SW_EXCEPTIONS | DOUBLE_OR_MORE);
    flags_lost(u);
    side_exit(u, CC_NE);
}

/* Only what is the same in all processors, and what code was compiled for. */
static void check_state(struct unit *u, const struct x87_flow *f)
{
    struct code_buffer *c = &u->code;
    test_bits(u, CPU_FIELD(cr0), CR0_EM | CR0_TS, CC_NE);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, CPU_FIELD(fpu.sw));
    asm_alu_imm(c, 4, ALU_AND, H_CX, SW_TOP | SW_ES);
    asm_alu_imm(c, 4, ALU_CMP, H_CX, f->top << 11);
    side_exit(u, CC_NE);
    asm_rm(c, 1, HOST_ALU_EI8, ALU_CMP, CPU_FIELD(fpu.empty));
    asm_bytes(c, f->empty, 1);
    side_exit(u, CC_NE);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, CPU_FIELD(fpu.cw));
    x87_check_control(u, H_CX);
    for (unsigned i = 0; i < 8; i++)
        if (!is_empty(f, i))
            x87_check_encoding(u, x87_place(f, i));
}

/* The host's flags are cleared if one is set that the guest's are without. */
static void clear_flags(struct code_buffer *c)
{
    asm_bytes(c, FNSTSW_AX, 2);
    asm_rm(c, 4, HOST_MOVZX16, H_CX, CPU_FIELD(fpu.sw));
    asm_rr(c, 4, HOST_GROUP3, HOST_NOT, H_CX);
    asm_alu(c, 4, ALU_AND, H_CX, H_AX);
    asm_rr(c, 1, HOST_GROUP3_8, HOST_TEST_EI, H_CX);
    asm_bytes(c, SW_EXCEPTIONS, 1);
    uint8_t *clear = asm_jcc(c, CC_E);
    asm_bytes(c, FNCLEX, 2);
    if (!c->full)
        asm_patch(clear, c->at);
}

void x87_take(struct unit *u)
{
    struct x87_flow *f = &u->now.x87;
    struct code_buffer *c = &u->code;
    if (f->on)
        return;
    check_state(u, f);
    clear_flags(c);
    change_control(u, true);
    for (unsigned i = depth(f); i--;)
        if (is_empty(f, i))
            asm_bytes(c, FDECSTP, 2);
        else
            asm_rm(c, 4, HOST_X87_DB, LOAD_80, x87_place(f, i));
    *f = (struct x87_flow){.on = true, .top = f->top, .empty = f->empty};
    flags_lost(u);
}

/* ---------------------------------------------------------------- to memory */

void x87_write(struct unit *u, const struct flow *flow)
{
    const struct x87_flow *f = &flow->x87;
    struct code_buffer *c = &u->code;
    if (!f->on)
        return;
    write_status(c, f);
    write_pointers(u, f);
    for (unsigned i = 0, n = depth(f); i < n; i++)
        if (is_empty(f, i))
            asm_bytes(c, FINCSTP, 2);
        else
            asm_rm(c, 4, HOST_X87_DB, STORE_80, x87_place(f, i));
    asm_rm(c, 1, HOST_MOV_EI8, 0, CPU_FIELD(fpu.empty));
    asm_bytes(c, f->empty, 1);
    change_control(u, false);
    flags_lost(u);
}

void x87_keep(struct unit *u, unsigned i)
{
    struct code_buffer *c = &u->code;
    const struct x87_flow *f = &u->now.x87;
    const bool room = is_empty(f, 7);
    assert((room || !i) && "there is room for a copy");
    if (room)
        asm_bytes(c, 0xc0d9 + (i << 8), 2); /* FLD ST(i) */
    asm_rm(c, 4, HOST_X87_DB, STORE_80, x87_place(f, i));
    if (!room)
        asm_rm(c, 4, HOST_X87_DB, LOAD_80, x87_place(f, i));
}

void x87_copy(struct unit *u, unsigned i)
{
    asm_bytes(&u->code, 0xd8dd, 2);                  /* FSTP ST(0) */
    asm_bytes(&u->code, 0xc0d9 + ((i - 1) << 8), 2); /* FLD ST(i), which is one nearer */
}

void x87_invert(struct unit *u)
{
    if (u->now.x87.on && !is_empty(&u->now.x87, 0))
        asm_bytes(&u->code, FCHS, 2);
}

void x87_status(struct unit *u)
{
    write_status(&u->code, &u->now.x87);
    u->now.x87.codes = CODES_MEMORY;
    flags_lost(u);
}

void x87_control(struct unit *u)
{
    asm_rm(&u->code, 4, HOST_X87_D9, LOAD_CONTROL, CPU_FIELD(fpu.cw));
}

void x87_drop(struct unit *u)
{
    x87_write(u, &u->now);
    u->now.x87.on = u->now.x87.noted = false;
}

/* ---------------------------------------------------------------- edges */

bool x87_fits(const struct flow *have, const struct flow *need)
{
    const struct x87_flow *a = &have->x87, *b = &need->x87;
    return !b->on || (a->on && a->top == b->top && a->empty == b->empty &&
                      (b->codes == CODES_MEMORY || b->codes == a->codes));
}

void x87_adapt(struct unit *u, const struct flow *to)
{
    if (!to->x87.on)
        x87_drop(u);
    else if (u->now.x87.codes != to->x87.codes)
        x87_status(u);
}

/* Is there an x87 instruction in the block, or so many blocks ahead? */
static bool useful(const struct unit *u, const struct block *b, unsigned ahead)
{
    for (unsigned k = 0; k < b->n; k++) {
        if (!op_compiled(u, &b->ops[k]))
            return false;
        if (shape_of(u, &b->ops[k])->kind == SHAPE_X87)
            return true;
    }
    for (unsigned i = 0; ahead && i < 2; i++)
        if (block_follower(b, i) && useful(u, block_follower(b, i), ahead - 1))
            return true;
    return false;
}

void x87_edge(struct unit *u, const struct block *b)
{
    enum { AHEAD = 2 };
    struct x87_flow *f = &u->now.x87;
    if (!f->on)
        return;
    if (!useful(u, b, AHEAD)) {
        x87_drop(u);
        return;
    }
    write_pointers(u, f);
    f->noted = false;
    f->ds = 0;
}
