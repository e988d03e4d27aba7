/* moment.c - what one step did: the machine before and after it. */
#include <inttypes.h>
#include <string.h>

#include "core/origin/private/impl.h"

uint64_t moment_reg(const struct origin *o, const struct moment *m, int reg)
{
    uint64_t v = 0;
    if (reg >= 0 && (size_t)reg < o->nregs)
        memcpy(&v, m->before[reg], 8);
    return v;
}

uint64_t moment_gpr(const struct origin *o, const struct moment *m, unsigned n)
{
    return moment_reg(o, m, o->gpr[n]);
}

static void take_registers(struct origin *o, unsigned cpu, uint8_t to[REGS_MOST][16])
{
    for (size_t i = 0; i < o->nregs; i++) {
        memset(to[i], 0, 16);
        timeline_reg_get(o->tl, cpu, i, to[i]);
    }
}

/* ---------------------------------------------------------------- operands in memory */

static uint64_t part_value(const struct origin *o, const struct moment *m, unsigned reg)
{
    const struct reg_part p = decode_part(o, reg);
    uint64_t v = 0;
    if (p.reg >= 0)
        memcpy(&v, m->before[p.reg] + p.low, p.n < 8 ? p.n : 8);
    return v;
}

static uint64_t segment_base(const struct origin *o, const struct moment *m, const x86_op_mem *mem)
{
    static const struct {
        unsigned reg;
        const char *base;
    } bases[] = {{X86_REG_CS, "cs_base"}, {X86_REG_DS, "ds_base"}, {X86_REG_ES, "es_base"},
                 {X86_REG_FS, "fs_base"}, {X86_REG_GS, "gs_base"}, {X86_REG_SS, "ss_base"}};
    unsigned segment = mem->segment;
    const unsigned b = mem->base;
    if (segment == X86_REG_INVALID)
        segment =
            b == X86_REG_RBP || b == X86_REG_EBP || b == X86_REG_BP || b == X86_REG_RSP || b == X86_REG_ESP
                ? X86_REG_SS
                : X86_REG_DS;
    if (m->bits == 64 && segment != X86_REG_FS && segment != X86_REG_GS)
        return 0;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++)
        if (bases[i].reg == segment)
            return moment_reg(o, m, timeline_reg_index(o->tl, bases[i].base));
    return 0;
}

static uint64_t cut(uint64_t v, unsigned bytes)
{
    return bytes >= 8 ? v : v & ((1ull << 8 * bytes) - 1);
}

static uint64_t address_of(const struct origin *o, const struct moment *m, const cs_x86 *x, unsigned i)
{
    const x86_op_mem *mem = &x->operands[i].mem;
    const unsigned size = x->addr_size ? x->addr_size : m->bits / 8;
    uint64_t at = (uint64_t)mem->disp;
    if (mem->base == X86_REG_RIP || mem->base == X86_REG_EIP)
        at += m->ip + m->length;
    else if (mem->base)
        at += part_value(o, m, mem->base);
    if (mem->index && mem->index != X86_REG_RIZ && mem->index != X86_REG_EIZ)
        at += part_value(o, m, mem->index) * (unsigned)mem->scale;
    /* POP counts its operand's address from the stack pointer behind what it takes. */
    if (o->insn->id == X86_INS_POP && (mem->base == X86_REG_RSP || mem->base == X86_REG_ESP))
        at += x->operands[i].size;
    at = cut(at, size) + segment_base(o, m, mem);
    return m->bits == 64 ? at : (uint32_t)at;
}

static void take_operand(struct origin *o, struct moment *m, const cs_x86 *x, unsigned i)
{
    struct memory_operand *to = &m->mem[i];
    *to = (struct memory_operand){.linear = address_of(o, m, x, i), .n = x->operands[i].size};
    if (to->n > sizeof to->value)
        to->n = sizeof to->value;
    to->there = to->n && timeline_peek(o->tl, m->cpu, to->linear, to->value, to->n) == to->n;
}

/* ---------------------------------------------------------------- the step */

static int go(struct origin *o, uint64_t icount, struct error *err)
{
    struct timeline_stopped s;
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    return s.reason == TIMELINE_INTERRUPTED ? error_set(err, "interrupted at icount %" PRIu64, s.icount) : 0;
}

static void look_before(struct origin *o, struct moment *m)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    struct timeline_where w;
    timeline_where(o->tl, &w);
    m->time = w.time;
    m->bits = timeline_code_bits(o->tl, m->cpu);
    m->pc = timeline_pc(o->tl, m->cpu);
    m->sp = view_stack(timeline_look(o->tl), m->cpu);
    take_registers(o, m->cpu, m->before);
    m->ip = moment_reg(o, m, o->rip);
    memset(m->stack, 0, sizeof m->stack);
    timeline_peek(o->tl, m->cpu, m->sp, m->stack, sizeof m->stack);
    const size_t n = timeline_peek(o->tl, m->cpu, m->pc, bytes, sizeof bytes);
    m->insn = origin_decode(o, m->bits, bytes, n, m->ip);
    m->length = m->insn ? o->insn->size : 0;
    for (unsigned i = 0; m->insn && i < o->insn->detail->x86.op_count && i < 8; i++)
        if (o->insn->detail->x86.operands[i].type == X86_OP_MEM)
            take_operand(o, m, &o->insn->detail->x86, i);
}

/* A delivery leaves what it interrupted on the stack: the old address, or the one behind an instruction that asked for it. */
static bool is_frame(const struct origin *o, const struct moment *m)
{
    uint64_t slot[2] = {0};
    const unsigned n = m->bits == 64 || timeline_code_bits(o->tl, m->cpu) == 64 ? 8 : m->bits / 8;
    uint8_t top[16];
    if (timeline_peek(o->tl, m->cpu, m->sp_after, top, 2 * n) != 2 * n || m->sp_after == m->sp)
        return false;
    memcpy(&slot[0], top, n);
    memcpy(&slot[1], top + n, n);
    return slot[0] == cut(m->ip, n) || slot[1] == cut(m->ip, n);
}

static void look_after(struct origin *o, struct moment *m)
{
    const struct code_entry *e = code_at(o, m->cpu, m->pc);
    take_registers(o, m->cpu, m->after);
    m->next = timeline_pc(o->tl, m->cpu);
    m->sp_after = view_stack(timeline_look(o->tl), m->cpu);
    m->delivered = m->insn ? step_delivers(e, m->pc, m->next) : m->next != m->pc;
    if (m->insn && !m->delivered && m->next != m->pc + m->length && e->flows)
        m->delivered = is_frame(o, m) || insn_in_group(o->insn, CS_GRP_INT);
    /* code_at() has decoded something else, perhaps. */
    uint8_t bytes[INSTRUCTION_BYTES];
    memcpy(bytes, e->bytes, sizeof bytes);
    m->insn = m->insn && origin_decode(o, m->bits, bytes, e->nbytes, m->ip);
}

int moment_before(struct origin *o, const struct where *w, uint64_t icount, unsigned cpu, struct moment *m,
                  struct error *err)
{
    *m = (struct moment){.icount = icount, .cpu = cpu};
    if (go(o, icount, err))
        return -1;
    memset(o->code, 0, CODE_ENTRIES * sizeof *o->code);
    look_before(o, m);
    code_at(o, cpu, m->pc); /* as it is before the step */
    where_read(o, w, m->was);
    return 0;
}

int moment_after(struct origin *o, const struct where *w, struct moment *m, struct error *err)
{
    struct timeline_stopped s;
    if (timeline_step(o->tl, TIMELINE_FORWARD, 1, &s, err))
        return -1;
    look_after(o, m);
    where_read(o, w, m->is);
    return 0;
}
