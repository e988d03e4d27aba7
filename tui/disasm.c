/* disasm.c - see disasm.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/disasm.h"

void disasm_begin(struct disasm *d, const struct timeline *tl, unsigned cpu)
{
    *d = (struct disasm){.tl = tl, .cpu = cpu, .bits = timeline_code_bits(tl, cpu)};
    if (d->bits != 64)
        d->base = timeline_reg(tl, cpu, "cs_base");
}

void disasm_end(struct disasm *d)
{
    insn_close(&d->decoder);
}

static enum insn_kind kind_of(const cs_insn *c)
{
    if (insn_in_group(c, CS_GRP_CALL))
        return INSN_CALL;
    if (insn_in_group(c, CS_GRP_RET) || insn_in_group(c, CS_GRP_IRET))
        return INSN_RETURN;
    if (c->id == X86_INS_JMP || c->id == X86_INS_LJMP)
        return INSN_JUMP;
    if (insn_in_group(c, CS_GRP_JUMP))
        return INSN_BRANCH;
    if (insn_in_group(c, CS_GRP_INT))
        return INSN_INTERRUPT;
    if (c->detail->x86.prefix[0] == X86_PREFIX_REP || c->detail->x86.prefix[0] == X86_PREFIX_REPNE)
        return INSN_REPEAT;
    return INSN_PLAIN;
}

static void take(const struct disasm *d, const cs_insn *c, struct insn *in)
{
    const cs_x86 *x = &c->detail->x86;
    in->size = c->size;
    in->kind = kind_of(c);
    snprintf(in->mnemonic, sizeof in->mnemonic, "%s", c->mnemonic);
    snprintf(in->operands, sizeof in->operands, "%s", c->op_str);
    bool jumps = in->kind == INSN_CALL || in->kind == INSN_JUMP || in->kind == INSN_BRANCH;
    if (jumps && x->op_count == 1 && x->operands[0].type == X86_OP_IMM) {
        in->has_target = true;
        in->target = d->base + (uint64_t)x->operands[0].imm;
        if (d->bits == 16)
            in->target = d->base + ((uint64_t)x->operands[0].imm & 0xffff);
        if (d->bits != 64)
            in->target = (uint32_t)in->target;
    }
}

bool disasm_at(struct disasm *d, uint64_t linear, struct insn *in)
{
    *in = (struct insn){.linear = linear, .size = 1, .kind = INSN_BAD};
    size_t n = timeline_peek(d->tl, d->cpu, linear, in->bytes, 15);
    if (!n)
        return false;
    const cs_insn *c = insn_disassemble(&d->decoder, d->bits, linear - d->base, in->bytes, n);
    if (c)
        take(d, c, in);
    else
        snprintf(in->mnemonic, sizeof in->mnemonic, "(bad)");
    return true;
}
