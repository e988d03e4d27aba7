/* code.c - see code.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/insn/insn.h"
#include "core/story/code.h"

enum { REGISTERS = 16 };

struct code_reader {
    struct insn_decoder decoder;
    const cs_insn *insn;
    unsigned word; /* bytes of a pointer */
    /* Registers that have an address as a constant: code that is built for addresses anywhere loads it first (MOV r64, imm64). */
    uint16_t known;
    uint64_t constant[REGISTERS];
};

struct code_reader *code_new(unsigned bits)
{
    struct code_reader *c = mem_zero(1, sizeof *c);
    c->word = bits / 8;
    return c;
}

void code_free(struct code_reader *c)
{
    if (!c)
        return;
    insn_close(&c->decoder);
    free(c);
}

/* Whether memory is addressed by one register and a displacement. */
static bool at_register(const cs_x86_op *op)
{
    return op->mem.index == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID &&
           op->mem.base != X86_REG_INVALID && op->mem.base != X86_REG_RIP;
}

/* ---------------------------------------------------------------- constants */

/* The number of a register, whichever part of it is named; REGISTERS for others. */
static unsigned register_number(unsigned reg)
{
    enum { PARTS = 5 };
    static const uint16_t parts[REGISTERS][PARTS] = {
        {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
        {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
        {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
        {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},
        {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
        {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
        {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
        {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B},
        {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
        {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
        {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
        {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
        {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
    };
    for (unsigned i = 0; i < REGISTERS; i++)
        for (unsigned k = 0; k < PARTS; k++)
            if (reg != X86_REG_INVALID && parts[i][k] == reg)
                return i;
    return REGISTERS;
}

static bool has_constant(const struct code_reader *c, unsigned reg, uint64_t *value)
{
    const unsigned i = c->known ? register_number(reg) : REGISTERS;
    if (i == REGISTERS || !(c->known >> i & 1))
        return false;
    *value = c->constant[i];
    return true;
}

/* What the instruction leaves of them. Nothing is known after a call, and behind a jump that is always taken, where other code comes
 * from elsewhere. */
static void forget_constants(struct code_reader *c)
{
    struct insn_registers r;
    const bool leaves = insn_in_group(c->insn, CS_GRP_CALL) || insn_in_group(c->insn, CS_GRP_RET) ||
                        c->insn->id == X86_INS_JMP;
    if (leaves || !insn_registers(&c->decoder, c->insn, &r)) {
        c->known = 0;
        return;
    }
    for (unsigned k = 0; k < r.nwritten; k++)
        c->known &= (uint16_t) ~(1u << register_number(r.written[k]));
}

static void follow_constants(struct code_reader *c)
{
    const cs_x86 *x = &c->insn->detail->x86;
    if (c->known)
        forget_constants(c);
    if (c->insn->id != X86_INS_MOVABS || x->op_count != 2 || x->operands[0].type != X86_OP_REG ||
        x->operands[1].type != X86_OP_IMM)
        return;
    const unsigned i = register_number(x->operands[0].reg);
    if (i < REGISTERS) {
        c->constant[i] = (uint64_t)x->operands[1].imm;
        c->known |= (uint16_t)(1u << i);
    }
}

/* ---------------------------------------------------------------- sites */

/* A call or jump by its operand. */
static bool branch(const struct code_reader *c, struct code_site *s)
{
    const cs_x86_op *op = &c->insn->detail->x86.operands[0];
    bool call = c->insn->id == X86_INS_CALL, jump = c->insn->id == X86_INS_JMP;
    if (c->insn->detail->x86.op_count != 1)
        return false;
    if (op->type == X86_OP_IMM) {
        s->kind = call ? CODE_CALL : jump ? CODE_JUMP : CODE_BRANCH;
        s->target = (uint64_t)op->imm;
        return true;
    }
    if (!call) {
        s->kind = CODE_JUMP_THROUGH;
        return jump;
    }
    s->kind = op->type == X86_OP_REG ? CODE_CALL_REGISTER : CODE_CALL_MEMORY;
    if (op->type == X86_OP_REG) {
        s->reg = insn_register_name(&c->decoder, op->reg);
    } else if (op->type == X86_OP_MEM && at_register(op)) {
        s->reg = insn_register_name(&c->decoder, op->mem.base);
        s->target = (uint64_t)op->mem.disp;
    }
    return true;
}

/* A load of a member, or from a fixed address: with the segment that per-cpu variables are in, or with none. */
static bool load(const struct code_reader *c, struct code_site *s)
{
    const cs_x86 *x = &c->insn->detail->x86;
    const cs_x86_op *to = &x->operands[0], *from = &x->operands[1];
    if (x->op_count != 2 || to->type != X86_OP_REG || from->type != X86_OP_MEM)
        return false;
    if (at_register(from) && to->size >= 4 && has_constant(c, from->mem.base, &s->target)) {
        s->kind = CODE_LOAD;
        s->target += (uint64_t)from->mem.disp;
        return true;
    }
    if (at_register(from) && to->size >= 4) {
        s->kind = CODE_MEMBER;
        s->reg = insn_register_name(&c->decoder, from->mem.base);
        s->target = (uint64_t)from->mem.disp;
        return true;
    }
    if (from->mem.index != X86_REG_INVALID ||
        (from->mem.base != X86_REG_INVALID && from->mem.base != X86_REG_RIP))
        return false;
    bool percpu = from->mem.segment == (c->word == 8 ? X86_REG_GS : X86_REG_FS);
    if (percpu ? to->size != c->word : from->mem.segment != X86_REG_INVALID || to->size < 4)
        return false;
    s->kind = percpu ? CODE_PERCPU_LOAD : CODE_LOAD;
    s->target = (uint64_t)from->mem.disp;
    if (from->mem.base == X86_REG_RIP)
        s->target += s->address + s->length;
    if (c->word == 4)
        s->target = (uint32_t)s->target;
    return true;
}

static bool mask(const struct code_reader *c, struct code_site *s)
{
    enum { FEW = 12, MANY = 20 };
    const cs_x86 *x = &c->insn->detail->x86;
    if (x->op_count != 2 || x->operands[0].type != X86_OP_REG || x->operands[1].type != X86_OP_IMM)
        return false;
    for (unsigned bits = FEW; bits <= MANY; bits++)
        if (x->operands[1].imm == -((int64_t)1 << bits)) {
            s->kind = CODE_MASK;
            s->target = (uint64_t)x->operands[1].imm;
            return true;
        }
    return false;
}

static bool site(const struct code_reader *c, struct code_site *s)
{
    *s = (struct code_site){.address = c->insn->address, .length = c->insn->size};
    switch (c->insn->id) {
    case X86_INS_RET:
        s->kind = CODE_RETURN;
        return true;
    case X86_INS_MOV:
    case X86_INS_MOVSXD:
    case X86_INS_MOVABS:
        return load(c, s);
    case X86_INS_AND:
        return mask(c, s);
    default:
        break;
    }
    return (insn_in_group(c->insn, CS_GRP_JUMP) || insn_in_group(c->insn, CS_GRP_CALL)) && branch(c, s);
}

void code_sites(struct code_reader *c, const void *bytes, size_t n, uint64_t address,
                void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    const uint8_t *p = bytes;
    struct code_site s;
    c->known = 0;
    for (size_t skip = 1; skip; p += skip, n -= skip, address += skip) {
        while ((c->insn = insn_next(&c->decoder, c->word * 8, &address, &p, &n))) {
            if (site(c, &s))
                fn(ctx, &s);
            follow_constants(c);
        }
        skip = c->word == 8 ? insn_unknown_length(p, n) : 0;
    }
}
