/* code.c - see code.h. */
#include <capstone/capstone.h>
#include <stdlib.h>

#include "core/code.h"
#include "traces/memory.h"

struct code {
    csh handle;
    cs_insn *insn;
    unsigned word; /* bytes of a pointer */
};

struct code *code_new(unsigned bits)
{
    struct code *c = mem_zero(1, sizeof *c);
    c->word = bits / 8;
    if (cs_open(CS_ARCH_X86, bits == 64 ? CS_MODE_64 : CS_MODE_32, &c->handle) != CS_ERR_OK) {
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

/* A load from a fixed address: with the segment that per-cpu variables are in, or with none. */
static bool load(const struct code *c, struct code_site *s)
{
    const cs_x86 *x = &c->insn->detail->x86;
    const cs_x86_op *to = &x->operands[0], *from = &x->operands[1];
    if (x->op_count != 2 || to->type != X86_OP_REG || from->type != X86_OP_MEM ||
        from->mem.index != X86_REG_INVALID ||
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

static bool site(const struct code *c, struct code_site *s)
{
    *s = (struct code_site){.address = c->insn->address, .length = c->insn->size};
    switch (c->insn->id) {
    case X86_INS_RET:
        s->kind = CODE_RETURN;
        return true;
    case X86_INS_MOV:
        return load(c, s);
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
