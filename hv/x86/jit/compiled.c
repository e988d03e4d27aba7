/* compiled.c - which instructions are compiled, in which forms, and what they do to flags. */
#include "hv/x86/flow.h"
#include "hv/x86/jit/ops.h"

enum { DIV_UNSIGNED = 6 }; /* shape.arg */

static bool address_ok(const struct unit *u, const struct op *op)
{
    int32_t sum;
    if (u->word == 4)
        return true;
    return op->asize == 2 && (op->seg == SEG_NONE || op->seg == FS || op->seg == GS) && op->index != REG_4G &&
           !(op->base == REG_RIP && __builtin_add_overflow(op->disp, op->disp < 0 ? -4096 : 4096, &sum));
}

/* MOVSXD with 16-bit operands: processors differ in how much they read. */
static bool extend_ok(const struct op *op, const struct shape *s)
{
    return s->arg < 4 || op->osize >= 2;
}

static bool string_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    if (is_repeated(op) && (by_segment(u, op) || s->kind != SHAPE_STRING || !(s->arg & STRING_STORES)))
        return false;
    return u->word == 4 || (op->asize == 2 && op->seg != FS && op->seg != GS);
}

/* Which operands an instruction of bytes has in registers. */
static bool dst_is_high(const struct op *op, const struct shape *s)
{
    return !(in_memory(op) && s->form != FORM_GE) && is_high(op->dst);
}
static bool src_is_high(const struct op *op, const struct shape *s)
{
    const bool has = s->kind == SHAPE_ALU || s->kind == SHAPE_TEST || s->kind == SHAPE_MOV;
    return has && s->form != FORM_EI && !(in_memory(op) && s->form == FORM_GE) && is_high(op->src);
}

bool needs_byte(const struct op *op, const struct shape *s)
{
    if (op->osize)
        return false;
    return s->kind == SHAPE_MUL || s->kind == SHAPE_DIV || s->kind == SHAPE_SHIFT_CL ||
           (s->kind == SHAPE_XCHG && !in_memory(op)) || dst_is_high(op, s) || src_is_high(op, s);
}

/* ADC and SBB of second bytes are left to the handler: FLAG_B has the flags that they need. */
static bool high_alu_ok(const struct op *op, const struct shape *s)
{
    return (s->arg != ALU_ADC && s->arg != ALU_SBB) || !needs_byte(op, s);
}

/* The offsets of 16-bit code wrap at 64 KB; elsewhere a branch that is cut to 16 bits is left to its handler. */
static bool branch_size_ok(const struct unit *u, const struct op *op)
{
    return op->osize >= 2 || u->code16;
}

/* Loading SS holds off interrupts, or changes the stack's size. */
static bool segment_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    switch (s->kind) {
    case SHAPE_FROM_SEGMENT:
        return u->segmented && op->src <= GS;
    case SHAPE_PUSH_SEGMENT:
    case SHAPE_XLAT:
        return u->segmented;
    case SHAPE_LOAD_FAR:
        return u->real;
    default:
        return u->real && op->dst <= GS && op->dst != CS && op->dst != SS;
    }
}

/* Forms that are compiled, with register operands and with memory operands. */
static bool register_form_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    bool wide = op->osize >= 2;
    switch (s->kind) {
    case SHAPE_ALU:
        return high_alu_ok(op, s);
    case SHAPE_SHIFT:
        return shift_count(op) && shift_count(op) < 8 * size_of(op);
    case SHAPE_DIV:
        return op->osize || s->arg == DIV_UNSIGNED;
    case SHAPE_ADD_CARRY:
    case SHAPE_COUNT:
    case SHAPE_BSWAP:
        return wide;
    case SHAPE_CALL_E:
        return size_of(op) == item_size(u, op) && op->dst != RSP;
    case SHAPE_JMP_E:
    case SHAPE_PUSH:
    case SHAPE_PUSH_IMM:
    case SHAPE_POP:
    case SHAPE_LEAVE:
    case SHAPE_RET:
        return size_of(op) == item_size(u, op);
    case SHAPE_ENTER:
        return size_of(op) == item_size(u, op) && size_of(op) <= u->stack && enter_frame(op) <= FRAME_MOST &&
               !enter_level(op);
    case SHAPE_ROTATE:
    case SHAPE_DOUBLE:
        return shift_count(op) && shift_count(op) < 8 * size_of(op);
    case SHAPE_ROTATE_CARRY:
        return shift_count(op) == 1;
    case SHAPE_PUSH_SEGMENT:
    case SHAPE_FROM_SEGMENT:
    case SHAPE_TO_SEGMENT:
    case SHAPE_POP_SEGMENT:
    case SHAPE_LOAD_FAR:
    case SHAPE_XLAT:
        return segment_ok(u, op, s);
    case SHAPE_XADD:
    case SHAPE_CMPXCHG:
    case SHAPE_LEA:
    case SHAPE_MOVBE:
        return false;
    case SHAPE_STRING:
    case SHAPE_COMPARE_STRING:
        return string_ok(u, op, s);
    case SHAPE_MOVSX:
        return extend_ok(op, s);
    case SHAPE_LOOP:
        if (2u << op->asize != address_size(u, op))
            return false;
        /* fall through */
    case SHAPE_JCC:
    case SHAPE_JMP:
    case SHAPE_CALL:
        return branch_size_ok(u, op) && op->wide < INT32_MAX - 8192 && op->wide > INT32_MIN + 8192;
    default:
        return true;
    }
}

static bool memory_form_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    if (!address_ok(u, op))
        return false;
    switch (s->kind) {
    case SHAPE_ALU:
        return high_alu_ok(op, s);
    case SHAPE_XCHG:
    case SHAPE_XADD:
        return op->osize || !is_high(op->src);
    case SHAPE_DIV:
        return op->osize || s->arg == DIV_UNSIGNED;
    case SHAPE_JMP_E:
    case SHAPE_CALL_E:
    case SHAPE_PUSH:
        return size_of(op) == item_size(u, op);
    case SHAPE_SHIFT:
    case SHAPE_ROTATE:
        return shift_count(op) && shift_count(op) < 8 * size_of(op);
    case SHAPE_ROTATE_CARRY:
        return shift_count(op) == 1;
    case SHAPE_CMPXCHG:
    case SHAPE_COUNT:
    case SHAPE_MOVBE:
    case SHAPE_ADD_CARRY:
        return op->osize >= 2;
    case SHAPE_BT:
        return s->form == FORM_EI || (op->osize >= 2 && !by_segment(u, op));
    case SHAPE_MOVSX:
        return extend_ok(op, s);
    case SHAPE_TEST:
    case SHAPE_MOV:
    case SHAPE_INC:
    case SHAPE_DEC:
    case SHAPE_NEG:
    case SHAPE_NOT:
    case SHAPE_MUL:
    case SHAPE_SCAN:
    case SHAPE_MOVZX:
    case SHAPE_CMOV:
    case SHAPE_IMUL:
    case SHAPE_IMUL_IMM:
    case SHAPE_NOP:
    case SHAPE_LEA:
    case SHAPE_SET:
    case SHAPE_BITS:
    case SHAPE_MULX:
    case SHAPE_CRC32:
    case SHAPE_X87:
        return true;
    case SHAPE_SIMD_GATHER:
        return !by_segment(u, op);
    case SHAPE_FROM_SEGMENT:
    case SHAPE_TO_SEGMENT:
    case SHAPE_LOAD_FAR:
    case SHAPE_XLAT:
        return segment_ok(u, op, s);
    default:
        return is_simd(s->kind);
    }
}

/* Calls, returns and what flow.c takes for jumps that may be calls. */
static bool is_flow(const struct op *op, const struct shape *s)
{
    return s->kind == SHAPE_JMP ? op->len >= SHORT_JUMP : is_branch(s->kind) && !is_jump(s->kind);
}

/* A guest's hypervisor may intercept it: RDTSC, RDTSCP, PAUSE. */
static bool is_intercepted(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->guest && (s->kind == SHAPE_TSC || (s->kind == SHAPE_XCHG && s->arg && op->pfx & PFX_REP));
}

bool op_compiled(const struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    if (is_intercepted(u, op, s))
        return false;
    if (u->flows && is_flow(op, s))
        return false;
    if (s->kind == SHAPE_NONE || bits_lacking(u, s) || (is_simd(s->kind) && !simd_compiled(u, op, s)) ||
        (s->kind == SHAPE_X87 && !x87_compiled(u, op, s)))
        return false;
    return in_memory(op) ? memory_form_ok(u, op, s) : register_form_ok(u, op, s);
}

bool op_ends(const struct unit *u, const struct op *op)
{
    return is_branch(shape_of(u, op)->kind);
}

bool is_pause(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->pauses && s->kind == SHAPE_XCHG && s->arg && op->dst == RAX && op->pfx & PFX_REP;
}

/* Register forms that neither leave nor read flags, but to pass on those that they do not set. */
static bool is_plain(const struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    if (!op_compiled(u, op))
        return false;
    switch (s->kind) {
    case SHAPE_ALU:
        return !in_memory(op) && s->arg != ALU_ADC && s->arg != ALU_SBB;
    case SHAPE_TEST:
    case SHAPE_NEG:
    case SHAPE_NOT:
    case SHAPE_MOV:
    case SHAPE_MOVZX:
    case SHAPE_MOVSX:
    case SHAPE_SHIFT:
    case SHAPE_IMUL:
    case SHAPE_IMUL_IMM:
    case SHAPE_CBW:
    case SHAPE_CWD:
    case SHAPE_BSWAP:
    case SHAPE_ROTATE:
    case SHAPE_ROTATE_CL:
    case SHAPE_SHIFT_CL: /* leaves only where flags are asked for */
    case SHAPE_INC:
    case SHAPE_DEC:
    case SHAPE_MUL:
    case SHAPE_SCAN:
    case SHAPE_DOUBLE:
    case SHAPE_BITS:
    case SHAPE_MULX:
    case SHAPE_COUNT:
    case SHAPE_CRC32:
    case SHAPE_XCHG:
        return !in_memory(op) && !is_pause(u, op, s);
    case SHAPE_LEA:
    case SHAPE_NOP:
        return true;
    default:
        return false;
    }
}

bool op_shows_flags(const struct unit *u, const struct op *op)
{
    return !is_plain(u, op);
}

static bool sets_all_flags(const struct shape *s)
{
    switch (s->kind) {
    case SHAPE_ALU:
    case SHAPE_TEST:
    case SHAPE_NEG:
    case SHAPE_SHIFT:
    case SHAPE_DOUBLE:
    case SHAPE_IMUL:
    case SHAPE_IMUL_IMM:
    case SHAPE_MUL:
    case SHAPE_SCAN:
    case SHAPE_COUNT:
        return true;
    case SHAPE_BITS:
        return s->arg != BITS_NO_FLAGS;
    default:
        return false;
    }
}

bool op_renews_flags(const struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    switch (s->kind) {
    case SHAPE_INC:
    case SHAPE_DEC:
    case SHAPE_ROTATE:
    case SHAPE_ROTATE_CL:
    case SHAPE_ROTATE_CARRY:
    case SHAPE_BT:
    case SHAPE_XADD:
    case SHAPE_CMPXCHG:
        return true;
    default:
        return sets_all_flags(s);
    }
}

bool op_hides_flags(const struct unit *u, const struct op *op)
{
    return is_plain(u, op) && sets_all_flags(shape_of(u, op));
}
