/* branch.c - near jumps, calls and returns, and how blocks chain.
 *
 * For relative branches, op->wide is the offset of the target from the block's start. */
#include "hv/x86/decode/decode.h"
#include "hv/x86/flow.h"
#include "hv/x86/integer/int.h"
#include "hv/x86/jit/branch.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- continuing in another block */

#define STOP_HERE                                                                                            \
    do {                                                                                                     \
        cpu->block = NULL;                                                                                   \
        return NULL;                                                                                         \
    } while (0)

/* gpr[REG_RIP] already holds the block's address. */
#define ENTER(b)                                                                                             \
    do {                                                                                                     \
        struct block *enter_ = (b);                                                                          \
        if (unlikely(cpu->left < enter_->n))                                                                 \
            STOP_HERE;                                                                                       \
        cpu->block = enter_;                                                                                 \
        cpu->left -= enter_->n;                                                                              \
        GOTO(enter_->ops);                                                                                   \
    } while (0)

/* Finds the block at rip, and chains it; `offset` is that of rip from the start of the running block. */
static __attribute__((noinline)) struct block *find_and_chain(struct x86 *cpu, unsigned which, int64_t offset)
{
    struct block *from = cpu->block, *b = block_find(cpu, cpu->gpr[REG_RIP]);
    int64_t at = (int64_t)(from->id >> 16) + offset;
    if (b && b->page == from->page && at >= 0 && at < SNAPSHOT_PAGE && from->ops[0].fn != op_resync)
        from->next[which] = b;
    return b;
}

#define CHAIN(which, offset)                                                                                 \
    do {                                                                                                     \
        struct block *chain_ = cpu->block->next[which];                                                      \
        if (unlikely(!chain_) && !(chain_ = find_and_chain(cpu, which, offset)))                             \
            STOP_HERE;                                                                                       \
        ENTER(chain_);                                                                                       \
    } while (0)

/* Outside 64-bit code the segment's limit is checked as well. */
#define CHAIN_LEGACY(which, offset)                                                                          \
    do {                                                                                                     \
        struct block *chain_ = cpu->block->next[which];                                                      \
        if (unlikely(!chain_) && !(chain_ = find_and_chain(cpu, which, offset)))                             \
            STOP_HERE;                                                                                       \
        if (unlikely(cpu->gpr[REG_RIP] + chain_->bytes - 1 > cpu->seg[CS].limit))                            \
            STOP_HERE;                                                                                       \
        ENTER(chain_);                                                                                       \
    } while (0)

#define INDIRECT                                                                                             \
    do {                                                                                                     \
        struct block *ind_ = block_find(cpu, cpu->gpr[REG_RIP]);                                             \
        if (unlikely(!ind_))                                                                                 \
            STOP_HERE;                                                                                       \
        ENTER(ind_);                                                                                         \
    } while (0)

OP(branch_taken)
{
    CHAIN(1, op->wide);
}
OP(branch_fall)
{
    CHAIN(0, op_end(op));
}
OP(branch_taken_legacy)
{
    CHAIN_LEGACY(1, op->wide);
}
OP(branch_fall_legacy)
{
    CHAIN_LEGACY(0, op_end(op));
}
OP(branch_indirect)
{
    INDIRECT;
}

static bool dispatcher_waits(const struct x86 *cpu)
{
    return cpu->attention || (cpu->intr && cpu->flags & FLAG_IF) || cpu->nmi_pending || cpu->smi_pending ||
           cpu->init_pending || cpu->inhibit || cpu->tf_pending || cpu->data_breaks || cpu->flags & FLAG_TF ||
           (unlikely(cpu->guest.runs) && virt_line_waits(cpu));
}

OP(op_go_on)
{
    if (protected_mode(cpu) || dispatcher_waits(cpu))
        return NULL;
    INDIRECT;
}

/* A branch target outside 64-bit code, truncated to the operand size and checked. */
static uint64_t legacy_target(struct x86 *cpu, const struct op *op, uint64_t rip)
{
    rip = op->osize == 1 ? (uint16_t)rip : (uint32_t)rip;
    if (unlikely(rip > cpu->seg[CS].limit)) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
    return rip;
}

/* In 64-bit code a near target must be canonical; the fault is raised at the branch. */
static inline void check_canonical(struct x86 *cpu, const struct op *op, uint64_t rip)
{
    if (unlikely(!is_canonical(cpu, rip))) {
        SYNC;
        raise_error(cpu, VEC_GP, 0);
    }
}

/* Goes to the target of a relative branch. The chained block is valid only if the target was not truncated to
 * 16 bits; if it was, rip is not start + offset, and the block is looked up each time. */
#define TAKE_LEGACY                                                                                          \
    do {                                                                                                     \
        uint64_t full_ = cpu->gpr[REG_RIP] + (uint64_t)op->wide, rip_ = legacy_target(cpu, op, full_);       \
        bool cut_ = rip_ != full_;                                                                           \
        cpu->gpr[REG_RIP] = rip_;                                                                            \
        if (cut_)                                                                                            \
            INDIRECT;                                                                                        \
        CHAIN_LEGACY(1, op->wide);                                                                           \
    } while (0)
#define FALL_LEGACY                                                                                          \
    do {                                                                                                     \
        uint64_t full_ = cpu->gpr[REG_RIP] + op_end(op);                                                     \
        cpu->gpr[REG_RIP] = (uint32_t)full_;                                                                 \
        if (full_ >> 32)                                                                                     \
            INDIRECT;                                                                                        \
        CHAIN_LEGACY(0, op_end(op));                                                                         \
    } while (0)

/* ---------------------------------------------------------------- Jcc, JMP, LOOP */

#define JCC(cc)                                                                                              \
    static OP(j##cc##_64)                                                                                    \
    {                                                                                                        \
        if (cond(cpu, cc)) {                                                                                 \
            cpu->gpr[REG_RIP] += (uint64_t)op->wide;                                                         \
            CHAIN(1, op->wide);                                                                              \
        }                                                                                                    \
        cpu->gpr[REG_RIP] += op_end(op);                                                                     \
        CHAIN(0, op_end(op));                                                                                \
    }                                                                                                        \
    static OP(j##cc##_legacy)                                                                                \
    {                                                                                                        \
        if (cond(cpu, cc))                                                                                   \
            TAKE_LEGACY;                                                                                     \
        FALL_LEGACY;                                                                                         \
    }                                                                                                        \
    const struct family fam_j##cc = {{{NULL, j##cc##_legacy, j##cc##_legacy, j##cc##_64}}};
/* clang-format off */
JCC(0) JCC(1) JCC(2) JCC(3) JCC(4) JCC(5) JCC(6) JCC(7)
JCC(8) JCC(9) JCC(10) JCC(11) JCC(12) JCC(13) JCC(14) JCC(15)
    /* clang-format on */

    static OP(jmp_64)
{
    if (op->len > SHORT_JUMP)
        FLOW_NEAR(FLOW_JUMP, cpu->gpr[REG_RIP] + (uint64_t)op->wide, 0);
    cpu->gpr[REG_RIP] += (uint64_t)op->wide;
    CHAIN(1, op->wide);
}
static OP(jmp_legacy)
{
    if (op->len >= SHORT_JUMP)
        FLOW_NEAR(FLOW_JUMP, legacy_target(cpu, op, cpu->gpr[REG_RIP] + (uint64_t)op->wide), 0);
    TAKE_LEGACY;
}
const struct family fam_jmp = {{{NULL, jmp_legacy, jmp_legacy, jmp_64}}};

/* The count register is rCX in the address size. */
static uint64_t count_mask(const struct x86 *cpu, const struct op *op)
{
    return op->asize == 2 ? UINT64_MAX : op->asize == 1 ? 0xffffffff : 0xffff;
}
static void set_count(struct x86 *cpu, const struct op *op, uint64_t v)
{
    if (op->asize == 2)
        SET64(RCX, v);
    else if (op->asize == 1)
        SET32(RCX, v);
    else
        SET16(RCX, v);
}

#define LOOP(name, condition)                                                                                \
    static OP(name##_64)                                                                                     \
    {                                                                                                        \
        uint64_t n = (R64(RCX) - 1) & count_mask(cpu, op);                                                   \
        set_count(cpu, op, n);                                                                               \
        if (n && (condition)) {                                                                              \
            cpu->gpr[REG_RIP] += (uint64_t)op->wide;                                                         \
            CHAIN(1, op->wide);                                                                              \
        }                                                                                                    \
        cpu->gpr[REG_RIP] += op_end(op);                                                                     \
        CHAIN(0, op_end(op));                                                                                \
    }                                                                                                        \
    static OP(name##_legacy)                                                                                 \
    {                                                                                                        \
        uint64_t n = (R64(RCX) - 1) & count_mask(cpu, op);                                                   \
        bool take = n && (condition);                                                                        \
        if (take)                                                                                            \
            legacy_target(cpu, op,                                                                           \
                          cpu->gpr[REG_RIP] + (uint64_t)op->wide); /* may raise: before rCX changes */       \
        set_count(cpu, op, n);                                                                               \
        if (take)                                                                                            \
            TAKE_LEGACY;                                                                                     \
        FALL_LEGACY;                                                                                         \
    }                                                                                                        \
    const struct family fam_##name = {{{NULL, name##_legacy, name##_legacy, name##_64}}};
LOOP(loop, true)
LOOP(loope, cc_zf(cpu))
LOOP(loopne, !cc_zf(cpu))

static OP(jcxz_64)
{
    if (!(R64(RCX) & count_mask(cpu, op))) {
        cpu->gpr[REG_RIP] += (uint64_t)op->wide;
        CHAIN(1, op->wide);
    }
    cpu->gpr[REG_RIP] += op_end(op);
    CHAIN(0, op_end(op));
}
static OP(jcxz_legacy)
{
    if (!(R64(RCX) & count_mask(cpu, op)))
        TAKE_LEGACY;
    FALL_LEGACY;
}
const struct family fam_jcxz = {{{NULL, jcxz_legacy, jcxz_legacy, jcxz_64}}};

/* ---------------------------------------------------------------- CALL, RET, indirect JMP */

static OP(call_64)
{
    uint64_t sp = R64(RSP) - 8;
    st64(cpu, op, sp, cpu->gpr[REG_RIP] + op_end(op));
    R64(RSP) = sp;
    FLOW_NEAR(FLOW_CALL, cpu->gpr[REG_RIP] + (uint64_t)op->wide, sp);
    cpu->gpr[REG_RIP] += (uint64_t)op->wide;
    CHAIN(1, op->wide);
}
static OP(call_legacy)
{
    uint64_t target = cpu->gpr[REG_RIP] + (uint64_t)op->wide;
    target = legacy_target(cpu, op, target);
    stack_push(cpu, op, 1u << op->osize, rip_after(cpu, op));
    FLOW_NEAR(FLOW_CALL, target, stack_linear(cpu));
    TAKE_LEGACY;
}
const struct family fam_call = {{{NULL, call_legacy, call_legacy, call_64}}};

static OP(jmp_r64)
{
    uint64_t rip = R64(op->dst);
    check_canonical(cpu, op, rip);
    FLOW_NEAR(FLOW_JUMP, rip, 0);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
static OP(jmp_m64)
{
    uint64_t rip = ld64(cpu, op, EA_g(8, false));
    check_canonical(cpu, op, rip);
    FLOW_NEAR(FLOW_JUMP, rip, 0);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
static OP(jmp_r)
{
    uint64_t rip = legacy_target(cpu, op, R64(op->dst));
    FLOW_NEAR(FLOW_JUMP, rip, 0);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
static OP(jmp_m)
{
    uint64_t rip = ld_sized(cpu, op, EA_g(1u << op->osize, false), op->osize);
    rip = legacy_target(cpu, op, rip);
    FLOW_NEAR(FLOW_JUMP, rip, 0);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
const struct family fam_jmp_E = {{{NULL, jmp_r, jmp_r, jmp_r64}, {NULL, jmp_m, jmp_m, jmp_m64}}};

/* Push the return address and set rip; both may raise before anything changes. */
static inline void call_indirect_64(struct x86 *cpu, const struct op *op, uint64_t rip)
{
    uint64_t sp = R64(RSP) - 8;
    check_canonical(cpu, op, rip);
    st64(cpu, op, sp, rip_after(cpu, op));
    R64(RSP) = sp;
    FLOW_NEAR(FLOW_CALL, rip, sp);
    cpu->gpr[REG_RIP] = rip;
}
static void call_indirect(struct x86 *cpu, const struct op *op, uint64_t rip)
{
    rip = legacy_target(cpu, op, rip);
    stack_push(cpu, op, 1u << op->osize, rip_after(cpu, op));
    FLOW_NEAR(FLOW_CALL, rip, stack_linear(cpu));
    cpu->gpr[REG_RIP] = rip;
}
static OP(call_r64)
{
    call_indirect_64(cpu, op, R64(op->dst));
    INDIRECT;
}
static OP(call_m64)
{
    call_indirect_64(cpu, op, ld64(cpu, op, EA_g(8, false)));
    INDIRECT;
}
static OP(call_r)
{
    call_indirect(cpu, op, R64(op->dst));
    INDIRECT;
}
static OP(call_m)
{
    call_indirect(cpu, op, ld_sized(cpu, op, EA_g(1u << op->osize, false), op->osize));
    INDIRECT;
}
const struct family fam_call_E = {{{NULL, call_r, call_r, call_r64}, {NULL, call_m, call_m, call_m64}}};

static OP(ret_64)
{
    uint64_t rip = ld64(cpu, op, R64(RSP));
    check_canonical(cpu, op, rip);
    R64(RSP) += 8 + (uint64_t)op->imm;
    FLOW_NEAR(FLOW_RETURN, rip, R64(RSP) - 8 - (uint64_t)op->imm);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
static OP(ret_legacy)
{
    unsigned size = 1u << op->osize;
    uint64_t rip = legacy_target(cpu, op, stack_peek(cpu, op, 0, size));
    const uint64_t sp = cpu->flow ? stack_linear(cpu) : 0;
    stack_adjust(cpu, (int64_t)size + op->imm);
    FLOW_NEAR(FLOW_RETURN, rip, sp);
    cpu->gpr[REG_RIP] = rip;
    INDIRECT;
}
const struct family fam_ret = {{{NULL, ret_legacy, ret_legacy, ret_64}}};
