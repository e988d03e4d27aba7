/* string.c - MOVS CMPS STOS LODS SCAS INS OUTS and their REP forms.
 *
 * One iteration of a repeated instruction is one step. A repeated instruction is the last of its block. It
 * continues within the handler while steps are left; after that the dispatcher resumes it. With rCX = 0 it is
 * one step that does nothing. */
#include "hv/x86/decode.h"
#include "hv/x86/int.h"
#include "hv/x86/sys.h"

static uint64_t index_mask(const struct op *op)
{
    return op->asize == 2 ? UINT64_MAX : op->asize == 1 ? 0xffffffff : 0xffff;
}

/* rSI, rDI, rCX in the address size. */
static void set_index(struct x86 *cpu, const struct op *op, unsigned reg, uint64_t v)
{
    if (op->asize == 2)
        SET64(reg, v);
    else if (op->asize == 1)
        SET32(reg, v);
    else
        SET16(reg, v);
}

static int64_t stride(const struct x86 *cpu, const struct op *op)
{
    return cpu->flags & FLAG_DF ? -(1 << op->osize) : 1 << op->osize;
}

static uint64_t source(struct x86 *cpu, const struct op *op)
{
    return seg_linear(cpu, op, op->seg, R64(RSI) & index_mask(op), 1u << op->osize, false);
}
static uint64_t destination(struct x86 *cpu, const struct op *op, bool write)
{
    return seg_linear(cpu, op, ES, R64(RDI) & index_mask(op), 1u << op->osize, write);
}
static void advance(struct x86 *cpu, const struct op *op, unsigned reg)
{
    set_index(cpu, op, reg, R64(reg) + (uint64_t)stride(cpu, op));
}

/* ---------------------------------------------------------------- one iteration of each */

static void movs_1(struct x86 *cpu, const struct op *op)
{
    uint64_t v = ld_sized(cpu, op, source(cpu, op), op->osize);
    st_sized(cpu, op, destination(cpu, op, true), op->osize, v);
    advance(cpu, op, RSI);
    advance(cpu, op, RDI);
}
static void stos_1(struct x86 *cpu, const struct op *op)
{
    st_sized(cpu, op, destination(cpu, op, true), op->osize, R64(RAX));
    advance(cpu, op, RDI);
}
static void lods_1(struct x86 *cpu, const struct op *op)
{
    uint64_t v = ld_sized(cpu, op, source(cpu, op), op->osize);
    reg_set_sized(cpu, RAX, op->osize, v); /* AL is byte 0, RAX register 0 */
    advance(cpu, op, RSI);
}
static void compare(struct x86 *cpu, const struct op *op, uint64_t a, uint64_t b)
{
    switch (op->osize) {
    case 0:
        alu_sub8(cpu, (uint8_t)a, (uint8_t)b);
        break;
    case 1:
        alu_sub16(cpu, (uint16_t)a, (uint16_t)b);
        break;
    case 2:
        alu_sub32(cpu, (uint32_t)a, (uint32_t)b);
        break;
    default:
        alu_sub64(cpu, a, b);
        break;
    }
}
static void cmps_1(struct x86 *cpu, const struct op *op)
{
    uint64_t a = ld_sized(cpu, op, source(cpu, op), op->osize);
    uint64_t b = ld_sized(cpu, op, destination(cpu, op, false), op->osize);
    compare(cpu, op, a, b);
    advance(cpu, op, RSI);
    advance(cpu, op, RDI);
}
static void scas_1(struct x86 *cpu, const struct op *op)
{
    uint64_t b = ld_sized(cpu, op, destination(cpu, op, false), op->osize);
    compare(cpu, op, R64(RAX), b);
    advance(cpu, op, RDI);
}

static void check_port(struct x86 *cpu, unsigned size)
{
    if (!io_allowed(cpu, R16(RDX), size))
        raise_error(cpu, VEC_GP, 0);
}
/* The destination is checked first: the port is only read if its value can be stored. Operand size 64 does
 * not exist. */
static void ins_1(struct x86 *cpu, const struct op *op)
{
    unsigned osize = op->osize > 2 ? 2 : op->osize, size = 1u << osize;
    SYNC;
    check_port(cpu, size);
    uint64_t lin = seg_linear(cpu, op, ES, R64(RDI) & index_mask(op), size, true);
    mem_probe(cpu, op, lin, size, true);
    uint32_t v = cpu->bus.in(cpu->bus.ctx, R16(RDX), size);
    note_port_break(cpu, R16(RDX), size);
    st_sized(cpu, op, lin, osize, v);
    advance(cpu, op, RDI);
}
static void outs_1(struct x86 *cpu, const struct op *op)
{
    unsigned osize = op->osize > 2 ? 2 : op->osize, size = 1u << osize;
    SYNC;
    check_port(cpu, size);
    uint64_t lin = seg_linear(cpu, op, op->seg, R64(RSI) & index_mask(op), size, false);
    uint32_t v = (uint32_t)ld_sized(cpu, op, lin, osize);
    cpu->bus.out(cpu->bus.ctx, R16(RDX), size, v);
    note_port_break(cpu, R16(RDX), size);
    advance(cpu, op, RSI);
}

/* ---------------------------------------------------------------- several iterations at a time */

/* How many iterations from index register `reg` on stay within its page; 0 if they must be done one by one. */
static uint64_t within_page(const struct x86 *cpu, const struct op *op, uint64_t lin, unsigned reg)
{
    uint64_t size = 1u << op->osize, at = lin & 0xfff, index = R64(reg) & index_mask(op);
    bool down = cpu->flags & FLAG_DF;
    uint64_t page = down ? at / size + 1 : (0x1000 - at) / size;
    uint64_t wrap = down ? index / size : (index_mask(op) - index) / size; /* the index register may wrap */
    return page < wrap ? page : wrap;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* All iterations must pass the segment's limit check. Checking the last is enough, since limits are
 * contiguous. */
static bool flat(const struct x86 *cpu, unsigned seg, bool write)
{
    return cpu->mode64 || cpu->seg[seg].fast >> write & 1;
}

#define COPY_EACH(bits)                                                                                      \
    for (uint64_t i = 0; i < n; i++, from += step, to += step) {                                             \
        uint##bits##_t v;                                                                                    \
        memcpy(&v, from, sizeof v);                                                                          \
        memcpy(to, &v, sizeof v);                                                                            \
    }

/* One after the other, `step` bytes apart: what was stored may be loaded by a later iteration. */
static void copy_each(uint8_t *to, const uint8_t *from, uint64_t n, int64_t step)
{
    switch (step < 0 ? -step : step) {
    case 1:
        COPY_EACH(8)
        break;
    case 2:
        COPY_EACH(16)
        break;
    case 4:
        COPY_EACH(32)
        break;
    default:
        COPY_EACH(64)
        break;
    }
}

/* Host copies and fills within a page. Each returns iterations done. The destination must be in the TLB. The source need not: source
 * and destination may contend for one slot. */
static uint64_t movs_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    if (!flat(cpu, op->seg, false) || !flat(cpu, ES, true))
        return 0;
    unsigned size = 1u << op->osize;
    int64_t step = stride(cpu, op);
    uint64_t s = source(cpu, op), d = destination(cpu, op, true);
    uint8_t *to = host_w(cpu, d, size);
    n = least(n, least(within_page(cpu, op, s, RSI), within_page(cpu, op, d, RDI)));
    if (!n || !to || PAGE_OF(s + size - 1) != PAGE_OF(s))
        return 0;
    const uint8_t *from = host_r(cpu, s, size);
    if (!from && !(from = mem_read_directly(cpu, s)))
        return 0;
    if (step < 0 || (to > from && to < from + n * size))
        copy_each(to, from, n, step);
    else
        memmove(to, from, n * size);
    set_index(cpu, op, RSI, R64(RSI) + n * (uint64_t)step);
    set_index(cpu, op, RDI, R64(RDI) + n * (uint64_t)step);
    return n;
}
static uint64_t stos_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    if (cpu->flags & FLAG_DF || !flat(cpu, ES, true))
        return 0;
    unsigned size = 1u << op->osize;
    uint64_t d = destination(cpu, op, true), v = R64(RAX);
    n = least(n, within_page(cpu, op, d, RDI));
    uint8_t *to = n ? host_w(cpu, d, size) : NULL;
    if (!to)
        return 0;
    if (op->osize == 0)
        memset(to, (int)v, n);
    else
        for (uint64_t i = 0; i < n; i++)
            memcpy(to + i * size, &v, size);
    set_index(cpu, op, RDI, R64(RDI) + n * size);
    return n;
}

/* ---------------------------------------------------------------- repetition */

typedef void iteration_fn(struct x86 *, const struct op *);
typedef uint64_t many_fn(struct x86 *, const struct op *, uint64_t n);

static bool stop_at(const struct x86 *cpu, uint64_t lin)
{
    uint64_t pa = UINT64_MAX;
    mem_translate_peek(cpu, lin, &pa);
    return exec_stop_here(cpu, lin, pa);
}

static uint64_t rep_count(const struct x86 *cpu, const struct op *op)
{
    return R64(RCX) & index_mask(op);
}

/* Must the dispatcher look at each iteration? An execution stop is here, or the instruction's bytes have to be compared with memory
 * again. */
static bool one_by_one(const struct x86 *cpu, const struct op *op)
{
    const struct block *b = cpu->block;
    return unlikely(b->id & BLOCK_SLOW) &&
           (!b->page || b->page2 || stop_at(cpu, code_linear(cpu, rip_of(cpu, op))));
}

/* The state after each iteration is complete (the registers hold what is left), so a fault or a stop may come
 * between any two. The first iteration's step is counted with the block's. Returns true if all iterations are
 * done. Returns false if the steps have run out, if the dispatcher handles each iteration as a separate step,
 * or if an iteration has written to the instruction. */
static inline bool repeat(struct x86 *cpu, const struct op *op, iteration_fn *one, many_fn *many,
                          bool compares)
{
    bool until_equal = op->pfx & PFX_REPNE;
    bool stop = one_by_one(cpu, op);
    uint64_t n = rep_count(cpu, op);
    if (!n)
        return true;
    count_more(cpu, op, (uint64_t)-1); /* the dispatcher has */
    cpu->left++;                       /* undo the block's count; each iteration takes one below */
    for (;;) {
        uint64_t done = many && cpu->left > 1 && !stop ? many(cpu, op, least(n, (uint64_t)cpu->left)) : 0;
        if (!done) {
            cpu->op = op;
            cpu->left--; /* count the step in advance: a fault returns it */
            one(cpu, op);
            done = 1;
        } else {
            cpu->left -= (int64_t)done;
        }
        n -= done;
        count_more(cpu, op, done);
        set_index(cpu, op, RCX, R64(RCX) - done);
        if (!n || (compares && cc_zf(cpu) == until_equal))
            return true;
        if (cpu->left <= 0 || stop || op->fn == op_resync)
            return false;
    }
}

/* The steps have run out: the dispatcher resumes this instruction later. */
static const struct op *pause_here(struct x86 *cpu, const struct op *op)
{
    cpu->gpr[REG_RIP] = rip_of(cpu, op);
    cpu->block = NULL;
    return NULL;
}

#define STRING(name, many, compares)                                                                         \
    static OP(name##_any)                                                                                    \
    {                                                                                                        \
        if (op->pfx & (PFX_REP | PFX_REPNE)) {                                                               \
            if (!repeat(cpu, op, name##_1, many, compares))                                                  \
                return pause_here(cpu, op);                                                                  \
        } else {                                                                                             \
            name##_1(cpu, op);                                                                               \
        }                                                                                                    \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY1(fam_##name, name##_any);
STRING(movs, movs_many, false)
STRING(stos, stos_many, false)
STRING(lods, NULL, false)
STRING(cmps, NULL, true)
STRING(scas, NULL, true)
STRING(ins, NULL, false)
STRING(outs, NULL, false)
