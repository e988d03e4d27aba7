/* waiting.c - see private/waiting.h. */
#include <string.h>

#include "core/insn/insn.h"
#include "core/run/private/waiting.h"

enum { FLAGS = 16, RSP = 4, FLAGS_MASK = 0xcd5 };

/* ---------------------------------------------------------------- registers */

/* General registers by the order of their encoding: 64, 32, 16 bits, low and high bytes. */
static const uint16_t names[FLAGS][5] = {
    {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
    {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
    {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
    {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
    {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, 0},
    {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, 0},
    {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0},
    {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0},
    {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0},
    {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0},
    {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, 0},
    {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, 0},
    {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, 0},
    {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, 0},
    {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, 0},
    {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, 0},
};

/* The register that `reg` is a part of, as a bit; *whole: a write to it leaves nothing of the old value that code of so
 * many bits uses. 0: a register that loops as these do not have (segment registers, RIP are read only). */
static uint32_t register_bit(unsigned reg, unsigned bits, bool *whole)
{
    *whole = false;
    if (reg == X86_REG_EFLAGS)
        return 1u << FLAGS;
    for (unsigned i = 0; i < FLAGS; i++)
        for (unsigned k = 0; k < 5; k++)
            if (names[i][k] == reg && reg) {
                *whole = k <= 1 || (k == 2 && bits == 16);
                return 1u << i;
            }
    return 0;
}

static void take_registers(const struct engine *e, uint64_t value[WAITING_REGISTERS])
{
    static const char *const wide[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",   "r8",
                                       "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "eflags"};
    for (unsigned i = 0; i < WAITING_REGISTERS; i++)
        value[i] = engine_reg_value(e, 0, engine_reg_index(e, wide[i]));
    value[FLAGS] &= FLAGS_MASK; /* the arithmetic flags and DF */
}

/* ---------------------------------------------------------------- instructions */

/* Instructions that set all arithmetic flags, so that the old ones no longer matter. */
static const unsigned sets_flags[] = {X86_INS_ADD, X86_INS_SUB, X86_INS_CMP, X86_INS_TEST,
                                      X86_INS_AND, X86_INS_OR,  X86_INS_XOR, X86_INS_NEG};
/* Others that have no effect but on registers, flags and what PUSH and CALL put on the stack. */
static const unsigned ordinary[] = {
    X86_INS_ADC,     X86_INS_SBB,    X86_INS_INC,    X86_INS_DEC,    X86_INS_NOT,   X86_INS_MOV,
    X86_INS_MOVABS,  X86_INS_MOVZX,  X86_INS_MOVSX,  X86_INS_MOVSXD, X86_INS_LEA,   X86_INS_SHL,
    X86_INS_SHR,     X86_INS_SAR,    X86_INS_SAL,    X86_INS_ROL,    X86_INS_ROR,   X86_INS_SHLD,
    X86_INS_SHRD,    X86_INS_IMUL,   X86_INS_MUL,    X86_INS_DIV,    X86_INS_IDIV,  X86_INS_BSWAP,
    X86_INS_CBW,     X86_INS_CWDE,   X86_INS_CDQE,   X86_INS_CWD,    X86_INS_CDQ,   X86_INS_CQO,
    X86_INS_XCHG,    X86_INS_BT,     X86_INS_NOP,    X86_INS_PAUSE,  X86_INS_CLI,   X86_INS_STI,
    X86_INS_CLC,     X86_INS_STC,    X86_INS_CMC,    X86_INS_CLD,    X86_INS_RDTSC, X86_INS_RDTSCP,
    X86_INS_LFENCE,  X86_INS_MFENCE, X86_INS_SFENCE, X86_INS_PUSH,   X86_INS_POP,   X86_INS_CALL,
    X86_INS_RET,     X86_INS_LEAVE,  X86_INS_LAHF,   X86_INS_LOOP,   X86_INS_LOOPE, X86_INS_LOOPNE,
    X86_INS_PUSHF,   X86_INS_PUSHFD, X86_INS_PUSHFQ, X86_INS_POPF,   X86_INS_POPFD, X86_INS_POPFQ,
    X86_INS_ENDBR64, X86_INS_ENDBR32};

static bool is_one_of(unsigned id, const unsigned *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == id)
            return true;
    return false;
}
#define IS_ONE_OF(id, list) is_one_of(id, list, sizeof(list) / sizeof *(list))

static bool in_group(const cs_insn *in, unsigned group)
{
    for (unsigned i = 0; i < in->detail->groups_count; i++)
        if (in->detail->groups[i] == group)
            return true;
    return false;
}

/* CMOVcc and SETcc, by their names: there are 32 of them. */
static bool is_conditional(const cs_insn *in)
{
    return !strncmp(in->mnemonic, "cmov", 4) || !strncmp(in->mnemonic, "set", 3);
}

static bool is_known(const cs_insn *in)
{
    const bool near = in->id != X86_INS_LJMP && in->id != X86_INS_LCALL;
    return near && (in_group(in, CS_GRP_JUMP) || IS_ONE_OF(in->id, ordinary) ||
                    IS_ONE_OF(in->id, sets_flags) || is_conditional(in));
}

/* Whether it writes only general registers: no memory through an operand, no segment, control or debug register. */
static bool writes_registers(const cs_insn *in)
{
    for (unsigned i = 0; i < in->detail->x86.op_count; i++) {
        const cs_x86_op *op = &in->detail->x86.operands[i];
        bool whole;
        if (op->type == X86_OP_MEM && op->access & CS_AC_WRITE && in->id != X86_INS_CMP &&
            in->id != X86_INS_TEST)
            return false;
        if (op->type == X86_OP_REG && op->access & CS_AC_WRITE && !register_bit(op->reg, 64, &whole))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- the path */

/* Adds an instruction to the path: what it reads and writes. False if a loop that only waits does not have it. */
static bool follow(struct waiting *w, const struct insn_decoder *d, const cs_insn *in, unsigned bits)
{
    struct insn_registers r;
    bool whole;
    if (!is_known(in) || !writes_registers(in) || !insn_registers(d, in, &r))
        return false;
    for (unsigned i = 0; i < r.nread; i++)
        w->read |= register_bit(r.read[i], bits, &whole) & ~w->written;
    for (unsigned i = 0; i < r.nwritten; i++) {
        const uint32_t bit = register_bit(r.written[i], bits, &whole);
        whole |= bit == 1u << FLAGS && IS_ONE_OF(in->id, sets_flags);
        if (!whole)
            w->read |= bit & ~w->written; /* a part of the old value stays */
        else
            w->written |= bit;
    }
    return true;
}

static void begin_here(struct waiting *w, const struct engine *e, uint64_t address)
{
    w->head = address;
    w->steps = 0;
    w->read = 1u << RSP;
    w->written = 0;
    take_registers(e, w->before);
}

void waiting_begin(struct waiting *w, uint64_t icount)
{
    *w = (struct waiting){.looks = true, .at = icount};
}

/* The loop is closed: whether it is where it was. */
static bool is_same(const struct waiting *w, const struct engine *e)
{
    uint64_t now[WAITING_REGISTERS];
    take_registers(e, now);
    for (unsigned i = 0; i < WAITING_REGISTERS; i++)
        if (w->read >> i & 1 && now[i] != w->before[i])
            return false;
    return true;
}

/* Takes the next instruction. */
static enum waits take(struct waiting *w, const struct engine *e, uint64_t address)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    const unsigned bits = e->ops->code_bits(e, 0);
    const size_t n = e->ops->peek(e, 0, address, bytes, sizeof bytes);
    enum waits answer = WAITS_NOT;
    struct insn_decoder d = {0};
    const cs_insn *in = insn_disassemble(&d, bits, address, bytes, n);
    if (in && (in->id == X86_INS_RDTSC || in->id == X86_INS_RDTSCP) && !w->clock) {
        w->clock = true;
        begin_here(w, e, address);
    }
    if (in && follow(w, &d, in, bits))
        answer = WAITS_MORE;
    insn_close(&d);
    return answer;
}

enum waits waiting_look(struct waiting *w, const struct engine *e, uint64_t address)
{
    enum waits answer;
    if (!w->begun)
        begin_here(w, e, address);
    w->begun = true;
    if (e->ops->cpus(e) != 1 || w->steps > WAITING_STEPS)
        answer = WAITS_NOT;
    else if (w->steps && address == w->head && is_same(w, e))
        answer = WAITS_YES;
    else
        answer = take(w, e, address);
    w->steps++;
    w->at = e->ops->icount(e) + 1;
    w->looks = answer == WAITS_MORE;
    return answer;
}
