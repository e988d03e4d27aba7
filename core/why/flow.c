/* flow.c - see flow.h. Values are not looked at: what is written depends on all that is read for it. */
#include "core/why/private/flow.h"

/* ---------------------------------------------------------------- registers */

/* The number of a general register of any width; FLOW_FLAGS; -1: another one. */
static int number(const struct decoded *d, unsigned reg)
{
    static const char *const names[16][5] = {
        {"rax", "eax", "ax", "al", "ah"},    {"rcx", "ecx", "cx", "cl", "ch"},
        {"rdx", "edx", "dx", "dl", "dh"},    {"rbx", "ebx", "bx", "bl", "bh"},
        {"rsp", "esp", "sp", "spl", ""},     {"rbp", "ebp", "bp", "bpl", ""},
        {"rsi", "esi", "si", "sil", ""},     {"rdi", "edi", "di", "dil", ""},
        {"r8", "r8d", "r8w", "r8b", ""},     {"r9", "r9d", "r9w", "r9b", ""},
        {"r10", "r10d", "r10w", "r10b", ""}, {"r11", "r11d", "r11w", "r11b", ""},
        {"r12", "r12d", "r12w", "r12b", ""}, {"r13", "r13d", "r13w", "r13b", ""},
        {"r14", "r14d", "r14w", "r14b", ""}, {"r15", "r15d", "r15w", "r15b", ""}};
    const char *name = insn_register_name(&d->decoder, reg);
    if (reg == X86_REG_EFLAGS)
        return FLOW_FLAGS;
    for (int i = 0; name && i < 16; i++)
        for (unsigned k = 0; k < 5; k++)
            if (!strcmp(names[i][k], name))
                return i;
    return -1;
}

/* A write of fewer than 32 bits leaves the rest. */
static bool whole(const struct decoded *d, unsigned reg)
{
    const char *name = insn_register_name(&d->decoder, reg);
    const size_t n = name ? strlen(name) : 0;
    return reg == X86_REG_EFLAGS ||
           (n && (name[0] == 'e' || (name[0] == 'r' && name[n - 1] != 'w' && name[n - 1] != 'b')));
}

/* ---------------------------------------------------------------- memory */

static uint64_t *slot(struct flow *f, uint64_t at, unsigned size)
{
    for (unsigned i = f->nslots; i--;)
        if (at < f->slot[i].at + f->slot[i].size && f->slot[i].at < at + size)
            return &f->slot[i].sources;
    return NULL;
}

static void store(struct flow *f, uint64_t at, unsigned size, uint64_t sources)
{
    uint64_t *there = slot(f, at, size);
    if (there) {
        *there = sources;
    } else if (f->nslots < FLOW_SLOTS) {
        f->slot[f->nslots].at = at;
        f->slot[f->nslots].size = size;
        f->slot[f->nslots++].sources = sources;
    }
}

/* ---------------------------------------------------------------- a step */

void flow_begin(struct flow *f, uint32_t changed)
{
    *f = (struct flow){0};
    for (unsigned i = 0; i < 16; i++)
        f->reg[i] = changed >> i & 1 ? FLOW_CARRIED : 0;
}

void flow_again(struct flow *f)
{
    f->exits = 0;
    f->left_by = 0;
}

/* xor eax, eax: the result depends on nothing. */
static bool clears(const struct decoded *d)
{
    const cs_x86 *x = &d->insn->detail->x86;
    const unsigned id = d->insn->id;
    return (id == X86_INS_XOR || id == X86_INS_SUB) && x->op_count == 2 &&
           x->operands[0].type == X86_OP_REG && x->operands[1].type == X86_OP_REG &&
           x->operands[0].reg == x->operands[1].reg;
}

static bool is_push(unsigned id)
{
    return id == X86_INS_PUSH || id == X86_INS_CALL || id == X86_INS_PUSHF || id == X86_INS_PUSHFD ||
           id == X86_INS_PUSHFQ;
}

static bool is_pop(unsigned id)
{
    return id == X86_INS_POP || id == X86_INS_POPF || id == X86_INS_POPFD || id == X86_INS_POPFQ;
}

/* What an instruction reads depends on. */
static uint64_t reads(struct flow *f, struct why_case *c, unsigned cpu, const struct decoded *d,
                      const uint64_t from[FLOW_OPERANDS], const cs_regs read, unsigned n)
{
    const cs_x86 *x = &d->insn->detail->x86;
    const unsigned id = d->insn->id;
    uint64_t sources = 0;
    for (unsigned i = 0; i < n; i++) {
        const int k = number(d, read[i]);
        /* The stack pointer is where things are, not what they are. */
        if (k >= 0 && k != 4)
            sources |= f->reg[k];
    }
    for (unsigned i = 0; i < x->op_count && i < FLOW_OPERANDS; i++) {
        const cs_x86_op *op = &x->operands[i];
        if (op->type != X86_OP_MEM || !(decoded_access(d, i) & CS_AC_READ) || id == X86_INS_LEA)
            continue;
        const uint64_t *there = slot(f, decoded_address(c->tl, d, cpu, &op->mem), op->size);
        sources |= there ? *there : from[i];
    }
    if (is_pop(id)) {
        const uint64_t *there = slot(f, view_stack(timeline_look(c->tl), cpu), 1);
        sources |= there ? *there : 0;
    }
    if (id == X86_INS_IN || id == X86_INS_INSB || id == X86_INS_INSW || id == X86_INS_INSD)
        sources |= FLOW_PORT;
    if (id == X86_INS_RDTSC || id == X86_INS_RDTSCP || id == X86_INS_RDRAND || id == X86_INS_RDSEED)
        sources |= FLOW_CLOCK;
    return clears(d) ? 0 : sources;
}

static void writes(struct flow *f, struct why_case *c, unsigned cpu, const struct decoded *d,
                   uint64_t sources, const cs_regs written, unsigned n)
{
    const cs_x86 *x = &d->insn->detail->x86;
    for (unsigned i = 0; i < n; i++) {
        const int k = number(d, written[i]);
        if (k >= 0 && k != 4)
            f->reg[k] = whole(d, written[i]) ? sources : f->reg[k] | sources;
    }
    for (unsigned i = 0; i < x->op_count && i < FLOW_OPERANDS; i++)
        if (x->operands[i].type == X86_OP_MEM && decoded_access(d, i) & CS_AC_WRITE)
            store(f, decoded_address(c->tl, d, cpu, &x->operands[i].mem), x->operands[i].size, sources);
    if (is_push(d->insn->id)) {
        const unsigned size = timeline_code_bits(c->tl, cpu) / 8;
        store(f, view_stack(timeline_look(c->tl), cpu) - size, size,
              d->insn->id == X86_INS_CALL ? 0 : sources);
    }
}

void flow_step(struct flow *f, struct why_case *c, unsigned cpu, const struct decoded *d,
               const uint64_t from[FLOW_OPERANDS], bool leaves)
{
    struct insn_registers r;
    if (!insn_registers(&d->decoder, d->insn, &r))
        return;
    const uint64_t sources = reads(f, c, cpu, d, from, r.read, r.nread);
    if (leaves) {
        f->exits++;
        f->left_by |= sources;
    }
    writes(f, c, cpu, d, sources, r.written, r.nwritten);
}
