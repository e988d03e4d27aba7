/* follow.c - where code without tables or names goes: its instructions are followed to a return. See symbols.h.
 *
 * What an instruction does to the stack is insn.c's business. A branch is followed both ways, first past it; a path ends without a
 * result at an instruction that was seen before, or where the stack pointer gets a value that is not known.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/symbols/private/insn.h"
#include "core/symbols/symbols.h"

enum {
    RSP = 4,
    RBP = 5,
    STEPS_MAX = 8192,
    BRANCHES_MAX = 64,
    STORED_MAX = 32,
    SEEN = 1 << 14,
    CALL_CLOBBERS = 0x0fc7
};

struct stored {
    uint64_t at, value;
    bool known;
};

/* The registers on a path, and what it has stored. */
struct path {
    uint64_t pc, reg[FOLLOW_REGISTERS];
    uint16_t known;
    struct stored stored[STORED_MAX];
    unsigned nstored;
};

struct following {
    const struct symbol_follow *f;
    struct path branch[BRANCHES_MAX];
    unsigned nbranches, steps;
    uint64_t seen[SEEN]; /* a hash table of addresses */
};

static bool seen_before(struct following *w, uint64_t pc)
{
    size_t i = (size_t)(pc * 0x9e3779b97f4a7c15 >> 50);
    for (; w->seen[i]; i = (i + 1) % SEEN)
        if (w->seen[i] == pc)
            return true;
    w->seen[i] = pc;
    return false;
}

static bool knows(const struct path *p, unsigned reg)
{
    return reg < FOLLOW_REGISTERS && p->known >> reg & 1;
}

static void set_reg(struct path *p, unsigned reg, uint64_t value, bool known)
{
    if (reg >= FOLLOW_REGISTERS)
        return;
    p->reg[reg] = value;
    p->known = (uint16_t)(known ? p->known | 1 << reg : p->known & ~(1 << reg));
}

static void store(struct path *p, uint64_t at, unsigned reg)
{
    const struct stored s = {at, knows(p, reg) ? p->reg[reg] : 0, knows(p, reg)};
    for (unsigned i = 0; i < p->nstored; i++)
        if (p->stored[i].at == at) {
            p->stored[i] = s;
            return;
        }
    if (p->nstored < STORED_MAX)
        p->stored[p->nstored++] = s;
}

static bool load(const struct following *w, const struct path *p, uint64_t at, uint64_t *value)
{
    for (unsigned i = 0; i < p->nstored; i++)
        if (p->stored[i].at == at) {
            *value = p->stored[i].value;
            return p->stored[i].known;
        }
    return w->f->read(w->f->ctx, at, value, 8) == 8;
}

static void load_reg(const struct following *w, struct path *p, unsigned reg, uint64_t at)
{
    uint64_t value = 0;
    const bool known = load(w, p, at, &value);
    set_reg(p, reg, value, known);
}

/* MOV from one whole register to another. */
static bool is_copy(const uint8_t *code, unsigned *to, unsigned *from)
{
    enum { REX_W = 0x48, REX_MASK = 0xf8, MOV_TO = 0x89, MOV_FROM = 0x8b };
    const unsigned rex = code[0], reg = (code[2] >> 3 & 7) | (rex & 4) << 1,
                   rm = (code[2] & 7) | (rex & 1) << 3;
    *to = code[1] == MOV_TO ? rm : reg;
    *from = code[1] == MOV_TO ? reg : rm;
    return (rex & REX_MASK) == REX_W && (code[1] == MOV_TO || code[1] == MOV_FROM) && code[2] >> 6 == 3;
}

/* What the instruction does to the stack. False if the stack pointer is then unknown. */
static bool apply(const struct following *w, struct path *p, const struct insn *i, const uint8_t *code)
{
    unsigned to, from;
    uint64_t *sp = &p->reg[RSP];
    switch (i->stack) {
    case INSN_MOVE:
    case INSN_POP_ALL:
        *sp += (uint64_t)(int64_t)i->n;
        return true;
    case INSN_PUSH:
        *sp -= 8;
        store(p, *sp, i->reg);
        return true;
    case INSN_POP:
        *sp += 8;
        load_reg(w, p, i->reg, *sp - 8);
        return i->reg != RSP;
    case INSN_FRAME:
        set_reg(p, i->reg, *sp + (uint64_t)(int64_t)i->n, true);
        return true;
    case INSN_SET:
        *sp = p->reg[i->reg % FOLLOW_REGISTERS] + (uint64_t)(int64_t)i->n;
        return knows(p, i->reg);
    case INSN_LEAVE:
        *sp = p->reg[RBP] + 8;
        if (!knows(p, RBP))
            return false;
        load_reg(w, p, RBP, *sp - 8);
        return true;
    case INSN_STORE:
        store(p, *sp + (uint64_t)(int64_t)i->n, i->reg);
        return true;
    case INSN_FETCH:
        load_reg(w, p, i->reg, *sp + (uint64_t)(int64_t)i->n);
        return true;
    case INSN_LOST:
        return false;
    default: /* it may change any register but those that frames are found by */
        if (is_copy(code, &to, &from)) {
            set_reg(p, to, p->reg[from], knows(p, from));
            return true;
        }
        p->known &= (uint16_t)(1 << RSP | 1 << RBP);
        return true;
    }
}

static enum symbol_way returns(const struct following *w, struct path *p, int32_t removed)
{
    uint64_t pc;
    if (!load(w, p, p->reg[RSP], &pc))
        return FOLLOW_NOWHERE;
    p->pc = pc;
    p->reg[RSP] += 8 + (uint64_t)(int64_t)removed;
    return FOLLOW_RETURNS;
}

static void branch(struct following *w, const struct path *p, uint64_t to)
{
    if (w->nbranches == BRANCHES_MAX)
        return;
    w->branch[w->nbranches] = *p;
    w->branch[w->nbranches++].pc = to;
}

/* Follows one path to its end. */
static enum symbol_way follow_path(struct following *w, struct path *p)
{
    for (bool first = true; w->steps < STEPS_MAX && !seen_before(w, p->pc); first = false) {
        uint8_t bytes[INSN_LONGEST] = {0};
        struct insn i;
        w->steps++;
        if (!insn_decode(bytes, w->f->read(w->f->ctx, p->pc, bytes, sizeof bytes), &i))
            return FOLLOW_NOWHERE;
        const uint64_t next = p->pc + i.length, target = p->pc + (uint64_t)(int64_t)i.target;
        if (i.flow == INSN_RETURN)
            return returns(w, p, i.n);
        if (i.flow ==
            INSN_JUMP_AT) /* as the first instruction: a thunk, which goes to a function in the caller's place */
            return first && w->nbranches == 0 && w->steps == 1 ? returns(w, p, 0) : FOLLOW_NOWHERE;
        if (i.flow == INSN_FAR || i.flow == INSN_SYSRET || i.flow == INSN_TRAP || !apply(w, p, &i, bytes))
            return FOLLOW_NOWHERE;
        if (i.flow == INSN_CALL || i.flow == INSN_CALL_AT)
            p->known &= (uint16_t)~CALL_CLOBBERS;
        if (i.flow == INSN_BRANCH)
            branch(w, p, target);
        p->pc = i.flow == INSN_JUMP ? target : next;
        if (i.flow == INSN_JUMP && !w->f->inside(w->f->ctx, target))
            return FOLLOW_LEAVES;
    }
    return FOLLOW_NOWHERE;
}

enum symbol_way symbols_follow(struct symbol_follow *f)
{
    struct following *w = mem_zero(1, sizeof *w);
    struct path p = {.pc = f->pc, .known = f->known};
    enum symbol_way way;
    w->f = f;
    memcpy(p.reg, f->reg, sizeof p.reg);
    while ((way = follow_path(w, &p)) == FOLLOW_NOWHERE && w->nbranches)
        p = w->branch[--w->nbranches];
    if (way != FOLLOW_NOWHERE) {
        f->pc = p.pc;
        f->known = p.known;
        memcpy(f->reg, p.reg, sizeof f->reg);
    }
    free(w);
    return way;
}
