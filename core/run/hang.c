/* hang.c - see hang.h. */
#include <xxhash.h>

#include "core/insn/insn.h"
#include "core/run/private/hang.h"

enum { FLAG_IF = 1 << 9 };

/* Instructions whose results follow from registers alone, if no operand is in memory. */
static const unsigned plain[] = {
    X86_INS_ADC,   X86_INS_ADD,  X86_INS_AND, X86_INS_BSWAP,  X86_INS_CBW,  X86_INS_CDQ,   X86_INS_CDQE,
    X86_INS_CLC,   X86_INS_CLD,  X86_INS_CLI, X86_INS_CMC,    X86_INS_CMP,  X86_INS_CWD,   X86_INS_CWDE,
    X86_INS_DEC,   X86_INS_IMUL, X86_INS_INC, X86_INS_LEA,    X86_INS_MOV,  X86_INS_MOVSX, X86_INS_MUL,
    X86_INS_MOVZX, X86_INS_NEG,  X86_INS_NOP, X86_INS_NOT,    X86_INS_OR,   X86_INS_PAUSE, X86_INS_ROL,
    X86_INS_ROR,   X86_INS_SAR,  X86_INS_SBB, X86_INS_SHL,    X86_INS_SHR,  X86_INS_STC,   X86_INS_SUB,
    X86_INS_TEST,  X86_INS_XCHG, X86_INS_XOR, X86_INS_MOVABS, X86_INS_LOOP, X86_INS_LOOPE, X86_INS_LOOPNE};

static bool is_jump(const cs_insn *in)
{
    return insn_in_group(in, CS_GRP_JUMP) && in->id != X86_INS_LJMP;
}

static bool is_plain(const cs_insn *in)
{
    bool known = is_jump(in);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0] && !known; i++)
        known = in->id == plain[i];
    const bool addresses = in->id == X86_INS_LEA || in->id == X86_INS_NOP; /* without access */
    for (unsigned i = 0; i < in->detail->x86.op_count && known; i++) {
        const cs_x86_op *op = &in->detail->x86.operands[i];
        bool general = op->type != X86_OP_REG ||
                       !((op->reg >= X86_REG_CR0 && op->reg <= X86_REG_DR15) || op->reg == X86_REG_CS ||
                         op->reg == X86_REG_DS || op->reg == X86_REG_ES || op->reg == X86_REG_FS ||
                         op->reg == X86_REG_GS || op->reg == X86_REG_SS);
        known = (op->type != X86_OP_MEM || addresses) && general;
    }
    return known;
}

/* Whether the next instruction uses registers alone. */
static bool next_is_plain(const struct engine *e, uint64_t address)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    const unsigned bits = e->ops->code_bits(e, 0);
    size_t n = e->ops->peek(e, 0, address, bytes, sizeof bytes);
    struct insn_decoder d = {0};
    const cs_insn *in = insn_disassemble(&d, bits, address, bytes, n);
    const bool yes = in && is_plain(in);
    insn_close(&d);
    return yes;
}

static uint64_t registers(const struct engine *e)
{
    size_t n;
    uint64_t hash = 0;
    const struct reg_desc *d = e->ops->regs(e, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 0;
        if (d[i].bits <= 64 && d[i].group != REG_FLOAT && d[i].group != REG_VECTOR &&
            !e->ops->reg_get(e, 0, i, &v))
            hash = XXH3_64bits_withSeed(&v, sizeof v, hash);
    }
    return hash;
}

uint64_t hang_limit(const struct hang *h, uint64_t icount)
{
    if (h->over)
        return UINT64_MAX;
    return h->steps ? icount + 1 : h->next > icount ? h->next : (icount / HANG_EVERY + 1) * HANG_EVERY;
}

/* The look is over. */
static void look_ends(struct hang *h, bool loop, uint64_t icount)
{
    h->looks = !loop ? 0 : h->sum == h->before ? h->looks + 1 : 1;
    h->before = loop ? h->sum : 0;
    h->steps = 0;
    h->next = (icount / HANG_EVERY + 1) * HANG_EVERY;
}

bool hang_look(struct hang *h, const struct engine *e, uint64_t address)
{
    const uint64_t icount = e->ops->icount(e);
    if (h->over || (h->steps ? icount < h->at : !icount || icount % HANG_EVERY))
        return false;
    h->over = e->ops->cpus(e) != 1;
    const uint64_t now = registers(e);
    if (!h->steps) {
        h->first = now;
        h->sum = 0;
    } else if (now == h->first) {
        look_ends(h, true, icount);
        return h->looks >= HANG_LOOKS;
    }
    bool off = !(engine_reg_value(e, 0, engine_reg_index(e, "eflags")) & FLAG_IF);
    h->sum += now;
    if (!h->over && off && h->steps < HANG_STEPS && next_is_plain(e, address))
        h->steps++;
    else
        look_ends(h, false, icount);
    h->at = icount + 1;
    return false;
}

void hang_interrupted(struct hang *h)
{
    h->looks = 0;
}
