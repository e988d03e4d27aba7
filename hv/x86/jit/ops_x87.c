/* ops_x87.c - one instruction to host code: x87, by the same instruction of the host (x87_registers.c).
 *
 * Transcendental instructions, which processors compute differently, and what is rare are left to their handlers. */
#include "hv/x86/jit/ops_simd.h"
#include "hv/x86/x87/x87.h"

/* What an instruction does with the stack, and with C0 to C3. */
enum {
    NEEDS_ST0 = 1,
    NEEDS_STI = 2,
    SETS_STI = 4, /* which may be empty before */
    PUSHES = 8,
    POPS = 16,
    POPS_TWICE = 32,
    CONTROLS = 64, /* no pointers to it are kept */
    CHANGES_STI = 128,
    NEEDS_BOTH = NEEDS_ST0 | NEEDS_STI,
};

typedef void x87_emitter(struct unit *, const struct op *);
static x87_emitter emit_same, emit_flags, emit_load80, emit_nothing, emit_move_if, emit_load_control,
    emit_store_control, emit_store_status, emit_status_ax;

static const struct effect {
    uint8_t bytes; /* of the operand in memory */
    uint8_t does;
    uint8_t codes; /* CODES_MEMORY: as they were */
    x87_emitter *emit;
} forms[X87_FORMS] = {
    [X87_ST0_STI] = {0, NEEDS_BOTH, CODES_ROUNDED, emit_same},
    [X87_STI_ST0] = {0, NEEDS_BOTH, CODES_ROUNDED, emit_same},
    [X87_STI_POP] = {0, NEEDS_BOTH | CHANGES_STI | POPS, CODES_ROUNDED, emit_same},
    [X87_MEM2] = {2, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_MEM4] = {4, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_MEM8] = {8, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_COMPARE] = {0, NEEDS_BOTH, CODES_COMPARED, emit_same},
    [X87_COMPARE_POP] = {0, NEEDS_BOTH | POPS, CODES_COMPARED, emit_same},
    [X87_COMPARE_POPS] = {0, NEEDS_BOTH | POPS | POPS_TWICE, CODES_COMPARED, emit_same},
    [X87_COMPARE_MEM2] = {2, NEEDS_ST0, CODES_COMPARED, emit_same},
    [X87_COMPARE_MEM4] = {4, NEEDS_ST0, CODES_COMPARED, emit_same},
    [X87_COMPARE_MEM8] = {8, NEEDS_ST0, CODES_COMPARED, emit_same},
    [X87_TEST] = {0, NEEDS_ST0, CODES_COMPARED, emit_same},
    [X87_EXAMINE] = {0, NEEDS_ST0, CODES_EXAMINED, emit_same},
    [X87_FLAGS] = {0, NEEDS_BOTH, CODES_CLEAR, emit_flags},
    [X87_FLAGS_POP] = {0, NEEDS_BOTH | POPS, CODES_CLEAR, emit_flags},
    [X87_LOAD2] = {2, PUSHES, CODES_CLEAR, emit_same},
    [X87_LOAD4] = {4, PUSHES, CODES_CLEAR, emit_same},
    [X87_LOAD8] = {8, PUSHES, CODES_CLEAR, emit_same},
    [X87_LOAD10] = {10, PUSHES, CODES_CLEAR, emit_load80},
    [X87_LOAD_STI] = {0, NEEDS_STI | PUSHES, CODES_CLEAR, emit_same},
    [X87_LOAD_CONST] = {0, PUSHES, CODES_CLEAR, emit_same},
    [X87_STORE2] = {2, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_STORE4] = {4, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_STORE8] = {8, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_STORE2_POP] = {2, NEEDS_ST0 | POPS, CODES_ROUNDED, emit_same},
    [X87_STORE4_POP] = {4, NEEDS_ST0 | POPS, CODES_ROUNDED, emit_same},
    [X87_STORE8_POP] = {8, NEEDS_ST0 | POPS, CODES_ROUNDED, emit_same},
    [X87_STORE10_POP] = {10, NEEDS_ST0 | POPS, CODES_CLEAR, emit_same},
    [X87_STORE_STI] = {0, NEEDS_ST0 | SETS_STI, CODES_CLEAR, emit_same},
    [X87_STORE_STI_POP] = {0, NEEDS_ST0 | SETS_STI | POPS, CODES_CLEAR, emit_same},
    [X87_EXCHANGE] = {0, NEEDS_BOTH, CODES_CLEAR, emit_same},
    [X87_MOVE_IF] = {0, NEEDS_BOTH, CODES_MEMORY, emit_move_if},
    [X87_SIGN] = {0, NEEDS_ST0, CODES_CLEAR, emit_same},
    [X87_ROUND] = {0, NEEDS_ST0, CODES_ROUNDED, emit_same},
    [X87_NOTHING] = {0, 0, CODES_MEMORY, emit_nothing},
    [X87_WAIT] = {0, CONTROLS, CODES_MEMORY, emit_nothing},
    [X87_LOAD_CONTROL] = {2, CONTROLS, CODES_MEMORY, emit_load_control},
    [X87_STORE_CONTROL] = {2, CONTROLS, CODES_MEMORY, emit_store_control},
    [X87_STORE_STATUS] = {2, CONTROLS, CODES_MEMORY, emit_store_status},
    [X87_STATUS_AX] = {0, CONTROLS, CODES_MEMORY, emit_status_ax},
};

unsigned x87_bytes(const struct shape *s)
{
    return forms[s->arg].bytes;
}

bool x87_sets_ax(const struct shape *s)
{
    return s->arg == X87_STATUS_AX;
}

bool x87_compiled(const struct unit *u, const struct op *op, const struct shape *s)
{
    const bool later = s->arg == X87_FLAGS || s->arg == X87_FLAGS_POP || /* LAHF */
                       row_of(op)->feature == FT_SSE3;
    return u->has_x87 && (!later || u->level >= LEVEL_SSE42);
}

/* Arithmetic with memory has one shape, and FCOM and FCOMP are among it. */
static struct effect effect_of(const struct op *op, const struct shape *s)
{
    const unsigned operation = op->modrm >> 3 & 7;
    const bool arithmetic = s->arg >= X87_MEM2 && s->arg <= X87_MEM8;
    if (!arithmetic || operation < 2 || operation > 3)
        return forms[s->arg];
    struct effect e = forms[s->arg - X87_MEM2 + X87_COMPARE_MEM2];
    e.does |= operation == 3 ? POPS : 0;
    return e;
}

/* ---------------------------------------------------------------- the stack */

static unsigned bit_of(const struct x87_flow *x, unsigned i)
{
    return 1u << ((x->top + i) & 7);
}

/* Is no register that it needs empty, and is there room for what it pushes, or to copy two registers that it pops? A result that is popped
 * itself (FADDP ST(0)) is left to the handler. */
static bool stack_ok(const struct x87_flow *x, const struct effect *e, unsigned i)
{
    if (e->does & NEEDS_ST0 && x->empty & bit_of(x, 0))
        return false;
    if (e->does & NEEDS_STI && x->empty & bit_of(x, i))
        return false;
    if (e->does & PUSHES && !(x->empty & bit_of(x, 7)))
        return false;
    if (e->does & POPS && e->does & CHANGES_STI && !i)
        return false;
    return !(e->does & POPS_TWICE) || x->empty & bit_of(x, 7);
}

static void stack_change(struct x87_flow *x, const struct effect *e, unsigned i)
{
    if (e->does & SETS_STI)
        x->empty &= (uint8_t)~bit_of(x, i);
    if (e->does & PUSHES) {
        x->top = (x->top - 1) & 7;
        x->empty &= (uint8_t)~bit_of(x, 0);
    }
    for (unsigned n = !!(e->does & POPS) + !!(e->does & POPS_TWICE); n; n--) {
        x->empty |= (uint8_t)bit_of(x, 0);
        x->top = (x->top + 1) & 7;
    }
}

/* ---------------------------------------------------------------- the host's instructions */

static void emit_same(struct unit *u, const struct op *op)
{
    const unsigned opcode = row_of(op)->opcode;
    if (in_memory(op))
        asm_rm(&u->code, 4, opcode, op->modrm >> 3 & 7, u->at);
    else
        asm_bytes(&u->code, opcode | (unsigned)op->modrm << 8, 2);
}

static void emit_nothing(struct unit *u, const struct op *op) {}

static void emit_flags(struct unit *u, const struct op *op)
{
    emit_same(u, op);
    flags_of_comparison(u, op);
}

/* The host's condition may be another one than the guest's, as after a comparison that is made again: so it decides by a branch. */
static void emit_move_if(struct unit *u, const struct op *op)
{
    static const uint8_t conditions[] = {CC_B, CC_E, CC_BE, CC_P};
    const unsigned negated = row_of(op)->opcode & 1, i = op->modrm & 7;
    struct code_buffer *c = &u->code;
    if (u->now.x87.codes >= CODES_ROUNDED)
        x87_status(u);
    const unsigned holds = (unsigned)flags_condition(u, conditions[op->modrm >> 3 & 3] ^ negated);
    uint8_t *not = asm_jcc(c, holds ^ 1);
    if (i)
        x87_copy(u, i);
    if (!c->full)
        asm_patch(not, c->at);
}

static void emit_load80(struct unit *u, const struct op *op)
{
    x87_check_encoding(u, u->at);
    emit_same(u, op);
}

/* C0 to C3 are undefined after the host's FLDCW, so the guest's are stored before. */
static void emit_load_control(struct unit *u, const struct op *op)
{
    enum { STORED = 0x1f3f, SET = 0x40 }; /* see fpu_set_cw() */
    struct code_buffer *c = &u->code;
    operand_fetch(u, 2, H_DX);
    asm_move(c, H_CX, H_DX);
    x87_check_control(u, H_CX);
    if (u->now.x87.codes >= CODES_ROUNDED)
        x87_status(u);
    asm_alu_imm(c, 4, ALU_AND, H_DX, STORED);
    asm_alu_imm(c, 4, ALU_OR, H_DX, SET);
    asm_rm(c, 2, HOST_MOV_EG, H_DX, CPU_FIELD(fpu.cw));
    x87_control(u);
}

static void emit_store_control(struct unit *u, const struct op *op)
{
    asm_rm(&u->code, 4, HOST_MOVZX16, H_DX, CPU_FIELD(fpu.cw));
    operand_put(u, 2, H_DX);
}

/* The same without losing AX, by way of which `u->at` may be. Uses DX. */
static void status_beside(struct unit *u)
{
    asm_move(&u->code, H_DX, H_AX);
    x87_status(u);
    asm_move(&u->code, H_AX, H_DX);
}

static void emit_store_status(struct unit *u, const struct op *op)
{
    status_beside(u);
    asm_rm(&u->code, 4, HOST_MOVZX16, H_DX, CPU_FIELD(fpu.sw));
    operand_put(u, 2, H_DX);
}

static void emit_status_ax(struct unit *u, const struct op *op)
{
    x87_status(u);
    asm_rm(&u->code, 2, HOST_MOV_GE, reg_change(u, RAX), CPU_FIELD(fpu.sw));
}

/* ---------------------------------------------------------------- pointers to the last instruction */

/* FDP and FDS. No flag changes. */
static void note_operand(struct unit *u, const struct op *op)
{
    struct code_buffer *c = &u->code;
    struct x87_flow *x = &u->now.x87;
    const unsigned seg = op->seg == SEG_NONE ? DS : op->seg;
    asm_rm(c, u->word, HOST_LEA, H_AX, operand_address(u, op));
    if (address_size(u, op) == 2)
        asm_rr(c, 4, HOST_MOVZX16, H_AX, H_AX);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(fpu.fdp));
    if (x->ds == 1 + seg)
        return;
    asm_rm(c, 4, HOST_MOVZX16, H_AX, segment_field(seg, offsetof(struct seg, sel)));
    asm_rm(c, 2, HOST_MOV_EG, H_AX, CPU_FIELD(fpu.fds));
    x->ds = u->segmented ? 0 : (uint8_t)(1 + seg);
}

static void note(struct unit *u, const struct op *op)
{
    struct x87_flow *x = &u->now.x87;
    x->noted = true;
    x->fop = (uint16_t)((row_of(op)->opcode & 7) << 8 | op->modrm);
    x->at = (int32_t)block_offset(u, u->block) + (int32_t)op->off;
    if (in_memory(op))
        note_operand(u, op);
}

/* ---------------------------------------------------------------- all */

/* Is the register that the current instruction pops, which leaves the stack at *x, pushed again before the region can be left? */
static bool pushed_again(const struct unit *u, struct x87_flow x)
{
    for (unsigned k = u->op + 1; k < u->block->n; k++) {
        const struct op *op = &u->block->ops[k];
        const struct shape *s = shape_of(u, op);
        if (s->kind != SHAPE_X87 || in_memory(op) || !op_compiled(u, op))
            return false;
        const struct effect e = effect_of(op, s);
        if (e.does & (POPS | CONTROLS) || !stack_ok(&x, &e, op->modrm & 7))
            return false;
        if (e.does & PUSHES)
            return true;
        stack_change(&x, &e, op->modrm & 7);
    }
    return false;
}

/* What is popped goes to memory, unless nobody can see that it does not. */
static void keep_popped(struct unit *u, const struct effect *e, unsigned i)
{
    struct x87_flow after = u->now.x87;
    if (!(e->does & POPS))
        return;
    stack_change(&after, e, i);
    if (e->does & POPS_TWICE)
        x87_keep(u, 1);
    else if (pushed_again(u, after))
        return;
    x87_keep(u, 0);
}

void compile_x87(struct unit *u, const struct op *op, const struct shape *s)
{
    struct x87_flow *x = &u->now.x87;
    const struct effect e = effect_of(op, s);
    const unsigned i = op->modrm & 7;
    if (!stack_ok(x, &e, i)) {
        side_exit_always(u);
        return;
    }
    x87_take(u);
    if (in_memory(op))
        operand_probe(u, op, e.bytes, s->form == FORM_EG);
    if (x->codes >= CODES_COMPARED && e.codes != CODES_MEMORY && e.codes < CODES_COMPARED)
        status_beside(u);
    keep_popped(u, &e, i);
    e.emit(u, op);
    stack_change(x, &e, i);
    if (e.codes != CODES_MEMORY)
        x->codes = e.codes;
    if (!(e.does & CONTROLS))
        note(u, op);
}
