/* disasm.c - see disasm.h. */
#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/disasm.h"

void disasm_begin(struct disasm *d, const struct timeline *tl, unsigned cpu)
{
    csh handle;
    *d = (struct disasm){.tl = tl, .cpu = cpu, .bits = timeline_code_bits(tl, cpu)};
    if (d->bits != 64)
        d->base = timeline_reg(tl, cpu, "cs_base");
    if (cs_open(CS_ARCH_X86,
                d->bits == 64   ? CS_MODE_64
                : d->bits == 32 ? CS_MODE_32
                                : CS_MODE_16,
                &handle) != CS_ERR_OK)
        return;
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    d->handle = handle;
}

void disasm_end(struct disasm *d)
{
    csh handle = d->handle;
    if (handle)
        cs_close(&handle);
    d->handle = 0;
}

static enum insn_kind kind_of(csh h, const cs_insn *c)
{
    if (cs_insn_group(h, c, CS_GRP_CALL))
        return INSN_CALL;
    if (cs_insn_group(h, c, CS_GRP_RET) || cs_insn_group(h, c, CS_GRP_IRET))
        return INSN_RETURN;
    if (c->id == X86_INS_JMP || c->id == X86_INS_LJMP)
        return INSN_JUMP;
    if (cs_insn_group(h, c, CS_GRP_JUMP))
        return INSN_BRANCH;
    if (cs_insn_group(h, c, CS_GRP_INT))
        return INSN_INTERRUPT;
    if (c->detail->x86.prefix[0] == X86_PREFIX_REP || c->detail->x86.prefix[0] == X86_PREFIX_REPNE)
        return INSN_REPEAT;
    return INSN_PLAIN;
}

static void take(const struct disasm *d, const cs_insn *c, struct insn *in)
{
    const cs_x86 *x = &c->detail->x86;
    in->size = c->size;
    in->kind = kind_of(d->handle, c);
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

bool disasm_at(const struct disasm *d, uint64_t linear, struct insn *in)
{
    cs_insn *c;
    *in = (struct insn){.linear = linear, .size = 1, .kind = INSN_BAD};
    size_t n = timeline_peek(d->tl, d->cpu, linear, in->bytes, 15);
    if (!n)
        return false;
    if (d->handle && cs_disasm(d->handle, in->bytes, n, linear - d->base, 1, &c) == 1) {
        take(d, c, in);
        cs_free(c, 1);
    } else {
        snprintf(in->mnemonic, sizeof in->mnemonic, "(bad)");
    }
    return true;
}
