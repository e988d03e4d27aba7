/* inputs.c - what the bytes that a step wrote are made of: a row for each kind of instruction. SDM volume 2: the instructions'
 * "Operation". */
#include <string.h>

#include "core/origin/private/impl.h"

/* ---------------------------------------------------------------- the stack */

/* Bytes of the stack from `offset` above its top on. */
static void copy_from_stack(struct origin *o, const struct moment *m, struct inputs *in, unsigned offset,
                            unsigned k)
{
    in->how = ORIGIN_COPIES;
    in->follows = 0;
    input_memory(o, m, in, m->sp + offset + k, in->length,
                 offset + k + in->length <= STACK_BYTES ? m->stack + offset + k : m->stack);
}

static void copy_from_register(struct origin *o, const struct moment *m, struct inputs *in, int reg,
                               unsigned k)
{
    const unsigned size = (o->regs[reg].bits + 7u) / 8u;
    in->how = ORIGIN_COPIES;
    if (k >= size) {
        inputs_end(in, ORIGIN_CONSTANT, "0: the register is shorter");
        return;
    }
    if (in->length > size - k)
        in->length = size - k;
    in->follows = 0;
    input_register(o, m, in, reg, k, in->length);
}

static bool is_reg(const struct target *t, int reg)
{
    return !t->memory && reg >= 0 && t->reg == reg;
}

static bool moves_stack(const struct origin *o, const struct target *t)
{
    return is_reg(t, o->gpr[RSP]);
}

/* The stack pointer counts itself. */
static void count_stack(struct origin *o, const struct moment *m, struct inputs *in)
{
    in->how = ORIGIN_COMPUTES;
    input_register(o, m, in, o->gpr[RSP], 0, 8);
    input_immediate(in, m->sp_after - m->sp, 8);
}

static void inputs_of_push(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const unsigned id = o->insn->id, n = (unsigned)(m->sp - m->sp_after);
    static const unsigned all[8] = {RDI, RSI, RBP, RSP, RBX, RDX, RCX, RAX};
    if (moves_stack(o, t)) {
        count_stack(o, m, in);
        return;
    }
    const long k = inputs_cut(in, t, m->sp_after, n);
    if (k < 0) {
        inputs_end(in, ORIGIN_LOST, "not what this pushes");
    } else if (id == X86_INS_PUSHF || id == X86_INS_PUSHFD || id == X86_INS_PUSHFQ) {
        copy_from_register(o, m, in, o->eflags, (unsigned)k);
    } else if (id == X86_INS_PUSHAW || id == X86_INS_PUSHAL) {
        const unsigned each = n / 8;
        if ((unsigned)k % each + in->length > each)
            in->length = each - (unsigned)k % each;
        copy_from_register(o, m, in, o->gpr[all[(unsigned)k / each]], (unsigned)k % each);
    } else {
        const cs_x86_op *op = &o->insn->detail->x86.operands[0];
        const struct reg_part p =
            op->type == X86_OP_REG ? decode_part(o, op->reg) : (struct reg_part){0, 0, 8};
        copy_from_operand(o, m, in, 0, (unsigned)k,
                          op->type == X86_OP_MEM   ? m->mem[0].n
                          : op->type == X86_OP_IMM ? n
                                                   : p.n);
    }
}

static void inputs_of_pop(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in)
{
    const unsigned id = o->insn->id, n = (unsigned)(m->sp_after - m->sp);
    static const unsigned all[8] = {RDI, RSI, RBP, RSP, RBX, RDX, RCX, RAX};
    uint64_t at;
    unsigned size;
    const int op = written_operand(o, m, t, &at, &size);
    if (id == X86_INS_POPF || id == X86_INS_POPFD || id == X86_INS_POPFQ) {
        if (is_reg(t, o->eflags))
            copy_from_stack(o, m, in, 0, t->low);
        else
            count_stack(o, m, in);
    } else if (id == X86_INS_POPAW || id == X86_INS_POPAL) {
        const unsigned each = n / 8;
        for (unsigned i = 0; i < 8 && !in->n; i++)
            if (is_reg(t, o->gpr[all[i]]) && i != 3 && inputs_cut(in, t, 0, each) >= 0)
                copy_from_stack(o, m, in, i * each, t->low);
        if (!in->n)
            count_stack(o, m, in);
    } else if (op >= 0 && !(moves_stack(o, t) && o->insn->detail->x86.operands[0].type != X86_OP_REG)) {
        const long k = inputs_cut(in, t, at, size);
        copy_from_stack(o, m, in, 0, (unsigned)(k < 0 ? 0 : k));
    } else {
        count_stack(o, m, in);
    }
}

static void inputs_of_call(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[0];
    if (moves_stack(o, t)) {
        count_stack(o, m, in);
    } else if (is_reg(t, o->rip)) {
        in->how = ORIGIN_COPIES;
        if (op->type == X86_OP_IMM)
            inputs_end(in, ORIGIN_CONSTANT, "target of the call");
        else
            copy_from_operand(o, m, in, 0, t->low, op->size);
    } else {
        inputs_end(in, ORIGIN_PROCESSOR, "return address 0x%llx", (unsigned long long)(m->ip + m->length));
    }
}

/* RET and IRET. */
static void inputs_of_return(struct origin *o, const struct moment *m, const struct target *t,
                             struct inputs *in)
{
    const unsigned id = o->insn->id, word = id == X86_INS_IRETQ   ? 8
                                            : id == X86_INS_IRETD ? 4
                                            : id == X86_INS_IRET  ? 2
                                                                  : m->bits / 8;
    const int reg[5] = {o->rip, decode_named(o, "cs").reg, o->eflags, o->gpr[RSP], decode_named(o, "ss").reg};
    const bool interrupt = id == X86_INS_IRET || id == X86_INS_IRETD || id == X86_INS_IRETQ;
    for (unsigned i = 0; i < 5; i++) {
        const bool popped = !i || (i == 1 && id != X86_INS_RET) || interrupt;
        if (!is_reg(t, reg[i]) || !popped || inputs_cut(in, t, 0, word) < 0)
            continue;
        copy_from_stack(o, m, in, i * word, t->low);
        return;
    }
    count_stack(o, m, in);
}

static void inputs_of_leave(struct origin *o, const struct moment *m, const struct target *t,
                            struct inputs *in)
{
    uint8_t value[16] = {0};
    const uint64_t rbp = moment_gpr(o, m, RBP);
    if (moves_stack(o, t)) {
        in->how = ORIGIN_COMPUTES;
        input_register(o, m, in, o->gpr[RBP], 0, 8);
        input_immediate(in, m->bits / 8, 8);
        return;
    }
    const uint64_t at = m->bits == 64 ? rbp : (uint32_t)(rbp + moment_reg(o, m, o->ss_base));
    memcpy(value, m->after[o->gpr[RBP]] + t->low, t->n);
    in->how = ORIGIN_COPIES;
    in->follows = 0;
    input_memory(o, m, in, at + t->low, t->n, value);
}

/* ---------------------------------------------------------------- strings */

/* MOVS, LODS, STOS, INS; capstone gives the operands of this iteration. */
static void inputs_of_string(struct origin *o, const struct moment *m, const struct target *t,
                             struct inputs *in)
{
    uint64_t at;
    unsigned n;
    const int op = written_operand(o, m, t, &at, &n);
    const long k = op == 0 ? inputs_cut(in, t, at, n) : -1;
    const cs_x86 *x = &o->insn->detail->x86;
    if (k < 0) { /* a counter or an index */
        in->how = ORIGIN_COMPUTES;
        input_register(o, m, in, t->reg, 0, 8);
        return;
    }
    if (o->insn->id == X86_INS_INSB || o->insn->id == X86_INS_INSW || o->insn->id == X86_INS_INSD) {
        in->access = in->port = true;
        in->address = moment_gpr(o, m, RDX) & 0xffff;
        in->size = n;
        inputs_end(in, ORIGIN_PORT, "read from a port");
        return;
    }
    copy_from_operand(o, m, in, 1, (unsigned)k, x->operands[1].size);
}

static void inputs_of_in(struct origin *o, const struct moment *m, struct inputs *in)
{
    const cs_x86_op *op = &o->insn->detail->x86.operands[1];
    in->access = in->port = true;
    in->address = op->type == X86_OP_IMM ? (uint64_t)op->imm & 0xff : moment_gpr(o, m, RDX) & 0xffff;
    in->size = o->insn->detail->x86.operands[0].size;
    inputs_end(in, ORIGIN_PORT, "read from a port");
}

/* ---------------------------------------------------------------- exchanges */

static void inputs_of_exchange(struct origin *o, const struct moment *m, const struct target *t,
                               struct inputs *in)
{
    uint64_t at;
    unsigned n;
    const unsigned id = o->insn->id;
    const int op = written_operand(o, m, t, &at, &n);
    const long k = op >= 0 ? inputs_cut(in, t, at, n) : -1;
    const cs_x86 *x = &o->insn->detail->x86;
    const bool equal = m->after[o->eflags][0] & 0x40; /* ZF */
    if (id == X86_INS_CMPXCHG && op != 0) {           /* the accumulator, which took the old value */
        if (inputs_cut(in, t, 0, 8) < 0 || equal)
            in->same = true;
        else
            copy_from_operand(o, m, in, 0, t->low, x->operands[0].size);
    } else if (op < 0 || k < 0) {
        inputs_of_computation(o, m, in, 0);
    } else if (id == X86_INS_CMPXCHG && !equal) {
        in->same = true;
    } else if (id == X86_INS_XADD && op == 0) {
        inputs_of_computation(o, m, in, (unsigned)k);
    } else {
        copy_from_operand(o, m, in, op ? 0 : 1, (unsigned)k, x->operands[op ? 0 : 1].size);
    }
}

/* CMPXCHG8B and CMPXCHG16B. */
static void inputs_of_wide_exchange(struct origin *o, const struct moment *m, const struct target *t,
                                    struct inputs *in)
{
    const bool equal = m->after[o->eflags][0] & 0x40;
    const unsigned half = o->insn->id == X86_INS_CMPXCHG16B ? 8 : 4;
    if (t->memory) {
        const long k = inputs_cut(in, t, m->mem[0].linear, 2 * half);
        if (!equal || k < 0) {
            in->same = true;
            return;
        }
        if ((unsigned)k < half && (unsigned)k + in->length > half)
            in->length = half - (unsigned)k;
        copy_from_register(o, m, in, o->gpr[(unsigned)k < half ? RBX : RCX], (unsigned)k % half);
    } else if (equal || (!is_reg(t, o->gpr[RAX]) && !is_reg(t, o->gpr[RDX]))) {
        if (is_reg(t, o->eflags))
            inputs_of_computation(o, m, in, 0);
        else
            in->same = true;
    } else {
        const unsigned at = is_reg(t, o->gpr[RDX]) ? half : 0;
        if (inputs_cut(in, t, 0, half) < 0)
            inputs_end(in, ORIGIN_CONSTANT, "0: the upper part is cleared");
        else
            copy_from_operand(o, m, in, 0, at + t->low, 2 * half);
    }
}

/* ---------------------------------------------------------------- conditions */

static bool condition(unsigned code, uint64_t f)
{
    const bool cf = f & 1, pf = f & 4, zf = f & 0x40, sf = f & 0x80, of = f & 0x800;
    const bool base[8] = {of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of};
    return base[code >> 1 & 7] != (code & 1);
}

static void inputs_of_cmov(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    uint64_t at;
    unsigned n;
    const int op = written_operand(o, m, t, &at, &n);
    const long k = op == 0 ? inputs_cut(in, t, at, n) : -1;
    const bool taken = condition(o->insn->detail->x86.opcode[1], moment_reg(o, m, o->eflags));
    if (k < 0)
        in->same = true;
    else
        copy_from_operand(o, m, in, taken ? 1 : 0, (unsigned)k, o->insn->detail->x86.operands[1].size);
}

/* ---------------------------------------------------------------- special registers */

static void inputs_of_msr_write(struct origin *o, const struct moment *m, const struct target *t,
                                struct inputs *in)
{
    if (t->low < 4 && in->length > 4 - t->low)
        in->length = 4 - t->low;
    copy_from_register(o, m, in, o->gpr[t->low < 4 ? RAX : RDX], t->low % 4);
}

/* SYSCALL keeps where it was called, and the flags. */
static void inputs_of_syscall(struct origin *o, const struct moment *m, const struct target *t,
                              struct inputs *in)
{
    if (is_reg(t, o->gpr[RCX]))
        inputs_end(in, ORIGIN_PROCESSOR, "return address 0x%llx", (unsigned long long)(m->ip + m->length));
    else if (is_reg(t, o->gpr[11]))
        copy_from_register(o, m, in, o->eflags, t->low);
    else
        inputs_end(in, ORIGIN_PROCESSOR, "entry of a system call: as the MSRs say");
}

static void inputs_of_swapgs(struct origin *o, const struct moment *m, const struct target *t,
                             struct inputs *in)
{
    const int gs = decode_named(o, "gs_base").reg, other = decode_named(o, "k_gs_base").reg;
    copy_from_register(o, m, in, is_reg(t, gs) ? other : gs, t->low);
}

/* What a processor says of itself. */
static bool inputs_of_processor(struct origin *o, const struct moment *m, const struct target *t,
                                struct inputs *in)
{
    const uint64_t rax = moment_gpr(o, m, RAX), rcx = moment_gpr(o, m, RCX);
    char name[24];
    switch (o->insn->id) {
    case X86_INS_CPUID:
        inputs_end(in, ORIGIN_PROCESSOR, "CPUID leaf 0x%x, subleaf 0x%x: %s", (unsigned)rax, (unsigned)rcx,
                   t->memory ? "" : o->regs[t->reg].name);
        return true;
    case X86_INS_RDTSC:
    case X86_INS_RDTSCP:
        inputs_end(in, ORIGIN_PROCESSOR, "time stamp counter");
        return true;
    case X86_INS_RDRAND:
    case X86_INS_RDSEED:
        inputs_end(in, ORIGIN_PROCESSOR, "random number");
        return true;
    case X86_INS_RDPMC:
        inputs_end(in, ORIGIN_PROCESSOR, "performance counter 0x%x", (unsigned)rcx);
        return true;
    case X86_INS_XGETBV:
        inputs_end(in, ORIGIN_PROCESSOR, "extended control register %u", (unsigned)rcx);
        return true;
    case X86_INS_RDMSR:
        snprintf(name, sizeof name, "0x%x", (unsigned)rcx);
        inputs_end(in, ORIGIN_PROCESSOR, "MSR %s", name);
        return true;
    case X86_INS_SGDT:
    case X86_INS_SIDT:
    case X86_INS_SLDT:
    case X86_INS_STR:
    case X86_INS_SMSW:
        inputs_end(in, ORIGIN_PROCESSOR, "register of the processor that %s stores", o->insn->mnemonic);
        return true;
    case X86_INS_RSM:
        inputs_end(in, ORIGIN_LOST, "RSM loads it from the saved state of SMM, which is not followed");
        return true;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- deliveries */

/* What the delivery of an interrupt or exception puts on the stack (SDM volume 3, 6.12.1, 6.14.2): from the top up, an error code for
 * some, the instruction's address, CS, the flags, and in 64-bit mode or from another ring the stack pointer and SS. */
static void inputs_of_delivery(struct origin *o, const struct moment *m, const struct target *t,
                               struct inputs *in)
{
    const unsigned word = m->next > UINT32_MAX || m->bits == 64 ? 8 : m->bits / 8;
    const int reg[5] = {o->rip, decode_named(o, "cs").reg, o->eflags, o->gpr[RSP], decode_named(o, "ss").reg};
    const char *const slot[5] = {"address of the instruction", "CS", "flags", "stack pointer", "SS"};
    if (!t->memory) {
        if (is_reg(t, o->rip))
            inputs_end(in, ORIGIN_PROCESSOR, "handler of an interrupt or exception, as the IDT says");
        else if (moves_stack(o, t) && m->sp - m->sp_after < 256)
            count_stack(o, m, in);
        else
            inputs_end(in, ORIGIN_PROCESSOR, "delivery of an interrupt or exception");
        return;
    }
    uint64_t top = 0, at = t->linear - m->sp_after;
    timeline_peek(o->tl, m->cpu, m->sp_after, &top, word);
    const uint64_t ip = word == 8 ? m->ip : m->ip & ((1ull << 8 * word) - 1);
    const bool code = top != ip && top != ip + m->length;
    if (code && at < word) {
        inputs_end(in, ORIGIN_PROCESSOR, "error code of an exception");
        return;
    }
    at -= code ? word : 0;
    if (at / word >= 5) {
        inputs_end(in, ORIGIN_LOST, "written by the delivery of an interrupt or exception");
    } else if (at / word == 0) {
        inputs_cut(in, t, t->linear, word - at % word);
        inputs_end(in, ORIGIN_PROCESSOR, "%s 0x%llx, which was interrupted", slot[0],
                   (unsigned long long)m->ip);
    } else {
        inputs_cut(in, t, t->linear, word - at % word);
        copy_from_register(o, m, in, reg[at / word], (unsigned)(at % word));
    }
}

/* ---------------------------------------------------------------- all of them */

static bool copies(unsigned id)
{
    static const unsigned ids[] = {X86_INS_MOV,      X86_INS_MOVABS,   X86_INS_MOVZX,    X86_INS_MOVNTI,
                                   X86_INS_RDFSBASE, X86_INS_RDGSBASE, X86_INS_WRFSBASE, X86_INS_WRGSBASE};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void inputs_of_move(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const unsigned id = o->insn->id;
    const cs_x86 *x = &o->insn->detail->x86;
    uint64_t at;
    unsigned n;
    if (x->op_count == 1) { /* RDFSBASE and the like */
        const char *base = id == X86_INS_RDFSBASE || id == X86_INS_WRFSBASE ? "fs_base" : "gs_base";
        if (id == X86_INS_WRFSBASE || id == X86_INS_WRGSBASE)
            copy_from_operand(o, m, in, 0, t->low, x->operands[0].size);
        else
            copy_from_register(o, m, in, decode_named(o, base).reg, t->low);
        return;
    }
    const int op = written_operand(o, m, t, &at, &n);
    const long k = op == 0 ? inputs_cut(in, t, at, n) : -1;
    unsigned size = x->operands[1].size;
    const struct reg_part source =
        x->operands[1].type == X86_OP_REG ? decode_part(o, x->operands[1].reg) : (struct reg_part){-1, 0, 0};
    if (source.reg >= 0 && source.n < size)
        size = source.n;
    if (x->operands[1].type == X86_OP_IMM && x->operands[0].size == 8)
        size = 8; /* sign-extended */
    if (k < 0)    /* the base of a segment that was loaded, or the like */
        inputs_of_computation(o, m, in, 0);
    else
        copy_from_operand(o, m, in, 1, (unsigned)k, size);
}

/* MOVSX, CBW and the like: what lies above the source's bytes is the sign of the highest. */
static void inputs_of_sign(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const cs_x86 *x = &o->insn->detail->x86;
    const unsigned id = o->insn->id;
    unsigned size = x->op_count == 2                         ? x->operands[1].size
                    : id == X86_INS_CBW || id == X86_INS_CWD ? 1
                    : id == X86_INS_CWDE                     ? 2
                                                             : 4;
    const bool to_rdx = id == X86_INS_CWD || id == X86_INS_CDQ || id == X86_INS_CQO;
    uint64_t at = 0;
    unsigned n = 8;
    if (x->op_count == 2)
        written_operand(o, m, t, &at, &n);
    long k = inputs_cut(in, t, at, n);
    if (to_rdx)
        size = id == X86_INS_CWD ? 2 : id == X86_INS_CDQ ? 4 : 8;
    if (k >= 0 && (unsigned)k < size && !to_rdx) {
        if (x->op_count == 2) {
            copy_from_operand(o, m, in, 1, (unsigned)k, size);
        } else {
            in->length = in->length > size - (unsigned)k ? size - (unsigned)k : in->length;
            copy_from_register(o, m, in, o->gpr[RAX], (unsigned)k);
        }
        return;
    }
    in->how = ORIGIN_COMPUTES;
    if (x->op_count == 2)
        input_operand(o, m, in, 1, 0);
    else
        input_register(o, m, in, o->gpr[RAX], size - 1, 1);
}

static void inputs_of_swap(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const cs_x86 *x = &o->insn->detail->x86;
    const unsigned source = x->op_count == 2 ? 1 : 0, n = x->operands[0].size;
    uint64_t at;
    unsigned size;
    const long k = written_operand(o, m, t, &at, &size) == 0 ? inputs_cut(in, t, at, n) : -1;
    if (k < 0) {
        inputs_end(in, ORIGIN_CONSTANT, "0: the upper part is cleared");
        return;
    }
    const unsigned from = n - (unsigned)k - in->length;
    const struct reg_part p = x->operands[source].type == X86_OP_REG ? decode_part(o, x->operands[source].reg)
                                                                     : (struct reg_part){-1, 0, 0};
    in->how = ORIGIN_COMPUTES;
    if (p.reg >= 0)
        input_register(o, m, in, p.reg, p.low + from, in->length);
    else if (m->mem[source].there)
        input_memory(o, m, in, m->mem[source].linear + from, in->length, m->mem[source].value + from);
}

typedef void inputs_fn(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in);
static const struct {
    unsigned id;
    inputs_fn *fn;
} table[] = {
    {X86_INS_PUSH, inputs_of_push},
    {X86_INS_PUSHAW, inputs_of_push},
    {X86_INS_PUSHAL, inputs_of_push},
    {X86_INS_PUSHF, inputs_of_push},
    {X86_INS_PUSHFD, inputs_of_push},
    {X86_INS_PUSHFQ, inputs_of_push},
    {X86_INS_POP, inputs_of_pop},
    {X86_INS_POPAW, inputs_of_pop},
    {X86_INS_POPAL, inputs_of_pop},
    {X86_INS_POPF, inputs_of_pop},
    {X86_INS_POPFD, inputs_of_pop},
    {X86_INS_POPFQ, inputs_of_pop},
    {X86_INS_CALL, inputs_of_call},
    {X86_INS_LCALL, inputs_of_call},
    {X86_INS_RET, inputs_of_return},
    {X86_INS_RETF, inputs_of_return},
    {X86_INS_IRET, inputs_of_return},
    {X86_INS_IRETD, inputs_of_return},
    {X86_INS_IRETQ, inputs_of_return},
    {X86_INS_LEAVE, inputs_of_leave},
    {X86_INS_MOVSB, inputs_of_string},
    {X86_INS_MOVSW, inputs_of_string},
    {X86_INS_MOVSQ, inputs_of_string},
    {X86_INS_LODSB, inputs_of_string},
    {X86_INS_LODSW, inputs_of_string},
    {X86_INS_LODSD, inputs_of_string},
    {X86_INS_LODSQ, inputs_of_string},
    {X86_INS_STOSB, inputs_of_string},
    {X86_INS_STOSW, inputs_of_string},
    {X86_INS_STOSD, inputs_of_string},
    {X86_INS_STOSQ, inputs_of_string},
    {X86_INS_INSB, inputs_of_string},
    {X86_INS_INSW, inputs_of_string},
    {X86_INS_INSD, inputs_of_string},
    {X86_INS_XCHG, inputs_of_exchange},
    {X86_INS_XADD, inputs_of_exchange},
    {X86_INS_CMPXCHG, inputs_of_exchange},
    {X86_INS_CMPXCHG8B, inputs_of_wide_exchange},
    {X86_INS_CMPXCHG16B, inputs_of_wide_exchange},
    {X86_INS_WRMSR, inputs_of_msr_write},
    {X86_INS_SYSCALL, inputs_of_syscall},
    {X86_INS_SWAPGS, inputs_of_swapgs},
    {X86_INS_MOVSX, inputs_of_sign},
    {X86_INS_MOVSXD, inputs_of_sign},
    {X86_INS_CBW, inputs_of_sign},
    {X86_INS_CWDE, inputs_of_sign},
    {X86_INS_CDQE, inputs_of_sign},
    {X86_INS_CWD, inputs_of_sign},
    {X86_INS_CDQ, inputs_of_sign},
    {X86_INS_CQO, inputs_of_sign},
    {X86_INS_BSWAP, inputs_of_swap},
    {X86_INS_MOVBE, inputs_of_swap},
};

static bool by_table(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in)
{
    const unsigned id = o->insn->id;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].id == id) {
            table[i].fn(o, m, t, in);
            return true;
        }
    if (id >= X86_INS_CMOVA && id <= X86_INS_CMOVS) {
        inputs_of_cmov(o, m, t, in);
        return true;
    }
    const cs_x86 *x = &o->insn->detail->x86;
    if (id == X86_INS_MOVSD && x->op_count == 2 && x->operands[0].type == X86_OP_MEM &&
        x->operands[1].type == X86_OP_MEM) { /* the string instruction, not that of vector registers */
        inputs_of_string(o, m, t, in);
        return true;
    }
    if (id == X86_INS_IN)
        inputs_of_in(o, m, in);
    else if (copies(id))
        inputs_of_move(o, m, t, in);
    return id == X86_INS_IN || copies(id);
}

static void inputs_of_jump(struct origin *o, const struct moment *m, const struct target *t,
                           struct inputs *in)
{
    const cs_x86 *x = &o->insn->detail->x86;
    if (x->op_count == 1 && x->operands[0].type != X86_OP_IMM)
        copy_from_operand(o, m, in, 0, t->low, x->operands[0].size);
    else
        inputs_end(in, ORIGIN_CONSTANT, "target of the jump");
}

void inputs_of(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in)
{
    *in = (struct inputs){.follows = -1, .length = t->n};
    uint64_t at = 0;
    unsigned n = 8;
    if (m->delivered) {
        inputs_of_delivery(o, m, t, in);
        return;
    }
    if (!m->insn) {
        inputs_end(in, ORIGIN_LOST, "its instruction cannot be disassembled");
        return;
    }
    if (by_table(o, m, t, in) || inputs_of_processor(o, m, t, in) || inputs_of_vector(o, m, t, in) ||
        inputs_of_saving(o, m, t, in))
        return;
    if (is_reg(t, o->rip)) {
        inputs_of_jump(o, m, t, in);
        return;
    }
    const int op = written_operand(o, m, t, &at, &n);
    const long k = op >= 0 ? inputs_cut(in, t, at, n) : 0;
    const unsigned from = k > 0 ? (unsigned)k : 0;
    if (inputs_constant(o, in, from))
        return;
    inputs_of_computation(o, m, in, from);
}
