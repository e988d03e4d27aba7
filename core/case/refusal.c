/* refusal.c - what about an instruction its processor refuses.
 *
 * Sources: Intel SDM volume 1, 3.3.7.1 (canonical addresses); volume 3, 5.3 to 5.5 (limits and types of segments), 6.15 (#GP, #SS);
 * volume 1, 10.4.1 (alignment of SSE's operands).
 */
#include <inttypes.h>

#include "core/views/decoded.h"
#include "core/case/refusal.h"

enum { VECTOR_UD = 6, VECTOR_SS = 12, VECTOR_GP = 13, CR0_PE = 1, CR4_LA57 = 1 << 12, EFLAGS_VM = 1 << 17 };
enum { TYPE_CODE = 8, TYPE_DOWN = 4, TYPE_READ_WRITE = 2 };

static bool is_canonical(struct why_case *c, unsigned cpu, uint64_t address)
{
    const unsigned spare = timeline_reg(c->tl, cpu, "cr4") & CR4_LA57 ? 64 - 57 : 64 - 48;
    return (uint64_t)((int64_t)(address << spare) >> spare) == address;
}

static uint64_t segment_field(struct why_case *c, unsigned cpu, const char *segment, const char *field)
{
    char section[16], name[24];
    uint64_t value = 0;
    snprintf(section, sizeof section, "cpu%u", cpu);
    snprintf(name, sizeof name, "%s.%s", segment, field);
    timeline_field(c->tl, section, name, 0, &value);
    return value;
}

/* ---------------------------------------------------------------- where it goes */

/* The processor does not go to that address. Says why. */
static bool target_is_bad(struct why_case *c, unsigned cpu, const char *what, uint64_t target,
                          struct text *out)
{
    if (timeline_code_bits(c->tl, cpu) == 64) {
        if (is_canonical(c, cpu, target))
            return false;
        text_add(out, "%s 0x%" PRIx64 " is not canonical", what, target);
        return true;
    }
    const uint64_t limit = segment_field(c, cpu, "cs", "limit");
    if (target <= limit)
        return false;
    text_add(out, "%s 0x%" PRIx64 " is beyond the limit of CS, 0x%" PRIx64, what, target, limit);
    return true;
}

static unsigned operand_bytes(struct why_case *c, const struct decoded *d, unsigned cpu)
{
    const unsigned bits = timeline_code_bits(c->tl, cpu);
    const bool other = d->insn->detail->x86.prefix[2] == X86_PREFIX_OPSIZE;
    return bits == 64 ? 8 : (bits == 32) == other ? 2 : 4;
}

static bool return_is_bad(struct why_case *c, const struct decoded *d, unsigned cpu, uint64_t *target,
                          uint64_t *at, struct text *out)
{
    const unsigned n = operand_bytes(c, d, cpu);
    *at = view_stack(timeline_look(c->tl), cpu);
    *target = 0;
    return d->insn->id == X86_INS_RET && timeline_peek(c->tl, cpu, *at, target, n) == n &&
           target_is_bad(c, cpu, "the return address", *target, out);
}

static bool branch_is_bad(struct why_case *c, const struct decoded *d, unsigned cpu, struct text *out)
{
    const cs_x86_op *op = &d->insn->detail->x86.operands[0];
    uint64_t target = 0;
    if ((d->insn->id != X86_INS_CALL && d->insn->id != X86_INS_JMP) || d->insn->detail->x86.op_count != 1)
        return false;
    if (op->type == X86_OP_REG)
        target = decoded_register(c->tl, d, cpu, op->reg);
    else if (op->type != X86_OP_MEM || timeline_peek(c->tl, cpu, decoded_address(c->tl, d, cpu, &op->mem),
                                                     &target, op->size) != op->size)
        return false;
    return target_is_bad(c, cpu, "the target", target, out);
}

/* ---------------------------------------------------------------- memory operands */

static bool segment_refuses(struct why_case *c, unsigned cpu, const char *segment, uint64_t offset,
                            const cs_x86_op *op, bool writes, struct text *out)
{
    const uint64_t limit = segment_field(c, cpu, segment, "limit");
    const unsigned type = segment_field(c, cpu, segment, "attr") & 15;
    const bool checked =
        timeline_reg(c->tl, cpu, "cr0") & CR0_PE && !(timeline_reg(c->tl, cpu, "eflags") & EFLAGS_VM);
    const bool down = !(type & TYPE_CODE) && type & TYPE_DOWN;
    const uint64_t last = offset + (op->size ? op->size - 1 : 0);
    if (checked && segment_field(c, cpu, segment, "null"))
        text_add(out, "%s has a null selector", segment);
    else if (checked && writes && (type & TYPE_CODE || !(type & TYPE_READ_WRITE)))
        text_add(out, "%s:0x%" PRIx64 " is written, and the segment is not writable", segment, offset);
    else if (checked && type & TYPE_CODE && !(type & TYPE_READ_WRITE))
        text_add(out, "%s:0x%" PRIx64 " is read, and the segment can only be executed", segment, offset);
    else if (!down && last > limit)
        text_add(out, "%s:0x%" PRIx64 " is beyond the segment's limit, 0x%" PRIx64, segment, offset, limit);
    else if (down && offset <= limit)
        text_add(out, "%s:0x%" PRIx64 " is not above the limit of an expand-down segment, 0x%" PRIx64,
                 segment, offset, limit);
    else
        return false;
    return true;
}

/* Instructions without a VEX prefix want operands of 16 bytes aligned, except those that are made for others. */
static bool wants_alignment(const struct decoded *d, const cs_x86_op *op)
{
    static const unsigned any[] = {X86_INS_MOVUPS,    X86_INS_MOVUPD,    X86_INS_MOVDQU,
                                   X86_INS_LDDQU,     X86_INS_PCMPESTRI, X86_INS_PCMPESTRM,
                                   X86_INS_PCMPISTRI, X86_INS_PCMPISTRM};
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        if (d->insn->id == any[i])
            return false;
    return op->size == 16 && d->insn->mnemonic[0] != 'v';
}

static bool operand_is_bad(struct why_case *c, const struct decoded *d, unsigned cpu, const cs_x86_op *op,
                           struct text *out)
{
    if (op->type != X86_OP_MEM || !op->access || d->insn->id == X86_INS_LEA || d->insn->id == X86_INS_NOP)
        return false;
    const uint64_t at = decoded_address(c->tl, d, cpu, &op->mem);
    if (timeline_code_bits(c->tl, cpu) != 64) {
        if (segment_refuses(c, cpu, decoded_segment(d, &op->mem), decoded_offset(c->tl, d, cpu, &op->mem), op,
                            decoded_access(d, (unsigned)(op - d->insn->detail->x86.operands)) & CS_AC_WRITE,
                            out))
            return true;
    } else if (!is_canonical(c, cpu, at) || !is_canonical(c, cpu, at + (op->size ? op->size - 1 : 0))) {
        text_add(out, "the address 0x%" PRIx64 " is not canonical", at);
        return true;
    }
    if (!(at & 15) || !wants_alignment(d, op))
        return false;
    text_add(out, "the operand at 0x%" PRIx64 " is not aligned to 16 bytes", at);
    return true;
}

/* ---------------------------------------------------------------- registers of the system */

/* Why a control register does not take a value, if one of the rules on what goes together says so (SDM volume 2, MOV to control registers). */
static const char *control_rule(struct why_case *c, unsigned cpu, const char *name, uint64_t value)
{
    enum { PE = 1, LME = 1 << 8, PAE = 1 << 5, NW = 1 << 29, CD = 1 << 30, LA57 = 1 << 12, PCIDE = 1 << 17 };
    const uint64_t paging = 1u << 31, efer = timeline_reg(c->tl, cpu, "efer"),
                   cr0 = timeline_reg(c->tl, cpu, "cr0"), cr4 = timeline_reg(c->tl, cpu, "cr4");
    const bool long_mode = cr0 & paging && efer & LME;
    const struct {
        const char *name;
        bool broken;
        const char *rule;
    } rules[] = {
        {"cr0", value & paging && !(value & PE), "PG wants PE (protected mode)"},
        {"cr0", value & NW && !(value & CD), "NW wants CD"},
        {"cr0", value & paging && !(cr0 & paging) && efer & LME && !(cr4 & PAE),
         "PG with EFER.LME wants CR4.PAE, which is 0"},
        {"cr0", value & paging && !(cr0 & paging) && efer & LME && timeline_code_bits(c->tl, cpu) == 64,
         "PG with EFER.LME wants a CS without L"},
        {"cr4", long_mode && !(value & PAE), "PAE cannot be cleared in long mode"},
        {"cr4", long_mode && (value ^ cr4) & LA57, "LA57 cannot be changed in long mode"},
        {"cr4", value & PCIDE && !long_mode, "PCIDE wants long mode"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!strcmp(rules[i].name, name) && rules[i].broken)
            return rules[i].rule;
    return NULL;
}

static void control_is_bad(struct why_case *c, unsigned cpu, const char *name, uint64_t value,
                           struct text *out)
{
    const char *rule = control_rule(c, cpu, name, value);
    text_add(out, "%s does not take 0x%" PRIx64 "%s%s", name, value, rule ? ": " : "", rule ? rule : "");
}

static bool register_is_bad(struct why_case *c, const struct decoded *d, unsigned cpu, struct text *out)
{
    const uint64_t ecx = (uint32_t)timeline_reg(c->tl, cpu, "rcx"),
                   value = timeline_reg(c->tl, cpu, "rdx") << 32 | (uint32_t)timeline_reg(c->tl, cpu, "rax");
    const cs_x86_op *op = d->insn->detail->x86.operands;
    const char *name = op[0].type == X86_OP_REG ? insn_register_name(&d->decoder, op[0].reg) : NULL;
    if (timeline_reg(c->tl, cpu, "cpl") && insn_in_group(d->insn, X86_GRP_PRIVILEGE))
        text_add(out, "it needs ring 0");
    else if (d->insn->id == X86_INS_RDMSR)
        text_add(out, "the processor has no MSR 0x%" PRIx64, ecx);
    else if (d->insn->id == X86_INS_WRMSR)
        text_add(out, "the processor has no MSR 0x%" PRIx64 ", or it does not take 0x%" PRIx64, ecx, value);
    else if (name && name[0] == 'c' && name[1] == 'r' && op[1].type == X86_OP_REG)
        control_is_bad(c, cpu, name, decoded_register(c->tl, d, cpu, op[1].reg), out);
    else
        return false;
    return true;
}

static bool stack_is_bad(struct why_case *c, unsigned cpu, uint64_t vector, struct text *out)
{
    const uint64_t sp = timeline_reg(c->tl, cpu, "rsp");
    if (vector != VECTOR_SS || timeline_code_bits(c->tl, cpu) != 64 || is_canonical(c, cpu, sp))
        return false;
    text_add(out, "RSP 0x%" PRIx64 " is not canonical", sp);
    return true;
}

/* ---------------------------------------------------------------- the door */

/* #UD: an instruction that a control bit turns off (SDM volume 2, SYSCALL; volume 3, 2.5 and 13.1). */
static bool is_turned_off(struct why_case *c, const struct decoded *d, unsigned cpu, struct text *out)
{
    enum { SCE = 1, OSFXSR = 1 << 9, EM = 1 << 2 };
    const unsigned id = d->insn->id;
    const bool call = id == X86_INS_SYSCALL || id == X86_INS_SYSRET,
               sse = insn_in_group(d->insn, X86_GRP_SSE1) || insn_in_group(d->insn, X86_GRP_SSE2);
    if (call && !(timeline_reg(c->tl, cpu, "efer") & SCE))
        text_add(out, "%s is turned off: EFER.SCE is 0", d->insn->mnemonic);
    else if (sse && !(timeline_reg(c->tl, cpu, "cr4") & OSFXSR))
        text_add(out, "SSE is turned off: CR4.OSFXSR is 0");
    else if (sse && timeline_reg(c->tl, cpu, "cr0") & EM)
        text_add(out, "SSE is turned off: CR0.EM is 1");
    else
        return false;
    return true;
}

bool refusal_text(struct why_case *c, unsigned cpu, uint64_t vector, uint64_t error, struct text *out)
{
    struct decoded d;
    uint64_t target, at;
    if ((vector != VECTOR_GP && vector != VECTOR_SS && vector != VECTOR_UD) || error ||
        !decoded_open(c->tl, cpu, &d))
        return false;
    if (vector == VECTOR_UD) {
        const bool off = is_turned_off(c, &d, cpu, out);
        decoded_close(&d);
        return off;
    }
    const cs_x86 *x = &d.insn->detail->x86;
    bool told = stack_is_bad(c, cpu, vector, out) || return_is_bad(c, &d, cpu, &target, &at, out) ||
                branch_is_bad(c, &d, cpu, out) || register_is_bad(c, &d, cpu, out);
    for (unsigned i = 0; i < x->op_count && !told; i++)
        told = operand_is_bad(c, &d, cpu, &x->operands[i], out);
    decoded_close(&d);
    return told;
}

bool refused_return(struct why_case *c, unsigned cpu, uint64_t *target, uint64_t *at)
{
    struct decoded d;
    struct text ignored = {0};
    if (!decoded_open(c->tl, cpu, &d))
        return false;
    const bool bad = return_is_bad(c, &d, cpu, target, at, &ignored);
    decoded_close(&d);
    free(ignored.s);
    return bad;
}
