/* operands.c - the operands of an instruction as inputs: registers, memory, immediates, what it uses without naming it, and which are
 * constants of the code. SDM volume 2: the instructions' "Operation". */
#include <stdarg.h>
#include <string.h>

#include "core/origin/private/impl.h"

/* ---------------------------------------------------------------- adding them */

static struct origin_operand *more(struct inputs *in)
{
    return in->n < ORIGIN_OPERANDS_MAX ? &in->operand[in->n++] : NULL;
}

static unsigned at_most(unsigned n)
{
    return n < ORIGIN_BYTES ? n : ORIGIN_BYTES;
}

void input_register(struct origin *o, const struct moment *m, struct inputs *in, int reg, unsigned low,
                    unsigned n)
{
    struct origin_operand *p = reg >= 0 ? more(in) : NULL;
    if (!p)
        return;
    const unsigned size = (o->regs[reg].bits + 7u) / 8u;
    n = at_most(low + n > size ? size - low : n);
    *p = (struct origin_operand){.kind = ORIGIN_REGISTER,
                                 .place = {.cpu = m->cpu, .reg = (size_t)reg, .low = low, .length = n},
                                 .length = n};
    memcpy(p->value, m->before[reg] + low, n);
    if (low)
        snprintf(p->name, sizeof p->name, "%s[%u]", o->regs[reg].name, low);
    else
        snprintf(p->name, sizeof p->name, "%s", o->regs[reg].name);
}

void input_memory(struct origin *o, const struct moment *m, struct inputs *in, uint64_t linear, unsigned n,
                  const uint8_t *value)
{
    struct origin_operand *p = more(in);
    (void)o;
    if (!p)
        return;
    *p = (struct origin_operand){
        .kind = ORIGIN_MEMORY,
        .place = {.memory = true, .cpu = m->cpu, .linear = linear, .length = at_most(n)},
        .length = at_most(n)};
    memcpy(p->value, value, p->length);
    snprintf(p->name, sizeof p->name, "[0x%llx]", (unsigned long long)linear);
}

void input_immediate(struct inputs *in, uint64_t value, unsigned n)
{
    struct origin_operand *p = more(in);
    if (!p)
        return;
    *p = (struct origin_operand){.kind = ORIGIN_IMMEDIATE, .length = n < 8 ? n : 8, .constant = true};
    memcpy(p->value, &value, p->length);
    snprintf(p->name, sizeof p->name, "0x%llx",
             (unsigned long long)(n < 8 ? value & ((1ull << 8 * n) - 1) : value));
}

void inputs_end(struct inputs *in, enum origin_source source, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(in->what, sizeof in->what, fmt, ap);
    va_end(ap);
    in->how = ORIGIN_ENDS;
    in->source = source;
    in->follows = -1;
}

/* ---------------------------------------------------------------- which bytes */

long inputs_cut(struct inputs *in, const struct target *t, uint64_t from, uint64_t n)
{
    const uint64_t start = t->memory ? t->linear : t->low, end = start + t->n;
    const uint64_t a = from > start ? from : start, b = from + n < end ? from + n : end;
    if (a >= b)
        return -1;
    in->first = (unsigned)(a - start);
    in->length = (unsigned)(b - a);
    return (long)(a - from);
}

int written_operand(const struct origin *o, const struct moment *m, const struct target *t, uint64_t *at,
                    unsigned *n)
{
    const cs_x86 *x = &o->insn->detail->x86;
    for (int i = 0; i < x->op_count && i < 8; i++) {
        const cs_x86_op *op = &x->operands[i];
        if (t->memory && op->type == X86_OP_MEM && m->mem[i].linear < t->linear + t->n &&
            t->linear < m->mem[i].linear + m->mem[i].n && (op->access != CS_AC_READ || i == 0)) {
            *at = m->mem[i].linear;
            *n = m->mem[i].n;
            return i;
        }
        const struct reg_part p =
            op->type == X86_OP_REG ? decode_part(o, op->reg) : (struct reg_part){-1, 0, 0};
        if (!t->memory && p.reg >= 0 && p.reg == t->reg && (op->access & CS_AC_WRITE || i == 0)) {
            *at = p.low;
            *n = p.n == 4 && m->bits == 64 && o->regs[p.reg].bits == 64 ? 8 : p.n;
            return i;
        }
    }
    return -1;
}

/* Which of its bytes an operand can have an effect on those from k on: all of a carry's, for most. */
static bool by_bytes(unsigned id)
{
    static const unsigned ids[] = {X86_INS_AND,   X86_INS_OR,   X86_INS_XOR,   X86_INS_NOT,   X86_INS_ANDN,
                                   X86_INS_PAND,  X86_INS_POR,  X86_INS_PXOR,  X86_INS_PANDN, X86_INS_ANDPS,
                                   X86_INS_ANDPD, X86_INS_ORPS, X86_INS_ORPD,  X86_INS_XORPS, X86_INS_XORPD,
                                   X86_INS_VPAND, X86_INS_VPOR, X86_INS_VPXOR, X86_INS_VXORPS};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (ids[i] == id)
            return true;
    return false;
}

void copy_from_operand(struct origin *o, const struct moment *m, struct inputs *in, unsigned operand,
                       unsigned at, unsigned size)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[operand];
    in->how = ORIGIN_COPIES;
    if (at >= size) {
        inputs_end(in, ORIGIN_CONSTANT, "0: the upper part is cleared");
        return;
    }
    if (in->length > size - at)
        in->length = size - at;
    in->follows = 0;
    if (op->type == X86_OP_REG) {
        const struct reg_part p = decode_part(o, op->reg);
        if (p.reg < 0) {
            inputs_end(in, ORIGIN_LOST, "register %s is not followed",
                       insn_register_name(&o->decoder, op->reg));
            return;
        }
        input_register(o, m, in, p.reg, p.low + at, in->length);
    } else if (op->type == X86_OP_IMM) {
        input_immediate(in, (uint64_t)op->imm >> 8 * (at < 8 ? at : 7), in->length);
        inputs_end(in, ORIGIN_CONSTANT, "immediate 0x%llx", (unsigned long long)op->imm);
    } else if (m->mem[operand].there) {
        input_memory(o, m, in, m->mem[operand].linear + at, in->length, m->mem[operand].value + at);
    } else {
        in->access = true;
        in->address = m->mem[operand].linear;
        in->size = m->mem[operand].n;
        inputs_end(in, ORIGIN_PORT, "read from a device");
    }
}

/* ---------------------------------------------------------------- computations */

void input_operand(struct origin *o, const struct moment *m, struct inputs *in, unsigned i, unsigned k)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[i];
    const bool bytes = by_bytes(o->insn->id);
    const struct reg_part p = op->type == X86_OP_REG ? decode_part(o, op->reg) : (struct reg_part){-1, 0, 0};
    if (op->type == X86_OP_IMM)
        input_immediate(in, (uint64_t)op->imm, op->size ? op->size : 4);
    else if (p.reg >= 0)
        input_register(o, m, in, p.reg, p.low + (bytes && k < p.n ? k : 0), bytes ? in->length : p.n);
    else if (op->type == X86_OP_MEM && m->mem[i].there)
        input_memory(o, m, in, m->mem[i].linear + (bytes && k < m->mem[i].n ? k : 0),
                     bytes ? in->length : m->mem[i].n, m->mem[i].value + (bytes ? k : 0));
}

static void add_address(struct origin *o, const struct moment *m, struct inputs *in, const cs_x86_op *op)
{
    const struct reg_part b = decode_part(o, op->mem.base), x = decode_part(o, op->mem.index);
    if (b.reg >= 0 && b.reg != o->rip)
        input_register(o, m, in, b.reg, b.low, b.n);
    if (x.reg >= 0)
        input_register(o, m, in, x.reg, x.low, x.n);
    if (op->mem.disp || b.reg == o->rip)
        input_immediate(in, (uint64_t)op->mem.disp + (b.reg == o->rip ? m->ip + m->length : 0), 8);
}

/* Whether flags are among what an instruction computes with. */
static bool takes_flags(unsigned id)
{
    switch (id) {
    case X86_INS_ADC:
    case X86_INS_SBB:
    case X86_INS_RCL:
    case X86_INS_RCR:
    case X86_INS_ADCX:
    case X86_INS_ADOX:
    case X86_INS_LAHF:
    case X86_INS_SALC:
        return true;
    default:
        return id >= X86_INS_SETAE && id <= X86_INS_SETS;
    }
}

static bool has_register(const struct inputs *in, int reg)
{
    for (unsigned i = 0; i < in->n; i++)
        if (in->operand[i].kind == ORIGIN_REGISTER && (int)in->operand[i].place.reg == reg)
            return true;
    return false;
}

static void add_implied(struct origin *o, const struct moment *m, struct inputs *in)
{
    const cs_detail *d = o->insn->detail;
    for (unsigned i = 0; i < d->regs_read_count; i++) {
        const struct reg_part p = decode_part(o, d->regs_read[i]);
        if (p.reg >= 0 && p.reg != o->eflags && p.reg != o->rip && !has_register(in, p.reg))
            input_register(o, m, in, p.reg, p.low, p.n);
    }
    if (takes_flags(o->insn->id))
        input_register(o, m, in, o->eflags, 0, 4);
}

void inputs_of_computation(struct origin *o, const struct moment *m, struct inputs *in, unsigned k)
{
    const cs_x86 *x = &o->insn->detail->x86;
    in->how = ORIGIN_COMPUTES;
    for (unsigned i = 0; i < x->op_count && i < 8; i++) {
        const cs_x86_op *op = &x->operands[i];
        if (o->insn->id == X86_INS_LEA) {
            if (op->type == X86_OP_MEM)
                add_address(o, m, in, op);
        } else if (op->access & CS_AC_READ || op->type == X86_OP_IMM || (!op->access && i)) {
            input_operand(o, m, in, i, k);
        }
    }
    if (o->insn->id != X86_INS_LEA)
        add_implied(o, m, in);
}

static bool same_registers(const struct origin *o)
{
    const cs_x86 *x = &o->insn->detail->x86;
    const unsigned last = x->op_count ? x->op_count - 1u : 0;
    return last && x->operands[last].type == X86_OP_REG && x->operands[last - 1].type == X86_OP_REG &&
           x->operands[last].reg == x->operands[last - 1].reg;
}

/* Results that do not depend on the operands' values. */
bool inputs_constant(struct origin *o, struct inputs *in, unsigned k)
{
    const cs_x86 *x = &o->insn->detail->x86;
    switch (o->insn->id) {
    case X86_INS_XOR:
    case X86_INS_SUB:
    case X86_INS_PXOR:
    case X86_INS_VPXOR:
    case X86_INS_XORPS:
    case X86_INS_XORPD:
    case X86_INS_VXORPS:
    case X86_INS_PSUBB:
    case X86_INS_PSUBD:
    case X86_INS_PSUBQ:
        if (same_registers(o))
            inputs_end(in, ORIGIN_CONSTANT, "0: of a register and itself");
        return same_registers(o);
    case X86_INS_PCMPEQB:
    case X86_INS_PCMPEQD:
    case X86_INS_PCMPEQW:
        if (same_registers(o))
            inputs_end(in, ORIGIN_CONSTANT, "all ones: a register compared with itself");
        return same_registers(o);
    case X86_INS_AND:
    case X86_INS_OR: {
        const uint64_t none = o->insn->id == X86_INS_OR ? UINT64_MAX : 0;
        if (x->op_count != 2 || x->operands[1].type != X86_OP_IMM || k >= 8)
            return false;
        for (unsigned i = k; i < k + in->length; i++)
            if ((uint8_t)((uint64_t)x->operands[1].imm >> 8 * (i < 8 ? i : 7)) != (uint8_t)none)
                return false;
        inputs_end(in, ORIGIN_CONSTANT, "immediate 0x%llx", (unsigned long long)x->operands[1].imm);
        return true;
    }
    default:
        return false;
    }
}
