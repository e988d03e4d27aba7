/* compiled.c - which instructions are compiled, in which forms, and what they do to flags and registers: by the table kinds.def. */
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
static bool extend_ok(const struct unit *u, const struct op *op, const struct shape *s)
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

/* ---------------------------------------------------------------- in which forms */

#define never NULL
static bool any(const struct unit *u, const struct op *op, const struct shape *s)
{
    return true;
}
static bool wide_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return op->osize >= 2;
}
static bool alu_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return high_alu_ok(op, s);
}
static bool source_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return op->osize || !is_high(op->src);
}
static bool div_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return op->osize || s->arg == DIV_UNSIGNED;
}
static bool count_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return shift_count(op) && shift_count(op) < 8 * size_of(op);
}
static bool one_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return shift_count(op) == 1;
}
static bool bit_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return s->form == FORM_EI || (op->osize >= 2 && !by_segment(u, op));
}
static bool gather_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return !by_segment(u, op);
}
static bool item_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return size_of(op) == item_size(u, op);
}
static bool call_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return item_ok(u, op, s) && op->dst != RSP;
}
static bool enter_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return item_ok(u, op, s) && size_of(op) <= u->stack && enter_frame(op) <= FRAME_MOST && !enter_level(op);
}
static bool near_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return branch_size_ok(u, op) && op->wide < INT32_MAX - 8192 && op->wide > INT32_MIN + 8192;
}
static bool loop_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return 2u << op->asize == address_size(u, op) && near_ok(u, op, s);
}
static bool segmented_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->segmented;
}
static bool from_segment_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->segmented && op->src <= GS;
}
static bool real_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->real;
}
/* Loading SS holds off interrupts, or changes the stack's size. */
static bool to_segment_ok(const struct unit *u, const struct op *op, const struct shape *s)
{
    return u->real && op->dst <= GS && op->dst != CS && op->dst != SS;
}

/* ---------------------------------------------------------------- what changes */

bool access_writes(const struct shape *s)
{
    switch (shape_traits[s->kind].writes) {
    case WRITES_YES:
        return true;
    case WRITES_BY_FORM:
        return s->form != FORM_GE;
    case WRITES_ALU:
        return s->form != FORM_GE && s->arg != ALU_CMP;
    case WRITES_BT:
        return s->arg != 4;
    default:
        return false;
    }
}

typedef bool changes_fn(const struct unit *, const struct op *, const struct shape *, unsigned guest);
#define CHANGES(what)                                                                                        \
    static bool changes_##what(const struct unit *u, const struct op *op, const struct shape *s,             \
                               unsigned guest)
CHANGES(none)
{
    return false;
}
CHANGES(dst)
{
    return !(in_memory(op) && access_writes(s)) && guest == guest_of(op, op->dst);
}
CHANGES(dst_whole)
{
    return guest == op->dst;
}
CHANGES(src)
{
    return guest == guest_of(op, op->src);
}
CHANGES(src_dst)
{
    return changes_src(u, op, s, guest) || changes_dst(u, op, s, guest);
}
CHANGES(vvvv)
{
    return guest == op->dst || guest == op->vvvv;
}
/* stack_step() knows by how much rSP moves. */
CHANGES(alu)
{
    return s->arg != ALU_CMP && changes_dst(u, op, s, guest) && !(guest == RSP && stack_step(u, op, s));
}
CHANGES(loop)
{
    return guest == RCX && !s->arg;
}
CHANGES(string)
{
    return guest == RCX && is_repeated(op);
}
CHANGES(x87)
{
    return guest == RAX && x87_sets_ax(s);
}

bool may_change(const struct unit *u, const struct op *op, const struct shape *s, unsigned guest)
{
    const struct shape_traits *t = &shape_traits[s->kind];
    return (guest < 16 && t->fixed >> guest & 1) || t->changes(u, op, s, guest);
}

#define R(guest) (1u << (guest))
#define KIND(name, registers, memory, flags, plain, writes, is, changes, fixed, compile, compile_memory,     \
             compile_byte)                                                                                   \
    [SHAPE_##name] = {                                                                                       \
        registers,     memory,        changes_##changes, compile, compile_memory, compile_byte, fixed,       \
        FLAGS_##flags, PLAIN_##plain, WRITES_##writes,   is},
const struct shape_traits shape_traits[SHAPE_KINDS] = {
#include "hv/x86/jit/kinds.def"
};
#undef KIND

/* ---------------------------------------------------------------- an instruction */

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
    const struct shape_traits *t = &shape_traits[s->kind];
    if (in_memory(op))
        return t->in_memory && address_ok(u, op) && t->in_memory(u, op, s);
    return t->in_registers && t->in_registers(u, op, s);
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
    const unsigned plain = shape_traits[s->kind].plain;
    if (s->kind == SHAPE_ALU && (s->arg == ALU_ADC || s->arg == ALU_SBB))
        return false;
    return plain == PLAIN_YES || (plain == PLAIN_REG && !in_memory(op) && !is_pause(u, op, s));
}

bool op_shows_flags(const struct unit *u, const struct op *op)
{
    return !is_plain(u, op);
}

static bool sets_all_flags(const struct shape *s)
{
    const unsigned flags = shape_traits[s->kind].flags;
    return flags == FLAGS_ALL || (flags == FLAGS_BY_ARG && s->arg != BITS_NO_FLAGS);
}

bool op_renews_flags(const struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    return shape_traits[s->kind].flags == FLAGS_SOME || sets_all_flags(s);
}

bool op_hides_flags(const struct unit *u, const struct op *op)
{
    return is_plain(u, op) && sets_all_flags(shape_of(u, op));
}
