/* decode.h - from bytes to struct op. Private to hv/x86. */
#ifndef BOOTREEL_HV_X86_DECODE_DECODE_H
#define BOOTREEL_HV_X86_DECODE_DECODE_H

#include "hv/x86/decode/insn.h"

/* The rows, sorted by opcode for a processor's model; NULL: all rows. */
struct decoder;
struct decoder *decoder_create(const struct x86 *);
void decoder_destroy(struct decoder *);

enum decoded {
    DEC_OK,
    DEC_SHORT,   /* the bytes end within the instruction */
    DEC_TOO_LONG /* over 15 bytes: #GP(0) */
};

/* Decodes one instruction of at most `avail` bytes. `off` is its offset in the block. An undefined
 * instruction becomes an op that raises #UD. *end is set if the block ends after it. */
enum decoded decode(const struct decoder *, const uint8_t *bytes, unsigned avail, unsigned code_bits,
                    unsigned off, struct op *op, bool *end);

/* The row that an op was decoded with; NULL for an undefined instruction. */
const struct insn_row *op_row(const struct op *);
/* Does this op access the linear address through the stack segment (in 64-bit code: rSP or rBP as the base,
 * or PUSH and the like)? If so, a fault that is otherwise #GP(0) is #SS(0). */
bool op_on_stack(const struct x86 *, const struct op *, uint64_t linear);

/* block.c: the block at the current address, decoded if necessary. Never NULL; raises the faults of the
 * fetch. No block may be running. */
struct block *block_at_rip(struct x86 *);
/* The block that was left in its middle (cpu->cut), if the current address is that of cpu->cut and the block could be
 * entered directly; else NULL. Without it, each turn of several processors would end with a new block, which
 * begins where the turn before happened to end. */
struct block *block_cut(struct x86 *);

/* Pseudo handlers. */
const struct op *op_resync(struct x86 *, const struct op *);
/* The handler of a block's first op while the block was not executed in this period: notes what is executed. */
const struct op *op_unnoted(struct x86 *, const struct op *);
/* The block, which has `unnoted`, is about to be executed. */
void block_note(struct x86 *, struct block *);
const struct op *op_fall_through(struct x86 *, const struct op *);
const struct op *op_undefined(struct x86 *, const struct op *);

/* ---- chaining, for the handlers of branches ---- */

/* The linear address of an offset in the code segment. */
static inline uint64_t code_linear(const struct x86 *cpu, uint64_t rip)
{
    return cpu->mode64 ? rip : (uint32_t)(cpu->seg[CS].base + rip);
}

/* The decoded block at rip if it may be entered directly, else NULL. */
static inline struct block *block_find(struct x86 *cpu, uint64_t rip)
{
    uint64_t lin = code_linear(cpu, rip);
    const struct itlb_entry *e = &cpu->itlb[lin >> 12 & (ITLB_SIZE - 1)];
    if (unlikely(e->tag != (lin & ~0xfffull)))
        return NULL;
    uint32_t off = lin & 0xfff, id = BLOCK_ID(cpu->key, off);
    struct block **slot = &cpu->jumps[JUMP_SLOT(lin)], *b = *slot;
    if (unlikely(b->id != id || b->page != e->page)) {
        b = e->page->bucket[BLOCK_BUCKET(off)];
        while (b && b->id != id)
            b = b->bucket;
        if (b)
            *slot = b;
    }
    if (b && !cpu->mode64 && unlikely(rip + b->bytes - 1 > cpu->seg[CS].limit))
        return NULL;
    return b;
}

#endif
