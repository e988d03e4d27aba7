/* int_stack.c - PUSH POP PUSHA POPA ENTER LEAVE BOUND, and the stack helpers of exec.h. */
#include "hv/x86/integer/int.h"

/* ---------------------------------------------------------------- helpers for any mode */

static uint64_t stack_mask(const struct x86 *cpu)
{
    return cpu->mode64 ? UINT64_MAX : cpu->seg[SS].attr & SEG_DB ? 0xffffffff : 0xffff;
}

/* Sets rSP (or rBP) to `v` in as many bits as the stack uses. */
static void set_stack_reg(struct x86 *cpu, unsigned reg, uint64_t v)
{
    if (cpu->mode64)
        SET64(reg, v);
    else if (cpu->seg[SS].attr & SEG_DB)
        SET32(reg, v);
    else
        SET16(reg, v);
}

static uint64_t stack_linear(struct x86 *cpu, const struct op *op, uint64_t off, unsigned size, bool write)
{
    return seg_linear(cpu, op, SS, off & stack_mask(cpu), size, write);
}

static unsigned size_index(unsigned size)
{
    return size == 8 ? 3 : size == 4 ? 2 : 1;
}

void stack_push(struct x86 *cpu, const struct op *op, unsigned size, uint64_t value)
{
    uint64_t sp = R64(RSP) - size;
    st_sized(cpu, op, stack_linear(cpu, op, sp, size, true), size_index(size), value);
    set_stack_reg(cpu, RSP, sp);
}

uint64_t stack_peek(struct x86 *cpu, const struct op *op, unsigned skip, unsigned size)
{
    return ld_sized(cpu, op, stack_linear(cpu, op, R64(RSP) + skip, size, false), size_index(size));
}

uint64_t stack_pop(struct x86 *cpu, const struct op *op, unsigned size)
{
    uint64_t v = stack_peek(cpu, op, 0, size);
    stack_adjust(cpu, size);
    return v;
}

void stack_adjust(struct x86 *cpu, int64_t bytes)
{
    set_stack_reg(cpu, RSP, R64(RSP) + (uint64_t)bytes);
}

/* ---------------------------------------------------------------- PUSH, POP: op->osize 3 only in 64-bit code */

#define PUSH64(v)                                                                                            \
    do {                                                                                                     \
        uint64_t v_ = (v), a_ = R64(RSP) - 8;                                                                \
        st64(cpu, op, a_, v_);                                                                               \
        R64(RSP) = a_;                                                                                       \
    } while (0)

static OP(push_r64)
{
    PUSH64(R64(op->dst));
    NEXT;
}
static OP(push_r32)
{
    stack_push(cpu, op, 4, R32(op->dst));
    NEXT;
}
static OP(push_r16)
{
    stack_push(cpu, op, 2, R16(op->dst));
    NEXT;
}
static OP(push_m64)
{
    PUSH64(ld64(cpu, op, EA_g(8, false)));
    NEXT;
}
static OP(push_f64)
{
    PUSH64(ld64(cpu, op, EA_f(8, false)));
    NEXT;
}
static OP(push_m32)
{
    stack_push(cpu, op, 4, ld32(cpu, op, EA_g(4, false)));
    NEXT;
}
static OP(push_m16)
{
    stack_push(cpu, op, 2, ld16(cpu, op, EA_g(2, false)));
    NEXT;
}
static OP(push_i64)
{
    PUSH64((uint64_t)op->imm);
    NEXT;
}
static OP(push_i32)
{
    stack_push(cpu, op, 4, (uint64_t)op->imm);
    NEXT;
}
static OP(push_i16)
{
    stack_push(cpu, op, 2, (uint64_t)op->imm);
    NEXT;
}
const struct family fam_push = {{{NULL, push_r16, push_r32, push_r64},
                                 {NULL, push_m16, push_m32, push_m64},
                                 {NULL, push_m16, push_m32, push_f64}}};
const struct family fam_push_imm = {{{NULL, push_i16, push_i32, push_i64}}};

/* POP rSP: the popped value wins over the increment. */
static OP(pop_r64)
{
    uint64_t v = ld64(cpu, op, R64(RSP));
    R64(RSP) += 8;
    R64(op->dst) = v;
    NEXT;
}
static OP(pop_r32)
{
    uint32_t v = (uint32_t)stack_pop(cpu, op, 4);
    SET32(op->dst, v);
    NEXT;
}
static OP(pop_r16)
{
    uint16_t v = (uint16_t)stack_pop(cpu, op, 2);
    SET16(op->dst, v);
    NEXT;
}
/* An address based on rSP is computed after the increment; if the store faults, rSP is unchanged. */
static OP(pop_m)
{
    unsigned size = 1u << op->osize;
    uint64_t v = stack_peek(cpu, op, 0, size), was = R64(RSP);
    if (op->base == RSP)
        stack_adjust(cpu, size);
    uint64_t off = ea_offset(cpu, op);
    R64(RSP) = was;
    st_sized(cpu, op, seg_linear(cpu, op, op->seg, off, size, true), op->osize, v);
    stack_adjust(cpu, size);
    NEXT;
}
const struct family fam_pop = {{{NULL, pop_r16, pop_r32, pop_r64}, {NULL, pop_m, pop_m, pop_m}}};

/* ---------------------------------------------------------------- PUSHA, POPA */

static OP(pusha)
{
    unsigned size = 1u << op->osize;
    uint64_t sp = R64(RSP), at = sp & stack_mask(cpu);
    /* Outside protected mode an rSP of 7 to 15, odd, is #GP and not #SS (SDM volume 2, PUSHA). At 1, 3 and 5
     * there is no room for the frame of the #SS either, so the processor shuts down. */
    if (!protected_mode(cpu) && at & 1 && at >= 7 && at <= 15) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
    /* All eight are checked before any is stored, so a fault leaves no trace in memory. */
    mem_probe(cpu, op, stack_linear(cpu, op, sp - size, size, true), size, true);
    mem_probe(cpu, op, stack_linear(cpu, op, sp - 8 * size, size, true), size, true);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t lin = stack_linear(cpu, op, sp - (i + 1) * size, size, true);
        st_sized(cpu, op, lin, op->osize, i == RSP ? sp : R64(i));
    }
    stack_adjust(cpu, -8 * (int)size);
    NEXT;
}

static OP(popa)
{
    unsigned size = 1u << op->osize;
    uint64_t v[8];
    for (unsigned i = 0; i < 8; i++)
        v[7 - i] = stack_peek(cpu, op, i * size, size);
    for (unsigned i = 0; i < 8; i++)
        if (i != RSP)
            reg_set_sized(cpu, i, op->osize, v[i]);
    stack_adjust(cpu, 8 * (int)size);
    NEXT;
}
FAMILY1(fam_pusha, pusha);
FAMILY1(fam_popa, popa);

/* ---------------------------------------------------------------- ENTER, LEAVE, BOUND */

/* imm: bytes of locals | nesting level << 16 */
static OP(enter)
{
    unsigned size = 1u << op->osize, level = op->imm >> 16 & 31;
    uint64_t sp = R64(RSP) - size, bp = R64(RBP), mask = stack_mask(cpu);
    /* rSP after the push: a 16-bit stack leaves ESP's upper half alone */
    uint64_t frame = (R64(RSP) & ~mask) | (sp & mask);
    st_sized(cpu, op, stack_linear(cpu, op, sp, size, true), op->osize, bp);
    for (unsigned i = 1; i < level; i++) {
        bp -= size;
        sp -= size;
        uint64_t v = ld_sized(cpu, op, stack_linear(cpu, op, bp, size, false), op->osize);
        st_sized(cpu, op, stack_linear(cpu, op, sp, size, true), op->osize, v);
    }
    if (level) {
        sp -= size;
        st_sized(cpu, op, stack_linear(cpu, op, sp, size, true), op->osize, frame);
    }
    sp -= op->imm & 0xffff;
    mem_probe(cpu, op, stack_linear(cpu, op, sp, size, true), 1, true);
    reg_set_sized(cpu, RBP, op->osize, frame);
    set_stack_reg(cpu, RSP, sp);
    NEXT;
}

static OP(leave)
{
    unsigned size = 1u << op->osize;
    uint64_t bp = R64(RBP), v = ld_sized(cpu, op, stack_linear(cpu, op, bp, size, false), op->osize);
    set_stack_reg(cpu, RSP, bp + size);
    reg_set_sized(cpu, RBP, op->osize, v);
    NEXT;
}
static OP(leave64)
{
    uint64_t bp = R64(RBP), v = ld64(cpu, op, bp);
    R64(RSP) = bp + 8;
    R64(RBP) = v;
    NEXT;
}
FAMILY1(fam_enter, enter);
const struct family fam_leave = {{{NULL, leave, leave, leave64}}};

static OP(bound)
{
    unsigned size = 1u << op->osize;
    uint64_t lin = ea_any(cpu, op, 2 * size, false);
    int64_t index = op->osize == 1 ? (int16_t)R16(op->dst) : (int32_t)R32(op->dst);
    uint64_t lo = ld_sized(cpu, op, lin, op->osize), hi = ld_sized(cpu, op, lin + size, op->osize);
    int64_t low = op->osize == 1 ? (int16_t)lo : (int32_t)lo,
            high = op->osize == 1 ? (int16_t)hi : (int32_t)hi;
    SYNC;
    if (index < low || index > high)
        raise_fault(cpu, VEC_BR);
    NEXT;
}
FAMILY1(fam_bound, bound);
