/* code.c - see code.h. */
#include <capstone/capstone.h>
#include <stdlib.h>

#include "core/code.h"

struct code {
    csh handle;
    cs_insn *insn;
};

struct code *code_new(void)
{
    struct code *c = calloc(1, sizeof *c);
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &c->handle) != CS_ERR_OK) {
        free(c);
        return NULL;
    }
    cs_option(c->handle, CS_OPT_DETAIL, CS_OPT_ON);
    c->insn = cs_malloc(c->handle);
    return c;
}

void code_free(struct code *c)
{
    if (!c)
        return;
    cs_free(c->insn, 1);
    cs_close(&c->handle);
    free(c);
}

/* A call or jump by its operand. */
static bool branch(const struct code *c, struct code_site *s)
{
    const cs_x86_op *op = &c->insn->detail->x86.operands[0];
    bool call = c->insn->id == X86_INS_CALL;
    if (c->insn->detail->x86.op_count != 1 || (!call && c->insn->id != X86_INS_JMP))
        return false;
    if (op->type == X86_OP_IMM) {
        s->kind = call ? CODE_CALL : CODE_JUMP;
        s->target = (uint64_t)op->imm;
        return true;
    }
    if (!call)
        return false;
    s->kind = op->type == X86_OP_REG ? CODE_CALL_REGISTER : CODE_CALL_MEMORY;
    if (op->type == X86_OP_REG)
        s->reg = cs_reg_name(c->handle, op->reg);
    return true;
}

static bool gs_load(const struct code *c, struct code_site *s)
{
    const cs_x86 *x = &c->insn->detail->x86;
    if (x->op_count != 2 || x->operands[0].type != X86_OP_REG || x->operands[0].size != 8 ||
        x->operands[1].type != X86_OP_MEM || x->operands[1].mem.segment != X86_REG_GS ||
        x->operands[1].mem.index != X86_REG_INVALID)
        return false;
    s->kind = CODE_GS_LOAD;
    s->target = (uint64_t)x->operands[1].mem.disp;
    if (x->operands[1].mem.base == X86_REG_RIP)
        s->target += s->address + s->length;
    return x->operands[1].mem.base == X86_REG_RIP || x->operands[1].mem.base == X86_REG_INVALID;
}

static bool site(const struct code *c, struct code_site *s)
{
    *s = (struct code_site){.address = c->insn->address, .length = c->insn->size};
    switch (c->insn->id) {
    case X86_INS_RET:
        s->kind = CODE_RETURN;
        return true;
    case X86_INS_MOV:
        return gs_load(c, s);
    default:
        break;
    }
    for (unsigned i = 0; i < c->insn->detail->groups_count; i++)
        if (c->insn->detail->groups[i] == CS_GRP_JUMP || c->insn->detail->groups[i] == CS_GRP_CALL)
            return branch(c, s);
    return false;
}

void code_sites(struct code *c, const void *bytes, size_t n, uint64_t address,
                void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    const uint8_t *p = bytes;
    struct code_site s;
    while (cs_disasm_iter(c->handle, &p, &n, &address, c->insn))
        if (site(c, &s))
            fn(ctx, &s);
}
