/* decode.c - instructions by capstone, and the names of registers. */
#include <string.h>

#include "base/memory.h"
#include "core/origin/private/impl.h"

/* ---------------------------------------------------------------- registers */

static const char *const gprs[16][4] = {
    {"rax", "eax", "ax", "al"},      {"rcx", "ecx", "cx", "cl"},      {"rdx", "edx", "dx", "dl"},
    {"rbx", "ebx", "bx", "bl"},      {"rsp", "esp", "sp", "spl"},     {"rbp", "ebp", "bp", "bpl"},
    {"rsi", "esi", "si", "sil"},     {"rdi", "edi", "di", "dil"},     {"r8", "r8d", "r8w", "r8b"},
    {"r9", "r9d", "r9w", "r9b"},     {"r10", "r10d", "r10w", "r10b"}, {"r11", "r11d", "r11w", "r11b"},
    {"r12", "r12d", "r12w", "r12b"}, {"r13", "r13d", "r13w", "r13b"}, {"r14", "r14d", "r14w", "r14b"},
    {"r15", "r15d", "r15w", "r15b"}};
static const char *const high[4] = {"ah", "ch", "dh", "bh"};

struct reg_part decode_named(const struct origin *o, const char *name)
{
    static const uint8_t size[4] = {8, 4, 2, 1};
    const char *whole = name;
    char upper[16];
    for (unsigned i = 0; i < 16; i++)
        for (unsigned k = 0; k < 4; k++)
            if (!strcmp(name, gprs[i][k]))
                return (struct reg_part){o->gpr[i], 0, size[k]};
    for (unsigned i = 0; i < 4; i++)
        if (!strcmp(name, high[i]))
            return (struct reg_part){o->gpr[i], 1, 1};
    if (!strcmp(name, "rflags") || !strcmp(name, "flags"))
        whole = "eflags";
    if (!strcmp(name, "eip") || !strcmp(name, "ip"))
        whole = "rip";
    if (!strncmp(name, "ymm", 3) && !strchr(name, 'h')) { /* its lower half */
        snprintf(upper, sizeof upper, "x%.8s", name + 1);
        whole = upper;
    }
    for (size_t i = 0; i < o->nregs; i++)
        if (!strcmp(o->regs[i].name, whole) && o->regs[i].group != REG_FLOAT)
            return (struct reg_part){(int)i, 0, (uint8_t)((o->regs[i].bits + 7) / 8)};
    return (struct reg_part){-1, 0, 0};
}

static int index_of(const struct origin *o, const char *name)
{
    return decode_named(o, name).reg;
}

static void find_registers(struct origin *o)
{
    char name[16];
    o->regs = timeline_regs(o->tl, &o->nregs);
    if (o->nregs > REGS_MOST)
        o->nregs = REGS_MOST;
    for (unsigned i = 0; i < 16; i++) {
        o->gpr[i] = timeline_reg_index(o->tl, gprs[i][0]);
        snprintf(name, sizeof name, "xmm%u", i);
        o->xmm[i] = index_of(o, name);
        snprintf(name, sizeof name, "ymm%uh", i);
        o->ymmh[i] = index_of(o, name);
    }
    o->rip = index_of(o, "rip");
    o->eflags = index_of(o, "eflags");
    o->cr3 = index_of(o, "cr3");
    o->ss_base = index_of(o, "ss_base");
}

struct reg_part decode_part(const struct origin *o, unsigned reg)
{
    return reg < X86_REG_ENDING ? o->part[reg] : (struct reg_part){-1, 0, 0};
}

/* ---------------------------------------------------------------- capstone */

int decode_open(struct origin *o, struct error *err)
{
    static const uint8_t nop = 0x90;
    if (!insn_disassemble(&o->decoder, 64, 0, &nop, 1))
        return error_set(err, "the disassembler (capstone) cannot be opened");
    o->code = mem_zero(CODE_ENTRIES, sizeof *o->code);
    o->part = mem_zero(X86_REG_ENDING, sizeof *o->part);
    find_registers(o);
    for (unsigned i = 0; i < X86_REG_ENDING; i++) {
        const char *name = i ? insn_register_name(&o->decoder, i) : NULL;
        o->part[i] = name ? decode_named(o, name) : (struct reg_part){-1, 0, 0};
    }
    return 0;
}

void decode_close(struct origin *o)
{
    insn_close(&o->decoder);
    free(o->code);
    free(o->part);
}

bool origin_decode(struct origin *o, unsigned bits, const uint8_t *bytes, size_t n, uint64_t ip)
{
    const cs_insn *in = insn_disassemble(&o->decoder, bits, ip, bytes, n);
    if (in)
        o->insn = in;
    return in;
}

/* ---------------------------------------------------------------- what is written */

static void add_write(struct code_entry *e, struct reg_part p)
{
    if (p.reg >= 0 && e->nwrites < WRITES_MOST)
        e->write[e->nwrites++] = p;
}

/* A write of a 32-bit register clears the upper half in 64-bit code; one of an XMM register by VEX its upper half. */
static void add_reg(struct origin *o, struct code_entry *e, unsigned bits, unsigned reg, bool vex)
{
    struct reg_part p = decode_part(o, reg);
    if (p.reg < 0)
        return;
    if (p.n == 4 && bits == 64 && p.reg != o->eflags && o->regs[p.reg].bits == 64)
        p.n = 8;
    add_write(e, p);
    for (unsigned i = 0; i < 16; i++)
        if (p.reg == o->xmm[i] && o->ymmh[i] >= 0 && vex)
            add_write(e, (struct reg_part){o->ymmh[i], 0, 16});
}

/* What capstone's lists leave out. */
static const struct {
    unsigned id;
    const char *reg[6];
} more[] = {
    {X86_INS_SYSCALL, {"rcx", "r11", "eflags", "cs", "ss"}},
    {X86_INS_SYSRET, {"eflags", "cs", "ss"}},
    {X86_INS_SYSENTER, {"rsp", "eflags", "cs", "ss"}},
    {X86_INS_SYSEXIT, {"rsp", "cs", "ss"}},
    {X86_INS_SWAPGS, {"gs_base", "k_gs_base"}},
    {X86_INS_IRET, {"eflags", "cs"}},
    {X86_INS_IRETD, {"eflags", "cs"}},
    {X86_INS_IRETQ, {"rsp", "eflags", "cs", "ss"}},
    {X86_INS_CMPXCHG, {"rax"}},
    {X86_INS_ENTER, {"rsp", "rbp"}},
    {X86_INS_WRFSBASE, {"fs_base"}},
    {X86_INS_WRGSBASE, {"gs_base"}},
    {X86_INS_RETF, {"cs", "rsp"}},
    {X86_INS_LCALL, {"cs", "rsp"}},
    {X86_INS_RDMSR, {"rax", "rdx"}},
    {X86_INS_XGETBV, {"rax", "rdx"}},
    {X86_INS_RDTSCP, {"rax", "rdx", "rcx"}},
    {X86_INS_CPUID, {"rax", "rbx", "rcx", "rdx"}},
};

static bool is_vex(const cs_insn *i)
{
    return i->bytes[0] == 0xc4 || i->bytes[0] == 0xc5;
}

static void find_writes(struct origin *o, struct code_entry *e, unsigned bits)
{
    struct insn_registers r;
    const bool vex = is_vex(o->insn);
    if (insn_registers(&o->decoder, o->insn, &r))
        for (unsigned i = 0; i < r.nwritten; i++)
            add_reg(o, e, bits, r.written[i], vex);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        for (unsigned k = 0; more[i].id == o->insn->id && k < 6 && more[i].reg[k]; k++)
            add_write(e, decode_named(o, more[i].reg[k]));
    if (o->insn->id == X86_INS_XRSTOR || o->insn->id == X86_INS_FXRSTOR || o->insn->id == X86_INS_FXRSTOR64 ||
        o->insn->id == X86_INS_XRSTOR64)
        for (unsigned i = 0; i < 16; i++)
            if (o->xmm[i] >= 0 && e->nwrites < WRITES_MOST)
                add_write(e, (struct reg_part){o->xmm[i], 0, 16});
}

static bool can_flow(const struct origin *o, unsigned bits)
{
    static const unsigned others[] = {
        X86_INS_SYSCALL, X86_INS_SYSRET, X86_INS_SYSENTER, X86_INS_SYSEXIT, X86_INS_LJMP,   X86_INS_LCALL,
        X86_INS_RETF,    X86_INS_RSM,    X86_INS_LOOP,     X86_INS_LOOPE,   X86_INS_LOOPNE, X86_INS_JCXZ,
        X86_INS_JECXZ,   X86_INS_JRCXZ,  X86_INS_IRET,     X86_INS_IRETD,   X86_INS_IRETQ,  X86_INS_RETFQ};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (o->insn->id == others[i])
            return true;
    return insn_in_group(o->insn, CS_GRP_JUMP) || insn_in_group(o->insn, CS_GRP_CALL) ||
           insn_in_group(o->insn, CS_GRP_RET) || insn_in_group(o->insn, CS_GRP_INT) ||
           insn_in_group(o->insn, CS_GRP_IRET);
}

/* Which general register an operand is, as a bit; 0: none. */
static uint16_t general_bit(const struct origin *o, const cs_x86_op *op)
{
    const struct reg_part p = op->type == X86_OP_REG ? decode_part(o, op->reg) : (struct reg_part){.reg = -1};
    for (unsigned i = 0; i < 16 && p.reg >= 0; i++)
        if (o->gpr[i] == p.reg)
            return (uint16_t)(1u << i);
    return 0;
}

/* The general registers to which the instruction only adds a constant. */
static uint16_t adjusted_by(const struct origin *o, unsigned bits)
{
    static const struct {
        unsigned id;
        uint16_t registers;
    } implied[] = {{X86_INS_PUSH, 1 << RSP},
                   {X86_INS_PUSHF, 1 << RSP},
                   {X86_INS_PUSHFD, 1 << RSP},
                   {X86_INS_PUSHFQ, 1 << RSP},
                   {X86_INS_POPF, 1 << RSP},
                   {X86_INS_POPFD, 1 << RSP},
                   {X86_INS_POPFQ, 1 << RSP},
                   {X86_INS_CALL, 1 << RSP},
                   {X86_INS_RET, 1 << RSP},
                   {X86_INS_POP, 1 << RSP},
                   {X86_INS_MOVSB, 1 << RSI | 1 << RDI | 1 << RCX},
                   {X86_INS_MOVSW, 1 << RSI | 1 << RDI | 1 << RCX},
                   {X86_INS_MOVSD, 1 << RSI | 1 << RDI | 1 << RCX},
                   {X86_INS_MOVSQ, 1 << RSI | 1 << RDI | 1 << RCX},
                   {X86_INS_CMPSB, 1 << RSI | 1 << RDI | 1 << RCX},
                   {X86_INS_LODSB, 1 << RSI | 1 << RCX},
                   {X86_INS_LODSW, 1 << RSI | 1 << RCX},
                   {X86_INS_LODSD, 1 << RSI | 1 << RCX},
                   {X86_INS_LODSQ, 1 << RSI | 1 << RCX},
                   {X86_INS_STOSB, 1 << RDI | 1 << RCX},
                   {X86_INS_STOSW, 1 << RDI | 1 << RCX},
                   {X86_INS_STOSD, 1 << RDI | 1 << RCX},
                   {X86_INS_STOSQ, 1 << RDI | 1 << RCX},
                   {X86_INS_SCASB, 1 << RDI | 1 << RCX}};
    const cs_x86 *x = &o->insn->detail->x86;
    const cs_x86_op *op = x->operands;
    const unsigned id = o->insn->id;
    for (size_t i = 0; i < sizeof implied / sizeof implied[0]; i++)
        if (implied[i].id == id)
            return id == X86_INS_POP ? implied[i].registers & (uint16_t)~general_bit(o, op)
                                     : implied[i].registers;
    if (((id == X86_INS_ADD || id == X86_INS_SUB) && op[1].type == X86_OP_IMM) || id == X86_INS_INC ||
        id == X86_INS_DEC)
        return general_bit(o, op);
    const struct reg_part base =
        id == X86_INS_LEA && !op[1].mem.index ? decode_part(o, op[1].mem.base) : (struct reg_part){.reg = -1};
    return base.reg >= 0 && base.reg == decode_part(o, op[0].reg).reg && base.n * 8 == (int)bits
               ? general_bit(o, op)
               : 0;
}

const struct code_entry *code_at(struct origin *o, unsigned cpu, uint64_t pc)
{
    uint64_t tables = 0;
    if (o->cr3 >= 0)
        timeline_reg_get(o->tl, cpu, (size_t)o->cr3, &tables);
    struct code_entry *e = &o->code[(pc ^ pc >> 12 ^ tables >> 12) % CODE_ENTRIES];
    if (e->used && e->pc == pc && e->tables == tables)
        return e;
    *e = (struct code_entry){.pc = pc, .tables = tables, .used = true};
    e->nbytes = (uint8_t)timeline_peek(o->tl, cpu, pc, e->bytes, INSTRUCTION_BYTES);
    const unsigned bits = timeline_code_bits(o->tl, cpu);
    if (!origin_decode(o, bits, e->bytes, e->nbytes, pc))
        return e;
    e->length = (uint8_t)o->insn->size;
    e->flows = can_flow(o, bits);
    e->repeats = o->insn->detail->x86.prefix[0] == X86_PREFIX_REP ||
                 o->insn->detail->x86.prefix[0] == X86_PREFIX_REPNE;
    e->adjusts = adjusted_by(o, bits);
    find_writes(o, e, bits);
    return e;
}
