/* ops.h - what the files that compile one instruction share. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_OPS_H
#define BOOTREEL_HV_X86_JIT_OPS_H

#include "hv/x86/decode.h"
#include "hv/x86/jit/unit.h"

enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

static inline const struct shape *shape_of(const struct unit *u, const struct op *op)
{
    static const struct shape none;
    return op->row == UINT16_MAX ? &none : &u->shapes[op->row];
}

static inline bool in_memory(const struct op *op)
{
    return op->pfx & PFX_MEM;
}

static inline unsigned size_of(const struct op *op)
{
    return 1u << op->osize;
}

static inline bool is_branch(unsigned kind)
{
    return kind == SHAPE_JCC || kind == SHAPE_JMP || kind == SHAPE_CALL || kind == SHAPE_RET ||
           kind == SHAPE_JMP_E || kind == SHAPE_CALL_E;
}

/* An 8-bit register operand is the offset of its byte in gpr[]. */
static inline bool is_high(unsigned byte)
{
    return byte & 7;
}
static inline unsigned guest_of(const struct op *op, unsigned operand)
{
    return op->osize == 0 ? operand >> 3 : operand;
}

static inline unsigned shift_count(const struct op *op)
{
    return (unsigned)op->imm & (op->osize == 3 ? 63 : 31);
}

/* ---- operands in memory (operand.c). What does not pass the check leaves the region. ---- */

/* The memory operand's offset, without its segment; for a RIP-relative one AX is loaded. */
struct host_mem operand_address(struct unit *, const struct op *);
/* AX: the linear address becomes the host's address, which is `u->at`, or the handler executes the instruction. The TLB is probed
 * as by host_r() and host_w(). */
void tlb_check(struct unit *, unsigned size, bool write);
/* `u->at` becomes the host's address of the memory operand. */
void operand_probe(struct unit *, const struct op *, unsigned size, bool write);
/* The same for 8 bytes at rSP + offset. */
void stack_probe(struct unit *, int32_t offset, bool write);
/* rSP changes. */
void stack_move(struct unit *, int32_t bytes);
/* By how much ADD or SUB of an immediate moves rSP; 0 if the instruction is neither. */
int32_t stack_step(const struct op *, const struct shape *);
/* Zero-extends the memory operand into a register. No flag changes. */
void operand_fetch(struct unit *, unsigned size, unsigned to);
/* Writes a register to the memory operand. */
void operand_put(struct unit *, unsigned size, unsigned from);

#endif
