/* decoded.c - the operands of an instruction, and where in memory they are. */
#include "core/views/decoded.h"

bool decoded_next(struct timeline *tl, unsigned cpu, struct decoded *d)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    const uint64_t pc = timeline_pc(tl, cpu);
    const size_t n = timeline_peek(tl, cpu, pc, bytes, sizeof bytes);
    d->insn = insn_disassemble(&d->decoder, timeline_code_bits(tl, cpu), pc, bytes, n);
    return d->insn;
}

bool decoded_open(struct timeline *tl, unsigned cpu, struct decoded *d)
{
    *d = (struct decoded){0};
    if (decoded_next(tl, cpu, d))
        return true;
    insn_close(&d->decoder);
    return false;
}

void decoded_close(struct decoded *d)
{
    insn_close(&d->decoder);
}

unsigned decoded_access(const struct decoded *d, unsigned k)
{
    return insn_access(d->insn, k);
}

uint64_t decoded_register(struct timeline *tl, const struct decoded *d, unsigned cpu, unsigned reg)
{
    static const char *const names[][2] = {
        {"eax", "rax"},  {"ecx", "rcx"},  {"edx", "rdx"},  {"ebx", "rbx"},  {"esp", "rsp"},  {"ebp", "rbp"},
        {"esi", "rsi"},  {"edi", "rdi"},  {"ax", "rax"},   {"cx", "rcx"},   {"dx", "rdx"},   {"bx", "rbx"},
        {"sp", "rsp"},   {"bp", "rbp"},   {"si", "rsi"},   {"di", "rdi"},   {"r8d", "r8"},   {"r9d", "r9"},
        {"r10d", "r10"}, {"r11d", "r11"}, {"r12d", "r12"}, {"r13d", "r13"}, {"r14d", "r14"}, {"r15d", "r15"},
    };
    const char *name = reg ? insn_register_name(&d->decoder, reg) : NULL;
    if (!name)
        return 0;
    if (reg == X86_REG_RIP || reg == X86_REG_EIP)
        return d->insn->address + d->insn->size;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i][0])) {
            const uint64_t whole = timeline_reg(tl, cpu, names[i][1]);
            return strlen(name) == 2 ? (uint16_t)whole : (uint32_t)whole;
        }
    return timeline_reg(tl, cpu, name);
}

uint64_t decoded_offset(struct timeline *tl, const struct decoded *d, unsigned cpu, const x86_op_mem *m)
{
    const uint64_t at = decoded_register(tl, d, cpu, m->base) +
                        decoded_register(tl, d, cpu, m->index) * (uint64_t)m->scale + (uint64_t)m->disp;
    switch (d->insn->detail->x86.addr_size) {
    case 2:
        return (uint16_t)at;
    case 4:
        return (uint32_t)at;
    default:
        return at;
    }
}

const char *decoded_segment(const struct decoded *d, const x86_op_mem *m)
{
    static const struct {
        unsigned reg;
        const char *name;
    } segments[] = {{X86_REG_FS, "fs"}, {X86_REG_GS, "gs"}, {X86_REG_CS, "cs"},
                    {X86_REG_ES, "es"}, {X86_REG_SS, "ss"}, {X86_REG_DS, "ds"}};
    for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++)
        if (m->segment == segments[i].reg)
            return segments[i].name;
    switch (m->base) {
    case X86_REG_RSP:
    case X86_REG_RBP:
    case X86_REG_ESP:
    case X86_REG_EBP:
    case X86_REG_BP:
        return "ss";
    default:
        return "ds";
    }
}

uint64_t decoded_address(struct timeline *tl, const struct decoded *d, unsigned cpu, const x86_op_mem *m)
{
    const bool wide = timeline_code_bits(tl, cpu) == 64;
    const char *segment = decoded_segment(d, m);
    char base[12];
    snprintf(base, sizeof base, "%s_base", segment);
    uint64_t at = decoded_offset(tl, d, cpu, m);
    if (!wide || *segment == 'f' || *segment == 'g')
        at += timeline_reg(tl, cpu, base);
    return wide ? at : (uint32_t)at;
}
