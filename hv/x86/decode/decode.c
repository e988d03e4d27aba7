/* decode.c - from bytes to struct op, driven by the instruction table (insn.h).
 *
 * Instruction format: SDM volume 2, chapter 2; opcode maps: appendix A. */
#include <assert.h>
#include <stdlib.h>

#include "hv/x86/decode/decode.h"
#include "base/memory.h"
#include "base/must.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"

enum { MAX_ROWS = 2048 };

struct decoder {
    uint16_t first[NMAPS][256]; /* 1 + index in next[] and row[] of the first candidate; 0 if none */
    uint16_t next[MAX_ROWS * 2];
    uint16_t row[MAX_ROWS * 2];
    uint8_t has_modrm[NMAPS][256]; /* 1: has a modrm byte; 2: always in register form (MOV CR, DR) */
    const struct insn_row *rows;
    unsigned used;
    bool vex; /* some row has VEX */
};

/* ---------------------------------------------------------------- the tables */

static bool uses_modrm(const struct insn_row *r)
{
    if (r->ext != E__)
        return true;
    for (unsigned i = 0; i < 3; i++)
        if ((r->operand[i] >= O_Eb && r->operand[i] <= O_Ry) || r->operand[i] == O_STi ||
            (r->operand[i] >= O_Pq && r->operand[i] <= O_VM))
            return true;
    return false;
}

static void add_candidate(struct decoder *d, unsigned map, unsigned opcode, unsigned row)
{
    const struct insn_row *r = &insn_rows(NULL)[row];
    uint16_t *at = &d->first[map][opcode & 0xff];
    while (*at)
        at = &d->next[*at - 1];
    d->row[d->used] = (uint16_t)row;
    d->vex |= map >= V0F;
    *at = (uint16_t)++d->used;
    if (uses_modrm(r))
        d->has_modrm[map][opcode & 0xff] |= 1;
    for (unsigned i = 0; i < 3; i++)
        if (r->operand[i] == O_Cy || r->operand[i] == O_Dy)
            d->has_modrm[map][opcode & 0xff] |= 2;
}

struct decoder *decoder_create(const struct x86 *cpu)
{
    struct decoder *d = mem_zero(1, sizeof *d);
    size_t n;
    const struct insn_row *rows = d->rows = insn_rows(&n);
    for (unsigned i = 0; i < n; i++) {
        if (cpu && !cpu_has(cpu, rows[i].feature))
            continue;
        unsigned count = rows[i].flags & F_LOW3 ? 8 : 1;
        must(d->used + count <= MAX_ROWS * 2, "more rows of instructions than a decoder has room for");
        for (unsigned k = 0; k < count; k++)
            add_candidate(d, rows[i].map, rows[i].opcode + k, i);
    }
    return d;
}

void decoder_destroy(struct decoder *d)
{
    free(d);
}

const struct insn_row *op_row(const struct op *op)
{
    return op->row == NO_ROW ? NULL : &insn_rows(NULL)[op->row];
}

bool op_on_stack(const struct x86 *cpu, const struct op *op, uint64_t linear)
{
    const struct insn_row *r = op_row(op);
    if (op->pfx & PFX_MEM) {
        if (op->base == RSP || op->base == RBP)
            return op->seg == SEG_NONE;
        /* PUSH, POP and CALL have a memory operand besides the stack. */
        return r && r->operand[1] == O_NONE && linear != ea_offset(cpu, op) + cpu->seg[op->seg].base;
    }
    for (unsigned i = 0; r && i < 3; i++)
        if (r->operand[i] >= O_Ob && r->operand[i] <= O_Yv)
            return false;
    return r;
}

/* ---------------------------------------------------------------- reading bytes */

struct in {
    const uint8_t *p;
    unsigned avail, pos, bits;
    bool short_;
    /* prefixes */
    uint8_t rex, pfx, seg;
    bool osize66, asize67;
    uint8_t rep; /* the last F2 or F3, or 0 */
    uint8_t map, opcode, modrm;
    bool mem;
    /* VEX */
    bool vex, bad, w, l, vsib; /* bad: no instruction has this prefix */
    uint8_t vvvv, index;
};

/* Inline, since a copy of a constant size is one load. */
static inline __attribute__((always_inline)) uint64_t take(struct in *in, unsigned n)
{
    uint64_t v = 0;
    if (in->pos + n > in->avail) {
        in->short_ = true;
        return 0;
    }
    memcpy(&v, in->p + in->pos, n);
    in->pos += n;
    return v;
}

static inline __attribute__((always_inline)) int64_t take_signed(struct in *in, unsigned n)
{
    unsigned shift = 64 - 8 * n;
    return (int64_t)(take(in, n) << shift) >> shift;
}

/* The bytes that take_prefix() takes: few, so most instructions do not reach its switch. */
static const bool is_prefix[256] = {
    [0x26] = true, [0x2e] = true, [0x36] = true, [0x3e] = true, [0x64] = true, [0x65] = true,
    [0x66] = true, [0x67] = true, [0xf0] = true, [0xf2] = true, [0xf3] = true,
};

static void take_prefix(struct in *in, uint8_t b)
{
    switch (b) {
    case 0x26:
        in->seg = in->bits == 64 ? in->seg : ES;
        break;
    case 0x2e:
        in->seg = in->bits == 64 ? in->seg : CS;
        break;
    case 0x36:
        in->seg = in->bits == 64 ? in->seg : SS;
        break;
    case 0x3e:
        in->seg = in->bits == 64 ? in->seg : DS;
        break;
    case 0x64:
        in->seg = FS;
        break;
    case 0x65:
        in->seg = GS;
        break;
    case 0x66:
        in->osize66 = true;
        break;
    case 0x67:
        in->asize67 = true;
        break;
    case 0xf0:
        in->pfx |= PFX_LOCK;
        break;
    case 0xf2:
    case 0xf3:
        in->rep = b;
        break;
    default:
        assert(!"a prefix");
    }
}

/* ---------------------------------------------------------------- VEX: SDM volume 2, 2.3 */

/* Outside 64-bit code C4 and C5 are LES and LDS if the next byte is a modrm with a memory operand. */
static bool is_vex(const struct in *in, uint8_t b)
{
    if (b != 0xc4 && b != 0xc5)
        return false;
    return in->bits == 64 || (in->pos < in->avail && in->p[in->pos] >= 0xc0);
}

static void take_vex(struct in *in, uint8_t b)
{
    static const uint8_t maps[4] = {V0F, V0F, V0F38, V0F3A};
    uint8_t first = (uint8_t)take(in, 1), second = first, map = 1;
    in->vex = true;
    in->bad = in->rex || in->rep || in->osize66 || in->pfx & PFX_LOCK;
    in->rex = first & 0x80 ? 0 : 4;
    if (b == 0xc4) {
        second = (uint8_t)take(in, 1);
        map = first & 0x1f;
        in->rex |= (first & 0x40 ? 0 : 2) | (first & 0x20 ? 0 : 1);
        in->w = second & 0x80;
    }
    if (in->w)
        in->rex |= 8;
    if (in->bits != 64)
        in->rex = 0;
    in->bad |= map < 1 || map > 3;
    in->map = maps[map & 3];
    in->vvvv = ~(second >> 3) & (in->bits == 64 ? 15 : 7);
    in->l = second & 4;
    in->osize66 = (second & 3) == 1;
    in->rep = (second & 3) == 2 ? 0xf3 : (second & 3) == 3 ? 0xf2 : 0;
    in->opcode = (uint8_t)take(in, 1);
}

static bool uses_vvvv(const struct insn_row *r)
{
    for (unsigned i = 0; i < 3; i++)
        if (r->operand[i] == O_Hx || r->operand[i] == O_By)
            return true;
    return r->flags & F_H;
}

/* What VEX's fields must be for the row. A gather's address has a SIB byte, and its three registers differ. */
static bool vex_matches(const struct in *in, const struct insn_row *r)
{
    if (in->bad || r->flags & (in->l ? F_L0 : F_L1) || r->flags & (in->w ? F_W0 : F_W1))
        return false;
    if (in->vvvv && !uses_vvvv(r))
        return false;
    if (r->operand[1] != O_VM)
        return true;
    unsigned reg = (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
    return in->vsib && reg != in->vvvv && reg != in->index && in->index != in->vvvv;
}

/* Reads prefixes, REX and opcode. */
static void take_opcode(struct in *in, bool vex)
{
    uint8_t b = (uint8_t)take(in, 1);
    while (!in->short_ && in->pos < 16) {
        if (is_prefix[b]) {
            take_prefix(in, b);
            in->rex = 0; /* REX is valid only directly before the opcode */
        } else if (in->bits == 64 && (b & 0xf0) == 0x40) {
            in->rex = b;
        } else {
            break;
        }
        b = (uint8_t)take(in, 1);
    }
    in->map = M1;
    if (vex && !in->short_ && is_vex(in, b)) {
        take_vex(in, b);
        return;
    }
    if (b == 0x0f) {
        b = (uint8_t)take(in, 1);
        in->map = b == 0x38 ? M0F38 : b == 0x3a ? M0F3A : M0F;
        if (in->map != M0F)
            b = (uint8_t)take(in, 1);
    }
    in->opcode = b;
}

/* ---------------------------------------------------------------- modrm */

static unsigned asize_of(const struct in *in)
{
    if (in->bits == 64)
        return in->asize67 ? 1 : 2;
    return (in->bits == 32) != in->asize67 ? 1 : 0;
}

static void address16(struct in *in, struct op *op)
{
    static const uint8_t base[8] = {RBX, RBX, RBP, RBP, REG_ZERO, REG_ZERO, RBP, RBX};
    static const uint8_t index[8] = {RSI, RDI, RSI, RDI, RSI, RDI, REG_ZERO, REG_ZERO};
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    op->base = base[rm];
    op->index = index[rm];
    if (mod == 0 && rm == 6) {
        op->base = REG_ZERO;
        op->disp = (int32_t)take_signed(in, 2);
    } else if (mod) {
        op->disp = (int32_t)(mod == 1 ? take_signed(in, 1) : take_signed(in, 2));
    }
}

static void address_sib(struct in *in, struct op *op)
{
    uint8_t sib = (uint8_t)take(in, 1);
    unsigned mod = in->modrm >> 6, index = (sib >> 3 & 7) | (in->rex & 2 ? 8 : 0), base = sib & 7;
    op->scale = sib >> 6;
    op->index = index == 4 ? REG_ZERO : (uint8_t)index;
    if (in->map == V0F38 && (in->opcode & 0xfc) == 0x90) { /* gathers: a vector register */
        in->vsib = true;
        in->index = op->aux = (uint8_t)index;
        op->index = REG_ZERO;
    }
    if (base == 5 && mod == 0) {
        op->base = REG_ZERO;
        op->disp = (int32_t)take_signed(in, 4);
    } else {
        op->base = (uint8_t)(base | (in->rex & 1 ? 8 : 0));
    }
}

static void address32(struct in *in, struct op *op)
{
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    op->index = REG_ZERO;
    if (rm == 4) {
        address_sib(in, op);
    } else if (mod == 0 && rm == 5) {
        op->base = in->bits == 64 ? REG_RIP : REG_ZERO;
        op->disp = (int32_t)take_signed(in, 4);
    } else {
        op->base = (uint8_t)(rm | (in->rex & 1 ? 8 : 0));
    }
    if (mod)
        op->disp = (int32_t)(mod == 1 ? take_signed(in, 1) : take_signed(in, 4));
}

static void take_modrm(struct in *in, struct op *op, bool always_register)
{
    in->modrm = op->modrm = (uint8_t)take(in, 1);
    if (in->modrm >> 6 == 3 || always_register)
        return;
    in->mem = true;
    op->asize = asize_of(in) & 3;
    if (op->asize == 0)
        address16(in, op);
    else
        address32(in, op);
    bool stack = op->base == RBP || op->base == RSP;
    op->seg = in->seg != SEG_NONE ? in->seg : in->bits == 64 ? SEG_NONE : stack ? SS : DS;
}

/* ---------------------------------------------------------------- choosing the row */

static bool prefix_matches(const struct in *in, unsigned pfx)
{
    switch (pfx) {
    case P__:
        return true;
    case PNP:
        return !in->osize66 && !in->rep;
    case P66:
        return in->osize66 && !in->rep;
    case PF3:
        return in->rep == 0xf3;
    default:
        return in->rep == 0xf2;
    }
}

static bool ext_matches(const struct in *in, unsigned ext)
{
    unsigned reg = in->modrm >> 3 & 7, value = ext & 0xff;
    switch (ext >> 8) {
    case EXT_NONE:
        return true;
    case EXT_REG:
        return reg == value;
    case EXT_REG_R:
        return reg == value && !in->mem;
    case EXT_REG_M:
        return reg == value && in->mem;
    case EXT_ONLY_R:
        return !in->mem;
    case EXT_ONLY_M:
        return in->mem;
    default:
        return in->modrm == value;
    }
}

static const struct insn_row *choose(const struct decoder *d, const struct in *in, unsigned *number)
{
    for (unsigned c = d->first[in->map][in->opcode]; c; c = d->next[c - 1]) {
        const struct insn_row *r = &d->rows[d->row[c - 1]];
        if ((r->pfx != P__ && !prefix_matches(in, r->pfx)) || (r->ext != E__ && !ext_matches(in, r->ext)))
            continue;
        if (r->flags & (in->bits == 64 ? F_I64 : F_O64) || (in->vex && !vex_matches(in, r)))
            continue;
        *number = d->row[c - 1];
        return r;
    }
    return NULL;
}

/* ---------------------------------------------------------------- operands */

static unsigned osize_of(const struct in *in, const struct insn_row *r)
{
    bool o66 = in->osize66 && r->pfx != P66;
    if (in->vex)
        return in->w && in->bits == 64 ? 3 : 2;
    if (r->flags & F_BYTE)
        return 0;
    if (r->flags & F_O32)
        return in->rex & 8 ? 3 : 2;
    if (in->bits == 64) {
        if (in->rex & 8 || r->flags & F_F64)
            return 3;
        if (o66)
            return 1;
        return r->flags & F_D64 ? 3 : 2;
    }
    return (in->bits == 32) != o66 ? 2 : 1;
}

/* The byte of an 8-bit register in gpr[]. */
static uint8_t byte_offset(const struct in *in, unsigned r)
{
    return (uint8_t)(in->rex || r < 4 || r >= 8 ? r * 8 : (r - 4) * 8 + 1);
}

static int64_t take_big(struct in *in, const struct op *op)
{
    return op->osize == 1 ? take_signed(in, 2) : take_signed(in, 4);
}

static uint64_t take_address(struct in *in, const struct op *op)
{
    return op->asize == 2 ? take(in, 8) : op->asize == 1 ? take(in, 4) : take(in, 2);
}

static void immediate(struct in *in, struct op *op, unsigned kind)
{
    switch (kind) {
    case O_Ib:
        op->imm = (uint8_t)take(in, 1);
        break;
    case O_sIb:
        op->imm = (int32_t)take_signed(in, 1);
        break;
    case O_Iw:
        op->imm = (uint16_t)take(in, 2);
        break;
    case O_Iz:
        op->imm = (int32_t)take_big(in, op);
        break;
    case O_Iv:
        if (op->osize == 3)
            op->wide = (int64_t)take(in, 8);
        else
            op->imm = (int32_t)take_big(in, op);
        break;
    case O_IwIb:
        op->imm = (uint16_t)take(in, 2);
        op->imm |= (uint8_t)take(in, 1) << 16;
        break;
    case O_Jb:
        op->wide = take_signed(in, 1);
        break;
    case O_Jz:
        op->wide = take_big(in, op);
        break;
    case O_Ap:
        op->wide = (int64_t)(op->osize == 1 ? take(in, 2) : take(in, 4));
        op->wide |= (int64_t)take(in, 2) << 32;
        break;
    case O_Lx:
        op->imm = (uint8_t)take(in, 1);
        op->aux = (uint8_t)op->imm >> 4 & (in->bits == 64 ? 15 : 7);
        break;
    case O_1:
        op->imm = 1;
        break;
    case O_Ob:
    case O_Ov:
        op->asize = asize_of(in) & 3;
        op->wide = (int64_t)take_address(in, op);
        op->seg = in->seg != SEG_NONE ? in->seg : in->bits == 64 ? SEG_NONE : DS;
        break;
    case O_Xb:
    case O_Xv:
    case O_Yb:
    case O_Yv:
        op->asize = asize_of(in) & 3;
        op->seg = in->seg != SEG_NONE ? in->seg : in->bits == 64 ? SEG_NONE : DS;
        break;
    default:
        break;
    }
}

/* Where the number of an operand's register is from; ALWAYS_ and a number: it is always that one. */
enum from {
    FROM_NOTHING,
    FROM_RM,
    FROM_REG,
    FROM_OPCODE,
    FROM_RM_BYTE,
    FROM_REG_BYTE,
    FROM_OPCODE_BYTE,
    FROM_VVVV,
    FROM_RM_LOW, /* of eight registers */
    FROM_REG_LOW,
    FROMS
};
#define ALWAYS(number) (FROMS + (number))

static const uint8_t register_from[O_COUNT] = {
    [O_Eb] = FROM_RM_BYTE,    [O_Gb] = FROM_REG_BYTE, [O_Zb] = FROM_OPCODE_BYTE, [O_Ew] = FROM_RM,
    [O_Ed] = FROM_RM,         [O_Eq] = FROM_RM,       [O_Ev] = FROM_RM,          [O_Ey] = FROM_RM,
    [O_Rv] = FROM_RM,         [O_Ry] = FROM_RM,       [O_Wx] = FROM_RM,          [O_Wq] = FROM_RM,
    [O_Wd] = FROM_RM,         [O_Ww] = FROM_RM,       [O_Ux] = FROM_RM,          [O_Wdq] = FROM_RM,
    [O_Wh] = FROM_RM,         [O_Wf] = FROM_RM,       [O_We] = FROM_RM,          [O_Hx] = FROM_VVVV,
    [O_By] = FROM_VVVV,       [O_Gw] = FROM_REG,      [O_Gd] = FROM_REG,         [O_Gv] = FROM_REG,
    [O_Gy] = FROM_REG,        [O_Cy] = FROM_REG,      [O_Dy] = FROM_REG,         [O_Vx] = FROM_REG,
    [O_Sw] = FROM_REG_LOW,    [O_Pq] = FROM_REG_LOW,  [O_Qq] = FROM_RM_LOW,      [O_Qd] = FROM_RM_LOW,
    [O_Nq] = FROM_RM_LOW,     [O_STi] = FROM_RM_LOW,  [O_Zv] = FROM_OPCODE,      [O_Zq] = FROM_OPCODE,
    [O_CL] = ALWAYS(RCX * 8), [O_DX] = ALWAYS(RDX),   [O_ES] = ALWAYS(ES),       [O_CS] = ALWAYS(CS),
    [O_SS] = ALWAYS(SS),      [O_DS] = ALWAYS(DS),    [O_FS] = ALWAYS(FS),       [O_GS] = ALWAYS(GS),
};

/* Kinds that immediate() takes. */
static const bool is_immediate[O_COUNT] = {
    [O_1] = true,    [O_Ib] = true, [O_sIb] = true, [O_Iw] = true, [O_Iz] = true, [O_Iv] = true,
    [O_IwIb] = true, [O_Jb] = true, [O_Jz] = true,  [O_Ap] = true, [O_Ob] = true, [O_Ov] = true,
    [O_Xb] = true,   [O_Xv] = true, [O_Yb] = true,  [O_Yv] = true, [O_Lx] = true,
};

static void operands(struct in *in, struct op *op, const struct insn_row *r)
{
    const unsigned reg = (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0), high = in->rex & 1 ? 8 : 0;
    const unsigned rm = (in->modrm & 7) | high, low = (in->opcode & 7) | high;
    const uint8_t number[FROMS] = {
        [FROM_RM] = (uint8_t)rm,
        [FROM_REG] = (uint8_t)reg,
        [FROM_OPCODE] = (uint8_t)low,
        [FROM_RM_BYTE] = byte_offset(in, rm),
        [FROM_REG_BYTE] = byte_offset(in, reg),
        [FROM_OPCODE_BYTE] = byte_offset(in, low),
        [FROM_VVVV] = in->vvvv,
        [FROM_RM_LOW] = in->modrm & 7,
        [FROM_REG_LOW] = in->modrm >> 3 & 7,
    };
    const unsigned dst = register_from[r->operand[0]], src = register_from[r->operand[1]];
    op->dst = dst < FROMS ? number[dst] : (uint8_t)(dst - FROMS);
    op->src = src < FROMS ? number[src] : (uint8_t)(src - FROMS);
    op->vvvv = in->vvvv;
    for (unsigned i = 0; i < 3; i++)
        if (is_immediate[r->operand[i]])
            immediate(in, op, r->operand[i]);
}

/* ---------------------------------------------------------------- the whole */

static op_fn *handler(const struct in *in, const struct op *op, const struct insn_row *r)
{
    bool moffs =
        r->operand[0] == O_Ob || r->operand[0] == O_Ov || r->operand[1] == O_Ob || r->operand[1] == O_Ov;
    bool mem = in->mem || moffs;
    op_fn *fn = NULL;
    if (mem && in->bits == 64 && op->asize == 2 && op->seg == SEG_NONE)
        fn = r->family->fn[FORM_MEM64][op->osize];
    if (!fn)
        fn = r->family->fn[mem ? FORM_MEM : FORM_REG][op->osize];
    return fn;
}

static bool is_branch(const struct insn_row *r)
{
    return r->operand[0] == O_Jb || r->operand[0] == O_Jz;
}

/* LOCK is allowed on listed rows with a memory destination. */
static bool lock_ok(const struct in *in, const struct insn_row *r)
{
    return !(in->pfx & PFX_LOCK) || (r->flags & F_LOCK && in->mem);
}

static void undefined(struct op *op, bool *end)
{
    op->fn = op_undefined;
    op->row = NO_ROW;
    *end = true;
}

/* Offsets that are relative to the end of the instruction become relative to the block's start. */
static void resolve_relative(struct op *op, const struct insn_row *r)
{
    int32_t after = (int32_t)op_end(op);
    if (is_branch(r))
        op->wide += after;
    if (op->base == REG_RIP && __builtin_add_overflow(op->disp, after, &op->disp))
        op->index = REG_4G;
}

static void fill_prefixes(struct in *in, struct op *op)
{
    op->pfx = in->pfx |
              (in->rep == 0xf3 ? PFX_REP
               : in->rep       ? PFX_REPNE
                               : 0) |
              (in->osize66 ? PFX_OSIZE : 0) | (in->rex ? PFX_REX : 0) | (in->rex & 8 ? PFX_REXW : 0) |
              (in->mem ? PFX_MEM : 0) | (in->l ? PFX_L : 0);
}

enum decoded decode(const struct decoder *d, const uint8_t *bytes, unsigned avail, unsigned code_bits,
                    unsigned off, struct op *op, bool *end)
{
    struct in in = {.p = bytes, .avail = avail < 15 ? avail : 15, .bits = code_bits, .seg = SEG_NONE};
    unsigned number = NO_ROW;
    const struct insn_row *r = NULL;
    *op = (struct op){.base = REG_ZERO, .index = REG_ZERO, .seg = SEG_NONE, .off = (uint16_t)off};
    *end = false;
    take_opcode(&in, d->vex);
    if (!in.short_ && d->has_modrm[in.map][in.opcode])
        take_modrm(&in, op, d->has_modrm[in.map][in.opcode] & 2);
    if (!in.short_)
        r = choose(d, &in, &number);
    if (r) {
        op->row = number & NO_ROW;
        op->osize = osize_of(&in, r) & 3;
        operands(&in, op, r);
        fill_prefixes(&in, op);
        op->fn = handler(&in, op, r);
    }
    if (in.short_) {
        op->row = NO_ROW; /* it is not that instruction: nobody may compile it as such */
        return avail >= 15 ? DEC_TOO_LONG : DEC_SHORT;
    }
    op->len = (uint8_t)in.pos;
    if (!r || !op->fn || !lock_ok(&in, r)) {
        undefined(op, end);
        return DEC_OK;
    }
    resolve_relative(op, r);
    if (op->len == 2 && !bytes[0] && !bytes[1]) {
        op->fn = code_bits == 64 ? op_zeros64 : op_zeros;
        op->row = NO_ROW; /* not to be compiled: it is told */
    }
    *end = r->flags & F_END || (r->flags & F_REP && in.rep);
    return DEC_OK;
}
