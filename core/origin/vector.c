/* vector.c - what the bytes are made of that instructions on vector registers wrote, and those that save and restore many registers. */
#include <string.h>

#include "core/origin/private/impl.h"

/* Moves of `size` bytes (0: of all of the operand). */
static const struct {
    unsigned id;
    uint8_t size;
} moves[] = {{X86_INS_MOVAPS, 0},   {X86_INS_MOVUPS, 0},    {X86_INS_MOVAPD, 0},   {X86_INS_MOVUPD, 0},
             {X86_INS_MOVDQA, 0},   {X86_INS_MOVDQU, 0},    {X86_INS_LDDQU, 0},    {X86_INS_MOVNTDQ, 0},
             {X86_INS_MOVNTPS, 0},  {X86_INS_MOVNTPD, 0},   {X86_INS_MOVNTDQA, 0}, {X86_INS_MOVD, 4},
             {X86_INS_MOVQ, 8},     {X86_INS_MOVSS, 4},     {X86_INS_MOVSD, 8},    {X86_INS_VMOVAPS, 0},
             {X86_INS_VMOVUPS, 0},  {X86_INS_VMOVAPD, 0},   {X86_INS_VMOVUPD, 0},  {X86_INS_VMOVDQA, 0},
             {X86_INS_VMOVDQU, 0},  {X86_INS_VLDDQU, 0},    {X86_INS_VMOVNTDQ, 0}, {X86_INS_VMOVNTPS, 0},
             {X86_INS_VMOVNTPD, 0}, {X86_INS_VMOVNTDQA, 0}, {X86_INS_VMOVD, 4},    {X86_INS_VMOVQ, 8}};

static int row_of(unsigned id)
{
    for (unsigned i = 0; i < sizeof moves / sizeof moves[0]; i++)
        if (moves[i].id == id)
            return (int)i;
    return -1;
}

/* The number of a vector register, -1 if it is none; *wide: it is a YMM register. */
static int vector_number(unsigned reg, bool *wide)
{
    *wide = reg >= X86_REG_YMM0 && reg <= X86_REG_YMM15;
    return *wide                                         ? (int)(reg - X86_REG_YMM0)
           : reg >= X86_REG_XMM0 && reg <= X86_REG_XMM15 ? (int)(reg - X86_REG_XMM0)
                                                         : -1;
}

/* Byte `at` of a vector register and those behind it, as far as they are in the same half. */
static void copy_vector(struct origin *o, const struct moment *m, struct inputs *in, unsigned number,
                        unsigned at)
{
    const int reg = at < 16 ? o->xmm[number] : o->ymmh[number];
    if (in->length > 16 - at % 16)
        in->length = 16 - at % 16;
    in->how = ORIGIN_COPIES;
    in->follows = 0;
    if (reg < 0)
        inputs_end(in, ORIGIN_LOST, "a part of a vector register that this processor does not have");
    else
        input_register(o, m, in, reg, at % 16, in->length);
}

/* Bytes from k on of the whole vector that operand 1 is. */
static void copy_source(struct origin *o, const struct moment *m, struct inputs *in, unsigned k,
                        unsigned size)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[1];
    bool wide;
    const int number = op->type == X86_OP_REG ? vector_number(op->reg, &wide) : -1;
    if (number < 0 || k >= size) {
        copy_from_operand(o, m, in, 1, k, size);
        return;
    }
    if (in->length > size - k)
        in->length = size - k;
    copy_vector(o, m, in, (unsigned)number, k);
}

/* Where the target's bytes lie in operand 0; -1: it is something else. */
static long offset_in_destination(const struct origin *o, const struct moment *m, const struct target *t,
                                  struct inputs *in, unsigned size)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[0];
    bool wide = false;
    const int number = op->type == X86_OP_REG ? vector_number(op->reg, &wide) : -1;
    if (op->type == X86_OP_MEM)
        return t->memory ? inputs_cut(in, t, m->mem[0].linear, size ? size : m->mem[0].n) : -1;
    if (number >= 0 && !t->memory && t->reg == o->ymmh[number])
        return 16 + t->low;
    if (number >= 0 && !t->memory && t->reg == o->xmm[number])
        return t->low;
    const struct reg_part p = decode_part(o, op->reg);
    return !t->memory && p.reg == t->reg ? inputs_cut(in, t, p.low, p.n < 8 && m->bits == 64 ? 8 : p.n) : -1;
}

static unsigned source_size(const struct origin *o, const struct moment *m)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[1];
    bool wide;
    if (op->type == X86_OP_MEM)
        return m->mem[1].n;
    if (vector_number(op->reg, &wide) >= 0)
        return wide ? 32 : 16;
    return decode_part(o, op->reg).n;
}

static bool moves_some(const struct origin *o)
{
    return o->insn->id == X86_INS_MOVSS || o->insn->id == X86_INS_MOVSD;
}

static void inputs_of_move(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in, unsigned row)
{
    const cs_x86 *x = &o->insn->detail->x86;
    const unsigned size = moves[row].size ? moves[row].size : source_size(o, m);
    const long k = offset_in_destination(o, m, t, in, moves[row].size);
    const bool keeps =
        moves_some(o) && x->operands[0].type == X86_OP_REG && x->operands[1].type == X86_OP_REG;
    if (k < 0 || (keeps && (unsigned)k >= size))
        in->same = true;
    else
        copy_source(o, m, in, (unsigned)k, size);
}

/* ---------------------------------------------------------------- halves and lanes */

/* Where byte k of the result comes from. */
struct lane {
    int operand;       /* of which; -1: the byte stays as it is */
    unsigned at, left; /* its number there; how many from it on lie together in both */
};

static struct lane half(int low, unsigned low_at, int high, unsigned high_at, unsigned k)
{
    const unsigned at = k % 8;
    return k < 8 ? (struct lane){low, low_at + at, 8 - at} : (struct lane){high, high_at + at, 8 - at};
}

static bool lane_of(const cs_insn *i, unsigned k, struct lane *l)
{
    const cs_x86 *x = &i->detail->x86;
    const bool store = x->operands[0].type == X86_OP_MEM;
    const unsigned imm = x->op_count == 3 ? (unsigned)x->operands[2].imm : 0;
    switch (i->id) {
    case X86_INS_MOVHPS:
    case X86_INS_MOVHPD:
        *l = store ? (struct lane){1, 8 + k, 8 - k} : half(-1, 0, 1, 0, k);
        return true;
    case X86_INS_MOVLPS:
    case X86_INS_MOVLPD:
        *l = store ? (struct lane){1, k, 8 - k} : half(1, 0, -1, 8, k);
        return true;
    case X86_INS_MOVHLPS:
        *l = half(1, 8, -1, 8, k);
        return true;
    case X86_INS_MOVLHPS:
    case X86_INS_PUNPCKLQDQ:
    case X86_INS_UNPCKLPD:
        *l = half(-1, 0, 1, 0, k);
        return true;
    case X86_INS_PUNPCKHQDQ:
    case X86_INS_UNPCKHPD:
        *l = half(0, 8, 1, 8, k);
        return true;
    case X86_INS_PSHUFD:
        *l = (struct lane){1, (imm >> 2 * (k / 4) & 3) * 4 + k % 4, 4 - k % 4};
        return true;
    default:
        return false;
    }
}

/* PINSR and PEXTR: the size of the lane; 0 for other instructions. */
static unsigned lane_size(unsigned id, bool *extracts)
{
    *extracts = id == X86_INS_PEXTRB || id == X86_INS_PEXTRW || id == X86_INS_PEXTRD || id == X86_INS_PEXTRQ;
    switch (id) {
    case X86_INS_PINSRB:
    case X86_INS_PEXTRB:
        return 1;
    case X86_INS_PINSRW:
    case X86_INS_PEXTRW:
        return 2;
    case X86_INS_PINSRD:
    case X86_INS_PEXTRD:
        return 4;
    case X86_INS_PINSRQ:
    case X86_INS_PEXTRQ:
        return 8;
    default:
        return 0;
    }
}

static void copy_lane(struct origin *o, const struct moment *m, struct inputs *in, struct lane l)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[l.operand];
    bool wide;
    const int number = op->type == X86_OP_REG ? vector_number(op->reg, &wide) : -1;
    if (in->length > l.left)
        in->length = l.left;
    if (number >= 0)
        copy_vector(o, m, in, (unsigned)number, l.at);
    else
        copy_from_operand(o, m, in, (unsigned)l.operand, l.at, l.at + l.left);
}

static bool inputs_of_lane(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const cs_x86 *x = &o->insn->detail->x86;
    bool extracts;
    const unsigned size = lane_size(o->insn->id, &extracts);
    const long k = offset_in_destination(o, m, t, in, size);
    struct lane l = {-1, 0, 0};
    if (!size && !lane_of(o->insn, k < 0 ? 0 : (unsigned)k, &l))
        return false;
    if (size && k >= 0) {
        const unsigned at = ((unsigned)x->operands[2].imm * size) & 15;
        if (extracts) {
            l = (struct lane){1, at + (unsigned)k, size - ((unsigned)k < size ? (unsigned)k : size)};
            if ((unsigned)k >= size) {
                inputs_end(in, ORIGIN_CONSTANT, "0: the upper part is cleared");
                return true;
            }
        } else if ((unsigned)k < at && (unsigned)k + in->length > at) {
            in->length = at - (unsigned)k;
        } else if ((unsigned)k >= at && (unsigned)k < at + size) {
            l = (struct lane){1, (unsigned)k - at, size - ((unsigned)k - at)};
        }
    }
    if (k < 0 || l.operand < 0) {
        if (l.left && in->length > l.left)
            in->length = l.left;
        in->same = true;
    } else {
        copy_lane(o, m, in, l);
    }
    return true;
}

bool inputs_of_vector(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in)
{
    const int row = row_of(o->insn->id);
    const cs_x86 *x = &o->insn->detail->x86;
    if (row >= 0 && x->op_count == 2) {
        inputs_of_move(o, m, t, in, (unsigned)row);
        return true;
    }
    return x->op_count >= 2 && inputs_of_lane(o, m, t, in);
}

/* ---------------------------------------------------------------- many registers */

/* SDM volume 1, 10.5.1 and 13.4: the legacy region and the upper halves of the YMM registers (in the standard format, and in the compacted
 * one as long as there is nothing between). */
enum { AREA_MXCSR = 24, AREA_XMM = 160, AREA_YMM = 576, VECTORS = 16 };

static bool is_one(unsigned id, const unsigned *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == id)
            return true;
    return false;
}

static void save_one(struct origin *o, const struct moment *m, struct inputs *in, uint64_t at)
{
    if (at >= AREA_XMM && at < AREA_XMM + 16 * VECTORS)
        copy_vector(o, m, in, (unsigned)(at - AREA_XMM) / 16, (unsigned)(at - AREA_XMM) % 16);
    else if (at >= AREA_YMM && at < AREA_YMM + 16 * VECTORS)
        copy_vector(o, m, in, (unsigned)(at - AREA_YMM) / 16, 16 + (unsigned)(at - AREA_YMM) % 16);
    else
        inputs_end(in, ORIGIN_LOST,
                   "state of x87 or of the processor's extensions (byte %llu of what %s saves)",
                   (unsigned long long)at, o->insn->mnemonic);
}

bool inputs_of_saving(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in)
{
    static const unsigned save[] = {X86_INS_FXSAVE,   X86_INS_FXSAVE64,   X86_INS_XSAVE,  X86_INS_XSAVE64,
                                    X86_INS_XSAVEOPT, X86_INS_XSAVEOPT64, X86_INS_XSAVEC, X86_INS_XSAVEC64,
                                    X86_INS_XSAVES,   X86_INS_XSAVES64};
    static const unsigned load[] = {X86_INS_FXRSTOR,  X86_INS_FXRSTOR64, X86_INS_XRSTOR,
                                    X86_INS_XRSTOR64, X86_INS_XRSTORS,   X86_INS_XRSTORS64};
    const unsigned id = o->insn->id;
    const uint64_t area = m->mem[0].linear;
    if (t->memory && is_one(id, save, sizeof save / sizeof save[0])) {
        save_one(o, m, in, t->linear - area);
        return true;
    }
    if (t->memory || !is_one(id, load, sizeof load / sizeof load[0]))
        return false;
    for (unsigned i = 0; i < VECTORS; i++) {
        const bool high = t->reg == o->ymmh[i];
        if (t->reg != o->xmm[i] && !high)
            continue;
        in->how = ORIGIN_COPIES;
        in->follows = 0;
        input_memory(o, m, in, area + (high ? AREA_YMM : AREA_XMM) + 16 * i + t->low, t->n,
                     m->after[t->reg] + t->low);
        return true;
    }
    inputs_end(in, ORIGIN_LOST, "state that %s restores", o->insn->mnemonic);
    return true;
}
